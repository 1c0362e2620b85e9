use std::time::Duration;

use domain::Clock;
use store::Journal;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::pass::Sweep;

/// Sweeps waiting for the store. A full queue slows the buses; nothing is dropped.
pub(crate) const QUEUE: usize = 64;
/// Wait before an append that failed is tried again. Appending may be repeated without harm.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a store that takes nothing may hold up the end. A service manager kills what does not
/// end, and then nobody says what was lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// Appends the sweeps of all buses to the journal, until the last bus is gone. Sweeps that wait
/// together are written together: one durable write costs as much as ten.
pub(crate) async fn collect(
    mut sweeps: mpsc::Receiver<Sweep>,
    journal: Journal,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut waiting = Vec::with_capacity(QUEUE);
    let mut over_at = None;
    while sweeps.recv_many(&mut waiting, QUEUE).await > 0 {
        let batches: Vec<_> = waiting.drain(..).flatten().collect();
        let (mut failed, mut lost) = (false, false);
        while let Err(reason) = journal.append(batches.clone(), clock.now()).await {
            if !failed {
                error!(%reason, "The journal takes no readings; they are kept and tried again");
            }
            failed = true;
            if !again(&stop, &mut over_at).await {
                let readings: usize = batches.iter().map(|batch| batch.readings.len()).sum();
                error!(%reason, readings, "Readings are lost: the journal took none to the end");
                lost = true;
                break;
            }
        }
        if failed && !lost {
            info!("The journal takes readings again");
        }
    }
}

/// Waits before the next try. `false` when the patience after a stop is over.
async fn again(stop: &CancellationToken, over_at: &mut Option<Instant>) -> bool {
    if !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(AGAIN) => {}
        }
        return true;
    }
    let over_at = *over_at.get_or_insert_with(|| Instant::now() + PATIENCE);
    let next = Instant::now() + AGAIN;
    if next > over_at {
        return false;
    }
    tokio::time::sleep_until(next).await;
    true
}
