//! What faults do to an answer: to what it says, and to its bytes.

use std::time::Duration;

use wire::modbus::{Heard, Refusal, Reply};

use crate::bus::{Asked, Piece};
use crate::fault::{Kind, Side, Way};

/// Rest between an answer and that of a second device.
const SECOND_DEVICE: Duration = Duration::from_millis(12);

/// The answer of a meter with all damage done to its bytes.
pub(crate) fn frames(
    asked: Asked<'_>,
    reply: &Reply,
    struck: &[Kind],
    (mut rest, chance): (Duration, u64),
) -> Vec<Piece> {
    let heard = asked.question.heard;
    let mut shown = heard;
    for kind in struck {
        match *kind {
            Kind::WrongUnit => shown.address = shown.address.wrapping_add(1),
            Kind::Transaction => shown.transaction = shown.transaction.wrapping_add(1),
            Kind::Late(time) => rest += time,
            _ => {}
        }
    }
    let second = || framed(asked.way, heard, &other(reply));
    let mut bytes = framed(asked.way, shown, reply);
    if struck.contains(&Kind::Collision) {
        merge(&mut bytes, &second());
    }
    struck.iter().for_each(|kind| damage_bytes(&mut bytes, *kind, chance));
    let mut pieces = vec![Piece { rest, bytes }];
    for kind in struck {
        match *kind {
            Kind::Slow(rest) => split(&mut pieces, rest),
            Kind::Duplicate => pieces.push(Piece { rest: SECOND_DEVICE, bytes: second() }),
            _ => {}
        }
    }
    pieces
}

/// A frame as it travels.
pub(crate) fn framed(way: Way, heard: Heard, reply: &Reply) -> Vec<u8> {
    match way {
        Way::Tcp => heard.answer_tcp(reply),
        Way::Pty | Way::RtuOverTcp => heard.answer_rtu(reply),
    }
}

/// An answer that says something else.
pub(crate) fn damaged_reply(reply: Reply, kind: Kind) -> Reply {
    match (kind, reply) {
        (Kind::Exception(code), _) => Reply::Refused(Refusal(code)),
        (Kind::Zeros, Reply::Words(words)) => Reply::Words(vec![0; words.len()]),
        (_, reply) => reply,
    }
}

/// What a second device with the same address says.
pub(crate) fn other(reply: &Reply) -> Reply {
    match reply {
        Reply::Words(words) => Reply::Words(words.iter().map(|word| word ^ 0x0155).collect()),
        Reply::Refused(refusal) => Reply::Refused(*refusal),
    }
}

/// Damages the bytes of an answer.
fn damage_bytes(bytes: &mut Vec<u8>, kind: Kind, chance: u64) {
    let [count, noise @ ..] = chance.to_be_bytes();
    let noise = noise.into_iter().take(1 + usize::from(count % 3));
    match kind {
        Kind::Crc => bytes.last_mut().into_iter().for_each(|last| *last ^= 0x5a),
        Kind::Truncated => bytes.truncate(bytes.len() / 2),
        Kind::Garbage(Side::Before) => drop(bytes.splice(..0, noise)),
        Kind::Garbage(Side::After) => bytes.extend(noise),
        _ => {}
    }
}

/// Two drivers on one pair of wires: a bit is 1 where both say so.
fn merge(bytes: &mut [u8], others: &[u8]) {
    bytes.iter_mut().zip(others).for_each(|(byte, other)| *byte &= other);
}

/// Puts a rest into the middle of the last piece.
fn split(pieces: &mut Vec<Piece>, rest: Duration) {
    if let Some(last) = pieces.last_mut() {
        let bytes = last.bytes.split_off(last.bytes.len() / 2);
        pieces.push(Piece { rest, bytes });
    }
}

/// Lets other bytes come first, after a part of the rest before the answer.
pub(crate) fn put_first(pieces: &mut Vec<Piece>, bytes: Vec<u8>) {
    let rest = pieces.first().map_or(Duration::ZERO, |first| first.rest / 4);
    if let Some(first) = pieces.first_mut() {
        first.rest -= rest;
    }
    pieces.insert(0, Piece { rest, bytes });
}
