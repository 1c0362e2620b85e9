use std::fmt;

use crate::Decimal;

/// A unit of measure, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "a unit's name says all: kWh, m³, °C")]
pub enum Unit {
    KilowattHour,
    WattHour,
    MegawattHour,
    Joule,
    Megajoule,
    Gigajoule,
    KilovarHour,
    KilovoltAmpereHour,
    AmpereHour,
    Watt,
    Kilowatt,
    Var,
    VoltAmpere,
    Volt,
    Ampere,
    Hertz,
    Degree,
    Percent,
    One,
    CubicMetre,
    Litre,
    CubicMetrePerHour,
    CubicMetrePerSecond,
    Celsius,
    Kelvin,
    Tonne,
    TonnePerHour,
    Hour,
    Count,
}

/// What a unit measures. Conversion stays within one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names of the dimensions say all")]
pub enum Dimension {
    Energy,
    ReactiveEnergy,
    ApparentEnergy,
    Charge,
    Power,
    ReactivePower,
    ApparentPower,
    Voltage,
    Current,
    Frequency,
    Angle,
    Ratio,
    Volume,
    VolumeFlow,
    Temperature,
    TemperatureDifference,
    Mass,
    MassFlow,
    Time,
    Number,
}

/// An exact conversion: multiply by `times`, divide by `by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// The factor above the line.
    pub times: i64,
    /// The factor below the line.
    pub by: i64,
}

