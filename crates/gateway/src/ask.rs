use std::time::Duration;

use catalog::{Block, Retries};
use domain::{Batch, Clock, Quality, Reason};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use wire::modbus::{Answer, Fault, Read, Refusal};

use crate::call::{Call, Carried};
use crate::conversation::{Conversation, LATE_WINDOW};
use crate::framing::Framing;
use crate::learnt::Learnt;
use crate::outcome::{Outcome, Unsettled};
use crate::port::Dial;
use crate::port_fault::PortFault;
use crate::visit::Visited;

/// Rest before a damaged answer is asked for again.
const AFTER_DAMAGE: Duration = Duration::from_millis(50);
/// Rest before a busy meter is asked again.
const AFTER_BUSY: Duration = Duration::from_millis(300);
/// After the first answers of a meter is listened for so long whether a second one speaks as well.
const SECOND_METER: Duration = Duration::from_millis(100);
/// So many bytes beside a sound frame are what is left of a second one.
const TATTERS: usize = 4;
/// The first answers of a meter.
const FIRST_ANSWERS: u64 = 3;

/// How a question is asked: the first time, or again after a silence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    Again,
}

impl Visited {
    /// Asks for one block, repeating what noise, silence or a busy meter spoilt.
    pub(crate) async fn ask<D: Dial>(
        &mut self,
        conversation: &mut Conversation<D>,
        block: &Block,
        clock: &Clock,
    ) -> Result<Outcome, PortFault> {
        let read = Read {
            address: self.plan.address,
            function: block.function,
            start: block.start,
            count: block.count,
        };
        // A dead meter is only probed, and two at one address spoil a repetition as well.
        let once = self.health.is_doubtful() || self.health.is_doubled();
        let Retries { mut damaged, mut silent } =
            if once { Retries { damaged: 0, silent: 0 } } else { self.plan.retries };
        let (mut busy, mut turn) = (2, Turn::First);
        loop {
            if !self.settle(conversation, read, clock).await? {
                return Ok(Outcome::Failed(Reason::Silent, self.silence_in_words()));
            }
            let carried = self.carry(conversation, read, turn, clock).await?;
            match believed(&carried) {
                Ok(Answer::Words(words)) => {
                    self.unsettled = Unsettled::default();
                    let words = words.iter().collect();
                    return Ok(Outcome::Words { words, at: before(clock.now(), carried.age) });
                }
                Ok(Answer::Refused(Refusal(5 | 6))) if busy > 0 => {
                    busy -= 1;
                    conversation.rest(AFTER_BUSY);
                }
                Ok(Answer::Refused(refusal @ Refusal(10 | 11))) => {
                    let detail = format!("the converter says that nobody answers: {refusal}");
                    return Ok(Outcome::Failed(Reason::Silent, detail));
                }
                Ok(Answer::Refused(refusal)) => return Ok(Outcome::Refused(refusal)),
                Err(fault) if fault.is_silence() => {
                    self.silence_began(conversation, read.count);
                    if silent == 0 {
                        return Ok(Outcome::Failed(Reason::Silent, self.silence_in_words()));
                    }
                    silent -= 1;
                    turn = Turn::Again;
                }
                Err(fault) if damaged == 0 => {
                    return Ok(Outcome::Failed(Reason::Frame, fault.to_string()));
                }
                Err(_) => {
                    damaged -= 1;
                    conversation.rest(AFTER_DAMAGE);
                }
            }
        }
    }

    /// Carries one question and notes what became of it.
    async fn carry<D: Dial>(
        &mut self,
        conversation: &mut Conversation<D>,
        read: Read,
        turn: Turn,
        clock: &Clock,
    ) -> Result<Carried, PortFault> {
        // A meter that was always quick is given up sooner, but never for good.
        let patience = match turn {
            Turn::First if self.health.is_due_for_patience() => self.plan.timeout,
            // One that never spoke is probed with half of it, every second time.
            Turn::First if self.health.is_doubtful() && self.never_spoke() => self.plan.timeout / 2,
            Turn::First => Learnt::patience(&self.plan, &self.tally.delays),
            Turn::Again => self.plan.timeout,
        };
        let listen = if self.tally.answers < FIRST_ANSWERS { SECOND_METER } else { Duration::ZERO };
        let call = Call { read, line: self.plan.line, patience, listen };
        let carried = conversation.carry(call).await?;
        let answer = believed(&carried);
        let (traffic, now) = (carried.exchange.traffic(), Instant::now());
        self.tally.note(&answer, traffic, clock.now());
        match answer {
            Err(fault) if fault.is_silence() => self.health.unanswered(now),
            _ => self.health.heard(answer.is_err()),
        }
        // A frame of its own that answers nothing, or a second answer.
        if traffic.stray > 0 || answer == Err(Fault::Ambiguous) {
            self.health.spoke_unasked(now);
        }
        if is_of_the_meter(answer) {
            self.health.answered();
        }
        if let (Ok(_), Some(delay)) = (answer, carried.delay) {
            self.tally.delays.note(delay);
        }
        Ok(carried)
    }

