use std::time::Duration;

/// Buckets of the histogram. Four a doubling, from [`FIRST`] up: the last begins beyond a minute.
const BUCKETS: usize = 72;
/// Where the first bucket ends.
const FIRST: Duration = Duration::from_micros(250);
/// So many answers, and the older half of the weight is forgotten: a meter may change.
const MOST: u32 = 4096;

/// How long a meter takes from the last bit of a question to the first of its answer: a histogram
/// in steps of a fifth, in which what was seen long ago counts less and less.
#[derive(Clone, PartialEq, Eq)]
pub struct Delays {
    buckets: [u16; BUCKETS],
    count: u32,
    slowest: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], count: 0, slowest: Duration::ZERO }
    }
}

impl Delays {
    /// Notes one answer.
    pub fn note(&mut self, delay: Duration) {
        self.slowest = self.slowest.max(delay);
        if self.count >= MOST {
            self.buckets.iter_mut().for_each(|count| *count /= 2);
            self.count = self.buckets.iter().map(|count| u32::from(*count)).sum();
        }
        if let Some(count) = self.buckets.get_mut(bucket(delay)) {
            *count += 1;
            self.count += 1;
        }
    }

    /// Answers that are remembered; the histogram forgets half of them now and then.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The slowest answer ever seen.
    #[must_use]
    pub fn slowest(&self) -> Duration {
        self.slowest
    }

    /// The delay that so many of a hundred answers keep, up to a tenth more than it truly is; never
    /// more than the slowest. `None` before the first answer.
    #[must_use]
    pub fn percentile(&self, of_hundred: u32) -> Option<Duration> {
        let wanted = (u64::from(self.count) * u64::from(of_hundred)).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = self.buckets.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        })?;
        // The middle of the bucket, so that the error goes both ways.
        let middle = (end(reached) + begin(reached)) / 2;
        Some(middle.min(self.slowest))
    }

    /// How many answers came in each step, as the end of the step and the count; steps without any
    /// are left out.
    pub fn steps(&self) -> impl Iterator<Item = (Duration, u16)> + '_ {
        let steps = self.buckets.iter().enumerate();
        steps.filter(|(_, count)| **count > 0).map(|(n, count)| (end(n), *count))
    }
}

impl std::fmt::Debug for Delays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.steps()).finish()
    }
}

/// Whole doublings, and quarters of the last one.
fn bucket(delay: Duration) -> usize {
    let (nanos, first) = (delay.as_nanos(), FIRST.as_nanos());
    if nanos < first {
        return 0;
    }
    let doublings = (nanos / first).ilog2();
    let base = first << doublings;
    let quarter = (nanos - base) * 4 / base;
    let number = 1 + u128::from(doublings) * 4 + quarter;
    usize::try_from(number).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn begin(bucket: usize) -> Duration {
    bucket.checked_sub(1).map_or(Duration::ZERO, end)
}

fn end(bucket: usize) -> Duration {
    let steps = u32::try_from(bucket).unwrap_or(u32::MAX);
    FIRST * 2_u32.pow(steps / 4) * (4 + steps % 4) / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_percentile_is_right_within_an_eighth() {
        for delay in [1, 3, 14, 20, 43, 100, 380, 1064, 25_470] {
            let mut delays = Delays::default();
            delays.note(ms(60_000)); // one far away, so that the slowest does not help
            (0..999).for_each(|_| delays.note(ms(delay)));
            let median = delays.percentile(50).unwrap();
            assert!(median.abs_diff(ms(delay)) <= ms(delay) / 8, "{delay}: {median:?}");
        }
    }

    #[test]
    fn each_step_begins_where_the_last_one_ends() {
        for n in 0..BUCKETS - 1 {
            assert_eq!(bucket(end(n)), n + 1, "{n}");
            assert_eq!(bucket(end(n) - Duration::from_micros(1)), n);
        }
        assert!(end(BUCKETS - 2) > ms(40_000));
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_of_what_was_seen_and_the_old_is_forgotten() {
        let mut delays = Delays::default();
        assert_eq!(delays.percentile(50), None);
        delays.note(ms(7));
        assert_eq!(delays.percentile(99), Some(ms(7)));
        (0..20_000).for_each(|_| delays.note(ms(20)));
        (0..20_000).for_each(|_| delays.note(ms(100)));
        assert!(delays.percentile(10).unwrap() > ms(80), "it answers more slowly now");
        assert_eq!(delays.slowest(), ms(100));
        assert!(delays.count() <= MOST);
    }
}
