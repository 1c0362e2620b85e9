//! Current transformers on the wrong phases: the mistake that halves a bill.

use std::str::FromStr;

use catalog::CheckedMeter;
use domain::Medium;

/// Two phases whose current transformers are exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crossed {
    /// The phase whose voltage comes first by 120 degrees.
    leading: usize,
    lagging: usize,
}

/// Active and reactive power of each phase, in mW and mvar.
pub(crate) type Powers = ([i64; 3], [i64; 3]);

impl Crossed {
    /// What the meter measures of what is drawn: the voltage of one phase with the current of the
    /// other. A balanced load without reactive power gives minus one half on both, 0 in total.
    pub(crate) fn measured(self, (mut active, mut reactive): Powers) -> Powers {
        let seen = [(self.leading, self.lagging, 1), (self.lagging, self.leading, -1)];
        let (drawn, wasted) = (active, reactive);
        for (at, from, sign) in seen {
            let of = |powers: [i64; 3]| powers.get(from).copied().unwrap_or_default();
            let (p, q) = (of(drawn), of(wasted));
            if let (Some(active), Some(reactive)) = (active.get_mut(at), reactive.get_mut(at)) {
                *active = -p / 2 - sign * sine_of_120(q);
                *reactive = sign * sine_of_120(p) - q / 2;
            }
        }
        (active, reactive)
    }

    /// How far the current of a phase is turned against its voltage, in hundredths of a degree.
    pub(crate) fn turn(self, phase: usize) -> i128 {
        match phase {
            _ if phase == self.leading => 12_000,
            _ if phase == self.lagging => -12_000,
            _ => 0,
        }
    }

    /// Whether a meter can be wired so.
    ///
    /// # Errors
    /// Says why not.
    pub(crate) fn fits(self, meter: &CheckedMeter) -> Result<(), String> {
        if meter.medium != Medium::Electricity {
            return Err(format!("a meter of {} has no current transformers", meter.medium));
        }
        let shows = |phase: &str| {
            let mut names = meter.registers.iter().map(|register| register.quantity.name());
            names.any(|name| name.split_once('_').is_some_and(|(first, _)| first == phase))
        };
        let missing = [self.leading, self.lagging].into_iter().filter_map(|n| PHASES.get(n));
        match missing.copied().find(|phase| !shows(phase)) {
            Some(phase) if PHASES.iter().any(|phase| shows(phase)) => {
                Err(format!("such a meter has no {phase}"))
            }
            _ => Ok(()), // one that shows totals only may have three phases all the same
        }
    }
}

const PHASES: [&str; 3] = ["L1", "L2", "L3"];

impl FromStr for Crossed {
    type Err = &'static str;

    /// `L1,L2`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let phase = |name: &str| PHASES.iter().position(|known| *known == name.trim());
        let both = text.split_once(',').map(|(one, other)| (phase(one), phase(other)));
        let Some((Some(one), Some(other))) = both.filter(|(one, other)| one != other) else {
            return Err("two of the phases L1, L2 and L3 are exchanged, as in `L1,L2`");
        };
        let (leading, lagging) = if (one + 1) % 3 == other { (one, other) } else { (other, one) };
        Ok(Self { leading, lagging })
    }
}

fn sine_of_120(power: i64) -> i64 {
    power * 866_025 / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balanced_load_is_half_negative_on_both_and_nothing_in_total() {
        for pair in ["L1,L2", "L2,L1", "L2,L3", "L3,L1", "L1,L3"] {
            let crossed: Crossed = pair.parse().unwrap();
            let (active, reactive) = crossed.measured(([1_000_000; 3], [0; 3]));
            for (n, name) in PHASES.iter().enumerate() {
                let (power, var) =
                    if pair.contains(name) { (-500_000, 866_025) } else { (1_000_000, 0) };
                assert_eq!((active[n], reactive[n].abs()), (power, var), "{pair} {name}");
            }
            assert_eq!((active.iter().sum::<i64>(), reactive.iter().sum::<i64>()), (0, 0));
        }
    }

    #[test]
    fn apparent_powers_are_exchanged() {
        let (active, reactive) = ([3_000_000, 1_000_000, 500_000], [900_000, 250_000, 100_000]);
        let apparent = |(active, reactive): Powers| {
            [0, 1, 2].map(|n| (active[n] * active[n] + reactive[n] * reactive[n]).isqrt())
        };
        let crossed: Crossed = "L1,L2".parse().unwrap();
        let [one, two, three] = apparent((active, reactive));
        let found = apparent(crossed.measured((active, reactive)));
        for (found, expected) in found.into_iter().zip([two, one, three]) {
            assert!((found - expected).abs() <= 3, "{found} {expected}");
        }
        let turned: Crossed = "L2,L1".parse().unwrap();
        assert_eq!(turned, crossed, "the order does not matter");
    }

    #[test]
    fn what_is_no_pair_of_phases_is_refused() {
        for text in ["", "L1", "L1,L1", "L1,L4", "L1,L2,L3", "l1,l2", "N,L1"] {
            assert!(text.parse::<Crossed>().is_err(), "{text}");
        }
        assert_eq!("L3, L1".parse::<Crossed>(), "L3,L1".parse());
    }
}
