//! How a command ends: one code for each kind of ending, the same for every command.

use std::process::ExitCode;

/// The codes a script can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All good.
    Good = 0,
    /// An unexpected failure.
    Failed = 1,
    /// Wrong usage of the command line.
    Usage = 2,
    /// A configuration, site or model file is invalid.
    Invalid = 3,
    /// No answer from device or port.
    NoAnswer = 4,
    /// Answered, but refused or implausible.
    Refused = 5,
    /// Partly done.
    Partly = 6,
    /// Not permitted.
    NotPermitted = 8,
    /// Not found.
    NotFound = 9,
    /// The bus or the store is owned by another process; try later.
    Busy = 75,
    /// Interrupted before anything was read.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The code of an error that no command turned into its own ending.
#[must_use]
pub fn of(error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<store::StoreError>() {
        Some(store::StoreError::InUse { .. }) => Exit::Busy,
        _ => Exit::Failed,
    }
}
