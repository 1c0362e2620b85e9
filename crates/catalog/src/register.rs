use std::time::Duration;

use domain::{Decimal, Quantity};
use wire::modbus::Function;

/// How the bits of the registers of one entry are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Two's complement, 16 to 128 bits.
    Int,
    /// Unsigned, 16 to 128 bits.
    Uint,
    /// IEEE 754, 16, 32 or 64 bits.
    Float,
    /// Packed decimal digits, four a register, 16 to 64 bits.
    Bcd,
}

impl DataType {
    /// Every data type.
    pub const ALL: [Self; 4] = [Self::Int, Self::Uint, Self::Float, Self::Bcd];

    /// The value of the parameter `data_type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Float => "float",
            Self::Bcd => "bcd",
        }
    }

    /// The first letters of its short names: `i` of `i32`, `f` of `f64`, `bcd` of `bcd16`.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Int => "i",
            Self::Uint => "u",
            Self::Float => "f",
            Self::Bcd => "bcd",
        }
    }

    /// Whether a value of this type can fill `size` registers.
    #[must_use]
    pub const fn fits(self, size: u8) -> bool {
        match self {
            Self::Int | Self::Uint => matches!(size, 1 | 2 | 4 | 8),
            Self::Float | Self::Bcd => matches!(size, 1 | 2 | 4),
        }
    }
}

/// One register entry, checked: where a quantity sits in a meter and what its bits mean.
///
/// Model files and parameter bags spell it differently; both become this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// What is read.
    pub quantity: Quantity,
    /// Holding or input registers.
    pub function: Function,
    /// First register, from 0, as sent on the wire. `start + size - 1` is at most 65535.
    pub start: u16,
    /// Registers of the value: 1, 2, 4 or 8. They are always read in one question.
    pub size: u8,
    /// What the bits mean.
    pub data_type: DataType,
    /// Whether the least significant register comes first (all of them reversed).
    pub swap_words: bool,
    /// Whether the two bytes inside each register are exchanged.
    pub swap_bytes: bool,
    /// The value is multiplied by it, exactly.
    pub factor: Decimal,
    /// Digits behind the point, 0 to 9, half away from zero: the stored resolution.
    pub round: u8,
    /// Raw values (unsigned, after swapping) that mean "no reading".
    pub unavailable: Vec<u128>,
    /// Rest after the question that reads it; `None` leaves it to the meter's port.
    pub pause: Option<Duration>,
    /// Whether nobody said the data type, so that `int` is only assumed.
    pub type_assumed: bool,
}

impl Register {
    /// An entry that is read as it stands: words and bytes in order, factor 1, no digit behind the
    /// point, no raw value that means nothing, no pause.
    #[must_use]
    pub const fn plain(
        quantity: Quantity,
        function: Function,
        start: u16,
        (data_type, size): (DataType, u8),
    ) -> Self {
        Self {
            quantity,
            function,
            start,
            size,
            data_type,
            swap_words: false,
            swap_bytes: false,
            factor: Decimal::ONE,
            round: 0,
            unavailable: Vec::new(),
            pause: None,
            type_assumed: false,
        }
    }
}
