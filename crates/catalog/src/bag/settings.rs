use std::fmt::Write;
use std::time::Duration;

use domain::{Decimal, Quantity};

use super::{Bag, Entry, LineKeys};
use crate::interval;

/// Settings in normal form: one JSON object with what was written, in a fixed order.
///
/// Equal settings have equal texts, so a record changes only when its meaning does.
#[derive(Debug, Default)]
pub(crate) struct Settings(String);

impl Settings {
    /// Adds a value that is JSON already.
    fn raw(&mut self, key: &str, value: impl std::fmt::Display) {
        let comma = if self.0.is_empty() { "" } else { ", " };
        // Writing into a text cannot fail.
        let _ = write!(self.0, "{comma}\"{key}\": {value}");
    }

    pub(crate) fn number(&mut self, key: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.raw(key, value);
        }
    }

    pub(crate) fn text(&mut self, key: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.raw(key, quoted(&value.to_string()));
        }
    }

    pub(crate) fn intervals(&mut self, intervals: &[(Quantity, Duration)]) {
        let mut inner = Self::default();
        for (quantity, interval) in intervals {
            inner.text(quantity.name(), Some(interval::spelling(*interval)));
        }
        if !intervals.is_empty() {
            self.raw("intervals", inner.finish());
        }
    }

    pub(crate) fn line(&mut self, line: &LineKeys) {
        self.number("baudrate", line.baudrate);
        self.text("parity", line.parity.map(wire::Parity::letter));
        self.number("data_bits", line.data_bits);
        self.number("stop_bits", line.stop_bits);
        self.number("timeout", line.timeout);
    }

    pub(crate) fn bag(&mut self, bag: &Bag) {
        self.line(&bag.line);
        self.text("type", bag.meter_type.map(super::MeterType::name));
        self.text("en_im", bag.en_im_from_en_ex.then_some("en_ex"));
        self.text("en_ex", bag.en_ex_from_en_im.then_some("en_im"));
        self.text("rule", bag.rule.as_ref());
        if !bag.registers.is_empty() {
            let entries: Vec<String> = bag.registers.iter().map(entry).collect();
            self.raw("registers", format_args!("[{}]", entries.join(", ")));
        }
    }

    pub(crate) fn finish(self) -> String {
        format!("{{{}}}", self.0)
    }
}

impl Bag {
    /// The bag in normal form: one JSON object with what was written, in a fixed order.
    #[must_use]
    pub fn settings(&self) -> String {
        let mut settings = Settings::default();
        settings.bag(self);
        settings.finish()
    }
}

fn entry(entry: &Entry) -> String {
    let mut settings = Settings::default();
    settings.raw("reg", entry.reg);
    settings.text("unit", Some(entry.unit));
    settings.number("size", entry.size);
    settings.number("factor", entry.factor);
    settings.number("pause", entry.pause.map(Decimal::shortened));
    settings.number("function_code", entry.function.map(wire::modbus::Function::code));
    settings.number("round", entry.round);
    settings.number("swap_words", entry.swap_words);
    settings.text("data_type", entry.data_type.map(crate::DataType::name));
    settings.number("swap_bytes", entry.swap_bytes);
    if let Some(values) = &entry.unavailable {
        let values: Vec<String> = values.iter().map(u128::to_string).collect();
        settings.raw("unavailable", format_args!("[{}]", values.join(", ")));
    }
    settings.finish()
}

/// Text in quotes, fit for JSON and for TOML.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\u{0}'..='\u{1f}' | '\u{7f}' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
