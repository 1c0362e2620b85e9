//! The single words and numbers of a model file.

use std::ops::RangeInclusive;

use domain::{Decimal, Unit};
use toml::Spanned;
use wire::modbus::Function;

use super::super::error::Mistake;
use super::super::file::Raw;
use crate::DataType;

/// One word of a list.
pub(super) fn one_of<T, const N: usize>(
    word: &Spanned<String>,
    known: [(&str, T); N],
) -> Result<T, Mistake> {
    let names = known.each_ref().map(|(name, _)| *name).join(", ");
    let found = known.into_iter().find(|(name, _)| name == word.get_ref());
    found.map(|(_, meant)| meant).ok_or_else(|| {
        Mistake::new(word.span().start, format!("`{}` is not known here", word.get_ref()))
            .hint(format!("one of: {names}"))
    })
}

/// A whole number within its limits.
pub(super) fn number<T: TryFrom<i64>>(
    written: &Spanned<i64>,
    limits: RangeInclusive<i64>,
) -> Result<T, Mistake> {
    let value = Some(*written.get_ref()).filter(|value| limits.contains(value));
    value.and_then(|value| T::try_from(value).ok()).ok_or_else(|| {
        let (least, most) = (limits.start(), limits.end());
        Mistake::new(written.span().start, format!("{} is out of range", written.get_ref()))
            .hint(format!("{least} to {most}"))
    })
}

pub(super) fn function(word: &Spanned<String>) -> Result<Function, Mistake> {
    one_of(word, [("holding", Function::Holding), ("input", Function::Input)])
}

/// Whether the least significant part comes first.
pub(super) fn is_little(word: Option<&Spanned<String>>) -> Result<Option<bool>, Mistake> {
    word.map(|word| one_of(word, [("big", false), ("little", true)])).transpose()
}

/// `u32`, `f32`, `bcd16`: what the bits mean and how many registers they fill.
pub(super) fn data_type(word: &Spanned<String>) -> Result<(DataType, u8), Mistake> {
    use DataType::{Bcd, Float, Int, Uint};
    one_of(
        word,
        [
            ("u16", (Uint, 1)),
            ("i16", (Int, 1)),
            ("u32", (Uint, 2)),
            ("i32", (Int, 2)),
            ("u64", (Uint, 4)),
            ("i64", (Int, 4)),
            ("u128", (Uint, 8)),
            ("i128", (Int, 8)),
            ("f16", (Float, 1)),
            ("f32", (Float, 2)),
            ("f64", (Float, 4)),
            ("bcd16", (Bcd, 1)),
            ("bcd32", (Bcd, 2)),
            ("bcd64", (Bcd, 4)),
        ],
    )
}

/// A register from which a value of this size can be read.
pub(super) fn start(written: &Spanned<i64>, size: u8) -> Result<u16, Mistake> {
    number(written, 0..=65_536 - i64::from(size))
}

/// Raw values that fit into the registers.
pub(super) fn raw_values(values: &[Spanned<Raw>], size: u8) -> Result<Vec<u128>, Mistake> {
    let read = |written: &Spanned<Raw>| {
        let value = match written.get_ref() {
            Raw::Number(number) => u128::try_from(*number).ok(),
            Raw::Text(text) => match text.strip_prefix("0x") {
                Some(digits) => u128::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            },
        };
        let fits =
            |value: &u128| value.checked_shr(u32::from(size) * 16).is_none_or(|rest| rest == 0);
        value.filter(fits).ok_or_else(|| {
            Mistake::new(written.span().start, "this is no raw value of these registers").hint(
                "an unsigned number as wide as the registers; text such as \"0xFFFFFFFFFFFFFFFF\" \
                 where a number cannot hold it",
            )
        })
    };
    values.iter().map(read).collect()
}

/// The digits of a number as they stand in the text: exact, where a float would not be.
pub(super) fn exact(written: &Spanned<f64>, text: &str) -> Result<Decimal, Mistake> {
    let digits = text.get(written.span()).unwrap_or_default();
    digits.parse().map_err(|error| {
        Mistake::new(written.span().start, format!("`{digits}`: {error}"))
            .hint("a decimal number of at most 30 digits")
    })
}

/// An amount with its unit, `0.01 kWh`; a plain number where the unit is 1.
pub(super) fn amount(written: &Spanned<String>, unit: Unit) -> Result<Decimal, Mistake> {
    let text = written.get_ref();
    let (number, symbol) = text.split_once(' ').unwrap_or((text.as_str(), Unit::One.symbol()));
    let number: Option<Decimal> = number.parse().ok();
    number.filter(|_| Unit::from_symbol(symbol) == Some(unit)).ok_or_else(|| {
        let shown = if unit == Unit::One { "0.001".to_owned() } else { format!("0.001 {unit}") };
        Mistake::new(written.span().start, format!("`{text}` is no amount in {unit}"))
            .hint(format!("such as \"{shown}\""))
    })
}
