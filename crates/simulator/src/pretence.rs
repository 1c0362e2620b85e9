//! The truth behind all meters of a house, and the time it lives in.

use std::sync::{Mutex, PoisonError};

use domain::{Clock, Decimal, Key, Quantity};
use jiff::{SignedDuration, Timestamp};

use crate::house::{House, Simulation};
use crate::ledger::{Ledger, State};
use crate::load::{Consumer, World};
use crate::noise::{hash, salt_of};
use crate::truth::Nature;

/// The state of all meters at any instant.
#[derive(Debug)]
pub(crate) struct Pretence {
    clock: HouseClock,
    ledger: Mutex<Ledger>,
    meters: Vec<(Key, Nature)>,
}

/// The time in the house: it starts with the clock handed in, or at its own start, and walks at
/// its own speed.
#[derive(Debug)]
struct HouseClock {
    clock: Clock,
    began: Timestamp,
    start: Timestamp,
    speed: u32,
}

const INDEX: u64 = 40;

impl Pretence {
    pub(crate) fn new(house: &House, clock: Clock) -> Self {
        let Simulation { seed, start, speed } = house.simulation;
        let (mut consumers, mut meters) = (Vec::new(), Vec::new());
        for (meter, plan) in house.site.meters.iter().zip(&house.meters) {
            let salt = salt_of(meter.key.as_str());
            consumers.push(Consumer {
                load: plan.load,
                scale: plan.scale,
                salt,
                medium: meter.medium,
            });
            let has = |name| meter.registers.iter().any(|one| one.quantity.name() == name);
            let guessed = 100 + hash(seed, salt, INDEX) % 20_000;
            let nature = Nature {
                load: plan.load,
                medium: meter.medium,
                seed,
                salt,
                index: plan.index.unwrap_or(Decimal::new(guessed.into(), 0)),
                knows_cold: has("cold_energy_kwh"),
            };
            meters.push((meter.key.clone(), nature));
        }
        let zone = jiff::tz::TimeZone::get(&house.site.record.site.time_zone);
        let world = World { seed, zone: zone.unwrap_or(jiff::tz::TimeZone::UTC) };
        let ledger = Ledger::new(world, consumers, start.unwrap_or(Simulation::EPOCH));
        let began = clock.now();
        let clock = HouseClock { clock, began, start: start.unwrap_or(began), speed };
        Self { clock, ledger: Mutex::new(ledger), meters }
    }

    pub(crate) fn meters(&self) -> &[(Key, Nature)] {
        &self.meters
    }

    /// What a meter, by its place, holds now.
    pub(crate) fn state_now(&self, meter: usize) -> State {
        self.state(meter, self.clock.clock.now())
    }

    /// The exact value of a quantity at an instant of the clock handed in.
    pub(crate) fn truth(&self, meter: &Key, quantity: Quantity, at: Timestamp) -> Option<Decimal> {
        let mut meters = (0..).zip(&self.meters);
        let (place, (_, nature)) = meters.find(|(_, (key, _))| key == meter)?;
        Some(nature.holds(quantity, &self.state(place, at)))
    }

    fn state(&self, meter: usize, at: Timestamp) -> State {
        let at = self.clock.in_house(at);
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).state(meter, at)
    }
}

impl HouseClock {
    /// The time in the house at an instant of the clock handed in.
    fn in_house(&self, at: Timestamp) -> Timestamp {
        let passed = at.as_millisecond() - self.began.as_millisecond();
        let passed = passed.saturating_mul(i64::from(self.speed));
        self.start.saturating_add(SignedDuration::from_millis(passed)).unwrap_or(self.start)
    }
}
