//! The truth behind all meters of a house, and the time it lives in.

use std::sync::{Mutex, PoisonError};

use domain::{Clock, Decimal, Key, Quantity};
use jiff::{SignedDuration, Timestamp};

use crate::house::{House, Simulation};
use crate::ledger::{Ledger, State, Sums};
use crate::load::{Consumer, World};
use crate::noise::{hash, salt_of};
use crate::truth::Nature;

/// The state of all meters at any instant.
#[derive(Debug)]
pub(crate) struct Pretence {
    clock: HouseClock,
    ledger: Mutex<Ledger>,
    meters: Vec<(Key, Nature)>,
    /// By the place of the meter.
    exchanged: Mutex<Vec<Option<Exchanged>>>,
}

/// A meter that took the place of another.
#[derive(Debug, Clone)]
struct Exchanged {
    /// Since this instant of the clock handed in.
    since: Timestamp,
    /// What had flowed then, through the one before it.
    flowed: Sums,
    nature: Nature,
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
const EXCHANGED: u64 = 41;

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
                crossed: plan.crossed,
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
                crossed: plan.crossed,
            };
            meters.push((meter.key.clone(), nature));
        }
        let zone = jiff::tz::TimeZone::get(&house.site.record.site.time_zone);
        let world = World { seed, zone: zone.unwrap_or(jiff::tz::TimeZone::UTC) };
        let ledger = Ledger::new(world, consumers, start.unwrap_or(Simulation::EPOCH));
        let began = clock.now();
        let clock = HouseClock { clock, began, start: start.unwrap_or(began), speed };
        let exchanged = Mutex::new(vec![None; meters.len()]);
        Self { clock, ledger: Mutex::new(ledger), meters, exchanged }
    }

    pub(crate) fn meters(&self) -> &[(Key, Nature)] {
        &self.meters
    }

    /// Looks ahead: the next question is answered at once.
    pub(crate) fn look(&self) {
        self.state(0, self.clock.clock.now());
    }

    /// The meter at a place, and what it holds now.
    pub(crate) fn held_now(&self, place: usize) -> Option<(Nature, State)> {
        self.held(place, self.clock.clock.now())
    }

    /// Puts another meter into a place, once: another serial number, and an index that stands here.
    pub(crate) fn exchange(&self, place: usize, index: Decimal) {
        let since = self.clock.clock.now();
        let Some((_, nature)) = self.meters.get(place) else { return };
        let flowed = self.state(place, since).sums;
        let nature = Nature { salt: hash(nature.salt, EXCHANGED, 0), index, ..nature.clone() };
        let mut exchanged = self.exchanged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exchanged) = exchanged.get_mut(place) {
            exchanged.get_or_insert(Exchanged { since, flowed, nature });
        }
    }

    /// The exact value of a quantity at an instant of the clock handed in.
    pub(crate) fn truth(&self, meter: &Key, quantity: Quantity, at: Timestamp) -> Option<Decimal> {
        let place = self.meters.iter().position(|(key, _)| key == meter)?;
        let (nature, state) = self.held(place, at)?;
        Some(nature.holds(quantity, &state))
    }

    fn held(&self, place: usize, at: Timestamp) -> Option<(Nature, State)> {
        let (_, nature) = self.meters.get(place)?;
        let mut state = self.state(place, at);
        let exchanged = self.exchanged.lock().unwrap_or_else(PoisonError::into_inner);
        match exchanged.get(place) {
            Some(Some(other)) if other.since <= at => {
                state.sums -= other.flowed;
                Some((other.nature.clone(), state))
            }
            _ => Some((nature.clone(), state)),
        }
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
