use std::path::PathBuf;

use domain::Key;
use thiserror::Error;

/// What went wrong in the store, where, and what a person can do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process writes into the folder.
    #[error("{} is in use by another Submeter: stop it, or choose another folder", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds no store to read from.
    #[error("{} holds no readings yet: start the service on it first", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// A newer program has written the folder; an older one would misread it.
    #[error(
        "{} was written by a newer Submeter (schema {found}, this one knows {known}): \
         install the newer version again, or restore a backup made before the upgrade",
        folder.display()
    )]
    Newer {
        /// The folder.
        folder: PathBuf,
        /// Number of the schema found.
        found: u32,
        /// Highest number this program knows.
        known: u32,
    },
    /// A file written by an older program is opened for reading only, and cannot be brought forward.
    #[error(
        "{} was written by an older Submeter (schema {found}): start the service on it once",
        folder.display()
    )]
    Older {
        /// The folder.
        folder: PathBuf,
        /// Number of the schema found.
        found: u32,
    },
    /// The file is there, but it is not ours.
    #[error("{} holds a database that is not Submeter's: choose another folder", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// The file, or a row of it, is not as it was written.
    #[error("{place} is damaged ({what}): keep a copy of it and restore the newest backup")]
    Damaged {
        /// The folder, or "the store in memory".
        place: String,
        /// What was found.
        what: String,
    },
    /// The disk is full. What was acknowledged is safe, what was just told is not kept.
    #[error("no space left for {place}: free some, nothing acknowledged is lost")]
    Full {
        /// The folder, or "the store in memory".
        place: String,
    },
    /// A simulated site was applied to a real one's folder, or the other way round.
    #[error(
        "the store holds the {} site {held}, so the {} site {refused} is refused: \
         simulated and real readings never mix, choose another folder",
        kind(!refused_is_simulated), kind(*refused_is_simulated)
    )]
    Mixed {
        /// The site the store holds.
        held: Key,
        /// The site that was refused.
        refused: Key,
        /// Whether the refused one is the simulated one.
        refused_is_simulated: bool,
    },
    /// Something that cannot be kept as it is.
    #[error("{what}")]
    Refused {
        /// What, and why not.
        what: String,
    },
    /// The store was opened for reading only.
    #[error("the store was opened for reading only")]
    ReadOnly,
    /// The store was closed, or the runtime that carries it is stopping.
    #[error("the store is closed")]
    Closed,
    /// The folder or a file in it cannot be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    Folder {
        /// What was tried.
        doing: &'static str,
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine failed. Nothing was acknowledged; its connection has been opened anew.
    #[error("cannot {doing} in {place}: {source}; nothing was acknowledged, it may be tried again")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// The folder, or "the store in memory".
        place: String,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn kind(simulated: bool) -> &'static str {
    if simulated { "simulated" } else { "real" }
}
