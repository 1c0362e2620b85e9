use domain::{Gap, Key, PlanNumber, Quantity, Reason};
use jiff::Timestamp;
use rusqlite::{Connection, Params, Row, params};

use super::failure::Failure;
use super::row::{CONFLICTS, READINGS, instant, nanoseconds, quantity, record, slot, whole};
use crate::{Conflict, Filter, Kept, KeptGap, Revision};

/// One step into the index for each series, however long it is.
pub(super) const NEWEST_OF_EACH: &str = "WHERE r.sequence IN (SELECT (SELECT n.sequence FROM reading n \
     WHERE n.series = each.number ORDER BY n.at DESC, n.revision DESC LIMIT 1) FROM series each)";

/// The newest reading of each series.
pub(super) fn latest(connection: &Connection) -> Result<Vec<Kept>, Failure> {
    let mut found = all(connection, &format!("{READINGS}{NEWEST_OF_EACH}"), [], record)?;
    found.sort_by(|a, b| (&a.meter, a.reading.quantity).cmp(&(&b.meter, b.reading.quantity)));
    Ok(found)
}

/// Readings by time, the newest revision of each instant.
pub(super) fn between(connection: &Connection, filter: &Filter) -> Result<Vec<Kept>, Failure> {
    let newest = "AND NOT EXISTS (SELECT 1 FROM reading n WHERE n.series = r.series \
                  AND n.at = r.at AND n.revision > r.revision)";
    let sql = within(READINGS, "r", newest, filter);
    let found = by_series(connection, filter, Whole::Left, &sql, record)?;
    Ok(by_time(found, filter, |one| (one.reading.at, &one.meter, Some(one.reading.quantity))))
}

/// Gaps by time.
pub(super) fn gaps(connection: &Connection, filter: &Filter) -> Result<Vec<KeptGap>, Failure> {
    let columns = "SELECT g.number, s.meter, s.quantity, g.at, g.reason, g.detail, b.plan, \
                   b.received_at, b.slot FROM gap g JOIN series s ON s.number = g.series \
                   JOIN batch b ON b.number = g.batch ";
    let sql = within(columns, "g", "", filter);
    let found = by_series(connection, filter, Whole::Taken, &sql, gap)?;
    Ok(by_time(found, filter, |one| (one.gap.at, &one.meter, one.gap.quantity)))
}

/// What contradicts readings, by the time of the reading.
pub(super) fn conflicts(
    connection: &Connection,
    filter: &Filter,
) -> Result<Vec<Conflict>, Failure> {
    let sql = within(CONFLICTS, "r", "", filter);
    let found = by_series(connection, filter, Whole::Left, &sql, record)?;
    let found = by_time(found, filter, |one| (one.reading.at, &one.meter, None));
    Ok(found.into_iter().map(conflict).collect())
}

/// What was told against one reading before.
pub(super) fn contradicting(connection: &Connection, stands: u64) -> Result<Vec<Kept>, Failure> {
    let sql = format!("{CONFLICTS}WHERE c.sequence = ?1");
    all(connection, &sql, [whole(stands)?], record)
}

