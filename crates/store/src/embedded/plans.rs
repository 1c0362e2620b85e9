use std::collections::BTreeSet;

use domain::{Bus, Difference, Key, Medium, Meter, PlanNumber, Site, SiteRecord};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::failure::Failure;
use super::row::{nanoseconds, whole};
use crate::{Applied, StoreError};

/// Brings the registry to a record, in one transaction.
pub(super) fn apply(
    connection: &mut Connection,
    record: &SiteRecord,
    document: &str,
    at: Timestamp,
) -> Result<Applied, Failure> {
    twice("bus", record.buses.iter().map(|bus| &bus.key))?;
    twice("meter", record.meters.iter().map(|meter| &meter.key))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let in_force = current(&transaction)?;
    let before = in_force.as_ref().map(|(_, before)| before);
    unmixed(before.map(|before| &before.site), &record.site)?;

    let difference = Difference::between(before, record);
    let same_document = match &in_force {
        Some((plan, _)) => plan_document(&transaction, *plan)?.as_deref() == Some(document),
        None => false,
    };
    let plan = match in_force {
        Some((plan, _)) if difference.is_empty() && same_document => plan,
        _ => number(&transaction, document, at)?,
    };
    write(&transaction, record, &difference, plan)?;
    transaction.commit()?;
    Ok(Applied { plan, difference })
}

/// What applying a record comes to where it is in force already: nothing to be written.
pub(super) fn in_force(
    connection: &Connection,
    record: &SiteRecord,
    document: &str,
) -> Result<Option<Applied>, Failure> {
    let snapshot = connection.unchecked_transaction()?;
    let Some((plan, held)) = current(&snapshot)? else { return Ok(None) };
    let same = held == *record && plan_document(&snapshot, plan)?.as_deref() == Some(document);
    Ok(same.then(|| Applied { plan, difference: Difference::between(Some(&held), record) }))
}

/// The record in force and its plan.
pub(super) fn current(
    connection: &Connection,
) -> Result<Option<(PlanNumber, SiteRecord)>, Failure> {
    let newest: Option<i64> =
        connection.query_row("SELECT max(number) FROM plan", [], |row| row.get(0))?;
    let Some(newest) = newest else { return Ok(None) };
    let sql = "SELECT key, time_zone, simulated FROM site WHERE to_plan IS NULL";
    let found = rows(connection, sql, site)?.pop();
    let site = found.ok_or_else(|| Failure::Damaged("a plan without a site".to_owned()))?;
    let buses = "SELECT key, port, settings FROM bus WHERE to_plan IS NULL ORDER BY position";
    let meters = "SELECT key, name, space, medium, bus, address, model, settings FROM meter \
                  WHERE to_plan IS NULL ORDER BY position";
    let record = SiteRecord {
        site,
        buses: rows(connection, buses, bus)?,
        meters: rows(connection, meters, meter)?,
    };
    Ok(Some((PlanNumber(u64::try_from(newest).unwrap_or_default()), record)))
}

/// The resolved plan of a number.
pub(super) fn plan_document(
    connection: &Connection,
    number: PlanNumber,
) -> Result<Option<String>, Failure> {
    let Ok(number) = i64::try_from(number.0) else { return Ok(None) };
    let sql = "SELECT document FROM plan WHERE number = ?1";
    Ok(connection.query_row(sql, [number], |row| row.get(0)).optional()?)
}

fn twice<'k>(what: &str, keys: impl Iterator<Item = &'k Key>) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if !seen.insert(key) {
            return Err(Failure::refused(format!("the {what} {key} is named twice")));
        }
    }
    Ok(())
}

fn unmixed(before: Option<&Site>, site: &Site) -> Result<(), Failure> {
    match before {
        Some(held) if held.simulated != site.simulated => Err(StoreError::Mixed {
            held: held.key.clone(),
            refused: site.key.clone(),
            refused_is_simulated: site.simulated,
        }
        .into()),
        _ => Ok(()),
    }
}

/// The number of a new plan: plans are never deleted, so it only grows.
fn number(
    transaction: &Transaction<'_>,
    document: &str,
    at: Timestamp,
) -> Result<PlanNumber, Failure> {
    let sql = "INSERT INTO plan (number, document, applied_at) \
               SELECT ifnull(max(number), 0) + 1, ?1, ?2 FROM plan RETURNING number";
    let number: i64 =
        transaction.query_row(sql, params![document, nanoseconds(at)?], |row| row.get(0))?;
    Ok(PlanNumber(u64::try_from(number).unwrap_or_default()))
}

