use super::buffer::Buffer;
use super::question::{Head, Kind, Question};
use super::{End, Fault, Framing, Refusal};

/// What went over the line during one exchange, for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// All bytes heard.
    pub bytes: usize,
    /// Bytes that belong to no frame.
    pub junk: usize,
    /// How often our own question came back.
    pub echoes: usize,
    /// Frames of other meters, other masters or other transactions, dropped.
    pub foreign: usize,
    /// Frames of the meter asked that are no answer to this question, such as late ones.
    pub stray: usize,
}

/// The answer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Words, at this place of the buffer.
    Words(usize),
    /// A refusal.
    Refused(Refusal),
}

/// What has been understood so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Judgement {
    pub(super) traffic: Traffic,
    pub(super) found: Option<Found>,
    /// Frames can no longer be told apart.
    pub(super) lost: Option<Fault>,
    /// The first frame of the meter asked that was no answer.
    pub(super) stray: Option<Fault>,
    /// Bytes of a frame that has not ended are left.
    pub(super) unfinished: bool,
    damage: Option<Fault>,
    foreign: Option<Fault>,
    rival: bool,
    ambiguous: bool,
}

impl Judgement {
    /// Takes in what stands at `at`, and returns how many bytes are judged by that.
    pub(super) fn note(
        &mut self,
        question: &Question,
        buffer: &Buffer,
        at: usize,
        head: Head,
    ) -> usize {
        match head {
            Head::Unclear => 0,
            Head::Frame(Kind::Words(offset), len) => {
                self.answer(question, buffer, Found::Words(at + offset));
                len
            }
            Head::Frame(Kind::Refused(refusal), len) => {
                self.answer(question, buffer, Found::Refused(refusal));
                len
            }
            Head::Frame(kind, len) => {
                self.drop_frame(kind);
                len
            }
            Head::Junk(damage) => {
                // One or two bytes are a frame cut short only if nothing came before them.
                let telling = self.traffic.junk == 0 || damage != Some(Fault::Truncated);
                self.damage = self.damage.or(damage.filter(|_| telling));
                self.traffic.junk += 1;
                1
            }
            Head::Lost(fault) => {
                self.lost = Some(fault);
                0
            }
        }
    }

    /// Notes that the bytes left over at the end are a frame that has not ended.
    pub(super) fn cut(&mut self) {
        self.unfinished = true;
        self.damage = self.damage.or(Some(Fault::Truncated));
    }

    /// Why there is no answer, if there is none.
    pub(super) fn fault(&self, end: End) -> Option<Fault> {
        if self.ambiguous {
            return Some(Fault::Ambiguous);
        }
        if self.found.is_some() {
            return None;
        }
        let certain = self.lost.or(self.stray);
        let damage = self.damage.filter(|damage| *damage != Fault::Truncated);
        let closed = match end {
            End::Closed => Some(Fault::Closed),
            End::Reset => Some(Fault::Reset),
            End::Silence | End::Timeout => None,
        };
        let noise = (self.traffic.junk > 0).then_some(Fault::Noise);
        let echo = (self.traffic.echoes > 0).then_some(Fault::EchoOnly);
        let likely = self.damage.or(self.foreign).or(noise).or(echo);
        Some(certain.or(damage).or(closed).or(likely).unwrap_or(Fault::Silent))
    }

    fn answer(&mut self, question: &Question, buffer: &Buffer, heard: Found) {
        if question.framing == Framing::Tcp && (self.found.is_some() || self.stray.is_some()) {
            // The first frame of a transaction ends it.
            self.traffic.stray += 1;
            return;
        }
        let words = |found| match found {
            Found::Words(at) => Ok(buffer.slice(at, question.data_len())),
            Found::Refused(refusal) => Err(refusal),
        };
        match self.found {
            None => {
                self.found = Some(heard);
                self.ambiguous |= self.rival;
            }
            Some(first) => self.ambiguous |= words(first) != words(heard),
        }
    }

    fn drop_frame(&mut self, kind: Kind) {
        match kind {
            Kind::Echo => self.traffic.echoes += 1,
            Kind::Stray(fault) => {
                self.traffic.stray += 1;
                self.stray = self.stray.or(Some(fault));
            }
            Kind::Rival(instead) => {
                self.traffic.foreign += 1;
                self.rival = true;
                self.damage = self.damage.or(instead);
            }
            Kind::Foreign(fault) => {
                self.traffic.foreign += 1;
                self.foreign = self.foreign.or(fault);
            }
            Kind::Words(_) | Kind::Refused(_) => {}
        }
    }
}
