use std::time::Duration;

use catalog::{Block, CheckedMeter, CheckedSite, Identify, Limits, Port, Register, Retries, Rs485};
use domain::{Key, PlanNumber, Quantity};
use wire::Line;

use crate::port::Access;

/// What a gateway has to read: the newest number wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Carried by every reading: its value is a function of its raw words and this plan.
    pub number: PlanNumber,
    /// One bus, one port, one owner.
    pub buses: Vec<BusPlan>,
}

/// A bus and the meters on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusPlan {
    /// Its name in the site.
    pub key: Key,
    /// Where it is reached.
    pub port: Port,
    /// Who turns an RS485 line round.
    pub rs485: Rs485,
    /// Its meters, in the order of the site file.
    pub meters: Vec<MeterPlan>,
}

/// A meter and what to ask of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterPlan {
    /// Its name in the site.
    pub key: Key,
    /// Its number on the bus.
    pub address: u8,
    /// The line it is spoken to with; without meaning on a socket.
    pub line: Line,
    /// Patience for the first byte of an answer.
    pub timeout: Duration,
    /// Whether somebody chose the patience. Else it follows how fast the meter is, and the one here
    /// is the longest.
    pub timeout_is_chosen: bool,
    /// How often a question is asked again.
    pub retries: Retries,
    /// From sweep to sweep; zero means without rest.
    pub interval: Duration,
    /// Quantities that are read at another interval.
    pub intervals: Vec<(Quantity, Duration)>,
    /// Whether the time of a question depends on the delay of the meter: on a line it does.
    pub is_timed: bool,
    /// What the meter allows in one question.
    pub limits: Limits,
    /// The registers of its serial number, if they are known: it is looked at now and then.
    pub serial: Option<Identify>,
    /// What is read.
    pub registers: Vec<Register>,
}

impl Plan {
    /// The plan of a checked site.
    #[must_use]
    pub fn of(site: &CheckedSite, number: PlanNumber) -> Self {
        let buses = site.buses.iter().map(|bus| BusPlan {
            key: bus.key.clone(),
            port: bus.port.clone(),
            rs485: bus.rs485,
            meters: site
                .meters
                .iter()
                .filter(|meter| meter.bus == bus.key)
                .map(|meter| MeterPlan::of(meter, &bus.port))
                .collect(),
        });
        Self { number, buses: buses.filter(|bus| !bus.meters.is_empty()).collect() }
    }
}

impl BusPlan {
    /// How its port is come to, at any address.
    #[must_use]
    pub fn access(&self) -> Access {
        Access::to(self.port.clone()).turned(self.rs485)
    }
}

impl MeterPlan {
    /// Which registers go into one question, if all are read.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        catalog::plan(&self.registers, &self.limits)
    }

    /// The intervals at which parts of the meter are read, the shortest first; at most
    /// [`PACES`](Self::PACES).
    pub(crate) fn paces(&self) -> Vec<Duration> {
        let mut paces: Vec<Duration> =
            self.registers.iter().map(|register| self.interval_of(register)).collect();
        paces.sort_unstable();
        paces.dedup();
        paces.truncate(Self::PACES);
        paces
    }

    /// The most paces of one meter: they are told apart by the bits of a word.
    const PACES: usize = 64;

    /// Which registers go into one question, if those of some paces are read.
    pub(crate) fn blocks_of(&self, paces: u64, limits: &Limits) -> Vec<Block> {
        let entries = self.entries_of(paces);
        let registers: Vec<Register> =
            entries.iter().filter_map(|n| self.registers.get(*n).cloned()).collect();
        let mut blocks = catalog::plan(&registers, limits);
        for block in &mut blocks {
            let whole = block.registers.iter().filter_map(|n| entries.get(*n).copied());
            block.registers = whole.collect();
        }
        blocks
    }

    /// The places of the registers that are read at some paces.
    pub(crate) fn entries_of(&self, paces: u64) -> Vec<usize> {
        let known = self.paces();
        let wanted = |register: &Register| {
            let interval = self.interval_of(register);
            let last = known.len().saturating_sub(1);
            let pace = known.iter().position(|pace| *pace == interval).unwrap_or(last);
            paces & (1 << pace) != 0
        };
        let registers = self.registers.iter().enumerate();
        registers.filter(|(_, register)| wanted(register)).map(|(n, _)| n).collect()
    }

    fn interval_of(&self, register: &Register) -> Duration {
        catalog::interval_of(register, self.interval, &self.intervals)
    }

    /// The longest rest that an entry of the block asks for.
    pub(crate) fn pause_after(&self, block: &Block) -> Duration {
        let entries = block.registers.iter().filter_map(|n| self.registers.get(*n));
        entries.filter_map(|register| register.pause).max().unwrap_or_default()
    }

    fn of(meter: &CheckedMeter, port: &Port) -> Self {
        Self {
            key: meter.key.clone(),
            address: meter.address,
            line: meter.line,
            timeout: meter.timeout,
            timeout_is_chosen: meter.timeout_is_chosen,
            retries: meter.retries,
            interval: meter.interval,
            intervals: meter.intervals.clone(),
            is_timed: !matches!(port, Port::Tcp(_)),
            limits: meter.limits(port),
            serial: meter.serial.clone(),
            registers: meter.registers.clone(),
        }
    }
}