/// Ends the rows that are no longer true and begins the new ones. Where a row stays, only its
/// position follows the file: the order is how it is shown, not a fact with a history.
fn write(
    transaction: &Transaction<'_>,
    record: &SiteRecord,
    difference: &Difference,
    plan: PlanNumber,
) -> Result<(), Failure> {
    let plan = whole(plan.0)?;
    if difference.site_changed {
        let Site { key, time_zone, simulated } = &record.site;
        transaction.execute("UPDATE site SET to_plan = ?1 WHERE to_plan IS NULL", [plan])?;
        transaction.execute(
            "INSERT INTO site (key, time_zone, simulated, from_plan) VALUES (?1, ?2, ?3, ?4)",
            params![key.as_str(), time_zone, simulated, plan],
        )?;
    }
    let ended = |changed: &[Key], retired: &[Key]| [changed, retired].concat();
    for key in ended(&difference.buses_changed, &difference.buses_retired) {
        let sql = "UPDATE bus SET to_plan = ?1 WHERE key = ?2 AND to_plan IS NULL";
        transaction.execute(sql, params![plan, key.as_str()])?;
    }
    for key in ended(&difference.meters_changed, &difference.meters_retired) {
        let sql = "UPDATE meter SET to_plan = ?1 WHERE key = ?2 AND to_plan IS NULL";
        transaction.execute(sql, params![plan, key.as_str()])?;
    }
    for (bus, position) in record.buses.iter().zip(0_i64..) {
        let begins = [&difference.buses_added, &difference.buses_changed];
        if begins.iter().any(|keys| keys.contains(&bus.key)) {
            begin_bus(transaction, bus, position, plan)?;
        } else {
            let sql = "UPDATE bus SET position = ?1 WHERE key = ?2 AND to_plan IS NULL \
                       AND position <> ?1";
            transaction.execute(sql, params![position, bus.key.as_str()])?;
        }
    }
    for (meter, position) in record.meters.iter().zip(0_i64..) {
        let begins = [&difference.meters_added, &difference.meters_changed];
        if begins.iter().any(|keys| keys.contains(&meter.key)) {
            begin_meter(transaction, meter, position, plan)?;
        } else {
            let sql = "UPDATE meter SET position = ?1 WHERE key = ?2 AND to_plan IS NULL \
                       AND position <> ?1";
            transaction.execute(sql, params![position, meter.key.as_str()])?;
        }
    }
    Ok(())
}

fn begin_bus(
    transaction: &Transaction<'_>,
    bus: &Bus,
    position: i64,
    plan: i64,
) -> Result<(), Failure> {
    let Bus { key, port, settings } = bus;
    transaction.execute(
        "INSERT INTO bus (key, port, settings, position, from_plan) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![key.as_str(), port, settings, position, plan],
    )?;
    Ok(())
}

fn begin_meter(
    transaction: &Transaction<'_>,
    meter: &Meter,
    position: i64,
    plan: i64,
) -> Result<(), Failure> {
    let Meter { key, name, space, medium, bus, address, model, settings } = meter;
    transaction.execute(
        "INSERT INTO meter (key, name, space, medium, bus, address, model, settings, position, \
         from_plan) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            key.as_str(),
            name,
            space,
            medium.map(Medium::name),
            bus.as_str(),
            address,
            model,
            settings,
            position,
            plan,
        ],
    )?;
    Ok(())
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn site(row: &Row<'_>) -> Result<Site, Failure> {
    Ok(Site { key: key(row, 0)?, time_zone: row.get(1)?, simulated: row.get(2)? })
}

fn bus(row: &Row<'_>) -> Result<Bus, Failure> {
    Ok(Bus { key: key(row, 0)?, port: row.get(1)?, settings: row.get(2)? })
}

fn meter(row: &Row<'_>) -> Result<Meter, Failure> {
    let medium = match row.get::<_, Option<String>>(3)? {
        None => None,
        Some(name) => Some(Medium::from_name(&name).ok_or_else(|| unknown("medium", &name))?),
    };
    Ok(Meter {
        key: key(row, 0)?,
        name: row.get(1)?,
        space: row.get(2)?,
        medium,
        bus: key(row, 4)?,
        address: row.get(5)?,
        model: row.get(6)?,
        settings: row.get(7)?,
    })
}

fn key(row: &Row<'_>, column: usize) -> Result<Key, Failure> {
    let text: String = row.get(column)?;
    Key::new(&text).map_err(|_| unknown("key", &text))
}

fn unknown(what: &str, text: &str) -> Failure {
    Failure::Damaged(format!("the registry names the {what} {text:?}"))
}
