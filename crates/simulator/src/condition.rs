//! The condition of a whole bus: whether it is there, and whether it babbles.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::bus::Bus;
use crate::fault::Trouble;
use crate::noise::hash;

/// Until when a bus is in trouble.
#[derive(Debug)]
pub(crate) struct Condition(watch::Sender<Troubles>);

#[derive(Debug, Clone, Copy, Default)]
struct Troubles {
    away_until: Option<Instant>,
    babbles_until: Option<Instant>,
}

impl Default for Condition {
    fn default() -> Self {
        Self(watch::Sender::new(Troubles::default()))
    }
}

impl Condition {
    /// Lets a trouble last until an instant, if it is one that lasts.
    pub(crate) fn befall(&self, trouble: Trouble, until: Instant) {
        self.0.send_modify(|troubles| match trouble {
            Trouble::Reboot(_) | Trouble::Unplug(_) => {
                troubles.away_until = troubles.away_until.max(Some(until));
            }
            Trouble::Babble(_) => troubles.babbles_until = troubles.babbles_until.max(Some(until)),
            _ => {}
        });
    }

    /// Until when nobody is there.
    pub(crate) fn away_until(&self) -> Option<Instant> {
        self.0.borrow().away_until.filter(|until| Instant::now() < *until)
    }

    /// Until when there is noise.
    pub(crate) fn babbles_until(&self) -> Option<Instant> {
        self.0.borrow().babbles_until.filter(|until| Instant::now() < *until)
    }

    /// Whether the bus is there and does not babble.
    pub(crate) fn is_good(&self) -> bool {
        self.away_until().is_none() && self.babbles_until().is_none()
    }

    /// Waits until the bus is in trouble; at once if it is.
    pub(crate) async fn trouble(&self) {
        let mut told = self.0.subscribe();
        while self.is_good() && told.changed().await.is_ok() {}
    }

    /// Waits until nobody is there; at once if so.
    pub(crate) async fn away(&self) {
        let mut told = self.0.subscribe();
        while self.away_until().is_none() && told.changed().await.is_ok() {}
    }
}

/// Lets the troubles of a bus that are scripted by time come when they should, until told to stop.
pub(crate) async fn keep_script(bus: Arc<Bus>, stop: CancellationToken) {
    let filling = bus.troubles.iter().filter_map(|fault| Some((fault.kind, fault.when.fills()?)));
    let mut script: Vec<(Trouble, Duration, Duration)> =
        filling.map(|(kind, time)| (kind, time.start, time.end)).collect();
    script.sort_by_key(|(_, from, _)| *from);
    for (trouble, from, until) in script {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep_until(bus.began + from) => bus.condition.befall(trouble, bus.began + until),
        }
    }
}

/// Noise without end, piece by piece.
pub(crate) fn noise(seed: u64, n: u64) -> [u8; 8] {
    const NOISE: u64 = 33;
    hash(seed, NOISE, n).to_be_bytes()
}
