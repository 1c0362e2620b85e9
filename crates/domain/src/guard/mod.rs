//! The index rules: which reading of a counter may be billed.
//!
//! One wrong index is a wrong bill, and no single reading can prove itself. So a reading that does
//! not follow the last good one is held back, and what follows decides.

mod decide;
mod limits;
mod stale;
mod verdict;

use std::collections::VecDeque;

use jiff::Timestamp;

pub use decide::{Decision, Refused, Replacement};
pub use limits::{Doubt, Index, IndexLimits};
pub use stale::{FlowCheck, FlowLimits, Stale};
pub use verdict::{Decided, IndexState, Verdict, Verdicts};

use crate::{Decimal, Quality, Reading};
use limits::Step;

/// Judges the readings of one counter, one after the other.
///
/// A good reading is at or above the last good one, and no further than the counter can have come.
/// Every other is held back. The next good one rejects what is held. Three held ones in a row that
/// follow each other need a person: from then on nothing that goes on from them is booked, however
/// much time passes. The guard asks no clock and remembers a few readings, whatever happens.
///
/// ```
/// use domain::{Guard, Index, IndexLimits, IndexState};
///
/// let limits = IndexLimits {
///     per_hour: "20".parse()?, // kW
///     resolution: "0.01".parse()?,
///     wraps_at: None,
///     refresh: std::time::Duration::ZERO,
/// };
/// let mut guard = Guard::new(limits);
/// let mut judge = |at: &str, value: &str| {
///     let index = Index { at: at.parse()?, value: value.parse()? };
///     Ok::<_, Box<dyn std::error::Error>>(guard.judge(index))
/// };
/// assert_eq!(judge("2026-03-01T00:00:00Z", "40482.83")?.reading.state, IndexState::Ok);
/// assert_eq!(judge("2026-03-01T00:15:00Z", "0.00")?.reading.state, IndexState::Pending);
/// let verdicts = judge("2026-03-01T00:30:00Z", "40484.52")?;
/// assert_eq!(verdicts.reading.state, IndexState::Ok);
/// assert_eq!(verdicts.earlier[0].state, IndexState::Rejected, "the zero is never billed");
/// assert_eq!(verdicts.booked, "1.69".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    limits: IndexLimits,
    /// The newest good ones, in the order of their instants. Jitter is not among them.
    good: VecDeque<Index>,
    /// Whether `good` still begins with the first of the series.
    whole: bool,
    /// Held back and not yet under review, in the order of their arrival.
    pending: VecDeque<Index>,
    /// How many at the end of `pending` follow each other.
    run: usize,
    /// What waits for a person.
    review: Option<Review>,
}

/// A run of held readings that was long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Review {
    doubt: Doubt,
    first: Index,
    last: Index,
}

impl Guard {
    /// How many good readings it remembers: a late one is judged against these.
    pub const REMEMBERED: usize = 16;
    /// How many readings may be pending. One more rejects the oldest: by then it has been followed
    /// by so many others, and agreed with none.
    pub const PENDING: usize = 16;
    /// How many held readings in a row, each following the one before, need a person.
    pub const RUN: usize = 3;

    /// Begins with the first reading of a series: it is good, unless it is below zero.
    #[must_use]
    pub fn new(limits: IndexLimits) -> Self {
        Self {
            limits,
            good: VecDeque::new(),
            whole: true,
            pending: VecDeque::new(),
            run: 0,
            review: None,
        }
    }

