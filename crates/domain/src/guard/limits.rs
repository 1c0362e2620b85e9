use std::time::Duration;

use jiff::Timestamp;

use crate::Decimal;

/// The reading of a counter: what it showed, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// The instant of the reading, UTC.
    pub at: Timestamp,
    /// The exact index, in the unit of its quantity.
    pub value: Decimal,
}

/// What is possible for one counter: how fast it grows, how finely it counts, where it ends.
///
/// All amounts are in the unit of the counter's quantity. Limits that say less than the truth hold
/// more readings back; they never let a wrong one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexLimits {
    /// The most it grows in an hour, above zero: kW for energy in kWh, m³/h for a volume in m³. A
    /// fifth more is let pass, so that a rated power may be written here as it is.
    pub per_hour: Decimal,
    /// One unit of its last digit, above zero: `0.01`. Twice this is the tolerance.
    pub resolution: Decimal,
    /// The first index that it shows as zero again; `None` where that is not known, and then
    /// falling to zero is never taken for its end.
    pub wraps_at: Option<Decimal>,
    /// How long the meter may go on showing an old index: an hour for a heat meter that counts
    /// hourly, zero for one that counts at once.
    pub refresh: Duration,
}

/// Why a reading is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The index fell.
    Backwards,
    /// The index grew by more than the meter can count in that time.
    Jump,
}

/// How one index follows another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It grew, by as much as can be.
    Grown(Decimal),
    /// Its last digit flickered down.
    Jitter,
    /// It went through its declared end, and grew by this.
    Wrapped(Decimal),
    /// Neither.
    Doubtful(Doubt),
}

/// Three thousand seconds: `per_hour` and a fifth more in an hour is `per_hour` in this time. So
/// the margin costs no division, and nothing is rounded.
const NANOSECONDS_PER_LIMIT: i64 = 3_000 * 1_000_000_000;

/// Powers that a change of unit or factor is told by: Wh and megawatt hours are the furthest apart.
const POWERS: [(i8, i64); 6] =
    [(1, 10), (2, 100), (3, 1_000), (4, 10_000), (5, 100_000), (6, 1_000_000)];

impl IndexLimits {
    /// How `to` follows `from`, which is not the later of the two.
    pub(super) fn step(&self, from: Index, to: Index) -> Step {
        let Some(growth) = to.value.minus(from.value) else {
            return Step::Doubtful(doubt(from, to)); // too far apart to be told exactly
        };
        if !growth.is_negative() {
            let possible = self.allows(from, to, growth);
            return if possible { Step::Grown(growth) } else { Step::Doubtful(Doubt::Jump) };
        }
        if Decimal::ZERO.minus(growth).is_some_and(|fall| self.tolerates(fall)) {
            return Step::Jitter;
        }
        match self.through_the_end(from, to) {
            Some(growth) if self.allows(from, to, growth) => Step::Wrapped(growth),
            _ => Step::Doubtful(Doubt::Backwards),
        }
    }

    /// Whether `to` is at or above `from`, and no further than the counter can have come.
    pub(super) fn grows(&self, from: Index, to: Index) -> bool {
        matches!(self.step(from, to), Step::Grown(_))
    }

    /// Whether an amount is so small that the last digit alone explains it.
    pub(super) fn tolerates(&self, amount: Decimal) -> bool {
        self.tolerance().is_some_and(|tolerance| amount.cmp_value(tolerance).is_le())
    }

    /// The power of ten by which `to` is too large or too small: the exponent with which it would
    /// follow `from`, as after a change of unit. `None` where none does.
    pub(super) fn power_of_ten(&self, from: Index, to: Index) -> Option<i8> {
        POWERS.iter().find_map(|&(exponent, factor)| {
            let factor = Decimal::from(factor);
            let enlarged = Index { value: from.value.times(factor)?, ..from };
            if self.times(factor)?.follows(enlarged, to) {
                return Some(exponent);
            }
            let enlarged = Index { value: to.value.times(factor)?, ..to };
            // A coarser unit has lost digits: what is left is tolerated that much more coarsely.
            let coarse = Self { resolution: self.resolution.times(factor)?, ..*self };
            coarse.follows(from, enlarged).then_some(-exponent)
        })
    }

    /// Whether a step is small against the index itself, and possible, down by the tolerance too.
    /// From an index near zero everything would be some power of ten.
    fn follows(&self, from: Index, to: Index) -> bool {
        let distinct = Index { value: Decimal::ZERO, at: from.at };
        let until = Index { value: from.value, at: to.at };
        !self.grows(distinct, until) && matches!(self.step(from, to), Step::Grown(_) | Step::Jitter)
    }

    fn times(&self, factor: Decimal) -> Option<Self> {
        let per_hour = self.per_hour.times(factor)?;
        Some(Self { per_hour, resolution: self.resolution.times(factor)?, ..*self })
    }

    fn tolerance(&self) -> Option<Decimal> {
        self.resolution.times(Decimal::from(2))
    }

    /// Whether the counter can grow by this much between the two. What cannot be computed exactly
    /// is far outside of every limit.
    fn allows(&self, from: Index, to: Index, growth: Decimal) -> bool {
        let possible = || {
            let beyond = growth.minus(self.tolerance()?)?;
            let elapsed = to.at.as_nanosecond().checked_sub(from.at.as_nanosecond())?;
            let lag = i128::try_from(self.refresh.as_nanos()).ok()?;
            let elapsed = Decimal::new(elapsed.checked_add(lag)?, 0);
            let needed = beyond.times(Decimal::from(NANOSECONDS_PER_LIMIT))?;
            Some(needed.cmp_value(self.per_hour.times(elapsed)?).is_le())
        };
        to.at >= from.at && !growth.is_negative() && possible().unwrap_or(false)
    }

    /// The growth from the top tenth of the counter through its end.
    fn through_the_end(&self, from: Index, to: Index) -> Option<Decimal> {
        let end = self.wraps_at?;
        let ten_times = from.value.times(Decimal::from(10))?;
        if ten_times.cmp_value(end.times(Decimal::from(9))?).is_lt() {
            return None;
        }
        to.value.minus(from.value.minus(end)?)
    }
}

fn doubt(from: Index, to: Index) -> Doubt {
    if to.value.cmp_value(from.value).is_lt() { Doubt::Backwards } else { Doubt::Jump }
}

impl Doubt {
    /// The name in answers and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backwards => "backwards",
            Self::Jump => "jump",
        }
    }
}
