use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::agenda::{Due, Skipped};

/// When the paces of the meters of one bus are due. Pure: time is an argument.
///
/// Sweeps are aligned to the clock of the site: an interval of a quarter-hour is due at :00, :15,
/// :30, :45, one of a day at local midnight. A slot that passed while the bus was busy is skipped,
/// never caught up: a late index is no index of that instant.
#[derive(Debug)]
pub(crate) struct Schedule {
    zone: TimeZone,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    meter: usize,
    pace: u32,
    interval: Duration,
    /// When it is due; at the start everything is due at once.
    next: Timestamp,
}

impl Schedule {
    /// `paces` holds the intervals of each meter.
    pub(crate) fn new<I: IntoIterator<Item = Duration>>(
        paces: impl IntoIterator<Item = I>,
        zone: TimeZone,
        now: Timestamp,
    ) -> Self {
        let meters = paces.into_iter().enumerate();
        let slots = meters.flat_map(|(meter, paces)| {
            let paces = (0..).zip(paces);
            paces.map(move |(pace, interval)| Slot { meter, pace, interval, next: now })
        });
        Self { zone, slots: slots.collect() }
    }

    /// What is due, as the meter and what of it. Its next slot is the first one after `now`. What
    /// is read without rest is due only while nothing else waits.
    pub(crate) fn take_due(&mut self, now: Timestamp, idle: bool) -> Vec<(usize, Due)> {
        let zone = &self.zone;
        let due = self.slots.iter_mut().filter(|slot| slot.next <= now);
        due.filter(|slot| idle || !slot.interval.is_zero())
            .map(|slot| (slot.meter, slot.take(now, zone)))
            .collect()
    }

    /// Makes a meter due at an instant, if its next slot is later.
    pub(crate) fn again(&mut self, meter: usize, at: Timestamp) {
        for slot in self.slots.iter_mut().filter(|slot| slot.meter == meter) {
            slot.next = slot.next.min(at);
        }
    }

    /// How long until something is due; zero when it is. `None` when nothing ever is.
    pub(crate) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let next = self.slots.iter().map(|slot| slot.next).min()?;
        Some(Duration::try_from(next.duration_since(now)).unwrap_or_default())
    }

    /// After the clock was set back, slots that lie further ahead than one interval come closer.
    pub(crate) fn clock_stepped(&mut self, now: Timestamp) {
        for slot in &mut self.slots {
            slot.next = slot.next.min(after(now, slot.interval, &self.zone));
        }
    }
}

impl Slot {
    /// What is due now; the next slot is behind `now`.
    fn take(&mut self, now: Timestamp, zone: &TimeZone) -> Due {
        let paces = 1 << self.pace;
        let (first, next) = (self.next, after(now, self.interval, zone));
        self.next = next;
        let deadline = if self.interval.is_zero() { Timestamp::MAX } else { next };
        let (at, since) = (first, first);
        // What comes before its slot, at the start or once more, is not asked for the one before.
        let slot = latest(now, self.interval, zone).filter(|slot| *slot >= first);
        let mut due = Due { paces, at, slot, since, deadline, skipped: Vec::new() };
        let passed = now.duration_since(first).as_nanos();
        let step = i128::try_from(self.interval.as_nanos()).unwrap_or(i128::MAX);
        // The slot just begun is asked for, those before it are not.
        let skipped = passed.checked_div(step).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        if skipped > 0 {
            let step = i64::try_from(step).unwrap_or(i64::MAX);
            let slot = |n: u64| {
                let ahead = i64::try_from(n).unwrap_or(i64::MAX).saturating_mul(step);
                first.checked_add(SignedDuration::from_nanos(ahead)).unwrap_or(now)
            };
            due.at = slot(skipped);
            let last = slot(skipped - 1);
            due.skipped.push(Skipped { pace: paces, count: skipped, first, last });
        }
        due
    }
}

/// The first slot after `now`. The grid begins anew at each local midnight, so that slots fit the
/// site's calendar on the days on which the clocks change too.
fn after(now: Timestamp, interval: Duration, zone: &TimeZone) -> Timestamp {
    let Ok(interval) = SignedDuration::try_from(interval) else { return Timestamp::MAX };
    if interval.is_zero() {
        return now;
    }
    let today = now.to_zoned(zone.clone());
    let days = (interval.as_secs() / SECONDS_OF_DAY).max(1);
    let midnight = midnight_after(&today, days).unwrap_or(Timestamp::MAX);
    if interval.as_secs() >= SECONDS_OF_DAY {
        return midnight;
    }
    let Ok(origin) = today.start_of_day().map(|start| start.timestamp()) else { return midnight };
    let (passed, step) = (now.duration_since(origin).as_nanos(), interval.as_nanos());
    let ahead = i64::try_from(step * (passed.div_euclid(step) + 1)).unwrap_or(i64::MAX);
    let slot = origin.checked_add(SignedDuration::from_nanos(ahead)).unwrap_or(midnight);
    slot.min(midnight)
}

