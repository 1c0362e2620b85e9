//! Rows in the form that was asked for: a table, JSON in one document or a line each, CSV; all
//! columns, or only some.

use anyhow::Context;
use serde_json::{Map, Value};

use crate::cli::Output;
use crate::output;
use crate::table::Table;

/// A column was named that there is not, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("--fields {name}: there is no such column; there are {}", known.join(", "))]
pub struct NoSuchField {
    name: String,
    known: Vec<String>,
}

/// Writes rows as JSON: one document with everything around them, or a line for each.
///
/// # Errors
/// When a field is named that there is not, or the output cannot be written.
pub fn documents(
    asked: &Output,
    mut around: Map<String, Value>,
    name: &str,
    rows: impl Iterator<Item = Value>,
) -> anyhow::Result<()> {
    let rows = rows.map(|row| narrowed(asked, row));
    if asked.ndjson {
        for row in rows {
            output::line(&row?.to_string())?;
        }
        return Ok(());
    }
    around.insert(name.to_owned(), rows.collect::<Result<Vec<_>, _>>()?.into());
    output::json(&around)
}

/// Writes rows as CSV under their head.
///
/// # Errors
/// When a field is named that there is not, or the output cannot be written.
pub fn csv(
    asked: &Output,
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> anyhow::Result<()> {
    let places = places(asked, head)?;
    let mut out = csv::Writer::from_writer(output::data());
    out.write_record(places.iter().filter_map(|place| head.get(*place)))?;
    for row in rows {
        out.write_record(places.iter().filter_map(|place| row.get(*place)))?;
    }
    out.flush().context("cannot write to the standard output")
}

/// Writes a table, as wide as the terminal.
///
/// # Errors
/// When a field is named that there is not, or the output cannot be written.
pub fn table(asked: &Output, table: &Table) -> anyhow::Result<()> {
    let places = places(asked, &table.titles())?;
    let width = output::terminal_width().unwrap_or(usize::MAX);
    output::lines(&table.only(&places).lines(width))
}

/// The places of the columns asked for; all, if none is named.
fn places(asked: &Output, known: &[&str]) -> Result<Vec<usize>, NoSuchField> {
    if asked.fields.is_empty() {
        return Ok((0..known.len()).collect());
    }
    let place = |name: &String| {
        known.iter().position(|column| column == name).ok_or_else(|| NoSuchField {
            name: name.clone(),
            known: known.iter().map(|&column| column.to_owned()).collect(),
        })
    };
    asked.fields.iter().map(place).collect()
}

fn narrowed(asked: &Output, row: Value) -> Result<Value, NoSuchField> {
    let Value::Object(mut row) = row else { return Ok(row) };
    let keys: Vec<String> = row.keys().cloned().collect();
    let known: Vec<&str> = keys.iter().map(String::as_str).collect();
    let places = places(asked, &known)?;
    let names = places.iter().filter_map(|place| keys.get(*place));
    Ok(names.filter_map(|name| Some((name.clone(), row.remove(name)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fields_asked_for_are_left_in_their_order() {
        let asked = Output { fields: vec!["b".to_owned(), "a".to_owned()], ..Output::default() };
        let row = serde_json::json!({ "a": 1, "b": 2, "c": 3 });
        assert_eq!(narrowed(&asked, row).unwrap().to_string(), r#"{"b":2,"a":1}"#);
        assert_eq!(places(&asked, &["a", "b", "c"]).unwrap(), [1, 0]);
        let told = places(&asked, &["a", "c"]).unwrap_err().to_string();
        assert_eq!(told, "--fields b: there is no such column; there are a, c");
    }
}
