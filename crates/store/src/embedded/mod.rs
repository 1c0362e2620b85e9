//! SQLite: one file in a folder, nothing to install.

mod append;
mod boot;
mod check;
mod failure;
mod fetch;
mod place;
mod plans;
mod row;
mod schema;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Batch, Key, PlanNumber, Quantity, SiteRecord};
use jiff::Timestamp;
use rusqlite::Connection;

use crate::watch::Teller;
use crate::{
    Appended, Applied, Conflict, Correction, Filter, Id, Kept, KeptGap, Revision, StoreError,
    Watcher,
};
use append::Series;
use boot::{Boot, begin, gateway};
use check::Check;
use failure::Failure;
use place::Place;

/// A handle on the engine. All its work goes through the runtime's blocking pool.
#[derive(Debug, Clone)]
pub(crate) struct Embedded(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    place: Place,
    gateway: Id,
    /// Of the whole file. Its verdict comes before anything of the journal is told or written.
    check: Arc<Check>,
    writer: Mutex<Writer>,
    /// Apart from the writer, so that a long answer never delays a sweep.
    /// Where both hands are needed, the writer's is taken first.
    reader: Mutex<State>,
    /// Taken only by who holds the writer.
    series: Mutex<Series>,
    teller: Teller,
}

/// The one hand that writes.
#[derive(Debug)]
struct Writer {
    state: State,
    /// This start, from the first write on.
    boot: Option<Boot>,
    /// Held as long as the folder is ours.
    lock: Option<File>,
}

#[derive(Debug)]
enum State {
    Open(Connection),
    /// Something failed: the connection is gone, and the next work opens another.
    Broken,
    ReadOnly,
    Closed,
}

impl Embedded {
    pub(crate) async fn open(folder: &Path) -> Result<Self, StoreError> {
        let folder = folder.to_owned();
        let store = blocking(move || {
            let (place, lock) = Place::take(&folder)?;
            Shared::start(place, Some(lock))
        })
        .await?;
        let (check, place) = (Arc::clone(&store.0.check), store.0.place.clone());
        drop(tokio::task::spawn_blocking(move || check.run(&place)));
        Ok(store)
    }

    pub(crate) async fn in_memory() -> Result<Self, StoreError> {
        blocking(|| Shared::start(Place::Memory, None)).await
    }

    pub(crate) async fn open_read_only(folder: &Path) -> Result<Self, StoreError> {
        let folder = folder.to_owned();
        blocking(move || Shared::look_at(Place::Folder(folder))).await
    }

    pub(crate) fn gateway(&self) -> Id {
        self.0.gateway
    }

    pub(crate) async fn checked(&self) -> Result<(), StoreError> {
        self.0.check.ended(&self.0.place).await
    }

    pub(crate) fn watch(&self) -> Watcher {
        self.0.teller.watch()
    }

    pub(crate) async fn close(self) -> Result<(), StoreError> {
        blocking(move || self.0.close()).await
    }

    pub(crate) async fn append(
        &self,
        batches: Vec<Batch>,
        received_at: Timestamp,
    ) -> Result<Appended, StoreError> {
        let told = self.0.clone();
        self.write("keep readings", move |connection, boot| {
            let mut known = held(&told.series);
            let (appended, new) =
                append::append(connection, boot, &mut known, batches, received_at)?;
            // Durable first, told afterwards; under the lock, so that the order is the journal's.
            told.teller.tell(new);
            Ok(appended)
        })
        .await
    }

    pub(crate) async fn correct(
        &self,
        correction: Correction,
        received_at: Timestamp,
    ) -> Result<Kept, StoreError> {
        let told = self.0.clone();
        self.write("keep a correction", move |connection, boot| {
            let (kept, new) = append::correct(connection, boot, &correction, received_at)?;
            told.teller.tell(new);
            Ok(kept)
        })
        .await
    }

    pub(crate) async fn latest(&self) -> Result<Vec<Kept>, StoreError> {
        self.read("read the latest readings", fetch::latest).await
    }

