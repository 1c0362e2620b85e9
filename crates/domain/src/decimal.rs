use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// An exact decimal: `mantissa` x 10^-`scale`.
///
/// The scale is part of the number as written: `4120.70` has two digits behind the point and keeps
/// them. Two decimals are equal only when both parts are; compare amounts with [`Decimal::cmp_value`].
///
/// ```
/// use domain::Decimal;
/// let index: Decimal = "4120.70".parse()?;
/// assert_eq!(index.to_string(), "4120.70");
/// assert_eq!(index.mantissa(), 412_070);
/// # Ok::<(), domain::DecimalError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i128,
    scale: u8,
}

/// Why a text is no decimal, or a result cannot be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// The text is not a decimal number.
    #[error("not a decimal number")]
    Malformed,
    /// More digits than can be held exactly.
    #[error("more digits than can be held exactly")]
    TooLong,
}

impl Decimal {
    /// Most digits behind the point.
    pub const LARGEST_SCALE: u8 = 30;
    /// Nothing.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Self = Self { mantissa: 1, scale: 0 };

    /// The number `mantissa` x 10^-`scale`.
    #[must_use]
    pub const fn new(mantissa: i128, scale: u8) -> Self {
        Self { mantissa, scale }
    }

    /// All digits as one whole number.
    #[must_use]
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// How many of the digits stand behind the point.
    #[must_use]
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Whether the number is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// The exact product, or `None` where it needs more digits than can be held.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        let mantissa = self.mantissa.checked_mul(other.mantissa)?;
        Some(Self { mantissa, scale: self.scale.checked_add(other.scale)? })
    }

    /// The exact difference, at the finer of the two scales, or `None` where it cannot be held.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let mantissa = self.widen(scale)?.checked_sub(other.widen(scale)?)?;
        Some(Self { mantissa, scale })
    }

    /// The exact sum, at the finer of the two scales, or `None` where it cannot be held.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let mantissa = self.widen(scale)?.checked_add(other.widen(scale)?)?;
        Some(Self { mantissa, scale })
    }

    /// The number with `scale` digits behind the point, rounded half away from zero.
    ///
    /// ```
    /// use domain::Decimal;
    /// let half: Decimal = "-0.125".parse()?;
    /// assert_eq!(half.rounded(2).map(|d| d.to_string()), Some("-0.13".to_owned()));
    /// # Ok::<(), domain::DecimalError>(())
    /// ```
    #[must_use]
    pub fn rounded(self, scale: u8) -> Option<Self> {
        if scale >= self.scale {
            return Some(Self { mantissa: self.widen(scale)?, scale });
        }
        let Some(unit) = power_of_ten(self.scale - scale) else {
            return Some(Self { mantissa: 0, scale }); // below half of anything that can be held
        };
        let (whole, rest) = (self.mantissa / unit, self.mantissa % unit);
        let up = i128::from(rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2));
        Some(Self { mantissa: whole + up * self.mantissa.signum(), scale })
    }

    /// The same amount without zeros at its end: `4120.70` becomes `4120.7`.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }

    /// Compares the amounts, whatever the scales.
    #[must_use]
    pub fn cmp_value(self, other: Self) -> std::cmp::Ordering {
        let scale = self.scale.max(other.scale);
        match (self.widen(scale), other.widen(scale)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // One of them is too large to be written at the finer scale: the other is smaller.
            (None, _) => self.mantissa.signum().cmp(&0),
            (_, None) => 0.cmp(&other.mantissa.signum()),
        }
    }

    fn widen(self, scale: u8) -> Option<i128> {
        self.mantissa.checked_mul(power_of_ten(scale - self.scale)?)
    }
}

fn power_of_ten(exponent: u8) -> Option<i128> {
    10_i128.checked_pow(u32::from(exponent))
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Self { mantissa: i128::from(whole), scale: 0 }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs().to_string();
        let scale = usize::from(self.scale);
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, rest) = padded.split_at(padded.len() - scale);
        let point = if rest.is_empty() { "" } else { "." };
        f.pad_integral(self.mantissa >= 0, "", &format!("{whole}{point}{rest}"))
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads `12`, `-0.5`, `+1e-3`, `1_000.25`: the number forms of TOML and JSON.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let text = text.replace('_', "");
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => {
                (number, exponent.parse::<i32>().map_err(|_| DecimalError::Malformed)?)
            }
            None => (text.as_str(), 0),
        };
        let unsigned = number.strip_prefix(['+', '-']).unwrap_or(number);
        let (whole, rest) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{rest}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DecimalError::Malformed);
        }
        let magnitude: i128 = digits.parse().map_err(|_| DecimalError::TooLong)?;
        let mantissa = if number.starts_with('-') { -magnitude } else { magnitude };
        let places = i64::try_from(rest.len()).map_err(|_| DecimalError::TooLong)?;
        at_scale(mantissa, places - i64::from(exponent))
    }
}

fn at_scale(mantissa: i128, scale: i64) -> Result<Decimal, DecimalError> {
    if scale < 0 {
        let exponent = u8::try_from(-scale).map_err(|_| DecimalError::TooLong)?;
        let unit = power_of_ten(exponent).ok_or(DecimalError::TooLong)?;
        let mantissa = mantissa.checked_mul(unit).ok_or(DecimalError::TooLong)?;
        return Ok(Decimal { mantissa, scale: 0 });
    }
    match u8::try_from(scale) {
        Ok(scale) if scale <= Decimal::LARGEST_SCALE => Ok(Decimal { mantissa, scale }),
        _ => Err(DecimalError::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_written_is_shown_again() {
        for text in ["0", "0.00", "4120.70", "-0.05", "1234567890123456789.123456789"] {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("1e-3").to_string(), "0.001");
        assert_eq!(decimal("1.5e3").to_string(), "1500");
        assert_eq!(decimal("+12_000.5").to_string(), "12000.5");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.2.3", "0x10", "1e", "nan", "inf", "1 2"] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError::Malformed), "{text}");
        }
        assert_eq!("1e-99".parse::<Decimal>(), Err(DecimalError::TooLong));
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (text, scale, rounded) in [
            ("0.125", 2, "0.13"),
            ("-0.125", 2, "-0.13"),
            ("0.1249", 2, "0.12"),
            ("-0.004", 2, "0.00"),
            ("5", 2, "5.00"),
            ("999.995", 2, "1000.00"),
        ] {
            assert_eq!(decimal(text).rounded(scale), Some(decimal(rounded)), "{text}");
        }
    }

    #[test]
    fn amounts_compare_whatever_their_scale() {
        assert!(decimal("1.50").cmp_value(decimal("1.5")).is_eq());
        assert!(decimal("-1").cmp_value(decimal("0.001")).is_lt());
        let huge = Decimal::new(i128::MAX, 0);
        assert!(huge.cmp_value(decimal("0.1")).is_gt());
    }

    proptest! {
        #[test]
        fn text_and_number_are_one(mantissa in any::<i64>(), scale in 0_u8..20) {
            let number = Decimal::new(i128::from(mantissa), scale);
            prop_assert_eq!(number.to_string().parse(), Ok(number));
        }

        #[test]
        fn rounding_moves_by_at_most_half_a_unit(mantissa in any::<i64>(), scale in 0_u8..9) {
            let number = Decimal::new(i128::from(mantissa), 9);
            let step = number.rounded(scale).unwrap().minus(number).unwrap();
            let twice = step.times(Decimal::from(2)).unwrap();
            prop_assert!(twice.mantissa().unsigned_abs() <= 10_u128.pow(u32::from(9 - scale)));
        }
    }
}
