//! A house that answers: its ports, its counts, its truth.

use std::io;
use std::sync::Arc;

use catalog::{Host, Port};
use domain::{Clock, Decimal, Key, Quantity};
use jiff::Timestamp;
use thiserror::Error;
use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{Bus, Counters};
use crate::condition::{Condition, keep_script};
use crate::house::{BusPlan, House, Place};
use crate::image::Image;
use crate::pretence::Pretence;
use crate::pty::Pty;
use crate::served::Served;
use crate::{serial, tcp};

/// A house whose meters answer. Its tasks end when the token given to [`start`] is cancelled.
#[derive(Debug)]
pub struct Running {
    pretence: Arc<Pretence>,
    buses: Vec<Arc<Bus>>,
    ports: Vec<Port>,
    site_text: String,
    tasks: TaskTracker,
}

/// Why a house cannot be started.
#[derive(Debug, Error)]
pub enum SimulatorError {
    /// A port of the house cannot be opened.
    #[error("bus `{bus}` cannot be opened at {port}: {source}")]
    Port {
        /// The bus.
        bus: Key,
        /// Where it was to be.
        port: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Opens all ports of a house and lets its meters answer until `stop` is cancelled.
///
/// The clock handed in is the one that readings are stamped with. Must be called within a runtime
/// with IO and time.
///
/// # Errors
/// When a port cannot be opened; those opened before are closed again.
pub async fn start(
    house: House,
    clock: Clock,
    stop: CancellationToken,
) -> Result<Running, SimulatorError> {
    let pretence = Arc::new(Pretence::new(&house, clock));
    let ahead = Arc::clone(&pretence);
    // A year of minutes takes a moment: better now than in front of the first answer. Should the
    // runtime be ending, nobody will ask.
    let _ = tokio::task::spawn_blocking(move || ahead.look()).await;
    let mut opened = Vec::new();
    for (bus, plan) in house.site.buses.iter().zip(&house.buses) {
        let at = Opened::open(plan, bus.line).await.map_err(|source| SimulatorError::Port {
            bus: bus.key.clone(),
            port: bus.port.to_string(),
            source,
        })?;
        opened.push(at);
    }
    let ports: Vec<Port> = opened.iter().map(|(port, _)| port.clone()).collect();
    let tasks = TaskTracker::new();
    let mut buses = Vec::new();
    for ((_, opened), plan) in opened.into_iter().zip(&house.buses) {
        let bus = Arc::new(bus_of(&house, plan, &pretence));
        buses.push(Arc::clone(&bus));
        tasks.spawn(keep_script(Arc::clone(&bus), stop.clone()));
        let (pretence, stop) = (Arc::clone(&pretence), stop.clone());
        match opened {
            Opened::Pty(pty) => tasks.spawn(serial::serve(bus, pretence, *pty, stop)),
            Opened::Socket(listener) => tasks.spawn(tcp::serve(bus, pretence, listener, stop)),
        };
    }
    tasks.close();
    Ok(Running { site_text: house.site_text_at(&ports), pretence, buses, ports, tasks })
}

impl Running {
    /// The site file that reads this house, with the ports that were really opened.
    #[must_use]
    pub fn site_text(&self) -> String {
        self.site_text.clone()
    }

    /// Every bus with the port that was really opened, in the order of the file.
    pub fn ports(&self) -> impl Iterator<Item = (&Key, &Port)> {
        self.buses.iter().map(|bus| &bus.key).zip(&self.ports)
    }

    /// A line in memory that leads to a bus, beside its port: for tests on paused time, which runs
    /// away while a socket waits. `None` for a bus that is not in the house.
    #[must_use]
    pub fn line(&self, bus: &Key) -> Option<DuplexStream> {
        let bus = Arc::clone(self.buses.iter().find(|known| known.key == *bus)?);
        let house = Arc::clone(&self.pretence);
        let (near, mut far) = duplex(4096);
        self.tasks.spawn(async move {
            // The far end ends when the near one is dropped.
            drop(tcp::talk(&bus, &house, &mut far).await);
        });
        Some(near)
    }

    /// What was heard and said on every bus so far, in the order of the file.
    pub fn counters(&self) -> impl Iterator<Item = (&Key, Counters)> {
        self.buses.iter().map(|bus| (&bus.key, bus.counted()))
    }

    /// What a meter really holds at an instant of the clock handed to [`start`], in the unit of
    /// the quantity: what an ideal reading would give before it is rounded. `None` for a meter
    /// that is not in the house; 0 for a quantity its medium has not.
    ///
    /// Faults do not change it, except that an exchanged meter is the truth from then on, and
    /// crossed current transformers are part of the meter. A frozen index is not what was used.
    #[must_use]
    pub fn truth(&self, meter: &Key, quantity: Quantity, at: Timestamp) -> Option<Decimal> {
        self.pretence.truth(meter, quantity, at)
    }

    /// Waits until all tasks have ended, which they do once told to stop.
    pub async fn ended(self) {
        self.tasks.wait().await;
    }
}

enum Opened {
    Pty(Box<Pty>),
    Socket(TcpListener),
}

impl Opened {
    async fn open(plan: &BusPlan, line: wire::Line) -> io::Result<(Port, Self)> {
        let host = |listener: &TcpListener| -> io::Result<Host> {
            let at = listener.local_addr()?;
            Ok(Host { name: at.ip().to_string(), tcp_port: at.port() })
        };
        match &plan.place {
            Place::Pty(path) => {
                let pty = Pty::open(path, line)?;
                Ok((Port::Serial(path.display().to_string()), Self::Pty(Box::new(pty))))
            }
            Place::Tcp(at) => {
                let listener = tcp::listen(*at).await?;
                Ok((Port::Tcp(host(&listener)?), Self::Socket(listener)))
            }
            Place::RtuOverTcp(at) => {
                let listener = tcp::listen(*at).await?;
                Ok((Port::RtuOverTcp(host(&listener)?), Self::Socket(listener)))
            }
        }
    }
}

fn bus_of(house: &House, plan: &BusPlan, pretence: &Pretence) -> Bus {
    let meters = house.site.meters.iter().zip(&house.meters).zip(pretence.meters()).enumerate();
    let served = meters.filter(|(_, ((meter, _), _))| meter.bus == plan.key);
    let served = served.map(|(place, ((meter, how), (_, nature)))| Served {
        address: meter.address,
        line: meter.line,
        place,
        salt: nature.salt,
        image: Image::new(meter, &how.identify, how.holes),
        delay: how.delay,
        faults: how.faults.clone(),
        memory: std::sync::Mutex::default(),
    });
    let line = house.site.buses.iter().find(|bus| bus.key == plan.key).map(|bus| bus.line);
    Bus {
        key: plan.key.clone(),
        way: plan.place.way(),
        line: line.unwrap_or_default(),
        began: Instant::now(),
        pieces: plan.pieces,
        wire_time: plan.wire_time,
        one_client: plan.one_client,
        seed: house.simulation.seed,
        meters: served.collect(),
        troubles: plan.troubles.clone(),
        condition: Condition::default(),
        tally: std::sync::Mutex::default(),
        turn: tokio::sync::Mutex::default(),
    }
}
