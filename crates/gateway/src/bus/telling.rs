//! What a bus tells: to the log once for each change, and to whoever looks, after each visit.

use std::time::Duration;

use domain::Batch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{BUSY, BusTask, CLOSED};
use crate::health::Change;
use crate::port::Dial;
use crate::visit::Visited;

pub(super) const BUSY_HINT: &str =
    "a meter or another master sends without end: unplug the meters one by one";
/// How often a socket that never answers is asked in the other framing.
const OTHER_FRAMING: Duration = Duration::from_secs(600);

impl<D: Dial> BusTask<D> {
    pub(super) fn show_sweep(&mut self, took: Duration) {
        let (load, queue) = (self.load.share(Instant::now()), self.agenda.len());
        self.shown.change(|status| {
            status.sweep = took;
            status.longest_sweep = status.longest_sweep.max(took);
            (status.load, status.queue) = (load, queue);
        });
    }

    /// Puts what others may see where they see it.
    pub(super) fn show(&mut self, index: usize) {
        let load = self.load.share(Instant::now());
        let Some(meter) = self.meters.get(index) else { return };
        let (closed, busy, queue) = (self.is_closed(), self.busy >= BUSY, self.agenda.len());
        self.shown.change(|status| {
            if let Some(shown) = status.meters.get_mut(index) {
                meter.show(shown);
            }
            (status.load, status.queue) = (load, queue);
            status.trouble = closed.then(|| CLOSED.to_owned());
            if busy {
                status.hint = Some(BUSY_HINT.to_owned());
            } else if status.hint.as_deref() == Some(BUSY_HINT) || meter.tally.answered_at.is_some()
            {
                status.hint = None;
            }
        });
    }

    /// A socket on which nobody ever answered may speak the other framing: a converter that passes
    /// raw RTU is set to it, and so is the file; neither sees the mistake of the other.
    pub(super) async fn look_for_other_framing(&mut self) {
        let silent = |meter: &Visited| meter.tally.answered_at.is_none();
        let again = self.tried_other.is_none_or(|at| at.elapsed() >= OTHER_FRAMING);
        let (Some(other), Some(meter)) = (self.conversation.other_framing(), self.meters.first())
        else {
            return;
        };
        if !again || !self.meters.iter().all(silent) || self.is_closed() {
            return;
        }
        self.tried_other = Some(Instant::now());
        let Some(call) = meter.first_call() else { return };
        if !self.conversation.is_answered_in(other, call).await {
            return;
        }
        let hint = other.advice();
        warn!(bus = %self.key, "{hint}");
        self.shown.change(|status| status.hint = Some(hint.to_owned()));
    }

    /// Logs a change of state once, in a sentence.
    pub(super) fn tell(&mut self, index: usize, batch: &Batch) {
        let Some(meter) = self.meters.get_mut(index) else { return };
        let trouble = batch.gaps.first().filter(|_| batch.readings.is_empty());
        let bus = &self.key;
        let key = &meter.plan.key;
        let alarm = meter.alarm();
        if alarm != meter.alarmed {
            meter.alarmed = alarm;
            match alarm {
                Some(alarm) => {
                    let (name, advice) = (alarm.name(), alarm.advice());
                    warn!(%bus, meter = %key, alarm = name, "{advice}");
                }
                None => info!(%bus, meter = %key, "The meter answers alone and soundly again"),
            }
        }
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