    pub(crate) async fn between(&self, filter: Filter) -> Result<Vec<Kept>, StoreError> {
        self.read("read readings", move |connection| fetch::between(connection, &filter)).await
    }

    pub(crate) async fn gaps(&self, filter: Filter) -> Result<Vec<KeptGap>, StoreError> {
        self.read("read gaps", move |connection| fetch::gaps(connection, &filter)).await
    }

    pub(crate) async fn conflicts(&self, filter: Filter) -> Result<Vec<Conflict>, StoreError> {
        self.read("read conflicts", move |connection| fetch::conflicts(connection, &filter)).await
    }

    pub(crate) async fn revisions(
        &self,
        meter: Key,
        quantity: Quantity,
        at: Timestamp,
    ) -> Result<Vec<Revision>, StoreError> {
        self.read("read revisions", move |connection| {
            fetch::revisions(connection, &meter, quantity, at)
        })
        .await
    }

    pub(crate) async fn after(&self, sequence: u64, limit: usize) -> Result<Vec<Kept>, StoreError> {
        self.read("read the journal", move |connection| fetch::after(connection, sequence, limit))
            .await
    }

    pub(crate) async fn apply(
        &self,
        record: SiteRecord,
        document: String,
        at: Timestamp,
    ) -> Result<Applied, StoreError> {
        const DOING: &str = "apply a site";
        let (shared, known, text) = (self.0.clone(), record.clone(), document.clone());
        let in_force = blocking(move || {
            shared.expect_writable()?;
            shared.read(DOING, |connection| plans::in_force(connection, &known, &text))
        });
        // A start finds what it applies in force, mostly: that waits for nothing.
        if let Some(applied) = in_force.await? {
            return Ok(applied);
        }
        self.write(DOING, move |connection, _| plans::apply(connection, &record, &document, at))
            .await
    }

    pub(crate) async fn current(&self) -> Result<Option<(PlanNumber, SiteRecord)>, StoreError> {
        self.look("read the registry", plans::current).await
    }

    pub(crate) async fn plan_document(
        &self,
        number: PlanNumber,
    ) -> Result<Option<String>, StoreError> {
        self.look("read a plan", move |connection| plans::plan_document(connection, number)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Connection, Boot) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.checked().await?;
        let shared = self.0.clone();
        blocking(move || shared.write(doing, work)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.checked().await?;
        self.look(doing, work).await
    }

    /// Reads what was checked when the store was opened: the small tables.
    async fn look<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.0.clone();
        blocking(move || shared.read(doing, work)).await
    }
}

impl Shared {
    fn start(place: Place, lock: Option<File>) -> Result<Embedded, StoreError> {
        let open = || -> Result<(Connection, Option<Connection>, Id), Failure> {
            if let Some(connection) = place.reader()? {
                schema::expect_ours(&connection, &place)?;
            }
            let mut connection = place.writer()?;
            match schema::expect_newest(&connection, &place) {
                Ok(()) => check::small_tables(&connection)?,
                // It is about to be changed: not before all of it was looked at.
                Err(_) => check::whole(&connection)?,
            }
            schema::bring_forward(&mut connection, &place, schema::STEPS)?;
            let gateway = begin(&mut connection, &place)?;
            Ok((connection, place.reader()?, gateway))
        };
        let (connection, reader, gateway) =
            open().map_err(|failure| failure.at(&place, "open the store"))?;
        let writer = Writer { state: State::Open(connection), boot: None, lock };
        let check = if place.file().is_some() { Check::awaited() } else { Check::spared() };
        Ok(Self::with(place, gateway, check, (writer, reader)))
    }

