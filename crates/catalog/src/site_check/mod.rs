//! Checks a site file: everything that is wrong with it at once, or what it means.

mod bus;
mod fields;
mod intervals;
mod meter;
mod overload;
mod together;

use domain::{Site, SiteRecord};
use jiff::tz::TimeZoneDatabase;

use self::bus::Buses;
use self::together::Together;
use crate::document::{Field, Node, Span, Table, Value, parse_toml, text_of};
use crate::nearest::nearest;
use crate::problem::{Code, Problem, Problems, shortened};
use crate::reader::Reader;
use crate::{Catalog, CheckedSite};

/// The model whose registers stand in the parameters of the meter.
pub const GENERIC: &str = "generic_modbus";

/// The longest site file, in bytes: 16 MiB.
pub const LONGEST_SITE: usize = 16 << 20;

/// The most meters of a site, and the most buses.
pub const MOST_METERS: usize = 10_000;

/// Checks a site file given as bytes.
///
/// Returns the site exactly when there is no error, and always all problems.
#[must_use]
pub fn check_site_bytes(bytes: &[u8], catalog: &Catalog) -> (Option<CheckedSite>, Problems) {
    match text_of(bytes, LONGEST_SITE) {
        Ok(text) => check_site(text, catalog),
        Err(problem) => (None, problem.into()),
    }
}

/// Checks a site file.
///
/// Returns the site exactly when there is no error, and always all problems.
#[must_use]
pub fn check_site(text: &str, catalog: &Catalog) -> (Option<CheckedSite>, Problems) {
    let table = match text_of(text.as_bytes(), LONGEST_SITE).and_then(parse_toml) {
        Ok(table) => table,
        Err(problem) => return (None, problem.into()),
    };
    if table.is_empty() {
        let rule = "nothing is written here: a site needs at least [site] with its key";
        return (None, Problem::error(Code::Empty, "", rule).into());
    }
    let mut problems = Problems::default();
    let site = judge(&table, catalog, &mut problems);
    let good = problems.is_ok();
    (site.filter(|_| good), problems)
}

fn judge(table: &Table, catalog: &Catalog, problems: &mut Problems) -> Option<CheckedSite> {
    let mut root = Reader { table, place: 0..0, prefix: String::new(), problems };
    root.only(&["site", "bus", "meter"], |field| match field.key.as_str() {
        "http" | "store" | "broker" | "network" => {
            Some(format!("`{}` belongs into the box file; this is a site file", field.key))
        }
        _ => None,
    });
    let site = site_table(&mut root);
    let mut together = Together::default();
    let mut buses = Buses::default();
    for (k, table, span) in tables(&mut root, "bus") {
        let prefix = format!("bus[{k}].");
        let mut reader = Reader { table, place: span, prefix, problems: root.problems };
        buses.add(&mut reader);
    }
    let mut meters = Vec::new();
    for (k, table, span) in tables(&mut root, "meter") {
        let prefix = format!("meter[{k}].");
        let mut reader = Reader { table, place: span, prefix, problems: root.problems };
        meters.extend(meter::check(&mut reader, catalog, &buses, &mut together));
    }
    let (records, meters): (Vec<_>, Vec<_>) = meters.into_iter().unzip();
    let (bus_records, buses) = buses.finish();
    overload::warn(&buses, &meters, &together.last, root.problems);
    together.finish(root.problems);
    let record = SiteRecord { site: site?, buses: bus_records, meters: records };
    Some(CheckedSite { record, buses, meters })
}

fn site_table(root: &mut Reader<'_, '_>) -> Option<Site> {
    let Some(field) = root.get("site") else {
        let rule = "a site file needs [site] with its key";
        root.problems.push(Problem::error(Code::Missing, "site", rule));
        return None;
    };
    let Value::Table(table) = &field.node.value else {
        root.wrong_type(field, "[site] in brackets, then its keys,");
        return None;
    };
    let place = field.node.span.clone();
    let mut reader = Reader { table, place, prefix: "site.".to_owned(), problems: root.problems };
    reader.only(&["key", "time_zone", "simulated"], |_| None);
    let key = fields::key(&mut reader);
    let time_zone = match reader.get("time_zone") {
        Some(field) => time_zone(&mut reader, field),
        None => Some("UTC".to_owned()),
    };
    let simulated = reader.get("simulated").map(|field| match field.node.value {
        Value::Flag(flag) => Some(flag),
        _ => {
            reader.wrong_type(field, "true or false");
            None
        }
    });
    Some(Site { key: key?, time_zone: time_zone?, simulated: simulated.unwrap_or(Some(false))? })
}

fn time_zone(reader: &mut Reader<'_, '_>, field: &Field) -> Option<String> {
    let Value::Text(name) = &field.node.value else {
        reader.wrong_type(field, "the name of a zone, as \"Europe/Zurich\",");
        return None;
    };
    let database = TimeZoneDatabase::bundled();
    let found = database.get(name).ok();
    let exact = found.as_ref().and_then(|zone| zone.iana_name());
    if exact == Some(name) {
        return Some(name.clone());
    }
    let rule = format!("\"{}\" is no IANA time zone", shortened(name));
    let problem = reader.about(Code::UnknownValue, field, rule);
    let names: Vec<String> = database.available().map(|known| known.to_string()).collect();
    let near = exact.or_else(|| nearest(name, names.iter().map(String::as_str)));
    let offset = name.contains(['+', '-']) || name.chars().any(|c| c.is_ascii_digit());
    reader.problems.push(match near {
        _ if offset => problem.hint("an offset has no summer time: name a place, Europe/Zurich"),
        Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
        None => problem.hint("name a place, as Europe/Zurich"),
    });
    None
}

/// The tables under `[[name]]`, each with its number and its place.
fn tables<'a>(root: &mut Reader<'a, '_>, name: &str) -> Vec<(usize, &'a Table, Span)> {
    let Some(field) = root.get(name) else { return Vec::new() };
    let Value::List(items) = &field.node.value else {
        let wanted = format!("one [[{name}]] in double brackets for each {name}");
        root.wrong_type(field, &wanted);
        return Vec::new();
    };
    if items.len() > MOST_METERS {
        let rule = format!("at most {MOST_METERS} in a site; {} are given", items.len());
        root.wrong(Code::TooMany, field, rule);
        return Vec::new();
    }
    let mut tables = Vec::new();
    for (k, Node { span, value }) in items.iter().enumerate() {
        match value {
            Value::Table(table) => tables.push((k, table, span.clone())),
            other => {
                let rule = format!("a table [[{name}]] belongs here, not {}", other.kind());
                let problem = Problem::error(Code::WrongType, format!("{name}[{k}]"), rule);
                root.problems.push(problem.at(span.clone()));
            }
        }
    }
    tables
}
