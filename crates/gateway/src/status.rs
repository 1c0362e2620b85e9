use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Key, Reason};
use tokio::time::Instant;

use crate::plan::{BusPlan, MeterPlan};
use crate::tally::Tally;

/// How a bus and its meters are, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusStatus {
    /// Its name in the site.
    pub key: Key,
    /// Where it is reached.
    pub port: String,
    /// What is wrong with the port; `None` while it can be used.
    pub trouble: Option<String>,
    /// What a person could do about it, where that is known.
    pub hint: Option<String>,
    /// Share of the last minute in which the bus was held, in thousandths.
    pub load: u32,
    /// How long the last pass over all that was due took, and the longest of all.
    pub sweep: Duration,
    /// The longest pass since the gateway began.
    pub longest_sweep: Duration,
    /// Meters that wait for their turn.
    pub queue: usize,
    /// Its meters, in the order of the site file.
    pub meters: Vec<MeterStatus>,
}

/// How one meter answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterStatus {
    /// Its name in the site.
    pub key: Key,
    /// Its number on the bus.
    pub address: u8,
    /// Why its last visit brought no reading.
    pub trouble: Option<Reason>,
    /// What a person should look at.
    pub alarm: Option<Alarm>,
    /// Questions that a pass over all its registers takes, as far as it was planned.
    pub blocks: usize,
    /// The most registers of one question: what the model says, or what the meter taught.
    pub max_registers: u16,
    /// The serial number it told last; `None` where its model knows no register for it.
    pub serial: Option<u128>,
    /// Ranges of registers that it refuses to give in one answer.
    pub refused: usize,
    /// How long its next answer is waited for.
    pub patience: Duration,
    /// Counts since the gateway began.
    pub tally: Tally,
}

impl BusStatus {
    /// Of a bus that has not been asked yet.
    pub(crate) fn new(plan: &BusPlan) -> Self {
        Self {
            key: plan.key.clone(),
            port: plan.port.to_string(),
            trouble: None,
            hint: None,
            load: 0,
            sweep: Duration::ZERO,
            longest_sweep: Duration::ZERO,
            queue: 0,
            meters: plan.meters.iter().map(MeterStatus::new).collect(),
        }
    }
}

impl MeterStatus {
    fn new(plan: &MeterPlan) -> Self {
        Self {
            key: plan.key.clone(),
            address: plan.address,
            trouble: None,
            alarm: None,
            blocks: plan.blocks().len(),
            max_registers: plan.limits.max_registers,
            serial: None,
            refused: 0,
            patience: plan.timeout,
            tally: Tally::default(),
        }
    }
}

/// What somebody should look at although readings may still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// Two meters seem to have this address.
    DuplicateAddress,
    /// Another meter answers at the address than when reading began.
    OtherMeter,
    /// It answers, and never soundly: its baud rate or parity may be another one.
    NeverSound,
}

impl Alarm {
    /// The name in answers and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DuplicateAddress => "duplicate_address",
            Self::OtherMeter => "other_meter",
            Self::NeverSound => "never_sound",
        }
    }

    /// What it means and what helps.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::DuplicateAddress => {
                "two meters seem to have this address: unplug one of them, and give it another; \
                 readings are marked suspect meanwhile"
            }
            Self::OtherMeter => {
                "another serial number answers at this address: if the meter was exchanged, note \
                 the last index of the old one and the first of the new one, and apply the site \
                 anew; readings are marked suspect meanwhile"
            }
            Self::NeverSound => {
                "it answers, but never a sound frame: its baud rate or parity may be another one"
            }
        }
    }
}

/// A status that the bus task keeps and others look at. The lock is held for a copy only.
#[derive(Debug, Clone)]
pub(crate) struct Shown(Arc<Mutex<BusStatus>>);

impl Shown {
    pub(crate) fn new(status: BusStatus) -> Self {
        Self(Arc::new(Mutex::new(status)))
    }

    pub(crate) fn now(&self) -> BusStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut BusStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The share of the last minute in which a bus was held.
#[derive(Debug)]
pub(crate) struct Load {
    began: Instant,
    /// Of the minute under way, and of the one before.
    held: Duration,
    before: Option<Duration>,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Load {
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, held: Duration::ZERO, before: None }
    }

    /// Adds what a visit took that ends at `now`.
    pub(crate) fn add(&mut self, held: Duration, now: Instant) {
        self.turn(now);
        self.held += held;
    }

    /// In thousandths, at most 1000.
    pub(crate) fn share(&mut self, now: Instant) -> u32 {
        self.turn(now);
        let passed = now.duration_since(self.began);
        let (held, of) = match self.before {
            // The part of the minute before that still counts.
            Some(before) => {
                let left = MINUTE.saturating_sub(passed);
                (self.held + before.mul_f64(left.as_secs_f64() / 60.0), MINUTE)
            }
            None => (self.held, passed),
        };
        let share = held.as_nanos() * 1000 / of.as_nanos().max(1);
        u32::try_from(share.min(1000)).unwrap_or(1000)
    }

    fn turn(&mut self, now: Instant) {
        let passed = now.duration_since(self.began);
        if passed < MINUTE {
            return;
        }
        let last = passed < 2 * MINUTE;
        self.before = Some(if last { self.held } else { Duration::ZERO });
        self.held = Duration::ZERO;
        self.began = if last { self.began + MINUTE } else { now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_of_the_last_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut load = Load::new(start);
        load.add(Duration::from_secs(5), at(10));
        assert_eq!(load.share(at(10)), 500);
        (11..=150).for_each(|second| load.add(Duration::from_millis(250), at(second)));
        let share = load.share(at(150));
        assert!((225..=275).contains(&share), "{share}");
        assert_eq!(load.share(at(400)), 0);
        assert_eq!(Load::new(start).share(start), 0);
    }
}
