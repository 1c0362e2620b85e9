//! From a value to registers: the inverse of decoding.

use catalog::{DataType, Register};
use domain::Decimal;

/// The registers that show an amount, given in the unit of the quantity.
///
/// The amount is divided by the factor and becomes the nearest value that the data type can hold,
/// halves away from zero. What is too large or too small is shown as the largest or smallest.
/// Decoding gives the amount again, at the resolution of the register.
#[must_use]
pub fn encode(amount: Decimal, register: &Register) -> Vec<u16> {
    let bits = match register.data_type {
        DataType::Float => float(amount, register),
        DataType::Int => int(raw(amount, register.factor), register.size),
        DataType::Uint => uint(raw(amount, register.factor), register.size),
        DataType::Bcd => bcd(raw(amount, register.factor), register.size),
    };
    let mut words = arranged(bits, register.size, register.swap_words);
    if register.swap_bytes {
        words.iter_mut().for_each(|word| *word = word.swap_bytes());
    }
    words
}

/// Bits as registers, the most significant one first unless swapped.
pub(crate) fn arranged(bits: u128, size: u8, swap_words: bool) -> Vec<u16> {
    let mut words: Vec<u16> = (0..size).rev().map(|n| word(bits, n)).collect();
    if swap_words {
        words.reverse();
    }
    words
}

/// The whole number of counts nearest to an amount.
fn raw(amount: Decimal, factor: Decimal) -> i128 {
    quotient(amount, factor, 0).map_or(
        if amount.is_negative() == factor.is_negative() { i128::MAX } else { i128::MIN },
        Decimal::mantissa,
    )
}

/// `amount` / `factor` with `scale` digits, halves away from zero, or `None` if too long.
fn quotient(amount: Decimal, factor: Decimal, scale: u8) -> Option<Decimal> {
    let (amount, factor) = (amount.shortened(), factor.shortened());
    let power = |exponent: u8| 10_i128.checked_pow(u32::from(exponent));
    let above = u8::checked_add(factor.scale(), scale)?;
    let common = above.min(amount.scale());
    let over = amount.mantissa().checked_mul(power(above - common)?)?;
    let under = factor.mantissa().checked_mul(power(amount.scale() - common)?)?;
    let (whole, rest) = (over.checked_div(under)?, over.checked_rem(under)?);
    let up = i128::from(rest.unsigned_abs() >= under.unsigned_abs().div_ceil(2));
    Some(Decimal::new(whole + up * over.signum() * under.signum(), scale))
}

fn int(raw: i128, size: u8) -> u128 {
    let spare = 128 - 16 * u32::from(size.min(8));
    raw.clamp(i128::MIN >> spare, i128::MAX >> spare).cast_unsigned()
}

fn uint(raw: i128, size: u8) -> u128 {
    let spare = 128 - 16 * u32::from(size.min(8));
    raw.max(0).cast_unsigned().min(u128::MAX >> spare)
}

fn bcd(raw: i128, size: u8) -> u128 {
    let digits = 4 * u32::from(size.min(4));
    let mut rest = raw.max(0).cast_unsigned().min(10_u128.pow(digits) - 1);
    let mut bits = 0;
    for place in 0..digits {
        bits |= (rest % 10) << (4 * place);
        rest /= 10;
    }
    bits
}

/// The float nearest to the exact quotient: its decimal digits are read as a float, which rounds
/// once.
fn float(amount: Decimal, register: &Register) -> u128 {
    let digits = (0..=15).rev().find_map(|scale| quotient(amount, register.factor, scale));
    let text = digits.unwrap_or(Decimal::ZERO).to_string();
    match register.size {
        1 => u128::from(half(text.parse().unwrap_or_default())),
        2 => u128::from(text.parse::<f32>().unwrap_or_default().to_bits()),
        _ => u128::from(text.parse::<f64>().unwrap_or_default().to_bits()),
    }
}

/// The float16 nearest to a float32, halves to even, the largest one for what is too large.
fn half(value: f32) -> u16 {
    const LARGEST: u32 = 0x7bff;
    let bits = value.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    let exponent = magnitude >> 23;
    let kept = match exponent {
        143.. => LARGEST,
        113.. => rounded(magnitude - (112 << 23), 13).min(LARGEST),
        102.. => rounded((magnitude & 0x007f_ffff) | 0x0080_0000, 126 - exponent),
        _ => 0,
    };
    u16::try_from(sign | kept).unwrap_or_default()
}

