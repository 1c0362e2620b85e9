//! From registers to an exact value.

mod amount;

use domain::{Decimal, Reason};

use crate::{DataType, Register};
use amount::Amount;

/// What the registers of one entry say, in the unit of its quantity.
///
/// In this order: words and bytes are swapped, the raw value is compared with those that mean "no
/// reading", the bits are decoded (a float at its true binary value), multiplied by the factor
/// exactly, and rounded once to `register.round` digits, half away from zero. There is no minus
/// zero. The usual values are worked out without allocation.
///
/// # Errors
/// [`Reason::Sentinel`] for a declared raw value, [`Reason::NotFinite`] for a float that is no
/// number or infinite, [`Reason::BadBcd`] for a packed digit above 9, [`Reason::Overflow`] when the
/// exact value is 10^19 or more on either side of zero, and [`Reason::Frame`] when `words` is not
/// as long as the entry.
pub fn decode(register: &Register, words: &[u16]) -> Result<Decimal, Reason> {
    if words.len() != usize::from(register.size) || !register.data_type.fits(register.size) {
        return Err(Reason::Frame);
    }
    let bits = arranged(words, register.swap_words, register.swap_bytes);
    if register.unavailable.contains(&bits) {
        return Err(Reason::Sentinel);
    }
    let amount = Amount::of(bits, register.data_type, register.size)?;
    amount.times_rounded(register.factor, register.round).ok_or(Reason::Overflow)
}

/// Everything the registers could mean: every data type in every order, for a person who has to
/// tell which of them the meter shows.
///
/// Each row is a name (`f32`, `u32 words swapped`) and the value without factor, or the name of the
/// reason why there is none. Nothing is rounded; a float is shown with the fewest digits that tell
/// it apart. Empty unless 1, 2, 4 or 8 registers are given.
///
/// ```
/// let rows = catalog::interpretations(&[0x4366, 0x3333]);
/// assert!(rows.contains(&("f32".to_owned(), "230.2".to_owned())));
/// assert!(rows.contains(&("u32".to_owned(), "1130771251".to_owned())));
/// ```
#[must_use]
pub fn interpretations(words: &[u16]) -> Vec<(String, String)> {
    const ORDERS: [(bool, bool, &str); 4] = [
        (false, false, ""),
        (true, false, " words swapped"),
        (false, true, " bytes swapped"),
        (true, true, " words and bytes swapped"),
    ];
    let Ok(size) = u8::try_from(words.len()) else { return Vec::new() };
    let types = DataType::ALL.into_iter().filter(|data_type| data_type.fits(size));
    let rows = types.flat_map(|data_type| {
        let orders = ORDERS.into_iter().filter(|(swap_words, ..)| size > 1 || !swap_words);
        orders.map(move |(swap_words, swap_bytes, order)| {
            let bits = arranged(words, swap_words, swap_bytes);
            let text = match Amount::of(bits, data_type, size) {
                Ok(amount) => amount.to_text(bits, data_type, size),
                Err(reason) => reason.name().to_owned(),
            };
            (format!("{}{}{order}", data_type.letter(), u16::from(size) * 16), text)
        })
    });
    rows.collect()
}

/// The registers as one number, the first one the most significant unless they are swapped.
fn arranged(words: &[u16], swap_words: bool, swap_bytes: bool) -> u128 {
    let join = |bits: u128, word: &u16| {
        (bits << 16) | u128::from(if swap_bytes { word.swap_bytes() } else { *word })
    };
    if swap_words { words.iter().rev().fold(0, join) } else { words.iter().fold(0, join) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_register_has_no_word_order() {
        let rows = interpretations(&[0x1234]);
        let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "i16",
            "i16 bytes swapped",
            "u16",
            "u16 bytes swapped",
            "f16",
            "f16 bytes swapped",
            "bcd16",
            "bcd16 bytes swapped",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn what_cannot_be_decoded_says_why() {
        let rows = interpretations(&[0xffff, 0xffff]);
        let text = |name: &str| rows.iter().find(|row| row.0 == name).map(|row| row.1.as_str());
        assert_eq!(text("i32"), Some("-1"));
        assert_eq!(text("u32"), Some("4294967295"));
        assert_eq!(text("f32"), Some("not_finite"));
        assert_eq!(text("bcd32 words swapped"), Some("bad_bcd"));
    }

    #[test]
    fn the_widest_numbers_are_shown_whole() {
        let rows = interpretations(&[0xffff; 8]);
        assert!(rows.contains(&("i128".into(), "-1".into())));
        assert!(rows.contains(&("u128".into(), u128::MAX.to_string())));
        assert!(interpretations(&[1, 2, 3]).is_empty(), "no data type fills three registers");
        assert!(interpretations(&[]).is_empty());
    }
}
