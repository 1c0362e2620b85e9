use jiff::Timestamp;
use thiserror::Error;

use super::Guard;
use super::limits::{Index, IndexLimits, Step};
use super::verdict::{Decided, IndexState, Verdict};
use crate::Decimal;

/// What a person says about readings that are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The held readings are wrong; the meter goes on from the last good one.
    Dismiss,
    /// The counter did grow from the last good reading to the held ones: all of it is booked.
    Book,
    /// The held readings are right and the last good ones were misread. Goes back to the one that
    /// the held ones follow; where there never was one, the series begins anew with them.
    Withdraw,
}

/// Another index goes on from here: the meter was replaced, or set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replacement {
    /// When, UTC; not before the last good reading.
    pub at: Timestamp,
    /// The last index before, up to which is booked; the last good one where it is not known.
    pub old_final: Decimal,
    /// The first index after, zero or above.
    pub new_start: Decimal,
    /// What is possible for the counter that goes on.
    pub limits: IndexLimits,
}

/// Why a decision cannot be carried out. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// No reading is held back.
    #[error("no reading is held back")]
    NothingHeld,
    /// An index that fell cannot be booked.
    #[error("the index fell, and negative consumption is never booked")]
    Fell,
    /// No good reading is remembered that the held ones follow.
    #[error("the held readings follow no earlier good one")]
    FollowNone,
    /// The replacement is said to be before the last good reading.
    #[error("the last good reading is later, of {0}")]
    TooEarly(Timestamp),
    /// The last index of the old counter does not follow the last good reading.
    #[error("the last index of the old counter does not follow {0}, its last good reading")]
    FinalDoesNotFollow(Decimal),
    /// The first index of the new counter is below zero.
    #[error("an index is never negative")]
    Negative,
}

impl Guard {
    /// Carries out what a person decided. Who and why is for the journal to keep.
    ///
    /// # Errors
    /// Says why it is refused; the guard is as before then.
    pub fn decide(&mut self, decision: Decision) -> Result<Decided, Refused> {
        match decision {
            Decision::Dismiss => self.dismiss(),
            Decision::Book => self.book(),
            Decision::Withdraw => self.withdraw(),
        }
    }

    /// Books up to the last index of the counter that ends, and goes on from the first index of
    /// the one that begins. A late reading from before is rejected from then on.
    ///
    /// # Errors
    /// Says why it is refused; the guard is as before then.
    pub fn replace(&mut self, replacement: Replacement) -> Result<Decided, Refused> {
        let Replacement { at, old_final, new_start, limits } = replacement;
        if new_start.is_negative() {
            return Err(Refused::Negative);
        }
        let booked = self.close(Index { at, value: old_final })?;
        *self = Self { whole: false, ..Self::new(limits) };
        self.remember(Index { at, value: new_start });
        Ok(Decided { verdicts: Vec::new(), booked, again_after: Some(at) })
    }

    fn dismiss(&mut self) -> Result<Decided, Refused> {
        self.held().ok_or(Refused::NothingHeld)?;
        self.release();
        Ok(Decided { verdicts: Vec::new(), booked: Decimal::ZERO, again_after: None })
    }

    fn book(&mut self) -> Result<Decided, Refused> {
        let held = self.held().ok_or(Refused::NothingHeld)?;
        let last = self.last_good().ok_or(Refused::NothingHeld)?;
        let grown = held.value.minus(last.value).filter(|growth| !growth.is_negative());
        let booked = grown.ok_or(Refused::Fell)?;
        Ok(self.go_on_from(held, Vec::new(), booked))
    }

    fn withdraw(&mut self) -> Result<Decided, Refused> {
        let held = self.held().ok_or(Refused::NothingHeld)?;
        let followed = self.good.iter().rposition(|&good| self.limits.grows(good, held));
        let (kept, step) = match followed.and_then(|place| self.good.get(place).zip(Some(place))) {
            Some((good, place)) => (place + 1, held.value.minus(good.value)),
            None if self.whole => (0, Some(Decimal::ZERO)),
            None => return Err(Refused::FollowNone),
        };
        let booked = self.grown_after(kept).zip(step).and_then(|(gone, step)| step.minus(gone));
        let booked = booked.ok_or(Refused::FollowNone)?;
        let withdrawn = self.good.drain(kept..);
        let verdicts = withdrawn.map(|good| Verdict::new(good, IndexState::Rejected)).collect();
        Ok(self.go_on_from(held, verdicts, booked))
    }

    /// What was booked with the good readings that follow the first `kept` ones.
    fn grown_after(&self, kept: usize) -> Option<Decimal> {
        let pairs = self.good.iter().zip(self.good.iter().skip(1));
        pairs.skip(kept.saturating_sub(1)).try_fold(Decimal::ZERO, |sum, (before, after)| {
            let growth = after.value.minus(before.value)?;
            let end = if growth.is_negative() { self.limits.wraps_at? } else { Decimal::ZERO };
            sum.plus(growth)?.plus(end)
        })
    }

    /// Checks the last index of a counter that ends, and returns what remains to be booked.
    fn close(&self, end: Index) -> Result<Decimal, Refused> {
        let Some(last) = self.last_good() else { return Ok(Decimal::ZERO) };
        if end.at < last.at {
            return Err(Refused::TooEarly(last.at));
        }
        match self.limits.step(last, end) {
            Step::Grown(growth) | Step::Wrapped(growth) => Ok(growth),
            Step::Jitter | Step::Doubtful(_) => Err(Refused::FinalDoesNotFollow(last.value)),
        }
    }

    /// The first of the held readings that are decided upon: under review, or else the run that
    /// may become so.
    fn held(&self) -> Option<Index> {
        let run = || {
            let others = self.pending.len().saturating_sub(self.run);
            self.pending.get(others).copied()
        };
        self.review.map(|review| review.first).or_else(run)
    }

    fn go_on_from(&mut self, held: Index, verdicts: Vec<Verdict>, booked: Decimal) -> Decided {
        self.release();
        self.remember(held);
        let good = Verdict::new(held, IndexState::Ok);
        let verdicts = verdicts.into_iter().chain([good]).collect();
        Decided { verdicts, booked, again_after: Some(held.at) }
    }

    fn release(&mut self) {
        self.pending.clear();
        self.run = 0;
        self.review = None;
    }
}
