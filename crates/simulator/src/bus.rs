//! What a bus answers: meters, delays, faults and counts, whatever carries the bytes.

use std::sync::Mutex;
use std::time::Duration;

use domain::Key;
use tokio::time::Instant;
use wire::Line;
use wire::modbus::{Heard, Refusal, Reply};

use crate::delay::{Delay, Pieces};
use crate::fault::{Fault, Kind, Side, Way};
use crate::image::Image;
use crate::ledger::State;
use crate::noise::hash;
use crate::truth::Nature;

/// What was heard and said on one bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Questions heard.
    pub heard: u64,
    /// Questions answered with words, damaged or not.
    pub answered: u64,
    /// Questions answered with an exception.
    pub refused: u64,
    /// Questions that got no answer: nobody has the address, or a fault.
    pub ignored: u64,
    /// Questions on a pseudo-terminal that began before the line had been silent for 3.5
    /// characters, counted from the last byte that was really said, or from the end of the
    /// question before. Never one too many: what a busy machine delays counts as silence.
    pub early: u64,
    /// How long the line was needed, where bytes take their time: for every question its
    /// characters, the rest before the answer, the characters of the answer, and the silence after
    /// it. Divided by the time that passed it is the utilisation of the bus, 1 at most.
    pub busy: Duration,
}

/// One bus with its meters.
#[derive(Debug)]
pub(crate) struct Bus {
    pub key: Key,
    pub way: Way,
    pub line: Line,
    /// When it began: scripts and grids count from here.
    pub began: Instant,
    /// In which pieces answers come, if not byte by byte.
    pub pieces: Option<Pieces>,
    /// Whether bytes take their time on the line.
    pub wire_time: bool,
    /// Whether a socket serves one client only.
    pub one_client: bool,
    pub seed: u64,
    pub meters: Vec<Served>,
    pub counters: Mutex<Counters>,
    /// Held while one question is served: a line serves one at a time.
    pub turn: tokio::sync::Mutex<()>,
}

/// A meter as its bus sees it.
#[derive(Debug)]
pub(crate) struct Served {
    pub address: u8,
    pub line: Line,
    /// Its place in the ledger.
    pub place: usize,
    pub nature: Nature,
    pub image: Image,
    /// Rest between question and answer.
    pub delay: Delay,
    pub faults: Vec<Fault>,
    /// Questions it has heard.
    pub questions: Mutex<u64>,
}

/// What happens after a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing.
    Nothing,
    /// Bytes, piece by piece, each after a rest.
    Pieces(Vec<Piece>),
    /// The connection is closed.
    Close,
}

/// Bytes sent in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Rest before the first byte.
    pub rest: Duration,
    pub bytes: Vec<u8>,
}

/// A question as a bus hears it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub heard: Heard,
    pub frame: &'a [u8],
    /// The speed at which it was heard, where that can be told: a meter set to another speed hears
    /// only noise.
    pub baud: Option<u32>,
    /// When its last bit was heard.
    pub ended: Instant,
}

/// Rest between two pieces where bytes take no time: else they would come as one.
const APART: Duration = Duration::from_millis(1);
/// Rest between an answer and that of a second device.
const SECOND_DEVICE: Duration = Duration::from_millis(12);

impl Bus {
    /// What the meters of the bus say to a question. `state` gives the state of a meter by its
    /// place.
    pub(crate) fn answer(&self, asked: Asked<'_>, state: impl FnOnce(usize) -> State) -> Said {
        let Asked { heard, frame, baud, ended } = asked;
        let listens = |meter: &&Served| {
            meter.address == heard.address && baud.is_none_or(|baud| baud == meter.line.baud)
        };
        let Some(meter) = self.meters.iter().find(listens) else {
            self.count(|counters| counters.ignored += 1);
            return Said::Nothing;
        };
        let question = meter.next_question();
        let struck: Vec<Kind> = meter.struck(self.seed, question).collect();
        if struck.contains(&Kind::Silent) || struck.contains(&Kind::Close) {
            self.count(|counters| counters.ignored += 1);
            return if struck.contains(&Kind::Close) { Said::Close } else { Said::Nothing };
        }
        let reply = meter.image.reply(heard, &meter.nature, &state(meter.place));
        let reply = struck.iter().fold(reply, |reply, kind| damaged_reply(reply, *kind));
        self.count(|counters| match reply {
            Reply::Words(_) => counters.answered += 1,
            Reply::Refused(_) => counters.refused += 1,
        });
        let chance = hash(self.seed, meter.nature.salt ^ DELAY, question);
        let passed = ended.saturating_duration_since(self.began);
        let rest = meter.delay.rest(heard.count, passed, chance);
        // A meter knows by the silence that the question has ended.
        let rest = if self.wire_time { rest.max(meter.line.silence()) } else { rest };
        let mut pieces = self.frames(heard, &reply, &struck, (rest, chance));
        if struck.contains(&Kind::Echo) {
            pieces.insert(0, Piece { rest: Duration::ZERO, bytes: frame.to_vec() });
        }
        Said::Pieces(self.cut(pieces, chance))
    }

