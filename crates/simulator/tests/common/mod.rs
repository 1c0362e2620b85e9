//! A house on real ports, and clients that ask it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests; each file uses its own part"
)]

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use catalog::{Catalog, Port};
use domain::Clock;
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use simulator::{Counters, House, Running, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use wire::modbus::crc;

/// The instant of all houses of the tests: a winter noon, soon after their indexes begin.
pub const NOON: &str = "2026-01-03T11:00:00Z";

pub fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

/// A started house with the token that stops it.
pub struct Started {
    pub running: Running,
    stop: CancellationToken,
}

impl Started {
    pub async fn new(text: &str) -> Self {
        Self::at(text, Clock::stopped(noon())).await
    }

    pub async fn at(text: &str, clock: Clock) -> Self {
        Self::of(House::parse(text, &Catalog::shipped()).unwrap(), clock).await
    }

    pub async fn of(house: House, clock: Clock) -> Self {
        let stop = CancellationToken::new();
        let running = start(house, clock, stop.clone()).await.unwrap();
        Self { running, stop }
    }

    /// A house with one bus `a` at a port and one meter: a constant load, three entries.
    pub async fn small(port: &str, on_bus: &str, on_meter: &str) -> Self {
        Self::new(&small(port, on_bus, on_meter)).await
    }

    pub async fn socket(&self) -> TcpStream {
        let (_, port) = self.running.ports().next().unwrap();
        let (Port::Tcp(host) | Port::RtuOverTcp(host)) = port else { panic!("{port}") };
        TcpStream::connect((host.name.as_str(), host.tcp_port)).await.unwrap()
    }

    pub fn counted(&self) -> Counters {
        self.running.counters().next().unwrap().1
    }

    pub async fn end(self) {
        self.stop.cancel();
        self.running.ended().await;
    }
}

/// A house with one meter at address 5: `en_im` 1234.5 kWh when it began, 1 kW ever since.
pub fn small(port: &str, on_bus: &str, on_meter: &str) -> String {
    format!(
        r#"
[simulation]
seed = 7
start = "{NOON}"
[site]
key = "house"
time_zone = "UTC"
[[bus]]
key = "a"
port = "{port}"
[bus.simulation]
delay_ms = 0
{on_bus}
[[meter]]
key = "m"
bus = "a"
address = 5
model = "generic_modbus"
registers = [
  {{ reg = 72, unit = "en_im", size = 2, data_type = "float", function_code = 4, round = 3 }},
  {{ reg = 74, unit = "en_ex", size = 2, data_type = "float", function_code = 4, round = 3 }},
  {{ reg = 80, unit = "total_w", size = 1, data_type = "int", function_code = 4, round = 0 }},
]
[meter.simulation]
load = "constant"
index = 1234.5
{on_meter}
"#
    )
}

/// The same house, with a meter that tells its serial number.
pub fn telling(port: &str, on_bus: &str, on_meter: &str) -> String {
    let text = small(port, on_bus, on_meter);
    let (before, after) = text.split_once("model = ").unwrap();
    let (_, after) = after.split_once("[meter.simulation]").unwrap();
    format!("{before}model = \"eastron/sdm630\"\n[meter.simulation]{after}")
}

/// The port of a serial line in a folder of the test.
pub fn line_in(folder: &Path) -> String {
    folder.join("line").display().to_string()
}

/// An RTU question.
pub fn rtu(address: u8, function: u8, start: u16, count: u16) -> Vec<u8> {
    let mut frame = vec![address, function];
    frame.extend(start.to_be_bytes());
    frame.extend(count.to_be_bytes());
    framed(frame)
}

/// Bytes with their checksum.
pub fn framed(mut frame: Vec<u8>) -> Vec<u8> {
    frame.extend(crc(&frame).to_le_bytes());
    frame
}

/// A Modbus TCP question.
pub fn tcp(transaction: u16, address: u8, function: u8, (start, count): (u16, u16)) -> Vec<u8> {
    let [t, u] = transaction.to_be_bytes();
    let mut frame = vec![t, u, 0, 0, 0, 6, address, function];
    frame.extend(start.to_be_bytes());
    frame.extend(count.to_be_bytes());
    frame
}

/// Asks over a socket and takes an answer of so many bytes.
pub async fn ask(stream: &mut TcpStream, question: &[u8], bytes: usize) -> Vec<u8> {
    stream.write_all(question).await.unwrap();
    let mut answer = vec![0; bytes];
    stream.read_exact(&mut answer).await.unwrap();
    answer
}

/// A serial device, opened as a gateway opens it.
pub fn serial(path: &str, baud: u32) -> OwnedFd {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let port = rustix::fs::open(path, flags, Mode::empty()).unwrap();
    let mut settings = tcgetattr(&port).unwrap();
    settings.make_raw();
    settings.set_speed(baud).unwrap();
    tcsetattr(&port, OptionalActions::Now, &settings).unwrap();
    port
}

/// Asks over a serial device and takes an answer of so many bytes, with the time it took.
pub async fn ask_serial(port: &OwnedFd, question: Vec<u8>, bytes: usize) -> (Vec<u8>, Duration) {
    let port = port.try_clone().unwrap();
    let asked = tokio::task::spawn_blocking(move || {
        let asked = tokio::time::Instant::now();
        rustix::io::write(&port, &question).unwrap();
        let mut answer = vec![0; bytes];
        let mut heard = 0;
        while heard < bytes {
            heard += rustix::io::read(&port, &mut answer[heard..]).unwrap();
        }
        (answer, asked.elapsed())
    });
    asked.await.unwrap()
}
