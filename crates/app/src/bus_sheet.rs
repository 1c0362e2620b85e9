//! How buses and meters are, for people: a line in words for each bus, a row for each meter, what
//! to look at, and the picture of how long a meter takes to answer.

use std::time::Duration;

use crate::bus_report::{Bus, Meter, Ms, Report, Step};
use crate::table::{Lean, Table};
use crate::when;

/// What gives way first where the terminal is too narrow.
const DISPENSABLE: [&str; 10] = [
    "per_sweep",
    "patience",
    "foreign",
    "slowest",
    "refusals",
    "p50",
    "answers",
    "damaged",
    "silences",
    "p99",
];
/// Meters that are named with one piece of advice.
const NAMED: usize = 8;
/// The longest bar of a picture, in characters.
const BAR: usize = 40;

/// A look before this one, and how long ago it was: what has changed since is shown.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// What was seen then.
    pub report: &'a Report,
    /// How long ago.
    pub since: Duration,
}

/// All buses: for each a line in words and its meters, then what to look at.
#[must_use]
pub fn lines(report: &Report, before: Option<Before<'_>>, width: usize) -> Vec<String> {
    let table = table(report, before).fitting(width, &DISPENSABLE).lines(width);
    let (head, mut rows) = match table.split_first() {
        Some((head, rows)) => (head, rows.iter()),
        None => return Vec::new(),
    };
    let mut lines = Vec::new();
    for bus in &report.buses {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(in_words(bus, before, width));
        lines.push(head.clone());
        lines.extend(rows.by_ref().take(bus.meters.len()).cloned());
    }
    let advice = advice(report);
    if !advice.is_empty() {
        lines.push(String::new());
    }
    lines.extend(advice.iter().flat_map(|sentence| wrapped(sentence, width)));
    lines
}

/// A row for each meter of all buses.
#[must_use]
pub fn table(report: &Report, before: Option<Before<'_>>) -> Table {
    let mut table = Table::new(&[
        ("meter", Lean::Left),
        ("address", Lean::Right),
        ("state", Lean::Left),
        ("age", Lean::Right),
        ("answers", Lean::Right),
        ("silences", Lean::Right),
        ("damaged", Lean::Right),
        ("refusals", Lean::Right),
        ("foreign", Lean::Right),
        ("p50", Lean::Right),
        ("p99", Lean::Right),
        ("slowest", Lean::Right),
        ("patience", Lean::Right),
        ("per_sweep", Lean::Right),
    ]);
    for meter in report.buses.iter().flat_map(|bus| &bus.meters) {
        let then = before.and_then(|before| meter_of(before.report, &meter.meter));
        let count = |count: fn(&Meter) -> u64| {
            let (now, then) = (count(meter), then.map_or(count(meter), count));
            let more = if now > then { format!(" +{}", now - then) } else { String::new() };
            format!("{now}{more}")
        };
        let or_none = |time: Option<Ms>| time.map(delay).unwrap_or_default();
        table.row(vec![
            meter.meter.clone(),
            meter.address.to_string(),
            meter.state.clone(),
            meter.answer_age_ms.map(|age| when::ago(age.0)).unwrap_or_default(),
            count(|meter| meter.answers),
            count(|meter| meter.silences),
            count(|meter| meter.damaged + meter.doubled),
            count(|meter| meter.refusals),
            count(|meter| meter.foreign + meter.stray),
            or_none(meter.delay_p50_ms),
            or_none(meter.delay_p99_ms),
            or_none(meter.delay_slowest_ms),
            delay(meter.patience_ms),
            meter.questions_per_sweep.to_string(),
        ]);
    }
    table
}

/// One meter: its bus in words, its counts in words, and how long its answers take.
#[must_use]
pub fn meter_lines(report: &Report, before: Option<Before<'_>>, width: usize) -> Vec<String> {
    let mut lines = lines(report, before, width);
    for meter in report.buses.iter().flat_map(|bus| &bus.meters) {
        lines.push(String::new());
        lines.extend(counts(meter).iter().flat_map(|sentence| wrapped(sentence, width)));
        lines.push(String::new());
        lines.extend(picture(meter, width));
    }
    lines
}

