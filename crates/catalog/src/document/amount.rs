use domain::Decimal;

/// A number as written: from its digits, never through a binary float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// A whole number written without point and exponent.
    Whole {
        /// Whether it has a minus sign.
        negative: bool,
        /// The number without its sign.
        magnitude: u128,
    },
    /// A number with a point or an exponent.
    Pointed(Decimal),
    /// A number with more digits than can be held exactly: beyond every limit of ours.
    Beyond,
    /// `inf` or `nan`, which only TOML has.
    NotFinite,
}

impl Amount {
    /// Reads a number written with decimal digits.
    pub(super) fn decimal(text: &str) -> Self {
        if text.contains(['.', 'e', 'E']) {
            return text.parse().map_or(Self::Beyond, Self::Pointed);
        }
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        Self::whole(digits, 10, text.starts_with('-'))
    }

    /// Reads digits of any base.
    pub(super) fn whole(digits: &str, radix: u32, negative: bool) -> Self {
        match u128::from_str_radix(&digits.replace('_', ""), radix) {
            Ok(magnitude) => Self::Whole { negative, magnitude },
            Err(_) => Self::Beyond,
        }
    }

    /// The number as exact decimal without zeros at its end, where it can be held.
    #[must_use]
    pub fn to_decimal(self) -> Option<Decimal> {
        match self {
            Self::Whole { negative, magnitude } => {
                let magnitude = i128::try_from(magnitude).ok()?;
                Some(Decimal::new(if negative { -magnitude } else { magnitude }, 0))
            }
            Self::Pointed(decimal) => Some(decimal.shortened()),
            Self::Beyond | Self::NotFinite => None,
        }
    }

    /// Whether it has no digits behind the point that count. `40.0` is whole.
    #[must_use]
    pub fn is_whole(self) -> bool {
        match self {
            Self::Pointed(decimal) => decimal.shortened().scale() == 0,
            _ => true,
        }
    }

    /// The number without sign and point, where it is whole and not below zero.
    #[must_use]
    pub fn unsigned(self) -> Option<u128> {
        match self {
            Self::Whole { negative, magnitude } => {
                (!negative || magnitude == 0).then_some(magnitude)
            }
            Self::Pointed(decimal) => {
                let short = decimal.shortened();
                u128::try_from(short.mantissa()).ok().filter(|_| short.scale() == 0)
            }
            Self::Beyond | Self::NotFinite => None,
        }
    }
}
