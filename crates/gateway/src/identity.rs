use std::time::Duration;

use tokio::time::Instant;

/// How often the serial number is looked at. A meter is exchanged with its power off, so it is also
/// looked at when a meter answers again.
const DAILY: Duration = Duration::from_secs(24 * 3600);

/// Whether it is still the same meter that answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    /// The serial number when reading began.
    known: Option<u128>,
    /// Another one that answers now.
    other: Option<u128>,
    /// Not looked at before.
    due_at: Option<Instant>,
    /// The meter does not tell: it refuses, or all its digits are 0 as with some early units.
    pub(crate) untold: bool,
}

impl Identity {
    /// The meter may have been exchanged meanwhile.
    pub(crate) fn may_have_changed(&mut self) {
        self.due_at = None;
    }

    /// Whether another meter answers than when reading began.
    pub(crate) fn is_other(&self) -> bool {
        self.other.is_some()
    }

    /// The serial number that answers now.
    pub(crate) fn serial(&self) -> Option<u128> {
        self.other.or(self.known)
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        !self.untold && self.due_at.is_none_or(|due| due <= now)
    }

    pub(crate) fn told(&mut self, serial: u128, now: Instant) {
        self.due_at = Some(now + DAILY);
        self.untold = serial == 0 && self.known.is_none();
        match self.known {
            _ if serial == 0 => {}
            None => self.known = Some(serial),
            Some(known) => self.other = (known != serial).then_some(serial),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_serial_number_is_another_meter_until_the_first_is_back() {
        let mut identity = Identity::default();
        let now = Instant::now();
        assert!(identity.is_due(now));
        identity.told(4711, now);
        assert!(!identity.is_due(now + DAILY / 2) && identity.is_due(now + DAILY));
        identity.may_have_changed();
        assert!(identity.is_due(now));
        identity.told(4712, now);
        assert!(identity.is_other());
        assert_eq!(identity.serial(), Some(4712));
        identity.told(4711, now);
        assert!(!identity.is_other());
    }

    #[test]
    fn a_meter_that_tells_nothing_is_not_asked_again() {
        let mut identity = Identity::default();
        let now = Instant::now();
        identity.told(0, now);
        assert!(!identity.is_due(now + 10 * DAILY));
        assert_eq!((identity.serial(), identity.is_other()), (None, false));
    }
}