    /// Nothing came in time. What comes too late must find nobody listening for something else.
    fn silence_began<D: Dial>(&mut self, conversation: &mut Conversation<D>, count: u16) {
        // Modbus TCP numbers its questions: there a late answer is known as such.
        if conversation.framing() != Framing::Tcp {
            self.unsettled.add(count);
            if !self.health.is_doubtful() {
                conversation.rest(LATE_WINDOW.max(self.tally.delays.slowest()));
            }
        }
    }

    /// Before an answer that a late one could be taken for is believed, a question with another
    /// count of registers must be answered: a meter answers in order, so nothing older can follow.
    /// `false` when it stays silent.
    async fn settle<D: Dial>(
        &mut self,
        conversation: &mut Conversation<D>,
        read: Read,
        clock: &Clock,
    ) -> Result<bool, PortFault> {
        let Some(count) = self.unsettled.distinguishable(read.count) else { return Ok(true) };
        let probe = Read { count, start: read.start.min(u16::MAX - count), ..read };
        let turn = if self.health.is_doubtful() { Turn::First } else { Turn::Again };
        let carried = self.carry(conversation, probe, turn, clock).await?;
        let answer = carried.exchange.finish(carried.end);
        if answer.is_err_and(Fault::is_silence) {
            self.silence_began(conversation, count);
            return Ok(false);
        }
        if answer.is_ok() {
            self.unsettled = Unsettled::default();
        }
        Ok(answer.is_ok())
    }

    /// Whether nothing but the usual patience is known of how soon it answers.
    fn never_spoke(&self) -> bool {
        !self.plan.timeout_is_chosen && self.tally.delays.count() == 0
    }

    fn silence_in_words(&self) -> String {
        format!("no answer within {} ms", self.plan.timeout.as_millis())
    }

    /// Looks whether it is still the same meter, now and then. What another one told is marked:
    /// whose index that is only a person can say.
    pub(crate) async fn look_at_identity<D: Dial>(
        &mut self,
        conversation: &mut Conversation<D>,
        batch: &mut Batch,
        clock: &Clock,
    ) -> Option<PortFault> {
        let due = !batch.readings.is_empty() && self.identity.is_due(Instant::now());
        if let (true, Some(mark)) = (due, self.plan.serial.clone()) {
            let (function, start, count) = (mark.function, mark.start, u16::from(mark.size));
            let block = Block { function, start, count, registers: Vec::new() };
            match self.ask(conversation, &block, clock).await {
                Ok(Outcome::Words { words, .. }) => {
                    self.identity.told(mark.raw(&words), Instant::now());
                }
                Ok(Outcome::Refused(_)) => self.identity.untold = true,
                Ok(Outcome::Failed(..)) => {} // the next visit asks again
                Err(fault) => return Some(fault),
            }
        }
        if self.identity.is_other() {
            batch.readings.iter_mut().for_each(|reading| reading.quality = Quality::Suspect);
        }
        None
    }
}

/// The answer, unless it stands among the tatters of another frame: whose it is nobody knows.
fn believed(carried: &Carried) -> Result<Answer<'_>, Fault> {
    let answer = carried.exchange.finish(carried.end)?;
    let tattered = carried.exchange.traffic().junk >= TATTERS;
    if tattered { Err(Fault::Noise) } else { Ok(answer) }
}

/// Whether the meter itself spoke. A converter that says that nobody answers is no sign of life.
fn is_of_the_meter(answer: Result<Answer<'_>, Fault>) -> bool {
    match answer {
        Ok(Answer::Refused(Refusal(10 | 11))) => false,
        Ok(_) => true,
        Err(fault) => !fault.is_silence(),
    }
}

/// A reading is of the middle between question and answer. It is counted back from the end: before
/// the question the line may have owed a pause, or had to be opened.
fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = SignedDuration::try_from(age).unwrap_or_default();
    now.checked_sub(age).unwrap_or(now)
}
