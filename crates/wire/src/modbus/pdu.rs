use std::fmt;

/// The two ways of reading registers. No other function is ever sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Function 3, holding registers.
    Holding,
    /// Function 4, input registers.
    Input,
}

impl Function {
    /// The function code on the wire: 3 or 4.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Holding => 3,
            Self::Input => 4,
        }
    }

    /// The function of a code, or `None` for every code that does not read registers.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            3 => Some(Self::Holding),
            4 => Some(Self::Input),
            _ => None,
        }
    }
}

/// One question: registers `start .. start + count` of the meter at `address`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Read {
    /// The meter's number on its bus: 1 to 247 on a serial line, 0 to 255 on TCP.
    pub address: u8,
    /// Holding or input registers.
    pub function: Function,
    /// First register, from 0, as sent on the wire.
    pub start: u16,
    /// How many registers, 1 to 125.
    pub count: u16,
}

impl Read {
    /// The most registers one answer can carry.
    pub const MOST: u16 = 125;

    /// The five bytes both framings carry: function, start, count.
    #[must_use]
    pub const fn pdu(self) -> [u8; 5] {
        let [a, b] = self.start.to_be_bytes();
        let [c, d] = self.count.to_be_bytes();
        [self.function.code(), a, b, c, d]
    }
}

/// The exception code with which a meter says no.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Refusal(pub u8);

impl Refusal {
    /// The name the specification gives to the code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            1 => "illegal_function",
            2 => "illegal_data_address",
            3 => "illegal_data_value",
            4 => "server_device_failure",
            5 => "acknowledge",
            6 => "server_device_busy",
            7 => "negative_acknowledge",
            8 => "memory_parity_error",
            10 => "gateway_path_unavailable",
            11 => "gateway_target_device_failed_to_respond",
            _ => "unknown_exception",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception {} ({})", self.0, self.name())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
