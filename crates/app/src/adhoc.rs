//! A register of any port, typed on the command line: flags become a site of one meter, checked by
//! the same checker as a file.

use std::collections::BTreeMap;

use catalog::{Catalog, CheckedMeter, CheckedSite, DataType, Problem, Severity};
use domain::RawWords;

use crate::answer::{Answer, Names, Note};
use crate::cli::Entry;

/// A question as asked.
#[derive(Debug)]
pub struct Asked {
    /// One bus with one meter.
    pub site: CheckedSite,
    /// Whether a quantity was named.
    pub names: Names,
    /// What to know beside the answer.
    pub notes: Vec<Note>,
}

/// Stands for the quantity that nobody named; a level, since nothing is known of it.
const UNNAMED: &str = "L1_v";

impl Entry {
    /// Whether no flag was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.model.is_none()
            && self.retries.is_none()
            && self.keys().iter().all(|(_, value)| value.is_none())
    }

    /// The keys of the parameter bag with what was typed.
    fn keys(&self) -> [(&'static str, &Option<String>); 16] {
        [
            ("reg", &self.reg),
            ("unit", &self.unit),
            ("size", &self.size),
            ("data_type", &self.data_type),
            ("function_code", &self.function_code),
            ("factor", &self.factor),
            ("round", &self.round),
            ("swap_words", &self.swap_words),
            ("swap_bytes", &self.swap_bytes),
            ("unavailable", &self.unavailable),
            ("pause", &self.pause),
            ("baudrate", &self.baudrate),
            ("parity", &self.parity),
            ("data_bits", &self.data_bits),
            ("stop_bits", &self.stop_bits),
            ("timeout", &self.timeout),
        ]
    }
}

/// The site that the flags describe.
///
/// # Errors
/// What is wrong with them, one line each, naming the flag.
pub fn site(
    port: &str,
    address: Option<&str>,
    entry: &Entry,
    catalog: &Catalog,
) -> Result<Asked, String> {
    let Some(address) = address else {
        return Err(format!(
            "which meter? the address follows the port: `submeter read {port} 5 …`"
        ));
    };
    if entry.model.is_none() && entry.reg.is_none() {
        return Err("what is to be read? --reg names a register, --model a known model".to_owned());
    }
    let text = text(port, address, entry)?;
    let (site, problems) = catalog::check_site(&text, catalog);
    let Some(site) = site else {
        let told: Vec<String> = problems
            .of(Severity::Error)
            .map(|problem| {
                let key = problem.path.rsplit('.').next().unwrap_or_default();
                let what = match key {
                    "address" => "the address".to_owned(),
                    "port" => "the port".to_owned(),
                    key => format!("--{}", key.replace('_', "-")),
                };
                format!("{what}: {}", in_words(problem))
            })
            .collect();
        return Err(told.join("\n"));
    };
    let names = match (&entry.model, &entry.unit) {
        (None, None) => Names::Unknown,
        _ => Names::Known,
    };
    let note = |problem: &Problem| Note {
        code: problem.code.name().to_owned(),
        meter: None,
        quantity: None,
        message: in_words(problem),
    };
    let notes = problems.of(Severity::Warning).map(note).collect();
    Ok(Asked { site, names, notes })
}

fn in_words(problem: &Problem) -> String {
    match &problem.hint {
        Some(hint) => format!("{}: {hint}", problem.message),
        None => problem.message.clone(),
    }
}

