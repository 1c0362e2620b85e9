use wire::{Line, transcript};

/// How frames are told apart on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Frames end by silence, and silence is owed before each question.
    Serial(Line),
    /// Frames carry their length and a transaction number.
    Tcp,
    /// Serial frames on a socket: somebody else keeps the silence.
    RtuOverTcp,
}

impl From<Framing> for transcript::Framing {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::Serial(line) => Self::Serial(line),
            Framing::Tcp => Self::Tcp,
            Framing::RtuOverTcp => Self::RtuOverTcp,
        }
    }
}

impl Framing {
    /// How else frames could travel here; `None` where there is only one way.
    pub(crate) fn other(self) -> Option<Self> {
        match self {
            Self::Serial(_) => None,
            Self::Tcp => Some(Self::RtuOverTcp),
            Self::RtuOverTcp => Some(Self::Tcp),
        }
    }

    /// What to do where this framing is answered and the one of the file is not.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Tcp => {
                "it answers Modbus TCP, not raw RTU: write tcp:// in place of rtu+tcp://, \
                 or set the converter to transparent"
            }
            Self::RtuOverTcp | Self::Serial(_) => {
                "it answers raw RTU, not Modbus TCP: write rtu+tcp:// in place of tcp://, \
                 or set the converter to Modbus gateway"
            }
        }
    }
}
