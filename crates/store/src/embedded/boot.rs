use rusqlite::Connection;

use super::failure::Failure;
use super::place::Place;
use crate::{Id, StoreError};

/// A start of the gateway: its row and its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boot {
    pub(super) number: i64,
    pub(super) id: Id,
}

/// Who the store is; the first time it gets its name.
pub(super) fn begin(connection: &mut Connection, place: &Place) -> Result<Id, Failure> {
    if let Some(name) = gateway(connection)? {
        return Ok(name);
    }
    let name = random(place)?;
    let sql = "INSERT INTO store (one, gateway, last_sequence) VALUES (1, ?1, 0)";
    connection.execute(sql, [name.bytes()])?;
    Ok(name)
}

/// Notes that the gateway has started once more.
pub(super) fn start(connection: &Connection, place: &Place) -> Result<Boot, Failure> {
    let id = random(place)?;
    connection.execute("INSERT INTO boot (id) VALUES (?1)", [id.bytes()])?;
    Ok(Boot { number: connection.last_insert_rowid(), id })
}

/// The name of the store, where it has one.
pub(super) fn gateway(connection: &Connection) -> Result<Option<Id>, Failure> {
    let mut statement = connection.prepare("SELECT gateway FROM store")?;
    let mut rows = statement.query([])?;
    match rows.next()? {
        Some(row) => Ok(Some(Id::from_bytes(row.get(0)?))),
        None => Ok(None),
    }
}

fn random(place: &Place) -> Result<Id, Failure> {
    Id::random().map_err(|source| {
        let (doing, place) = ("make a random name", place.to_string());
        StoreError::Failed { doing, place, source: Box::new(source) }.into()
    })
}
