//! Fields that sites, buses and meters have in common.

use std::time::Duration;

use domain::{Key, KeyError};

use crate::document::Field;
use crate::interval;
use crate::problem::{Code, shortened};
use crate::reader::{Bounds, Reader};

/// The key of a site, a bus or a meter.
pub(super) fn key(reader: &mut Reader<'_, '_>) -> Option<Key> {
    let field = reader.required("key", "it needs a `key`, its name in topics and tables")?;
    let text = reader.text(field)?;
    match Key::new(text) {
        Ok(key) => Some(key),
        Err(error) => {
            refuse(reader, field, (text, error));
            None
        }
    }
}

fn refuse(reader: &mut Reader<'_, '_>, field: &Field, (text, error): (&str, KeyError)) {
    let code = match error {
        KeyError::TooLong => Code::TooLarge,
        KeyError::Empty | KeyError::Character(_) => Code::BadCharacters,
    };
    let problem = reader.about(code, field, error.to_string());
    let proposal = proposal(text);
    let hint = format!("for example \"{proposal}\"");
    reader.problems.push(if proposal.is_empty() { problem } else { problem.hint(hint) });
}

/// The nearest text that is a key: `Rue du Lac 12` becomes `rue-du-lac-12`.
fn proposal(text: &str) -> String {
    let small = shortened(text).to_lowercase();
    let words = small.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

/// How often something is read.
pub(super) fn interval(reader: &mut Reader<'_, '_>, field: &Field) -> Option<Duration> {
    let crate::document::Value::Text(text) = &field.node.value else {
        reader.wrong_type(field, "a time with its unit in quotes, as \"15m\",");
        return None;
    };
    match interval::parse(text) {
        Some(interval) if interval <= interval::LONGEST => Some(interval),
        Some(_) => {
            reader.wrong(Code::OutOfRange, field, "an interval is at most 31 days: \"31d\"");
            None
        }
        None => {
            let said = shortened(text);
            let rule =
                format!("\"{said}\" is no interval: \"10s\", \"1m\", \"15m\", \"1h\", \"1d\"");
            reader.wrong(Code::UnknownValue, field, rule);
            None
        }
    }
}

/// How often a question is asked again.
pub(super) fn retries(reader: &mut Reader<'_, '_>) -> Option<u8> {
    let limits = Bounds { low: 0, high: 5, rule: "retries is 0 to 5 for each question" };
    reader.get("retries").and_then(|field| reader.whole(field, limits))
}

/// A name for people.
pub(super) fn label(reader: &mut Reader<'_, '_>, key: &str) -> Option<String> {
    const LONGEST: usize = 1_000;
    let field = reader.get(key)?;
    let text = reader.text(field)?;
    if text.chars().count() > LONGEST {
        let rule = format!("{key} has at most {LONGEST} characters");
        reader.wrong(Code::TooLarge, field, rule);
        return None;
    }
    Some(text.to_owned())
}
