use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// Something that tells the time: the system in the product, a simulated day in tests.
pub trait Tell: Send + Sync {
    /// The instant now, UTC.
    fn now(&self) -> Timestamp;
}

impl<F: Fn() -> Timestamp + Send + Sync> Tell for F {
    fn now(&self) -> Timestamp {
        self()
    }
}

/// The time, handed in by whoever starts the house. Cloning gives one more handle on it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Tell>);

impl Clock {
    /// A clock that asks the given teller.
    pub fn new(teller: impl Tell + 'static) -> Self {
        Self(Arc::new(teller))
    }

    /// A clock that always shows the same instant.
    #[must_use]
    pub fn stopped(at: Timestamp) -> Self {
        Self::new(move || at)
    }

    /// The instant now, UTC.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
