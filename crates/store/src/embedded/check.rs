use std::fmt;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::watch;

use super::failure::Failure;
use super::place::Place;
use crate::StoreError;

/// What is read before the whole file is checked: few rows, and no seals of their own.
const SMALL_TABLES: [&str; 8] =
    ["sqlite_schema", "store", "boot", "series", "plan", "site", "bus", "meter"];

/// Checks every page of the file.
pub(super) fn whole(connection: &Connection) -> Result<(), Failure> {
    judge(connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?)
}

/// Checks what does not grow with the journal.
pub(super) fn small_tables(connection: &Connection) -> Result<(), Failure> {
    for table in SMALL_TABLES {
        let sql = format!("PRAGMA quick_check({table})");
        judge(connection.query_row(&sql, [], |row| row.get(0))?)?;
    }
    Ok(())
}

fn judge(verdict: String) -> Result<(), Failure> {
    if verdict == "ok" { Ok(()) } else { Err(Failure::Damaged(verdict)) }
}

/// The check of the whole file, which runs beside the first work of a start.
pub(super) struct Check {
    verdict: watch::Sender<Verdict>,
    running: Mutex<Option<InterruptHandle>>,
}

#[derive(Debug, Clone)]
enum Verdict {
    Awaited,
    Sound,
    Damaged(String),
    /// The check itself failed.
    Unknown(String),
    /// The store was closed before the check came to its end.
    GivenUp,
}

impl Check {
    /// A check that has to be run.
    pub(super) fn awaited() -> Self {
        Self { verdict: watch::Sender::new(Verdict::Awaited), running: Mutex::new(None) }
    }

    /// Nothing to check.
    pub(super) fn spared() -> Self {
        Self { verdict: watch::Sender::new(Verdict::Sound), running: Mutex::new(None) }
    }

    /// Runs it, unless it is spared or given up. Takes as long as it takes to read the file.
    pub(super) fn run(&self, place: &Place) {
        if !matches!(*self.verdict.borrow(), Verdict::Awaited) {
            return;
        }
        let checked = place.reader().and_then(|connection| {
            connection.as_ref().map_or(Ok(()), |connection| {
                *self.running() = Some(connection.get_interrupt_handle());
                whole(connection)
            })
        });
        let verdict = match checked.map_err(|failure| failure.at(place, DOING)) {
            Ok(()) => Verdict::Sound,
            Err(StoreError::Damaged { what, .. }) => Verdict::Damaged(what),
            Err(other) => Verdict::Unknown(other.to_string()),
        };
        self.say(verdict);
    }

    /// Ends it early; whoever waits for it is told that the store is closed.
    pub(super) fn give_up(&self) {
        self.say(Verdict::GivenUp);
        if let Some(running) = &*self.running() {
            running.interrupt();
        }
    }

    /// Waits for the verdict.
    pub(super) async fn ended(&self, place: &Place) -> Result<(), StoreError> {
        let mut verdict = self.verdict.subscribe();
        let said = verdict.wait_for(|verdict| !matches!(verdict, Verdict::Awaited)).await;
        match said.as_deref() {
            Ok(Verdict::Sound) => Ok(()),
            Ok(Verdict::Damaged(what)) => {
                Err(StoreError::Damaged { place: place.to_string(), what: what.clone() })
            }
            Ok(Verdict::Unknown(why)) => Err(StoreError::Failed {
                doing: DOING,
                place: place.to_string(),
                source: why.clone().into(),
            }),
            Ok(Verdict::GivenUp | Verdict::Awaited) | Err(_) => Err(StoreError::Closed),
        }
    }

    /// The first verdict stands.
    fn say(&self, verdict: Verdict) {
        self.verdict.send_if_modified(|said| {
            let first = matches!(said, Verdict::Awaited);
            if first {
                *said = verdict;
            }
            first
        });
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<InterruptHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("verdict", &*self.verdict.borrow()).finish_non_exhaustive()
    }
}

const DOING: &str = "check the store";
