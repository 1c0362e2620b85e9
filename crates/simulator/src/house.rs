//! The house file: a site file with tables that say how its meters pretend.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use catalog::{Catalog, CheckedSite, Identify, Port, Problems};
use domain::{Decimal, Key};
use jiff::Timestamp;
use thiserror::Error;

use crate::delay::{Delay, Pieces};
use crate::fault::{Fault, Kind, Trouble, Way};
use crate::house_file::HouseFile;
use crate::image::Holes;
use crate::load::Load;
use crate::site_text::SiteText;
use crate::wiring::Crossed;

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
/// delay_ms = [20, 100]              # rest before an answer, or one number, or a `delay` by name
/// pieces = "usb"                    # answers come in pieces: "usb", "crumbs" or "tail"
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
/// delay = "sdm630"                  # this meter's own rest
/// ct_swapped = ["L1", "L2"]         # current transformers on the wrong phases
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
/// Every key, and every kind of fault, is listed in `docs/simulator.md`.
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
            let plan = MeterPlan { identify: identify.unwrap_or_default(), ..plan };
            plan.can_be_exchanged(meter)?;
            meters.push(plan);
        }
        Ok(Self { site, simulation, buses, meters, text: site_text })
    }

    /// A building of twelve meters on four buses: the text of its house file. Its serial lines are
    /// linked in `folder`, an absolute path outside `/dev`.
    #[must_use]
    pub fn demo(seed: u64, folder: &Path) -> String {
        crate::demo::text(seed, folder)
    }

    /// The same house with a fault of its wiring, `[METER:]ct-swapped:L1,L2`: the current
    /// transformers of two phases are exchanged, of one meter or of every electricity meter that
    /// has these phases.
    ///
    /// # Errors
    /// Says what is no such fault, and which meter cannot have it.
    pub fn with_fault(mut self, fault: &str) -> Result<Self, HouseError> {
        let parts: Vec<&str> = fault.split(':').collect();
        let (wanted, phases) = match parts[..] {
            ["ct-swapped", phases] => (None, phases),
            [meter, "ct-swapped", phases] => (Some(meter), phases),
            _ => return Err(unfit(fault, "a fault is written [METER:]ct-swapped:L1,L2")),
        };
        let crossed: Crossed = phases.parse().map_err(|what: &str| unfit(fault, what))?;
        let mut struck = 0;
        for (meter, plan) in self.site.meters.iter().zip(&mut self.meters) {
            if wanted.is_some_and(|key| key != meter.key.as_str()) {
                continue;
            }
            match crossed.fits(meter) {
                Ok(()) => plan.crossed = Some(crossed),
                Err(what) if wanted.is_some() => return Err(unfit(fault, what)),
                Err(_) => continue,
            }
            struck += 1;
        }
        match (struck, wanted) {
            (0, Some(key)) => Err(unfit(fault, format!("there is no meter `{key}`"))),
            (0, None) => Err(unfit(fault, "no meter has these phases")),
            _ => Ok(self),
        }
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
    pub delay: Delay,
    pub pieces: Option<Pieces>,
    pub wire_time: bool,
    pub one_client: bool,
    /// What goes wrong with each of its meters.
    pub faults: Vec<Fault<Kind>>,
    /// What goes wrong with the bus itself.
    pub troubles: Vec<Fault<Trouble>>,
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
    pub delay: Delay,
    /// Whether the current transformers of two phases are exchanged.
    pub crossed: Option<Crossed>,
    pub holes: Holes,
    pub faults: Vec<Fault<Kind>>,
    /// Registers that tell what it is.
    pub identify: Vec<Identify>,
}

impl Simulation {
    /// Where indexes count from in a house without `start`, so that a restart keeps them:
    /// 2026-01-01, midnight UTC.
    pub(crate) const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);
}

pub(crate) fn unfit(at: impl ToString, what: impl Into<String>) -> HouseError {
    HouseError::Unfit { at: at.to_string(), what: what.into() }
}
