//! The other end of the line: what a meter hears and says. Used by the simulator and by tests.

use super::{Function, Read, Refusal, crc};

/// What a meter says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The registers asked for.
    Words(Vec<u16>),
    /// An exception.
    Refused(Refusal),
}

/// A question as a meter hears it. Functions other than 3 and 4 are heard as well, to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The address asked.
    pub address: u8,
    /// The function code asked.
    pub function: u8,
    /// First register.
    pub start: u16,
    /// How many registers.
    pub count: u16,
    /// Transaction number; 0 on RTU.
    pub transaction: u16,
}

impl Heard {
    /// Reads one RTU question of eight bytes, or `None` when its checksum is wrong.
    #[must_use]
    pub fn rtu(frame: &[u8]) -> Option<Self> {
        let &[address, function, a, b, c, d, low, high] = frame else { return None };
        let body = [address, function, a, b, c, d];
        (crc(&body) == u16::from_le_bytes([low, high])).then_some(Self {
            address,
            function,
            start: u16::from_be_bytes([a, b]),
            count: u16::from_be_bytes([c, d]),
            transaction: 0,
        })
    }

    /// Reads one Modbus TCP question of twelve bytes, or `None` when its header is wrong.
    #[must_use]
    pub fn tcp(frame: &[u8]) -> Option<Self> {
        let &[t, u, 0, 0, 0, 6, address, function, a, b, c, d] = frame else { return None };
        Some(Self {
            address,
            function,
            start: u16::from_be_bytes([a, b]),
            count: u16::from_be_bytes([c, d]),
            transaction: u16::from_be_bytes([t, u]),
        })
    }

    /// The question, if it is one that reads registers within the limits.
    #[must_use]
    pub fn read(self) -> Option<Read> {
        let function = Function::from_code(self.function)?;
        let whole = self.start.checked_add(self.count.checked_sub(1)?).is_some();
        (whole && self.count <= Read::MOST).then_some(Read {
            address: self.address,
            function,
            start: self.start,
            count: self.count,
        })
    }

    /// The RTU frame that answers it.
    #[must_use]
    pub fn answer_rtu(self, reply: &Reply) -> Vec<u8> {
        let mut frame = vec![self.address];
        self.put(reply, &mut frame);
        let sum = crc(&frame);
        frame.extend(sum.to_le_bytes());
        frame
    }

    /// The Modbus TCP frame that answers it.
    #[must_use]
    pub fn answer_tcp(self, reply: &Reply) -> Vec<u8> {
        let mut body = vec![self.address];
        self.put(reply, &mut body);
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
        let [t, u] = self.transaction.to_be_bytes();
        let [l, m] = length.to_be_bytes();
        let mut frame = vec![t, u, 0, 0, l, m];
        frame.append(&mut body);
        frame
    }

    fn put(self, reply: &Reply, frame: &mut Vec<u8>) {
        match reply {
            Reply::Words(words) => {
                frame.push(self.function);
                frame.push(u8::try_from(words.len() * 2).unwrap_or(u8::MAX));
                frame.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            }
            Reply::Refused(refusal) => frame.extend([self.function | 0x80, refusal.0]),
        }
    }
}

/// Who sent a whole RTU answer or refusal; `None` when these bytes are none, or a question.
///
/// ```
/// # use wire::modbus::sender;
/// assert_eq!(sender(&[0x01, 0x84, 0x02, 0xc2, 0xc1]), Some(1));
/// assert_eq!(sender(&[0x01, 0x04, 0x00, 0x48, 0x00, 0x02, 0xf1, 0xdd]), None);
/// ```
#[must_use]
pub fn sender(frame: &[u8]) -> Option<u8> {
    let (body, sum) = frame.split_last_chunk::<2>()?;
    // Answers carry whole registers: with address, function, count and checksum an odd length.
    let is_whole = body.len() >= 3 && frame.len() % 2 == 1;
    let address = *body.first()?;
    (is_whole && crc(body).to_le_bytes() == *sum).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_heard_and_answered_in_both_framings() {
        let rtu = Heard::rtu(&[1, 4, 0, 0x48, 0, 2, 0xf1, 0xdd]).unwrap();
        assert_eq!(rtu.read().map(|read| (read.start, read.count)), Some((72, 2)));
        let words = Reply::Words(vec![0x439a, 0x4666]);
        let answer = [1, 4, 4, 0x43, 0x9a, 0x46, 0x66, 0x7c, 0x65];
        assert_eq!(rtu.answer_rtu(&words), answer);
        let tcp = Heard::tcp(&[0, 7, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1]).unwrap();
        assert_eq!(tcp.answer_tcp(&Reply::Refused(Refusal(2))), [0, 7, 0, 0, 0, 3, 1, 0x83, 2]);
    }

    #[test]
    fn what_is_no_question_is_not_heard() {
        assert_eq!(Heard::rtu(&[1, 4, 0, 0x48, 0, 2, 0xf1, 0xde]), None);
        assert_eq!(Heard::tcp(&[0, 7, 0, 1, 0, 6, 1, 3, 0, 0, 0, 1]), None);
        let beyond = Heard { address: 1, function: 3, start: 65_535, count: 2, transaction: 0 };
        assert_eq!(beyond.read(), None);
    }
}
