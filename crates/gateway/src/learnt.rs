use std::collections::HashMap;
use std::time::Duration;

use catalog::{Block, Limits, Refused};
use wire::modbus::Refusal;

use crate::delays::Delays;
use crate::plan::MeterPlan;

/// Answers after which the delay of a meter is believed, and how many more before it is looked at
/// again: a plan that changes with every answer would be no plan.
const BELIEVED: u32 = 16;
/// Answers after which the patience with a meter follows its slowest answer.
const WELL_KNOWN: u32 = 32;
/// Times the slowest answer ever seen.
const PATIENT: u32 = 4;
/// The shortest patience: some meters answer late when they are busy with themselves.
const LEAST_PATIENCE: Duration = Duration::from_millis(200);
/// A delay that differs by less changes no plan.
const TRIFLE: Duration = Duration::from_millis(2);

/// What was learnt about one meter, and the questions that follow from it.
#[derive(Debug)]
pub(crate) struct Learnt {
    /// What it takes in one question, and what a question costs.
    limits: Limits,
    /// Registers that are due together, and the questions for them, by the paces that are due.
    questions: HashMap<u64, Vec<Block>>,
    /// The delay that the limits stand for; `None` where questions cost the same whatever it is.
    planned_for: Option<Duration>,
    /// Answers counted when the delay was looked at last.
    looked_at: u32,
    /// Blocks refused in the visit under way.
    refused: Vec<(Block, Refusal)>,
    /// The longest block answered in the visit under way that is shorter than a refused one.
    answered: u16,
}

impl Learnt {
    pub(crate) fn new(plan: &MeterPlan) -> Self {
        Self {
            limits: plan.limits.clone(),
            questions: HashMap::new(),
            planned_for: plan.is_timed.then_some(catalog::USUAL_DELAY),
            looked_at: 0,
            refused: Vec::new(),
            answered: 0,
        }
    }

    /// The questions for the paces that are due.
    pub(crate) fn questions(&mut self, plan: &MeterPlan, paces: u64) -> Vec<Block> {
        let Self { questions, limits, .. } = self;
        questions.entry(paces).or_insert_with(|| apart(plan.blocks_of(paces, limits))).clone()
    }

    /// How long an answer is waited for, if the meter is to be trusted to be as quick as ever. A
    /// patience that somebody chose stands.
    pub(crate) fn patience(plan: &MeterPlan, delays: &Delays) -> Duration {
        if plan.timeout_is_chosen || delays.count() < WELL_KNOWN {
            return plan.timeout;
        }
        (delays.slowest() * PATIENT).max(LEAST_PATIENCE).min(plan.timeout)
    }

    /// A block was refused. What it is asked in instead, if it can be parted.
    pub(crate) fn refused(&mut self, plan: &MeterPlan, block: Block, why: Refusal) -> Vec<Block> {
        let halves = catalog::halves(&block, &plan.registers, &self.limits);
        self.refused.push((block, why));
        halves
    }

    /// A block was answered.
    pub(crate) fn answered(&mut self, block: &Block) {
        if self.refused.iter().any(|(refused, _)| refused.count > block.count) {
            self.answered = self.answered.max(block.count);
        }
    }

    /// Draws the conclusions of a visit.
    pub(crate) fn conclude(&mut self, plan: &MeterPlan, delays: &Delays) {
        let refused = std::mem::take(&mut self.refused);
        let before = (!refused.is_empty()).then(|| self.limits.clone());
        let alone = |within: &Block| {
            let single = |block: &Block| block.registers.len() == 1 && contains(within, block);
            refused.iter().any(|(block, _)| single(block))
        };
        for (block, Refusal(code)) in &refused {
            let Block { function, start, count, .. } = *block;
            // Every register of it can be read, so it was too long. Else it had a hole.
            let too_long = block.is_dense(&plan.registers) || *code == 3;
            if too_long && block.registers.len() > 1 && !alone(block) {
                // Where nothing was answered nothing is known; the next visit asks again.
                if self.answered > 0 {
                    self.limits.max_registers = self.limits.max_registers.min(self.answered);
                }
            } else {
                self.limits.learn(Refused { function, start, count });
            }
        }
        self.answered = 0;
        let changed = before.is_some_and(|before| before != self.limits);
        if self.look_at(delays, plan) || changed {
            self.questions.clear();
        }
    }

    /// A meter that is much faster or slower than it was taken for has another cheapest plan.
    fn look_at(&mut self, delays: &Delays, plan: &MeterPlan) -> bool {
        let Some(planned) = self.planned_for else { return false };
        let since = delays.count().abs_diff(self.looked_at);
        let first = self.looked_at == 0 && delays.count() >= BELIEVED;
        if !first && since < 64 * BELIEVED {
            return false;
        }
        self.looked_at = delays.count();
        let usual = delays.percentile(50).unwrap_or(planned);
        if usual.abs_diff(planned) <= TRIFLE.max(planned / 4) {
            return false;
        }
        self.planned_for = Some(usual);
        self.limits.question = Limits::serial(1, plan.line, usual).question;
        true
    }

    /// How many questions the largest plan so far has.
    pub(crate) fn planned(&self) -> Option<usize> {
        self.questions.values().map(Vec::len).max()
    }

    /// What the plan of the meter rests on now.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// The same questions in an order in which neighbours have different lengths, where there is one:
/// the answer of a second meter to the one is then no answer to the next.
fn apart(mut blocks: Vec<Block>) -> Vec<Block> {
    let mut ordered: Vec<Block> = Vec::with_capacity(blocks.len());
    while !blocks.is_empty() {
        let last = ordered.last().map(|block| block.count);
        let next = blocks.iter().position(|block| Some(block.count) != last).unwrap_or(0);
        ordered.push(blocks.remove(next));
    }
    ordered
}

fn contains(whole: &Block, part: &Block) -> bool {
    let (first, last) = (u32::from(whole.start), u32::from(whole.start) + u32::from(whole.count));
    let (start, end) = (u32::from(part.start), u32::from(part.start) + u32::from(part.count));
    whole.function == part.function && first <= start && end <= last
}
