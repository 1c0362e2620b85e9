use std::io;
use std::time::Duration;

use domain::Key;

/// The port itself failed. It is opened anew for the next question.
#[derive(Debug)]
pub(crate) struct PortFault {
    /// What happened.
    pub(crate) error: io::Error,
    /// How far the question had come.
    pub(crate) stage: Stage,
}

/// How far a question had come when the port failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The port cannot be opened, takes no bytes, or is never quiet: nobody on it can be asked.
    Unusable,
    /// It was gone before the question left, as a converter closes it that finds it idle, or an
    /// adapter that was unplugged meanwhile.
    Stale,
    /// It went while the question was under way. Some converters hang up where a meter is silent,
    /// so this says nothing about the other meters.
    UnderWay,
}

impl Stage {
    pub(crate) fn of(self, error: io::Error) -> PortFault {
        PortFault { error, stage: self }
    }
}

/// A wait, give or take a fifth: the gateways of a house whose power came back do not all knock at
/// the same moment. A bus always gets the same.
pub(crate) fn scattered(wait: Duration, bus: &Key) -> Duration {
    let seed = bus.as_str().bytes().fold(7_u32, |seed, byte| {
        seed.rotate_left(5).wrapping_add(byte.into()).wrapping_mul(0x9E37_79B1)
    });
    let percent = 80 + (seed >> 16) % 41;
    wait * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_many_buses_are_spread_over_a_fifth_either_way() {
        let wait = Duration::from_secs(5);
        let of = |n: u32| scattered(wait, &Key::new(&format!("bus-{n}")).unwrap()).as_millis();
        let waits: Vec<u128> = (0..1_000).map(of).collect();
        assert_eq!(waits, (0..1_000).map(of).collect::<Vec<u128>>());
        assert!(waits.iter().all(|ms| (4_000..=6_000).contains(ms)));
        // A second of the two holds about half of them, wherever it lies.
        for from in [4_000, 4_500, 5_000] {
            let share = waits.iter().filter(|ms| (from..from + 1_000).contains(*ms)).count();
            assert!((400..600).contains(&share), "{share} from {from} ms");
        }
    }
}
