//! What is asked on each bus, and how much of its time that takes: for people and for programs.

use std::time::Duration;

use catalog::{Block, BusLoad, Question, Sweep};
use serde_json::{Value, json};
use wire::modbus::Function;

use crate::output;
use crate::table::{Lean, Table};
use crate::when;

/// A bus as lines: a table of its questions, its sweeps, its load.
#[must_use]
pub fn lines(load: &BusLoad) -> Vec<String> {
    let mut lines = vec![format!("bus {}: {}", load.bus, load.port)];
    lines.extend(table(load).lines(output::terminal_width().unwrap_or(usize::MAX)));
    lines.extend(load.sweeps.list.iter().map(in_words));
    lines.push(load_in_words(load));
    lines
}

fn table(load: &BusLoad) -> Table {
    let mut head = vec![
        ("meter", Lean::Left),
        ("address", Lean::Right),
        ("function", Lean::Left),
        ("registers", Lean::Left),
        ("count", Lean::Right),
        ("entries", Lean::Right),
    ];
    if load.port.is_serial() {
        head.push(("ms", Lean::Right));
    }
    let mut table = Table::new(&head);
    for Question { meter, address, block, time, .. } in &load.questions {
        let mut cells = vec![
            meter.to_string(),
            address.to_string(),
            name(block.function).to_owned(),
            format!("{}..{}", block.start, last(block)),
            block.count.to_string(),
            block.registers.len().to_string(),
        ];
        cells.extend(time.map(|time| format!("{:.1}", milliseconds(time))));
        table.row(cells);
    }
    table
}

fn in_words(sweep: &Sweep) -> String {
    let Sweep { interval, questions, wire, pauses } = *sweep;
    let s = if questions == 1 { "" } else { "s" };
    let asked = format!("every {}: {questions} question{s}", when::in_words(interval));
    let pauses = format!("pauses: {:.1} s a sweep", pauses.as_secs_f64());
    match wire {
        Some(_) if sweep.pauses.is_zero() => {
            format!("{asked}, {:.2} s a sweep", sweep.time().as_secs_f64())
        }
        Some(_) => format!("{asked}, {:.2} s a sweep, {pauses}", sweep.time().as_secs_f64()),
        None => format!("{asked}, {pauses}; the rest depends on the converter"),
    }
}

fn load_in_words(load: &BusLoad) -> String {
    let Some(share) = percent(load) else {
        return "load: all of its time, as something is read without rest".to_owned();
    };
    match (load.port.is_serial(), load.sweeps.nested) {
        (true, true) => format!("load: {share:.1} % of its time"),
        (true, false) => format!("load: at most {share:.1} % of its time"),
        (false, _) => format!("load: {share:.1} % of its time by pauses alone"),
    }
}

/// A bus as a document. Times are in milliseconds; what a converter decides is null.
#[must_use]
pub fn document(file: &str, load: &BusLoad) -> Value {
    let questions = load.questions.iter().map(|Question { meter, address, block, time, pause }| {
        json!({
            "meter": meter.as_str(),
            "address": address,
            "function": name(block.function),
            "first": block.start,
            "last": last(block),
            "count": block.count,
            "entries": block.registers.len(),
            "time_ms": time.map(milliseconds),
            "pause_ms": milliseconds(*pause),
        })
    });
    let sweeps = load.sweeps.list.iter().map(|sweep| {
        json!({
            "interval": when::in_words(sweep.interval),
            "questions": sweep.questions,
            "time_ms": sweep.wire.map(|_| milliseconds(sweep.time())),
            "pauses_ms": milliseconds(sweep.pauses),
        })
    });
    json!({
        "file": file,
        "bus": load.bus.as_str(),
        "port": load.port.to_string(),
        "questions": questions.collect::<Vec<_>>(),
        "sweeps": sweeps.collect::<Vec<_>>(),
        "load_percent": percent(load),
    })
}

const fn name(function: Function) -> &'static str {
    match function {
        Function::Holding => "holding",
        Function::Input => "input",
    }
}

/// The last register of a question.
fn last(block: &Block) -> u32 {
    u32::from(block.start) + u32::from(block.count).saturating_sub(1)
}

/// To a tenth.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// The share of the time of a bus, to a tenth, rounded up.
fn percent(load: &BusLoad) -> Option<f64> {
    let thousandths = load.sweeps.load()?;
    Some(f64::from(u32::try_from(thousandths).unwrap_or(u32::MAX)) / 10.0)
}