impl Conversion {
    /// Converts an amount and rounds it once to `scale` digits, half away from zero.
    #[must_use]
    pub fn apply(self, amount: Decimal, scale: u8) -> Option<Decimal> {
        // One guard digit would not do: 1/3.6 has no end. Work with numerator and denominator.
        let wide = amount.times(Decimal::from(self.times))?.rounded(scale.max(amount.scale()))?;
        let (by, shift) = (i128::from(self.by), u32::from(wide.scale() - scale));
        let unit = by.checked_mul(10_i128.checked_pow(shift)?)?;
        let (whole, rest) = (wide.mantissa() / unit, wide.mantissa() % unit);
        let up = i128::from(rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2));
        Some(Decimal::new(whole + up * wide.mantissa().signum(), scale))
    }
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 29] = [
        Self::KilowattHour,
        Self::WattHour,
        Self::MegawattHour,
        Self::Joule,
        Self::Megajoule,
        Self::Gigajoule,
        Self::KilovarHour,
        Self::KilovoltAmpereHour,
        Self::AmpereHour,
        Self::Watt,
        Self::Kilowatt,
        Self::Var,
        Self::VoltAmpere,
        Self::Volt,
        Self::Ampere,
        Self::Hertz,
        Self::Degree,
        Self::Percent,
        Self::One,
        Self::CubicMetre,
        Self::Litre,
        Self::CubicMetrePerHour,
        Self::CubicMetrePerSecond,
        Self::Celsius,
        Self::Kelvin,
        Self::Tonne,
        Self::TonnePerHour,
        Self::Hour,
        Self::Count,
    ];

    /// The symbol shown to people and written into answers.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        self.facts().0
    }

    /// What it measures.
    #[must_use]
    pub const fn dimension(self) -> Dimension {
        self.facts().1
    }

    /// The unit of a symbol. `m3`, `degC` and `deg` are understood beside `m³`, `°C` and `°`.
    #[must_use]
    pub fn from_symbol(symbol: &str) -> Option<Self> {
        match symbol {
            "m3" => Some(Self::CubicMetre),
            "m3/h" => Some(Self::CubicMetrePerHour),
            "m3/s" => Some(Self::CubicMetrePerSecond),
            "degC" => Some(Self::Celsius),
            "deg" => Some(Self::Degree),
            _ => Self::ALL.into_iter().find(|unit| unit.symbol() == symbol),
        }
    }

    /// The exact conversion into another unit of the same dimension, or `None`.
    ///
    /// ```
    /// use domain::{Decimal, Unit};
    /// let to_kwh = Unit::Megajoule.into(Unit::KilowattHour).unwrap();
    /// assert_eq!(to_kwh.apply(Decimal::from(36), 2), "10.00".parse().ok());
    /// assert!(Unit::Megajoule.into(Unit::Watt).is_none());
    /// ```
    #[must_use]
    pub fn into(self, other: Self) -> Option<Conversion> {
        let (_, from, (times, by)) = self.facts();
        let (_, to, (other_times, other_by)) = other.facts();
        (from == to).then_some(Conversion { times: times * other_by, by: by * other_times })
    }

    /// Symbol, dimension, and how many of the dimension's base unit it is, as a fraction.
    const fn facts(self) -> (&'static str, Dimension, (i64, i64)) {
        use Dimension as D;
        match self {
            Self::KilowattHour => ("kWh", D::Energy, (3_600_000, 1)),
            Self::WattHour => ("Wh", D::Energy, (3_600, 1)),
            Self::MegawattHour => ("MWh", D::Energy, (3_600_000_000, 1)),
            Self::Joule => ("J", D::Energy, (1, 1)),
            Self::Megajoule => ("MJ", D::Energy, (1_000_000, 1)),
            Self::Gigajoule => ("GJ", D::Energy, (1_000_000_000, 1)),
            Self::KilovarHour => ("kvarh", D::ReactiveEnergy, (1, 1)),
            Self::KilovoltAmpereHour => ("kVAh", D::ApparentEnergy, (1, 1)),
            Self::AmpereHour => ("Ah", D::Charge, (1, 1)),
            Self::Watt => ("W", D::Power, (1, 1)),
            Self::Kilowatt => ("kW", D::Power, (1_000, 1)),
            Self::Var => ("var", D::ReactivePower, (1, 1)),
            Self::VoltAmpere => ("VA", D::ApparentPower, (1, 1)),
            Self::Volt => ("V", D::Voltage, (1, 1)),
            Self::Ampere => ("A", D::Current, (1, 1)),
            Self::Hertz => ("Hz", D::Frequency, (1, 1)),
            Self::Degree => ("°", D::Angle, (1, 1)),
            Self::Percent => ("%", D::Ratio, (1, 100)),
            Self::One => ("1", D::Ratio, (1, 1)),
            Self::CubicMetre => ("m³", D::Volume, (1_000, 1)),
            Self::Litre => ("l", D::Volume, (1, 1)),
            Self::CubicMetrePerHour => ("m³/h", D::VolumeFlow, (1, 3_600)),
            Self::CubicMetrePerSecond => ("m³/s", D::VolumeFlow, (1, 1)),
            Self::Celsius => ("°C", D::Temperature, (1, 1)),
            Self::Kelvin => ("K", D::TemperatureDifference, (1, 1)),
            Self::Tonne => ("t", D::Mass, (1, 1)),
            Self::TonnePerHour => ("t/h", D::MassFlow, (1, 1)),
            Self::Hour => ("h", D::Time, (1, 1)),
            Self::Count => ("count", D::Number, (1, 1)),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.symbol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str, from: Unit, to: Unit, scale: u8) -> String {
        let amount = text.parse().unwrap();
        from.into(to).unwrap().apply(amount, scale).unwrap().to_string()
    }

    #[test]
    fn conversion_is_exact_within_a_dimension() {
        assert_eq!(converted("1", Unit::KilowattHour, Unit::Joule, 0), "3600000");
        assert_eq!(converted("3.6", Unit::Gigajoule, Unit::MegawattHour, 3), "1.000");
        assert_eq!(converted("1", Unit::Megajoule, Unit::KilowattHour, 6), "0.277778");
        assert_eq!(converted("1500", Unit::Litre, Unit::CubicMetre, 1), "1.5");
        assert_eq!(converted("-0.5", Unit::Kilowatt, Unit::Watt, 0), "-500");
        assert!(Unit::Celsius.into(Unit::Kelvin).is_none(), "an instant is no difference");
    }

    #[test]
    fn every_symbol_leads_back_to_its_unit() {
        for unit in Unit::ALL {
            assert_eq!(Unit::from_symbol(unit.symbol()), Some(unit));
        }
    }
}
