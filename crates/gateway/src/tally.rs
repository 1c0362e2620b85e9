use jiff::Timestamp;
use wire::modbus::{Answer, Fault, Traffic};

use crate::delays::Delays;

/// What one meter did with the questions it was asked, since the gateway began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Questions that left, repetitions included.
    pub questions: u64,
    /// Sound answers with registers.
    pub answers: u64,
    /// Exceptions.
    pub refusals: u64,
    /// Answers that were no sound frame: noise, a wrong checksum, half a frame.
    pub damaged: u64,
    /// Questions that nobody answered in time.
    pub silences: u64,
    /// Frames of other meters, other masters or other transactions that were dropped.
    pub foreign: u64,
    /// Frames of this meter that answered another question, such as late ones.
    pub stray: u64,
    /// Questions that got two different answers.
    pub doubled: u64,
    /// How often the question came back: the adapter hears itself.
    pub echoes: u64,
    /// When the last sound answer or exception came.
    pub answered_at: Option<Timestamp>,
    /// How long it takes to answer.
    pub delays: Delays,
}

impl Tally {
    /// Notes how one question ended, at `now`.
    pub(crate) fn note(
        &mut self,
        answer: &Result<Answer<'_>, Fault>,
        traffic: Traffic,
        now: Timestamp,
    ) {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.questions += 1;
        self.foreign += count(traffic.foreign);
        self.stray += count(traffic.stray);
        self.echoes += count(traffic.echoes);
        match answer {
            Ok(Answer::Words(_)) => self.answers += 1,
            Ok(Answer::Refused(_)) => self.refusals += 1,
            Err(Fault::Ambiguous) => self.doubled += 1,
            Err(fault) if fault.is_silence() => self.silences += 1,
            Err(_) => self.damaged += 1,
        }
        if answer.is_ok() {
            self.answered_at = Some(now);
        }
    }
}
