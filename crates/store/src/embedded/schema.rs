use std::path::Path;

use rusqlite::backup::Progress;
use rusqlite::{Connection, TransactionBehavior};

use super::failure::Failure;
use super::place::{Place, own_file, sync_folder};
use crate::StoreError;

/// How a file becomes the newest: one text for each number, forward only.
pub(super) const STEPS: &[&str] =
    &[include_str!("schema/0001.sql"), include_str!("schema/0002.sql")];

/// Marks a database as ours: "SBMT".
const OURS: i32 = 0x5342_4d54;

/// Brings the file to the newest schema in one transaction, after a copy of it was made.
pub(super) fn bring_forward(
    connection: &mut Connection,
    place: &Place,
    steps: &[&str],
) -> Result<(), Failure> {
    let (found, known) = (number(connection, place)?, count(steps));
    if found == known {
        return Ok(());
    }
    if found > known {
        return Err(newer(place, found, known).into());
    }
    if let Some(file) = place.file().filter(|_| found > 0) {
        keep_copy(connection, &file, found)?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", OURS)?;
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

/// Refuses a file that is not ours or newer, before anything is written into it.
pub(super) fn expect_ours(connection: &Connection, place: &Place) -> Result<(), Failure> {
    let (found, known) = (number(connection, place)?, count(STEPS));
    if found > known { Err(newer(place, found, known).into()) } else { Ok(()) }
}

/// Refuses a file of another schema: for those who only read and cannot bring it forward.
pub(super) fn expect_newest(connection: &Connection, place: &Place) -> Result<(), Failure> {
    let (found, known) = (number(connection, place)?, count(STEPS));
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(newer(place, found, known).into()),
        std::cmp::Ordering::Less => {
            let folder = place.folder();
            Err(match found {
                0 => StoreError::Missing { folder },
                _ => StoreError::Older { folder, found },
            }
            .into())
        }
    }
}

/// The number of the schema in the file; 0 for an empty one.
fn number(connection: &Connection, place: &Place) -> Result<u32, Failure> {
    let mark: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if mark != OURS && (mark != 0 || tables != 0) {
        return Err(StoreError::Foreign { folder: place.folder() }.into());
    }
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn count(steps: &[&str]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

fn newer(place: &Place, found: u32, known: u32) -> StoreError {
    StoreError::Newer { folder: place.folder(), found, known }
}

/// A sound copy beside the file, complete before it gets its name.
fn keep_copy(connection: &Connection, file: &Path, schema: u32) -> Result<(), Failure> {
    let copy = file.with_extension(format!("db.schema-{schema}"));
    let unfinished = file.with_extension("db.unfinished-copy");
    let problem = |source| StoreError::Folder { doing: "copy to", path: copy.clone(), source };
    if unfinished.exists() {
        std::fs::remove_file(&unfinished).map_err(problem)?;
    }
    own_file(&unfinished).map_err(problem)?;
    connection.backup("main", &unfinished, None::<fn(Progress)>)?;
    own_file(&unfinished).and_then(|file| file.sync_all()).map_err(problem)?;
    std::fs::rename(&unfinished, &copy).map_err(problem)?;
    copy.parent().map_or(Ok(()), sync_folder).map_err(problem)?;
    Ok(())
}