fn text(port: &str, address: &str, entry: &Entry) -> Result<String, String> {
    let mut text = format!(
        "[site]\nkey = \"port\"\n[[bus]]\nkey = \"port\"\nport = {}\n{}[[meter]]\n\
         key = \"address-{address}\"\nbus = \"port\"\naddress = {}\nmodel = {}\n",
        quoted(port),
        match &entry.retries {
            Some(retries) => format!("retries = {}\n", bare("retries", retries)?),
            None => String::new(),
        },
        address.parse::<u8>().map_err(|_| format!("{address:?} is no address: 0 to 255"))?,
        quoted(entry.model.as_deref().unwrap_or("generic_modbus")),
    );
    for (key, value) in entry.keys() {
        let Some(value) = value else { continue };
        let written = match key {
            "unit" | "data_type" | "parity" => quoted(value),
            "unavailable" => list(value),
            _ => bare(key, value)?,
        };
        text += &format!("{key} = {written}\n");
    }
    if entry.model.is_none() && entry.unit.is_none() {
        text += &format!("unit = \"{UNNAMED}\"\n");
    }
    Ok(text)
}

/// A number or a yes-or-no, as TOML writes it. Anything else could smuggle in other keys.
fn bare(key: &str, value: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    if value.is_empty() || !value.chars().all(plain) {
        return Err(format!("--{}: {value:?} is no number", key.replace('_', "-")));
    }
    let fraction = value.strip_prefix('.').map(|rest| format!("0.{rest}"));
    Ok(fraction.unwrap_or_else(|| value.to_owned()))
}

/// `65535,0xFFFF` as a list. What TOML cannot hold as a number is written as text; what is no
/// number as well, and the checker says so.
fn list(value: &str) -> String {
    let items = value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(|item| {
        let number = match item.strip_prefix("0x") {
            Some(digits) => u128::from_str_radix(digits, 16),
            None => item.parse(),
        };
        match number {
            Ok(number) if i64::try_from(number).is_ok() => number.to_string(),
            _ => quoted(item),
        }
    });
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Where nobody said the data type: the words in every interpretation, side by side.
pub fn explain(site: &CheckedSite, answer: &mut Answer) {
    let meters: BTreeMap<&str, &CheckedMeter> =
        site.meters.iter().map(|meter| (meter.key.as_str(), meter)).collect();
    let assumed = |meter: &str, quantity: Option<&str>| {
        let meter = meters.get(meter)?;
        let same = |name: &str| quantity.is_none_or(|quantity| quantity == name);
        meter.registers.iter().find(|r| r.type_assumed && same(r.quantity.name()))
    };
    let mut notes = Vec::new();
    for read in &answer.readings {
        let Some(register) = assumed(&read.meter, read.quantity.as_deref()) else { continue };
        let words = read.raw.as_deref().and_then(words).unwrap_or_default();
        let all = catalog::interpretations(words.words());
        let widest = all.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let all: Vec<String> =
            all.iter().map(|(name, value)| format!("\n  {name:widest$}  {value}")).collect();
        notes.push(Note {
            code: "data_type_assumed".to_owned(),
            meter: Some(read.meter.clone()),
            quantity: read.quantity.clone(),
            message: format!(
                "register {}: no data type was given, {} is assumed; the words as{}",
                register.start,
                DataType::Int.name(),
                all.concat()
            ),
        });
    }
    answer.notes.extend(notes);
}

fn words(text: &str) -> Option<RawWords> {
    let words: Result<Vec<u16>, _> =
        text.split(' ').map(|word| u16::from_str_radix(word, 16)).collect();
    RawWords::new(&words.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_raw_values_is_written_as_toml_can_hold_it() {
        for (typed, written) in [
            ("65535,0xFFFF", "[65535, 65535]"),
            ("9223372036854775807", "[9223372036854775807]"),
            ("0xFFFFFFFFFFFFFFFF", "[\"0xFFFFFFFFFFFFFFFF\"]"),
            ("ffff", "[\"ffff\"]"),
            ("", "[]"),
        ] {
            assert_eq!(list(typed), written, "{typed}");
        }
    }

    #[test]
    fn nothing_but_a_number_gets_into_the_text() {
        assert_eq!(bare("factor", ".5").as_deref(), Ok("0.5"));
        for smuggled in ["1\nunit = \"en_ex\"", "[1]", "\"a\"", "1 # x", ""] {
            assert!(bare("factor", smuggled).is_err(), "{smuggled}");
        }
    }
}
