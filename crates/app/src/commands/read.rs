//! `submeter read`: one reading now, from a site file, the running service, or any port.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use catalog::{Catalog, CheckedSite};
use domain::{Clock, Key, PlanNumber};
use gateway::{Plan, Reader};
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use crate::answer::{Answer, Names, Note};
use crate::cli::Read;
use crate::exit::{self, Exit};
use crate::service::{self, Question, Reply};
use crate::{adhoc, output, sheet, signal, when};

/// Reads once, or again and again with `--watch`.
///
/// # Errors
/// When the answer cannot be written, or the service is interrupted.
pub async fn run(args: &Read, catalog: &Catalog, clock: &Clock) -> anyhow::Result<Exit> {
    let every = match when::optional_duration("--watch", args.watch.as_deref()) {
        Ok(every) => every,
        Err(told) => {
            output::message(&told);
            return Ok(Exit::Usage);
        }
    };
    let mut target = match target(args, catalog, clock).await {
        Ok(target) => target,
        Err(exit) => return Ok(exit),
    };
    // Told once for all rounds: an interrupt in the midst of a round ends the command as well.
    let mut told = std::pin::pin!(signal::told_to_stop());
    loop {
        let read = tokio::select! {
            read = target.read() => read?,
            () = &mut told => return Ok(Exit::Interrupted),
        };
        let answer = match read {
            Ok(answer) => answer,
            Err(exit) => return Ok(exit),
        };
        show(args, &answer)?;
        let Some(every) = every else { return Ok(answer.exit()) };
        tokio::select! {
            () = &mut told => return Ok(answer.exit()),
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Where the reading comes from.
enum Target {
    /// Ports of a site, opened here and kept open from round to round.
    Ports { site: Box<CheckedSite>, readers: Vec<Reader>, names: Names, notes: Vec<Note> },
    /// The running service.
    Service { data: PathBuf, meters: Vec<String> },
}

async fn target(args: &Read, catalog: &Catalog, clock: &Clock) -> Result<Target, Exit> {
    let is_port = |text: &&String| text.starts_with('/') || text.contains("://");
    if let Some(port) = args.target.as_ref().filter(is_port) {
        let asked = adhoc::site(port, args.address.as_deref(), &args.entry, catalog);
        return match asked {
            Ok(adhoc::Asked { site, names, notes }) => Ok(Target::ports(site, names, notes, clock)),
            Err(told) => {
                output::message(&told);
                Err(Exit::Usage)
            }
        };
    }
    if args.address.is_some() || !args.entry.is_empty() {
        let target = args.target.as_deref().unwrap_or_default();
        output::message(&format!(
            "{target:?} is no port: it begins with /, tcp:// or rtu+tcp://, for example \
             `submeter read tcp://192.0.2.7:502 5 --reg 72 --size 2 --data-type float`",
        ));
        return Err(Exit::Usage);
    }
    let meters: Vec<String> = args.target.iter().cloned().collect();
    let data = args.data.folder();
    let mut site = match &args.site {
        Some(path) => super::site_file(path, catalog)?.1,
        None if !args.direct && service::is_running(&data).await => {
            return Ok(Target::Service { data, meters });
        }
        None => match super::registered(&data, catalog).await {
            Ok(Some(site)) => site,
            Ok(None) => {
                output::message(&nothing_to_read(&data));
                return Err(Exit::NotFound);
            }
            Err(error) => {
                output::message(&output::in_words(&error));
                return Err(exit::of(&error));
            }
        },
    };
    if let Some(wanted) = meters.first() {
        if !site.meters.iter().any(|meter| meter.key.as_str() == wanted) {
            let known = site.meters.iter().map(|meter| meter.key.as_str());
            output::message(&super::unknown("meter", wanted, known));
            return Err(Exit::NotFound);
        }
        site.meters.retain(|meter| meter.key.as_str() == wanted);
    }
    Ok(Target::ports(site, Names::Known, Vec::new(), clock))
}

impl Target {
    fn ports(site: CheckedSite, names: Names, notes: Vec<Note>, clock: &Clock) -> Self {
        let number = PlanNumber(0);
        let buses = Plan::of(&site, number).buses.into_iter();
        let readers = buses.map(|bus| Reader::new(bus, number, clock)).collect();
        Self::Ports { site: Box::new(site), readers, names, notes }
    }

    async fn read(&mut self) -> anyhow::Result<Result<Answer, Exit>> {
        match self {
            Self::Ports { site, readers, names, notes } => {
                let mut answer = read_ports(site, readers, *names).await?;
                answer.notes.extend(notes.iter().cloned());
                adhoc::explain(site, &mut answer);
                Ok(Ok(answer))
            }
            Self::Service { data, meters } => ask_service(data, meters).await,
        }
    }
}

/// Reads a site once; its buses at the same time, each port by one task.
async fn read_ports(
    site: &CheckedSite,
    readers: &mut Vec<Reader>,
    names: Names,
) -> anyhow::Result<Answer> {
    let mut buses = JoinSet::new();
    for mut reader in readers.drain(..) {
        buses.spawn(async move {
            let batches = reader.read_all().await;
            (reader, batches)
        });
    }
    let mut batches = Vec::new();
    while let Some(read) = buses.join_next().await {
        let (reader, read) = read.context("a bus was not read to its end")?;
        readers.push(reader);
        batches.extend(read);
    }
    let places: BTreeMap<&Key, usize> =
        site.meters.iter().enumerate().map(|(place, meter)| (&meter.key, place)).collect();
    batches.sort_by_key(|batch| places.get(&batch.meter));
    let known = (names == Names::Known).then(|| site.record.site.key.to_string());
    let mut answer = Answer::empty(known);
    batches.iter().for_each(|batch| answer.add(batch, names));
    Ok(answer)
}

async fn ask_service(data: &Path, meters: &[String]) -> anyhow::Result<Result<Answer, Exit>> {
    let question = Question::Read { meters: meters.to_vec() };
    match service::ask(data, &question).await? {
        Some(Reply::Read(answer)) => Ok(Ok(answer)),
        Some(Reply::NotFound { what, key, known }) => {
            output::message(&super::unknown(&what, &key, known.iter().map(String::as_str)));
            Ok(Err(Exit::NotFound))
        }
        Some(Reply::Failed { message }) => {
            output::message(&message);
            Ok(Err(Exit::Failed))
        }
        Some(_) => bail!("the running service answered something else"),
        None => bail!("the service has just ended"),
    }
}

fn nothing_to_read(data: &Path) -> String {
    format!(
        "no service runs on {}, and it holds no site: start `submeter run`, or name a site file \
         with --site, or a port (`submeter read tcp://192.0.2.7:502 5 --reg 72`)",
        data.display()
    )
}

fn show(args: &Read, answer: &Answer) -> anyhow::Result<()> {
    let asked = &args.output;
    if asked.ndjson || (asked.json && args.watch.is_some() && asked.fields.is_empty()) {
        return lines(args, answer);
    }
    if asked.json {
        let Value::Object(mut around) = serde_json::to_value(answer)? else { return Ok(()) };
        let readings = around.insert("readings".to_owned(), Value::Null);
        let rows = readings.into_iter().flat_map(|rows| match rows {
            Value::Array(rows) => rows,
            _ => Vec::new(),
        });
        return sheet::documents(asked, around, "readings", rows);
    }
    if asked.csv {
        let head = ["meter", "quantity", "timestamp", "value", "unit", "quality", "raw"];
        sheet::csv(asked, &head, answer.readings.iter().map(row))?;
    } else if !answer.readings.is_empty() {
        sheet::table(asked, &answer.table(args.raw))?;
    }
    if !args.output.quiet {
        answer.gap_lines().iter().for_each(|line| output::message(line));
        answer.notes.iter().for_each(|note| output::message(&format!("note: {}", note.message)));
    }
    Ok(())
}

/// A line for each reading and each gap; a watch in JSON has one for each round.
fn lines(args: &Read, answer: &Answer) -> anyhow::Result<()> {
    if !args.output.ndjson {
        return output::line(&serde_json::to_string(answer)?);
    }
    let rows: Result<Vec<Value>, _> = answer.readings.iter().map(serde_json::to_value).collect();
    sheet::documents(&args.output, Map::new(), "", rows?.into_iter())?;
    answer.gaps.iter().try_for_each(|gap| output::line(&serde_json::to_string(gap)?))
}

fn row(read: &crate::answer::Read) -> Vec<String> {
    vec![
        read.meter.clone(),
        read.quantity.clone().unwrap_or_default(),
        read.at.clone(),
        read.value.to_string(),
        read.unit.clone().unwrap_or_default(),
        read.quality.clone(),
        read.raw.clone().unwrap_or_default(),
    ]
}
