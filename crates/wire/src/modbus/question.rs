use super::{Fault, Read, Refusal, crc};

/// How frames are told apart and checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// RTU on a serial line: checksum, and silence between frames.
    Rtu,
    /// RTU frames on a socket, through a transparent converter: checksum, no silence to rely on.
    RtuOverTcp,
    /// Modbus TCP: a header with transaction and length.
    Tcp,
}

/// What was asked, as bytes, and what the right answer looks like.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) read: Read,
    pub(super) framing: Framing,
    pub(super) transaction: u16,
    frame: [u8; 12],
}

impl Question {
    pub(super) fn rtu(read: Read, framing: Framing) -> Self {
        let [f, a, b, c, d] = read.pdu();
        let [low, high] = crc(&[read.address, f, a, b, c, d]).to_le_bytes();
        let frame = [read.address, f, a, b, c, d, low, high, 0, 0, 0, 0];
        Self { read, framing, transaction: 0, frame }
    }

    pub(super) fn tcp(read: Read, transaction: u16) -> Self {
        let [t, u] = transaction.to_be_bytes();
        let [f, a, b, c, d] = read.pdu();
        let frame = [t, u, 0, 0, 0, 6, read.address, f, a, b, c, d];
        Self { read, framing: Framing::Tcp, transaction, frame }
    }

    /// The bytes to send.
    pub(super) fn request(&self) -> &[u8] {
        let length = if self.framing == Framing::Tcp { 12 } else { 8 };
        self.frame.get(..length).unwrap_or_default()
    }

    /// How many data bytes the right answer carries.
    pub(super) fn data_len(&self) -> usize {
        usize::from(self.read.count) * 2
    }

    /// Whether an answer with this byte count is as long as asked for; never cut, never filled. A
    /// question beyond the limits has no such answer.
    pub(super) fn wants(&self, byte_count: u8) -> bool {
        (1..=Read::MOST).contains(&self.read.count) && usize::from(byte_count) == self.data_len()
    }

    /// The whole length of the right answer.
    pub(super) fn expected_len(&self) -> usize {
        let around = if self.framing == Framing::Tcp { 9 } else { 5 };
        around + self.data_len()
    }

    /// The function code with which the meter refuses.
    pub(super) fn refusal_code(&self) -> u8 {
        self.read.function.code() | 0x80
    }
}

/// What lies at the head of the bytes that are not yet judged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Head {
    /// Too few bytes to tell.
    Unclear,
    /// A whole frame of so many bytes.
    Frame(Kind, usize),
    /// A byte that belongs to no frame, and the damaged frame that it seems to begin.
    Junk(Option<Fault>),
    /// Frames can no longer be told apart (Modbus TCP only).
    Lost(Fault),
}

/// What a whole frame means for the question.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The right answer; its data begin so many bytes behind the frame's first.
    Words(usize),
    /// The meter says no.
    Refused(Refusal),
    /// Our own question, come back.
    Echo,
    /// Another master asks the same meter for as many registers, so the next answer may be his;
    /// and what the frame may be instead.
    Rival(Option<Fault>),
    /// Meant for somebody else.
    Foreign(Option<Fault>),
    /// From the meter asked, but no answer to this question.
    Stray(Fault),
}
