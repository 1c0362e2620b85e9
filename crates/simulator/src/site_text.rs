//! Takes the tables of the simulator out of a house file, so that a site file remains.

use std::ops::Range;

use catalog::Port;
use serde::Deserialize;
use toml::{Spanned, Table, Value};

/// The site file of a house, with the places where its ports stand.
#[derive(Debug, Clone)]
pub(crate) struct SiteText {
    text: String,
    ports: Vec<Spanned<String>>,
}

impl SiteText {
    /// Takes the site file out of a house file. `None` when there is none, or when a `simulation`
    /// is not written as a table of its own.
    pub(crate) fn of(house: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Site {
            #[serde(default)]
            bus: Vec<Bus>,
        }
        #[derive(Deserialize)]
        struct Bus {
            port: Spanned<String>,
        }
        let text = site_of(house)?;
        let site: Site = toml::from_str(&text).ok()?;
        Some(Self { ports: site.bus.into_iter().map(|bus| bus.port).collect(), text })
    }

    /// As written, for people.
    pub(crate) fn written(&self) -> String {
        tidy(&self.text)
    }

    /// With the ports that were really opened, in the order of the buses.
    pub(crate) fn at(&self, opened: &[Port]) -> String {
        let ports = self.ports.iter().zip(opened);
        let parts: Vec<_> = ports.map(|(port, at)| (port.span(), quoted(at.to_string()))).collect();
        tidy(&replaced(&self.text, &parts))
    }

    /// As it can be judged: a port 0, which is any free port, becomes a port from 65535 downwards,
    /// since the site file of a gateway has no port 0.
    pub(crate) fn judged(&self) -> String {
        let free = (1..=u16::MAX).rev();
        let ports = self.ports.iter().zip(free).filter_map(|(port, free)| {
            let host = port.get_ref().strip_suffix(":0")?;
            Some((port.span(), quoted(format!("{host}:{free}"))))
        });
        replaced(&self.text, &ports.collect::<Vec<_>>())
    }
}

/// The site file in a house file: the tables named `simulation` are gone, `[site]` says
/// `simulated = true`, and every other line stands where it stood, as far as there is room.
///
/// `None` when a `simulation` is not written as a table of its own.
fn site_of(house: &str) -> Option<String> {
    let mut cutting = false;
    let lines = house.lines().map(|line| {
        if let Some(header) = header(line) {
            cutting = header.split('.').any(|part| part.trim() == "simulation");
        }
        if cutting { "" } else { line }
    });
    let mut lines: Vec<&str> = lines.collect();
    let expected = without_simulation(house)?;
    if !says_simulated(&expected) {
        let site = lines.iter().position(|line| header(line) == Some("site"))?;
        lines.insert(site + 1, "simulated = true");
        // A line left empty above makes room for it.
        if let Some(room) = lines.iter().take(site).rposition(|line| line.is_empty()) {
            lines.remove(room);
        }
    }
    let text = lines.join("\n") + "\n";
    let found: Table = text.parse().ok()?;
    (found == simulated(expected)).then_some(text)
}

/// The same text without more than one empty line in a row, for people.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut gap = true;
    for line in text.lines() {
        if !(line.is_empty() && gap) {
            tidy.push_str(line);
            tidy.push('\n');
        }
        gap = line.is_empty();
    }
    tidy
}

/// Replaces parts of a text, given in order of place.
fn replaced(text: &str, parts: &[(Range<usize>, String)]) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut at = 0;
    for (range, part) in parts {
        whole.push_str(text.get(at..range.start).unwrap_or_default());
        whole.push_str(part);
        at = range.end;
    }
    whole.push_str(text.get(at..).unwrap_or_default());
    whole
}

fn quoted(text: String) -> String {
    Value::String(text).to_string()
}

/// The name in `[name]` or `[[name]]`.
fn header(line: &str) -> Option<&str> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    let inner = inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(inner);
    Some(inner.trim())
}

fn without_simulation(house: &str) -> Option<Table> {
    let mut table: Table = house.parse().ok()?;
    table.remove("simulation");
    for list in ["bus", "meter"] {
        let Some(Value::Array(entries)) = table.get_mut(list) else { continue };
        for entry in entries {
            entry.as_table_mut()?.remove("simulation");
        }
    }
    Some(table)
}

fn says_simulated(table: &Table) -> bool {
    table.get("site").and_then(|site| site.get("simulated")).is_some()
}

fn simulated(mut table: Table) -> Table {
    if let Some(Value::Table(site)) = table.get_mut("site") {
        site.entry("simulated").or_insert(Value::Boolean(true));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: &str = r#"
[simulation]
seed = 7

[site]
key = "house" # a comment stays
[[bus]]
key = "a"
[bus.simulation]
faults = [
  { kind = "silent", share = 0.05 },
]

[[meter]]
key = "m"
[[meter.simulation.faults]]
kind = "crc"
"#;

    #[test]
    fn a_site_file_remains_and_lines_keep_their_places() {
        let site = site_of(HOUSE).unwrap();
        let line = |text: &str, wanted: &str| text.lines().position(|line| line == wanted);
        assert_eq!(line(&site, "[[meter]]"), line(HOUSE, "[[meter]]"));
        assert!(!site.contains("simulation") && site.contains("simulated = true"), "{site}");
        let lines: Vec<String> = tidy(&site).lines().map(str::to_owned).collect();
        assert_eq!(lines[..2], ["[site]", "simulated = true"]);
    }

    #[test]
    fn what_cannot_be_taken_out_is_not() {
        let inline = "[site]\nkey = \"a\"\n[[meter]]\nsimulation = { load = \"heat\" }\n";
        assert_eq!(site_of(inline), None);
        assert_eq!(site_of("[[bus]]\nkey = \"a\"\n"), None, "a house has a site");
    }
}
