use std::fmt;

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