    /// Goes on where an earlier guard of the series ended, as after a restart.
    ///
    /// Takes the newest readings of the series in the order of their instants, each in its newest
    /// revision: the last [`Self::REMEMBERED`] good ones (fewer where there are no more), and all
    /// that were held back since; without those that a person has dismissed. Good readings are not
    /// judged again. Estimated ones, and those of an unsure clock, prove nothing and are left out.
    #[must_use]
    pub fn rebuilt<'a>(
        limits: IndexLimits,
        readings: impl IntoIterator<Item = &'a Reading>,
    ) -> Self {
        let mut guard = Self::new(limits);
        let mut good = 0_usize;
        for reading in readings {
            let index = Index { at: reading.at, value: reading.value };
            match reading.quality {
                Quality::Good => {
                    good += 1;
                    guard.trust(index);
                }
                Quality::Suspect => guard.hold_again(index),
                Quality::Estimated | Quality::ClockUnsure => {}
            }
        }
        guard.whole = good < Self::REMEMBERED;
        guard
    }

    /// Judges one more reading. A gap is no reading and does not come here.
    pub fn judge(&mut self, index: Index) -> Verdicts {
        if index.value.is_negative() {
            return Verdicts::only(index, IndexState::Invalid);
        }
        let Some(&last) = self.good.back() else {
            self.remember(index);
            return Verdicts::only(index, IndexState::Ok);
        };
        if let Some(known) = self.known_at(index.at) {
            let same = known.value.cmp_value(index.value).is_eq();
            return Verdicts::only(
                index,
                if same { IndexState::Duplicate } else { IndexState::Conflict },
            );
        }
        if index.at < last.at {
            return self.judge_late(index);
        }
        if let Some(verdicts) = self.judge_under_review(last, index) {
            return verdicts;
        }
        match self.limits.step(last, index) {
            Step::Grown(growth) => self.accept(index, IndexState::Ok, growth),
            Step::Wrapped(growth) => self.accept(index, IndexState::Rollover, growth),
            Step::Jitter => self.accept(index, IndexState::Jitter, Decimal::ZERO),
            Step::Doubtful(doubt) => self.hold(last, index, doubt),
        }
    }

    /// The index in force: the last good one that was no jitter. `None` before the first.
    #[must_use]
    pub fn last_good(&self) -> Option<Index> {
        self.good.back().copied()
    }

    /// The instant of the oldest reading that is held back; `None` when nothing is. A period that
    /// reaches beyond it cannot be billed yet.
    #[must_use]
    pub fn held_since(&self) -> Option<Timestamp> {
        let pending = self.pending.iter().map(|index| index.at);
        pending.chain(self.review.map(|review| review.first.at)).min()
    }

    /// What a person has to decide; `None` when nothing waits for one.
    #[must_use]
    pub fn review(&self) -> Option<Doubt> {
        self.review.map(|review| review.doubt)
    }

    fn known_at(&self, at: Timestamp) -> Option<Index> {
        let review = self.review.into_iter().flat_map(|review| [review.first, review.last]);
        let known = self.good.iter().rev().chain(&self.pending).copied();
        known.chain(review).find(|known| known.at == at)
    }

    /// Between two good ones it splits a step that is booked already. Before the first of all it
    /// would be booked itself, so there the limit holds too.
    fn judge_late(&mut self, index: Index) -> Verdicts {
        let place = self.good.partition_point(|good| good.at < index.at);
        let before = place.checked_sub(1).and_then(|place| self.good.get(place)).copied();
        let after = self.good.get(place).copied();
        let booked = match (before, after) {
            (Some(before), Some(after)) => splits(before, index, after).then_some(Decimal::ZERO),
            (None, Some(after)) if self.whole => match self.limits.step(index, after) {
                Step::Grown(growth) => Some(growth),
                Step::Wrapped(_) | Step::Jitter | Step::Doubtful(_) => None,
            },
            _ => None, // its neighbours are forgotten
        };
        let Some(booked) = booked else { return Verdicts::only(index, IndexState::Rejected) };
        self.good.insert(place, index);
        self.forget();
        Verdicts { booked, ..Verdicts::only(index, IndexState::LateOk) }
    }

    /// What goes on from readings under review waits with them. It may follow the last good one as
    /// well, since with time everything does: that is no proof.
    fn judge_under_review(&mut self, last: Index, index: Index) -> Option<Verdicts> {
        let review = self.review.filter(|review| self.limits.grows(review.last, index))?;
        self.review = Some(Review { last: index, ..review });
        self.run = 0;
        let reading = self.doubted(last, index, IndexState::NeedsReview, review.doubt);
        Some(Verdicts { reading, earlier: Vec::new(), booked: Decimal::ZERO })
    }

    fn accept(&mut self, index: Index, state: IndexState, booked: Decimal) -> Verdicts {
        let rejected = |held| Verdict::new(held, IndexState::Rejected);
        let earlier = self.pending.drain(..).map(rejected).collect();
        self.run = 0;
        self.review = None;
        if state != IndexState::Jitter {
            self.remember(index);
        }
        Verdicts { reading: Verdict::new(index, state), earlier, booked }
    }

    fn hold(&mut self, last: Index, index: Index, doubt: Doubt) -> Verdicts {
        // Both are on the same side of the last good one: no step that can be leads across it.
        let follows = |&before: &Index| self.limits.grows(before, index);
        let in_a_row = self.run > 0 && self.pending.back().is_some_and(follows);
        self.run = if in_a_row { self.run + 1 } else { 1 };
        self.pending.push_back(index);
        let mut earlier = Vec::new();
        if self.run < Self::RUN {
            if self.pending.len() > Self::PENDING {
                let oldest = self.pending.pop_front();
                earlier.extend(oldest.map(|held| Verdict::new(held, IndexState::Rejected)));
            }
            let reading = self.doubted(last, index, IndexState::Pending, doubt);
            return Verdicts { reading, earlier, booked: Decimal::ZERO };
        }
        let run = self.pending.split_off(self.pending.len().saturating_sub(Self::RUN));
        let first = run.front().copied().unwrap_or(index);
        let before = run.into_iter().take(Self::RUN - 1);
        earlier.extend(before.map(|held| self.doubted(last, held, IndexState::NeedsReview, doubt)));
        self.run = 0;
        self.review = Some(Review { doubt, first, last: index });
        let reading = self.doubted(last, index, IndexState::NeedsReview, doubt);
        Verdicts { reading, earlier, booked: Decimal::ZERO }
    }

    fn doubted(&self, last: Index, index: Index, state: IndexState, doubt: Doubt) -> Verdict {
        let power_of_ten = self.limits.power_of_ten(last, index);
        Verdict { doubt: Some(doubt), power_of_ten, ..Verdict::new(index, state) }
    }

    /// Takes a reading that was found good before, by this guard or by a person.
    fn trust(&mut self, index: Index) {
        let step = self.good.back().map(|&last| self.limits.step(last, index));
        let state = if step == Some(Step::Jitter) { IndexState::Jitter } else { IndexState::Ok };
        let _ = self.accept(index, state, Decimal::ZERO);
    }

    /// Holds a reading that was found suspect before. Late and negative ones prove nothing.
    fn hold_again(&mut self, index: Index) {
        let Some(last) = self.good.back().copied().filter(|last| last.at < index.at) else {
            return;
        };
        if index.value.is_negative() || self.judge_under_review(last, index).is_some() {
            return;
        }
        let backwards = index.value.cmp_value(last.value).is_lt();
        let _ = self.hold(last, index, if backwards { Doubt::Backwards } else { Doubt::Jump });
    }

    fn remember(&mut self, index: Index) {
        self.good.push_back(index);
        self.forget();
    }

    fn forget(&mut self) {
        if self.good.len() > Self::REMEMBERED {
            self.good.pop_front();
            self.whole = false;
        }
    }
}

