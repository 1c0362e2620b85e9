use std::time::Duration;

use catalog::{Block, Register, Retries};
use domain::{Batch, Clock, Gap, PlanNumber, Quality, RawWords, Reading, Reason, Source};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use wire::modbus::{Answer, Fault, Read, Refusal};

use crate::conversation::{Conversation, LATE_WINDOW};
use crate::framing::Framing;
use crate::health::Health;
use crate::plan::MeterPlan;
use crate::port::Dial;
use crate::port_fault::PortFault;
use crate::split::split;

/// Rest before a damaged answer is asked for again.
const AFTER_DAMAGE: Duration = Duration::from_millis(50);
/// Rest before a busy meter is asked again.
const AFTER_BUSY: Duration = Duration::from_millis(300);

/// One meter as the bus task knows it: its plan and what was learnt about it.
pub(crate) struct Visited {
    pub(crate) plan: MeterPlan,
    pub(crate) health: Health,
    /// Which registers go into one question; refused blocks are split once and stay split.
    blocks: Vec<Block>,
    unsettled: Unsettled,
}

/// Questions whose answers may still come late, told apart by their counts of registers: bit n
/// stands for a question of n.
#[derive(Debug, Clone, Copy, Default)]
struct Unsettled(u128);

impl Unsettled {
    fn add(&mut self, count: u16) {
        self.0 |= 1 << count.min(127);
    }

    /// A count whose answer cannot be taken for a late one, if the answer to `count` could be.
    fn distinguishable(self, count: u16) -> Option<u16> {
        let open = |count: u16| self.0 & (1 << count.min(127)) != 0;
        // Even counts: several meters hold two registers a value and refuse the half of one.
        open(count).then(|| (2..=Read::MOST).step_by(2).find(|count| !open(*count)))?
    }
}

/// What an answer brought, in words that outlive the exchange.
enum Outcome {
    Words { words: Vec<u16>, at: Timestamp },
    Refused(Refusal),
    Failed(Reason, String),
}

impl Visited {
    pub(crate) fn new(plan: MeterPlan) -> Self {
        let blocks = plan.blocks();
        Self { plan, health: Health::default(), blocks, unsettled: Unsettled::default() }
    }

    /// The same meter, from now on with other registers.
    #[cfg(test)]
    pub(crate) fn replan(&mut self, registers: Vec<Register>) {
        self.plan.registers = registers;
        self.blocks = self.plan.blocks();
    }

    /// Reads everything that the plan wants of the meter. One entry that fails never takes the
    /// others with it. Beside the batch stands what is wrong with the port, if it is gone.
    pub(crate) async fn visit<D: Dial>(
        &mut self,
        conversation: &mut Conversation<D>,
        number: PlanNumber,
        clock: &Clock,
    ) -> (Batch, Option<PortFault>) {
        let began = Instant::now();
        let mut batch = self.empty_batch(number, clock.now());
        let mut waiting: Vec<Block> = self.blocks.iter().rev().cloned().collect();
        let mut kept = Vec::new();
        let mut fault = None;
        while let Some(block) = waiting.pop() {
            let asked = self.ask(conversation, &block, clock).await;
            let outcome = asked.unwrap_or_else(|failed| {
                let outcome = Outcome::Failed(Reason::Line, failed.error.to_string());
                fault = Some(failed);
                outcome
            });
            match outcome {
                Outcome::Refused(refusal) if splits(refusal, &block) => {
                    // Asked in smaller pieces at once, and from now on.
                    waiting.extend(split(&block, &self.plan.registers).into_iter().rev());
                    continue;
                }
                Outcome::Failed(Reason::Silent | Reason::Line, _) => {
                    // The rest of a silent meter is not asked: it would starve the others.
                    let missing = std::iter::once(&block).chain(waiting.iter().rev());
                    self.book_missing(&mut batch, missing, &outcome, clock.now());
                    kept.push(block);
                    break;
                }
                outcome => self.book(&mut batch, &block, &outcome, clock.now()),
            }
            conversation.pause(self.plan.pause_after(&block));
            kept.push(block);
        }
        kept.extend(waiting.into_iter().rev());
        self.blocks = kept;
        batch.duration = began.elapsed();
        if batch.readings.is_empty() && batch.gaps.iter().all(|gap| gap.reason == Reason::Silent) {
            self.health.silent(self.plan.interval, Instant::now());
        }
        (batch, fault)
    }

    /// A batch that says that the meter could not be asked at all.
    pub(crate) fn unasked(
        &self,
        number: PlanNumber,
        at: Timestamp,
        reason: Reason,
        detail: &str,
    ) -> Batch {
        let mut batch = self.empty_batch(number, at);
        batch.gaps.push(Gap { quantity: None, at, reason, detail: detail.to_owned() });
        batch
    }

    fn empty_batch(&self, plan: PlanNumber, at: Timestamp) -> Batch {
        let meter = self.plan.key.clone();
        let (readings, gaps) = (Vec::new(), Vec::new());
        Batch { meter, plan, at, duration: Duration::ZERO, readings, gaps }
    }

