//! A line on which somebody sends without end.

use std::time::Duration;

use domain::Reason;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use store::{Filter, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::modbus::{Function, Read};

use super::wires::{Asked, Converter, Wires, says};
use super::{Bench, FRAMINGS, START, of};
use crate::call::Call;
use crate::conversation::Conversation;
use crate::testing::buses::bus;
use crate::testing::walking_clock;
use crate::{Around, Plan};

const INTERVAL: Duration = Duration::from_secs(30);
/// For ten minutes, from the middle of a rest on.
const FROM: Duration = Duration::from_secs(115);
const UNTIL: Duration = Duration::from_secs(715);

fn flooded(framing: usize) -> Wires {
    let converter = Converter { noise: Some(FROM..UNTIL), ..Converter::default() };
    Wires::new(FRAMINGS[framing], |asked: &Asked| says(asked.numbers(0))).with(converter)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_into_a_flood_and_reading_goes_on_when_it_is_over() {
    for framing in [0, 1] {
        let wires = flooded(framing);
        let mut bench = Bench::start(bus(3, INTERVAL), &wires);
        let began = Instant::now();
        let before = bench.during(FROM).await;
        assert_eq!(of(&before, "m1").filter(|batch| !batch.readings.is_empty()).count(), 4);
        // Three tries, and one more interval for the first of them.
        let early = bench.during(INTERVAL * 4).await;
        let hint = bench.status().hint;
        assert!(hint.as_ref().is_some_and(|hint| hint.contains("sends without end")), "{hint:?}");
        let during = bench.during(UNTIL - FROM - INTERVAL * 4).await;
        for meter in ["m1", "m2", "m3"] {
            let missing: Vec<_> = of(&early, meter).chain(of(&during, meter)).collect();
            assert_eq!(missing.len(), 20, "each slot is told");
            for batch in missing {
                let reasons: Vec<_> = batch.gaps.iter().map(|gap| gap.reason).collect();
                assert_eq!(reasons, [Reason::Line], "{batch:?}");
            }
        }
        let into = |asked: &&Asked| (FROM..UNTIL).contains(&asked.at.duration_since(began));
        assert_eq!(wires.world().asked.iter().filter(into).count(), 0, "sent into the flood");
        let after = bench.during(INTERVAL).await;
        for meter in ["m1", "m2", "m3"] {
            assert!(of(&after, meter).any(|batch| batch.readings.len() == 1), "{after:?}");
        }
        assert_eq!(bench.status().hint, None);
        bench.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_does_not_grow_what_a_bus_keeps_in_memory() {
    let wires = flooded(0);
    let mut conversation = Conversation::new(wires);
    let read = Read { address: 1, function: Function::Input, start: 10, count: 2 };
    let line = wire::Line::default();
    let call = Call { read, line, patience: INTERVAL, listen: Duration::ZERO };
    conversation.carry(call).await.unwrap();
    tokio::time::sleep(FROM).await;
    for _ in 0..300 {
        assert!(conversation.carry(call).await.is_err(), "the line is busy");
        // Less than a kilobyte beside the record of the line, which is a ring of its own.
        assert!(conversation.held() <= 1_024, "{}", conversation.held());
    }
}

#[tokio::test(start_paused = true)]
async fn a_flooded_bus_takes_nothing_from_another_one() {
    let store = Store::in_memory().await.unwrap();
    let (clock, stop) = (walking_clock(START), CancellationToken::new());
    let mut plan =
        Plan { number: domain::PlanNumber(1), buses: vec![bus(2, INTERVAL), bus(3, INTERVAL)] };
    plan.buses[0].key = domain::Key::new("flooded").unwrap();
    for (n, meter) in plan.buses[0].meters.iter_mut().enumerate() {
        meter.key = domain::Key::new(&format!("f{n}")).unwrap();
    }
    let around = Around { zone: &TimeZone::UTC, clock: &clock, stop: &stop };
    let sound = Wires::new(FRAMINGS[0], |asked: &Asked| says(asked.numbers(0)));
    let dial = |bus: &crate::BusPlan| match bus.key.as_str() {
        "flooded" => flooded(0),
        _ => sound.clone(),
    };
    let gateway = crate::start_on(plan, dial, store.journal(), &around);
    let end = clock.now() + SignedDuration::try_from(UNTIL).unwrap();
    tokio::time::sleep(UNTIL - Duration::from_secs(1)).await;
    assert!(clock.now() < end);
    stop.cancel();
    assert!(gateway.ended(&stop).await);
    let kept = store.journal().between(Filter::default()).await.unwrap();
    for (meter, slots) in [("m1", 24), ("m2", 24), ("m3", 24), ("f0", 4), ("f1", 4)] {
        let count = kept.iter().filter(|kept| kept.meter.as_str() == meter).count();
        assert_eq!(count, slots, "{meter}");
    }
}
