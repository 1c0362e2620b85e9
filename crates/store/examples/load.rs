//! Says what the journal costs: processor time and bytes written for each size of a sweep, and how
//! long a store takes to open. `load` alone measures sweeps; `load FOLDER READINGS` keeps that many
//! readings in a folder, unless it holds some already, and opens it.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use domain::{Batch, Decimal, Key, PlanNumber, Quality, Quantity, RawWords, Reading, Source};
use jiff::Timestamp;
use store::Store;
use tokio::time::Instant;

const METERS: usize = 100;
const VALUES: usize = 30;
const ROUNDS: usize = 5;
const SWEPT: usize = 99_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            sweeps(METERS).await?;
            sweeps(1).await
        }
        [folder, readings] => opening(Path::new(folder), readings.parse()?).await,
        _ => Err("either nothing, or a folder and a number of readings".into()),
    }
}

/// Sweeps of so many meters, each round into a store of its own.
async fn sweeps(meters: usize) -> Outcome<()> {
    let (mut ticks, mut written) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir()?;
        let store = Store::open(folder.path()).await?;
        let before = (ticks_used()?, bytes_written()?);
        fill(&store, meters, SWEPT).await?;
        ticks.push(ticks_used()? - before.0);
        store.close().await?;
        written.push(bytes_written()? - before.1);
    }
    println!(
        "sweeps of {}: {} ms of processor time for {SWEPT} readings, {} bytes written a reading",
        meters * VALUES,
        median(ticks) * 10,
        median(written) / u64::try_from(SWEPT)?
    );
    Ok(())
}

async fn opening(folder: &Path, readings: usize) -> Outcome<()> {
    let store = Store::open(folder).await?;
    if store.journal().latest().await?.is_empty() {
        fill(&store, METERS, readings).await?;
    }
    store.close().await?;
    let (mut opened, mut checked) = (Vec::new(), Vec::new());
    for _ in 0..11 {
        let begin = Instant::now();
        let store = Store::open(folder).await?;
        store.registry().current().await?;
        opened.push(begin.elapsed());
        store.checked().await?;
        checked.push(begin.elapsed());
        store.close().await?;
    }
    println!("opened in {:.1?}, checked after {:.1?}", median(opened), median(checked));
    Ok(())
}

/// The meters take turns; the whole site is read once a second.
async fn fill(store: &Store, meters: usize, readings: usize) -> Outcome<()> {
    let quantities: Vec<Quantity> = Quantity::all().take(VALUES).collect();
    let keys: Vec<Key> = (0..METERS)
        .map(|meter| Key::new(&format!("apartment-{meter}")))
        .collect::<Result<_, _>>()?;
    let mut turn = keys.iter().cycle();
    for sweep in 0..readings / (meters * VALUES) {
        let second = i64::try_from(sweep * meters / METERS)?;
        let now = Timestamp::from_second(1_790_000_000 + second)?;
        let batches = turn.by_ref().take(meters).map(|key| batch(key, &quantities, second, now));
        let batches = batches.collect::<Outcome<_>>()?;
        store.journal().append(batches, now + Duration::from_millis(900)).await?;
    }
    Ok(())
}

fn batch(meter: &Key, quantities: &[Quantity], second: i64, now: Timestamp) -> Outcome<Batch> {
    let duration = Duration::from_nanos(u64::try_from(18_000_000 + second * 104_729 % 40_000_000)?);
    let word = u16::try_from(second % 60_000)?;
    let readings = (0..).zip(quantities).map(|(place, quantity)| Reading {
        quantity: *quantity,
        value: Decimal::new(i128::from(412_070 + second * (place + 1)), 2),
        at: now + duration / 2,
        quality: Quality::Good,
        source: Source::Meter,
        raw: RawWords::new(&[0x4580, word]),
    });
    Ok(Batch {
        meter: meter.clone(),
        plan: PlanNumber(1),
        slot: None,
        at: now,
        duration,
        readings: readings.collect(),
        gaps: Vec::new(),
    })
}

/// Processor time of all threads so far, in hundredths of a second, as the kernel counts it.
fn ticks_used() -> Outcome<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let times = fields.split_whitespace().skip(11).take(2); // user and system
    Ok(times.map(str::parse::<u64>).sum::<Result<_, _>>()?)
}

/// What the kernel has accounted to this process for writing, in bytes.
fn bytes_written() -> Outcome<u64> {
    let io = std::fs::read_to_string("/proc/self/io")?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.ok_or("no write_bytes in /proc/self/io")?.parse()?)
}

fn median<T: Ord + Copy + Default>(mut rounds: Vec<T>) -> T {
    rounds.sort_unstable();
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}
