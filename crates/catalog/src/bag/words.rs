//! What the quantities of the reference page are in plain words.

use domain::{Kind, Quantity, Unit};

/// Whether electric meters have it, thermal ones, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Energy, voltage, current: electricity.
    Electric,
    /// Heat or cold energy.
    Thermal,
    /// What flows in a pipe: volume, flow, temperature.
    Fluid,
    /// Power, pulses, hours: any meter.
    Any,
}

/// Which kind of meter has a quantity.
pub(crate) fn nature(quantity: Quantity) -> Nature {
    let name = quantity.name();
    match quantity.unit() {
        Unit::KilowattHour if name.starts_with("heat_") || name.starts_with("cold_") => {
            Nature::Thermal
        }
        Unit::Celsius if name == "temp_internal" => Nature::Any,
        Unit::Celsius
        | Unit::Kelvin
        | Unit::CubicMetre
        | Unit::CubicMetrePerHour
        | Unit::Tonne
        | Unit::TonnePerHour => Nature::Fluid,
        Unit::Kilowatt | Unit::Count | Unit::Hour => Nature::Any,
        _ if quantity.kind() == Kind::State => Nature::Any,
        _ => Nature::Electric,
    }
}

/// A quantity in plain words with its unit: `imported energy, kWh`.
pub(crate) fn plain(quantity: Quantity) -> String {
    let words = match quantity.name() {
        "en_im" => "imported energy, ",
        "en_ex" => "exported energy, ",
        "heat_energy_kwh" => "heat, ",
        "cold_energy_kwh" => "cold, ",
        "flow_temp" => "flow temperature, ",
        "return_temp" => "return temperature, ",
        "diff_temp" => "temperature difference, ",
        "power_kw" => "power, ",
        "vol_flow_m3_h" => "flow, ",
        "vol_m3" => "volume, ",
        "L1_v" | "L2_v" | "L3_v" => "voltage, ",
        _ => "",
    };
    format!("{words}{}", quantity.unit().symbol())
}
