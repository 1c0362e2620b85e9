use std::time::Duration;

use catalog::{Block, Register};
use domain::{Batch, Clock, Gap, PlanNumber, Quality, RawWords, Reading, Reason, Source};
use jiff::Timestamp;
use tokio::time::Instant;
use wire::modbus::{Read, Refusal};

use crate::call::Call;
use crate::conversation::Conversation;
use crate::health::Health;
use crate::identity::Identity;
use crate::learnt::Learnt;
use crate::outcome::{Outcome, Unsettled};
use crate::plan::MeterPlan;
use crate::port::Dial;
use crate::port_fault::PortFault;
use crate::status::{Alarm, MeterStatus};
use crate::tally::Tally;

/// One meter as the bus task knows it: its plan and what was learnt about it.
pub(crate) struct Visited {
    pub(crate) plan: MeterPlan,
    pub(crate) health: Health,
    pub(crate) tally: Tally,
    pub(crate) learnt: Learnt,
    pub(crate) unsettled: Unsettled,
    pub(crate) identity: Identity,
    /// The shortest of its intervals.
    pub(crate) interval: Duration,
    /// The alarm that was told last; a steady state is told once.
    pub(crate) alarmed: Option<Alarm>,
}

/// Everything that a meter's plan holds, whatever its interval.
pub(crate) const ALL_PACES: u64 = u64::MAX;

impl Visited {
    pub(crate) fn new(plan: MeterPlan) -> Self {
        let learnt = Learnt::new(&plan);
        let (health, tally) = (Health::default(), Tally::default());
        let interval = plan.paces().first().copied().unwrap_or(plan.interval);
        let (unsettled, identity) = (Unsettled::default(), Identity::default());
        Self { plan, health, tally, learnt, unsettled, identity, interval, alarmed: None }
    }

    /// What somebody should look at.
    pub(crate) fn alarm(&self) -> Option<Alarm> {
        if self.health.is_doubled() {
            return Some(Alarm::DuplicateAddress);
        }
        if self.identity.is_other() {
            return Some(Alarm::OtherMeter);
        }
        let never = self.health.never_sound() && self.tally.answers == 0;
        never.then_some(Alarm::NeverSound)
    }

    /// Tells how it is to whoever looks.
    pub(crate) fn show(&self, shown: &mut MeterStatus) {
        let limits = self.learnt.limits();
        shown.trouble = self.health.trouble();
        shown.alarm = self.alarm();
        shown.serial = self.identity.serial();
        (shown.max_registers, shown.refused) = (limits.max_registers, limits.refused.len());
        shown.blocks = self.learnt.planned().unwrap_or(shown.blocks);
        shown.patience = Learnt::patience(&self.plan, &self.tally.delays);
        shown.tally.clone_from(&self.tally);
    }

    /// A question that the meter should be able to answer.
    pub(crate) fn first_call(&self) -> Option<Call> {
        let block = self.plan.blocks().into_iter().next()?;
        let Block { function, start, count, .. } = block;
        let read = Read { address: self.plan.address, function, start, count };
        let (line, patience) = (self.plan.line, self.plan.timeout);
        Some(Call { read, line, patience, listen: Duration::ZERO })
    }

    /// The same meter, from now on with other registers.
    #[cfg(test)]
    pub(crate) fn replan(&mut self, registers: Vec<Register>) {
        self.plan.registers = registers;
        self.learnt = Learnt::new(&self.plan);
    }

