use std::time::Duration;

use domain::{Batch, Clock, Key, PlanNumber, Reason};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::conversation::Conversation;
use crate::health::Change;
use crate::plan::BusPlan;
use crate::port::Dial;
use crate::port_fault::{PortFault, Stage};
use crate::schedule::Schedule;
use crate::visit::Visited;

/// A person waits: read this meter now.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) meter: Key,
    pub(crate) answer: oneshot::Sender<Batch>,
}

/// The batches of one pass over the meters that were due: one transaction.
pub(crate) type Sweep = Vec<Batch>;

/// Longest sleep in one go: a clock that was set is noticed within that time.
const GLANCE: Duration = Duration::from_secs(10);
/// Shortest sleep after a sweep that asked nobody: all rest, or nothing was due.
const IDLE: Duration = Duration::from_millis(50);
/// Shortest sleep after a sweep that brought no reading: what refuses at once, or hangs up at once,
/// is not asked without end.
const FRUITLESS: Duration = Duration::from_secs(1);
/// First and longest wait after a port that cannot be opened.
const REOPEN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// What is told of a meter while its port is closed.
const CLOSED: &str = "the port cannot be opened, it is tried again soon";

/// The task that owns a port: one exchange at a time, what is due, and what a person asks.
pub(crate) struct BusTask<D: Dial> {
    key: Key,
    number: PlanNumber,
    conversation: Conversation<D>,
    meters: Vec<Visited>,
    schedule: Schedule,
    clock: Clock,
    /// After a fault of the line nothing is asked before; how long the next wait will be.
    closed_until: Option<Instant>,
    reopen_after: Duration,
}

impl<D: Dial> BusTask<D> {
    pub(crate) fn new(
        plan: BusPlan,
        number: PlanNumber,
        dial: D,
        zone: TimeZone,
        clock: Clock,
    ) -> Self {
        let intervals = plan.meters.iter().map(|meter| meter.interval);
        let schedule = Schedule::new(intervals, zone, clock.now());
        Self {
            key: plan.key,
            number,
            conversation: Conversation::new(dial),
            meters: plan.meters.into_iter().map(Visited::new).collect(),
            schedule,
            clock,
            closed_until: None,
            reopen_after: REOPEN.0,
        }
    }

