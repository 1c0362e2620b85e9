//! A meter as its bus sees it: what it hears, and what it remembers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use wire::Line;

use crate::delay::Delay;
use crate::fault::{Fault, Kind};
use crate::image::Image;
use crate::ledger::Sums;

/// A meter as its bus sees it.
#[derive(Debug)]
pub(crate) struct Served {
    pub address: u8,
    pub line: Line,
    /// Its place in the ledger.
    pub place: usize,
    /// Makes its chances differ from those of others.
    pub salt: u64,
    pub image: Image,
    /// Rest between question and answer.
    pub delay: Delay,
    pub faults: Vec<Fault<Kind>>,
    pub memory: Mutex<Memory>,
}

/// What a meter remembers from one question to the next.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    questions: u64,
    /// Which of its faults have made it silent for good.
    dead: Vec<usize>,
    /// Where its indexes stand still.
    frozen: Option<Sums>,
    /// When its last answer ended.
    said_until: Option<Instant>,
}

const FAULT: u64 = 31;

impl Served {
    /// Hears one more question; returns its number and what strikes it.
    pub(crate) fn hear(&self, seed: u64, passed: Duration) -> (u64, Vec<Kind>) {
        let mut memory = self.memory();
        memory.questions += 1;
        let (number, mut struck) = (memory.questions, Vec::new());
        for (n, fault) in self.faults.iter().enumerate() {
            let salt = self.salt.wrapping_add(u64::try_from(n).unwrap_or_default()) ^ FAULT;
            let mut strikes = fault.when.strikes((seed, salt), number, passed);
            if fault.kind == Kind::Dead {
                strikes |= memory.dead.contains(&n) && fault.when.covers(number, passed);
                memory.dead.retain(|dead| *dead != n);
                memory.dead.extend(strikes.then_some(n));
            }
            struck.extend(strikes.then_some(fault.kind));
        }
        (number, struck)
    }

    /// Whether a question began before so much time had passed since the last answer.
    pub(crate) fn is_hurried(&self, began: Instant, rest: Duration) -> bool {
        self.memory().said_until.is_some_and(|until| began < until + rest)
    }

    /// Remembers when an answer ends.
    pub(crate) fn says_until(&self, until: Instant) {
        self.memory().said_until = Some(until);
    }

    /// What has flowed, as it shows: frozen, it is what had flowed when it froze.
    pub(crate) fn shown(&self, sums: Sums, frozen: bool) -> Sums {
        let mut memory = self.memory();
        memory.frozen = if frozen { memory.frozen.or(Some(sums)) } else { None };
        memory.frozen.unwrap_or(sums)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
