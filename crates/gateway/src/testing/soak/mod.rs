//! Millions of questions to meters of every mood: no value under a wrong register, meter or time,
//! and every value that is missing has a reason.
//!
//! `SUBMETER_SOAK` is the number of questions, `SUBMETER_SOAK_SEED` the seed of a run to repeat.

mod far_end;
mod value;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catalog::{Port, Rs485};
use domain::{Batch, Key, PlanNumber, Quality, Quantity, Reason};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wire::Line;
use wire::modbus::Function;

use self::far_end::{FarEnd, Lead, MOODS, Weather};
pub(super) use self::value::Chance;
use self::value::Told;
use super::{entry, meter, walking_clock};
use crate::bus::BusTask;
use crate::conversation::Conversation;
use crate::framing::Framing;
use crate::plan::{BusPlan, MeterPlan};

const START: &str = "2026-11-14T14:00:00Z";
/// The entries of each meter: name and first register. The last two are read more rarely.
const ENTRIES: [(&str, u16); 8] = [
    ("L1_v", 0),
    ("L2_v", 4),
    ("L3_v", 8),
    ("L1_a", 24),
    ("L2_a", 40),
    ("L3_a", 44),
    ("en_im", 48),
    ("en_ex", 200),
];
const OFTEN: Duration = Duration::from_secs(2);
const RARELY: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(1);
/// Questions of one bus before the next one begins.
const OF_A_BUS: u64 = 5_000;
/// Questions in an ordinary run of the tests.
const FEW: u64 = 20_000;

/// What came of all questions.
#[derive(Debug, Default)]
struct Found {
    questions: u64,
    readings: u64,
    suspect: u64,
    /// Readings of the second meter of an address, all of them marked.
    of_a_second: u64,
    gaps: BTreeMap<&'static str, u64>,
    seconds: u64,
    wrong: Vec<String>,
}

#[test]
fn no_value_is_ever_booked_under_a_wrong_register_meter_or_time() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let questions = number("SUBMETER_SOAK").unwrap_or(FEW);
    let seed =
        number("SUBMETER_SOAK_SEED").unwrap_or_else(|| RandomState::new().hash_one("a seed"));
    let workers =
        std::thread::available_parallelism().map_or(1, |count| u64::try_from(count.get()).unwrap());
    let found: Vec<Found> = std::thread::scope(|scope| {
        let run = |worker| scope.spawn(move || soak(seed, worker, workers, questions));
        let runs: Vec<_> = (0..workers).map(run).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let all = found.into_iter().reduce(Found::and).unwrap();
    println!(
        "soak: {} questions in {} days of their own, seed {seed}: {} readings \
         ({} suspect, {} of them of a second meter), gaps {:?}, {} wrong",
        all.questions,
        all.seconds / 86_400,
        all.readings,
        all.suspect,
        all.of_a_second,
        all.gaps,
        all.wrong.len(),
    );
    assert!(all.wrong.is_empty(), "seed {seed}: {:#?}", &all.wrong[..all.wrong.len().min(10)]);
    assert!(all.questions >= questions && all.readings > questions / 4, "it was no soak");
}

/// The buses of one worker, one after the other.
fn soak(seed: u64, worker: u64, workers: u64, questions: u64) -> Found {
    let mut found = Found::default();
    let mut bus = worker;
    while found.questions < questions.div_ceil(workers) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        found = found.and(runtime.block_on(one_bus(seed ^ (bus << 40))));
        bus += workers;
    }
    found
}

async fn one_bus(seed: u64) -> Found {
    let mut chance = Chance(seed);
    let framings = [Framing::Serial(Line::default()), Framing::RtuOverTcp, Framing::Tcp];
    let framing = framings[chance.place(framings.len())];
    let on_a_socket = !matches!(framing, Framing::Serial(_));
    let weather = Weather {
        echo: !on_a_socket && chance.one_in(4),
        hangs_up: on_a_socket && chance.one_in(2),
        foreign: framing != Framing::Tcp && chance.one_in(3),
    };
    let moods: Vec<_> =
        (0..chance.between(2, 6)).map(|_| MOODS[chance.place(MOODS.len())]).collect();
    let meters = u8::try_from(moods.len()).unwrap();
    let far_end = Arc::new(Mutex::new(FarEnd::new(framing, weather, moods.clone(), chance.next())));
    let clock = walking_clock(START);
    let stop = CancellationToken::new();
    let (sender, mut sweeps) = mpsc::channel(4);
    let (_asks, asked) = mpsc::channel(1);
    let task = BusTask::new(
        plan(meters),
        PlanNumber(1),
        Conversation::new(Lead(Arc::clone(&far_end))),
        TimeZone::UTC,
        clock,
    );
    let mut bus = JoinSet::new();
    bus.spawn(task.run(asked, sender, stop.clone()));
    let mut found = Found::default();
    let mut next_slot = BTreeMap::new();
    while let Some(sweep) = sweeps.recv().await {
        for batch in &sweep {
            let told = format!("{framing:?} {weather:?} {moods:?}");
            found
                .check(batch, &mut next_slot)
                .into_iter()
                .for_each(|wrong| found.wrong.push(format!("{wrong}; seed {seed}, {told}")));
        }
        if far_end.lock().unwrap().questions >= OF_A_BUS || found.wrong.len() > 10 {
            stop.cancel();
        }
    }
    bus.join_next().await.unwrap().unwrap();
    found.questions = far_end.lock().unwrap().questions;
    found
}

