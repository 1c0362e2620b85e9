//! What the meters of a bus ask of it: which questions, how long a sweep takes, and how much of the
//! time of the bus that is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::Key;

use crate::{Block, CheckedBus, CheckedMeter, CheckedSite, Port, Register, plan};

/// A bus, what is asked on it, and how long that takes if every meter answers at once.
///
/// The time is that of the wire with a usual delay of the meters, and of the pauses; repetitions
/// and changes of line are not in it. Behind a socket the wire is the converter's, so there only
/// the pauses are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusLoad {
    /// The name of the bus in its site.
    pub bus: Key,
    /// Where it is reached.
    pub port: Port,
    /// The questions of the sweep in which everything is due, in the order of the meters.
    pub questions: Vec<Question>,
    /// The sweeps by their intervals, the shortest first.
    pub sweeps: Sweeps,
}

/// One question to a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The meter's name in its site.
    pub meter: Key,
    /// Its number on the bus.
    pub address: u8,
    /// What is asked.
    pub block: Block,
    /// The time it takes on a serial line; not known behind a socket.
    pub time: Option<Duration>,
    /// The rest that the meter wants behind it, at least where another question follows.
    pub pause: Duration,
}

/// The sweeps of a bus: what is read at one interval is read in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweeps {
    /// Each interval with its sweep, the shortest first.
    pub list: Vec<Sweep>,
    /// Whether each interval divides the next, and there are at most [`Sweeps::MOST_NESTED`]. Then
    /// each sweep holds what is due at shorter intervals too, since both coincide, and shares
    /// questions with it. Otherwise each holds its own only, and their load is a bound from above.
    pub nested: bool,
}

/// A sweep: everything that is due at one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// From sweep to sweep. Zero means without rest.
    pub interval: Duration,
    /// How many questions it takes.
    pub questions: usize,
    /// The time on the wire; not known behind a socket.
    pub wire: Option<Duration>,
    /// The pauses between the questions. There is none behind the last.
    pub pauses: Duration,
}

impl BusLoad {
    /// What each bus of a site has to carry, in the order of the site; buses without meters have
    /// nothing to.
    #[must_use]
    pub fn of(site: &CheckedSite) -> Vec<Self> {
        let buses = by_bus(&site.buses, &site.meters).into_iter();
        let load = |(bus, meters): (&CheckedBus, Vec<&CheckedMeter>)| Self {
            bus: bus.key.clone(),
            port: bus.port.clone(),
            questions: meters.iter().flat_map(|meter| questions(meter, &bus.port)).collect(),
            sweeps: Sweeps::of(&meters, &bus.port, Duration::ZERO),
        };
        buses.map(load).collect()
    }
}

/// The buses that have meters, each with them.
pub(crate) fn by_bus<'s>(
    buses: &'s [CheckedBus],
    meters: &'s [CheckedMeter],
) -> Vec<(&'s CheckedBus, Vec<&'s CheckedMeter>)> {
    let mut of_bus: BTreeMap<&Key, Vec<&CheckedMeter>> = BTreeMap::new();
    for meter in meters {
        of_bus.entry(&meter.bus).or_default().push(meter);
    }
    buses.iter().filter_map(|bus| Some((bus, of_bus.remove(&bus.key)?))).collect()
}

fn questions(meter: &CheckedMeter, port: &Port) -> Vec<Question> {
    let limits = meter.limits(port);
    let question = |block: Block| Question {
        meter: meter.key.clone(),
        address: meter.address,
        time: port.is_serial().then(|| limits.cost(block.count)),
        pause: pause_after(&block, &meter.registers),
        block,
    };
    plan(&meter.registers, &limits).into_iter().map(question).collect()
}

/// The longest rest that an entry of the block asks for.
fn pause_after(block: &Block, registers: &[Register]) -> Duration {
    let entries = block.registers.iter().filter_map(|entry| registers.get(*entry));
    entries.filter_map(|register| register.pause).max().unwrap_or_default()
}

impl Sweeps {
    /// The most intervals that are planned together: each costs a plan of every meter.
    pub const MOST_NESTED: usize = 6;

