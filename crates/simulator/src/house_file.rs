//! A house file as written, and how its tables become plans.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use catalog::{CheckedBus, CheckedMeter, Identity, Port};
use domain::{Decimal, Key, Medium};
use jiff::Timestamp;
use serde::Deserialize;
use toml::Value;

use crate::delay::{Delay, Pieces, Profile};
use crate::fault::{Fault, Kind, Trouble, Way};
use crate::fault_file::{FaultFile, Struck};
use crate::house::{BusPlan, HouseError, MeterPlan, Place, Simulation, unfit};
use crate::image::Holes;
use crate::load::Load;
use crate::wiring::Crossed;

#[derive(Debug, Deserialize)]
pub(crate) struct HouseFile {
    pub simulation: Option<SimulationFile>,
    #[serde(default)]
    pub bus: Vec<BusFile>,
    #[serde(default)]
    pub meter: Vec<MeterFile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimulationFile {
    seed: Option<u64>,
    start: Option<String>,
    speed: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BusFile {
    pub key: String,
    port: String,
    simulation: Option<BusSimulation>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MeterFile {
    pub key: String,
    pub simulation: Option<MeterSimulation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BusSimulation {
    delay: Option<Profile>,
    delay_ms: Option<Millis>,
    pieces: Option<Pieces>,
    wire_time: Option<bool>,
    one_client: Option<bool>,
    #[serde(default)]
    faults: Vec<FaultFile>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Millis {
    Always(u64),
    Between([u64; 2]),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeterSimulation {
    delay: Option<Profile>,
    delay_ms: Option<Millis>,
    load: Option<Load>,
    index: Option<Value>,
    scale: Option<Value>,
    ct_swapped: Option<[String; 2]>,
    #[serde(default)]
    holes: Holes,
    #[serde(default)]
    faults: Vec<FaultFile>,
}

/// Fastest pace of a house: a day in 24 seconds.
const MOST_SPEED: u32 = 3_600;
/// Longest rest before an answer, in ms.
const MOST_DELAY: u64 = 60_000;

impl SimulationFile {
    /// What is meant.
    ///
    /// # Errors
    /// Says which key is out of range.
    pub(crate) fn check(self) -> Result<Simulation, HouseError> {
        let speed = self.speed.unwrap_or(1);
        if speed > MOST_SPEED {
            return Err(unfit("simulation", format!("`speed` is 0 to {MOST_SPEED}")));
        }
        let start = self.start.map(|text| text.parse::<Timestamp>()).transpose();
        let start = start.map_err(|error| unfit("simulation", format!("`start`: {error}")))?;
        Ok(Simulation { seed: self.seed.unwrap_or(1), start, speed })
    }
}

impl BusPlan {
    /// What is meant by the tables of a bus.
    ///
    /// # Errors
    /// Says what cannot be simulated.
    pub(crate) fn of(bus: &CheckedBus, written: Option<&BusFile>) -> Result<Self, HouseError> {
        let any_port = written.is_some_and(|file| file.port.ends_with(":0"));
        let place = place(&bus.port, any_port).map_err(|what| unfit(&bus.key, what))?;
        let default = BusSimulation::default();
        let plan = written.and_then(|file| file.simulation.as_ref()).unwrap_or(&default);
        let way = place.way();
        if way == Way::Pty && plan.one_client.is_some() {
            return Err(unfit(
                &bus.key,
                "a serial line has no clients: `one_client` is for sockets",
            ));
        }
        let delay = delay(&bus.key, way, (plan.delay, plan.delay_ms))?;
        let usual = if way == Way::Pty { Delay::LINE } else { Delay::SOCKET };
        let (faults, troubles) = faults(&bus.key, &plan.faults, way)?;
        if faults.iter().any(|fault| matches!(fault.kind, Kind::Exchange(_))) {
            return Err(unfit(&bus.key, "a meter is exchanged: write `exchange` there"));
        }
        Ok(Self {
            faults,
            troubles,
            key: bus.key.clone(),
            place,
            delay: delay.unwrap_or(usual),
            pieces: plan.pieces,
            wire_time: plan.wire_time.unwrap_or(way == Way::Pty),
            one_client: plan.one_client.unwrap_or_default(),
        })
    }
}

impl MeterPlan {
    /// What is meant by the tables of a meter.
    ///
    /// # Errors
    /// Says what cannot be simulated.
    pub(crate) fn of(
        meter: &CheckedMeter,
        bus: &BusPlan,
        written: Option<&MeterSimulation>,
    ) -> Result<Self, HouseError> {
        let default = MeterSimulation::default();
        let written = written.unwrap_or(&default);
        let load = written.load.unwrap_or(usual(meter.medium));
        if !flows(load, meter.medium) {
            let what = format!("a meter of {} cannot measure such a load", meter.medium);
            return Err(unfit(&meter.key, what));
        }
        if load == Load::Grid && written.scale.is_some() {
            return Err(unfit(&meter.key, "the grid connection is the sum of the others"));
        }
        let scale = match &written.scale {
            None => 1_000,
            Some(scale) => {
                thousandths(scale).ok_or_else(|| unfit(&meter.key, "`scale` is 0.001 to 1000"))?
            }
        };
        let index = match &written.index {
            None => None,
            Some(index) => {
                let fits = number(index).filter(|index| !index.is_negative());
                let fits = fits.filter(|index| index.rounded(9).is_some());
                Some(fits.ok_or_else(|| unfit(&meter.key, "`index` is a number from 0 up"))?)
            }
        };
        let mut struck = bus.faults.clone();
        let way = bus.place.way();
        let (faults, troubles) = faults(&meter.key, &written.faults, way)?;
        if !troubles.is_empty() {
            return Err(unfit(&meter.key, "that is a fault of a bus, not of a meter"));
        }
        struck.extend(faults);
        let delay = delay(&meter.key, way, (written.delay, written.delay_ms))?;
        Ok(Self {
            load,
            index,
            scale,
            delay: delay.unwrap_or(bus.delay),
            crossed: crossed(meter, written.ct_swapped.as_ref())?,
            holes: written.holes,
            faults: struck,
            identify: Vec::new(),
        })
    }
}

impl MeterPlan {
    /// Refuses to exchange a meter whose serial number nobody could read.
    ///
    /// # Errors
    /// Says so.
    pub(crate) fn can_be_exchanged(&self, meter: &CheckedMeter) -> Result<(), HouseError> {
        let exchanged = self.faults.iter().any(|fault| matches!(fault.kind, Kind::Exchange(_)));
        let told = self.identify.iter().any(|one| one.meaning == Identity::Serial)
            || meter.registers.iter().any(|one| one.quantity.name() == "serial_number");
        if exchanged && !told {
            let what = "`exchange` is for a model with a serial number: nobody could notice";
            return Err(unfit(&meter.key, what));
        }
        Ok(())
    }
}

fn place(port: &Port, any_port: bool) -> Result<Place, String> {
    let at = |host: &catalog::Host| {
        let name = if host.name == "localhost" { "127.0.0.1" } else { host.name.as_str() };
        let ip = name.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let tcp_port = if any_port { 0 } else { host.tcp_port };
        ip.is_loopback().then_some(SocketAddr::new(ip, tcp_port)).ok_or_else(|| {
            format!("{} is not this machine: simulated meters answer on 127.0.0.1 only", host.name)
        })
    };
    match port {
        Port::Tcp(host) => Ok(Place::Tcp(at(host)?)),
        Port::RtuOverTcp(host) => Ok(Place::RtuOverTcp(at(host)?)),
        Port::Serial(path) => {
            let path = PathBuf::from(path);
            let own = path.is_absolute() && !path.starts_with("/dev");
            let outside = !path.components().any(|part| part.as_os_str() == "..");
            (own && outside).then_some(Place::Pty(path)).ok_or_else(|| {
                "a simulated serial line is linked at an absolute path outside /dev".to_owned()
            })
        }
    }
}

/// The delay by name or in milliseconds, if one is written.
fn delay(
    key: &Key,
    way: Way,
    written: (Option<Profile>, Option<Millis>),
) -> Result<Option<Delay>, HouseError> {
    let (from, to) = match written {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(unfit(key, "`delay` and `delay_ms`: take one of them")),
        (Some(Profile::Converter), None) if way == Way::Pty => {
            return Err(unfit(key, "a serial line has no converter"));
        }
        (Some(profile), None) => return Ok(Some(Delay::of(profile))),
        (None, Some(Millis::Always(ms))) => (ms, ms),
        (None, Some(Millis::Between([from, to]))) => (from, to),
    };
    if from > to || to > MOST_DELAY {
        return Err(unfit(key, format!("`delay_ms` is [from, to], at most {MOST_DELAY}")));
    }
    Ok(Some(Delay::millis(from, to)))
}

/// The phases whose current transformers are exchanged.
fn crossed(
    meter: &CheckedMeter,
    written: Option<&[String; 2]>,
) -> Result<Option<Crossed>, HouseError> {
    let Some(phases) = written else { return Ok(None) };
    let crossed: Crossed =
        phases.join(",").parse().map_err(|what: &str| unfit(&meter.key, what))?;
    crossed.fits(meter).map_err(|what| unfit(&meter.key, what))?;
    Ok(Some(crossed))
}

type Faults = (Vec<Fault<Kind>>, Vec<Fault<Trouble>>);

/// What goes wrong with meters, and with the bus.
fn faults(key: &Key, written: &[FaultFile], way: Way) -> Result<Faults, HouseError> {
    let (mut faults, mut troubles) = (Vec::new(), Vec::new());
    for fault in written {
        match fault.check(way).map_err(|what| unfit(key, what))? {
            Struck::Meter(fault) => faults.push(fault),
            Struck::Bus(fault) => troubles.push(fault),
        }
    }
    Ok((faults, troubles))
}

fn usual(medium: Medium) -> Load {
    match medium {
        Medium::Electricity => Load::Household,
        Medium::Heat => Load::Heat,
        Medium::Cold => Load::Cold,
        Medium::Water => Load::ColdWater,
        Medium::Gas => Load::Constant,
    }
}

fn flows(load: Load, medium: Medium) -> bool {
    match load {
        Load::Household | Load::Common | Load::HeatPump | Load::Solar | Load::Grid => {
            medium == Medium::Electricity
        }
        Load::Heat | Load::Cold => matches!(medium, Medium::Heat | Medium::Cold),
        Load::ColdWater | Load::HotWater => medium == Medium::Water,
        Load::Constant => true,
    }
}

fn thousandths(scale: &Value) -> Option<i64> {
    let scale = number(scale)?.rounded(3)?;
    i64::try_from(scale.mantissa()).ok().filter(|scale| (1..=1_000_000).contains(scale))
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(whole) => Some(Decimal::from(*whole)),
        Value::Float(float) => float.to_string().parse().ok(),
        _ => None,
    }
}
