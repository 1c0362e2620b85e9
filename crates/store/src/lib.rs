//! The memory: readings that were acknowledged are never lost, changed or mixed up.
//!
//! A [`Store`] has two halves. The [`Journal`] keeps readings and gaps, append-only, each with a
//! sequence number without holes: it is history and queue in one. The [`Registry`] keeps what is
//! read there: a site, its buses and meters, with every former state.
//!
//! - One call of [`Journal::append`] is one transaction. It returns after the disk has it, and only
//!   then are watchers told. Appending the same again changes nothing, so every sender may repeat.
//! - Damage is never used in silence. A start checks the registry before it answers and the whole
//!   file beside its first work, and the journal waits for that verdict ([`Store::checked`]); so a
//!   long journal never delays the first question on the wire. What the check of the engine cannot
//!   see, the seal of a reading does, each time the reading is read.
//! - Values are exact decimals, kept digit by digit beside the raw words they come from.
//! - What a person or a program must know to act is in [`StoreError`]: what, where, which remedy.
//!
//! The crate asks no clock: instants are handed in. Its engine is private; one suite of tests,
//! `tests/contract.rs`, says what every engine has to do.

mod embedded;
mod error;
mod identity;
mod journal;
mod registry;
mod watch;

use std::path::Path;

pub use error::StoreError;
pub use identity::Id;
pub use journal::{Appended, Conflict, Correction, Filter, Journal, Kept, KeptGap, Revision};
pub use registry::{Applied, Registry};
pub use watch::{Told, Watcher};

use embedded::Embedded;

/// One site's memory. Cloning gives one more handle on it.
#[derive(Debug, Clone)]
pub struct Store(Embedded);

impl Store {
    /// Opens the store in a folder for reading and writing; makes both where there are none, for
    /// the owner's eyes only. Repairs after a power cut without questions, brings an older schema
    /// forward (with a copy of the file before), and checks the file: the registry at once, all
    /// of it beside the first work, see [`Self::checked`].
    ///
    /// # Errors
    /// When another process has it open, the file is newer, not ours or damaged in its registry,
    /// or the folder cannot be used.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        Embedded::open(folder).await.map(Self)
    }

    /// Opens the store in a folder for reading only, also beside a running service.
    ///
    /// # Errors
    /// When there is no store, its schema is not this program's, or it cannot be read.
    pub async fn open_read_only(folder: &Path) -> Result<Self, StoreError> {
        Embedded::open_read_only(folder).await.map(Self)
    }

    /// A store that forgets all when its last handle goes: for tests and demonstrations.
    ///
    /// # Errors
    /// When the engine cannot start.
    pub async fn in_memory() -> Result<Self, StoreError> {
        Embedded::in_memory().await.map(Self)
    }

    /// The readings.
    #[must_use]
    pub fn journal(&self) -> Journal {
        Journal::new(self.0.clone())
    }

    /// What is read.
    #[must_use]
    pub fn registry(&self) -> Registry {
        Registry::new(self.0.clone())
    }

    /// Who wrote this journal: random, made with the store and kept for ever.
    #[must_use]
    pub fn gateway(&self) -> Id {
        self.0.gateway()
    }

    /// Waits until the whole file is checked, which begins with the opening and takes as long as
    /// reading it. Until then the registry answers, and everything else waits: nothing is told
    /// from the journal and nothing is written before the file is known to be sound.
    ///
    /// # Errors
    /// When it is damaged or could not be checked; from then on the store refuses all that waits
    /// for the check. When the store was closed before.
    pub async fn checked(&self) -> Result<(), StoreError> {
        self.0.checked().await
    }

    /// Closes the store for all its handles: what runs is finished, the file is tidied, watchers
    /// end, and the folder is free for another process.
    ///
    /// # Errors
    /// When the file could not be tidied. What was acknowledged is safe all the same.
    pub async fn close(self) -> Result<(), StoreError> {
        self.0.close().await
    }
}
