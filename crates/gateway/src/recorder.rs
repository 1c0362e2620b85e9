use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Clock;
use jiff::{SignedDuration, Unit};
use tokio::time::Instant;
use wire::modbus::{Answer, Fault};
use wire::transcript::{Entry, Event, Failure, Framing, Transcript, Verdict};

/// How far back a recorder remembers.
const KEPT: Duration = Duration::from_secs(600);
/// Most records it holds: about 1,300 questions with their answers.
const RECORDS: usize = 4_096;
/// Most bytes of frames it holds.
const BYTES: usize = 128 * 1024;

/// Pieces of an answer that come within so long are one record; a player keeps half of the pause
/// that ends an answer.
const MOMENT: Duration = Duration::from_millis(10);
/// Pieces further apart are never one record: from 1.75 ms a pause may be the end of a frame.
const PAUSE: Duration = Duration::from_micros(1_500);
/// So many recorders have full room; more share it, so that a thousand buses fit a small box.
const WITH_FULL_ROOM: usize = 16;
/// The least part of the full room: 128 records.
const LEAST: usize = 32;

/// What went over a line in the last minutes, as a ring in memory: at most 10 minutes and 256 KiB,
/// less where a gateway has more than 16 buses.
///
/// The conversation on the line writes it, always; whoever wants to know reads it as a
/// [`Transcript`]. A clone is one more handle on the same recorder.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Ring>>);

impl Recorder {
    /// The only one.
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self::among(1)
    }

    /// One of so many recorders of a gateway, which has heard nothing yet. Its times count from
    /// now.
    pub(crate) fn among(recorders: usize) -> Self {
        let share = recorders.div_ceil(WITH_FULL_ROOM).clamp(1, LEAST);
        let (records, bytes) = (RECORDS / share, BYTES / share);
        Self(Arc::new(Mutex::new(Ring {
            began: Instant::now(),
            most: (records, bytes),
            records: VecDeque::with_capacity(records),
            bytes: VecDeque::with_capacity(bytes),
            open: false,
        })))
    }

    /// Notes a question and how it is asked.
    pub(crate) fn sent(&self, now: Instant, terms: Terms, question: &[u8]) {
        let Terms { framing, patience, listen } = terms;
        let [patience_us, listen_us] =
            [patience, listen].map(|span| u32::try_from(span.as_micros()).unwrap_or(u32::MAX));
        let mut ring = self.ring();
        ring.open = true;
        ring.note(now, question, |length| What::Sent { framing, patience_us, listen_us, length });
    }

    /// Notes bytes as they came, which may be a part of an answer, or nobody's.
    pub(crate) fn heard(&self, now: Instant, bytes: &[u8]) {
        let mut ring = self.ring();
        if !ring.lengthen(now, bytes) {
            ring.note(now, bytes, |length| What::Heard { length });
        }
    }

    /// Notes what was made of the last question: an answer, a fault, or `None` when the port was
    /// lost. Where no question is open this says nothing: a port that could not be opened was asked
    /// nothing.
    pub(crate) fn judged(&self, now: Instant, answer: Option<Result<Answer<'_>, Fault>>) {
        let verdict = answer.map_or(Verdict::Failed(Failure::PORT_LOST), Verdict::from);
        let mut ring = self.ring();
        if std::mem::take(&mut ring.open) {
            ring.note(now, &[], |_| What::Judged(verdict));
        }
    }

    /// What is remembered, with times that count from the first entry. The clock says when that
    /// was; an hour that was set meanwhile moves the whole.
    #[must_use]
    pub fn transcript(&self, clock: &Clock) -> Transcript {
        let mut ring = self.ring();
        let now = ring.since_began(Instant::now());
        ring.forget(now);
        let Some(first) = ring.records.front().map(|record| record.at_us) else {
            return Transcript::default();
        };
        let ago = Duration::from_micros(now.saturating_sub(first));
        let began_at = SignedDuration::try_from(ago).ok().and_then(|ago| {
            let began_at = clock.now().checked_sub(ago).ok()?;
            began_at.round(Unit::Millisecond).ok()
        });
        Transcript { began_at, entries: ring.entries(first) }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // What a panic left behind is still a ring: at worst its last record lacks bytes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// How a question is asked: what has to be the same when it is asked again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) framing: Framing,
    /// How long the first byte of an answer is waited for.
    pub(crate) patience: Duration,
    /// How long is listened after the answer for a second one.
    pub(crate) listen: Duration,
}

impl Terms {
    fn events(self) -> [Event; 3] {
        let Self { framing, patience, listen } = self;
        [Event::Framing(framing), Event::Patience(patience), Event::Listen(listen)]
    }
}

