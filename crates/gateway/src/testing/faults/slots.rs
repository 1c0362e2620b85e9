//! Rests that a meter wants, and slots that are near.

use std::time::Duration;

use domain::{Batch, Reason};
use wire::Line;
use wire::modbus::Function;

use super::wires::{Asked, Voice, Wires, says};
use super::{Bench, FRAMINGS, of};
use crate::testing::buses::bus;
use crate::testing::entry;
use crate::testing::soak::Chance;

#[tokio::test(start_paused = true)]
async fn no_two_questions_of_a_sweep_are_closer_than_the_pause_between_them() {
    let mut chance = Chance(19);
    let mut plan = bus(6, Duration::from_secs(30));
    let mut pauses = Vec::new();
    for meter in &mut plan.meters {
        meter.registers.push(entry("L2_v", Function::Holding, 20, 2));
        for register in &mut meter.registers {
            let pause = Duration::from_millis(chance.between(0, 700));
            register.pause = Some(pause);
            pauses.push((meter.address, register.function.code(), pause));
        }
    }
    let wires = Wires::new(FRAMINGS[0], |asked: &Asked| says(asked.numbers(0)));
    let mut bench = Bench::start(plan, &wires);
    bench.during(Duration::from_secs(3_000)).await;
    bench.end().await;
    let world = wires.world();
    assert!(world.asked.len() >= 1_200, "{}", world.asked.len());
    for sweep in world.asked.chunks_exact(12) {
        for pair in sweep.windows(2) {
            let heard = pair[0].heard();
            let of =
                |known: &&(u8, u8, Duration)| (known.0, known.1) == (heard.address, heard.function);
            let pause = pauses.iter().find(of).unwrap().2;
            let answered_at = pair[0].at + Duration::from_millis(20) + Line::default().wire_time(9);
            let gap = pair[1].at - Line::default().wire_time(8) - answered_at;
            assert!(gap >= pause, "{gap:?} in place of {pause:?}");
        }
    }
}

/// Thirty meters that are read each quarter-hour and answer after so long, and one that is read
/// each second: what came of that one in twenty minutes.
async fn a_second_beside_a_quarter_hour(delay: Duration) -> (usize, usize, usize) {
    let wires = Wires::new(FRAMINGS[0], move |asked: &Asked| {
        let is_slow = asked.heard().address <= 30;
        let after = if is_slow { delay } else { Duration::from_millis(20) };
        vec![Voice { after, bytes: asked.numbers(0) }]
    });
    let mut plan = bus(31, Duration::from_secs(900));
    plan.meters.iter_mut().for_each(|meter| meter.timeout = Duration::from_secs(4));
    plan.meters[30].interval = Duration::from_secs(1);
    let mut bench = Bench::start(plan, &wires);
    let batches = bench.during(Duration::from_secs(1_199)).await;
    for address in 1..=30 {
        let read = of(&batches, &format!("m{address}")).filter(|b| b.readings.len() == 1).count();
        assert_eq!(read, 2, "m{address} at the start and at the quarter-hour");
    }
    let late = batches.iter().filter(|batch| batch.meter.as_str() != "m31");
    assert_eq!(late.map(skipped).sum::<usize>(), 0);
    let read = of(&batches, "m31").filter(|batch| batch.readings.len() == 1).count();
    let counted = of(&batches, "m31").map(skipped).sum();
    bench.end().await;
    (read, counted, of(&batches, "m31").count())
}

/// Slots that a batch says were skipped.
fn skipped(batch: &Batch) -> usize {
    let gaps = batch.gaps.iter().filter(|gap| gap.reason == Reason::Skipped);
    gaps.map(|gap| match gap.detail.split_once(" slots passed") {
        Some((count, _)) => count.parse().unwrap(),
        None => 1,
    })
    .sum()
}

#[tokio::test(start_paused = true)]
async fn a_meter_of_each_second_misses_no_slot_while_thirty_others_are_read() {
    let (read, skipped, batches) = a_second_beside_a_quarter_hour(Duration::from_millis(600)).await;
    assert_eq!((read, skipped, batches), (1_199, 0, 1_199));
}

#[tokio::test(start_paused = true)]
async fn slots_that_a_slow_bus_cannot_keep_are_each_counted() {
    let (read, skipped, batches) =
        a_second_beside_a_quarter_hour(Duration::from_millis(2_500)).await;
    assert_eq!(read, batches);
    assert_eq!(read + skipped, 1_199, "{read} read, {skipped} skipped");
    // Two passes over thirty meters of two and a half seconds: each takes one slot or two with it.
    assert!((60..=120).contains(&skipped), "{skipped}");
}
