use domain::{Difference, PlanNumber, SiteRecord};
use jiff::Timestamp;

use crate::StoreError;
use crate::embedded::Embedded;

/// What is read at a site: its buses and meters, now and before. Cloning gives one more handle.
#[derive(Debug, Clone)]
pub struct Registry(Embedded);

/// What an apply came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The plan in force.
    pub plan: PlanNumber,
    /// What changed in the record; empty when nothing did, or only the document.
    pub difference: Difference,
}

impl Registry {
    pub(crate) fn new(engine: Embedded) -> Self {
        Self(engine)
    }

    /// Brings the registry to a record, in one transaction.
    ///
    /// `plan_document` is the resolved plan as text; it is kept under the plan's number, because a
    /// value is a function of raw words and plan. A record or a document that differs makes a new,
    /// larger number; the same ones again change nothing. What is no longer named is retired: its
    /// rows end, its readings stay.
    ///
    /// # Errors
    /// When a key appears twice, when a simulated site meets a real one's store or the other way
    /// round, or when it could not be made durable. Then nothing changes.
    pub async fn apply(
        &self,
        record: &SiteRecord,
        plan_document: &str,
        at: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.0.apply(record.clone(), plan_document.to_owned(), at).await
    }

    /// The record in force and its plan; `None` before the first apply.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn current(&self) -> Result<Option<(PlanNumber, SiteRecord)>, StoreError> {
        self.0.current().await
    }

    /// The resolved plan of a number, or `None` where there was no such plan.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn plan_document(&self, number: PlanNumber) -> Result<Option<String>, StoreError> {
        self.0.plan_document(number).await
    }
}
