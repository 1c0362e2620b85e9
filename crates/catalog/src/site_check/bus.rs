use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Bus, Decimal, Key};
use wire::Line;

use super::fields;
use crate::bag::{LineKeys, Settings, duration, line};
use crate::document::{Field, Value};
use crate::problem::{Code, shortened};
use crate::reader::Reader;
use crate::{CheckedBus, Port, PortError, Retries, Rs485, interval};

const KEYS: [&str; 10] = [
    "key",
    "port",
    "interval",
    "baudrate",
    "parity",
    "data_bits",
    "stop_bits",
    "timeout",
    "retries",
    "rs485",
];

/// The buses of a site while its file is judged.
#[derive(Debug, Default)]
pub(super) struct Buses {
    list: Vec<Known>,
    /// Number and place by the key as written, whether it is a good one or not: a meter may refer
    /// to it.
    by_key: BTreeMap<String, (usize, usize)>,
    /// Places by device path, or by host and TCP port whatever the framing: each has one owner.
    ports: BTreeMap<String, usize>,
}

/// A bus as far as it is good.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) key: Option<Key>,
    pub(super) port: Option<Port>,
    pub(super) line: LineKeys,
    pub(super) retries: Option<u8>,
    pub(super) interval: Option<Duration>,
    rs485: Option<Rs485>,
}

impl Known {
    pub(super) fn default_timeout(&self) -> Decimal {
        let serial = self.port.as_ref().is_none_or(Port::is_serial);
        if serial { Decimal::ONE } else { Decimal::from(3) }
    }

    /// The rest after a question that says none: converters need it, lines do not.
    pub(super) fn default_pause(&self) -> Duration {
        let serial = self.port.as_ref().is_none_or(Port::is_serial);
        Duration::from_millis(if serial { 0 } else { 300 })
    }

    fn settings(&self) -> String {
        let mut settings = Settings::default();
        settings.text("interval", self.interval.map(interval::spelling));
        settings.line(&self.line);
        settings.number("retries", self.retries);
        settings.text("rs485", self.rs485.map(Rs485::name));
        settings.finish()
    }
}

/// The count that was written for both, or the usual ones.
pub(super) fn both(count: Option<u8>) -> Retries {
    count.map_or_else(Retries::default, |count| Retries { damaged: count, silent: count })
}

impl Buses {
    /// Checks one `[[bus]]` and remembers it.
    pub(super) fn add(&mut self, reader: &mut Reader<'_, '_>) {
        let has_port = reader.get("port").is_some();
        reader.only(&KEYS, |field| remedy(has_port, field));
        let key = fields::key(reader);
        let port = port(reader);
        let line = line::check(reader);
        let retries = fields::retries(reader);
        let interval = reader.get("interval").and_then(|field| fields::interval(reader, field));
        let rs485 = rs485(reader);
        if let (Some(port), Some(field)) = (&port, reader.get("port")) {
            self.own(reader, port, field);
        }
        if port.as_ref().is_some_and(|port| !port.is_serial()) {
            warn_of_line_keys(reader);
            without_effect(reader, "rs485");
        }
        if let Some(field) = reader.get("key") {
            self.name(reader, field, key.is_some());
        }
        self.list.push(Known { key, port, line, retries, interval, rs485 });
    }

    fn name(&mut self, reader: &mut Reader<'_, '_>, field: &Field, good: bool) {
        let Value::Text(written) = &field.node.value else { return };
        let here = (self.list.len(), field.node.span.start);
        match self.by_key.get(written) {
            Some(&(_, start)) if good => {
                let rule = format!("another bus has the key \"{}\" already", shortened(written));
                let problem = reader.about(Code::Duplicate, field, rule);
                reader.problems.push(problem.beside(start));
            }
            Some(_) => {}
            None => {
                self.by_key.insert(written.clone(), here);
            }
        }
    }

    fn own(&mut self, reader: &mut Reader<'_, '_>, port: &Port, field: &Field) {
        let owned = port.host().map_or_else(|| port.to_string(), ToString::to_string);
        let Some(&start) = self.ports.get(&owned) else {
            self.ports.insert(owned, field.node.span.start);
            return;
        };
        let rule = "another bus has this port already";
        let problem = reader.about(Code::Duplicate, field, rule).beside(start);
        let hint = "one port, one bus: its meters may have `baudrate` and `parity` of their own";
        reader.problems.push(problem.hint(hint));
    }

