mod telling;

use std::time::Duration;

use domain::{Batch, Clock, Key, PlanNumber, Reason};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::telling::BUSY_HINT;
use crate::agenda::{Agenda, Due, Skipped};
use crate::conversation::Conversation;
use crate::door::{Ask, Door};
use crate::pass::{Pass, Sweep};
use crate::plan::{BusPlan, MeterPlan};
use crate::port::Dial;
use crate::port_fault::{PortFault, Stage, scattered};
use crate::recorder::Recorder;
use crate::schedule::Schedule;
use crate::status::{BusStatus, Load, Shown};
use crate::visit::{ALL_PACES, Visited};

/// Longest sleep in one go: a clock that was set is noticed within that time.
const GLANCE: Duration = Duration::from_secs(10);
/// First and longest wait after a port that cannot be opened.
const REOPEN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// Times in a row that the line was never quiet, until a person is told.
const BUSY: u32 = 3;
/// What is told of a meter while its port is closed.
const CLOSED: &str = "the port cannot be opened, it is tried again soon";

/// The task that owns a port: one exchange at a time, what is due, and what a person asks.
pub(crate) struct BusTask<D: Dial> {
    key: Key,
    number: PlanNumber,
    conversation: Conversation<D>,
    meters: Vec<Visited>,
    schedule: Schedule,
    agenda: Agenda,
    clock: Clock,
    /// After a fault of the line nothing is asked before; how long the next wait will be.
    closed_until: Option<Instant>,
    reopen_after: Duration,
    /// Times in a row that somebody else kept talking.
    busy: u32,
    /// When the other framing was tried.
    tried_other: Option<Instant>,
    shown: Shown,
    load: Load,
}

impl<D: Dial> BusTask<D> {
    pub(crate) fn new(
        plan: BusPlan,
        number: PlanNumber,
        conversation: Conversation<D>,
        zone: TimeZone,
        clock: Clock,
    ) -> Self {
        let paces = plan.meters.iter().map(MeterPlan::paces);
        let schedule = Schedule::new(paces, zone, clock.now());
        let shown = Shown::new(BusStatus::new(&plan));
        let meters: Vec<Visited> = plan.meters.into_iter().map(Visited::new).collect();
        Self {
            key: plan.key,
            number,
            conversation,
            schedule,
            agenda: Agenda::new(meters.len()),
            meters,
            clock,
            closed_until: None,
            reopen_after: REOPEN.0,
            busy: 0,
            tried_other: None,
            shown,
            load: Load::new(Instant::now()),
        }
    }

    /// What goes over the line, one more handle on it.
    pub(crate) fn recorder(&self) -> Recorder {
        self.conversation.recorder().clone()
    }

    /// How the bus is, for whoever looks at it.
    pub(crate) fn shown(&self) -> Shown {
        self.shown.clone()
    }

    /// Reads until told to stop. A question under way is heard out first.
    pub(crate) async fn run(
        mut self,
        asks: mpsc::Receiver<Ask>,
        sweeps: mpsc::Sender<Sweep>,
        stop: CancellationToken,
    ) {
        let mut door = Door::new(asks);
        let mut pass = Pass::new();
        while !stop.is_cancelled() {
            self.note_due(&pass);
            if let Some(ask) = door.next(self.agenda.len()) {
                pass.bring(self.answer(ask).await);
                if sweeps.send(pass.take()).await.is_err() {
                    break;
                }
            } else if let Some((index, due)) = self.next() {
                pass.bring(self.serve(index, due).await);
                if pass.is_round(index, self.meters.len()) {
                    self.show_sweep(pass.began.elapsed());
                    pass.begin_again();
                }
                if pass.is_long() && sweeps.send(pass.take()).await.is_err() {
                    break;
                }
            } else {
                let rest = self.end(&pass).await;
                if pass.has_brought() && sweeps.send(pass.take()).await.is_err() {
                    break;
                }
                pass = Pass::new();
                let wait = self.schedule.wait(self.clock.now()).unwrap_or(GLANCE);
                door.wait(wait.clamp(rest, GLANCE), &stop).await;
                self.schedule.clock_stepped(self.clock.now());
            }
        }
        // The collector ends after the buses; where it has failed nobody is left to be told.
        drop(sweeps.send(pass.take()).await);
        self.conversation.fall_quiet().await;
    }

    /// Reads every meter once, as a command does that opens the port itself.
    pub(crate) async fn read_all(&mut self) -> Sweep {
        let now = self.clock.now();
        for index in 0..self.meters.len() {
            let (at, since, deadline) = (now, now, now);
            let due =
                Due { paces: ALL_PACES, slot: None, at, since, deadline, skipped: Vec::new() };
            self.agenda.add(index, due);
        }
        let mut sweep = Vec::new();
        while let Some((index, _)) = self.next() {
            sweep.extend(self.read_if_open(index).await);
        }
        sweep
    }

    /// Puts on the agenda what has become due. What is read without rest fills the time that others
    /// leave.
    fn note_due(&mut self, pass: &Pass) {
        let idle = pass.visits == 0 && self.agenda.len() == 0;
        for (index, due) in self.schedule.take_due(self.clock.now(), idle) {
            self.agenda.add(index, due);
        }
    }

    fn next(&mut self) -> Option<(usize, Due)> {
        let Self { agenda, meters, conversation, .. } = self;
        let line_of = |n: usize| meters.get(n).map(|meter| meter.plan.line).unwrap_or_default();
        agenda.next(conversation.line(), line_of)
    }