    /// Reads until told to stop. A question under way is heard out first.
    pub(crate) async fn run(
        mut self,
        mut asks: mpsc::Receiver<Ask>,
        sweeps: mpsc::Sender<Sweep>,
        stop: CancellationToken,
    ) {
        let mut asked_for = true;
        let mut at_least = Duration::ZERO;
        // Whoever asks goes first, but what is due comes second: nobody keeps it waiting for ever.
        let mut answered = false;
        loop {
            let wait = self.schedule.wait(self.clock.now()).unwrap_or(GLANCE);
            let wait = wait.clamp(at_least, GLANCE);
            let ask_first = asked_for && !(answered && wait.is_zero());
            let due = tokio::time::sleep(wait);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                ask = asks.recv(), if ask_first => match ask {
                    Some(ask) => {
                        answered = true;
                        at_least = Duration::ZERO;
                        let sweep = self.answer(ask).await;
                        if sweeps.send(sweep).await.is_err() { break; }
                    }
                    None => asked_for = false,
                },
                () = due => {
                    answered = false;
                    self.schedule.clock_stepped(self.clock.now());
                    let sweep = self.sweep(&mut asks, &stop).await;
                    at_least = rest_after(&sweep);
                    if !sweep.is_empty() && sweeps.send(sweep).await.is_err() { break; }
                }
            }
        }
        self.conversation.fall_quiet().await;
    }

    /// Reads every meter once, as a command does that opens the port itself.
    pub(crate) async fn read_all(&mut self) -> Sweep {
        let mut sweep = Vec::new();
        let now = self.clock.now();
        for (index, _) in self.in_order((0..self.meters.len()).map(|n| (n, now)).collect()) {
            sweep.extend(self.read_if_open(index).await);
        }
        sweep
    }

    /// One pass over the meters that are due. Whoever asks meanwhile is served between two meters,
    /// one at a time, so that many who ask again and again do not hold up the sweep.
    async fn sweep(&mut self, asks: &mut mpsc::Receiver<Ask>, stop: &CancellationToken) -> Sweep {
        let due = self.schedule.take_due(self.clock.now());
        let mut sweep = Vec::with_capacity(due.len());
        for (index, due_at) in self.in_order(due) {
            if stop.is_cancelled() {
                break;
            }
            if let Ok(ask) = asks.try_recv() {
                sweep.extend(self.answer(ask).await);
            }
            sweep.extend(match self.not_now(index) {
                Some((reason, detail)) => self.missing(index, due_at, reason, detail),
                None => self.read(index).await,
            });
        }
        self.conversation.end_of_sweep();
        sweep
    }

    /// Why a meter that is due is left alone all the same.
    fn not_now(&self, index: usize) -> Option<(Reason, &'static str)> {
        if self.is_closed() {
            return Some((Reason::Line, CLOSED));
        }
        let now = Instant::now();
        let rests = self.meters.get(index).is_some_and(|meter| meter.health.rests(now));
        rests.then_some((Reason::Silent, "silent before, left alone for a while"))
    }

    fn is_closed(&self) -> bool {
        self.closed_until.is_some_and(|until| Instant::now() < until)
    }

    /// Meters with the same line settings follow each other, so that switches are few.
    fn in_order(&self, mut due: Vec<(usize, Timestamp)>) -> Vec<(usize, Timestamp)> {
        due.sort_by_key(|(index, _)| self.meters.get(*index).map(|meter| meter.plan.line));
        due
    }

    async fn answer(&mut self, ask: Ask) -> Sweep {
        let index = self.meters.iter().position(|meter| meter.plan.key == ask.meter);
        let Some(index) = index else { return Vec::new() };
        let batch = self.read_if_open(index).await;
        if let Some(batch) = &batch {
            // Whoever asked may have gone meanwhile; the journal gets the batch all the same.
            drop(ask.answer.send(batch.clone()));
        }
        batch.into_iter().collect()
    }

    /// A missing reading is a record too, for each instant at which one was expected.
    fn missing(
        &self,
        index: usize,
        due_at: Timestamp,
        reason: Reason,
        detail: &str,
    ) -> Option<Batch> {
        let meter = self.meters.get(index).filter(|meter| !meter.plan.interval.is_zero())?;
        Some(meter.unasked(self.number, due_at, reason, detail))
    }

    /// Whoever waits for an answer is told at once that the port was closed a moment ago: to dial
    /// in vain for each meter would take minutes.
    async fn read_if_open(&mut self, index: usize) -> Option<Batch> {
        if self.is_closed() {
            let meter = self.meters.get(index)?;
            return Some(meter.unasked(self.number, self.clock.now(), Reason::Line, CLOSED));
        }
        self.read(index).await
    }

    async fn read(&mut self, index: usize) -> Option<Batch> {
        let Self { meters, conversation, number, clock, .. } = self;
        let meter = meters.get_mut(index)?;
        let (batch, fault) = meter.visit(conversation, *number, clock).await;
        match fault {
            // The next meter opens the port again; it may well be asked.
            Some(PortFault { stage: Stage::UnderWay, .. }) => {}
            Some(fault) => self.closed(&fault),
            None => {
                self.closed_until = None;
                self.reopen_after = REOPEN.0;
            }
        }
        self.tell(index, &batch);
        self.try_again(index);
        Some(batch)
    }

    /// What brought nothing is tried again before a slot that is far.
    fn try_again(&mut self, index: usize) {
        let Some(meter) = self.meters.get(index) else { return };
        let Some(after) = meter.health.again_after(meter.plan.interval) else { return };
        let at = SignedDuration::try_from(after).ok();
        if let Some(at) = at.and_then(|after| self.clock.now().checked_add(after).ok()) {
            self.schedule.again(index, at);
        }
    }

    /// The port is gone: close it, and try again later, ever more rarely.
    fn closed(&mut self, fault: &PortFault) {
        let error = &fault.error;
        if self.closed_until.is_none() {
            warn!(bus = %self.key, %error, "The port cannot be used; it is tried again");
        }
        self.closed_until = Some(Instant::now() + self.reopen_after);
        self.reopen_after = (self.reopen_after * 2).min(REOPEN.1);
    }

    /// Logs a change of state once, in a sentence.
    fn tell(&mut self, index: usize, batch: &Batch) {
        let Some(meter) = self.meters.get_mut(index) else { return };
        let trouble = batch.gaps.first().filter(|_| batch.readings.is_empty());
        let bus = &self.key;
        let key = &meter.plan.key;
        match meter.health.ended(trouble.map(|gap| gap.reason)) {
            Change::None => {}
            Change::Back => info!(%bus, meter = %key, "The meter answers again"),
            Change::Lost => {
                let (reason, detail) =
                    trouble.map(|gap| (gap.reason.name(), gap.detail.as_str())).unwrap_or_default();
                warn!(%bus, meter = %key, reason, detail, "The meter gives no reading");
            }
        }
    }
}

/// How long a bus rests at least after a sweep.
fn rest_after(sweep: &Sweep) -> Duration {
    match sweep.iter().any(|batch| !batch.readings.is_empty()) {
        true => Duration::ZERO,
        false if sweep.is_empty() => IDLE,
        false => FRUITLESS,
    }
}
