use std::collections::BTreeMap;
use std::time::Duration;

use domain::Key;

use super::together::Place;
use crate::bus_load::{Sweeps, by_bus};
use crate::problem::{Code, Problem, Problems};
use crate::{CheckedBus, CheckedMeter, Port, interval};

/// All the time of a bus, in thousandths.
const ALL: u64 = 1_000;

/// Intervals that divide a day, so that sweeps keep their places on the clock, in seconds.
const FITTING: [u64; 22] = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400,
    21_600, 28_800, 43_200, 86_400,
];

/// Warns of buses whose meters need more time than there is, each at the place of its last meter.
pub(super) fn warn(
    buses: &[CheckedBus],
    meters: &[CheckedMeter],
    last: &BTreeMap<Key, Place>,
    problems: &mut Problems,
) {
    for (bus, meters) in by_bus(buses, meters) {
        // Behind a socket only the pauses are known, and mostly there are none.
        let paused = meters.iter().flat_map(|meter| &meter.registers);
        let paused = paused.filter_map(|register| register.pause).any(|pause| !pause.is_zero());
        if !bus.port.is_serial() && !paused {
            continue;
        }
        let sweeps = Sweeps::of(&meters, &bus.port, Duration::ZERO);
        let Some(load) = sweeps.load().filter(|load| *load > ALL) else { continue };
        let path = last.get(&bus.key).map(|place| place.path.clone()).unwrap_or_default();
        let problem = Problem::warning(Code::BusOverload, path, rule(&bus.port, &sweeps, load));
        let problem = problem.hint(hint(&meters, &bus.port, &sweeps));
        problems.push(match last.get(&bus.key) {
            Some(place) => problem.at(place.span.clone()),
            None => problem,
        });
    }
}

/// How much is asked: `the meters of this bus need 135 % of its time, 8.1 s a sweep`.
fn rule(port: &Port, sweeps: &Sweeps, load: u64) -> String {
    let whole = sweeps.whole().map(|sweep| (sweep.time(), sweep.pauses));
    let (time, pauses) = whole.unwrap_or_default();
    let who = match port.is_serial() {
        true => "the meters of this bus need",
        false => "the pauses of this bus alone take",
    };
    let percent = load.div_ceil(10);
    let rule = format!("{who} {percent} % of its time, {} a sweep", seconds(time));
    match port.is_serial() && !pauses.is_zero() {
        true => format!("{rule}, {} of it pauses", seconds(pauses)),
        false => rule,
    }
}

/// The shortest interval that leaves the bus enough time.
fn hint(meters: &[&CheckedMeter], port: &Port, sweeps: &Sweeps) -> String {
    let overloaded = |seconds: &u64| {
        let sweeps = Sweeps::of(meters, port, Duration::from_secs(*seconds));
        sweeps.load().is_none_or(|load| load > ALL)
    };
    let fitting = FITTING.get(FITTING.partition_point(overloaded));
    let fitting = fitting.map(|seconds| interval::spelling(Duration::from_secs(*seconds)));
    let resting = sweeps.whole().is_some_and(|sweep| sweep.pauses * 2 > sweep.time());
    let or = if resting { ", or shorten `pause`" } else { "" };
    match (fitting, sweeps.list.len()) {
        (Some(fitting), 1) => format!("with interval = \"{fitting}\" it fits{or}"),
        (Some(fitting), _) => format!("with no interval below \"{fitting}\" it fits{or}"),
        (None, _) => format!("spread them over more buses{or}"),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