/// Whether an index lies between two others, of which the later is lower only where the counter
/// went through its end between them.
fn splits(before: Index, index: Index, after: Index) -> bool {
    let above = index.value.cmp_value(before.value).is_ge();
    let below = index.value.cmp_value(after.value).is_le();
    if before.value.cmp_value(after.value).is_le() { above && below } else { above || below }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn decimal()(digits in any::<i128>(), shift in 0_u32..128, scale in 0_u8..=30) -> Decimal {
            Decimal::new(digits >> shift, scale)
        }
    }

    prop_compose! {
        fn index()(seconds in any::<i32>(), value in decimal()) -> Index {
            Index { at: Timestamp::from_second(i64::from(seconds)).unwrap(), value }
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_told_is_too_much_for_it(
            (per_hour, resolution, end) in (decimal(), decimal(), decimal()),
            told in prop::collection::vec((index(), 0_u8..12), 0..200),
        ) {
            let limits = IndexLimits {
                per_hour, resolution, wraps_at: Some(end), refresh: std::time::Duration::MAX,
            };
            let mut guard = Guard::new(limits);
            for (index, decision) in told {
                let verdicts = guard.judge(index);
                prop_assert!(!verdicts.booked.is_negative());
                prop_assert!(verdicts.earlier.len() <= Guard::PENDING);
                let decided = match decision {
                    0 => guard.decide(Decision::Dismiss),
                    1 => guard.decide(Decision::Book),
                    2 => guard.decide(Decision::Withdraw),
                    _ => continue,
                };
                prop_assert!(decided.is_err() || guard.held_since().is_none());
            }
            prop_assert!(guard.good.len() <= Guard::REMEMBERED);
            prop_assert!(guard.pending.len() <= Guard::PENDING);
        }
    }
}
