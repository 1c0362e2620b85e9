//! The indexes of a house: what has flowed, summed minute by minute without loss.

use std::ops::{AddAssign, SubAssign};

use domain::Medium;
use jiff::Timestamp;

use crate::flow::Flow;
use crate::load::{Consumer, Load, World};

/// What has flowed since the house began. Energies in µJ, volume in ml/h x ms: both divided by
/// [`Sums::WHOLE`] give kWh and m³.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub imported: i128,
    pub exported: i128,
    pub phase_imported: [i128; 3],
    pub phase_exported: [i128; 3],
    pub heat: i128,
    pub cold: i128,
    pub volume: i128,
    /// Time passed, in milliseconds.
    pub time: i128,
}

/// What a meter holds at one instant: its flow, and what has flowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    pub flow: Flow,
    pub sums: Sums,
    /// Minutes since 1970, UTC.
    pub minute: i64,
}

/// Sums every load of a house. The state at an instant depends on seed and instant only; what is
/// kept in here only makes it quick to find.
#[derive(Debug)]
pub(crate) struct Ledger {
    world: World,
    consumers: Vec<Consumer>,
    /// When all sums were zero, in ms since 1970.
    began: i64,
    /// The sums at the start of every day passed so far, counted from `began`.
    days: Vec<Vec<Sums>>,
    /// The minute last reached, counted from `began`, with its sums and flows.
    minute: i64,
    sums: Vec<Sums>,
    flows: Vec<Flow>,
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440;
/// After twenty years a house stands still: no clock may ask for an endless sum.
const LONGEST: i64 = 20 * 365 * DAY * MINUTE;

impl Sums {
    /// µJ in a kilowatt-hour; ml/h x ms in a cubic metre.
    pub(crate) const WHOLE: i128 = 3_600_000_000_000;

    fn of(flow: &Flow, ms: i64) -> Self {
        let times = |amount: i64| i128::from(amount) * i128::from(ms);
        let power = flow.power();
        Self {
            imported: times(power.max(0)),
            exported: times(-power.min(0)),
            phase_imported: flow.phases.map(|phase| times(phase.max(0))),
            phase_exported: flow.phases.map(|phase| times(-phase.min(0))),
            heat: times(flow.heat),
            cold: times(flow.cold),
            volume: times(flow.volume),
            time: i128::from(ms),
        }
    }

    fn join(&mut self, other: Self, with: fn(i128, i128) -> i128) {
        let each = |sums: [i128; 3], others: [i128; 3]| {
            let ([a, b, c], [d, e, f]) = (sums, others);
            [with(a, d), with(b, e), with(c, f)]
        };
        *self = Self {
            imported: with(self.imported, other.imported),
            exported: with(self.exported, other.exported),
            phase_imported: each(self.phase_imported, other.phase_imported),
            phase_exported: each(self.phase_exported, other.phase_exported),
            heat: with(self.heat, other.heat),
            cold: with(self.cold, other.cold),
            volume: with(self.volume, other.volume),
            time: with(self.time, other.time),
        };
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, more: Self) {
        self.join(more, |sum, more| sum + more);
    }
}

impl SubAssign for Sums {
    fn sub_assign(&mut self, less: Self) {
        self.join(less, |sum, less| sum - less);
    }
}

impl Ledger {
    pub(crate) fn new(world: World, consumers: Vec<Consumer>, began: Timestamp) -> Self {
        let count = consumers.len();
        let began = began.as_millisecond().div_euclid(MINUTE) * MINUTE;
        let mut ledger = Self {
            world,
            consumers,
            began,
            days: vec![vec![Sums::default(); count]],
            minute: 0,
            sums: vec![Sums::default(); count],
            flows: vec![Flow::default(); count],
        };
        ledger.look();
        ledger
    }

    /// What one meter holds at an instant. Before the house began, what it held then.
    pub(crate) fn state(&mut self, meter: usize, at: Timestamp) -> State {
        let passed = (at.as_millisecond() - self.began).clamp(0, LONGEST);
        self.go_to(passed / MINUTE);
        let flow = self.flows.get(meter).copied().unwrap_or_default();
        let mut sums = self.sums.get(meter).copied().unwrap_or_default();
        sums += Sums::of(&flow, passed % MINUTE);
        State { flow, sums, minute: self.began / MINUTE + self.minute }
    }

