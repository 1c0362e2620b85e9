//! Modbus TCP frames: a header of six bytes that tells transaction, protocol and length.

use super::question::{Head, Kind, Question};
use super::{Fault, Refusal};

/// Transaction, protocol, length.
const HEADER: usize = 6;

/// Tells what `rest` begins with.
pub(super) fn head(question: &Question, rest: &[u8]) -> Head {
    if let Some(&[a, b]) = rest.get(2..4)
        && (a, b) != (0, 0)
    {
        return Head::Lost(Fault::BadProtocolId { heard: u16::from_be_bytes([a, b]) });
    }
    let Some((&[t, u, _, _, a, b], content)) = rest.split_first_chunk::<HEADER>() else {
        return Head::Unclear;
    };
    let length = u16::from_be_bytes([a, b]);
    match length {
        // Address and function without any content: a frame, but of nothing that exists.
        2 => return Head::Lost(Fault::WrongLength { heard: length, expected: 3 }),
        3..=254 => {}
        _ => return Head::Lost(Fault::BadHeaderLength { heard: length }),
    }
    let Some(content) = content.get(..usize::from(length)) else { return Head::Unclear };
    let (heard, expected) = (u16::from_be_bytes([t, u]), question.transaction);
    let kind = if heard == expected {
        kind(question, content, length)
    } else {
        Kind::Foreign(Some(Fault::WrongTransaction { heard, expected }))
    };
    Head::Frame(kind, HEADER + content.len())
}

/// What the content of a frame with our transaction means.
fn kind(question: &Question, content: &[u8], length: u16) -> Kind {
    let (read, expected) = (question.read, question.read.function.code());
    let &[address, function, third, ..] = content else {
        return Kind::Stray(Fault::WrongLength { heard: length, expected: 3 });
    };
    if address != read.address {
        return Kind::Stray(Fault::WrongUnit { heard: address, expected: read.address });
    }
    if function == question.refusal_code() {
        return match length {
            3 => Kind::Refused(Refusal(third)),
            _ => Kind::Stray(Fault::MalformedException),
        };
    }
    if function != expected {
        return Kind::Stray(Fault::WrongFunction { heard: function, expected });
    }
    let fitting = 3 + u16::from(third);
    if length != fitting {
        return Kind::Stray(Fault::WrongLength { heard: length, expected: fitting });
    }
    if question.wants(third) {
        return Kind::Words(HEADER + 3);
    }
    let expected = read.count.saturating_mul(2);
    Kind::Stray(Fault::WrongByteCount { heard: third, expected })
}
