use std::sync::{Arc, Mutex, PoisonError};

use domain::Batch;
use tokio::sync::broadcast::{self, error::RecvError};

/// How many appends a watcher may lag behind before it misses some.
const PATIENCE: usize = 256;

/// What the journal tells a watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// What one append added, after it was durable. What was known before is left out.
    Batches(Arc<Vec<Batch>>),
    /// The watcher was too slow and missed so many appends; the journal itself has them.
    Missed(u64),
}

/// Hears what is appended to a journal, from the moment it was made.
#[derive(Debug)]
pub struct Watcher(Option<broadcast::Receiver<Arc<Vec<Batch>>>>);

impl Watcher {
    /// Waits for the next append; `None` once the store is closed.
    ///
    /// Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Option<Told> {
        match self.0.as_mut()?.recv().await {
            Ok(batches) => Some(Told::Batches(batches)),
            Err(RecvError::Lagged(appends)) => Some(Told::Missed(appends)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// The journal's voice. It never waits for who listens.
#[derive(Debug)]
pub(crate) struct Teller(Mutex<Option<broadcast::Sender<Arc<Vec<Batch>>>>>);

impl Teller {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(broadcast::Sender::new(PATIENCE))))
    }

    pub(crate) fn watch(&self) -> Watcher {
        Watcher(self.voice().as_ref().map(broadcast::Sender::subscribe))
    }

    pub(crate) fn tell(&self, batches: Vec<Batch>) {
        if let Some(sender) = self.voice().as_ref().filter(|_| !batches.is_empty()) {
            // An error only says that nobody listens.
            let _ = sender.send(Arc::new(batches));
        }
    }

    pub(crate) fn close(&self) {
        self.voice().take();
    }

    fn voice(&self) -> std::sync::MutexGuard<'_, Option<broadcast::Sender<Arc<Vec<Batch>>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