    fn go_to(&mut self, minute: i64) {
        if minute < self.minute {
            let day = usize::try_from(minute / DAY).unwrap_or_default();
            let known = day.min(self.days.len().saturating_sub(1));
            if let Some(sums) = self.days.get(known) {
                self.sums.clone_from(sums);
            }
            self.minute = i64::try_from(known).unwrap_or_default() * DAY;
            self.look();
        }
        while self.minute < minute {
            for (sums, flow) in self.sums.iter_mut().zip(&self.flows) {
                *sums += Sums::of(flow, MINUTE);
            }
            self.minute += 1;
            self.look();
            let days = i64::try_from(self.days.len()).unwrap_or(i64::MAX);
            if self.minute == days * DAY {
                self.days.push(self.sums.clone());
            }
        }
    }

    /// Works out the flows of the minute reached.
    fn look(&mut self) {
        let moment = self.world.moment(self.began / MINUTE + self.minute);
        let mut house = Flow::default();
        for (flow, consumer) in self.flows.iter_mut().zip(&self.consumers) {
            *flow = consumer.flow(&moment);
            if consumer.medium == Medium::Electricity {
                for (sum, phase) in house.phases.iter_mut().zip(flow.phases) {
                    *sum += phase;
                }
            }
        }
        for (flow, consumer) in self.flows.iter_mut().zip(&self.consumers) {
            if consumer.load == Load::Grid {
                *flow = house;
            }
            let (tangent, _) = consumer.load.angle();
            flow.reactive = flow.phases.map(|phase| phase * tangent / 1_000);
            if let Some(crossed) = consumer.crossed {
                (flow.phases, flow.reactive) = crossed.measured((flow.phases, flow.reactive));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use jiff::{SignedDuration, ToSpan};

    use super::*;

    const LOADS: [Load; 5] =
        [Load::Grid, Load::Household, Load::HeatPump, Load::Solar, Load::Household];

    fn ledger() -> (Ledger, Timestamp) {
        let began: Timestamp = "2026-06-14T00:00:00Z".parse().unwrap();
        let consumer = |(salt, load)| Consumer {
            load,
            scale: if load == Load::Solar { 10_000 } else { 1_000 },
            salt,
            medium: Medium::Electricity,
            crossed: None,
        };
        let consumers = (0..).zip(LOADS).map(consumer).collect();
        let world = World { seed: 7, zone: TimeZone::UTC };
        (Ledger::new(world, consumers, began), began)
    }

    #[test]
    fn the_index_is_the_integral_of_power() {
        let (mut ledger, began) = ledger();
        let mut sum = [0_i128; LOADS.len()];
        for second in 0..4 * 3_600 {
            let at = began + second.seconds();
            for (meter, sum) in sum.iter_mut().enumerate() {
                let state = ledger.state(meter, at);
                assert_eq!(state.sums.imported - state.sums.exported, *sum, "{meter} {at}");
                *sum += i128::from(state.flow.power()) * 1_000;
            }
        }
    }

    #[test]
    fn the_grid_carries_what_consumers_draw_and_the_roof_does_not_give() {
        let (mut ledger, began) = ledger();
        let (mut fed_in, mut drawn) = (false, false);
        for hour in 0..48 {
            let at = began + SignedDuration::from_mins(hour * 60 + 7);
            let net = |state: State| state.sums.imported - state.sums.exported;
            let parts: i128 = (1..LOADS.len()).map(|meter| net(ledger.state(meter, at))).sum();
            let grid = ledger.state(0, at);
            assert_eq!(net(grid), parts, "{at}");
            fed_in |= grid.flow.power() < 0;
            drawn |= grid.flow.power() > 0;
        }
        assert!(fed_in && drawn, "a June day sees both directions");
    }

    #[test]
    fn the_same_instant_gives_the_same_state_whatever_was_asked_before() {
        let (mut asked, began) = ledger();
        for hour in [50, 3, 26, 25, 74, 0] {
            let at = began + SignedDuration::from_hours(hour) + SignedDuration::from_millis(1_234);
            let (mut fresh, _) = ledger();
            assert_eq!(asked.state(1, at), fresh.state(1, at), "{hour}");
        }
        let before = began - SignedDuration::from_hours(1);
        assert_eq!(asked.state(1, before).sums, Sums::default());
    }
}
