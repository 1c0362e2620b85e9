//! How long a meter thinks, and in which pieces its answer comes: as seen in the field.

use std::time::Duration;

use serde::Deserialize;

/// The rest between a question and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delay {
    /// Any time from the first to the second, evenly.
    Between(Duration, Duration),
    /// As a converter with a queue: longer for more registers, and out on a grid of 5 ms.
    Converter,
}

/// A delay by the name of what was seen to have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Profile {
    /// About 43 ms: an Eastron SDM230.
    Sdm230,
    /// About 100 ms: an Eastron SDM630.
    Sdm630,
    /// About 14 ms: flow instruments and heat pumps.
    Fast,
    /// About 1 ms: a meter with a network port of its own.
    Ethernet,
    /// 50 to 54 ms for two registers, 80 to 89 ms for fourteen: a gateway on a 5 ms grid. Its
    /// clients wait for each other.
    Converter,
}

/// In which pieces an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pieces {
    /// 12 bytes, then 16 at a time: an adapter on USB.
    Usb,
    /// 1 to 4 bytes at a time: another adapter.
    Crumbs,
    /// All but the last byte, then the last: a converter.
    Tail,
}

/// What leaves a converter leaves at a multiple of it.
const GRID: Duration = Duration::from_millis(5);

impl Delay {
    /// What is usual on a serial line.
    pub(crate) const LINE: Self = Self::millis(20, 100);
    /// What is usual behind a socket.
    pub(crate) const SOCKET: Self = Self::millis(38, 90);

    pub(crate) const fn millis(from: u64, to: u64) -> Self {
        Self::Between(Duration::from_millis(from), Duration::from_millis(to))
    }

    pub(crate) const fn of(profile: Profile) -> Self {
        match profile {
            Profile::Sdm230 => Self::millis(40, 46),
            Profile::Sdm630 => Self::millis(92, 108),
            Profile::Fast => Self::millis(12, 16),
            Profile::Ethernet => {
                Self::Between(Duration::from_micros(500), Duration::from_micros(1_500))
            }
            Profile::Converter => Self::Converter,
        }
    }

    /// The rest before an answer of so many registers to a question that ended so long after the
    /// bus began.
    pub(crate) fn rest(self, registers: u16, ended: Duration, chance: u64) -> Duration {
        match self {
            Self::Between(from, to) => from + part(to - from, chance),
            Self::Converter => {
                let thinks = Duration::from_micros(44_000 + 2_500 * u64::from(registers));
                let ready = ended + thinks + part(Duration::from_millis(4), chance);
                let grid = GRID.as_nanos();
                let after = ready.as_nanos().next_multiple_of(grid) - ended.as_nanos();
                Duration::from_nanos(u64::try_from(after).unwrap_or(u64::MAX))
            }
        }
    }
}

impl Pieces {
    /// Cuts an answer.
    pub(crate) fn cut(self, mut bytes: Vec<u8>, mut chance: u64) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let length = match self {
                Self::Usb if pieces.is_empty() => 12,
                Self::Usb => 16,
                Self::Crumbs => {
                    chance = chance.rotate_right(2);
                    1 + usize::try_from(chance % 4).unwrap_or_default()
                }
                Self::Tail => bytes.len().saturating_sub(1).max(1),
            };
            let rest = bytes.split_off(length.min(bytes.len()));
            pieces.push(std::mem::replace(&mut bytes, rest));
        }
        pieces
    }
}

fn part(whole: Duration, chance: u64) -> Duration {
    let micros = u64::try_from(whole.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(chance % micros.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_those_of_the_field_and_differ_from_answer_to_answer() {
        for (profile, registers, from, to) in [
            (Profile::Sdm230, 2, 40_000, 46_000),
            (Profile::Sdm630, 80, 92_000, 108_000),
            (Profile::Fast, 2, 12_000, 16_000),
            (Profile::Ethernet, 2, 500, 1_500),
            (Profile::Converter, 2, 50_000, 59_000),
            (Profile::Converter, 14, 80_000, 89_000),
        ] {
            let rest = |chance| Delay::of(profile).rest(registers, Duration::ZERO, chance);
            let rests: Vec<u128> =
                (0..20).map(|n| rest(crate::noise::hash(7, 1, n)).as_micros()).collect();
            assert!(rests.iter().all(|rest| (from..=to).contains(rest)), "{profile:?} {rests:?}");
            assert!(rests.iter().any(|rest| *rest != rests[0]), "{profile:?} has a spread");
        }
    }

    #[test]
    fn a_converter_answers_on_its_grid() {
        for chance in 0..2_000 {
            let ended = Duration::from_micros(chance * 997);
            let at = ended + Delay::Converter.rest(2, ended, chance);
            assert_eq!(at.as_nanos() % GRID.as_nanos(), 0);
        }
    }

    #[test]
    fn pieces_are_those_of_the_field_and_lose_nothing() {
        let answer: Vec<u8> = (0..29).collect();
        let lengths = |pieces: Pieces, chance| -> Vec<usize> {
            let cut = pieces.cut(answer.clone(), chance);
            assert_eq!(cut.concat(), answer);
            cut.iter().map(Vec::len).collect()
        };
        assert_eq!(lengths(Pieces::Usb, 0), [12, 16, 1]);
        assert_eq!(lengths(Pieces::Tail, 0), [28, 1]);
        let crumbs = lengths(Pieces::Crumbs, 0x1234_5678_9abc_def0);
        assert!(crumbs.iter().all(|length| (1..=4).contains(length)), "{crumbs:?}");
        assert!(crumbs.iter().any(|length| *length != crumbs[0]), "{crumbs:?}");
    }
}
