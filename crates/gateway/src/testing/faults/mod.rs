//! The faults of the wire, one by one: what the gateway makes of each, with its figure.
//! `docs/faults.md` lists them all and names the tests.

mod converters;
mod dead;
mod doubled;
mod exceptions;
mod flood;
mod holes;
mod lines;
mod slots;
mod wires;

use std::time::Duration;

use domain::{Batch, PlanNumber};
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::wires::Wires;
use super::walking_clock;
use crate::bus::BusTask;
use crate::conversation::Conversation;
use crate::framing::Framing;
use crate::pass::Sweep;
use crate::plan::BusPlan;
use crate::status::{BusStatus, MeterStatus, Shown};

const START: &str = "2026-11-14T14:00:00Z";
/// Every way to a line.
const FRAMINGS: [fn(wire::Line) -> Framing; 3] =
    [Framing::Serial, |_| Framing::RtuOverTcp, |_| Framing::Tcp];

/// A bus that reads what wires in memory lead to.
struct Bench {
    shown: Shown,
    sweeps: mpsc::Receiver<Sweep>,
    _asks: mpsc::Sender<crate::door::Ask>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Bench {
    fn start(plan: BusPlan, wires: &Wires) -> Self {
        let (asks, asked) = mpsc::channel(1);
        let (swept, sweeps) = mpsc::channel(16);
        let (clock, stop) = (walking_clock(START), CancellationToken::new());
        let task = BusTask::new(
            plan,
            PlanNumber(1),
            Conversation::new(wires.clone()),
            TimeZone::UTC,
            clock,
        );
        let shown = task.shown();
        let mut tasks = JoinSet::new();
        tasks.spawn(task.run(asked, swept, stop.clone()));
        Self { shown, sweeps, _asks: asks, stop, tasks }
    }

    async fn sweep(&mut self) -> Vec<Batch> {
        self.sweeps.recv().await.unwrap()
    }

    /// What is told within a time.
    async fn during(&mut self, time: Duration) -> Vec<Batch> {
        let until = Instant::now() + time;
        let mut batches = Vec::new();
        while let Ok(sweep) = tokio::time::timeout_at(until, self.sweeps.recv()).await {
            batches.extend(sweep.unwrap());
        }
        batches
    }

    fn status(&self) -> BusStatus {
        self.shown.now()
    }

    /// How a meter is, by its place on the bus.
    fn meter(&self, place: usize) -> MeterStatus {
        self.status().meters.swap_remove(place)
    }

    async fn end(mut self) {
        self.stop.cancel();
        self.sweeps.close();
        while self.tasks.join_next().await.is_some() {}
    }
}

fn of<'b>(batches: &'b [Batch], meter: &str) -> impl Iterator<Item = &'b Batch> {
    batches.iter().filter(move |batch| batch.meter.as_str() == meter)
}

fn readings<'b>(batches: &'b [Batch], meter: &str) -> impl Iterator<Item = &'b domain::Reading> {
    of(batches, meter).flat_map(|batch| &batch.readings)
}
