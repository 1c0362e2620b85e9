//! Questions found in the bytes that arrive.

use std::time::Duration;

use tokio::time::Instant;
use wire::modbus::Heard;

use crate::fault::Way;

/// Collects bytes until they are a question.
#[derive(Debug)]
pub(crate) struct Ear {
    way: Way,
    /// How long a byte takes on the line.
    character: Duration,
    bytes: Vec<u8>,
    /// When each of the bytes began, and since when the line had been quiet.
    marks: Vec<Mark>,
    quiet_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    quiet_since: Option<Instant>,
}

/// A question with its bytes and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub heard: Heard,
    pub frame: Vec<u8>,
    /// When its first byte began.
    pub began: Instant,
    /// Since when the line had been quiet then. `None` if nothing was ever heard or said.
    pub quiet_since: Option<Instant>,
}

impl Question {
    /// Whether it began before the line had been quiet for so long.
    pub(crate) fn is_early(&self, silence: Duration) -> bool {
        self.quiet_since.is_some_and(|since| self.began < since + silence)
    }
}

/// What the bytes so far are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sound {
    /// A question.
    Question(Question),
    /// Not enough for a question yet.
    Nothing,
    /// Not Modbus TCP: nobody can tell where the next question starts.
    Broken,
}

/// Bytes of an RTU question that reads.
const RTU: usize = 8;
/// More bytes than any frame has are noise.
const MOST: usize = 512;

impl Ear {
    pub(crate) fn new(way: Way, character: Duration) -> Self {
        let (bytes, marks) = (Vec::new(), Vec::new());
        Self { way, character, bytes, marks, quiet_since: None }
    }

    /// Hears bytes. They come in one go, but on the line each takes its time.
    pub(crate) fn hear(&mut self, bytes: &[u8], now: Instant) {
        let mut at = self.quiet_since.map_or(now, |since| since.max(now));
        for byte in bytes {
            self.bytes.push(*byte);
            self.marks.push(Mark { at, quiet_since: self.quiet_since });
            at += self.character;
            self.quiet_since = Some(at);
        }
        if self.way != Way::Tcp && self.bytes.len() > MOST {
            self.take(self.bytes.len() - RTU);
        }
    }

    /// Is told that bytes were said, and when the last of them left.
    pub(crate) fn said(&mut self, at: Instant) {
        self.quiet_since = self.quiet_since.max(Some(at));
    }

    /// Forgets a beginning that a silence has cut off.
    pub(crate) fn forget(&mut self) {
        self.take(self.bytes.len());
    }

    fn take(&mut self, count: usize) -> (Vec<u8>, Vec<Mark>) {
        (self.bytes.drain(..count).collect(), self.marks.drain(..count).collect())
    }

    fn question(&mut self, heard: Heard, at: usize, count: usize) -> Sound {
        self.take(at);
        let (frame, marks) = self.take(count);
        let first = marks.first();
        let quiet_since = first.and_then(|mark| mark.quiet_since);
        let began = first.map_or_else(Instant::now, |mark| mark.at);
        Sound::Question(Question { heard, frame, began, quiet_since })
    }

    /// Takes the next question out of what was heard.
    pub(crate) fn next(&mut self) -> Sound {
        match self.way {
            Way::Tcp => self.next_tcp(),
            Way::Pty | Way::RtuOverTcp => self.next_rtu(),
        }
    }

    /// An RTU question is found by its checksum; bytes in front of it are noise.
    fn next_rtu(&mut self) -> Sound {
        let found = self
            .bytes
            .windows(RTU)
            .enumerate()
            .find_map(|(at, frame)| Heard::rtu(frame).map(|heard| (at, heard)));
        let Some((at, heard)) = found else { return Sound::Nothing };
        self.question(heard, at, RTU)
    }

