use std::time::Duration;

use domain::{Batch, Key};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// A person waits: read this meter now.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) meter: Key,
    pub(crate) answer: oneshot::Sender<Batch>,
}

/// Where people who ask wait for their turn.
///
/// Whoever asks goes before the sweep, but never twice in a row while a meter is due: many who ask
/// again and again do not hold it up.
#[derive(Debug)]
pub(crate) struct Door {
    asks: mpsc::Receiver<Ask>,
    waiting: Option<Ask>,
    /// Whether somebody may still come.
    is_open: bool,
    /// Whether the last turn was a person's.
    served: bool,
}

impl Door {
    pub(crate) fn new(asks: mpsc::Receiver<Ask>) -> Self {
        Self { asks, waiting: None, is_open: true, served: false }
    }

    /// Who is served now, if it is a person's turn; so many meters are due.
    pub(crate) fn next(&mut self, due: usize) -> Option<Ask> {
        if self.waiting.is_none() {
            self.waiting = self.asks.try_recv().ok();
        }
        let turn = !self.served || due == 0;
        let ask = self.waiting.take_if(|_| turn);
        self.served = ask.is_some();
        ask
    }

    /// Waits until somebody comes, at most so long, or until told to stop.
    pub(crate) async fn wait(&mut self, at_most: Duration, stop: &CancellationToken) {
        if self.waiting.is_some() {
            return;
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            ask = self.asks.recv(), if self.is_open => match ask {
                Some(ask) => self.waiting = Some(ask),
                None => self.is_open = false,
            },
            () = tokio::time::sleep(at_most) => {}
        }
    }
}
