//! Bytes as people read them: `01 04 00 48`, both ways.

use std::fmt;

/// Shows bytes as pairs of capital digits with blanks between, without building a string first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, byte) in self.0.iter().enumerate() {
            let blank = if n == 0 { "" } else { " " };
            write!(f, "{blank}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Why a text is no sequence of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A character that is no hexadecimal digit and no blank.
    #[error("{found:?} at character {at} is no hexadecimal digit")]
    NotADigit {
        /// Its place, counted from 1.
        at: usize,
        /// The character.
        found: char,
    },
    /// A group with an odd number of digits: half a byte.
    #[error("the digit at character {at} stands alone, a byte has two")]
    HalfAByte {
        /// The place of the lonely digit, counted from 1.
        at: usize,
    },
}

/// Reads bytes from a text; blanks between bytes are welcome and not needed.
///
/// # Errors
/// When a character is neither digit nor blank, or a byte has one digit only.
pub fn parse(text: &str) -> Result<Vec<u8>, Malformed> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    let mut last = 0;
    for (n, found) in text.chars().enumerate() {
        last = n;
        let digit = found.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (digit, high) {
            (Some(digit), None) => high = Some(digit),
            (Some(digit), Some(first)) => {
                bytes.push(first << 4 | digit);
                high = None;
            }
            (None, _) if !found.is_whitespace() => {
                return Err(Malformed::NotADigit { at: n + 1, found });
            }
            (None, Some(_)) => return Err(Malformed::HalfAByte { at: n }),
            (None, None) => {}
        }
    }
    match high {
        Some(_) => Err(Malformed::HalfAByte { at: last + 1 }),
        None => Ok(bytes),
    }
}

/// Writes bytes as pairs of capital digits with blanks between.
#[must_use]
pub fn write(bytes: &[u8]) -> String {
    Hex(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_and_without_blanks() {
        for text in ["01 04 F1 dd", "0104f1DD", " 01\t04  f1dd \n"] {
            assert_eq!(parse(text).unwrap(), [1, 4, 0xf1, 0xdd], "{text}");
        }
        assert_eq!(parse("").unwrap(), []);
        assert_eq!(write(&[1, 4, 0xf1, 0xdd]), "01 04 F1 DD");
    }

    #[test]
    fn what_is_no_byte_is_refused_with_its_place() {
        assert_eq!(parse("01 4").unwrap_err(), Malformed::HalfAByte { at: 4 });
        assert_eq!(parse("1 04").unwrap_err(), Malformed::HalfAByte { at: 1 });
        assert_eq!(parse("01 0g").unwrap_err(), Malformed::NotADigit { at: 5, found: 'g' });
    }
}
