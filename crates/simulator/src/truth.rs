//! What a meter really holds: every quantity as a function of what flows and has flowed.

use domain::{Decimal, Medium, Quantity, Unit};

use crate::ledger::{State, Sums};
use crate::load::Load;
use crate::noise::{hash, per_mille};
use crate::wiring::Crossed;

/// What makes a meter itself, whatever flows.
#[derive(Debug, Clone)]
pub(crate) struct Nature {
    pub load: Load,
    pub medium: Medium,
    pub seed: u64,
    pub salt: u64,
    /// Where its main index stood when the house began.
    pub index: Decimal,
    /// Whether it has an index of its own for cold.
    pub knows_cold: bool,
    /// Whether it sees the currents of two phases exchanged.
    pub crossed: Option<Crossed>,
}

const VOLTAGE: u64 = 20;
const FREQUENCY: u64 = 21;
const SERIAL: u64 = 22;

impl Nature {
    /// The exact value of a quantity, in its unit. What such a meter has no notion of is 0.
    pub(crate) fn holds(&self, quantity: Quantity, state: &State) -> Decimal {
        match quantity.name() {
            "serial_number" => {
                let digits = 10_000_000 + hash(self.seed, self.salt, SERIAL) % 80_000_000;
                Decimal::new(i128::from(digits), 0)
            }
            "fw_version" | "hw_version" | "model_code" | "tariff_active" | "ct_ratio" => {
                Decimal::ONE
            }
            "operating_hours" => Decimal::new(state.sums.time / 36_000, 2),
            "freq_hz" | "L1_hz" | "L2_hz" | "L3_hz" => Decimal::new(self.frequency(state), 3),
            name if self.medium == Medium::Electricity => self.electric(name, quantity, state),
            name => self.thermal(name, state),
        }
    }

    fn thermal(&self, name: &str, state: &State) -> Decimal {
        let (flow, sums) = (&state.flow, &state.sums);
        let reversed = self.load == Load::Cold && !self.knows_cold;
        let difference = i128::from(flow.flow_temp - flow.return_temp);
        match name {
            "heat_energy_kwh" | "heat_energy_kwh_t1" if reversed => self.since_index(sums.cold),
            "heat_energy_kwh" | "heat_energy_kwh_t1" => match self.load {
                Load::Cold => whole(sums.heat),
                _ => self.since_index(sums.heat),
            },
            "cold_energy_kwh" => match self.load {
                Load::Cold => self.since_index(sums.cold),
                _ => whole(sums.cold),
            },
            "power_kw" => Decimal::new(i128::from(flow.heat + flow.cold), 6),
            "flow_temp" => Decimal::new(i128::from(flow.flow_temp), 3),
            "return_temp" => Decimal::new(i128::from(flow.return_temp), 3),
            "diff_temp" => Decimal::new(difference, 3),
            "vol_flow_m3_h" => Decimal::new(i128::from(flow.volume), 6),
            "vol_m3" | "vol_m3_t1" | "mass_t" => match self.medium {
                Medium::Water | Medium::Gas => self.since_index(sums.volume),
                _ => whole(sums.volume),
            },
            "mass_flow_t_h" => Decimal::new(i128::from(flow.volume), 6),
            _ => Decimal::ZERO,
        }
    }

    fn electric(&self, name: &str, quantity: Quantity, state: &State) -> Decimal {
        let (phase, what) = part(name);
        match quantity.unit() {
            Unit::KilowattHour | Unit::KilovarHour | Unit::KilovoltAmpereHour => {
                self.energy(phase, what, state)
            }
            Unit::AmpereHour => {
                let (imported, exported) = self.indexes(None, state);
                Decimal::new((imported + exported) / 230 * 1_000, 9)
            }
            _ => self.level(name, phase, what, state),
        }
    }

    /// Imported and exported energy in millionths of a Wh, index at the beginning included.
    fn indexes(&self, phase: Option<usize>, state: &State) -> (i128, i128) {
        let sums = &state.sums;
        let start = self.index.rounded(9).map_or(0, Decimal::mantissa);
        let (import, export) = match self.load {
            Load::Solar => (0, start),
            Load::Grid => (start, start / 5),
            _ => (start, 0),
        };
        let nano = |sum: i128| sum * 1_000_000_000 / Sums::WHOLE;
        match phase {
            None => (import + nano(sums.imported), export + nano(sums.exported)),
            Some(n) => {
                let of = |sums: &[i128; 3]| sums.get(n).copied().map_or(0, nano);
                (import / 3 + of(&sums.phase_imported), export / 3 + of(&sums.phase_exported))
            }
        }
    }

    fn energy(&self, phase: Option<usize>, what: &str, state: &State) -> Decimal {
        let (imported, exported) = self.indexes(phase, state);
        let what = what.strip_suffix("_t1").or(what.strip_suffix("_part")).unwrap_or(what);
        let (kind, direction) = what.split_once('_').unwrap_or((what, ""));
        let amount = match direction {
            "im" => imported,
            "ex" => exported,
            "tot" => imported + exported,
            "net" => imported - exported,
            "q1" => imported,
            "q3" => exported,
            _ => 0, // other tariffs and quadrants
        };
        let tangent = i128::from(self.load.angle().0);
        match kind {
            "en" => Decimal::new(amount, 9),
            "rea" => Decimal::new(amount * tangent / 1_000, 9),
            _ => Decimal::new(amount * secant(tangent) / 1_000_000, 9),
        }
    }

