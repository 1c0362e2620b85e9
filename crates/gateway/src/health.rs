use std::time::Duration;

use domain::Reason;
use tokio::time::Instant;

/// The longest a silent meter is left alone.
const LONGEST_REST: Duration = Duration::from_secs(300);
/// Slots further apart than this are not waited for: what failed is tried again before.
const FAR_APART: Duration = Duration::from_secs(900);
/// How soon at first, and how late at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(3600));
/// The shortest, where a meter is read without rest.
const SHORTEST_REST: Duration = Duration::from_secs(1);

/// How one meter answers: what it takes to leave a dead one alone and to notice a revived one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    /// Sweeps in a row without any answer.
    silences: u32,
    /// Not asked before.
    rest_until: Option<Instant>,
    /// When a question was left without an answer the last time.
    unanswered_at: Option<Instant>,
    /// What was wrong last time; a steady state is logged once.
    trouble: Option<Reason>,
    /// Visits in a row that brought no reading.
    fruitless: u32,
    /// Sound answers that still have to come alone before one is believed: two meters seem to have
    /// the address.
    doubted: u32,
    /// Whether each of the last questions brought a damaged answer, the latest in the lowest bit.
    damage: u16,
}

/// Sound answers in a row, each of them alone, after which a second meter is taken for gone.
const ALONE: u32 = 100;
/// Of the last ten answers so many damaged ones, while others on the bus are sound, are two meters
/// that speak at once.
const COLLISIONS: u32 = 4;
/// The latest answer ever seen came after 25 seconds.
const LATELY: Duration = Duration::from_secs(30);
const LAST_TEN: u16 = 0x3ff;

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

    /// Whether a silent meter is waited for as long as ever: every second time, in case it has
    /// become slower than it was.
    pub(crate) fn is_due_for_patience(&self) -> bool {
        self.silences % 2 == 1
    }

    /// The meter answered, sound or not: it is alive.
    pub(crate) fn answered(&mut self) {
        self.silences = 0;
        self.rest_until = None;
    }

    /// A question was not answered in time.
    pub(crate) fn unanswered(&mut self, now: Instant) {
        self.unanswered_at = Some(now);
    }

    /// A second answer came to a question, or one to none. What comes late after a silence may well
    /// be the meter itself; else it is another one with its address.
    pub(crate) fn spoke_unasked(&mut self, now: Instant) {
        if self.unanswered_at.is_none_or(|at| now.duration_since(at) >= LATELY) {
            self.doubled();
        }
    }

    /// A second meter seems to have the address.
    pub(crate) fn doubled(&mut self) {
        self.doubted = ALONE;
    }

    /// Notes whether an answer was damaged.
    pub(crate) fn heard(&mut self, damaged: bool) {
        self.damage = (self.damage << 1) | u16::from(damaged);
        if !damaged {
            self.doubted = self.doubted.saturating_sub(1);
        }
    }

    /// Whether a second meter seems to have the address: whose a reading is nobody knows.
    pub(crate) fn is_doubled(&self) -> bool {
        self.doubted > 0
    }

    /// Whether so many of its last ten answers were damaged as when two meters speak at once.
    pub(crate) fn collides(&self) -> bool {
        (COLLISIONS..10).contains(&(self.damage & LAST_TEN).count_ones())
    }

    /// Whether its last ten answers were all damaged.
    pub(crate) fn never_sound(&self) -> bool {
        self.damage & LAST_TEN == LAST_TEN
    }

    /// The meter was silent for a whole sweep: it is asked ever more rarely, up to a limit.
    pub(crate) fn silent(&mut self, interval: Duration, now: Instant) {
        self.silences = self.silences.saturating_add(1);
        let step = interval.max(SHORTEST_REST);
        let most = LONGEST_REST.as_nanos() / step.as_nanos();
        // Whole slots, at least the next one; half an interval less, so that the slot at the end
        // of the rest is not missed by a hair.
        let slots =
            2_u32.pow(self.silences.min(9) - 1).min(u32::try_from(most).unwrap_or(1)).max(1);
        let rest = (step * slots - interval / 2).min(LONGEST_REST);
        self.rest_until = Some(now + rest);
    }

    /// How soon a visit without any reading is tried again, where the next slot is far: a daily
    /// index that was missed at midnight is still worth having in the morning.
    pub(crate) fn again_after(&self, interval: Duration) -> Option<Duration> {
        let doubled = AGAIN.0 * 2_u32.pow(self.fruitless.min(9).checked_sub(1)?);
        (interval > FAR_APART).then_some(doubled.min(AGAIN.1))
    }

    /// What was wrong with the last visit.
    pub(crate) fn trouble(&self) -> Option<Reason> {
        self.trouble
    }

    /// Notes how a sweep of this meter ended.
    pub(crate) fn ended(&mut self, trouble: Option<Reason>) -> Change {
        let change = match (self.trouble, trouble) {
            (None, Some(_)) => Change::Lost,
            (Some(_), None) => Change::Back,
            _ => Change::None,
        };
        self.trouble = trouble;
        self.fruitless = if trouble.is_some() { self.fruitless.saturating_add(1) } else { 0 };
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
        health.answered();
        assert!(!health.rests(now), "one answer brings it back at once");
    }

    #[test]
    fn a_probe_comes_with_the_next_slot_where_slots_are_far_apart() {
        let now = Instant::now();
        for seconds in [200, 900, 86_400] {
            let interval = Duration::from_secs(seconds);
            let mut health = Health::default();
            for _ in 0..12 {
                health.silent(interval, now);
                assert!(!health.rests(now + interval), "{seconds} s");
            }
        }
    }

    #[test]
    fn what_a_daily_slot_missed_is_tried_again_before_the_next() {
        let mut health = Health::default();
        let minutes = |health: &Health, seconds| {
            let again = health.again_after(Duration::from_secs(seconds));
            again.map(|again| again.as_secs() / 60)
        };
        assert_eq!(minutes(&health, 86_400), None);
        let tries: Vec<_> = (0..5)
            .map(|_| {
                health.ended(Some(Reason::Silent));
                minutes(&health, 86_400).unwrap()
            })
            .collect();
        assert_eq!(tries, [10, 20, 40, 60, 60]);
        assert_eq!(minutes(&health, 900), None, "the next quarter hour is near");
        health.ended(None);
        assert_eq!(minutes(&health, 86_400), None);
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
