//! Questions found in the bytes that arrive.

use wire::modbus::Heard;

use crate::fault::Way;

/// Collects bytes until they are a question.
#[derive(Debug)]
pub(crate) struct Ear {
    way: Way,
    bytes: Vec<u8>,
}

/// What the bytes so far are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sound {
    /// A question, with its bytes.
    Question(Heard, Vec<u8>),
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
    pub(crate) fn new(way: Way) -> Self {
        Self { way, bytes: Vec::new() }
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.way != Way::Tcp && self.bytes.len() > MOST {
            self.bytes.drain(..self.bytes.len() - RTU);
        }
    }

    /// Forgets a beginning that a silence has cut off.
    pub(crate) fn forget(&mut self) {
        self.bytes.clear();
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
            .find_map(|(at, frame)| Heard::rtu(frame).map(|heard| (at, heard, frame.to_vec())));
        let Some((at, heard, frame)) = found else { return Sound::Nothing };
        self.bytes.drain(..at + RTU);
        Sound::Question(heard, frame)
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
        let frame = self.bytes.drain(..6 + length).collect();
        Sound::Question(Heard { address, function, start, count, transaction }, frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: [u8; 8] = [1, 4, 0, 0x48, 0, 2, 0xf1, 0xdd];

    #[test]
    fn a_question_is_found_byte_by_byte_and_behind_noise() {
        let mut ear = Ear::new(Way::Pty);
        ear.hear(&[0, 0xff]);
        for byte in QUESTION {
            assert_eq!(ear.next(), Sound::Nothing);
            ear.hear(&[byte]);
        }
        let heard = Heard::rtu(&QUESTION).unwrap();
        assert_eq!(ear.next(), Sound::Question(heard, QUESTION.to_vec()));
        assert_eq!(ear.next(), Sound::Nothing);
    }

    #[test]
    fn two_questions_of_one_segment_are_two() {
        let mut ear = Ear::new(Way::Tcp);
        ear.hear(&[0, 7, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1, 0, 8, 0, 0, 0, 2, 1, 17]);
        let numbers = [ear.next(), ear.next()].map(|sound| match sound {
            Sound::Question(heard, _) => (heard.transaction, heard.function, heard.count),
            other => panic!("{other:?}"),
        });
        assert_eq!(numbers, [(7, 3, 1), (8, 17, 0)]);
        ear.hear(&[0, 7, 0, 1, 0, 6]);
        assert_eq!(ear.next(), Sound::Broken);
    }

    #[test]
    fn noise_does_not_grow() {
        let mut ear = Ear::new(Way::RtuOverTcp);
        for _ in 0..10_000 {
            ear.hear(&[0xaa; 100]);
        }
        assert!(ear.bytes.len() <= MOST + 100);
        ear.hear(&QUESTION);
        assert!(matches!(ear.next(), Sound::Question(..)));
    }
}
