use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use thiserror::Error;

/// Where a bus is reached, and with which framing. Written as a port URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// A serial device: Modbus RTU. `/dev/serial/by-id/…`
    Serial(String),
    /// Modbus TCP. `tcp://host:502`
    Tcp(Host),
    /// RTU frames over a socket: a transparent converter. `rtu+tcp://host:4001`
    RtuOverTcp(Host),
}

/// A host and its TCP port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// Name or address, without brackets.
    pub name: String,
    /// 1 to 65535.
    pub tcp_port: u16,
}

/// Why a text is no port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PortError {
    /// Neither a path nor one of our URLs.
    #[error("a port is a device path, tcp://host:502 or rtu+tcp://host:4001")]
    Unknown,
    /// A device that is no line, or a file of the system.
    #[error("this device is no serial line")]
    NoLine,
    /// A number that no TCP port has.
    #[error("a TCP port is a number from 1 to 65535")]
    TcpPort,
}

impl Port {
    /// Whether it is a serial line of this box.
    #[must_use]
    pub const fn is_serial(&self) -> bool {
        matches!(self, Self::Serial(_))
    }

    /// The host of a socket.
    #[must_use]
    pub const fn host(&self) -> Option<&Host> {
        match self {
            Self::Serial(_) => None,
            Self::Tcp(host) | Self::RtuOverTcp(host) => Some(host),
        }
    }

    /// The addresses a meter can have behind it: 1 to 247 where RTU frames are spoken, 0 to 255 on
    /// Modbus TCP.
    #[must_use]
    pub const fn addresses(&self) -> std::ops::RangeInclusive<u8> {
        match self {
            Self::Tcp(_) => 0..=255,
            Self::Serial(_) | Self::RtuOverTcp(_) => 1..=247,
        }
    }
}

impl FromStr for Port {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        if text.starts_with('/') {
            return serial(text);
        }
        match text.split_once("://") {
            Some(("tcp", host)) => host.parse().map(Self::Tcp),
            Some(("rtu+tcp", host)) => host.parse().map(Self::RtuOverTcp),
            _ => Err(PortError::Unknown),
        }
    }
}

fn serial(path: &str) -> Result<Port, PortError> {
    const NO_LINES: [&str; 12] = [
        "null", "zero", "full", "random", "urandom", "mem", "kmem", "port", "console", "stdin",
        "stdout", "stderr",
    ];
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    if path.chars().any(char::is_control) || parts.contains(&"..") {
        return Err(PortError::Unknown);
    }
    match parts.as_slice() {
        ["dev", name] if NO_LINES.contains(name) => Err(PortError::NoLine),
        ["proc" | "sys", ..] | [.., ""] => Err(PortError::NoLine),
        _ => Ok(Port::Serial(path.to_owned())),
    }
}

impl FromStr for Host {
    type Err = PortError;

    /// Reads `name:port` or `[v6]:port`. Names are kept in small letters, addresses in their
    /// shortest spelling, so that one host has one spelling.
    fn from_str(text: &str) -> Result<Self, PortError> {
        let (name, port) = text.rsplit_once(':').ok_or(PortError::Unknown)?;
        let name = match name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().map_err(|_| PortError::Unknown)?.to_string(),
            None => name.to_ascii_lowercase(),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        let bare = !text.starts_with('[') && name.contains(':');
        if name.is_empty() || bare || !name.chars().all(fits) {
            return Err(PortError::Unknown);
        }
        if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PortError::Unknown);
        }
        match port.parse() {
            Ok(tcp_port @ 1..) => Ok(Self { name, tcp_port }),
            _ => Err(PortError::TcpPort),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(path) => f.pad(path),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
            Self::RtuOverTcp(host) => write!(f, "rtu+tcp://{host}"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, tcp_port } = self;
        if name.contains(':') {
            return write!(f, "[{name}]:{tcp_port}");
        }
        write!(f, "{name}:{tcp_port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_path_or_a_url() {
        for (written, shown) in [
            ("/dev/ttyUSB0", Ok("/dev/ttyUSB0")),
            ("/tmp/line-a", Ok("/tmp/line-a")),
            ("tcp://192.168.50.21:502", Ok("tcp://192.168.50.21:502")),
            ("rtu+tcp://Converter.example:4001", Ok("rtu+tcp://converter.example:4001")),
            ("tcp://[FD00:50::0:1]:502", Ok("tcp://[fd00:50::1]:502")),
            ("tcp://:502", Err(PortError::Unknown)),
            ("tcp://a", Err(PortError::Unknown)),
            ("tcp://a:b:502", Err(PortError::Unknown)),
            ("tcp://a/b:502", Err(PortError::Unknown)),
            ("tcp://a:0", Err(PortError::TcpPort)),
            ("tcp://a:70000", Err(PortError::TcpPort)),
            ("http://a/", Err(PortError::Unknown)),
            ("ttyUSB0", Err(PortError::Unknown)),
            ("COM3", Err(PortError::Unknown)),
            ("/dev/null", Err(PortError::NoLine)),
            ("/dev/", Err(PortError::NoLine)),
            ("/dev/../etc/passwd", Err(PortError::Unknown)),
        ] {
            let read = written.parse::<Port>().map(|port| port.to_string());
            assert_eq!(read.as_deref().map_err(|&error| error), shown, "{written}");
        }
    }
}