/// Every record of one instant.
pub(super) fn revisions(
    connection: &Connection,
    meter: &Key,
    quantity: Quantity,
    at: Timestamp,
) -> Result<Vec<Revision>, Failure> {
    let sql = format!(
        "{READINGS}WHERE s.meter = ?1 AND s.quantity = ?2 AND r.at = ?3 ORDER BY r.revision"
    );
    let found =
        all(connection, &sql, params![meter.as_str(), quantity.name(), nanoseconds(at)?], record)?;
    let signed = "SELECT author, reason FROM correction WHERE sequence = ?1";
    let mut revisions = Vec::new();
    for kept in found {
        let mut hands = all(connection, signed, [whole(kept.sequence)?], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        let (author, reason) = hands.pop().unzip();
        revisions.push(Revision { kept, author, reason });
    }
    Ok(revisions)
}

/// The records after a sequence number, in its order.
pub(super) fn after(
    connection: &Connection,
    sequence: u64,
    limit: usize,
) -> Result<Vec<Kept>, Failure> {
    let Ok(sequence) = i64::try_from(sequence) else { return Ok(Vec::new()) };
    let sql = format!("{READINGS}WHERE r.sequence > ?1 ORDER BY r.sequence LIMIT ?2");
    all(connection, &sql, params![sequence, most(Some(limit))], record)
}

/// Whether series that stand for a whole meter are taken, whatever quantities are asked.
#[derive(Clone, Copy, PartialEq)]
enum Whole {
    Taken,
    Left,
}

/// A query over one series (?1) from ?2 to ?3, at most ?4, of the slot ?5 if there is one.
fn within(columns: &str, table: &str, also: &str, filter: &Filter) -> String {
    let direction = if filter.newest_first { "DESC" } else { "ASC" };
    format!(
        "{columns}WHERE {table}.series = ?1 AND {table}.at BETWEEN ?2 AND ?3 {also} \
         AND (?5 IS NULL OR b.slot = ?5) \
         ORDER BY {table}.at {direction} LIMIT ?4"
    )
}

/// Asks each series that fits. One after the other, each walks its index and stops at the limit.
fn by_series<T>(
    connection: &Connection,
    filter: &Filter,
    whole_meters: Whole,
    sql: &str,
    read: fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let first = filter.from.map_or(i64::MIN, nearest);
    let last = filter.until.map_or(i64::MAX, |until| nearest(until).saturating_sub(1));
    let mut found = Vec::new();
    for series in series(connection, filter, whole_meters)? {
        let bounds = params![series, first, last, most(filter.limit), filter.slot.map(nearest)];
        found.extend(all(connection, sql, bounds, read)?);
    }
    Ok(found)
}

fn series(
    connection: &Connection,
    filter: &Filter,
    whole_meters: Whole,
) -> Result<Vec<i64>, Failure> {
    let known = all(connection, "SELECT number, meter, quantity FROM series", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let meter_fits = |meter: &str| {
        filter.meters.is_empty() || filter.meters.iter().any(|one| one.as_str() == meter)
    };
    let quantity_fits = |name: &str| match name {
        "" => whole_meters == Whole::Taken,
        _ => filter.quantities.is_empty() || filter.quantities.iter().any(|one| one.name() == name),
    };
    let fitting = known.iter().filter(|(_, meter, name)| meter_fits(meter) && quantity_fits(name));
    Ok(fitting.map(|(number, ..)| *number).collect())
}

/// Joins what the series gave: by time, then by meter and quantity.
fn by_time<T>(
    mut found: Vec<T>,
    filter: &Filter,
    key: impl Fn(&T) -> (Timestamp, &Key, Option<Quantity>),
) -> Vec<T> {
    found.sort_by(|a, b| {
        let ((a_at, a_meter, a_quantity), (b_at, b_meter, b_quantity)) = (key(a), key(b));
        let time = if filter.newest_first { b_at.cmp(&a_at) } else { a_at.cmp(&b_at) };
        time.then_with(|| (a_meter, a_quantity).cmp(&(b_meter, b_quantity)))
    });
    found.truncate(filter.limit.unwrap_or(usize::MAX));
    found
}

fn gap(row: &Row<'_>) -> Result<KeptGap, Failure> {
    let number: i64 = row.get(0)?;
    let broken = || Failure::Damaged(format!("gap {number} is not as it was written"));
    let name: String = row.get(2)?;
    Ok(KeptGap {
        number: u64::try_from(number).map_err(|_| broken())?,
        meter: Key::new(&row.get::<_, String>(1)?).map_err(|_| broken())?,
        gap: Gap {
            quantity: match name.as_str() {
                "" => None,
                name => Some(quantity(name).ok_or_else(broken)?),
            },
            at: instant(row.get(3)?).ok_or_else(broken)?,
            reason: Reason::from_name(&row.get::<_, String>(4)?).ok_or_else(broken)?,
            detail: row.get(5)?,
        },
        plan: PlanNumber(u64::try_from(row.get::<_, i64>(6)?).map_err(|_| broken())?),
        received_at: instant(row.get(7)?).ok_or_else(broken)?,
        slot: slot(row.get(8)?).ok_or_else(broken)?,
    })
}

fn conflict(kept: Kept) -> Conflict {
    Conflict {
        stands: kept.sequence,
        meter: kept.meter,
        told: kept.reading,
        plan: kept.plan,
        received_at: kept.received_at,
    }
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The instant a bound of a filter stands for, even where no reading can be.
fn nearest(at: Timestamp) -> i64 {
    let bounds = (i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(at.as_nanosecond().clamp(bounds.0, bounds.1)).unwrap_or_default()
}

/// A LIMIT; SQLite takes a negative one for none.
fn most(limit: Option<usize>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}