    fn look_at(place: Place) -> Result<Embedded, StoreError> {
        let Place::Folder(folder) = &place else { return Err(StoreError::ReadOnly) };
        if !place.file().is_some_and(|file| file.is_file()) {
            return Err(StoreError::Missing { folder: folder.clone() });
        }
        let open = || -> Result<(Option<Connection>, Id), Failure> {
            let reader = place.reader()?;
            let gateway = match &reader {
                Some(connection) => {
                    schema::expect_newest(connection, &place)?;
                    gateway(connection)?
                }
                None => None,
            };
            let missing = || StoreError::Missing { folder: folder.clone() };
            Ok((reader, gateway.ok_or_else(missing)?))
        };
        let (reader, gateway) =
            open().map_err(|failure| failure.at(&place, "open the store for reading"))?;
        let writer = Writer { state: State::ReadOnly, boot: None, lock: None };
        Ok(Self::with(place, gateway, Check::spared(), (writer, reader)))
    }

    fn with(
        place: Place,
        gateway: Id,
        check: Check,
        (writer, reader): (Writer, Option<Connection>),
    ) -> Embedded {
        let reader = reader.map_or(State::Broken, State::Open);
        Embedded(Arc::new(Self {
            place,
            gateway,
            check: Arc::new(check),
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
            series: Mutex::default(),
            teller: Teller::new(),
        }))
    }

    fn write<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Connection, Boot) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut writer = held(&self.writer);
        let Writer { state, boot, .. } = &mut *writer;
        let connection = self.connection(state, doing)?;
        let begun = boot.map_or_else(|| boot::start(connection, &self.place), Ok);
        let done = begun.and_then(|begun| work(connection, *boot.insert(begun)));
        done.map_err(|failure| {
            if matches!(failure, Failure::Engine(_)) && self.place.file().is_some() {
                // After a failed write or sync nobody knows what the disk has. Both connections
                // go, the file is read anew, and the caller tells it again.
                *state = State::Broken;
                *held(&self.reader) = State::Broken;
            }
            failure.at(&self.place, doing)
        })
    }

    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        if self.place.file().is_none() {
            return self.write(doing, |connection, _| work(connection));
        }
        let mut reader = held(&self.reader);
        if matches!(*reader, State::Broken) {
            let again = self.place.reader().map_err(|failure| failure.at(&self.place, doing))?;
            *reader = again.map_or(State::Broken, State::Open);
        }
        let State::Open(connection) = &*reader else { return Err(StoreError::Closed) };
        work(connection).map_err(|failure| {
            if matches!(failure, Failure::Engine(_)) {
                *reader = State::Broken;
            }
            failure.at(&self.place, doing)
        })
    }

    fn expect_writable(&self) -> Result<(), StoreError> {
        match held(&self.writer).state {
            State::ReadOnly => Err(StoreError::ReadOnly),
            State::Open(_) | State::Broken | State::Closed => Ok(()),
        }
    }

    fn connection<'w>(
        &self,
        state: &'w mut State,
        doing: &'static str,
    ) -> Result<&'w mut Connection, StoreError> {
        if matches!(state, State::Broken) {
            let connection = self.place.writer().map_err(|f| f.at(&self.place, doing))?;
            *state = State::Open(connection);
        }
        match state {
            State::Open(connection) => Ok(connection),
            State::ReadOnly => Err(StoreError::ReadOnly),
            State::Broken | State::Closed => Err(StoreError::Closed),
        }
    }

    fn close(&self) -> Result<(), StoreError> {
        self.check.give_up();
        let mut writer = held(&self.writer);
        *held(&self.reader) = State::Closed;
        self.teller.close();
        let state = std::mem::replace(&mut writer.state, State::Closed);
        let outcome = match state {
            State::Open(connection) => self.place.leave(connection),
            State::Broken | State::ReadOnly | State::Closed => Ok(()),
        };
        writer.lock = None; // last of all: from here on the folder may be another's
        outcome.map_err(|failure| failure.at(&self.place, "close the store"))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.check.give_up();
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock rolled its transaction back, so what is held is sound.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs work on the blocking pool: paused time stands still meanwhile.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(_) => Err(StoreError::Closed),
    }
}
