use std::fmt;
use std::time::Duration;

/// The parity bit of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Parity {
    /// No parity bit.
    #[default]
    None,
    /// An even number of ones, the factory setting of several meters.
    Even,
    /// An odd number of ones.
    Odd,
}

impl Parity {
    /// The letter used in parameters: `N`, `E`, `O`.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::None => 'N',
            Self::Even => 'E',
            Self::Odd => 'O',
        }
    }
}

/// How bytes are sent on a serial line. The default is 9600 8N1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// Bits a second, 300 to 115200.
    pub baud: u32,
    /// The parity bit.
    pub parity: Parity,
    /// 7 or 8.
    pub data_bits: u8,
    /// 1 or 2.
    pub stop_bits: u8,
}

impl Default for Line {
    fn default() -> Self {
        Self { baud: 9600, parity: Parity::None, data_bits: 8, stop_bits: 1 }
    }
}

impl Line {
    /// Bits of one character on the wire: start, data, parity, stop.
    #[must_use]
    pub fn bits(self) -> u32 {
        let parity = u32::from(self.parity != Parity::None);
        1 + u32::from(self.data_bits) + parity + u32::from(self.stop_bits)
    }

    /// The time `bytes` characters take on the wire.
    #[must_use]
    pub fn wire_time(self, bytes: usize) -> Duration {
        let bits = u64::from(self.bits()).saturating_mul(bytes.try_into().unwrap_or(u64::MAX));
        let baud = u64::from(self.baud.max(1));
        Duration::from_nanos(bits.saturating_mul(1_000_000_000).div_ceil(baud))
    }

    /// The silence that ends a frame: 3.5 characters, and fixed 1.75 ms above 19,200 baud.
    #[must_use]
    pub fn silence(self) -> Duration {
        if self.baud > 19_200 {
            return Duration::from_micros(1_750);
        }
        self.wire_time(7) / 2
    }
}

impl fmt::Display for Line {
    /// `9600 8N1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { baud, parity, data_bits, stop_bits } = self;
        write!(f, "{baud} {data_bits}{}{stop_bits}", parity.letter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_takes_ten_or_eleven_bits() {
        let plain = Line::default();
        let even = Line { parity: Parity::Even, ..plain };
        assert_eq!((plain.bits(), even.bits()), (10, 11));
        assert_eq!(plain.wire_time(24), Duration::from_millis(25));
        assert_eq!(plain.to_string(), "9600 8N1");
        assert_eq!(even.to_string(), "9600 8E1");
    }

    #[test]
    fn the_silence_is_three_and_a_half_characters_up_to_19200_baud() {
        assert_eq!(Line::default().silence(), Duration::from_nanos(3_645_833));
        let fast = Line { baud: 115_200, ..Line::default() };
        assert_eq!(fast.silence(), Duration::from_micros(1_750));
    }
}
