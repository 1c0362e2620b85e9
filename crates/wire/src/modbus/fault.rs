/// Why an exchange brought no answer. Never a reason to guess one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// Nothing was heard that could have come from the meter.
    #[error("no answer")]
    Silent,
    /// Only our own question came back.
    #[error("only the echo of the question came back")]
    EchoOnly,
    /// A frame whose checksum is wrong.
    #[error("damaged: the checksum is {heard:04X}, and should be {expected:04X}")]
    BadCrc {
        /// As received.
        heard: u16,
        /// As worked out over the bytes received.
        expected: u16,
    },
    /// A frame that ends too early.
    #[error("the answer is cut short")]
    Truncated,
    /// Bytes, but no frame in them.
    #[error("noise: bytes without a frame")]
    Noise,
    /// Frames of other meters only, or an answer under the right transaction from another one.
    #[error("meter {heard} answered, {expected} was asked")]
    WrongUnit {
        /// The address that answered.
        heard: u8,
        /// The address asked.
        expected: u8,
    },
    /// A frame of the meter asked that answers another function.
    #[error("function {heard} was answered, {expected} was asked")]
    WrongFunction {
        /// The function code received.
        heard: u8,
        /// The function code asked.
        expected: u8,
    },
    /// A whole frame that carries another number of registers than asked for.
    #[error("{heard} data bytes came, {expected} were asked for")]
    WrongByteCount {
        /// The byte count received.
        heard: u8,
        /// Twice the number of registers asked for.
        expected: u16,
    },
    /// A Modbus TCP frame whose length contradicts its content.
    #[error("the header announces {heard} bytes, the content needs {expected}")]
    WrongLength {
        /// The length in the header.
        heard: u16,
        /// The length that would fit the content.
        expected: u16,
    },
    /// A refusal that is not exactly one code long.
    #[error("a refusal of the wrong length")]
    MalformedException,
    /// Two different answers to one question: two meters with one address, or two masters.
    #[error("two different answers came to one question")]
    Ambiguous,
    /// Not Modbus TCP; often a converter that is set to transparent, which `rtu+tcp://` speaks to.
    #[error("this is not Modbus TCP (protocol {heard}); perhaps RTU over TCP, rtu+tcp://")]
    BadProtocolId {
        /// The protocol number received; Modbus is 0.
        heard: u16,
    },
    /// A Modbus TCP header that announces an impossible length.
    #[error("the header announces {heard} bytes, which no frame has")]
    BadHeaderLength {
        /// The length received; 3 to 254 are possible.
        heard: u16,
    },
    /// Answers to other transactions only.
    #[error("transaction {heard} was answered, {expected} was asked")]
    WrongTransaction {
        /// The first transaction received.
        heard: u16,
        /// The transaction asked.
        expected: u16,
    },
    /// The port or connection was closed before an answer.
    #[error("the connection was closed")]
    Closed,
    /// The connection was reset before an answer.
    #[error("the connection was reset")]
    Reset,
}

impl Fault {
    /// The stable name used in counters, records and shared cases.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Silent => "no_response",
            Self::EchoOnly => "echo_only",
            Self::BadCrc { .. } => "bad_crc",
            Self::Truncated => "truncated",
            Self::Noise => "noise",
            Self::WrongUnit { .. } => "wrong_unit",
            Self::WrongFunction { .. } => "wrong_function",
            Self::WrongByteCount { .. } => "wrong_byte_count",
            Self::WrongLength { .. } => "wrong_length",
            Self::MalformedException => "malformed_exception",
            Self::Ambiguous => "ambiguous",
            Self::BadProtocolId { .. } => "bad_protocol_id",
            Self::BadHeaderLength { .. } => "bad_mbap_length",
            Self::WrongTransaction { .. } => "wrong_transaction",
            Self::Closed | Self::Reset => "connection_closed",
        }
    }

    /// What the fault says about the meter, and so whether asking again may help.
    #[must_use]
    pub const fn consequence(self) -> Consequence {
        match self {
            Self::Silent | Self::EchoOnly | Self::WrongUnit { .. } => Consequence::Silent,
            Self::WrongTransaction { .. } => Consequence::Silent,
            Self::Closed | Self::Reset => Consequence::Line,
            Self::BadProtocolId { .. } | Self::BadHeaderLength { .. } => Consequence::Line,
            Self::BadCrc { .. } | Self::Truncated | Self::Noise => Consequence::Frame,
            Self::WrongFunction { .. } | Self::WrongByteCount { .. } => Consequence::Frame,
            Self::WrongLength { .. } | Self::MalformedException => Consequence::Frame,
            Self::Ambiguous => Consequence::Frame,
        }
    }

    /// Whether the meter asked said nothing at all, whatever others said.
    #[must_use]
    pub const fn is_silence(self) -> bool {
        matches!(self.consequence(), Consequence::Silent)
    }

    /// Whether something came that was damaged or wrong, so that asking again soon may help.
    #[must_use]
    pub const fn is_damage(self) -> bool {
        matches!(self.consequence(), Consequence::Frame)
    }
}

/// Faults by what follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consequence {
    /// The port or connection is of no use any more.
    Line,
    /// Something damaged or wrong was heard.
    Frame,
    /// The meter asked said nothing.
    Silent,
}
