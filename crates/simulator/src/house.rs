//! The house file: a site file with tables that say how its meters pretend.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use catalog::{Catalog, CheckedBus, CheckedMeter, CheckedSite, Identify, Port, Problems};
use domain::{Decimal, Key, Medium};
use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;
use toml::Value;

use crate::fault::{Fault, FaultFile, Way};
use crate::image::Holes;
use crate::load::Load;
use crate::site_text::SiteText;

/// A house that can be simulated, read from a house file: a site file plus these tables, each of
/// them and each of their keys optional.
///
/// ```
/// # let text = r#"
/// [simulation]
/// seed = 7                          # the same seed, the same house
/// start = "2026-06-14T00:00:00Z"    # else the time of the clock
/// speed = 60                        # simulated seconds in a second, 0 to 3600
///
/// [site]
/// key = "house"
/// time_zone = "Europe/Zurich"
///
/// [[bus]]
/// key = "a"
/// port = "/run/house/line-a"        # where a pseudo-terminal is linked
/// [bus.simulation]
/// delay_ms = [20, 100]              # rest before an answer, or one number
/// wire_time = true                  # bytes take their time; usual on a pseudo-terminal only
/// faults = [{ kind = "silent", share = 0.01 }]
///
/// [[meter]]
/// key = "apt-1"
/// bus = "a"
/// address = 5
/// model = "eastron/sdm630"
/// [meter.simulation]
/// load = "household"                # else what is usual for its medium
/// scale = 1.2                       # 0.001 to 1000; of a roof: kilowatts of its noon
/// index = 4120.77                   # when the house began
/// holes = "refuse"                  # between registers: "zero" is usual
/// faults = [{ kind = "late", ms = 1500, from = 100, until = 120 }]
/// # "#;
/// let house = simulator::House::parse(text, &catalog::Catalog::shipped())?;
/// assert!(house.site_text().contains("simulated = true"));
/// # Ok::<(), simulator::HouseError>(())
/// ```
///
/// A house without `start` began on 2026-01-01 and goes on where it would be now. A bus may
/// as well be at `tcp://127.0.0.1:1502` or `rtu+tcp://127.0.0.1:4001`: on this machine only, port 0
/// is any free one, and `one_client = true` closes every second client.
///
/// A fault strikes a `share` of the questions to a meter, `from` one question `until` another,
/// counted from 1. Kinds: `silent`, `late` (`ms`), `slow` (a rest of `ms` inside the answer),
/// `wrong_unit`, `crc`, `exception` (`code`), `garbage` (`side` = `before` or `after`), `echo`,
/// `truncated`, `duplicate` (a second device answers too), `zeros`; on sockets `close`; on Modbus
/// TCP `transaction`, but neither `crc` nor `echo`. Faults of a bus strike all its meters.
///
/// The speed a gateway sets on a pseudo-terminal is seen: a meter set to another one stays silent.
/// Its parity is not, because the kernel drops that flag: a meter answers whatever the parity.
#[derive(Debug, Clone)]
pub struct House {
    pub(crate) site: CheckedSite,
    pub(crate) simulation: Simulation,
    pub(crate) buses: Vec<BusPlan>,
    pub(crate) meters: Vec<MeterPlan>,
    text: SiteText,
}

/// Why a house cannot be simulated.
#[derive(Debug, Error)]
pub enum HouseError {
    /// The file is no TOML, or a table of the simulator has an unknown or unfit key.
    #[error("{0}")]
    Malformed(#[from] toml::de::Error),
    /// There is no `[site]`, or a `simulation` is not a table of its own.
    #[error(
        "a house file has a [site], and writes [simulation], [bus.simulation] and \
         [meter.simulation] as tables of their own"
    )]
    NoSite,
    /// What remains as site file has mistakes.
    #[error("the site has mistakes: {}", problems.summary())]
    Site {
        /// The mistakes, with their places.
        problems: Problems,
        /// The text that was judged: the house file without the tables of the simulator.
        text: String,
    },
    /// A key of the simulator says something that cannot be.
    #[error("`{at}`: {what}")]
    Unfit {
        /// The bus or meter, or `simulation`.
        at: String,
        /// What does not fit, as a sentence.
        what: String,
    },
}

impl House {
    /// Reads a house file: takes the tables of the simulator out and checks the rest as a site.
    ///
    /// # Errors
    /// Says what is wrong with the site, or what the simulator cannot do.
    pub fn parse(text: &str, catalog: &Catalog) -> Result<Self, HouseError> {
        let file: HouseFile = toml::from_str(text)?;
        let simulation = file.simulation.unwrap_or_default().check()?;
        let site_text = SiteText::of(text).ok_or(HouseError::NoSite)?;
        let judged = site_text.judged();
        let (site, problems) = catalog::check_site(&judged, catalog);
        let site = site.ok_or(HouseError::Site { problems, text: judged })?;
        let mut buses = Vec::new();
        for bus in &site.buses {
            let written = file.bus.iter().find(|written| written.key == bus.key.as_str());
            buses.push(BusPlan::of(bus, written)?);
        }
        let mut meters = Vec::new();
        for meter in &site.meters {
            let written = file.meter.iter().find(|written| written.key == meter.key.as_str());
            let bus = buses.iter().find(|bus| bus.key == meter.bus);
            let bus = bus.ok_or_else(|| unfit(&meter.key, "its bus is not in the file"))?;
            let simulation = written.and_then(|one| one.simulation.as_ref());
            let identify = catalog.model(&meter.model).map(|model| model.identify.clone());
            let plan = MeterPlan::of(meter, bus, simulation)?;
            meters.push(MeterPlan { identify: identify.unwrap_or_default(), ..plan });
        }
        Ok(Self { site, simulation, buses, meters, text: site_text })
    }

