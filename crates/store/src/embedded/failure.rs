use std::fmt::Display;

use rusqlite::ErrorCode;

use crate::StoreError;

/// Why a piece of work inside the engine failed, before it is told where.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite refused or could not. Its connection is not to be trusted any longer.
    Engine(rusqlite::Error),
    /// A row says what no row of ours says.
    Damaged(String),
    /// The answer is ready; the connection is sound.
    Told(StoreError),
}

impl Failure {
    /// Something that cannot be kept as it is.
    pub(super) fn refused(what: impl Into<String>) -> Self {
        Self::Told(StoreError::Refused { what: what.into() })
    }

    /// The error a caller sees.
    pub(super) fn at(self, place: &impl Display, doing: &'static str) -> StoreError {
        let engine = match self {
            Self::Told(error) => return error,
            Self::Damaged(what) => return StoreError::Damaged { place: place.to_string(), what },
            Self::Engine(engine) => engine,
        };
        let place = place.to_string();
        match engine.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full { place },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Damaged { place, what: engine.to_string() }
            }
            _ => StoreError::Failed { doing, place, source: Box::new(engine) },
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(engine: rusqlite::Error) -> Self {
        Self::Engine(engine)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Told(error)
    }
}
