use std::time::Duration;

use domain::Reason;
use tokio::time::Instant;

/// The longest a silent meter is left alone.
const LONGEST_REST: Duration = Duration::from_secs(300);
/// The shortest, where a meter is read without rest.
const SHORTEST_REST: Duration = Duration::from_secs(1);

/// How one meter answers: what it takes to leave a dead one alone and to notice a revived one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    /// Sweeps in a row without any answer.
    silences: u32,
    /// Not asked before.
    rest_until: Option<Instant>,
    /// The first byte of the slowest answer ever heard.
    slowest: Duration,
    /// What was wrong last time; a steady state is logged once.
    trouble: Option<Reason>,
}

/// What changed with an answer or a silence, to be logged once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// As before.
    None,
    /// It answers again.
    Back,
    /// It began to fail.
    Lost,
}

impl Health {
    /// Whether the meter is left alone at `now`.
    pub(crate) fn rests(&self, now: Instant) -> bool {
        self.rest_until.is_some_and(|until| now < until)
    }

    /// Whether the last sweep already found it silent: it is only probed, without retry.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.silences > 0
    }

    /// The slowest first byte ever heard.
    pub(crate) fn slowest(&self) -> Duration {
        self.slowest
    }

    /// The meter answered, sound or not: it is alive.
    pub(crate) fn answered(&mut self, first_byte: Option<Duration>) {
        self.silences = 0;
        self.rest_until = None;
        self.slowest = self.slowest.max(first_byte.unwrap_or_default());
    }

    /// The meter was silent for a whole sweep: it is asked ever more rarely, up to a limit.
    pub(crate) fn silent(&mut self, interval: Duration, now: Instant) {
        self.silences = self.silences.saturating_add(1);
        let doubled = interval.max(SHORTEST_REST) * 2_u32.pow(self.silences.min(12) - 1);
        // Half an interval less, so that the slot at the end of the rest is not missed by a hair.
        let rest = doubled.min(LONGEST_REST.max(interval));
        self.rest_until = Some(now + rest.saturating_sub(interval / 2));
    }

    /// Notes how a sweep of this meter ended.
    pub(crate) fn ended(&mut self, trouble: Option<Reason>) -> Change {
        let change = match (self.trouble, trouble) {
            (None, Some(_)) => Change::Lost,
            (Some(_), None) => Change::Back,
            _ => Change::None,
        };
        self.trouble = trouble;
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_meter_is_asked_ever_more_rarely_up_to_a_limit() {
        let minute = Duration::from_secs(60);
        let now = Instant::now();
        let mut health = Health::default();
        let mut rests = Vec::new();
        for _ in 0..6 {
            health.silent(minute, now);
            let seconds = (1..400).find(|s| !health.rests(now + Duration::from_secs(*s)));
            rests.push(seconds.unwrap());
        }
        assert_eq!(rests, [30, 90, 210, 270, 270, 270]);
        health.answered(None);
        assert!(!health.rests(now), "one answer brings it back at once");
    }

    #[test]
    fn a_steady_state_is_told_once() {
        let mut health = Health::default();
        assert_eq!(health.ended(None), Change::None);
        assert_eq!(health.ended(Some(Reason::Silent)), Change::Lost);
        assert_eq!(health.ended(Some(Reason::Frame)), Change::None);
        assert_eq!(health.ended(None), Change::Back);
    }
}