/// Records in order, and beside them the bytes of all of them. Neither ever grows.
struct Ring {
    began: Instant,
    /// Most records, and most bytes.
    most: (usize, usize),
    records: VecDeque<Record>,
    bytes: VecDeque<u8>,
    /// Whether the last question has no verdict yet.
    open: bool,
}

struct Record {
    /// Microseconds since the ring began.
    at_us: u64,
    what: What,
}

const _: () = assert!(size_of::<Record>() <= 32, "128 KiB of records at most");

enum What {
    Sent { framing: Framing, patience_us: u32, listen_us: u32, length: u16 },
    Heard { length: u16 },
    Judged(Verdict),
}

impl Record {
    /// How many bytes of the ring are this record's.
    fn length(&self) -> usize {
        match self.what {
            What::Sent { length, .. } | What::Heard { length } => length.into(),
            What::Judged(_) => 0,
        }
    }

    /// The terms of a question.
    fn terms(&self) -> Option<Terms> {
        let What::Sent { framing, patience_us, listen_us, .. } = self.what else { return None };
        let [patience, listen] =
            [patience_us, listen_us].map(|micros| Duration::from_micros(micros.into()));
        Some(Terms { framing, patience, listen })
    }
}

impl Ring {
    fn since_began(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.began).as_micros()).unwrap_or(u64::MAX)
    }

    fn note(&mut self, now: Instant, bytes: &[u8], what: impl FnOnce(u16) -> What) {
        let (records, most) = self.most;
        let length = bytes.len().min(most).try_into().unwrap_or(u16::MAX);
        let at_us = self.since_began(now);
        self.forget(at_us);
        let room = most - usize::from(length);
        while self.records.len() >= records || self.bytes.len() > room {
            self.forget_first();
        }
        self.bytes.extend(bytes.iter().take(length.into()));
        self.records.push_back(Record { at_us, what: what(length) });
    }

    /// Adds bytes to the last record, where it is of the same answer and moments old: a line whose
    /// bytes come one by one would fill the ring with their times. The first piece of an answer
    /// stays alone, since its time is the meter's delay.
    fn lengthen(&mut self, now: Instant, bytes: &[u8]) -> bool {
        let at_us = self.since_began(now);
        let Some(before) = self.records.len().checked_sub(2) else { return false };
        let Some(Record { at_us: since, what: What::Heard { .. } }) = self.records.get(before)
        else {
            return false;
        };
        let moment = u64::try_from(MOMENT.as_micros()).unwrap_or(0);
        let last = self.records.back().map_or(0, |record| record.at_us);
        let pause = u64::try_from(PAUSE.as_micros()).unwrap_or(0);
        if at_us.saturating_sub(last) > pause
            || at_us.saturating_sub(*since) > moment
            || self.bytes.len() + bytes.len() > self.most.1
        {
            return false;
        }
        let Some(Record { at_us: last, what: What::Heard { length } }) = self.records.back_mut()
        else {
            return false;
        };
        let Some(longer) = u16::try_from(bytes.len()).ok().and_then(|n| length.checked_add(n))
        else {
            return false;
        };
        (*last, *length) = (at_us, longer);
        self.bytes.extend(bytes);
        true
    }

    /// Forgets what is older than a recorder remembers.
    fn forget(&mut self, now_us: u64) {
        let kept_us = u64::try_from(KEPT.as_micros()).unwrap_or(u64::MAX);
        let oldest = now_us.saturating_sub(kept_us);
        while self.records.front().is_some_and(|record| record.at_us < oldest) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let length = self.records.pop_front().map_or(self.bytes.len(), |record| record.length());
        self.bytes.drain(..length.min(self.bytes.len()));
    }

    fn entries(&self, first_us: u64) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.records.len() + 2);
        let mut bytes = self.bytes.iter().copied();
        // Nothing is said of listening for a second answer until somebody does.
        let mut said = [None, None, Some(Event::Listen(Duration::ZERO))];
        // What was heard before the first question that is left was heard on its terms.
        let first = self.records.iter().find_map(Record::terms);
        for record in &self.records {
            let terms = record.terms().or_else(|| first.filter(|_| entries.is_empty()));
            for (said, event) in said.iter_mut().zip(terms.into_iter().flat_map(Terms::events)) {
                if said.as_ref() != Some(&event) {
                    entries.push(Entry { at: None, event: event.clone() });
                    *said = Some(event);
                }
            }
            let own = bytes.by_ref().take(record.length()).collect();
            let event = match record.what {
                What::Sent { .. } => Event::Sent(own),
                What::Heard { .. } => Event::Heard(own),
                What::Judged(verdict) => Event::Judged(verdict),
            };
            let at = Some(Duration::from_micros(record.at_us - first_us));
            entries.push(Entry { at, event });
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use wire::Line;
    use wire::modbus::Refusal;

    use super::*;

    fn terms(baud: u32, patience_s: u64) -> Terms {
        Terms {
            framing: Framing::Serial(Line { baud, ..Line::default() }),
            patience: Duration::from_secs(patience_s),
            listen: Duration::ZERO,
        }
    }

    fn clock() -> Clock {
        Clock::stopped("2026-11-24T15:20:10Z".parse::<Timestamp>().unwrap())
    }

    fn after(micros: u64) -> Instant {
        Instant::now() + Duration::from_micros(micros)
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_said_is_read_as_it_was_said() {
        let recorder = Recorder::new();
        assert_eq!(recorder.transcript(&clock()), Transcript::default());
        recorder.heard(after(0), &[0]);
        recorder.sent(after(500), terms(9600, 1), &[1, 4]);
        recorder.heard(after(42_137), &[1]);
        recorder.heard(after(43_000), &[4, 2]);
        recorder.judged(after(47_000), Some(Err(Fault::Ambiguous)));
        recorder.judged(after(47_000), None);
        recorder.sent(after(60_000), terms(9600, 1), &[2, 4]);
        recorder.judged(after(1_060_500), Some(Err(Fault::Silent)));
        let slow = Terms { listen: Duration::from_micros(7_500), ..terms(2400, 2) };
        recorder.sent(after(2_000_000), slow, &[3, 4]);
        recorder.judged(after(2_070_000), Some(Ok(Answer::Refused(Refusal(2)))));
        recorder.sent(after(2_100_000), terms(2400, 2), &[3, 4]);
        recorder.judged(after(2_101_000), None);
        tokio::time::advance(Duration::from_millis(6_886)).await;
        let expected = "\
@ at 2026-11-24T15:20:03.114Z
@ rtu 9600 8N1
@ patience 1000
     0 < 00
     0.500 > 01 04
    42.137 < 01
    43 < 04 02
    47 = damaged: ambiguous
    60 > 02 04
  1060.500 = silent
@ rtu 2400 8N1
@ patience 2000
@ listen 7.500
  2000 > 03 04
  2070 = refused 2
@ listen 0
  2100 > 03 04
  2101 = lost: port_lost
";
        assert_eq!(recorder.transcript(&clock()).to_string(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_last_minutes_are_kept() {
        let recorder = Recorder::new();
        for n in 0..20 {
            recorder.sent(Instant::now(), terms(9600, 1), &[n]);
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        let entries = recorder.transcript(&clock()).entries;
        assert_eq!(entries[2].event, Event::Sent(vec![10]));
        assert_eq!(entries.len(), 2 + 10);
        tokio::time::advance(KEPT).await;
        assert_eq!(recorder.transcript(&clock()), Transcript::default());
    }

    #[test]
    fn many_recorders_share_their_room() {
        let room = |recorders| Recorder::among(recorders).ring().most;
        assert_eq!(room(1), (RECORDS, BYTES));
        assert_eq!(room(16), room(1));
        assert_eq!(room(100), (RECORDS / 7, BYTES / 7));
        assert_eq!(room(10_000), (128, 4096));
    }

    #[tokio::test(start_paused = true)]
    async fn neither_many_frames_nor_long_ones_make_it_grow() {
        let recorder = Recorder::new();
        let room = |recorder: &Recorder| {
            let ring = recorder.ring();
            (ring.records.capacity(), ring.bytes.capacity())
        };
        let before = room(&recorder);
        for (length, frames) in [(1, 3 * RECORDS), (512, 3 * BYTES / 512), (65_535, 5)] {
            let frame = |n: usize| vec![u8::try_from(n % 251).unwrap(); length];
            let at =
                |n: usize| Instant::now() + Duration::from_millis(2) * u32::try_from(n).unwrap();
            (0..frames).for_each(|n| recorder.heard(at(n), &frame(n)));
            tokio::time::advance(Duration::from_secs(60)).await;
            let entries = recorder.transcript(&clock()).entries;
            assert_eq!(entries.len(), RECORDS.min(BYTES / length));
            for (entry, n) in entries.iter().rev().zip((0..frames).rev()) {
                assert_eq!(entry.event, Event::Heard(frame(n)));
            }
        }
        assert_eq!(room(&recorder), before);
    }
}