    /// A building of twelve meters on four buses: the text of its house file. Its serial lines are
    /// linked in `folder`, an absolute path outside `/dev`.
    #[must_use]
    pub fn demo(seed: u64, folder: &Path) -> String {
        crate::demo::text(seed, folder)
    }

    /// The site file that reads this house. Its ports are those of the file, 0 included.
    #[must_use]
    pub fn site_text(&self) -> String {
        self.text.written()
    }

    /// The site file with the ports that were really opened, in the order of the buses.
    pub(crate) fn site_text_at(&self, opened: &[Port]) -> String {
        self.text.at(opened)
    }
}

/// What holds for the whole house.
#[derive(Debug, Clone)]
pub(crate) struct Simulation {
    pub seed: u64,
    /// The instant at which the house starts; by default the time of the clock, and indexes count
    /// from [`Simulation::EPOCH`].
    pub start: Option<Timestamp>,
    /// Simulated seconds in a second.
    pub speed: u32,
}

/// How a bus pretends.
#[derive(Debug, Clone)]
pub(crate) struct BusPlan {
    pub key: Key,
    pub place: Place,
    pub delay: (u64, u64),
    pub wire_time: bool,
    pub one_client: bool,
    pub faults: Vec<Fault>,
}

/// Where a bus is opened.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Pty(PathBuf),
    RtuOverTcp(SocketAddr),
    Tcp(SocketAddr),
}

impl Place {
    pub(crate) fn way(&self) -> Way {
        match self {
            Self::Pty(_) => Way::Pty,
            Self::RtuOverTcp(_) => Way::RtuOverTcp,
            Self::Tcp(_) => Way::Tcp,
        }
    }
}

/// How a meter pretends.
#[derive(Debug, Clone)]
pub(crate) struct MeterPlan {
    pub load: Load,
    pub index: Option<Decimal>,
    /// Thousandths of the usual size.
    pub scale: i64,
    pub holes: Holes,
    pub faults: Vec<Fault>,
    /// Registers that tell what it is.
    pub identify: Vec<Identify>,
}

#[derive(Debug, Deserialize)]
struct HouseFile {
    simulation: Option<SimulationFile>,
    #[serde(default)]
    bus: Vec<BusFile>,
    #[serde(default)]
    meter: Vec<MeterFile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SimulationFile {
    seed: Option<u64>,
    start: Option<String>,
    speed: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct BusFile {
    key: String,
    port: String,
    simulation: Option<BusSimulation>,
}

#[derive(Debug, Deserialize)]
struct MeterFile {
    key: String,
    simulation: Option<MeterSimulation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BusSimulation {
    delay_ms: Option<Delay>,
    wire_time: Option<bool>,
    one_client: Option<bool>,
    #[serde(default)]
    faults: Vec<FaultFile>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Delay {
    Always(u64),
    Between([u64; 2]),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeterSimulation {
    load: Option<Load>,
    index: Option<Value>,
    scale: Option<Value>,
    #[serde(default)]
    holes: Holes,
    #[serde(default)]
    faults: Vec<FaultFile>,
}

/// Fastest pace of a house: a day in 24 seconds.
const MOST_SPEED: u32 = 3_600;
/// Longest rest before an answer, in ms.
const MOST_DELAY: u64 = 60_000;

impl Simulation {
    /// Where indexes count from in a house without `start`, so that a restart keeps them:
    /// 2026-01-01, midnight UTC.
    pub(crate) const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);
}

impl SimulationFile {
    fn check(self) -> Result<Simulation, HouseError> {
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
    fn of(bus: &CheckedBus, written: Option<&BusFile>) -> Result<Self, HouseError> {
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
        let delay = match plan.delay_ms {
            Some(Delay::Always(ms)) => (ms, ms),
            Some(Delay::Between([from, to])) => (from, to),
            None if way == Way::Pty => (20, 100),
            None => (38, 90),
        };
        if delay.0 > delay.1 || delay.1 > MOST_DELAY {
            return Err(unfit(&bus.key, format!("`delay_ms` is [from, to], at most {MOST_DELAY}")));
        }
        Ok(Self {
            faults: faults(&bus.key, &plan.faults, way)?,
            key: bus.key.clone(),
            place,
            delay,
            wire_time: plan.wire_time.unwrap_or(way == Way::Pty),
            one_client: plan.one_client.unwrap_or_default(),
        })
    }
}

impl MeterPlan {
    fn of(
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
                let thousandths = number(scale).and_then(|scale| scale.rounded(3));
                let thousandths =
                    thousandths.and_then(|scale| i64::try_from(scale.mantissa()).ok());
                let fits = thousandths.filter(|scale| (1..=1_000_000).contains(scale));
                fits.ok_or_else(|| unfit(&meter.key, "`scale` is 0.001 to 1000"))?
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
        struck.extend(faults(&meter.key, &written.faults, bus.place.way())?);
        Ok(Self { load, index, scale, holes: written.holes, faults: struck, identify: Vec::new() })
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

fn faults(key: &Key, written: &[FaultFile], way: Way) -> Result<Vec<Fault>, HouseError> {
    written.iter().map(|fault| fault.check(way).map_err(|what| unfit(key, what))).collect()
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

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(whole) => Some(Decimal::from(*whole)),
        Value::Float(float) => float.to_string().parse().ok(),
        _ => None,
    }
}

fn unfit(at: impl ToString, what: impl Into<String>) -> HouseError {
    HouseError::Unfit { at: at.to_string(), what: what.into() }
}
