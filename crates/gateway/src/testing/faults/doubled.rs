//! Two meters with one address, and an adapter that hears itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Quality;
use wire::Line;

use super::wires::{Asked, Voice, Wires, says};
use super::{Bench, FRAMINGS, of, readings};
use crate::framing::Framing;
use crate::status::Alarm;
use crate::testing::buses::bus;
use crate::testing::soak::Chance;

/// What the registers of the second meter hold more than those of the first.
const SECOND: u16 = 5_000;

/// The first of three meters has a twin that answers up to 90 ms later, until it is unplugged.
fn with_a_twin(framing: fn(Line) -> Framing, seed: u64) -> (Wires, Arc<AtomicBool>) {
    let mut chance = Chance(seed);
    let plugged = Arc::new(AtomicBool::new(true));
    let is_plugged = Arc::clone(&plugged);
    // Each device has a pace of its own, and is never quite on time.
    let pace = chance.between(0, 85_000);
    let script = move |asked: &Asked| {
        let after = Duration::from_millis(chance.between(10, 40));
        let mut voices = vec![Voice { after, bytes: asked.numbers(0) }];
        if asked.heard().address == 1 && is_plugged.load(Ordering::Relaxed) {
            let later = after + Duration::from_micros(pace + chance.between(0, 5_000));
            voices.push(Voice { after: later, bytes: asked.numbers(SECOND) });
        }
        voices
    };
    (Wires::new(framing, script), plugged)
}

/// The questions to the first meter until the alarm is raised, of at most so many.
async fn questions_until_the_alarm(bench: &mut Bench, at_most: u64) -> Option<u64> {
    loop {
        let sweep = bench.sweep().await;
        none_of_the_second_is_good(&sweep);
        let meter = bench.meter(0);
        if meter.alarm == Some(Alarm::DuplicateAddress) {
            return Some(meter.tally.questions);
        }
        if meter.tally.questions >= at_most {
            return None;
        }
    }
}

fn none_of_the_second_is_good(batches: &[domain::Batch]) {
    for reading in readings(batches, "m1") {
        let value = reading.value.mantissa();
        let of_the_first = value == (10 << 16) + 11;
        let marked = reading.quality == Quality::Suspect;
        assert!(of_the_first || marked, "{value:x} is {:?}", reading.quality);
    }
}

#[test]
fn two_meters_with_one_address_raise_the_alarm_within_ten_questions() {
    for framing in &FRAMINGS[..2] {
        let mut asked = Vec::new();
        for seed in 0..100 {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_time().start_paused(true).build().unwrap();
            asked.push(runtime.block_on(async {
                let (wires, _) = with_a_twin(*framing, seed);
                let mut bench = Bench::start(bus(3, Duration::from_secs(10)), &wires);
                let asked = questions_until_the_alarm(&mut bench, 40).await;
                bench.end().await;
                asked.unwrap_or(99)
            }));
        }
        let soon = asked.iter().filter(|asked| **asked <= 10).count();
        assert!(soon >= 95, "{:?}: {soon} of 100, {asked:?}", framing(Line::default()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_alarm_goes_when_the_second_meter_is_unplugged_and_neighbours_stay_good() {
    for framing in &FRAMINGS[..2] {
        let (wires, plugged) = with_a_twin(*framing, 7);
        let mut bench = Bench::start(bus(3, Duration::from_secs(10)), &wires);
        questions_until_the_alarm(&mut bench, 40).await.unwrap();
        let mut neighbours = bench.during(Duration::from_secs(300)).await;
        none_of_the_second_is_good(&neighbours);
        assert_eq!(bench.meter(0).alarm, Some(Alarm::DuplicateAddress));
        plugged.store(false, Ordering::Relaxed);
        let before = bench.meter(0).tally.answers;
        while bench.meter(0).alarm.is_some() {
            neighbours.extend(bench.sweep().await);
            // A hundred sound answers, behind the ten among which collisions are looked for.
            assert!(bench.meter(0).tally.answers <= before + 110);
        }
        assert!(bench.meter(0).tally.answers >= before + 99);
        let after = bench.during(Duration::from_secs(60)).await;
        assert!(readings(&after, "m1").all(|reading| reading.quality == Quality::Good));
        for meter in ["m2", "m3"] {
            assert!(of(&neighbours, meter).all(|batch| batch.readings.len() == 1));
            assert!(readings(&neighbours, meter).all(|reading| reading.quality == Quality::Good));
        }
        bench.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_hears_itself_changes_no_reading() {
    let mut values = Vec::new();
    for echoes in [false, true] {
        let script = move |asked: &Asked| {
            let mut voices = says(asked.numbers(0));
            if echoes {
                voices.push(Voice { after: Duration::ZERO, bytes: asked.bytes.clone() });
            }
            voices
        };
        let wires = Wires::new(Framing::Serial, script);
        let mut bench = Bench::start(bus(3, Duration::from_secs(10)), &wires);
        let batches = bench.during(Duration::from_secs(195)).await;
        let told = |batch: &domain::Batch| {
            let readings = batch.readings.iter().map(|r| (r.quantity, r.value, r.quality));
            (batch.meter.clone(), readings.collect::<Vec<_>>(), batch.gaps.len())
        };
        values.push(batches.iter().map(told).collect::<Vec<_>>());
        let tally = bench.meter(0).tally;
        assert_eq!(tally.echoes, if echoes { tally.questions } else { 0 });
        bench.end().await;
    }
    assert_eq!(values[0].len(), 60, "three meters, twenty times");
    assert_eq!(values[0], values[1]);
}