    /// Reads what the plan wants of the meter at these paces. One entry that fails never takes the
    /// others with it. Beside the batch stands what is wrong with the port, if it is gone.
    pub(crate) async fn visit<D: Dial>(
        &mut self,
        conversation: &mut Conversation<D>,
        paces: u64,
        number: PlanNumber,
        clock: &Clock,
    ) -> (Batch, Option<PortFault>) {
        let began = Instant::now();
        let mut batch = self.empty_batch(number, clock.now());
        let mut waiting = self.learnt.questions(&self.plan, paces);
        waiting.reverse();
        let mut fault = None;
        while let Some(block) = waiting.pop() {
            let asked = self.ask(conversation, &block, clock).await;
            let outcome = asked.unwrap_or_else(|failed| {
                let outcome = Outcome::Failed(Reason::Line, failed.error.to_string());
                fault = Some(failed);
                outcome
            });
            let pause = self.plan.pause_after(&block);
            match outcome {
                Outcome::Refused(refusal @ Refusal(2 | 3)) => {
                    // Asked in smaller pieces at once, and from now on.
                    let pieces = self.learnt.refused(&self.plan, block.clone(), refusal);
                    if pieces.is_empty() {
                        self.book(&mut batch, &block, &outcome, clock.now());
                    }
                    waiting.extend(pieces.into_iter().rev());
                }
                Outcome::Failed(Reason::Silent | Reason::Line, _) => {
                    // The rest of a silent meter is not asked: it would starve the others.
                    waiting.push(block);
                    self.book_missing(&mut batch, &waiting, (paces, &outcome), clock.now());
                    break;
                }
                outcome => {
                    self.learnt.answered(&block);
                    self.book(&mut batch, &block, &outcome, clock.now());
                }
            }
            conversation.pause(pause);
        }
        self.learnt.conclude(&self.plan, &self.tally.delays);
        if fault.is_none() {
            fault = self.look_at_identity(conversation, &mut batch, clock).await;
        }
        batch.duration = began.elapsed();
        if batch.readings.is_empty() && batch.gaps.iter().all(|gap| gap.reason == Reason::Silent) {
            self.health.silent(self.interval, Instant::now());
            self.identity.may_have_changed();
        }
        (batch, fault)
    }

    /// A batch that says that the meter could not be asked for what was due.
    pub(crate) fn unasked(
        &self,
        (number, paces): (PlanNumber, u64),
        at: Timestamp,
        reason: Reason,
        detail: &str,
    ) -> Batch {
        let mut batch = self.empty_batch(number, at);
        batch.gaps = self.gaps(paces, at, reason, detail);
        batch
    }

    /// One gap where everything is missing, else one for each entry that was due.
    pub(crate) fn gaps(&self, paces: u64, at: Timestamp, reason: Reason, detail: &str) -> Vec<Gap> {
        let entries = self.plan.entries_of(paces);
        if entries.len() == self.plan.registers.len() {
            return vec![Gap { quantity: None, at, reason, detail: detail.to_owned() }];
        }
        let registers = entries.iter().filter_map(|n| self.plan.registers.get(*n));
        registers.map(|register| gap(register, at, reason, detail.to_owned())).collect()
    }

    fn empty_batch(&self, plan: PlanNumber, at: Timestamp) -> Batch {
        let meter = self.plan.key.clone();
        let (readings, gaps) = (Vec::new(), Vec::new());
        Batch { meter, plan, slot: None, at, duration: Duration::ZERO, readings, gaps }
    }

    fn book(&self, batch: &mut Batch, block: &Block, outcome: &Outcome, now: Timestamp) {
        // Of two meters with one address nobody knows whose reading it is.
        let quality = if self.health.is_doubled() { Quality::Suspect } else { Quality::Good };
        for register in self.entries(block) {
            match outcome {
                Outcome::Words { words, at } => {
                    let first = usize::from(register.start - block.start);
                    let own = words.get(first..first + usize::from(register.size));
                    match read_out(register, own.unwrap_or_default(), *at) {
                        Ok(reading) => batch.readings.push(Reading { quality, ..reading }),
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

    /// One gap for all that was due when the meter never spoke, else one for each entry that is
    /// missing.
    fn book_missing(
        &self,
        batch: &mut Batch,
        missing: &[Block],
        (paces, silence): (u64, &Outcome),
        at: Timestamp,
    ) {
        match silence {
            Outcome::Failed(reason, detail)
                if batch.readings.is_empty() && batch.gaps.is_empty() =>
            {
                batch.gaps.extend(self.gaps(paces, at, *reason, detail));
            }
            _ => missing.iter().rev().for_each(|block| self.book(batch, block, silence, at)),
        }
    }

    fn entries<'a>(&'a self, block: &'a Block) -> impl Iterator<Item = &'a Register> {
        block.registers.iter().filter_map(|n| self.plan.registers.get(*n))
    }
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
