//! How a command ends: one code for each kind of ending, the same for every command.

use std::io::ErrorKind;
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
    /// The bus, the folder or the address is owned by another process; try later.
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
    if let Some(store::StoreError::InUse { .. }) = error.downcast_ref() {
        return Exit::Busy;
    }
    let by_cause = |cause: &(dyn std::error::Error + 'static)| {
        if cause.is::<catalog::ModelError>() || cause.is::<catalog::ProofError>() {
            return Some(Exit::Invalid);
        }
        if cause.is::<crate::sheet::NoSuchField>() {
            return Some(Exit::Usage);
        }
        match cause.downcast_ref::<std::io::Error>()?.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some(Exit::NotPermitted),
            ErrorKind::AddrInUse => Some(Exit::Busy),
            _ => None,
        }
    };
    error.chain().find_map(by_cause).unwrap_or(Exit::Failed)
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;
    use crate::output;

    #[test]
    fn a_cause_below_decides_the_code_and_is_said_once() {
        for (kind, exit) in [
            (ErrorKind::PermissionDenied, Exit::NotPermitted),
            (ErrorKind::AddrInUse, Exit::Busy),
            (ErrorKind::Interrupted, Exit::Failed),
        ] {
            let error = store::StoreError::Folder {
                doing: "open",
                path: "/data".into(),
                source: Error::from(kind),
            };
            let error = anyhow::Error::from(error);
            assert_eq!(of(&error), exit);
            assert_eq!(
                output::in_words(&error),
                format!("cannot open /data: {}", Error::from(kind))
            );
        }
    }
}