/// How a bus is, in words.
fn in_words(bus: &Bus, before: Option<Before<'_>>, width: usize) -> Vec<String> {
    let state = if bus.trouble.is_some() { "cannot be used" } else { "can be used" };
    let sweep = match bus.longest_sweep_ms {
        Ms(Duration::ZERO) => "no sweep ended yet".to_owned(),
        longest => format!("sweep {} (longest {})", delay(bus.sweep_ms), delay(longest)),
    };
    let (key, port, load) = (&bus.bus, &bus.port, &bus.load_percent);
    let mut text = format!("bus {key} at {port} {state}: load {load} %, {sweep}, ");
    text += &match bus.queue {
        0 => "no meter waits".to_owned(),
        1 => "1 meter waits".to_owned(),
        more => format!("{more} meters wait"),
    };
    if let Some(rate) = before.and_then(|before| rate(bus, before)) {
        text += &format!(", {rate:.1} answers a second");
    }
    let mut lines = wrapped(&text, width);
    for more in [&bus.trouble, &bus.hint].into_iter().flatten() {
        lines.extend(wrapped(&format!("  {more}"), width));
    }
    lines
}

/// Answers a second since a look before.
fn rate(bus: &Bus, before: Before<'_>) -> Option<f64> {
    let more = bus.meters.iter().map(|meter| {
        let then = meter_of(before.report, &meter.meter).map_or(meter.answers, |then| then.answers);
        meter.answers.saturating_sub(then)
    });
    let more = u32::try_from(more.sum::<u64>()).ok()?;
    Some(f64::from(more) / before.since.as_secs_f64()).filter(|rate| rate.is_finite())
}

fn meter_of<'a>(report: &'a Report, key: &str) -> Option<&'a Meter> {
    report.buses.iter().flat_map(|bus| &bus.meters).find(|meter| meter.meter == key)
}

/// What to look at, once for all meters that it is said of.
fn advice(report: &Report) -> Vec<String> {
    let mut said: Vec<(&str, Vec<&str>)> = Vec::new();
    for meter in report.buses.iter().flat_map(|bus| &bus.meters) {
        let Some(advice) = meter.advice.as_deref() else { continue };
        match said.iter_mut().find(|(sentence, _)| *sentence == advice) {
            Some((_, meters)) => meters.push(&meter.meter),
            None => said.push((advice, vec![&meter.meter])),
        }
    }
    let sentence = |(advice, meters): &(&str, Vec<&str>)| {
        let mut names = meters.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        if let Some(more @ 1..) = meters.len().checked_sub(NAMED) {
            names += &format!(" and {more} more");
        }
        format!("{names}: {advice}.")
    };
    said.iter().map(sentence).collect()
}

/// All that was counted of a meter, in sentences.
fn counts(meter: &Meter) -> Vec<String> {
    let mut sentences = vec![
        format!(
            "{} questions: {} answered, {} refused, {} damaged, {} not answered, {} answered \
             twice.",
            meter.questions,
            meter.answers,
            meter.refusals,
            meter.damaged,
            meter.silences,
            meter.doubled
        ),
        format!(
            "Dropped beside them: {} frames of others, {} answers to another question, {} echoes.",
            meter.foreign, meter.stray, meter.echoes
        ),
        format!(
            "A sweep takes {} questions of at most {} registers (ranges that it refuses in one \
             answer: {}); its next answer is waited for {}.",
            meter.questions_per_sweep,
            meter.max_registers,
            meter.refused_ranges,
            delay(meter.patience_ms)
        ),
    ];
    if let Some(at) = &meter.answered_at {
        sentences.push(format!("It answered last at {at}."));
    }
    sentences
}

/// How long the answers of a meter take: a bar for each step.
fn picture(meter: &Meter, width: usize) -> Vec<String> {
    let Some(most) = meter.delays.iter().map(|step| step.count).max() else {
        return vec!["No answer yet.".to_owned()];
    };
    let mut lines = vec!["From the end of a question to the beginning of its answer:".to_owned()];
    let labels: Vec<String> = meter.delays.iter().map(|step| delay(step.up_to_ms)).collect();
    let label_width = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    let room = width.saturating_sub(label_width + 16).clamp(1, BAR);
    let mut end: Option<&Step> = None;
    for (step, label) in meter.delays.iter().zip(labels) {
        // Steps are a quarter longer than the one before at most; else some between are empty.
        if end.is_some_and(|end| step.up_to_ms.0 > end.up_to_ms.0.mul_f64(1.26)) {
            lines.push("  …".to_owned());
        }
        end = Some(step);
        let bar = "█".repeat((room * usize::from(step.count)).div_ceil(usize::from(most.max(1))));
        lines.push(format!("  up to {label:>label_width$}  {bar} {}", step.count));
    }
    lines
}

