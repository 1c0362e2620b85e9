//! Meters with different settings on one line, and one that is never understood.

use std::time::Duration;

use wire::{Line, Parity};

use super::wires::{Asked, Wires, says};
use super::{Bench, FRAMINGS, of};
use crate::status::Alarm;
use crate::testing::buses::bus;

const MINUTE: Duration = Duration::from_secs(60);

/// The settings of the meter with an address.
fn line_of(address: u8) -> Line {
    let plain = Line::default();
    match address % 3 {
        0 => plain,
        1 => Line { parity: Parity::Even, ..plain },
        _ => Line { baud: 19_200, ..plain },
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_with_three_settings_is_switched_twice_a_sweep_and_rests_at_each() {
    let wires = Wires::new(FRAMINGS[0], |asked: &Asked| {
        let understands = asked.line == line_of(asked.heard().address);
        if understands { says(asked.numbers(0)) } else { Vec::new() }
    });
    let mut plan = bus(9, MINUTE);
    plan.meters.iter_mut().for_each(|meter| meter.line = line_of(meter.address));
    let mut bench = Bench::start(plan, &wires);
    let first = bench.during(MINUTE - Duration::from_secs(1)).await;
    wires.world().switched.clear();
    let batches = bench.during(MINUTE * 20).await;
    assert_eq!((first.len(), batches.len()), (9, 180));
    assert!(batches.iter().all(|batch| batch.readings.len() == 1));
    bench.end().await;
    let world = wires.world();
    assert!(world.switched.len() <= 20 * 2, "{} switches in 20 sweeps", world.switched.len());
    assert!(world.switched.len() >= 20 * 2 - 1);
    for (at, line) in &world.switched {
        let begin = |asked: &Asked| asked.at - asked.line.wire_time(8);
        let next = world.asked.iter().find(|asked| begin(asked) >= *at).unwrap();
        assert_eq!(next.line, *line);
        let rest = begin(next).duration_since(*at);
        assert!(rest >= Duration::from_millis(50), "{rest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_is_never_understood_raises_an_alarm_of_its_own() {
    let wires = Wires::new(FRAMINGS[0], |asked: &Asked| {
        let mut answer = asked.numbers(0);
        if asked.heard().address == 1 {
            // A seventh data bit that the other end takes for the parity.
            answer.iter_mut().skip(2).for_each(|byte| *byte |= 0x80);
        }
        says(answer)
    });
    let mut bench = Bench::start(bus(3, MINUTE), &wires);
    let batches = bench.during(MINUTE * 5).await;
    assert!(of(&batches, "m1").all(|batch| batch.readings.is_empty()));
    assert_eq!(bench.meter(0).alarm, Some(Alarm::NeverSound));
    assert!(bench.meter(1).alarm.is_none() && bench.meter(2).alarm.is_none());
    bench.end().await;
}
