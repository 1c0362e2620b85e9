use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;
use crate::StoreError;

const FILE: &str = "submeter.db";
/// Locked while a process writes. A file of its own: SQLite's own locks on the database would be
/// dropped by the first of our handles on it that closes.
const LOCK: &str = "submeter.lock";
const PATIENCE: Duration = Duration::from_secs(5);
/// Pages in the log before they are moved into the file: 16 MB. Each sweep touches the same pages
/// of the index again, and the longer they gather, the fewer are written twice.
const LOG_PAGES: u32 = 4_000;

/// Where a store lives.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Memory,
    Folder(PathBuf),
}

impl Place {
    /// Takes the folder for this process alone, and makes it and the file where they are missing.
    pub(super) fn take(folder: &Path) -> Result<(Self, File), StoreError> {
        let problem = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Folder { doing, path, source }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(problem("make the folder", folder))?;
        let lock_path = folder.join(LOCK);
        let lock = own_file(&lock_path).map_err(problem("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { folder: folder.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(problem("lock", &lock_path)(source)),
        }
        let path = folder.join(FILE);
        if !path.exists() {
            own_file(&path).map_err(problem("make", &path))?;
            sync_folder(folder).map_err(problem("make durable", folder))?;
            if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_folder(parent).map_err(problem("make durable", parent))?;
            }
        }
        Ok((Self::Folder(folder.to_owned()), lock))
    }

    /// The folder; empty for a store in memory.
    pub(super) fn folder(&self) -> PathBuf {
        match self {
            Self::Memory => PathBuf::new(),
            Self::Folder(folder) => folder.clone(),
        }
    }

    /// The database file, where there is one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Memory => None,
            Self::Folder(folder) => Some(folder.join(FILE)),
        }
    }

    /// A connection that writes, with the settings that durability rests on.
    pub(super) fn writer(&self) -> Result<Connection, Failure> {
        let Some(file) = self.file() else {
            let connection = Connection::open_in_memory()?;
            settle(&connection)?;
            return Ok(connection);
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        settle(&connection)?;
        let mode: String =
            connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            let what = format!("{self} lies on a file system without shared memory: move it");
            return Err(Failure::refused(what));
        }
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        // What a killed process wrote but did not sync is visible now. It must be on the disk
        // before anybody is told that it is known; a checkpoint writes it again and syncs.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(connection)
    }

    /// A connection that only reads, or `None` where the writing one has to serve.
    pub(super) fn reader(&self) -> Result<Option<Connection>, Failure> {
        let Some(file) = self.file() else { return Ok(None) };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        settle(&connection)?;
        Ok(Some(connection))
    }

    /// Moves everything into the one file and lets go of it.
    pub(super) fn leave(&self, connection: Connection) -> Result<(), Failure> {
        if self.file().is_some() {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        connection.close().map_err(|(_, engine)| engine.into())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("the store in memory"),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

/// Opens a file for the owner alone, and makes it where it is missing.
pub(super) fn own_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes names in a folder durable: a file is safe only when its entry is.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}
