//! Listens to the buses of a site: asks what is due, hears out what comes, and appends it to the
//! journal.
//!
//! One task owns a port, and nobody else touches it. Two things walk against the stream: questions
//! of people, through [`Asks`], and a newer plan, by [`start`]ing it after the old one
//! has [`Gateway::ended`].

mod agenda;
mod alarm;
mod ask;
mod bus;
mod call;
mod collector;
mod conversation;
mod delays;
mod door;
mod framing;
mod health;
mod identity;
mod learnt;
mod outcome;
mod pass;
mod plan;
mod port;
mod port_fault;
mod recorder;
mod schedule;
mod status;
mod tally;
#[cfg(test)]
mod testing;
mod visit;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use domain::{Batch, Clock, Key, PlanNumber};
use jiff::tz::TimeZone;
use store::Journal;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bus::BusTask;
use crate::conversation::Conversation;
pub use crate::delays::Delays;
use crate::door::Ask;
pub use crate::framing::Framing;
pub use crate::plan::{BusPlan, MeterPlan, Plan};
pub use crate::port::{Access, Dial, IN_USE, NOT_PERMITTED, Opened, Serial};
pub use crate::recorder::Recorder;
use crate::status::Shown;
pub use crate::status::{Alarm, BusStatus, MeterStatus};
pub use crate::tally::Tally;

/// Questions of people that may wait at one bus.
const ASKS: usize = 16;

/// A gateway that reads.
#[derive(Debug)]
pub struct Gateway {
    asks: Asks,
    look: Look,
    tasks: JoinSet<()>,
    untold: CancellationToken,
}

/// The way in for questions of people. Cheap to clone; it outlives the gateway without harm.
#[derive(Debug, Clone, Default)]
pub struct Asks {
    buses: Arc<HashMap<Key, mpsc::Sender<Ask>>>,
}

/// A look at the buses, from outside. Cheap to clone; it outlives the gateway without harm.
#[derive(Debug, Clone, Default)]
pub struct Look {
    buses: Arc<Vec<Shown>>,
    recorders: Arc<HashMap<Key, Recorder>>,
}

impl Look {
    /// How every bus is now, in the order of the plan.
    #[must_use]
    pub fn status(&self) -> Vec<BusStatus> {
        self.buses.iter().map(Shown::now).collect()
    }

    /// What went over a bus in the last minutes; `None` where the plan has no such bus.
    #[must_use]
    pub fn recorder(&self, bus: &Key) -> Option<Recorder> {
        self.recorders.get(bus).cloned()
    }
}

/// Why a meter could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The plan has no such meter.
    #[error("no such meter in the plan")]
    Unknown,
    /// The bus is stopping, or too many people wait already.
    #[error("the bus takes no question at this moment")]
    Busy,
}

/// Starts reading: one task for each bus, and one that appends to the journal.
///
/// `zone` is the site's; sweeps are aligned to its clock. Cancelling `stop` ends the buses; what
/// they have read is appended first, see [`Gateway::ended`].
#[must_use]
pub fn start(
    plan: Plan,
    journal: Journal,
    zone: &TimeZone,
    clock: &Clock,
    stop: &CancellationToken,
) -> Gateway {
    start_on(plan, BusPlan::access, journal, &Around { zone, clock, stop })
}

/// What a gateway finds around it.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The site's time zone: sweeps are aligned to its clock.
    pub zone: &'a TimeZone,
    /// The time.
    pub clock: &'a Clock,
    /// Cancelled to end the buses.
    pub stop: &'a CancellationToken,
}