    /// The sweeps of these meters, if nothing were read more often than at `least`.
    pub(crate) fn of(meters: &[&CheckedMeter], port: &Port, least: Duration) -> Self {
        let own = |meter: &CheckedMeter| -> BTreeSet<Duration> {
            meter.registers.iter().map(|register| meter.interval_of(register).max(least)).collect()
        };
        let all: BTreeSet<Duration> = meters.iter().flat_map(|meter| own(meter)).collect();
        let divides = |(short, long): (&Duration, &Duration)| {
            short.is_zero() || long.as_nanos().is_multiple_of(short.as_nanos())
        };
        let few = all.len() <= Self::MOST_NESTED;
        let nested = few && all.iter().zip(all.iter().skip(1)).all(divides);
        let mut sweeps: BTreeMap<Duration, Cost> = BTreeMap::new();
        for meter in meters {
            let own = own(meter);
            let mut cost = Cost::default();
            for interval in if nested { &all } else { &own } {
                if own.contains(interval) {
                    cost = Cost::of(meter, port, |register| {
                        let due = meter.interval_of(register).max(least);
                        due == *interval || (nested && due < *interval)
                    });
                }
                sweeps.entry(*interval).or_default().add(cost);
            }
        }
        let list = sweeps.into_iter().map(|(interval, cost)| Sweep {
            interval,
            questions: cost.questions,
            wire: port.is_serial().then_some(cost.wire),
            pauses: cost.pauses - cost.last_pause,
        });
        Self { list: list.collect(), nested }
    }

    /// The share of its time that the bus is busy, in thousandths, rounded up: above 1000 it cannot
    /// keep up. Behind a socket only the pauses count. `None` where something is read without rest,
    /// which takes all the time there is.
    #[must_use]
    pub fn load(&self) -> Option<u64> {
        const BILLION: u128 = 1_000_000_000;
        let rate = |time: Duration, interval: Duration| {
            (time.as_nanos() * BILLION).checked_div(interval.as_nanos())
        };
        let mut busy = 0;
        let mut longer = self.list.iter().skip(1);
        for sweep in &self.list {
            busy += rate(sweep.time(), sweep.interval)?;
            // What is due with a longer interval is in that one's sweep.
            if let Some(next) = longer.next().filter(|_| self.nested) {
                busy -= rate(sweep.time(), next.interval)?;
            }
        }
        Some(u64::try_from(busy.div_ceil(BILLION / 1_000)).unwrap_or(u64::MAX))
    }

    /// The sweep in which everything is due. Its interval is the longest.
    #[must_use]
    pub fn whole(&self) -> Option<Sweep> {
        if self.nested {
            return self.list.last().copied();
        }
        self.list.iter().copied().reduce(|all, next| Sweep {
            interval: next.interval,
            questions: all.questions + next.questions,
            wire: all.wire.zip(next.wire).map(|(all, next)| all + next),
            pauses: all.pauses + next.pauses,
        })
    }
}

impl Sweep {
    /// How long it takes, as far as that is known.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.wire.unwrap_or_default() + self.pauses
    }
}

/// What some questions cost, one after the other.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    questions: usize,
    wire: Duration,
    pauses: Duration,
    last_pause: Duration,
}

impl Cost {
    /// The questions for the registers that are due.
    fn of(meter: &CheckedMeter, port: &Port, due: impl Fn(&Register) -> bool) -> Self {
        let registers: Vec<Register> =
            meter.registers.iter().filter(|register| due(register)).cloned().collect();
        let limits = meter.limits(port);
        let mut cost = Self::default();
        for block in plan(&registers, &limits) {
            let pause = pause_after(&block, &registers);
            let wire = limits.cost(block.count);
            cost.add(Self { questions: 1, wire, pauses: pause, last_pause: pause });
        }
        cost
    }

    fn add(&mut self, next: Self) {
        self.questions += next.questions;
        self.wire += next.wire;
        self.pauses += next.pauses;
        if next.questions > 0 {
            self.last_pause = next.last_pause;
        }
    }
}
