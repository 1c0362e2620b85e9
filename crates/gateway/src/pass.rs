use std::collections::BTreeSet;
use std::time::Duration;

use domain::Batch;
use tokio::time::Instant;

/// The batches of one pass over the meters that were due: one transaction.
pub(crate) type Sweep = Vec<Batch>;

/// Shortest rest after a pass that asked nobody: all rest, or nothing was due.
const IDLE: Duration = Duration::from_millis(50);
/// Shortest rest after a pass that brought no reading: what refuses at once, or hangs up at once,
/// is not asked without end.
const FRUITLESS: Duration = Duration::from_secs(1);
/// A pass is one transaction, unless it takes longer or brings more: what was read is not kept from
/// the journal for ever by a bus that is never done.
const LONG: (Duration, usize) = (Duration::from_secs(10), 256);

/// One pass over all that is due on a bus.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) began: Instant,
    /// Turns of meters and people.
    pub(crate) visits: usize,
    /// Whether it brought a reading.
    pub(crate) fruitful: bool,
    /// Meters that had their turn since it began.
    served: BTreeSet<usize>,
    sweep: Sweep,
    /// When the first of the batches came that were not taken yet.
    since: Instant,
}

impl Pass {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let (served, sweep) = (BTreeSet::new(), Vec::new());
        Self { began: now, visits: 0, fruitful: false, served, sweep, since: now }
    }

    /// Adds what a turn brought.
    pub(crate) fn bring(&mut self, batch: Option<Batch>) {
        self.visits += 1;
        let Some(batch) = batch else { return };
        self.fruitful |= !batch.readings.is_empty();
        if self.sweep.is_empty() {
            self.since = Instant::now();
        }
        self.sweep.push(batch);
    }

    /// Notes whose turn it was. Whether all of so many meters had theirs: on a bus that is never
    /// done, that is a sweep.
    pub(crate) fn is_round(&mut self, meter: usize, meters: usize) -> bool {
        self.served.insert(meter);
        self.served.len() == meters
    }

    /// Begins the next round without an end of the pass.
    pub(crate) fn begin_again(&mut self) {
        self.served.clear();
        self.began = Instant::now();
    }

    /// Whether a round is under way.
    pub(crate) fn is_begun(&self) -> bool {
        !self.served.is_empty()
    }

    pub(crate) fn has_brought(&self) -> bool {
        !self.sweep.is_empty()
    }

    pub(crate) fn is_long(&self) -> bool {
        self.has_brought() && (self.since.elapsed() >= LONG.0 || self.sweep.len() >= LONG.1)
    }

    /// Takes what was brought since the last time.
    pub(crate) fn take(&mut self) -> Sweep {
        std::mem::take(&mut self.sweep)
    }

    /// How long the bus rests at least after it.
    pub(crate) fn rest(&self) -> Duration {
        match self.fruitful {
            true => Duration::ZERO,
            false if self.visits == 0 => IDLE,
            false => FRUITLESS,
        }
    }
}
