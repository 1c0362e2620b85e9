use std::time::Duration;

use domain::{Key, Medium, Quantity, SiteRecord};
use wire::Line;

use crate::{Identify, Limits, Port, Register, Rule, USUAL_DELAY};

/// A site file as meant: everything checked, every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedSite {
    /// The same site as records of the registry, settings as written and in normal form.
    pub record: SiteRecord,
    /// The buses, in the order of the file.
    pub buses: Vec<CheckedBus>,
    /// The meters, in the order of the file.
    pub meters: Vec<CheckedMeter>,
}

/// A bus as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedBus {
    /// Its name in the site.
    pub key: Key,
    /// Where it is reached.
    pub port: Port,
    /// Its line; a meter may have another.
    pub line: Line,
    /// Patience for an answer; default 1 s on a serial line, 3 s on a socket.
    pub timeout: Duration,
    /// How often a question is asked again.
    pub retries: Retries,
    /// The interval of its meters that have none of their own, where the bus says one.
    pub interval: Option<Duration>,
    /// Who turns a serial line round between sending and hearing; without meaning on a socket.
    pub rs485: Rs485,
}

/// Who turns an RS485 line round: one pair of wires carries questions and answers, so the driver
/// of our side must let go of it before the meter speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Rs485 {
    /// The adapter does it by itself.
    #[default]
    Auto,
    /// The driver of the kernel does it, in its RS485 mode.
    Kernel,
    /// RTS is raised by us while we send.
    Rts,
}

impl Rs485 {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Kernel, Self::Rts];

    /// The value of the key `rs485`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Kernel => "kernel",
            Self::Rts => "rts",
        }
    }

    /// The way of a name, exact spelling.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }
}

/// How often a question is asked again before a gap is recorded, each 0 to 5.
///
/// The key `retries` of a bus or a meter sets both; a meter that is in back-off is not asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Retries {
    /// After a damaged answer; noise passes, so 2 if not said.
    pub damaged: u8,
    /// After silence; a dead meter must not starve the others, so 1 if not said.
    pub silent: u8,
}

impl Default for Retries {
    fn default() -> Self {
        Self { damaged: 2, silent: 1 }
    }
}

/// A meter as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedMeter {
    /// Its name in the site.
    pub key: Key,
    /// Its name for people.
    pub name: Option<String>,
    /// The bus it hangs on.
    pub bus: Key,
    /// Its number on the bus.
    pub address: u8,
    /// Name of its model, or `generic_modbus`.
    pub model: String,
    /// What flows through it: as written, else as its model or its quantities say.
    pub medium: Medium,
    /// The line it is spoken to with.
    pub line: Line,
    /// Patience for an answer of this meter.
    pub timeout: Duration,
    /// Whether the file says the patience; else it may follow how fast the meter is.
    pub timeout_is_chosen: bool,
    /// From sweep to sweep. Zero means sweep after sweep without rest.
    pub interval: Duration,
    /// The quantities that have an interval of their own, each once and among `registers`.
    pub intervals: Vec<(Quantity, Duration)>,
    /// The most registers of one question.
    pub max_registers: u16,
    /// Whether start and count of every question must be even.
    pub align_even: bool,
    /// How often a question is asked again.
    pub retries: Retries,
    /// The registers of its serial number, if its model tells them.
    pub serial: Option<Identify>,
    /// What is read. Every pause is filled in.
    pub registers: Vec<Register>,
    /// Whether imported energy is taken from the register of the exported one.
    pub en_im_from_en_ex: bool,
    /// Whether exported energy is taken from the register of the imported one.
    pub en_ex_from_en_im: bool,
    /// The correction rule.
    pub rule: Option<Rule>,
}

impl CheckedMeter {
    /// What it takes in one question, and what a question costs before anything was learnt of it.
    #[must_use]
    pub fn limits(&self, port: &Port) -> Limits {
        let limits = match port {
            Port::Serial(_) => Limits::serial(self.max_registers, self.line, USUAL_DELAY),
            // Behind a converter that speaks RTU there is a line as well, as slow as any.
            Port::RtuOverTcp(_) => Limits::serial(self.max_registers, Line::default(), USUAL_DELAY),
            Port::Tcp(_) => Limits::socket(self.max_registers),
        };
        Limits { align_even: self.align_even, ..limits }
    }

    /// From one reading of a register to the next: its quantity's own interval, else the meter's.
    #[must_use]
    pub fn interval_of(&self, register: &Register) -> Duration {
        interval_of(register, self.interval, &self.intervals)
    }
}

/// From one reading of a register to the next: its quantity's own interval, else the usual one.
#[must_use]
pub fn interval_of(
    register: &Register,
    usual: Duration,
    intervals: &[(Quantity, Duration)],
) -> Duration {
    let own = intervals.iter().find(|(quantity, _)| *quantity == register.quantity);
    own.map_or(usual, |(_, interval)| *interval)
}