    /// Reads a meter whose turn has come, or says why not.
    async fn serve(&mut self, index: usize, due: Due) -> Option<Batch> {
        let (slot, skipped) = (due.slot, due.skipped.clone());
        let mut batch = match self.not_now(index) {
            Some((reason, detail)) => self.missing(index, due, reason, detail),
            None => self.read(index, due.paces).await,
        };
        if let (Some(batch), Some(meter)) = (&mut batch, self.meters.get(index)) {
            batch.slot = slot;
            let gap = |skipped: &Skipped| {
                meter.gaps(skipped.pace, skipped.first, Reason::Skipped, &in_words(skipped))
            };
            batch.gaps.extend(skipped.iter().flat_map(gap));
        }
        batch
    }

    /// All that was due has been asked. Returns how long the bus rests at least.
    async fn end(&mut self, pass: &Pass) -> Duration {
        self.conversation.end_of_sweep();
        if pass.is_begun() {
            self.show_sweep(pass.began.elapsed());
        }
        if pass.visits > 0 && !pass.fruitful {
            self.look_for_other_framing().await;
        }
        pass.rest()
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

    async fn answer(&mut self, ask: Ask) -> Option<Batch> {
        let index = self.meters.iter().position(|meter| meter.plan.key == ask.meter)?;
        let batch = self.read_if_open(index).await;
        if let Some(batch) = &batch {
            // Whoever asked may have gone meanwhile; the journal gets the batch all the same.
            drop(ask.answer.send(batch.clone()));
        }
        batch
    }

    /// A missing reading is a record too, for each instant at which one was expected.
    fn missing(&self, index: usize, due: Due, reason: Reason, detail: &str) -> Option<Batch> {
        let meter = self.meters.get(index).filter(|meter| !meter.interval.is_zero())?;
        Some(meter.unasked((self.number, due.paces), due.at, reason, detail))
    }

    /// Whoever waits for an answer is told at once that the port was closed a moment ago: to dial
    /// in vain for each meter would take minutes.
    async fn read_if_open(&mut self, index: usize) -> Option<Batch> {
        if self.is_closed() {
            let meter = self.meters.get(index)?;
            let all = (self.number, ALL_PACES);
            return Some(meter.unasked(all, self.clock.now(), Reason::Line, CLOSED));
        }
        self.read(index, ALL_PACES).await
    }

    async fn read(&mut self, index: usize, paces: u64) -> Option<Batch> {
        let Self { meters, conversation, number, clock, .. } = self;
        let meter = meters.get_mut(index)?;
        let (batch, fault) = meter.visit(conversation, paces, *number, clock).await;
        match fault {
            // The next meter opens the port again; it may well be asked.
            Some(PortFault { stage: Stage::UnderWay, .. }) => {}
            Some(fault) => self.closed(&fault),
            None => {
                self.closed_until = None;
                self.reopen_after = REOPEN.0;
                self.busy = 0;
            }
        }
        self.load.add(batch.duration, Instant::now());
        self.suspect_a_second(index);
        self.tell(index, &batch);
        self.try_again(index);
        self.show(index);
        Some(batch)
    }

    /// A meter that answers although nobody asked is a second one with the address of another. And
    /// two that answer one question at the same time spoil each other's answers now and then,
    /// while those of the others on the bus stay sound.
    fn suspect_a_second(&mut self, index: usize) {
        if let Some(address) = self.conversation.take_unasked() {
            let speakers = self.meters.iter_mut().filter(|meter| meter.plan.address == address);
            speakers.for_each(|meter| meter.health.spoke_unasked(Instant::now()));
        }
        // One that was never understood has another fault.
        let collides = |meter: &Visited| meter.tally.answers > 0 && meter.health.collides();
        if !self.meters.get(index).is_some_and(collides) {
            return;
        }
        let others = self.meters.iter().enumerate().filter(|(n, _)| *n != index);
        let (damaged, questions) = others.fold((0, 0), |(damaged, questions), (_, meter)| {
            (damaged + meter.tally.damaged, questions + meter.tally.questions)
        });
        let others_are_sound = questions > 0 && damaged * 20 <= questions;
        if let Some(meter) = self.meters.get_mut(index).filter(|_| others_are_sound) {
            meter.health.doubled();
        }
    }

    /// What brought nothing is tried again before a slot that is far.
    fn try_again(&mut self, index: usize) {
        let Some(meter) = self.meters.get(index) else { return };
        let Some(after) = meter.health.again_after(meter.interval) else { return };
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
        self.closed_until = Some(Instant::now() + scattered(self.reopen_after, &self.key));
        self.reopen_after = (self.reopen_after * 2).min(REOPEN.1);
        let is_busy = error.kind() == std::io::ErrorKind::ResourceBusy;
        self.busy = if is_busy { self.busy.saturating_add(1) } else { 0 };
        if self.busy == BUSY {
            warn!(bus = %self.key, "The line is busy: {BUSY_HINT}");
        }
    }
}

/// What is told of slots that passed.
fn in_words(skipped: &Skipped) -> String {
    let Skipped { count, first, last, .. } = skipped;
    match count {
        1 => "its slot passed before the bus came to it".to_owned(),
        _ => format!("{count} slots passed before the bus came to it, from {first} to {last}"),
    }
}