/// A time as a person reads it: three digits or so.
fn delay(Ms(time): Ms) -> String {
    match time.as_micros() {
        0..10_000 => format!("{:.1} ms", time.as_secs_f64() * 1000.0),
        10_000..1_000_000 => format!("{} ms", (time.as_micros() + 500) / 1000),
        1_000_000..100_000_000 => format!("{:.2} s", time.as_secs_f64()),
        _ => format!("{} s", time.as_secs()),
    }
}

/// A text in lines of at most `width` characters; those after the first are moved in.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let indent: String = text.chars().take_while(|c| *c == ' ').collect();
    let mut lines = vec![indent.clone()];
    for word in text.split_whitespace() {
        let length = |line: &String| line.chars().count();
        let Some(line) = lines.last_mut() else { break };
        let begins = line.trim().is_empty();
        if !begins && length(line) + 1 + word.chars().count() > width {
            lines.push(format!("{indent}  {word}"));
        } else {
            *line += if begins { "" } else { " " };
            *line += word;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Ms {
        Ms(Duration::from_millis(ms))
    }

    #[test]
    fn times_are_told_with_the_digits_that_matter() {
        for (time, told) in
            [(0, "0.0 ms"), (9, "9.0 ms"), (43, "43 ms"), (1_064, "1.06 s"), (250_000, "250 s")]
        {
            assert_eq!(delay(ms(time)), told);
        }
    }

    #[test]
    fn long_sentences_are_broken_between_words() {
        let lines = wrapped("  one two three four", 11);
        assert_eq!(lines, ["  one two", "    three", "    four"]);
        assert_eq!(wrapped("unbreakable", 5), ["unbreakable"]);
    }

    /// A bus with two meters; the second one answers no more.
    fn report(answers: u64) -> Report {
        let meter = |key: &str, address: u8, state: &str| {
            serde_json::json!({
                "meter": key, "address": address, "state": state, "trouble": null, "alarm": null,
                "advice": (state == "silent").then_some("look at its power"),
                "questions": answers, "answers": answers, "refusals": 0, "damaged": 1,
                "silences": 0, "foreign": 0, "stray": 2, "doubled": 3, "echoes": 0,
                "answered_at": "2026-11-14T14:05:00.000Z", "answer_age_ms": 61_000,
                "delay_p50_ms": 20, "delay_p99_ms": 43.5, "delay_slowest_ms": 1064,
                "delays": [
                    { "up_to_ms": 20, "count": 90 }, { "up_to_ms": 24, "count": 9 },
                    { "up_to_ms": 1280, "count": 1 },
                ],
                "patience_ms": 400, "questions_per_sweep": 3, "max_registers": 80,
                "refused_ranges": 0,
            })
        };
        let meters = [meter("apt-1", 5, "answers"), meter("apt-2", 6, "silent")];
        let bus = serde_json::json!({
            "bus": "a", "port": "/dev/ttyUSB0", "trouble": null, "hint": "another master speaks",
            "load_percent": 34.2, "sweep_ms": 1240, "longest_sweep_ms": 3400, "queue": 1,
            "meters": meters,
        });
        let report = serde_json::json!({
            "site": "s", "at": "2026-11-14T14:06:01.000Z", "buses": [bus],
        });
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn a_bus_reads_well_on_a_narrow_terminal() {
        let (then, now) = (report(100), report(103));
        let before = Before { report: &then, since: Duration::from_secs(2) };
        let shown = lines(&now, Some(before), 80);
        let head = [
            "bus a at /dev/ttyUSB0 can be used: load 34.2 %, sweep 1.24 s (longest 3.40 s), 1",
            "  meter waits, 3.0 answers a second",
            "  another master speaks",
        ];
        assert!(shown.iter().all(|line| line.chars().count() <= 80), "{shown:#?}");
        assert_eq!(shown[..3], head);
        for cell in ["apt-1", "103 +3", "44 ms"] {
            assert!(shown[4].contains(cell), "{shown:#?}");
        }
        assert_eq!(shown.last().map(String::as_str), Some("apt-2: look at its power."));
        assert!(lines(&now, None, 200)[2].ends_with("patience  per_sweep"));
    }

    #[test]
    fn the_picture_shows_each_step_and_where_some_are_empty() {
        let meter = &report(100).buses[0].meters[0];
        let picture = picture(meter, 80);
        assert_eq!(picture[1], format!("  up to  20 ms  {} 90", "█".repeat(40)));
        assert_eq!(picture[2], format!("  up to  24 ms  {} 9", "█".repeat(4)));
        assert_eq!(picture[3..], ["  …", "  up to 1.28 s  █ 1"]);
    }
}