/// Shifts right, rounding halves to even.
fn rounded(bits: u32, by: u32) -> u32 {
    let (kept, rest, half) = (bits >> by, bits & ((1 << by) - 1), 1 << (by - 1));
    kept + u32::from(rest > half || (rest == half && kept & 1 == 1))
}

fn word(bits: u128, n: u8) -> u16 {
    u16::try_from((bits >> (16 * u32::from(n))) & 0xffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use catalog::decode;
    use domain::Quantity;
    use proptest::prelude::*;
    use wire::modbus::Function;

    use super::*;

    fn register(data_type: DataType, size: u8, factor: &str, round: u8) -> Register {
        Register {
            quantity: Quantity::from_name("en_net").unwrap(),
            function: Function::Input,
            start: 0,
            size,
            data_type,
            swap_words: false,
            swap_bytes: false,
            factor: factor.parse().unwrap(),
            round,
            unavailable: Vec::new(),
            pause: None,
            type_assumed: false,
        }
    }

    #[test]
    fn known_values_have_known_registers() {
        use DataType::{Bcd, Float, Int, Uint};
        for (amount, data_type, size, factor, words) in [
            ("308.55", Float, 2, "1", vec![0x439a, 0x4666]),
            ("-1", Int, 1, "1", vec![0xffff]),
            ("12.345", Uint, 2, "0.001", vec![0, 12_345]),
            ("0.0005", Uint, 1, "0.001", vec![1]),
            ("1234.5678", Bcd, 2, "0.0001", vec![0x1234, 0x5678]),
            ("1.5", Float, 1, "1", vec![0x3e00]),
            ("100000", Float, 1, "1", vec![0x7bff]),
            ("70000", Uint, 1, "1", vec![0xffff]),
            ("-5", Uint, 1, "1", vec![0]),
            ("-40000", Int, 1, "1", vec![0x8000]),
            ("50000", Bcd, 1, "1", vec![0x9999]),
            ("3", Int, 1, "-1", vec![0xfffd]),
            ("230.5", Float, 4, "1", vec![0x406c, 0xd000, 0, 0]),
        ] {
            let register = register(data_type, size, factor, 2);
            assert_eq!(encode(amount.parse().unwrap(), &register), words, "{amount}");
        }
    }

    #[test]
    fn registers_are_swapped_as_the_meter_swaps_them() {
        let plain = register(DataType::Uint, 4, "1", 0);
        let amount = Decimal::from(0x0102_0304_0506_0708);
        let words = Register { swap_words: true, ..plain.clone() };
        let both = Register { swap_words: true, swap_bytes: true, ..plain };
        assert_eq!(encode(amount, &words), [0x0708, 0x0506, 0x0304, 0x0102]);
        assert_eq!(encode(amount, &both), [0x0807, 0x0605, 0x0403, 0x0201]);
    }

    proptest! {
        #[test]
        fn decoding_gives_the_value_again(
            (data_type, size, digits) in prop_oneof![
                (Just(DataType::Int), Just(1), Just(4)), (Just(DataType::Int), Just(2), Just(9)),
                (Just(DataType::Int), Just(4), Just(17)), (Just(DataType::Int), Just(8), Just(17)),
                (Just(DataType::Uint), Just(1), Just(4)), (Just(DataType::Uint), Just(2), Just(9)),
                (Just(DataType::Uint), Just(4), Just(17)), (Just(DataType::Bcd), Just(1), Just(4)),
                (Just(DataType::Bcd), Just(2), Just(8)), (Just(DataType::Bcd), Just(4), Just(16)),
                (Just(DataType::Float), Just(1), Just(3)), (Just(DataType::Float), Just(2), Just(7)),
                (Just(DataType::Float), Just(4), Just(15)),
            ],
            (mantissa, round) in (any::<i64>(), 0_u8..=4),
            (swap_words, swap_bytes, negative) in any::<(bool, bool, bool)>(),
        ) {
            let signed = matches!(data_type, DataType::Int | DataType::Float);
            let counts = mantissa.unsigned_abs() % 10_u64.pow(digits);
            let counts = i128::from(counts) * if negative && signed { -1 } else { 1 };
            let amount = Decimal::new(counts, round);
            // A whole-number register counts in its last digit; a float shows the value itself.
            let factor = match data_type {
                DataType::Float => "1".to_owned(),
                _ => Decimal::new(1, round).to_string(),
            };
            let register = Register {
                swap_words, swap_bytes, ..register(data_type, size, &factor, round)
            };
            prop_assert_eq!(decode(&register, &encode(amount, &register)), Ok(amount));
        }
    }
}