/// The last slot up to `now`, itself included, of the same grid. `None` without an interval.
fn latest(now: Timestamp, interval: Duration, zone: &TimeZone) -> Option<Timestamp> {
    let interval = SignedDuration::try_from(interval).ok().filter(|some| !some.is_zero())?;
    let today = now.to_zoned(zone.clone());
    let days = interval.as_secs() / SECONDS_OF_DAY;
    if days > 0 {
        let since = days_since_epoch(today.date())?.rem_euclid(days);
        let date = today.date().checked_sub(since.days()).ok()?;
        return Some(date.to_zoned(zone.clone()).ok()?.timestamp());
    }
    let origin = today.start_of_day().ok()?.timestamp();
    let (passed, step) = (now.duration_since(origin).as_nanos(), interval.as_nanos());
    let behind = i64::try_from(passed - passed.rem_euclid(step)).ok()?;
    origin.checked_add(SignedDuration::from_nanos(behind)).ok()
}

/// The next midnight of a grid of `days`, counted from the first day of 1970.
fn midnight_after(today: &Zoned, days: i64) -> Option<Timestamp> {
    let passed = days_since_epoch(today.date())?;
    let ahead = days - passed.rem_euclid(days);
    let next = today.date().checked_add(ahead.days()).ok()?;
    Some(next.to_zoned(today.time_zone().clone()).ok()?.timestamp())
}

fn days_since_epoch(date: Date) -> Option<i64> {
    Some(i64::from(date.since(EPOCH).ok()?.get_days()))
}

