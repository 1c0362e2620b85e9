//! Converters that close, reset, reboot, fall silent, or speak the other framing.

use std::time::Duration;

use domain::{Batch, Reason};
use tokio::time::Instant;
use wire::modbus::Heard;

use super::wires::{Asked, Converter, Voice, Wires, says};
use super::{Bench, FRAMINGS, of};
use crate::testing::buses::bus;

const INTERVAL: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);
/// When a converter is struck: in the middle of a rest.
const STRUCK: Duration = Duration::from_secs(100);

/// What became of three meters behind a converter in ten minutes: the batches, the wires, and the
/// seconds at which a connection was opened.
async fn ten_minutes(framing: usize, converter: Converter) -> (Vec<Batch>, Wires, Vec<u64>) {
    let wires = Wires::new(FRAMINGS[framing], |asked: &Asked| says(asked.numbers(0)));
    let wires = wires.with(converter);
    let began = Instant::now();
    let mut bench = Bench::start(bus(3, INTERVAL), &wires);
    let batches = bench.during(MINUTE * 10 - Duration::from_secs(1)).await;
    bench.end().await;
    let world = wires.world();
    let dialled = world.dialled.iter().map(|at| at.duration_since(began).as_secs()).collect();
    assert_eq!(world.most, 1, "one connection at once");
    drop(world);
    (batches, wires, dialled)
}

fn missing(batches: &[Batch]) -> Vec<&Batch> {
    batches.iter().filter(|batch| batch.readings.is_empty()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_closed_reset_or_refused_to_others_costs_no_reading() {
    let closes = Converter { idle: Some(Duration::from_secs(20)), ..Converter::default() };
    let resets = Converter { down: Some(STRUCK..STRUCK), ..Converter::default() };
    let alone = Converter { one_client: true, ..Converter::default() };
    for framing in [1, 2] {
        for (converter, connections) in [(&closes, 20), (&resets, 2), (&alone, 1)] {
            let (batches, _, dialled) = ten_minutes(framing, converter.clone()).await;
            assert_eq!((batches.len(), missing(&batches).len()), (60, 0), "{converter:?}");
            assert_eq!(dialled.len(), connections, "{converter:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_converter_that_reboots_is_read_an_interval_after_its_return() {
    for framing in [1, 2] {
        let down = STRUCK..STRUCK + MINUTE;
        let converter = Converter { down: Some(down), ..Converter::default() };
        let (batches, _, dialled) = ten_minutes(framing, converter).await;
        let gaps = missing(&batches);
        assert_eq!((batches.len(), gaps.len()), (60, 6), "the slots at 120 and 150 s");
        assert!(gaps.iter().all(|batch| batch.gaps[0].reason == Reason::Line), "{gaps:?}");
        let back = dialled.iter().find(|at| **at >= 160).unwrap();
        assert!(*back <= 160 + 30 + 5, "{dialled:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_silently_drops_is_found_after_two_questions() {
    for framing in [1, 2] {
        let converter = Converter { drops: Some(STRUCK), ..Converter::default() };
        let (batches, wires, dialled) = ten_minutes(framing, converter).await;
        assert!((1..=2).contains(&wires.world().swallowed), "{}", wires.world().swallowed);
        assert_eq!(dialled.len(), 2);
        // The meter that was asked may have lost one slot, the others none.
        assert!(missing(&batches).len() <= 1, "{:?}", missing(&batches));
        assert!(of(&batches, "m2").chain(of(&batches, "m3")).all(|b| b.readings.len() == 1));
    }
}

/// A far end that understands one framing, whatever the bus speaks.
fn speaking(framing: usize, understands: fn(&[u8]) -> Option<Heard>) -> Wires {
    Wires::new(FRAMINGS[framing], move |asked: &Asked| match understands(&asked.bytes) {
        Some(_) => says(asked.numbers(0)),
        None => Vec::<Voice>::new(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_converter_that_speaks_the_other_framing_is_told_and_gives_no_reading() {
    for (wires, advice) in [
        (speaking(2, Heard::rtu), Some("write rtu+tcp:// in place of tcp://")),
        (speaking(1, Heard::tcp), Some("write tcp:// in place of rtu+tcp://")),
        // A far end that is just dead.
        (speaking(2, |_| None), None),
        (speaking(1, |_| None), None),
    ] {
        let mut bench = Bench::start(bus(2, INTERVAL), &wires);
        let batches = bench.during(MINUTE * 15).await;
        assert_eq!(missing(&batches).len(), batches.len());
        let hint = bench.status().hint;
        assert_eq!(hint.is_some(), advice.is_some(), "{hint:?}");
        assert!(hint.unwrap_or_default().contains(advice.unwrap_or_default()));
        bench.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn zeros_that_a_converter_says_for_a_dead_meter_are_readings_of_zero() {
    // Nothing in the answer tells them from an index that is 0: the index rules hold them.
    let zeros = |asked: &Asked| {
        let words = vec![0; asked.heard().count.into()];
        says(asked.frame(&wire::modbus::Reply::Words(words)))
    };
    let mut bench = Bench::start(bus(1, INTERVAL), &Wires::new(FRAMINGS[2], zeros));
    let batch = bench.sweep().await.remove(0);
    assert_eq!(batch.readings[0].value, domain::Decimal::ZERO);
    assert_eq!(batch.readings[0].raw.unwrap().to_string(), "0000 0000");
    bench.end().await;
}
