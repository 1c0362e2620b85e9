//! The local door of a running service: a socket in its data folder, over which commands ask it,
//! so that no port is opened twice. One JSON document a line, one question a connection.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use catalog::CheckedSite;
use domain::{Batch, Key, Reason};
use gateway::{AskError, Asks};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::adhoc;
use crate::answer::{Answer, Missing, Names, instant};
use crate::bus_report::{Bus, Report};
use crate::house::House;

/// The longest question: a site file with some room.
const LONGEST: u64 = 17 * 1024 * 1024;
/// Patience for a question to be told, and for its answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// Questions answered at the same time; more wait at the door.
const AT_ONCE: usize = 32;
/// Rest after the door could not be opened to somebody: no file descriptors, for example.
const REFUSED: Duration = Duration::from_millis(200);

/// What may be asked of a running service.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Read these meters now; all of them when none is named.
    Read {
        /// Keys of meters.
        meters: Vec<String>,
    },
    /// How the buses and their meters are; all of them when none is named.
    Buses {
        /// Key of a bus.
        bus: Option<String>,
        /// Key of a meter.
        meter: Option<String>,
    },
    /// What went over a bus in the last minutes.
    Transcript {
        /// Key of a bus.
        bus: String,
    },
    /// Bring the registry to this site file and read under the new plan.
    Apply {
        /// The text of the file.
        text: String,
    },
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// What the meters gave.
    Read(Answer),
    /// The number of the plan in force.
    Applied {
        /// Carried by every reading from now on.
        plan: u64,
    },
    /// How the buses are.
    Buses(Report),
    /// What went over a bus, as text; empty where nothing did.
    Transcript(String),
    /// There is no such bus or meter.
    NotFound {
        /// `bus` or `meter`.
        what: String,
        /// The key that was asked for.
        key: String,
        /// What there is.
        known: Vec<String>,
    },
    /// It could not be done.
    Failed {
        /// Why, for a person.
        message: String,
    },
}

/// The socket of the service that keeps its data in this folder.
#[must_use]
pub fn socket(data: &Path) -> PathBuf {
    data.join("submeter.sock")
}

/// Whether a service runs on this folder.
pub async fn is_running(data: &Path) -> bool {
    UnixStream::connect(socket(data)).await.is_ok()
}

/// Asks the running service. `None` when none runs on this folder.
///
/// # Errors
/// When the service is there and does not answer.
pub async fn ask(data: &Path, question: &Question) -> anyhow::Result<Option<Reply>> {
    let Ok(mut stream) = UnixStream::connect(socket(data)).await else { return Ok(None) };
    let mut text = serde_json::to_string(question)?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await.context("the running service does not listen")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.context("the running service does not answer")?;
    let reply = serde_json::from_str(&answer).context("the running service was interrupted")?;
    Ok(Some(reply))
}

/// Opens the door and answers until told to stop. What is under way is answered first, as far as
/// it was read; nobody who only stands in the door holds up the end.
///
/// # Errors
/// When the socket cannot be made.
pub async fn serve(data: &Path, house: Arc<House>, stop: CancellationToken) -> anyhow::Result<()> {
    let path = socket(data);
    // The store of this folder is ours alone, so a socket that is left here belongs to nobody.
    drop(std::fs::remove_file(&path));
    let listener = UnixListener::bind(&path)
        .with_context(|| format!("cannot open the local door {}", path.display()))?;
    rustix::fs::chmod(&path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)?;
    let answering = TaskTracker::new();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(stream) = next(&listener, &stop).await {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place?,
        };
        let (house, stop) = (Arc::clone(&house), stop.clone());
        answering.spawn(async move {
            if let Err(error) = answer(stream, &house, &stop).await {
                tracing::debug!(%error, "A local question was not answered");
            }
            drop(place);
        });
    }
    answering.close();
    answering.wait().await;
    drop(std::fs::remove_file(&path));
    Ok(())
}

/// Whoever comes to the door next; `None` when told to stop.
async fn next(listener: &UnixListener, stop: &CancellationToken) -> Option<UnixStream> {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => return Some(stream),
            Err(_) => tokio::time::sleep(REFUSED).await,
        }
    }
}

async fn answer(stream: UnixStream, house: &House, stop: &CancellationToken) -> anyhow::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(LONGEST));
    tokio::select! {
        told = timeout(PATIENCE, reading.read_line(&mut line)) => told??,
        () = stop.cancelled() => return Ok(()),
    };
    let reply = match serde_json::from_str(&line) {
        Ok(Question::Read { meters }) => tokio::select! {
            biased;
            reply = read(house, &meters) => reply,
            () = stop.cancelled() => Reply::Failed { message: "the service stops".to_owned() },
        },
        Ok(Question::Buses { bus, meter }) => buses(house, bus, meter).await,
        Ok(Question::Transcript { bus }) => transcript(house, bus).await,
        Ok(Question::Apply { text }) => apply(house, &text).await,
        Err(error) => Reply::Failed { message: format!("no such question: {error}") },
    };
    let reply = serde_json::to_string(&reply)?;
    timeout(PATIENCE, writing.write_all(reply.as_bytes())).await??;
    Ok(writing.shutdown().await?)
}

