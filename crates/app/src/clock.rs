//! The system clock, the only one in the house.

use domain::Clock;

/// A clock that asks the system.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place where the system is asked")]
pub fn system() -> Clock {
    Clock::new(jiff::Timestamp::now)
}
