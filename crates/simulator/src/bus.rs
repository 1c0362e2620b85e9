//! What a bus answers: meters, delays, faults and counts, whatever carries the bytes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::Key;
use tokio::time::Instant;
use wire::Line;
use wire::modbus::{Heard, Refusal, Reply};

use crate::condition::Condition;
use crate::damage::{damaged_reply, framed, frames, other, put_first};
use crate::delay::Pieces;
use crate::ear::Question;
use crate::fault::{Fault, Kind, Trouble, Way};
use crate::ledger::State;
use crate::noise::hash;
use crate::pretence::Pretence;
use crate::served::Served;

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
    /// Questions on a serial line that began before the line had been silent for 3.5
    /// characters, counted from the last byte that was really said, or from the end of the
    /// question before. Never one too many: what a busy machine delays counts as silence.
    pub early: u64,
    /// Questions that came sooner than the meter asked can bear (`slow_device`), and so got no
    /// answer.
    pub hurried: u64,
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
    pub troubles: Vec<Fault<Trouble>>,
    pub condition: Condition,
    pub tally: Mutex<Tally>,
    /// Held while one question is served: a line serves one at a time.
    pub turn: tokio::sync::Mutex<()>,
}

/// What a bus has counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counters: Counters,
    connections: u64,
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
    pub question: &'a Question,
    /// When its last bit was heard, or when the line became free for it.
    pub ended: Instant,
    /// How frames travel here.
    pub way: Way,
    /// The speed at which it was heard, where that can be told: a meter set to another speed hears
    /// only noise.
    pub baud: Option<u32>,
    /// What strikes the bus.
    pub troubles: &'a [Trouble],
}

/// Whether a question kept the silence before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promptness {
    /// It did.
    InTime,
    /// It began before 3.5 characters of silence.
    Early,
}

/// Rest between two pieces where bytes take no time: else they would come as one.
const APART: Duration = Duration::from_millis(1);
const DELAY: u64 = 30;
const TROUBLE: u64 = 32;

impl Bus {
    /// What the meters of the bus say to a question, and a converter in their place.
    pub(crate) fn answer(&self, asked: Asked<'_>, house: &Pretence) -> Said {
        let said = self.meter_says(asked, house).unwrap_or_else(|| self.silence(asked));
        if !asked.troubles.contains(&Trouble::Foreign) {
            return said;
        }
        let Heard { count, transaction, .. } = asked.question.heard;
        let transaction = transaction.wrapping_add(0x4000);
        let foreign = Heard { transaction, ..asked.question.heard };
        let bytes = foreign.answer_tcp(&other(&Reply::Words(vec![0; count.into()])));
        match said {
            Said::Close => Said::Close,
            Said::Nothing => Said::Pieces(vec![Piece { rest: APART, bytes }]),
            Said::Pieces(mut pieces) => {
                put_first(&mut pieces, bytes);
                Said::Pieces(pieces)
            }
        }
    }

