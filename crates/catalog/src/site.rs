use std::time::Duration;

use domain::{Key, Medium, SiteRecord};
use wire::Line;

use crate::{Port, Register};

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
}

/// A meter as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedMeter {
    /// Its name in the site.
    pub key: Key,
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
    /// From sweep to sweep. Zero means sweep after sweep without rest.
    pub interval: Duration,
    /// Repetitions after a failure; `None`: two after a damaged answer, one after silence.
    pub retries: Option<u8>,
    /// The most registers of one question.
    pub max_registers: u16,
    /// Whether start and count of every question must be even.
    pub align_even: bool,
    /// What is read.
    pub registers: Vec<Register>,
}
