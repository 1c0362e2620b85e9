use domain::{Decimal, Reason};
use num_bigint::BigUint;

use crate::DataType;

/// A decoded value before its factor: `magnitude` x 2^`exponent`, below zero if `negative`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    negative: bool,
    magnitude: u128,
    exponent: i32,
}

/// A value is below 10^19, so that eighteen digits before the point are always safe.
const LIMIT_DIGITS: u32 = 19;

impl Amount {
    /// Decodes `size` registers that stand in the low bits.
    pub(super) fn of(bits: u128, data_type: DataType, size: u8) -> Result<Self, Reason> {
        let unused = 128_u32.saturating_sub(u32::from(size) * 16);
        match data_type {
            DataType::Uint => Ok(Self::whole(false, bits)),
            DataType::Int => {
                let number = (bits << unused).cast_signed() >> unused;
                Ok(Self::whole(number < 0, number.unsigned_abs()))
            }
            DataType::Bcd => packed(bits, size).map(|number| Self::whole(false, number)),
            DataType::Float => Self::float(bits, Format::of(size).ok_or(Reason::NotFinite)?),
        }
    }

    /// The amount times the factor, rounded once to `scale` digits, or `None` from 10^19 on.
    pub(super) fn times_rounded(self, factor: Decimal, scale: u8) -> Option<Decimal> {
        if self.magnitude == 0 {
            return Some(Decimal::new(0, scale));
        }
        let limit = 10_u128.checked_pow(LIMIT_DIGITS + u32::from(scale))?;
        let rounded = match self.narrow(factor, scale) {
            Some((floor, up)) => (floor < limit).then(|| floor + u128::from(up)),
            None => self.wide(factor, scale, limit),
        }?;
        let mantissa = i128::try_from(rounded).ok()?;
        let negative = self.negative != factor.is_negative();
        Some(Decimal::new(if negative { -mantissa } else { mantissa }, scale))
    }

    /// The amount for a person: whole numbers in full, floats with the fewest digits.
    pub(super) fn to_text(self, bits: u128, data_type: DataType, size: u8) -> String {
        if data_type != DataType::Float {
            let sign = if self.negative { "-" } else { "" };
            return format!("{sign}{}", self.magnitude);
        }
        let number = match size {
            2 => u32::try_from(bits).map(|bits| shortest(f32::from_bits(bits))),
            4 => u64::try_from(bits).map(|bits| shortest(f64::from_bits(bits))),
            _ => u16::try_from(self.magnitude).map(|magnitude| {
                let size = f32::from(magnitude) * 2_f32.powi(self.exponent);
                shortest(if self.negative { -size } else { size })
            }),
        };
        number.unwrap_or_default()
    }

    const fn whole(negative: bool, magnitude: u128) -> Self {
        Self { negative, magnitude, exponent: 0 }
    }

    fn float(bits: u128, format: Format) -> Result<Self, Reason> {
        let Format { exponent_bits, fraction_bits } = format;
        let fraction = bits & low_bits(fraction_bits);
        let stored = (bits >> fraction_bits) & low_bits(exponent_bits);
        if stored == low_bits(exponent_bits) {
            return Err(Reason::NotFinite);
        }
        let negative = (bits >> (fraction_bits + exponent_bits)) & 1 == 1;
        // Below the smallest normal number the leading one is missing and the exponent stays.
        let (magnitude, stored) =
            if stored == 0 { (fraction, 1) } else { (fraction | (1 << fraction_bits), stored) };
        let stored = i32::try_from(stored).map_err(|_| Reason::NotFinite)?;
        let fraction_bits = i32::try_from(fraction_bits).map_err(|_| Reason::NotFinite)?;
        let bias = (1 << (exponent_bits - 1)) - 1;
        Ok(Self { negative, magnitude, exponent: stored - bias - fraction_bits })
    }

    /// The result in units of 10^-`scale`, cut, and whether it has to be rounded up; `None` where
    /// 128 bits do not hold every step.
    fn narrow(self, factor: Decimal, scale: u8) -> Option<(u128, bool)> {
        // Zeros at the end of the binary number would only make the denominator longer.
        let zeros = if self.exponent < 0 {
            self.magnitude.trailing_zeros().min(self.exponent.unsigned_abs())
        } else {
            0
        };
        let magnitude = self.magnitude.checked_shr(zeros)?; // zero goes the other way
        let exponent = self.exponent.checked_add_unsigned(zeros)?;
        let mut above = magnitude.checked_mul(factor.mantissa().unsigned_abs())?;
        let mut below = 1_u128;
        if exponent < 0 {
            below = 1_u128.checked_shl(exponent.unsigned_abs())?;
        } else {
            above = above.checked_mul(1_u128.checked_shl(exponent.unsigned_abs())?)?;
        }
        let tens = 10_u128.checked_pow(u32::from(scale.abs_diff(factor.scale())))?;
        if scale < factor.scale() {
            below = below.checked_mul(tens)?;
        } else {
            above = above.checked_mul(tens)?;
        }
        let (floor, rest) = (above.checked_div(below)?, above.checked_rem(below)?);
        Some((floor, rest >= below - rest))
    }