    /// What strikes the bus at a question, by its number on the bus, of a connection that was
    /// opened at an instant. What lasts begins now.
    pub(crate) fn struck(&self, number: u64, opened: Instant) -> Vec<Trouble> {
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.began);
        let mut struck = Vec::new();
        for (fault, salt) in self.troubles.iter().zip(TROUBLE..) {
            if !fault.when.strikes((self.seed, salt), number, passed) {
                continue;
            }
            let fills = fault.when.fills();
            match fault.kind {
                Trouble::Babble(time) | Trouble::Reboot(time) | Trouble::Unplug(time) => {
                    if fills.is_none() {
                        self.condition.befall(fault.kind, now + time);
                    }
                }
                // By time, it is those opened before that die.
                Trouble::HalfOpen
                    if fills.is_some_and(|time| opened >= self.began + time.start) => {}
                kind => struck.push(kind),
            }
        }
        struck
    }

    /// Greets a connection: its number, and how frames travel on it.
    pub(crate) fn connect(&self) -> (u64, Way) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.connections += 1;
        let number = tally.connections;
        let wrong = self.strikes_connection(number, |kind| kind == Trouble::WrongFraming);
        let way = match (wrong, self.way) {
            (true, Way::Tcp) => Way::RtuOverTcp,
            (true, Way::RtuOverTcp) => Way::Tcp,
            (_, way) => way,
        };
        (number, way)
    }

    /// How long a connection may say nothing, if there is a limit now.
    pub(crate) fn patience(&self, connection: u64) -> Option<Duration> {
        let limits = self.troubles.iter().filter_map(|fault| match fault.kind {
            Trouble::IdleClose(limit) => Some(limit),
            _ => None,
        });
        limits.min().filter(|_| {
            self.strikes_connection(connection, |kind| matches!(kind, Trouble::IdleClose(_)))
        })
    }

    fn strikes_connection(&self, number: u64, kind: impl Fn(Trouble) -> bool) -> bool {
        let passed = Instant::now().saturating_duration_since(self.began);
        let mut troubles = self.troubles.iter().zip(TROUBLE..);
        troubles.any(|(fault, salt)| {
            kind(fault.kind) && fault.when.strikes((self.seed, salt), number, passed)
        })
    }

    /// What the meter asked says, or `None` if it is silent or there is none.
    fn meter_says(&self, asked: Asked<'_>, house: &Pretence) -> Option<Said> {
        let Question { heard, frame, began, quiet_since } = asked.question;
        let listens = |meter: &&Served| {
            meter.address == heard.address && asked.baud.is_none_or(|baud| baud == meter.line.baud)
        };
        let meter = self.meters.iter().find(listens)?;
        let passed = asked.ended.saturating_duration_since(self.began);
        let (number, struck) = meter.hear(self.seed, passed);
        if struck.contains(&Kind::Close) {
            self.count(|counters| counters.ignored += 1);
            return Some(Said::Close);
        }
        if self.is_silent(meter, &struck, *began) {
            return None;
        }
        let reply = self.reply(meter, *heard, &struck, house)?;
        let chance = hash(self.seed, meter.salt ^ DELAY, number);
        let rest = meter.delay.rest(heard.count, passed, chance);
        // A meter knows by the silence that the question has ended.
        let rest = if self.wire_time { rest.max(meter.line.silence()) } else { rest };
        let mut pieces = frames(asked, &reply, &struck, (rest, chance));
        for kind in struck {
            match kind {
                Kind::Stray(idle) if quiet_since.is_none_or(|since| since + idle <= *began) => {
                    let byte = if chance.is_multiple_of(2) { 0x00 } else { 0xff };
                    put_first(&mut pieces, vec![byte]);
                }
                Kind::Echo => {
                    pieces.insert(0, Piece { rest: Duration::ZERO, bytes: frame.clone() });
                }
                _ => {}
            }
        }
        let pieces = self.cut(pieces, chance);
        let takes = |piece: &Piece| piece.rest + self.on_wire(meter.line, &piece.bytes, asked.way);
        meter.says_until(asked.ended + pieces.iter().map(takes).sum::<Duration>());
        Some(Said::Pieces(pieces))
    }

    fn is_silent(&self, meter: &Served, struck: &[Kind], began: Instant) -> bool {
        struck.iter().any(|kind| match kind {
            Kind::Silent | Kind::Dead => true,
            Kind::SlowDevice(rest) => {
                let hurried = meter.is_hurried(began, *rest);
                self.count(|counters| counters.hurried += u64::from(hurried));
                hurried
            }
            _ => false,
        })
    }

    /// What a meter would say, and what is said in its place.
    fn reply(
        &self,
        meter: &Served,
        heard: Heard,
        struck: &[Kind],
        house: &Pretence,
    ) -> Option<Reply> {
        for kind in struck {
            if let Kind::Exchange(index) = kind {
                house.exchange(meter.place, *index);
            }
        }
        let (nature, state) = house.held_now(meter.place)?;
        let sums = meter.shown(state.sums, struck.contains(&Kind::Freeze));
        let reply = meter.image.reply(heard, &nature, &State { sums, ..state });
        let reply = struck.iter().fold(reply, |reply, kind| damaged_reply(reply, *kind));
        self.count(|counters| match reply {
            Reply::Words(_) => counters.answered += 1,
            Reply::Refused(_) => counters.refused += 1,
        });
        Some(reply)
    }

    /// What a converter says where a meter is silent.
    fn silence(&self, asked: Asked<'_>) -> Said {
        self.count(|counters| counters.ignored += 1);
        let heard = asked.question.heard;
        let said = asked.troubles.iter().find_map(|trouble| match *trouble {
            Trouble::RepliesZero(after) => {
                Some((after, Reply::Words(vec![0; heard.count.min(125).into()])))
            }
            Trouble::RepliesException(code, after) => Some((after, Reply::Refused(Refusal(code)))),
            _ => None,
        });
        let Some((rest, reply)) = said else { return Said::Nothing };
        Said::Pieces(vec![Piece { rest, bytes: framed(asked.way, heard, &reply) }])
    }

    /// How an address is spoken to.
    pub(crate) fn line_of(&self, address: u8) -> Line {
        let meter = self.meters.iter().find(|meter| meter.address == address);
        meter.map_or(self.line, |meter| meter.line)
    }

    /// How long a frame takes on a line.
    pub(crate) fn on_wire(&self, line: Line, frame: &[u8], way: Way) -> Duration {
        if self.wire_time { line.wire_time(characters(frame, way)) } else { Duration::ZERO }
    }

    /// Counts how long an exchange needs the line.
    pub(crate) fn occupy(&self, line: Line, asked: Asked<'_>, said: &Said) {
        if !self.wire_time {
            return;
        }
        let pieces = if let Said::Pieces(pieces) = said { pieces.as_slice() } else { &[] };
        let answer: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.clone()).collect();
        let rests: Duration = pieces.iter().map(|piece| piece.rest).sum();
        let characters = self.on_wire(line, &asked.question.frame, asked.way)
            + self.on_wire(line, &answer, asked.way);
        self.count(|counters| counters.busy += characters + rests + line.silence());
    }

    /// Counts one question; returns its number. `early` tells whether the line had not been silent
    /// before.
    pub(crate) fn hear(&self, early: Promptness) -> u64 {
        self.count(|counters| {
            counters.heard += 1;
            counters.early += u64::from(early == Promptness::Early);
            counters.heard
        })
    }

    /// Counts a question that nobody heeds.
    pub(crate) fn ignore(&self) {
        self.count(|counters| counters.ignored += 1);
    }

    /// What was counted so far.
    pub(crate) fn counted(&self) -> Counters {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).counters
    }

    fn count<T>(&self, change: impl FnOnce(&mut Counters) -> T) -> T {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner).counters)
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

/// Characters of a frame on the line. Behind a converter frames are RTU: the header of Modbus TCP
/// is not on the line, two bytes of checksum are.
fn characters(frame: &[u8], way: Way) -> usize {
    match way {
        Way::Tcp => frame.len().saturating_sub(4),
        Way::Pty | Way::RtuOverTcp => frame.len(),
    }
}
