//! How a whole gateway ends, told and untold.

use std::io;
use std::time::Duration;

use domain::{Batch, Clock, Key, PlanNumber, Quality, Reading, Source};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use store::Store;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wire::Line;

use super::buses::bus;
use crate::framing::Framing;
use crate::port::Dial;
use crate::{Around, Plan, collector};

/// A port whose opening is a defect of ours.
struct Broken;

impl Dial for Broken {
    type Link = DuplexStream;

    async fn dial(&mut self, _line: Line) -> io::Result<DuplexStream> {
        panic!("a defect");
    }

    fn set_line(&self, _link: &mut DuplexStream, _line: Line) -> io::Result<()> {
        Ok(())
    }

    fn framing(&self, line: Line) -> Framing {
        Framing::Serial(line)
    }
}

#[tokio::test]
async fn a_task_that_panics_raises_the_alarm_and_ends_the_others() {
    let store = Store::in_memory().await.unwrap();
    let clock = Clock::new(|| "2026-11-14T14:05:00Z".parse().unwrap());
    let stop = CancellationToken::new();
    let around = Around { zone: &TimeZone::UTC, clock: &clock, stop: &stop };
    let plan = Plan { number: PlanNumber(1), buses: vec![bus(1, Duration::from_secs(60))] };
    let gateway = crate::start_on(plan, |_| Broken, store.journal(), &around);
    let untold = gateway.untold();
    tokio::time::timeout(Duration::from_secs(10), untold.cancelled()).await.unwrap();
    assert!(!gateway.ended(&stop).await, "not in order");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_nothing_does_not_hold_up_the_end_for_ever() {
    let store = Store::in_memory().await.unwrap();
    let (sweeps, collected) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let clock = Clock::new(|| "2026-11-14T14:05:00Z".parse().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(collector::collect(collected, store.journal(), clock, stop.clone()));
    // An instant that the journal cannot hold: appending fails, whenever it is tried.
    let reading = Reading {
        quantity: domain::Quantity::from_name("L1_v").unwrap(),
        value: domain::Decimal::ONE,
        at: Timestamp::MAX,
        quality: Quality::Good,
        source: Source::Meter,
        raw: None,
    };
    let sweep = vec![Batch {
        meter: Key::new("m").unwrap(),
        plan: PlanNumber(1),
        slot: None,
        at: Timestamp::MAX,
        duration: Duration::ZERO,
        readings: vec![reading],
        gaps: Vec::new(),
    }];
    sweeps.send(sweep).await.unwrap();
    drop(sweeps);
    let ended = tokio::time::timeout(Duration::from_secs(60), tasks.join_next()).await;
    assert!(ended.is_err(), "it is kept and tried again, as long as nobody says stop");
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(60), tasks.join_next()).await;
    ended.unwrap().unwrap().unwrap();
}