    /// Asks for one block, repeating what noise, silence or a busy meter spoilt.
    async fn ask<D: Dial>(
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
        let doubtful = self.health.is_doubtful();
        let Retries { mut damaged, mut silent } =
            if doubtful { Retries { damaged: 0, silent: 0 } } else { self.plan.retries };
        let mut busy = 2;
        loop {
            if !self.settle(conversation, read).await? {
                return Ok(Outcome::Failed(Reason::Silent, self.silence_in_words()));
            }
            let carried = conversation.carry(read, self.plan.line, self.plan.timeout).await?;
            let heard = clock.now();
            let answer = carried.exchange.finish(carried.end);
            if !answer.is_err_and(Fault::is_silence) {
                self.health.answered(carried.first_byte);
            }
            match answer {
                Ok(Answer::Words(words)) => {
                    self.unsettled = Unsettled::default();
                    let words = words.iter().collect();
                    return Ok(Outcome::Words { words, at: middle(heard, carried.took) });
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

    /// Nothing came in time. What comes too late must find nobody listening for something else.
    fn silence_began<D: Dial>(&mut self, conversation: &mut Conversation<D>, count: u16) {
        // Modbus TCP numbers its questions: there a late answer is known as such.
        if conversation.framing() != Framing::Tcp {
            self.unsettled.add(count);
            if !self.health.is_doubtful() {
                conversation.rest(LATE_WINDOW.max(self.health.slowest()));
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
    ) -> Result<bool, PortFault> {
        let Some(count) = self.unsettled.distinguishable(read.count) else { return Ok(true) };
        let probe = Read { count, start: read.start.min(u16::MAX - count), ..read };
        let carried = conversation.carry(probe, self.plan.line, self.plan.timeout).await?;
        let answer = carried.exchange.finish(carried.end);
        if answer.is_err_and(Fault::is_silence) {
            self.silence_began(conversation, count);
            return Ok(false);
        }
        self.health.answered(carried.first_byte);
        if answer.is_ok() {
            self.unsettled = Unsettled::default();
        }
        Ok(answer.is_ok())
    }

    fn book(&self, batch: &mut Batch, block: &Block, outcome: &Outcome, now: Timestamp) {
        for register in self.entries(block) {
            match outcome {
                Outcome::Words { words, at } => {
                    let first = usize::from(register.start - block.start);
                    let own = words.get(first..first + usize::from(register.size));
                    match read_out(register, own.unwrap_or_default(), *at) {
                        Ok(reading) => batch.readings.push(reading),
                        Err(gap) => batch.gaps.push(gap),
                    }
                }
                Outcome::Refused(refusal) => {
                    let detail = format!("{} answers {refusal}", place(register));
                    batch.gaps.push(gap(register, now, Reason::Refused, detail));
                }
                Outcome::Failed(reason, detail) => {
                    batch.gaps.push(gap(register, now, *reason, detail.clone()));
                }
            }
        }
    }

    /// One gap for the whole meter when it never spoke, else one for each entry that is missing.
    fn book_missing<'a>(
        &self,
        batch: &mut Batch,
        missing: impl Iterator<Item = &'a Block>,
        silence: &Outcome,
        at: Timestamp,
    ) {
        match silence {
            Outcome::Failed(reason, detail) if batch.readings.is_empty() => {
                let (reason, detail) = (*reason, detail.clone());
                batch.gaps.push(Gap { quantity: None, at, reason, detail });
            }
            _ => missing.for_each(|block| self.book(batch, block, silence, at)),
        }
    }

    fn entries<'a>(&'a self, block: &'a Block) -> impl Iterator<Item = &'a Register> {
        block.registers.iter().filter_map(|n| self.plan.registers.get(*n))
    }

    fn silence_in_words(&self) -> String {
        format!("no answer within {} ms", self.plan.timeout.as_millis())
    }
}

/// Whether a refusal may concern only a part of the block.
fn splits(refusal: Refusal, block: &Block) -> bool {
    matches!(refusal, Refusal(2 | 3)) && block.registers.len() > 1
}

fn read_out(register: &Register, words: &[u16], at: Timestamp) -> Result<Reading, Gap> {
    let raw = RawWords::new(words);
    match catalog::decode(register, words) {
        Ok(value) => Ok(Reading {
            quantity: register.quantity,
            value,
            at,
            quality: Quality::Good,
            source: Source::Meter,
            raw,
        }),
        Err(reason) => {
            let raw = raw.map(|raw| raw.to_string()).unwrap_or_default();
            Err(gap(register, at, reason, format!("{} holds {raw}", place(register))))
        }
    }
}

fn gap(register: &Register, at: Timestamp, reason: Reason, detail: String) -> Gap {
    Gap { quantity: Some(register.quantity), at, reason, detail }
}

fn place(register: &Register) -> String {
    format!("register {} (function {})", register.start, register.function.code())
}

/// A reading is of the middle between question and answer. It is counted back from the end: before
/// the question the line may have owed a pause, or had to be opened.
fn middle(heard: Timestamp, took: Duration) -> Timestamp {
    let half = SignedDuration::try_from(took / 2).unwrap_or_default();
    heard.checked_sub(half).unwrap_or(heard)
}
