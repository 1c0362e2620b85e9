//! What each exception leads to: how often a question is asked in one sweep, and what is booked.

use std::time::Duration;

use domain::Reason;

use super::wires::{Asked, Wires, says};
use super::{Bench, FRAMINGS, of};
use crate::testing::buses::bus;

const MINUTE: Duration = Duration::from_secs(60);

/// Exception | questions in each of four sweeps | reason of the gaps | in words.
const TABLE: [(u8, [usize; 4], Reason, &str); 11] = [
    (1, [1, 1, 1, 1], Reason::Refused, "exception 1 "),
    (2, [1, 1, 1, 1], Reason::Refused, "exception 2 "),
    (3, [1, 1, 1, 1], Reason::Refused, "exception 3 "),
    (4, [1, 1, 1, 1], Reason::Refused, "exception 4 "),
    (5, [3, 3, 3, 3], Reason::Refused, "exception 5 "),
    (6, [3, 3, 3, 3], Reason::Refused, "exception 6 "),
    (7, [1, 1, 1, 1], Reason::Refused, "exception 7 "),
    (8, [1, 1, 1, 1], Reason::Refused, "exception 8 "),
    // Left alone for one, two, four minutes, as a meter that says nothing itself.
    (10, [1, 1, 0, 1], Reason::Silent, "exception 10 "),
    (11, [1, 1, 0, 1], Reason::Silent, "exception 11 "),
    (42, [1, 1, 1, 1], Reason::Refused, "exception 42 "),
];

#[tokio::test(start_paused = true)]
async fn every_exception_has_its_own_consequence() {
    for framing in FRAMINGS {
        for (code, questions, reason, words) in TABLE {
            let wires = Wires::new(framing, move |asked: &Asked| match asked.heard().address {
                1 => says(asked.refusal(code)),
                _ => says(asked.numbers(0)),
            });
            let mut bench = Bench::start(bus(2, MINUTE), &wires);
            let mut asked = Vec::new();
            for slot in 0..4 {
                let before = wires.asked(1);
                let batches =
                    bench.during(MINUTE - Duration::from_secs(u64::from(slot == 0))).await;
                asked.push(wires.asked(1) - before);
                assert_eq!(of(&batches, "m2").count(), 1, "the neighbour is read in each sweep");
                assert!(of(&batches, "m2").all(|batch| batch.readings.len() == 1));
                let gaps: Vec<_> = of(&batches, "m1").flat_map(|batch| &batch.gaps).collect();
                assert_eq!(gaps.len(), 1, "{code}: {gaps:?}");
                assert_eq!(gaps[0].reason, reason, "{code}");
                let told = gaps[0].detail.contains(words) || asked[slot] == 0;
                assert!(told, "{code}: {}", gaps[0].detail);
            }
            assert_eq!(asked, questions, "exception {code}");
            assert!(bench.meter(0).alarm.is_none());
            bench.end().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_its_converter_calls_silent_is_read_again_when_it_answers() {
    let wires = Wires::new(FRAMINGS[2], |asked: &Asked| match asked.heard().transaction {
        0..40 => says(asked.refusal(11)),
        _ => says(asked.numbers(0)),
    });
    let mut bench = Bench::start(bus(1, Duration::from_secs(1)), &wires);
    let mut batches = bench.during(MINUTE * 60 * 4).await;
    // Never left alone for longer than five minutes.
    let first = batches.iter().position(|batch| !batch.readings.is_empty()).unwrap();
    assert!(
        batches.drain(..first).flat_map(|batch| batch.gaps).all(|g| g.reason == Reason::Silent)
    );
    assert!(batches.iter().all(|batch| batch.readings.len() == 1));
    bench.end().await;
}