async fn read(house: &House, wanted: &[String]) -> Reply {
    let Some(site) = house.site().await else { return no_site() };
    let known_keys: BTreeSet<&Key> = site.meters.iter().map(|meter| &meter.key).collect();
    let known = || site.meters.iter().map(|meter| meter.key.to_string()).collect::<Vec<_>>();
    let mut keys = Vec::new();
    for meter in if wanted.is_empty() { known() } else { wanted.to_vec() } {
        match Key::new(&meter).ok().filter(|key| known_keys.contains(key)) {
            Some(key) => keys.push(key),
            None => return not_found("meter", meter, known()),
        }
    }
    let mut answer = Answer::empty(Some(site.record.site.key.to_string()));
    for (key, batch) in ask_buses(&site, keys, &house.asks().await).await {
        match batch {
            Ok(batch) => answer.add(&batch, Names::Known),
            Err(error) => answer.gaps.push(Missing {
                meter: key.to_string(),
                quantity: None,
                reason: Reason::Line.name().to_owned(),
                detail: error.to_string(),
            }),
        }
    }
    adhoc::explain(&site, &mut answer);
    Reply::Read(answer)
}

/// Asks all buses at the same time, the meters of each one after the other; the answers come in
/// the order asked.
async fn ask_buses(
    site: &CheckedSite,
    keys: Vec<Key>,
    asks: &Asks,
) -> Vec<(Key, Result<Batch, AskError>)> {
    let bus_of: BTreeMap<&Key, &Key> =
        site.meters.iter().map(|meter| (&meter.key, &meter.bus)).collect();
    let mut by_bus: BTreeMap<Option<&Key>, Vec<(usize, Key)>> = BTreeMap::new();
    for (place, key) in keys.into_iter().enumerate() {
        by_bus.entry(bus_of.get(&key).copied()).or_default().push((place, key));
    }
    let mut buses = JoinSet::new();
    for keys in by_bus.into_values() {
        let asks = asks.clone();
        buses.spawn(async move {
            let mut answers = Vec::new();
            for (place, key) in keys {
                let batch = asks.read_now(&key).await;
                answers.push((place, key, batch));
            }
            answers
        });
    }
    let mut answers = buses.join_all().await.concat();
    answers.sort_by_key(|(place, ..)| *place);
    answers.into_iter().map(|(_, key, batch)| (key, batch)).collect()
}

/// How the buses are: a copy for each, taken in a moment, however many there are.
async fn buses(house: &House, bus: Option<String>, meter: Option<String>) -> Reply {
    let Some(site) = house.site().await else { return no_site() };
    let at = house.clock().now();
    let status = house.look().await.status();
    let mut buses: Vec<Bus> = status.iter().map(|status| Bus::of(status, at)).collect();
    if let Some(key) = bus {
        let known = buses.iter().map(|bus| bus.bus.clone()).collect();
        buses.retain(|bus| bus.bus == key);
        if buses.is_empty() {
            return not_found("bus", key, known);
        }
    }
    if let Some(key) = meter {
        let meters = buses.iter().flat_map(|bus| &bus.meters);
        let known = meters.map(|meter| meter.meter.clone()).collect();
        buses.iter_mut().for_each(|bus| bus.meters.retain(|meter| meter.meter == key));
        buses.retain(|bus| !bus.meters.is_empty());
        if buses.is_empty() {
            return not_found("meter", key, known);
        }
    }
    Reply::Buses(Report { site: site.record.site.key.to_string(), at: instant(at), buses })
}

/// What went over a bus: at most what its recorder holds.
async fn transcript(house: &House, bus: String) -> Reply {
    let look = house.look().await;
    match Key::new(&bus).ok().and_then(|key| look.recorder(&key)) {
        Some(recorder) => Reply::Transcript(recorder.transcript(house.clock()).to_string()),
        None => {
            let known = look.status().iter().map(|status| status.key.to_string()).collect();
            not_found("bus", bus, known)
        }
    }
}

fn no_site() -> Reply {
    Reply::Failed { message: "the service has no site yet: apply one first".to_owned() }
}

fn not_found(what: &str, key: String, known: Vec<String>) -> Reply {
    Reply::NotFound { what: what.to_owned(), key, known }
}

async fn apply(house: &House, text: &str) -> Reply {
    let (site, problems) = catalog::check_site(text, house.catalog());
    let Some(site) = site else {
        return Reply::Failed { message: problems.render("site file", text) };
    };
    match house.apply(site).await {
        Ok(number) => Reply::Applied { plan: number.0 },
        Err(error) => Reply::Failed { message: format!("{error:#}") },
    }
}
