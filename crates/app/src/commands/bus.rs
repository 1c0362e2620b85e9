//! `submeter bus`: how the buses and meters are, as the running service sees them.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Map, Value};
use tokio::time::Instant;
use wire::pcap;
use wire::transcript::Transcript;

use crate::bus_report::Report;
use crate::bus_sheet::{self, Before};
use crate::cli::{Bus, BusMore, Data, Record};
use crate::exit::Exit;
use crate::screen::Screen;
use crate::service::{self, Question, Reply};
use crate::{output, sheet, signal};

/// How often a watch looks.
const EVERY: Duration = Duration::from_secs(1);

/// Looks once, or every second with `--watch`.
///
/// # Errors
/// When the answer cannot be written, or the service is interrupted.
pub async fn run(args: &Bus) -> anyhow::Result<Exit> {
    if let Some(BusMore::Record(args)) = &args.more {
        return record(args).await;
    }
    let report = match look(args).await? {
        Ok(report) => report,
        Err(exit) => return Ok(exit),
    };
    if args.watch {
        return watch(args, report).await;
    }
    show(args, &report)?;
    Ok(Exit::Good)
}

async fn look(args: &Bus) -> anyhow::Result<Result<Report, Exit>> {
    let question = Question::Buses { bus: args.bus.clone(), meter: args.meter.clone() };
    match ask(&args.data, &question).await? {
        Ok(Reply::Buses(report)) => Ok(Ok(report)),
        Ok(_) => bail!("the running service answered something else"),
        Err(exit) => Ok(Err(exit)),
    }
}

/// Saves what went over a bus.
async fn record(args: &Record) -> anyhow::Result<Exit> {
    if args.pcap && args.file.is_none() && output::terminal_size().is_some() {
        output::message("a capture is no text: name a file for it with -o");
        return Ok(Exit::Usage);
    }
    let text = match ask(&args.data, &Question::Transcript { bus: args.bus.clone() }).await? {
        Ok(Reply::Transcript(text)) => text,
        Ok(_) => bail!("the running service answered something else"),
        Err(exit) => return Ok(exit),
    };
    if text.is_empty() {
        output::message(&format!("nothing went over bus {} in the last minutes", args.bus));
        return Ok(Exit::NotFound);
    }
    let bytes =
        if args.pcap { pcap::write(&text.parse::<Transcript>()?)? } else { text.into_bytes() };
    match &args.file {
        Some(file) => std::fs::write(file, bytes)
            .with_context(|| format!("cannot write {}", file.display()))?,
        None => output::data().write_all(&bytes)?,
    }
    Ok(Exit::Good)
}

/// Asks the running service; what it cannot answer is told.
async fn ask(data: &Data, question: &Question) -> anyhow::Result<Result<Reply, Exit>> {
    let data = data.folder();
    let (told, exit) = match service::ask(&data, question).await? {
        Some(Reply::NotFound { what, key, known }) => {
            let known = known.iter().map(String::as_str);
            (super::unknown(&what, &key, known), Exit::NotFound)
        }
        Some(Reply::Failed { message }) => (message, Exit::Failed),
        Some(reply) => return Ok(Ok(reply)),
        None => {
            let told = format!(
                "no service runs on {}: only one that reads knows how its lines are; start \
                 `submeter run`, or name its folder with --data",
                data.display()
            );
            (told, Exit::NotFound)
        }
    };
    output::message(&told);
    Ok(Err(exit))
}

/// Looks again and again until told to stop, or until the service ends.
async fn watch(args: &Bus, mut report: Report) -> anyhow::Result<Exit> {
    let mut screen = output::terminal_size().map(|_| Screen::default());
    let mut ticks = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
    let mut told = std::pin::pin!(signal::told_to_stop());
    let mut looked_at = Instant::now();
    let mut before: Option<(Report, Duration)> = None;
    loop {
        let then = before.as_ref().map(|(report, since)| Before { report, since: *since });
        match screen.as_mut().filter(|_| is_for_people(args)) {
            Some(screen) => screen.draw(&picture(args, &report, then))?,
            None => next(args, &report, then)?,
        }
        tokio::select! {
            () = &mut told => return Ok(Exit::Good),
            _ = ticks.tick() => {}
        }
        let now = match look(args).await? {
            Ok(now) => now,
            Err(exit) => return Ok(exit),
        };
        before = Some((std::mem::replace(&mut report, now), looked_at.elapsed()));
        looked_at = Instant::now();
    }
}

/// Whether the answer is the table in words, and all of it.
fn is_for_people(args: &Bus) -> bool {
    let asked = &args.output;
    !asked.json && !asked.ndjson && !asked.csv && asked.fields.is_empty()
}

fn picture(args: &Bus, report: &Report, before: Option<Before<'_>>) -> Vec<String> {
    let width = output::terminal_width().unwrap_or(usize::MAX);
    match args.meter {
        Some(_) => bus_sheet::meter_lines(report, before, width),
        None => bus_sheet::lines(report, before, width),
    }
}

/// One look of a watch that is not drawn in place.
fn next(args: &Bus, report: &Report, before: Option<Before<'_>>) -> anyhow::Result<()> {
    if args.output.json && args.output.fields.is_empty() {
        return output::line(&serde_json::to_string(report)?);
    }
    if !is_for_people(args) {
        return show(args, report);
    }
    output::lines(&picture(args, report, before))?;
    output::line("")
}

fn show(args: &Bus, report: &Report) -> anyhow::Result<()> {
    let asked = &args.output;
    if asked.json {
        let Value::Object(mut around) = serde_json::to_value(report)? else { return Ok(()) };
        let buses = around.insert("buses".to_owned(), Value::Null);
        let Some(Value::Array(buses)) = buses else { return Ok(()) };
        return sheet::documents(asked, around, "buses", buses.into_iter());
    }
    if asked.ndjson {
        return sheet::documents(
            asked,
            Map::new(),
            "",
            rows(report)?.into_iter().map(Value::Object),
        );
    }
    if asked.csv {
        let rows: Vec<_> = rows(report)?.into_iter().map(flat).collect();
        let head: Vec<&str> =
            rows.first().iter().flat_map(|row| row.keys()).map(String::as_str).collect();
        return sheet::csv(asked, &head, rows.iter().map(|row| row.values().map(text).collect()));
    }
    if !asked.fields.is_empty() {
        return sheet::table(asked, &bus_sheet::table(report, None));
    }
    output::lines(&picture(args, report, None))
}

/// A row for each meter, with its bus.
fn rows(report: &Report) -> anyhow::Result<Vec<Map<String, Value>>> {
    let mut rows = Vec::new();
    for bus in &report.buses {
        for meter in &bus.meters {
            let mut row = Map::new();
            row.insert("bus".to_owned(), bus.bus.clone().into());
            if let Value::Object(meter) = serde_json::to_value(meter)? {
                row.extend(meter);
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

/// A row without what is no single cell.
fn flat(mut row: Map<String, Value>) -> Map<String, Value> {
    row.retain(|_, value| !value.is_array());
    row
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