    /// The same as [`Self::narrow`], rounded, with numbers of any length; `None` from `limit` on.
    fn wide(self, factor: Decimal, scale: u8, limit: u128) -> Option<u128> {
        let mut above = BigUint::from(self.magnitude) * factor.mantissa().unsigned_abs();
        let mut below = BigUint::from(1_u8);
        if self.exponent < 0 {
            below <<= self.exponent.unsigned_abs();
        } else {
            above <<= self.exponent.unsigned_abs();
        }
        let tens = BigUint::from(10_u8).pow(u32::from(scale.abs_diff(factor.scale())));
        if scale < factor.scale() {
            below *= tens;
        } else {
            above *= tens;
        }
        if above >= &below * limit {
            return None;
        }
        // Half a unit more, then cut: half goes away from zero.
        u128::try_from((above * 2_u8 + &below) / (below * 2_u8)).ok()
    }
}

/// How an IEEE 754 number is divided; the sign stands above both.
#[derive(Debug, Clone, Copy)]
struct Format {
    exponent_bits: u32,
    fraction_bits: u32,
}

impl Format {
    const fn of(size: u8) -> Option<Self> {
        match size {
            1 => Some(Self { exponent_bits: 5, fraction_bits: 10 }),
            2 => Some(Self { exponent_bits: 8, fraction_bits: 23 }),
            4 => Some(Self { exponent_bits: 11, fraction_bits: 52 }),
            _ => None,
        }
    }
}

const fn low_bits(count: u32) -> u128 {
    (1 << count) - 1
}

fn packed(bits: u128, size: u8) -> Result<u128, Reason> {
    let digits = (0..u32::from(size) * 4).rev().map(|n| (bits >> (n * 4)) & 0xf);
    digits.into_iter().try_fold(0, |number, digit| {
        if digit > 9 { Err(Reason::BadBcd) } else { Ok(number * 10 + digit) }
    })
}

/// A float in plain digits where they are few, else with an exponent.
fn shortest(number: impl Into<f64> + std::fmt::Display + std::fmt::LowerExp + Copy) -> String {
    let size = number.into().abs();
    if size < f64::MIN_POSITIVE || (1e-6..1e16).contains(&size) {
        return number.to_string();
    }
    format!("{number:e}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_paths_agree(
            bits in any::<u128>(),
            (data_type, size) in prop::sample::select(vec![
                (DataType::Int, 1), (DataType::Int, 2), (DataType::Int, 4), (DataType::Int, 8),
                (DataType::Uint, 2), (DataType::Uint, 4), (DataType::Uint, 8),
                (DataType::Float, 1), (DataType::Float, 2), (DataType::Float, 4),
            ]),
            shift in 0_u32..128,
            mantissa in prop::sample::select(vec![1_i128, -1, 5, 25, 36, 1_000_000_007]),
            factor_scale in 0_u8..12,
            scale in 0_u8..10,
        ) {
            // Small numbers as often as large ones.
            let bits = (bits >> shift) & low_bits(u32::from(size) * 16 - 1);
            let factor = Decimal::new(mantissa, factor_scale);
            let limit = 10_u128.pow(LIMIT_DIGITS + u32::from(scale));
            if let Ok(amount) = Amount::of(bits, data_type, size)
                && let Some((floor, up)) = amount.narrow(factor, scale)
            {
                let narrow = (floor < limit).then(|| floor + u128::from(up));
                prop_assert_eq!(narrow, amount.wide(factor, scale, limit));
            }
        }

        #[test]
        fn a_usual_float_needs_no_long_numbers(value in 0.001_f32..1.0e9, scale in 0_u8..4) {
            let amount = Amount::of(u128::from(value.to_bits()), DataType::Float, 2).unwrap();
            prop_assert!(amount.narrow(Decimal::new(1, 3), scale).is_some());
        }

        #[test]
        fn a_float_is_its_true_binary_value(parts in -(1_i64 << 50)..1 << 50) {
            // Every number of 2^-20 has twenty decimal digits: 2^-20 = 95367431640625 x 10^-20.
            #[expect(clippy::cast_precision_loss, reason = "50 bits are held exactly")]
            let value = parts as f64 / f64::from(1 << 20);
            let exact = Decimal::new(i128::from(parts) * 95_367_431_640_625, 20);
            let amount = Amount::of(u128::from(value.to_bits()), DataType::Float, 4).unwrap();
            prop_assert_eq!(amount.times_rounded(Decimal::ONE, 9), exact.rounded(9));
        }
    }

    #[test]
    fn the_smallest_and_the_largest_floats_are_worked_out_at_length() {
        let least = Amount::of(1, DataType::Float, 4).unwrap();
        assert_eq!(least.times_rounded(Decimal::ONE, 9), Some(Decimal::new(0, 9)));
        let most = Amount::of(u128::from(f64::MAX.to_bits()), DataType::Float, 4).unwrap();
        assert_eq!(most.times_rounded(Decimal::new(1, 9), 0), None);
    }
}