    /// A Modbus TCP question is found by its header. One that does not read has another length.
    fn next_tcp(&mut self) -> Sound {
        let &[t, u, p, q, l, m, ref body @ ..] = self.bytes.as_slice() else {
            return Sound::Nothing;
        };
        let length = usize::from(u16::from_be_bytes([l, m]));
        if (p, q) != (0, 0) || !(2..=254).contains(&length) {
            return Sound::Broken;
        }
        let Some(&[address, function, ref rest @ ..]) = body.get(..length) else {
            return Sound::Nothing;
        };
        let (start, count) = match rest {
            &[a, b, c, d, ..] => (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
            _ => (0, 0),
        };
        let transaction = u16::from_be_bytes([t, u]);
        let heard = Heard { address, function, start, count, transaction };
        self.question(heard, 0, 6 + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: [u8; 8] = [1, 4, 0, 0x48, 0, 2, 0xf1, 0xdd];
    const CHARACTER: Duration = Duration::from_millis(1);

    fn ear(way: Way) -> Ear {
        Ear::new(way, CHARACTER)
    }

    fn question(sound: Sound) -> Question {
        match sound {
            Sound::Question(question) => question,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_question_is_found_byte_by_byte_and_behind_noise() {
        let (mut ear, now) = (ear(Way::Pty), Instant::now());
        ear.hear(&[0, 0xff], now);
        for byte in QUESTION {
            assert_eq!(ear.next(), Sound::Nothing);
            ear.hear(&[byte], now);
        }
        let found = question(ear.next());
        assert_eq!((found.heard, found.frame), (Heard::rtu(&QUESTION).unwrap(), QUESTION.to_vec()));
        assert_eq!(found.began, now + 2 * CHARACTER, "two bytes were on the line before it");
        assert_eq!(ear.next(), Sound::Nothing);
    }

    #[test]
    fn a_question_is_early_after_what_was_on_the_line_when_it_began() {
        let (mut ear, now) = (ear(Way::Pty), Instant::now());
        let silence = 7 * CHARACTER / 2;
        for (after, said, early) in [
            (0, None, false),            // nothing was ever on the line
            (11, None, true),            // 3 ms after the question before it
            (12, None, false),           // 4 ms
            (30, Some(27), true),        // 3 ms after our answer
            (31, Some(27), false),       // 4 ms
            (1_000, Some(1_500), false), // an answer that is still to come was not heard
        ] {
            ear.quiet_since = (after > 0).then_some(now + 8 * CHARACTER);
            said.filter(|said| *said < after).into_iter().for_each(|ms| {
                ear.said(now + Duration::from_millis(ms));
            });
            ear.hear(&QUESTION, now + Duration::from_millis(after));
            ear.said(now + Duration::from_millis(said.unwrap_or_default()));
            assert_eq!(question(ear.next()).is_early(silence), early, "{after} {said:?}");
        }
        ear.hear(&[QUESTION, QUESTION].concat(), now + Duration::from_secs(9));
        let both = [ear.next(), ear.next()].map(|sound| question(sound).is_early(silence));
        assert_eq!(both, [false, true], "one right behind the other");
    }

    #[test]
    fn two_questions_of_one_segment_are_two() {
        let mut ear = ear(Way::Tcp);
        let now = Instant::now();
        ear.hear(&[0, 7, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1, 0, 8, 0, 0, 0, 2, 1, 17], now);
        let numbers = [ear.next(), ear.next()].map(|sound| {
            let heard = question(sound).heard;
            (heard.transaction, heard.function, heard.count)
        });
        assert_eq!(numbers, [(7, 3, 1), (8, 17, 0)]);
        ear.hear(&[0, 7, 0, 1, 0, 6], now);
        assert_eq!(ear.next(), Sound::Broken);
    }

    #[test]
    fn noise_does_not_grow() {
        let mut ear = ear(Way::RtuOverTcp);
        for _ in 0..10_000 {
            ear.hear(&[0xaa; 100], Instant::now());
        }
        assert!(ear.bytes.len() <= MOST + 100);
        assert_eq!(ear.bytes.len(), ear.marks.len());
        ear.hear(&QUESTION, Instant::now());
        assert!(matches!(ear.next(), Sound::Question(..)));
    }
}
