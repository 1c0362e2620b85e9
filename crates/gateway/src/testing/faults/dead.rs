//! Dead meters among 32 on one line of 9600 baud.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::Batch;
use jiff::Timestamp;
use tokio::time::Instant;

use super::wires::{Asked, Wires, says};
use super::{Bench, FRAMINGS, START, of};
use crate::testing::buses::bus;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const METERS: u8 = 32;

/// So many of the meters, spread over the addresses.
fn some(count: u8) -> BTreeSet<u8> {
    (0..u16::from(count)).map(|n| u8::try_from(n * 32 / u16::from(count)).unwrap() + 1).collect()
}

/// A line on which some meters are dead from the start for so long.
fn line(dead: BTreeSet<u8>, until: Duration) -> Wires {
    let began = Instant::now();
    Wires::new(FRAMINGS[0], move |asked: &Asked| {
        let is_dead = dead.contains(&asked.heard().address) && began.elapsed() < until;
        if is_dead { Vec::new() } else { says(asked.numbers(0)) }
    })
}

fn seconds(at: Timestamp) -> f64 {
    at.duration_since(START.parse().unwrap()).as_secs_f64()
}

/// The longest time without a reading of a meter, over a time that began with the batches.
fn longest_without(batches: &[Batch], meter: &str, (from, until): (f64, f64)) -> f64 {
    let read = of(batches, meter).filter(|batch| !batch.readings.is_empty());
    let read = read.map(|batch| seconds(batch.at)).chain([until]);
    read.scan(from, |last, at| Some(at - std::mem::replace(last, at))).fold(0.0, f64::max)
}

#[tokio::test(start_paused = true)]
async fn dead_meters_take_a_tenth_of_the_bus_at_most_and_hold_up_nobody() {
    for count in [0, 3, 15, 30] {
        let dead = some(count);
        let wires = line(dead.clone(), HOUR * 9);
        let mut bench = Bench::start(bus(METERS, MINUTE), &wires);
        bench.during(MINUTE * 3).await;
        let rest = bench.during(HOUR).await;
        let is_dead = |batch: &&Batch| dead.contains(&batch.meter.as_str()[1..].parse().unwrap());
        let held: Duration = rest.iter().filter(is_dead).map(|batch| batch.duration).sum();
        let share = held.as_secs_f64() / HOUR.as_secs_f64();
        assert!(share <= 0.1, "{count} dead meters hold the bus for {share:.4} of the time");
        for address in (1..=METERS).filter(|address| !dead.contains(address)) {
            let until = 180.0 + HOUR.as_secs_f64();
            let longest = longest_without(&rest, &format!("m{address}"), (180.0, until));
            assert!(longest <= 120.0, "{count} dead: {longest} s between readings of {address}");
        }
        bench.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_comes_to_life_is_read_within_five_minutes() {
    for until in [MINUTE * 2, MINUTE * 7, HOUR] {
        let dead = some(15);
        let wires = line(dead.clone(), until);
        let mut bench = Bench::start(bus(METERS, MINUTE), &wires);
        bench.during(until).await;
        let after = bench.during(MINUTE * 6).await;
        for address in dead {
            let meter = format!("m{address}");
            let back = of(&after, &meter).find(|batch| !batch.readings.is_empty()).unwrap();
            let after = seconds(back.at) - until.as_secs_f64();
            assert!(after <= 301.0, "dead for {until:?}, {meter} is read after {after} s more");
        }
        bench.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn three_dead_meters_cost_the_others_little_where_all_are_read_without_rest() {
    let others: BTreeSet<u8> = (1..=METERS).filter(|n| !some(3).contains(n)).collect();
    let mut read = Vec::new();
    for dead in [BTreeSet::new(), some(3)] {
        let mut bench = Bench::start(bus(METERS, Duration::ZERO), &line(dead, HOUR));
        let (began, mut count) = (Instant::now(), 0);
        while began.elapsed() < MINUTE * 15 {
            for batch in bench.sweep().await {
                let address = batch.meter.as_str()[1..].parse().unwrap();
                count += usize::from(others.contains(&address)) * batch.readings.len();
            }
        }
        read.push(count);
        bench.end().await;
    }
    assert!(read[1] * 100 >= read[0] * 95, "{read:?}");
}
