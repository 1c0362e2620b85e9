use std::time::Duration;

use domain::Clock;
use store::Journal;
use tokio::sync::mpsc;
use tracing::{error, info};

use crate::bus::Sweep;

/// Sweeps waiting for the store. A full queue slows the buses; nothing is dropped.
pub(crate) const QUEUE: usize = 64;
/// Wait before an append that failed is tried again. Appending may be repeated without harm.
const AGAIN: Duration = Duration::from_secs(2);

/// Appends the sweeps of all buses to the journal, until the last bus is gone. Sweeps that wait
/// together are written together: one durable write costs as much as ten.
pub(crate) async fn collect(mut sweeps: mpsc::Receiver<Sweep>, journal: Journal, clock: Clock) {
    let mut waiting = Vec::with_capacity(QUEUE);
    while sweeps.recv_many(&mut waiting, QUEUE).await > 0 {
        let batches: Vec<_> = waiting.drain(..).flatten().collect();
        let mut failed = false;
        while let Err(reason) = journal.append(batches.clone(), clock.now()).await {
            if !failed {
                error!(%reason, "The journal takes no readings; they are kept and tried again");
            }
            failed = true;
            tokio::time::sleep(AGAIN).await;
        }
        if failed {
            info!("The journal takes readings again");
        }
    }
}
