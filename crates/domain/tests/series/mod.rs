//! Series of a counter that grows as it can, with readings in between that were never true.

use std::time::Duration;

use domain::{Decimal, Index, IndexLimits};
use jiff::Timestamp;

/// What is put in between.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outliers {
    /// What the counter cannot show, neither now nor while the series lasts: zeros, 65535, digits
    /// that were lost, other units, random numbers. One to five, in a row too.
    Gross,
    /// These, and what it might well show: a little above or below.
    Any,
}

pub(crate) struct Series {
    pub(crate) limits: IndexLimits,
    /// Readings in the order of their instants, and whether each is true.
    pub(crate) readings: Vec<(Index, bool)>,
    /// What was consumed from the first reading to the last true one, in hundredths.
    pub(crate) consumption: i128,
    /// The index without its roll-overs, in hundredths.
    counted: i128,
    chance: Chance,
}

/// In hundredths: six digits before the point.
const END: i128 = 100_000_000;
const STEP: Duration = Duration::from_mins(15);
const PER_HOUR: i128 = 2_000;
/// Further than the counter can come while a series lasts, with the margin and the tolerance.
const FAR: i128 = 30_000;

impl Series {
    pub(crate) fn of(number: u64, outliers: Outliers) -> Self {
        let mut chance = Chance(number);
        let wraps = chance.below(4) == 0;
        let start = match chance.below(3) {
            _ if wraps => END - chance.below(2_000),
            0 => chance.below(2_000),
            _ => chance.below(END / 2),
        };
        let limits = IndexLimits {
            per_hour: Decimal::new(PER_HOUR, 2),
            resolution: Decimal::new(1, 2),
            wraps_at: wraps.then_some(Decimal::new(END, 2)),
            refresh: Duration::ZERO,
        };
        let readings = Vec::new();
        let mut series = Self { limits, readings, consumption: 0, counted: start, chance };
        series.read_true(0);
        let mut left = 1 + series.chance.below(5);
        for _ in 0..5 + series.chance.below(8) {
            while left > 0 && series.chance.below(3) == 0 {
                left -= 1;
                series.read_false(outliers);
            }
            series.go_on();
        }
        series
    }

    /// One more true reading. Every third time nothing was consumed since.
    pub(crate) fn go_on(&mut self) {
        let most = PER_HOUR * i128::from(STEP.as_secs()) / 3600;
        let growth = self.chance.below(most) * i128::from(self.chance.below(3) != 0);
        self.read_true(growth);
    }

    fn read_true(&mut self, growth: i128) {
        self.counted += growth;
        self.consumption += growth;
        self.push(self.shown(), true);
    }

    fn read_false(&mut self, outliers: Outliers) {
        let shown = self.shown();
        let wraps = self.limits.wraps_at.is_some();
        let value = loop {
            let value = match self.chance.below(if outliers == Outliers::Any { 11 } else { 8 }) {
                0 | 1 => 0,
                2 => 6_553_500,
                3 => shown * 1_000,
                4 => shown / 1_000,
                5 => 429_496_729_500,
                6 => self.readings.last().unwrap().0.value.mantissa() + self.chance.below(50),
                7 => self.chance.below(2 * END),
                8 => shown + self.chance.below(1_000),
                9 => shown - self.chance.below(1_000).min(shown),
                _ => shown + 3 + self.chance.below(5),
            };
            // Near its end a counter may well show a small index, and such a step is no outlier.
            let possible = wraps && !(FAR..END * 8 / 10).contains(&value);
            let near = (value - shown).abs() <= if outliers == Outliers::Any { 2 } else { FAR };
            if !possible && !near {
                break value;
            }
        };
        self.push(value, false);
    }

    fn push(&mut self, hundredths: i128, is_true: bool) {
        let at = self.readings.last().map_or(Timestamp::UNIX_EPOCH, |(last, _)| last.at + STEP);
        self.readings.push((Index { at, value: Decimal::new(hundredths, 2) }, is_true));
    }

    fn shown(&self) -> i128 {
        if self.limits.wraps_at.is_some() { self.counted % END } else { self.counted }
    }
}

/// Numbers that look random and depend on the first alone (the mixing of `SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: i128) -> i128 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        i128::from(mixed ^ (mixed >> 31)) % end
    }
}
