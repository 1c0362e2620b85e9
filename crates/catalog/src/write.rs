use std::fmt::Write;

use domain::SiteRecord;

use crate::bag::quoted;
use crate::document::{Amount, Field, Node, Table, Value, parse_json};

/// Writes a record as a site file, which checks to the same record.
#[must_use]
pub fn write_site(record: &SiteRecord) -> String {
    let mut file = Writer(String::from("[site]\n"));
    file.text("key", record.site.key.as_str());
    file.text("time_zone", &record.site.time_zone);
    if record.site.simulated {
        file.line("simulated", "true");
    }
    for bus in &record.buses {
        file.header("[[bus]]");
        file.text("key", bus.key.as_str());
        file.text("port", &bus.port);
        file.settings(&bus.settings);
    }
    for meter in &record.meters {
        file.header("[[meter]]");
        file.text("key", meter.key.as_str());
        for (key, text) in [("name", &meter.name), ("space", &meter.space)] {
            if let Some(text) = text {
                file.text(key, text);
            }
        }
        if let Some(medium) = meter.medium {
            file.text("medium", medium.name());
        }
        file.text("bus", meter.bus.as_str());
        file.line("address", &meter.address.to_string());
        file.text("model", &meter.model);
        file.settings(&meter.settings);
    }
    file.0
}

struct Writer(String);

impl Writer {
    fn header(&mut self, header: &str) {
        self.0.push('\n');
        self.0.push_str(header);
        self.0.push('\n');
    }

    fn line(&mut self, key: &str, value: &str) {
        // Writing into a text cannot fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.line(key, &quoted(text));
    }

    /// The settings of a record: one JSON object in normal form.
    fn settings(&mut self, settings: &str) {
        let Ok(Node { value: Value::Table(table), .. }) = parse_json(settings) else { return };
        for Field { key, node, .. } in table.fields() {
            match &node.value {
                Value::List(entries) if key == "registers" => self.entries(key, entries),
                _ => self.line(key, &toml(&node.value)),
            }
        }
    }

    /// Register entries, one a line.
    fn entries(&mut self, key: &str, entries: &[Node]) {
        self.line(key, "[");
        self.0.pop();
        for entry in entries {
            self.0.push_str("\n  ");
            self.0.push_str(&toml(&entry.value));
            self.0.push(',');
        }
        self.0.push_str("\n]\n");
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Number(amount) => number(*amount),
        Value::Flag(flag) => flag.to_string(),
        Value::Nothing | Value::Moment => String::from("\"\""),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| toml(&item.value)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(table) => inline(table),
    }
}

fn inline(table: &Table) -> String {
    let pair = |field: &Field| format!("{} = {}", field.key, toml(&field.node.value));
    let pairs: Vec<String> = table.fields().iter().map(pair).collect();
    format!("{{ {} }}", pairs.join(", "))
}

fn number(amount: Amount) -> String {
    match amount {
        // TOML has no numbers from 2^63 up: they are written as text.
        Amount::Whole { magnitude, .. } if magnitude >= 1 << 63 => format!("\"{magnitude:#x}\""),
        Amount::Whole { negative, magnitude } => {
            format!("{}{magnitude}", if negative { "-" } else { "" })
        }
        other => other.to_decimal().unwrap_or(domain::Decimal::ZERO).to_string(),
    }
}
