//! How buses and meters are: the document of `bus --json`, and what the running service tells.

use std::time::Duration;

use domain::Reason;
use gateway::{Alarm, BusStatus, Delays, MeterStatus, Tally};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

use crate::answer::instant;

/// How the buses of a site were at one instant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The site's key.
    pub site: String,
    /// When it was, UTC.
    pub at: String,
    /// The buses, in the order of the site file.
    pub buses: Vec<Bus>,
}

/// How one bus is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bus {
    /// The bus's key.
    pub bus: String,
    /// Where it is reached.
    pub port: String,
    /// What is wrong with the port; `null` while it can be used.
    pub trouble: Option<String>,
    /// What a person could do about the bus, where that is known.
    pub hint: Option<String>,
    /// Share of the last minute in which the bus was held, in percent with one digit.
    pub load_percent: Number,
    /// How long the last pass over all that was due took.
    pub sweep_ms: Ms,
    /// The longest pass since the service began to read under its plan.
    pub longest_sweep_ms: Ms,
    /// Meters that wait for their turn.
    pub queue: usize,
    /// Its meters, in the order of the site file.
    pub meters: Vec<Meter>,
}

/// How one meter answers. Counts are since the service began to read under its plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Meter {
    /// The meter's key.
    pub meter: String,
    /// Its number on the bus.
    pub address: u8,
    /// How it is, in words for people.
    pub state: String,
    /// Why its last visit brought no reading, as the reason of a gap.
    pub trouble: Option<String>,
    /// `duplicate_address`, `other_meter`, `never_sound`, or `null`.
    pub alarm: Option<String>,
    /// What a person should look at, in a sentence without the meter's name.
    pub advice: Option<String>,
    /// Questions that left, repetitions included.
    pub questions: u64,
    /// Sound answers with registers.
    pub answers: u64,
    /// Exceptions.
    pub refusals: u64,
    /// Answers that were no sound frame.
    pub damaged: u64,
    /// Questions that nobody answered in time.
    pub silences: u64,
    /// Frames of other meters, masters or transactions, dropped.
    pub foreign: u64,
    /// Frames of this meter that answered another question, dropped.
    pub stray: u64,
    /// Questions that got two different answers.
    pub doubled: u64,
    /// How often the question itself came back.
    pub echoes: u64,
    /// When it answered last, UTC.
    pub answered_at: Option<String>,
    /// How long ago that was.
    pub answer_age_ms: Option<Ms>,
    /// From the last bit of a question to the first of its answer: what half of the answers keep.
    pub delay_p50_ms: Option<Ms>,
    /// What 99 of a hundred answers keep.
    pub delay_p99_ms: Option<Ms>,
    /// The slowest answer ever seen.
    pub delay_slowest_ms: Option<Ms>,
    /// How many answers came in each step; steps without any are left out.
    pub delays: Vec<Step>,
    /// How long its next answer is waited for.
    pub patience_ms: Ms,
    /// Questions that a pass over all its registers takes.
    pub questions_per_sweep: usize,
    /// The most registers of one question.
    pub max_registers: u16,
    /// Ranges of registers that it refuses to give in one answer.
    pub refused_ranges: usize,
}

/// One step of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Where the step ends; it begins at most a fifth before.
    pub up_to_ms: Ms,
    /// Answers in it.
    pub count: u16,
}

/// A time that is written as milliseconds with three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ms(pub Duration);

impl Serialize for Ms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = self.0.as_micros();
        let text = format!("{}.{:03}", micros / 1000, micros % 1000);
        let number: Number = text.parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ms = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(ms / 1000.0).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Bus {
    /// Of a status, as it was at this instant.
    #[must_use]
    pub fn of(status: &BusStatus, at: Timestamp) -> Self {
        Self {
            bus: status.key.to_string(),
            port: status.port.clone(),
            trouble: status.trouble.clone(),
            hint: status.hint.clone(),
            load_percent: crate::answer::number(domain::Decimal::new(status.load.into(), 1)),
            sweep_ms: Ms(status.sweep),
            longest_sweep_ms: Ms(status.longest_sweep),
            queue: status.queue,
            meters: status.meters.iter().map(|meter| Meter::of(meter, at)).collect(),
        }
    }
}