const SECONDS_OF_DAY: i64 = 86_400;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(minutes: &[u64], zone: &str, now: &str) -> Schedule {
        let meters = minutes.iter().map(|minutes| [Duration::from_secs(60 * minutes)]);
        Schedule::new(meters, TimeZone::get(zone).unwrap(), at(now))
    }

    /// The meters that are due, each with the slot it is asked for.
    fn due(schedule: &mut Schedule, now: Timestamp) -> Vec<(usize, Timestamp)> {
        schedule.take_due(now, true).into_iter().map(|(meter, due)| (meter, due.at)).collect()
    }

    #[test]
    fn everything_is_due_at_the_start_and_then_on_the_grid() {
        let now = at("2026-11-14T14:05:20Z");
        let mut schedule = schedule(&[1, 15], "Europe/Zurich", "2026-11-14T14:05:20Z");
        assert_eq!(due(&mut schedule, now), [(0, now), (1, now)]);
        assert_eq!(schedule.wait(now), Some(Duration::from_secs(40)));
        assert_eq!(due(&mut schedule, at("2026-11-14T14:05:59Z")), []);
        let minute = at("2026-11-14T14:06:00Z");
        assert_eq!(due(&mut schedule, minute), [(0, minute)]);
    }

    #[test]
    fn only_what_is_asked_on_the_grid_has_a_slot() {
        let mut schedule = schedule(&[15, 0], "Europe/Zurich", "2026-11-14T14:05:20Z");
        let mut slots = |now| -> Vec<Option<Timestamp>> {
            schedule.take_due(at(now), true).iter().map(|(_, due)| due.slot).collect()
        };
        assert_eq!(slots("2026-11-14T14:05:20Z"), [None, None], "the start is no slot");
        let quarter = Some(at("2026-11-14T14:15:00Z"));
        assert_eq!(slots("2026-11-14T14:15:02Z"), [quarter, None], "late, and yet of that slot");
        schedule.again(0, at("2026-11-14T14:20:00Z"));
        let mut again = |now| schedule.take_due(at(now), false).pop().unwrap().1.slot;
        assert_eq!(again("2026-11-14T14:20:00Z"), None, "once more is between two slots");
        schedule.again(0, at("2026-11-14T14:29:59Z"));
        let mut again = |now| schedule.take_due(at(now), false).pop().unwrap().1.slot;
        assert_eq!(again("2026-11-14T14:30:01Z"), Some(at("2026-11-14T14:30:00Z")));
    }

    #[test]
    fn the_last_slot_is_followed_by_the_next() {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        for seconds in [1, 900, 7 * 3600, 86_400, 7 * 86_400] {
            let interval = Duration::from_secs(seconds);
            for now in ["2026-03-29T12:00:00Z", "2026-10-25T00:59:59Z", "2026-11-14T23:00:00Z"] {
                let slot = latest(at(now), interval, &zone).unwrap();
                assert!(slot <= at(now), "{seconds} s at {now}: {slot}");
                assert_eq!(after(slot, interval, &zone), after(at(now), interval, &zone), "{now}");
                assert_eq!(latest(slot, interval, &zone), Some(slot), "it is on the grid");
            }
        }
    }

    #[test]
    fn slots_that_passed_are_skipped_and_counted() {
        let mut schedule = schedule(&[1, 15], "Europe/Zurich", "2026-11-14T14:06:30Z");
        schedule.take_due(at("2026-11-14T14:06:30Z"), true);
        let quarter = at("2026-11-14T14:15:00Z");
        let due = schedule.take_due(at("2026-11-14T14:15:03Z"), true);
        let (first, last) = (at("2026-11-14T14:07:00Z"), at("2026-11-14T14:14:00Z"));
        let skipped = Skipped { pace: 1, count: 8, first, last };
        let next = at("2026-11-14T14:16:00Z");
        let since = first;
        let skipped = vec![skipped];
        let slot = Some(quarter);
        let minutely = Due { paces: 1, at: quarter, slot, since, deadline: next, skipped };
        let next = at("2026-11-14T14:30:00Z");
        let (at, since) = (quarter, quarter);
        let quarterly = Due { paces: 1, at, slot, since, deadline: next, skipped: vec![] };
        assert_eq!(due, [(0, minutely), (1, quarterly)]);
    }

    #[test]
    fn what_has_two_paces_is_due_at_each() {
        let now = at("2026-11-14T14:05:20Z");
        let paces = [[Duration::from_secs(10), Duration::from_secs(900)]];
        let mut schedule = Schedule::new(paces, TimeZone::UTC, now);
        let mut paces = |now| -> Vec<u64> {
            schedule.take_due(at(now), true).iter().map(|(_, due)| due.paces).collect()
        };
        assert_eq!(paces("2026-11-14T14:05:20Z"), [1, 2]);
        assert_eq!(paces("2026-11-14T14:05:30Z"), [1]);
        assert_eq!(paces("2026-11-14T14:15:00Z"), [1, 2]);
    }

    #[test]
    fn a_daily_slot_is_local_midnight_on_every_kind_of_day() {
        for (now, midnight) in [
            ("2026-06-14T12:00:00Z", "2026-06-14T22:00:00Z"),
            ("2026-03-29T12:00:00Z", "2026-03-29T22:00:00Z"), // 23 hours
            ("2026-10-25T12:00:00Z", "2026-10-25T23:00:00Z"), // 25 hours
        ] {
            let zone = TimeZone::get("Europe/Zurich").unwrap();
            let day = Duration::from_secs(86_400);
            assert_eq!(after(at(now), day, &zone), at(midnight), "{now}");
        }
    }

    #[test]
    fn what_failed_may_come_before_its_next_slot_but_never_after() {
        let now = at("2026-11-14T14:05:20Z");
        let mut schedule = schedule(&[15], "UTC", "2026-11-14T14:05:20Z");
        schedule.take_due(now, true);
        schedule.again(0, at("2026-11-14T14:10:00Z"));
        assert_eq!(schedule.wait(now), Some(Duration::from_secs(280)));
        schedule.again(0, at("2026-11-14T15:00:00Z"));
        assert_eq!(schedule.wait(now), Some(Duration::from_secs(280)));
    }

    #[test]
    fn without_an_interval_a_meter_is_always_due() {
        let mut schedule = schedule(&[0], "UTC", "2026-11-14T14:05:20Z");
        let now = at("2026-11-14T14:05:20Z");
        for _ in 0..3 {
            assert_eq!(schedule.take_due(now, false), [], "while others wait it does not");
            assert_eq!(due(&mut schedule, now).len(), 1);
            assert_eq!(schedule.wait(now), Some(Duration::ZERO));
        }
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_reading() {
        let mut schedule = schedule(&[1], "UTC", "2026-11-14T14:05:20Z");
        schedule.take_due(at("2026-11-14T14:05:20Z"), true);
        let earlier = at("2026-11-14T12:00:30Z");
        schedule.clock_stepped(earlier);
        assert_eq!(schedule.wait(earlier), Some(Duration::from_secs(30)));
    }
}
