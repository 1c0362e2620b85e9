use std::time::Duration;

use domain::{Batch, Gap, Key, PlanNumber, Quantity, Reading};
use jiff::Timestamp;

use crate::embedded::Embedded;
use crate::{Id, StoreError, Watcher};

/// The readings and gaps of a site, append-only. Cloning gives one more handle.
#[derive(Debug, Clone)]
pub struct Journal(Embedded);

/// What an append came to. Readings and gaps are counted alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Kept now for the first time.
    pub new: usize,
    /// Kept before with the same content; nothing changed.
    pub known: usize,
    /// Readings that contradict what is kept. What is kept stands; each is kept as a [`Conflict`].
    pub conflicts: usize,
    /// The last sequence number of the journal; 0 while it is empty.
    pub last_sequence: u64,
}

/// A reading as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number in this journal: from 1, without holes, never given twice.
    pub sequence: u64,
    /// The meter it was read from.
    pub meter: Key,
    /// The reading.
    pub reading: Reading,
    /// The plan under which it was read.
    pub plan: PlanNumber,
    /// 0 as read; higher for each correction of the same instant.
    pub revision: u32,
    /// The instant of the site's clock that its batch was asked for, UTC; `None` where none was
    /// meant. A correction has that of the reading.
    pub slot: Option<Timestamp>,
    /// From the first question to the last answer of its batch.
    pub duration: Duration,
    /// When the journal was given it, UTC.
    pub received_at: Timestamp,
    /// The start of the gateway during which it came.
    pub boot: Id,
}

/// A gap as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptGap {
    /// Its number among the gaps of this journal. Gaps are counted apart from readings.
    pub number: u64,
    /// The meter that was asked.
    pub meter: Key,
    /// The gap. Of its detail at most [`Journal::LONGEST_DETAIL`] characters are kept.
    pub gap: Gap,
    /// The plan under which it was asked.
    pub plan: PlanNumber,
    /// The slot of its batch, UTC; `None` where none was meant. A slot that was skipped is told
    /// with the batch that came after it, and is itself the instant of the gap.
    pub slot: Option<Timestamp>,
    /// When the journal was given it, UTC.
    pub received_at: Timestamp,
}

/// A reading that was told again with other content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The sequence number of the reading that stands.
    pub stands: u64,
    /// The meter.
    pub meter: Key,
    /// What was told later.
    pub told: Reading,
    /// The plan it named.
    pub plan: PlanNumber,
    /// When the journal was given it, UTC.
    pub received_at: Timestamp,
}

/// A later record for an instant that was read before: what a person knows better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The meter.
    pub meter: Key,
    /// What is right, for the quantity and instant of the reading that is corrected.
    pub reading: Reading,
    /// The plan by which it was computed.
    pub plan: PlanNumber,
    /// Who says so, 1 to 200 characters.
    pub author: String,
    /// Why, 1 to 1000 characters.
    pub reason: String,
}

/// One of the records of one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The record.
    pub kept: Kept,
    /// Who corrected; `None` for the reading itself.
    pub author: Option<String>,
    /// Why; `None` for the reading itself.
    pub reason: Option<String>,
}

/// Which records are wanted. The default wants all of them, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of these meters; empty means all.
    pub meters: Vec<Key>,
    /// Of these quantities; empty means all.
    pub quantities: Vec<Quantity>,
    /// From this instant on, itself included.
    pub from: Option<Timestamp>,
    /// Up to this instant, itself excluded.
    pub until: Option<Timestamp>,
    /// Of batches that were asked for this slot; `None` means all, also those without any.
    pub slot: Option<Timestamp>,
    /// At most so many, counted from the first in the order asked.
    pub limit: Option<usize>,
    /// The newest come first, and a limit keeps the newest.
    pub newest_first: bool,
}

impl Journal {
    /// The longest detail of a gap that is kept, in characters.
    pub const LONGEST_DETAIL: usize = 200;

    pub(crate) fn new(engine: Embedded) -> Self {
        Self(engine)
    }

    /// Keeps a sweep in one transaction, and returns when the disk has it.
    ///
    /// A reading is known by meter, quantity, instant and revision, a gap by meter, quantity,
    /// instant and reason: appending twice changes nothing. When the caller gives up waiting, the
    /// sweep is still kept as a whole or not at all; appending it again finds out.
    ///
    /// # Errors
    /// When the sweep could not be made durable. Then nothing of it is kept.
    pub async fn append(
        &self,
        batches: Vec<Batch>,
        received_at: Timestamp,
    ) -> Result<Appended, StoreError> {
        self.0.append(batches, received_at).await
    }

    /// Corrects a reading by one more record, which is shown in its place from now on. The same
    /// correction given again changes nothing. Watchers are told.
    ///
    /// # Errors
    /// When there is no reading at that instant, author or reason is missing or too long, or the
    /// record could not be made durable.
    pub async fn correct(
        &self,
        correction: Correction,
        received_at: Timestamp,
    ) -> Result<Kept, StoreError> {
        self.0.correct(correction, received_at).await
    }

    /// The newest reading of each meter and quantity, by meter and quantity.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn latest(&self) -> Result<Vec<Kept>, StoreError> {
        self.0.latest().await
    }

    /// Readings by time, of each instant the newest revision. Same instants go by meter and
    /// quantity. Without a limit everything that fits comes at once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn between(&self, filter: Filter) -> Result<Vec<Kept>, StoreError> {
        self.0.between(filter).await
    }

    /// Gaps by time. A gap of a whole meter is in every quantity of that meter.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn gaps(&self, filter: Filter) -> Result<Vec<KeptGap>, StoreError> {
        self.0.gaps(filter).await
    }

    /// Readings that were told again with other content, by the time of the reading.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn conflicts(&self, filter: Filter) -> Result<Vec<Conflict>, StoreError> {
        self.0.conflicts(filter).await
    }

    /// Every record of one instant, the reading first, then its corrections.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn revisions(
        &self,
        meter: Key,
        quantity: Quantity,
        at: Timestamp,
    ) -> Result<Vec<Revision>, StoreError> {
        self.0.revisions(meter, quantity, at).await
    }

    /// The records after a sequence number in the order they came, corrections included: the
    /// journal as a queue. Start with 0; an empty answer means that all has been seen.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn after(&self, sequence: u64, limit: usize) -> Result<Vec<Kept>, StoreError> {
        self.0.after(sequence, limit).await
    }

    /// Hears of every append from now on, after it is durable. A slow watcher misses, it never
    /// delays. The watcher ends when the store is closed.
    #[must_use]
    pub fn watch(&self) -> Watcher {
        self.0.watch()
    }
}