impl Meter {
    fn of(status: &MeterStatus, at: Timestamp) -> Self {
        let tally = &status.tally;
        let delay = |delays: &Delays, percent| delays.percentile(percent).map(Ms);
        let age = |answered: Timestamp| at.duration_since(answered).unsigned_abs();
        Self {
            meter: status.key.to_string(),
            address: status.address,
            state: state(status).to_owned(),
            trouble: status.trouble.map(|reason| reason.name().to_owned()),
            alarm: status.alarm.map(|alarm| alarm.name().to_owned()),
            advice: advice(status).map(str::to_owned),
            questions: tally.questions,
            answers: tally.answers,
            refusals: tally.refusals,
            damaged: tally.damaged,
            silences: tally.silences,
            foreign: tally.foreign,
            stray: tally.stray,
            doubled: tally.doubled,
            echoes: tally.echoes,
            answered_at: tally.answered_at.map(instant),
            answer_age_ms: tally.answered_at.map(|answered| Ms(age(answered.min(at)))),
            delay_p50_ms: delay(&tally.delays, 50),
            delay_p99_ms: delay(&tally.delays, 99),
            delay_slowest_ms: (tally.delays.count() > 0).then(|| Ms(tally.delays.slowest())),
            delays: steps(&tally.delays),
            patience_ms: Ms(status.patience),
            questions_per_sweep: status.blocks,
            max_registers: status.max_registers,
            refused_ranges: status.refused,
        }
    }
}

fn steps(delays: &Delays) -> Vec<Step> {
    delays.steps().map(|(end, count)| Step { up_to_ms: Ms(end), count }).collect()
}

/// How a meter is, in a few words.
fn state(status: &MeterStatus) -> &'static str {
    if let Some(alarm) = status.alarm {
        return match alarm {
            Alarm::DuplicateAddress => "two at this address",
            Alarm::OtherMeter => "another meter",
            Alarm::NeverSound => "never sound",
        };
    }
    match status.trouble {
        Some(Reason::Silent) => "silent",
        Some(Reason::Refused) => "refuses",
        Some(Reason::Frame) => "damaged answers",
        Some(Reason::Line) => "port not usable",
        Some(Reason::Skipped) => "turn passed",
        Some(Reason::NotFinite | Reason::Sentinel | Reason::BadBcd | Reason::Overflow) => {
            "answers, no number"
        }
        None if status.tally.questions == 0 => "not asked yet",
        None => "answers",
    }
}

/// What to look at. A port that cannot be used is the trouble of its bus and told there.
fn advice(status: &MeterStatus) -> Option<&'static str> {
    if let Some(alarm) = status.alarm {
        return Some(alarm.advice());
    }
    Some(match status.trouble {
        Some(Reason::Silent) if status.tally.answered_at.is_some() => {
            "silent, though it answered before: what was changed there? Look at its power and cable"
        }
        Some(Reason::Silent) => {
            "never answered: look at its power, its address, its baud rate and parity, and whether \
             A and B are swapped"
        }
        Some(Reason::Refused) => {
            "refuses what it is asked: it may be another model, or have an older firmware"
        }
        Some(Reason::Frame) => {
            "not heard soundly: look for two meters with one address, the cable, its \
             termination, and another master on the line"
        }
        Some(Reason::Skipped) => {
            "not asked in time: read this bus less often, faster, or put meters on another one"
        }
        Some(Reason::NotFinite | Reason::Sentinel | Reason::BadBcd | Reason::Overflow) => {
            "answers, but with no number: look at type and word order of its model, or for a \
             sensor that is missing"
        }
        None if is_noisy(&status.tally) => {
            "gives readings, but many answers are damaged: look at the cable, its termination \
             and its bias"
        }
        Some(Reason::Line) | None => return None,
    })
}

/// Whether more than one in fifty answers of those that came was damaged, and it was no accident.
fn is_noisy(tally: &Tally) -> bool {
    tally.damaged >= 5 && tally.damaged * 50 > tally.answers + tally.damaged
}