    fn level(&self, name: &str, phase: Option<usize>, what: &str, state: &State) -> Decimal {
        let phases = [0, 1, 2].map(|n| Phase::of(self, n, state));
        let sum = |of: fn(&Phase) -> i128| -> i128 { phases.iter().map(of).sum() };
        let seen = match phase.and_then(|n| phases.get(n)) {
            Some(phase) => *phase,
            None => Phase {
                voltage: sum(|phase| phase.voltage) / 3,
                power: sum(|phase| phase.power),
                reactive: sum(|phase| phase.reactive),
                current: sum(|phase| phase.current),
                angle: self.load.angle().1,
            },
        };
        let line_voltage = |n: i128| Decimal::new(n * 1_732_051 / 1_000_000, 3);
        let pair = |a: usize, b: usize| {
            let of = |n: usize| phases.get(n).map_or(0, |phase| phase.voltage);
            line_voltage(i128::midpoint(of(a), of(b)))
        };
        match name {
            "L12_v" => pair(0, 1),
            "L23_v" => pair(1, 2),
            "L31_v" => pair(2, 0),
            "avg_ln_v" => Decimal::new(seen.voltage, 3),
            "avg_ll_v" => line_voltage(seen.voltage),
            "avg_a" => Decimal::new(seen.current / 3, 6),
            _ => seen.shows(what),
        }
    }

    /// In mHz. All meters of a house see the same grid.
    fn frequency(&self, state: &State) -> i128 {
        i128::from(49_970 + per_mille(self.seed, FREQUENCY, state.minute) * 60 / 1_000)
    }

    fn since_index(&self, sum: i128) -> Decimal {
        let start = self.index.rounded(9).map_or(0, Decimal::mantissa);
        Decimal::new(start + whole(sum).mantissa(), 9)
    }
}

/// One phase: mV, mW, mvar and µA, and hundredths of a degree. Apparent power is voltage times
/// current.
#[derive(Clone, Copy)]
struct Phase {
    voltage: i128,
    power: i128,
    reactive: i128,
    current: i128,
    angle: i128,
}

impl Phase {
    fn of(nature: &Nature, n: usize, state: &State) -> Self {
        let of = |powers: [i64; 3]| i128::from(powers.get(n).copied().unwrap_or_default());
        let (power, reactive) = (of(state.flow.phases), of(state.flow.reactive));
        let salt = VOLTAGE + u64::try_from(n).unwrap_or_default();
        let sway = per_mille(nature.seed, salt, state.minute) * 4_000 / 1_000;
        // A loaded phase sags a little: 0.1 V a kilowatt.
        let voltage = i128::from(229_000 + sway) - power / 10_000;
        let angle = nature.load.angle().1 + nature.crossed.map_or(0, |crossed| crossed.turn(n));
        let phase = Self { voltage, power, reactive, current: 0, angle };
        Self { current: phase.apparent() / voltage.max(1), ..phase }
    }

    /// In nVA.
    fn apparent(&self) -> i128 {
        let square = self.power * self.power + self.reactive * self.reactive;
        (square * 1_000_000_000_000).isqrt()
    }

    fn shows(&self, what: &str) -> Decimal {
        let milli = |amount: i128| Decimal::new(amount, 3);
        let factor = (self.power * 1_000_000_000_000).checked_div(self.apparent());
        match what {
            "v" => milli(self.voltage),
            "a" | "a_dmd" | "a_dmd_max" => Decimal::new(self.current, 6),
            "w" | "w_dmd" | "w_dmd_max" => milli(self.power),
            "w_im" | "w_im_dmd" | "w_im_dmd_max" => milli(self.power.max(0)),
            "w_ex" | "w_ex_dmd" | "w_ex_dmd_max" => milli((-self.power).max(0)),
            "var" => milli(self.reactive),
            "var_im" => milli(self.reactive.max(0)),
            "var_ex" => milli((-self.reactive).max(0)),
            "va" | "va_dmd" | "va_dmd_max" => milli(self.apparent() / 1_000_000),
            "pf" => Decimal::new(factor.unwrap_or(1_000_000), 6),
            "angle_deg" => Decimal::new(self.angle, 2),
            "thd_v" => Decimal::new(21, 1),
            "thd_a" => Decimal::new(84, 1),
            "quadrant" => Decimal::from(match (self.power < 0, self.reactive < 0) {
                (false, false) => 1,
                (true, false) => 2,
                (true, true) => 3,
                (false, true) => 4,
            }),
            _ => Decimal::ZERO,
        }
    }
}

/// Apparent over active power in millionths, from reactive over active power in thousandths.
fn secant(tangent: i128) -> i128 {
    (1_000_000_000_000 + tangent * tangent * 1_000_000).isqrt()
}

/// `L1_en_im` is `en_im` of the first phase.
fn part(name: &str) -> (Option<usize>, &str) {
    match name.split_once('_') {
        Some(("L1", what)) => (Some(0), what),
        Some(("L2", what)) => (Some(1), what),
        Some(("L3", what)) => (Some(2), what),
        Some(("total" | "sum" | "avg" | "sys", what)) => (None, what),
        _ => (None, name),
    }
}

/// A sum in kWh or m³.
fn whole(sum: i128) -> Decimal {
    Decimal::new(sum * 1_000_000_000 / Sums::WHOLE, 9)
}
