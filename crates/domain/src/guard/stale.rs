use std::time::Duration;

use super::limits::Index;
use crate::Decimal;

/// How a counter and the flow through its meter contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stale {
    /// Something flows, and the index stands still.
    Frozen,
    /// The index grows, and nothing flows.
    Phantom,
}

/// Compares a counter with the flow through its meter: power for energy, flow for volume.
///
/// Both are read in one go. One such pair proves little, since a load may begin or end between two
/// readings; so a contradiction is flagged when it has lasted for a limit of time and for
/// [`Self::LEAST`] readings, and is larger than the last digits of the index explain. It ends with
/// the first reading that agrees. Begun anew after a restart it needs its time again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowCheck {
    limits: FlowLimits,
    last: Option<Index>,
    /// Flow while the index stands. Its amount is what should have been counted.
    frozen: Streak,
    /// No flow, whatever the index does. Its amount is what was counted.
    quiet: Streak,
}

/// From when on a counter and the flow through its meter contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowLimits {
    /// One unit of the last digit of the index, above zero.
    pub resolution: Decimal,
    /// Flow up to this need not be counted, zero or above: the starting power of the meter, in the
    /// unit of the index per hour.
    pub idle: Decimal,
    /// How long a contradiction lasts before it is flagged: some hours, and less than a day.
    pub after: Duration,
}

/// Intervals between two readings in which the same was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Streak {
    readings: u32,
    nanoseconds: i128,
    amount: Decimal,
}

const NANOSECONDS_PER_HOUR: i64 = 3_600 * 1_000_000_000;

impl FlowCheck {
    /// The fewest readings that prove a contradiction.
    pub const LEAST: u32 = 24;

    /// Knows of no reading yet.
    #[must_use]
    pub const fn new(limits: FlowLimits) -> Self {
        Self { limits, last: None, frozen: Streak::NONE, quiet: Streak::NONE }
    }

    /// Takes a good index and the flow that was read with it, in the unit of the index per hour:
    /// kW for kWh. Flow is positive where this counter must grow; for energy that is exported it
    /// is the power with its sign turned. Readings come in the order of their instants.
    pub fn judge(&mut self, index: Index, flow: Decimal) -> Option<Stale> {
        let last = self.last.replace(index)?;
        let elapsed = index.at.as_nanosecond().checked_sub(last.at.as_nanosecond())?;
        let growth = index.value.minus(last.value)?;
        let flows = flow.cmp_value(self.limits.idle).is_gt();
        if growth.mantissa() != 0 {
            self.frozen = Streak::NONE;
        } else if flows {
            self.frozen.add(elapsed, flow.times(Decimal::new(elapsed, 0))?)?;
        }
        if flows {
            self.quiet = Streak::NONE;
        } else {
            self.quiet.add(elapsed, growth.times(Decimal::from(NANOSECONDS_PER_HOUR))?)?;
        }
        let stale = [(self.frozen, Stale::Frozen), (self.quiet, Stale::Phantom)];
        stale.into_iter().find_map(|(streak, stale)| self.proves(streak)?.then_some(stale))
    }

    /// Whether a contradiction is long enough, and larger than last digits and idle flow explain.
    /// Amounts are in units of the index, times nanoseconds in an hour.
    fn proves(&self, streak: Streak) -> Option<bool> {
        let long = streak.nanoseconds >= i128::try_from(self.limits.after.as_nanos()).ok()?;
        let digits = self.limits.resolution.times(Decimal::from(2))?;
        let digits = digits.times(Decimal::from(NANOSECONDS_PER_HOUR))?;
        let idle = self.limits.idle.times(Decimal::new(streak.nanoseconds, 0))?;
        let explained = digits.plus(idle)?;
        let large = streak.amount.cmp_value(explained).is_gt();
        Some(streak.readings >= Self::LEAST && long && large)
    }
}

impl Streak {
    const NONE: Self = Self { readings: 0, nanoseconds: 0, amount: Decimal::ZERO };

    fn add(&mut self, nanoseconds: i128, amount: Decimal) -> Option<()> {
        self.amount = self.amount.plus(amount)?;
        self.nanoseconds = self.nanoseconds.checked_add(nanoseconds)?;
        self.readings = self.readings.saturating_add(1);
        Some(())
    }
}

impl Stale {
    /// The name in answers and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Phantom => "phantom",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// The contradictions of four days at one reading each quarter of an hour, and the hour in
    /// which each began. Growth in hundredths of kWh and flow in W depend on the reading's number.
    fn check(growth: impl Fn(i64) -> i64, watts: impl Fn(i64) -> i64, expect: &[(i64, Stale)]) {
        assert_eq!(found(900, growth, watts), expect);
    }

    fn found(
        seconds: i64,
        growth: impl Fn(i64) -> i64,
        watts: impl Fn(i64) -> i64,
    ) -> Vec<(i64, Stale)> {
        let limits = FlowLimits {
            resolution: Decimal::new(1, 2),
            idle: Decimal::new(5, 3),
            after: Duration::from_hours(6),
        };
        let mut flow = FlowCheck::new(limits);
        let (mut shown, mut before, mut found) = (0, None, Vec::new());
        for number in 0..4 * 96 {
            shown += growth(number);
            let at = Timestamp::from_second(number * seconds).unwrap();
            let index = Index { at, value: Decimal::new(i128::from(shown), 2) };
            let stale = flow.judge(index, Decimal::new(i128::from(watts(number)), 3));
            found.extend(
                stale.filter(|_| stale != before).map(|stale| (number * seconds / 3600, stale)),
            );
            before = stale;
        }
        found
    }

    #[test]
    fn a_contradiction_must_be_seen_often_too() {
        assert_eq!(found(3_600, |_| 0, |_| 2_000), [(24, Stale::Frozen)]);
        assert_eq!(found(60, |_| 0, |_| 2_000), [(6, Stale::Frozen)]);
    }

    #[test]
    fn an_index_that_stands_while_power_flows_is_flagged_within_a_day() {
        check(|_| 0, |_| 2_000, &[(6, Stale::Frozen)]);
        check(|n| i64::from(n < 96), |_| 40, &[(29, Stale::Frozen)]);
        check(|_| 0, |n| if n % 4 == 0 { 2_000 } else { 0 }, &[(24, Stale::Frozen)]);
    }

    #[test]
    fn an_index_that_grows_without_power_is_flagged_within_a_day() {
        check(|_| 1, |_| 0, &[(6, Stale::Phantom)]);
        check(|_| 1, |n| if n < 96 { 40 } else { 0 }, &[(29, Stale::Phantom)]);
        check(|n| 4 * i64::from(n % 8 == 0), |_| -400, &[(6, Stale::Phantom)]);
    }

    #[test]
    fn what_agrees_or_proves_too_little_is_not_flagged() {
        check(|_| 50, |_| 2_000, &[]);
        check(|_| 0, |_| 0, &[]);
        check(|_| 0, |_| 5, &[]); // below the power at which the meter starts
        check(|n| i64::from(n % 16 == 0), |_| 4, &[]); // idle power, counted none the less
        check(|n| i64::from(n % 20 == 0), |_| 6, &[]); // it moves every five hours
        check(|_| 1, |n| if n % 20 == 0 { 800 } else { 0 }, &[]); // a short load each five hours
    }
}
