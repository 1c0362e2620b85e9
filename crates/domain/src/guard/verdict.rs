use std::fmt;

use jiff::Timestamp;

use super::limits::{Doubt, Index};
use crate::{Decimal, Quality};

/// What became of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexState {
    /// It follows the last good one, or is the first.
    Ok,
    /// Its last digit flickered down. The good index before it stays in force.
    Jitter,
    /// It went through the declared end of the counter.
    Rollover,
    /// It came late and fits between its neighbours.
    LateOk,
    /// Held back: what follows decides.
    Pending,
    /// Held back: three in a row agree with each other and not with the past. A person decides.
    NeedsReview,
    /// Contradicted by what followed or by its neighbours. It is kept, and never billed.
    Rejected,
    /// An index below zero.
    Invalid,
    /// Known already, at the same instant with the same index.
    Duplicate,
    /// Another index is known at the same instant. The first one stays.
    Conflict,
}

impl IndexState {
    /// Every one of them.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Jitter,
        Self::Rollover,
        Self::LateOk,
        Self::Pending,
        Self::NeedsReview,
        Self::Rejected,
        Self::Invalid,
        Self::Duplicate,
        Self::Conflict,
    ];

    /// The name in answers and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Jitter => "jitter",
            Self::Rollover => "rollover",
            Self::LateOk => "late_ok",
            Self::Pending => "pending",
            Self::NeedsReview => "needs_review",
            Self::Rejected => "rejected",
            Self::Invalid => "invalid",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
        }
    }

    /// The quality that people see; `None` for a duplicate, which adds nothing to the journal.
    ///
    /// ```
    /// use domain::{Quality, IndexState};
    /// assert_eq!(IndexState::Jitter.quality(), Some(Quality::Good));
    /// assert_eq!(IndexState::Pending.quality(), Some(Quality::Suspect));
    /// ```
    #[must_use]
    pub const fn quality(self) -> Option<Quality> {
        match self {
            Self::Ok | Self::Jitter | Self::Rollover | Self::LateOk => Some(Quality::Good),
            Self::Pending | Self::NeedsReview | Self::Rejected | Self::Invalid | Self::Conflict => {
                Some(Quality::Suspect)
            }
            Self::Duplicate => None,
        }
    }
}

impl fmt::Display for IndexState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The state of one reading, as it is from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The reading.
    pub index: Index,
    /// What became of it.
    pub state: IndexState,
    /// Why it is held back; `None` where it is not.
    pub doubt: Option<Doubt>,
    /// It is about 10^n times what could be expected, as after a change of unit: 3 for Wh in place
    /// of kWh. Never 0; `None` where no power of ten explains it, or nothing needs to be explained.
    pub power_of_ten: Option<i8>,
}

impl Verdict {
    pub(super) const fn new(index: Index, state: IndexState) -> Self {
        Self { index, state, doubt: None, power_of_ten: None }
    }
}

impl fmt::Display for Verdict {
    /// `2026-03-01T00:15:00Z 1000000.50 pending (jump, 10^3 times what was expected)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.index.at, self.index.value, self.state)?;
        match (self.doubt, self.power_of_ten) {
            (None, _) => Ok(()),
            (Some(doubt), None) => write!(f, " ({})", doubt.name()),
            (Some(doubt), Some(n)) => {
                write!(f, " ({}, 10^{n} times what was expected)", doubt.name())
            }
        }
    }
}

/// What one more reading decided.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// The reading itself.
    pub reading: Verdict,
    /// Readings held back before, whose state it changed; in the order of their instants.
    pub earlier: Vec<Verdict>,
    /// By how much the consumption of the series grew; zero or above.
    pub booked: Decimal,
}

impl Verdicts {
    pub(super) const fn only(index: Index, state: IndexState) -> Self {
        let reading = Verdict::new(index, state);
        Self { reading, earlier: Vec::new(), booked: Decimal::ZERO }
    }
}

/// What a person's decision changed.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Readings whose state it changed, in the order of their instants.
    pub verdicts: Vec<Verdict>,
    /// By how much the consumption of the series changed; below zero where good readings were
    /// withdrawn.
    pub booked: Decimal,
    /// Readings held back after this instant are to be judged again, the oldest first; the others
    /// that were held back are rejected. `None`: all of them are rejected.
    pub again_after: Option<Timestamp>,
}
