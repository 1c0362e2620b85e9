//! RTU frames: address, function, content, checksum. Nothing marks where one begins.

use super::question::{Head, Kind, Question};
use super::{Fault, Refusal, crc};

/// Address, function, code or byte count, checksum: the shortest frame.
const SHORTEST: usize = 5;
/// A question, or the confirmation of a write.
const QUESTION: usize = 8;

/// Tells what `rest` begins with; `ended` says that nothing more will come.
///
/// The answer does not depend on how many bytes are there already: while a longer reading of the
/// same bytes is possible, it is `Unclear`. With 260 bytes it never is.
pub(super) fn head(question: &Question, rest: &[u8], ended: bool) -> Head {
    let request = question.request();
    // An echo may look like the head of an answer (register 0x0400, two words), never the reverse.
    if rest.starts_with(request) {
        return Head::Frame(Kind::Echo, request.len());
    }
    if !ended && (rest.len() < 3 || request.starts_with(rest)) {
        return Head::Unclear;
    }
    for length in lengths(rest).into_iter().flatten() {
        match rest.get(..length) {
            Some(frame) if crc(frame) == 0 => {
                return Head::Frame(kind(question, frame), length);
            }
            None if !ended => return Head::Unclear,
            Some(_) | None => {}
        }
    }
    Head::Junk(damage(question, rest))
}

/// Whether the right answer or a refusal stands anywhere in `rest`, junk before it or not.
pub(super) fn stands_in(question: &Question, rest: &[u8]) -> bool {
    let read = question.read;
    rest.windows(2).enumerate().any(|(at, pair)| {
        let mine = pair == [read.address, read.function.code()]
            || pair == [read.address, question.refusal_code()];
        let rest = rest.get(at..).unwrap_or_default();
        mine && matches!(
            head(question, rest, true),
            Head::Frame(Kind::Words(_) | Kind::Refused(_), _)
        )
    })
}

/// The lengths a frame with this beginning may have, the likeliest first.
fn lengths(rest: &[u8]) -> [Option<usize>; 3] {
    let refusal = rest.get(1).is_some_and(|function| function & 0x80 != 0);
    let counted = rest.get(2).map(|count| SHORTEST + usize::from(*count));
    [refusal.then_some(SHORTEST), counted, Some(QUESTION)]
}

/// What a frame with a right checksum means.
fn kind(question: &Question, frame: &[u8]) -> Kind {
    let (read, expected) = (question.read, question.read.function.code());
    let &[address, function, third, .., _, _] = frame else { return Kind::Foreign(None) };
    if address != read.address {
        return Kind::Foreign(Some(Fault::WrongUnit { heard: address, expected: read.address }));
    }
    if function == question.refusal_code() {
        return match frame.len() {
            SHORTEST => Kind::Refused(Refusal(third)),
            _ => Kind::Stray(Fault::MalformedException),
        };
    }
    if function != expected {
        return Kind::Stray(Fault::WrongFunction { heard: function, expected });
    }
    if frame.len() != SHORTEST + usize::from(third) {
        return overheard(question, frame);
    }
    if question.wants(third) {
        return Kind::Words(3);
    }
    let expected = read.count.saturating_mul(2);
    Kind::Stray(Fault::WrongByteCount { heard: third, expected })
}

/// Eight bytes of the meter's and function's with a right checksum: another master's question.
fn overheard(question: &Question, frame: &[u8]) -> Kind {
    let same_count = frame.get(4..6) == Some(&question.read.count.to_be_bytes());
    match frame.get(2) {
        // An answer that lost its last byte looks the same when that byte was zero.
        Some(third) if question.wants(*third) => Kind::Rival(Some(Fault::Truncated)),
        _ if same_count => Kind::Rival(None),
        _ => Kind::Foreign(None),
    }
}

/// The damaged frame that `rest` seems to begin: one of our function, or a refusal of our meter.
fn damage(question: &Question, rest: &[u8]) -> Option<Fault> {
    let (address, code) = (question.read.address, question.read.function.code());
    let length = match *rest {
        [first] if first == address => return Some(Fault::Truncated),
        [first, function, ..] if first == address && function == question.refusal_code() => {
            SHORTEST
        }
        [_, function, count, ..] if function == code => SHORTEST + usize::from(count),
        [first, function] if first == address && function == code => return Some(Fault::Truncated),
        _ => return None,
    };
    let Some((body, sum)) = rest.get(..length).and_then(<[u8]>::split_last_chunk::<2>) else {
        return Some(Fault::Truncated);
    };
    Some(Fault::BadCrc { heard: u16::from_le_bytes(*sum), expected: crc(body) })
}
