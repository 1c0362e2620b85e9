use std::fmt;

use super::buffer::Buffer;
use super::judgement::{Found, Judgement};
use super::question::{Head, Question};
use super::{Fault, Framing, Read, Refusal, Traffic, Words, rtu, tcp};
use crate::hex::Hex;

/// One question, and the judgement of what comes back.
///
/// It owns fixed room only, however much is heard. Carry it so: send [`request`](Self::request),
/// hand every byte heard to [`hear`](Self::hear), and when the line is silent, closed or out of
/// time, ask [`finish`](Self::finish) for the answer.
#[derive(Clone)]
pub struct Exchange {
    question: Question,
    buffer: Buffer,
    judgement: Judgement,
}

/// How far an exchange has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// No answer yet.
    More,
    /// An answer to this question is there. On a serial line, listen on until it is silent, hand
    /// over what still comes, and let `finish` judge: a second meter may answer as well. In Modbus
    /// TCP there is nothing to wait for.
    Whole,
    /// Nothing that follows can bring an answer: finish at once.
    Broken,
}

/// Why nothing more will be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Something was heard, and then the line fell silent.
    Silence,
    /// The time for an answer is over; it may still come, late.
    Timeout,
    /// The other side closed the connection, or the port is gone.
    Closed,
    /// The other side reset the connection.
    Reset,
}

/// What the meter said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The registers asked for, all of them and no other.
    Words(Words<'a>),
    /// The meter said no.
    Refused(Refusal),
}

impl Exchange {
    /// A question on a serial line.
    #[must_use]
    pub fn rtu(read: Read) -> Self {
        Self::new(Question::rtu(read, Framing::Rtu))
    }

    /// A question in RTU frames on a socket, through a transparent converter.
    #[must_use]
    pub fn rtu_over_tcp(read: Read) -> Self {
        Self::new(Question::rtu(read, Framing::RtuOverTcp))
    }

    /// A question in Modbus TCP. Transactions should count up, and wrap from 65535 to 0.
    #[must_use]
    pub fn tcp(read: Read, transaction: u16) -> Self {
        Self::new(Question::tcp(read, transaction))
    }

    /// What is asked.
    #[must_use]
    pub const fn read(&self) -> Read {
        self.question.read
    }

    /// How frames are told apart.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.question.framing
    }

    /// The bytes to send: 8 in RTU, 12 in Modbus TCP.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        self.question.request()
    }

    /// The whole length of the right answer in bytes, for sums of time on the wire.
    #[must_use]
    pub fn expected_len(&self) -> usize {
        self.question.expected_len()
    }

    /// What went over the line so far, judged as if nothing more came.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.judged().traffic
    }

    /// Takes what was heard, in pieces of any size. May be called again after `Whole`.
    pub fn hear(&mut self, heard: &[u8]) -> Progress {
        self.judgement.traffic.bytes += heard.len();
        let mut left = heard;
        while !left.is_empty() && self.judgement.lost.is_none() {
            left = self.buffer.fill(left);
            self.settle();
        }
        self.progress()
    }

    /// Whether bytes were heard that are no whole frame yet: more of it may be under way.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        !self.buffer.rest().is_empty()
    }

    /// Judges what was heard, now that nothing more will be.
    ///
    /// # Errors
    /// Every fault but a refusal, which is an answer: see [`Fault`].
    pub fn finish(&self, end: End) -> Result<Answer<'_>, Fault> {
        let judged = self.judged();
        match (judged.fault(end), judged.found) {
            (Some(fault), _) => Err(fault),
            (None, Some(Found::Refused(refusal))) => Ok(Answer::Refused(refusal)),
            (None, Some(Found::Words(at))) => {
                let data = self.buffer.slice(at, self.question.data_len());
                Ok(Answer::Words(Words::new(data)))
            }
            (None, None) => Err(Fault::Silent),
        }
    }

    /// Whether the port or connection may carry the next question.
    ///
    /// A serial port always may, after the line was silent. A Modbus TCP connection may not when
    /// the limits of frames are lost or half a frame is left in it. RTU on a socket may not after
    /// a timeout: a late answer could not be told from the next one.
    #[must_use]
    pub fn reusable(&self, end: End) -> bool {
        let judged = self.judged();
        match (end, self.framing()) {
            (End::Closed | End::Reset, _) => false,
            (_, Framing::Rtu) => true,
            (_, Framing::RtuOverTcp) => end == End::Silence || judged.fault(end).is_none(),
            (_, Framing::Tcp) => {
                let torn = matches!(judged.stray, Some(Fault::WrongLength { .. }));
                judged.lost.is_none() && !judged.unfinished && !torn
            }
        }
    }

    fn new(question: Question) -> Self {
        Self { question, buffer: Buffer::new(), judgement: Judgement::default() }
    }

    fn head(&self, rest: &[u8], ended: bool) -> Head {
        match self.question.framing {
            Framing::Tcp => tcp::head(&self.question, rest),
            Framing::Rtu | Framing::RtuOverTcp => rtu::head(&self.question, rest, ended),
        }
    }

    /// Judges all bytes that can be judged whatever may follow them.
    fn settle(&mut self) {
        loop {
            let (at, fresh) = (self.buffer.start(), self.judgement.found.is_none());
            let head = self.head(self.buffer.rest(), false);
            let judged = self.judgement.note(&self.question, &self.buffer, at, head);
            if judged == 0 {
                return;
            }
            if let Some(Found::Words(at)) = self.judgement.found
                && fresh
            {
                let kept = self.buffer.keep(at, self.question.data_len());
                self.judgement.found = Some(Found::Words(kept));
            }
            self.buffer.drop_front(judged);
        }
    }

    /// Judges all bytes, as nothing follows them.
    fn judged(&self) -> Judgement {
        let mut judgement = self.judgement;
        let mut at = self.buffer.start();
        let mut rest = self.buffer.rest();
        while !rest.is_empty() && judgement.lost.is_none() {
            let head = self.head(rest, true);
            if matches!(head, Head::Unclear) {
                judgement.cut();
                break;
            }
            let judged = judgement.note(&self.question, &self.buffer, at, head);
            rest = rest.get(judged..).unwrap_or_default();
            at += judged;
        }
        judgement
    }

    fn progress(&self) -> Progress {
        let Judgement { found, lost, stray, .. } = self.judgement;
        let tcp = self.framing() == Framing::Tcp;
        if found.is_some() {
            Progress::Whole
        } else if lost.is_some() || (tcp && stray.is_some()) {
            Progress::Broken
        } else if !tcp && rtu::stands_in(&self.question, self.buffer.rest()) {
            // Bytes before the answer may still turn out to begin a longer frame of another meter.
            Progress::Whole
        } else {
            Progress::More
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("read", &self.question.read)
            .field("framing", &self.question.framing)
            .field("request", &format_args!("{}", Hex(self.request())))
            .field("judgement", &self.judgement)
            .field("not_judged", &format_args!("{}", Hex(self.buffer.rest())))
            .finish()
    }
}