fn plan(meters: u8) -> BusPlan {
    let registers: Vec<_> =
        ENTRIES.iter().map(|(name, start)| entry(name, Function::Input, *start, 4)).collect();
    let rarely = ["en_im", "en_ex"].map(|name| (Quantity::from_name(name).unwrap(), RARELY));
    let of = |address: u8| MeterPlan {
        timeout: PATIENCE,
        interval: OFTEN,
        intervals: rarely.to_vec(),
        ..meter(&format!("m{}", address - 1), address, registers.clone())
    };
    BusPlan {
        key: Key::new("bus").unwrap(),
        port: Port::Serial("/dev/none".to_owned()),
        rs485: Rs485::Auto,
        meters: (1..=meters).map(of).collect(),
    }
}

impl Found {
    fn and(mut self, other: Self) -> Self {
        self.questions += other.questions;
        self.readings += other.readings;
        self.suspect += other.suspect;
        self.of_a_second += other.of_a_second;
        self.seconds += other.seconds;
        self.wrong.extend(other.wrong);
        for (reason, count) in other.gaps {
            *self.gaps.entry(reason).or_default() += count;
        }
        self
    }

    /// What is wrong with a batch.
    fn check(&mut self, batch: &Batch, next_slot: &mut BTreeMap<Key, i64>) -> Vec<String> {
        let start: Timestamp = START.parse().unwrap();
        let place: u8 = batch.meter.as_str()[1..].parse().unwrap();
        let mut wrong = Vec::new();
        for reading in &batch.readings {
            self.readings += 1;
            let suspect = reading.quality != Quality::Good;
            self.suspect += u64::from(suspect);
            let entry =
                ENTRIES.iter().find(|(name, _)| *name == reading.quantity.name()).unwrap().1;
            let number = u64::try_from(reading.value.mantissa()).unwrap();
            let Some(told) = Told::of(number) else {
                wrong.push(format!("{} {entry}: {number:x} was put together", batch.meter));
                continue;
            };
            let second = told.meter == place + 100 && suspect;
            self.of_a_second += u64::from(second);
            if told.entry != entry || (told.meter != place && !second) {
                wrong.push(format!("{} {entry} at {}: holds {told:?}", batch.meter, reading.at));
            }
            let of_reading = reading.at.duration_since(start).as_millis();
            let apart = of_reading.abs_diff(u128::from(told.ticks).cast_signed() * 10);
            if apart > PATIENCE.as_millis() / 2 + 160 {
                wrong.push(format!("{} {entry}: {apart} ms from its time", batch.meter));
            }
        }
        for gap in &batch.gaps {
            *self.gaps.entry(gap.reason.name()).or_default() += 1;
        }
        self.seconds = self.seconds.max(batch.at.duration_since(start).as_secs().unsigned_abs());
        wrong.extend(incomplete(batch));
        wrong.extend(slot_is_missing(batch, start, next_slot));
        wrong
    }
}

/// Every entry that was due is a reading or a gap, and never both.
fn incomplete(batch: &Batch) -> Option<String> {
    let gaps = batch.gaps.iter().filter(|gap| gap.reason != Reason::Skipped);
    let mut names: Vec<Option<Quantity>> = gaps.map(|gap| gap.quantity).collect();
    names.extend(batch.readings.iter().map(|reading| Some(reading.quantity)));
    let all = names.len();
    names.sort_by_key(|name| name.map(Quantity::name));
    names.dedup();
    let whole = names == [None] || names.len() == ENTRIES.len() || names.len() == ENTRIES.len() - 2;
    (!whole || all != names.len()).then(|| format!("{} at {}: {batch:?}", batch.meter, batch.at))
}

/// Every slot is a batch, or was skipped and says so.
fn slot_is_missing(
    batch: &Batch,
    start: Timestamp,
    next_slot: &mut BTreeMap<Key, i64>,
) -> Option<String> {
    let interval = i64::try_from(OFTEN.as_secs()).unwrap();
    let slot = batch.at.duration_since(start).as_secs() / interval;
    let skipped = batch.gaps.iter().find(|gap| {
        gap.reason == Reason::Skipped
            && gap.quantity.is_none_or(|quantity| quantity.name() == "L1_v")
    });
    let count = skipped.map_or(0, |gap| match gap.detail.split_once(" slots passed") {
        Some((count, _)) => count.parse().unwrap(),
        None => 1,
    });
    let expected = next_slot.insert(batch.meter.clone(), slot + 1).unwrap_or(0) + count;
    (expected != slot).then(|| format!("{}: slot {slot} in place of {expected}", batch.meter))
}