    /// How an address is spoken to.
    pub(crate) fn line_of(&self, address: u8) -> Line {
        let meter = self.meters.iter().find(|meter| meter.address == address);
        meter.map_or(self.line, |meter| meter.line)
    }

    /// Counts one question. `early` tells whether the line had not been silent before.
    pub(crate) fn hear(&self, early: Promptness) {
        self.count(|counters| {
            counters.heard += 1;
            counters.early += u64::from(early == Promptness::Early);
        });
    }

    /// How long bytes take on a line.
    pub(crate) fn on_wire(&self, line: Line, bytes: usize) -> Duration {
        // Behind a converter the frames are RTU: the header of Modbus TCP is not on the line.
        let header = if self.way == Way::Tcp { 4 } else { 0 };
        let bytes = if bytes > header { bytes - header } else { bytes };
        if self.wire_time { line.wire_time(bytes) } else { Duration::ZERO }
    }

    /// Counts how long an exchange needs the line.
    pub(crate) fn occupy(&self, line: Line, frame: &[u8], said: &Said) {
        if !self.wire_time {
            return;
        }
        let pieces = if let Said::Pieces(pieces) = said { pieces.as_slice() } else { &[] };
        let answer: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        let rests: Duration = pieces.iter().map(|piece| piece.rest).sum();
        let characters = self.on_wire(line, frame.len()) + self.on_wire(line, answer);
        self.count(|counters| counters.busy += characters + rests + line.silence());
    }

    /// What was counted so far.
    pub(crate) fn counted(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// The answer with all damage done to its bytes.
    fn frames(
        &self,
        heard: Heard,
        reply: &Reply,
        struck: &[Kind],
        (mut rest, chance): (Duration, u64),
    ) -> Vec<Piece> {
        let mut shown = heard;
        for kind in struck {
            match *kind {
                Kind::WrongUnit => shown.address = shown.address.wrapping_add(1),
                Kind::Transaction => shown.transaction = shown.transaction.wrapping_add(1),
                Kind::Late(ms) => rest += Duration::from_millis(ms),
                _ => {}
            }
        }
        let mut bytes = self.frame(shown, reply);
        struck.iter().for_each(|kind| damage_bytes(&mut bytes, *kind, chance));
        let mut pieces = vec![Piece { rest, bytes }];
        for kind in struck {
            match *kind {
                Kind::Slow(ms) => split(&mut pieces, Duration::from_millis(ms)),
                Kind::Duplicate => {
                    let bytes = self.frame(heard, &other(reply));
                    pieces.push(Piece { rest: SECOND_DEVICE, bytes });
                }
                _ => {}
            }
        }
        pieces
    }

    fn frame(&self, heard: Heard, reply: &Reply) -> Vec<u8> {
        match self.way {
            Way::Tcp => heard.answer_tcp(reply),
            Way::Pty | Way::RtuOverTcp => heard.answer_rtu(reply),
        }
    }

    /// Cuts what is said as the way to the gateway cuts it.
    fn cut(&self, pieces: Vec<Piece>, chance: u64) -> Vec<Piece> {
        let Some(how) = self.pieces else { return pieces };
        let apart = if self.wire_time { Duration::ZERO } else { APART };
        let cut = pieces.into_iter().flat_map(|Piece { mut rest, bytes }| {
            how.cut(bytes, chance).into_iter().map(move |bytes| {
                let rest = std::mem::replace(&mut rest, apart);
                Piece { rest, bytes }
            })
        });
        cut.collect()
    }
}

/// Whether a question kept the silence before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promptness {
    /// It did.
    InTime,
    /// It began before 3.5 characters of silence.
    Early,
}

impl Served {
    fn next_question(&self) -> u64 {
        let mut questions =
            self.questions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *questions += 1;
        *questions
    }

    fn struck(&self, seed: u64, question: u64) -> impl Iterator<Item = Kind> {
        let faults = (0..).zip(&self.faults);
        faults.filter_map(move |(n, fault)| {
            let salt = self.nature.salt.wrapping_add(n);
            fault.strikes(seed, salt ^ FAULT, question).then_some(fault.kind)
        })
    }
}

const DELAY: u64 = 30;
const FAULT: u64 = 31;

fn damaged_reply(reply: Reply, kind: Kind) -> Reply {
    match (kind, reply) {
        (Kind::Exception(code), _) => Reply::Refused(Refusal(code)),
        (Kind::Zeros, Reply::Words(words)) => Reply::Words(vec![0; words.len()]),
        (_, reply) => reply,
    }
}

/// What a second device with the same address says.
fn other(reply: &Reply) -> Reply {
    match reply {
        Reply::Words(words) => Reply::Words(words.iter().map(|word| word ^ 0x0155).collect()),
        Reply::Refused(refusal) => Reply::Refused(*refusal),
    }
}

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

/// Puts a rest into the middle of the last piece.
fn split(pieces: &mut Vec<Piece>, rest: Duration) {
    if let Some(last) = pieces.last_mut() {
        let bytes = last.bytes.split_off(last.bytes.len() / 2);
        pieces.push(Piece { rest, bytes });
    }
}