/// Starts reading over ports of another kind than devices and sockets: lines in memory, in tests.
#[must_use]
pub fn start_on<D: Dial + 'static>(
    plan: Plan,
    dial: impl Fn(&BusPlan) -> D,
    journal: Journal,
    around: &Around<'_>,
) -> Gateway {
    let Around { zone, clock, stop } = *around;
    let (sweeps, collected) = mpsc::channel(collector::QUEUE);
    let (mut buses, mut shown, mut recorders) = (HashMap::new(), Vec::new(), HashMap::new());
    let mut tasks = JoinSet::new();
    let untold = CancellationToken::new();
    let count = plan.buses.len();
    for bus in plan.buses {
        let (ask, asked) = mpsc::channel(ASKS);
        buses.extend(bus.meters.iter().map(|meter| (meter.key.clone(), ask.clone())));
        let (key, conversation) = (bus.key.clone(), Conversation::among(dial(&bus), count));
        let task = BusTask::new(bus, plan.number, conversation, zone.clone(), clock.clone());
        shown.push(task.shown());
        recorders.insert(key, task.recorder());
        let alarm = Guard { stop: stop.clone(), untold: untold.clone() };
        let task = task.run(asked, sweeps.clone(), stop.clone());
        tasks.spawn(async move { alarm.guard(task).await });
    }
    let alarm = Guard { stop: stop.clone(), untold: untold.clone() };
    let collector = collector::collect(collected, journal, clock.clone(), stop.clone());
    tasks.spawn(async move { alarm.guard(collector).await });
    let look = Look { buses: Arc::new(shown), recorders: Arc::new(recorders) };
    Gateway { asks: Asks { buses: Arc::new(buses) }, look, tasks, untold }
}

/// Reads every meter of a bus once, without schedule and journal. The port is opened and closed.
pub async fn read_once(bus: BusPlan, number: PlanNumber, clock: &Clock) -> Vec<Batch> {
    Reader::new(bus, number, clock).read_all().await
}

/// Reads a bus when told, without schedule and journal. The port stays open from one time to the
/// next, and what was learnt about the meters is kept.
pub struct Reader(BusTask<Access>);

impl Reader {
    /// A reader of the bus. The port is opened by the first reading.
    #[must_use]
    pub fn new(bus: BusPlan, number: PlanNumber, clock: &Clock) -> Self {
        // Nobody looks at what goes over its line.
        let conversation = Conversation::among(bus.access(), usize::MAX);
        Self(BusTask::new(bus, number, conversation, TimeZone::UTC, clock.clone()))
    }

    /// Reads every meter once, those with the same line settings one after the other.
    pub async fn read_all(&mut self) -> Vec<Batch> {
        self.0.read_all().await
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Asks {
    /// Reads one meter now, before whatever else is due on its bus. The journal gets it as well.
    ///
    /// # Errors
    /// When the plan has no such meter, or its bus takes no question.
    pub async fn read_now(&self, meter: &Key) -> Result<Batch, AskError> {
        let bus = self.buses.get(meter).ok_or(AskError::Unknown)?;
        let (answer, answered) = oneshot::channel();
        let ask = Ask { meter: meter.clone(), answer };
        bus.try_send(ask).map_err(|_| AskError::Busy)?;
        answered.await.map_err(|_| AskError::Busy)
    }
}

impl Gateway {
    /// The way in for questions of people.
    #[must_use]
    pub fn asks(&self) -> Asks {
        self.asks.clone()
    }

    /// A look at how the buses are.
    #[must_use]
    pub fn look(&self) -> Look {
        self.look.clone()
    }

    /// Cancelled when a task has ended that nobody had told to stop, by a panic for example. What
    /// still reads then reads in vain: stop it, and start anew.
    #[must_use]
    pub fn untold(&self) -> CancellationToken {
        self.untold.clone()
    }

    /// Waits until every task has ended: the buses when `stop` is cancelled, then the collector,
    /// which has appended all they read. `false` when a task ended that nobody had told to stop;
    /// then the others are stopped, since a gateway that half runs is worse than one that restarts.
    pub async fn ended(mut self, stop: &CancellationToken) -> bool {
        let mut in_order = true;
        while let Some(ended) = self.tasks.join_next().await {
            if ended.is_err() || !stop.is_cancelled() {
                in_order = false;
                stop.cancel();
            }
        }
        in_order
    }
}

/// Raised when its task ends, however it ends, before it was told to.
struct Guard {
    stop: CancellationToken,
    untold: CancellationToken,
}

impl Guard {
    async fn guard(self, task: impl Future<Output = ()>) {
        task.await;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() || std::thread::panicking() {
            self.untold.cancel();
        }
    }
}