    /// The bus a meter refers to, and its number.
    pub(super) fn get(&self, key: &str) -> Option<(usize, &Known)> {
        let (number, _) = *self.by_key.get(key)?;
        Some((number, self.list.get(number)?))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_key.keys().map(String::as_str)
    }

    /// The buses as records and as meant.
    pub(super) fn finish(self) -> (Vec<Bus>, Vec<CheckedBus>) {
        let good = self.list.iter().filter_map(|bus| {
            let (key, port) = (bus.key.clone()?, bus.port.clone()?);
            let timeout = duration(bus.line.timeout.unwrap_or_else(|| bus.default_timeout()));
            let record = Bus { key: key.clone(), port: port.to_string(), settings: bus.settings() };
            let (line, retries) = (bus.line.or(Line::default()), both(bus.retries));
            let (interval, rs485) = (bus.interval, bus.rs485.unwrap_or_default());
            Some((record, CheckedBus { key, port, line, timeout, retries, interval, rs485 }))
        });
        good.unzip()
    }
}

/// Warns of line keys behind a converter, which has the line to itself.
pub(super) fn warn_of_line_keys(reader: &mut Reader<'_, '_>) {
    for key in line::KEYS.into_iter().filter(|key| *key != "timeout") {
        without_effect(reader, key);
    }
}

fn without_effect(reader: &mut Reader<'_, '_>, key: &str) {
    if let Some(field) = reader.get(key) {
        let rule = format!("{key} has no effect: the line belongs to the converter");
        reader.warn(Code::NoEffect, field, rule);
    }
}

fn rs485(reader: &mut Reader<'_, '_>) -> Option<Rs485> {
    let field = reader.get("rs485")?;
    Rs485::from_name(reader.one_of(field, &Rs485::ALL.map(Rs485::name))?)
}

fn port(reader: &mut Reader<'_, '_>) -> Option<Port> {
    let rule = "a bus needs a `port`: a device path, tcp://host:502 or rtu+tcp://host:4001";
    let field = reader.required("port", rule)?;
    let text = reader.text(field)?;
    let error = match text.parse() {
        Ok(port) => return Some(port),
        Err(error) => error,
    };
    let code = match error {
        PortError::Unknown => Code::UnknownValue,
        PortError::NoLine => Code::NotASerialPort,
        PortError::TcpPort => Code::OutOfRange,
    };
    let problem = reader.about(code, field, error.to_string());
    reader.problems.push(match hint(text) {
        Some(hint) => problem.hint(hint),
        None => problem,
    });
    None
}

fn hint(text: &str) -> Option<String> {
    let said = shortened(text);
    if said.len() != text.len() {
        return None;
    }
    if let Some(device) = text.strip_prefix("tty").map(|_| text) {
        return Some(format!("did you mean \"/dev/{device}\"?"));
    }
    if text.strip_prefix("COM").is_some_and(|number| number.parse::<u8>().is_ok()) {
        return Some("a serial line is a device here, as \"/dev/ttyUSB0\"".to_owned());
    }
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.trim_end_matches('/');
    if host.parse::<crate::Host>().is_ok() {
        return Some(format!("did you mean \"tcp://{host}\"?"));
    }
    let named = format!("{host}:502");
    let meant = !text.starts_with('/') && named.parse::<crate::Host>().is_ok();
    meant.then(|| format!("did you mean \"tcp://{named}\"?"))
}

/// `host` beside `port` and its relatives: one place says where a bus is.
fn remedy(has_port: bool, field: &Field) -> Option<String> {
    if !matches!(field.key.as_str(), "host" | "ip" | "hostname" | "tcp_port") {
        return None;
    }
    let example = match &field.node.value {
        Value::Text(host) if format!("{host}:502").parse::<crate::Host>().is_ok() => {
            format!("port = \"tcp://{}:502\"", shortened(host))
        }
        _ => "port = \"tcp://host:502\"".to_owned(),
    };
    let two = if has_port { ", and only there" } else { "" };
    Some(format!("`port` says where a bus is{two}: {example}"))
}
