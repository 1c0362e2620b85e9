use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use catalog::document::{Node, Span, Value};
use catalog::{Bounds, Code, Host, PortError, Problem, Problems};

use super::file::{File, Written};
use super::network::{Block, BlockError};

/// A box file as meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Where pages and API are served; loopback, since there is no TLS yet.
    pub listen: Option<SocketAddr>,
    /// Where readings are stored, where not in the data folder.
    pub store: Option<String>,
    /// To whom readings are announced.
    pub broker: Option<Broker>,
    /// What may be dialled.
    pub network: Network,
}

/// The broker to which readings are announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its host and port.
    pub host: Host,
    /// Whether the connection is encrypted.
    pub transport: Transport,
    /// The name to log in with.
    pub user: Option<String>,
    /// The password to log in with.
    pub password: Option<Password>,
}

/// How a broker is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `mqtts://`
    Tls,
    /// `mqtt://`: on this machine, or with `insecure = true`.
    Plain,
}

/// A password, or where it is kept. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// Written in the box file itself.
    Written(String),
    /// The content of a file.
    File(PathBuf),
    /// The value of a variable of the environment.
    Variable(String),
}

/// What may be dialled. A list without entries sets no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Blocks of addresses.
    pub allowed_networks: Vec<Block>,
    /// TCP ports.
    pub allowed_ports: Vec<u16>,
}

impl Network {
    /// Whether an address may be dialled.
    #[must_use]
    pub fn allows(&self, at: SocketAddr) -> bool {
        let inside = self.allowed_networks.iter().any(|block| block.contains(at.ip()));
        (inside || self.allowed_networks.is_empty())
            && (self.allowed_ports.is_empty() || self.allowed_ports.contains(&at.port()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Written(_) => "Written(..)",
            Self::File(_) => "File(..)",
            Self::Variable(_) => "Variable(..)",
        })
    }
}

impl Password {
    fn of(text: &str) -> Self {
        match text.split_once(':') {
            Some(("file", path)) => Self::File(path.into()),
            Some(("env", name)) => Self::Variable(name.to_owned()),
            _ => Self::Written(text.to_owned()),
        }
    }
}

impl Checked {
    /// Whether the file itself holds something that others must not read.
    #[must_use]
    pub fn holds_a_secret(&self) -> bool {
        let password = self.broker.as_ref().and_then(|broker| broker.password.as_ref());
        matches!(password, Some(Password::Written(_)))
    }

    /// What a file means, as far as it is good; complaints go to `problems`.
    pub(super) fn of(file: &File<'_>, problems: &mut Problems) -> Self {
        let mut network = Network::default();
        for (k, item) in items(file.networks) {
            network.allowed_networks.extend(block(item, k, problems));
        }
        for (k, item) in items(file.ports) {
            network.allowed_ports.extend(port(item, k, problems));
        }
        Self {
            listen: file.listen.and_then(|written| listen(written, problems)),
            store: file.store.map(|written| written.value.to_owned()),
            broker: file.broker.and_then(|written| broker(file, written, problems)),
            network,
        }
    }
}

/// Reads an address to listen on, or says which rule is broken.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, (Code, String)> {
    let unknown = || {
        let rule = "listen is an address of this machine with a port: \"127.0.0.1:8080\"";
        (Code::UnknownValue, rule.to_owned())
    };
    let (address, port) = text.rsplit_once(':').ok_or_else(unknown)?;
    let bare = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let ip: IpAddr = bare.unwrap_or(address).parse().map_err(|_| unknown())?;
    if ip.is_ipv6() != bare.is_some() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unknown());
    }
    let port = match port.parse() {
        Ok(port @ 1..) => port,
        _ if port.is_empty() => return Err(unknown()),
        _ => return Err((Code::OutOfRange, "a port is a number from 1 to 65535".to_owned())),
    };
    if !ip.is_loopback() {
        let rule = format!(
            "{ip} is reached from outside, which needs TLS: listen on 127.0.0.1 and let a proxy \
             with TLS stand before it"
        );
        return Err((Code::NeedsTls, rule));
    }
    Ok(SocketAddr::new(ip, port))
}

fn listen(written: Written<'_, &str>, problems: &mut Problems) -> Option<SocketAddr> {
    let refuse = |(code, rule): (Code, String)| error(code, "http.listen", rule, written.span());
    listen_address(written.value).map_err(|broken| problems.push(refuse(broken))).ok()
}

fn broker(file: &File<'_>, url: Written<'_, &str>, problems: &mut Problems) -> Option<Broker> {
    let mut refuse = |code, rule: &str| {
        problems.push(error(code, "broker.url", rule.to_owned(), url.span()));
        None
    };
    let (transport, host) = match url.value.split_once("://") {
        Some(("mqtts", host)) => (Transport::Tls, host),
        Some(("mqtt", host)) => (Transport::Plain, host),
        _ => return refuse(Code::UnknownValue, "a broker is mqtts://host:8883"),
    };
    let host: Host = match host.parse() {
        Ok(host) => host,
        Err(PortError::TcpPort) => {
            return refuse(Code::OutOfRange, "a port is a number from 1 to 65535");
        }
        Err(_) => return refuse(Code::UnknownValue, "a broker is mqtts://host:8883"),
    };
    let here = matches!(host.name.as_str(), "127.0.0.1" | "::1" | "localhost");
    let consent = file.insecure.is_some_and(|written| written.value);
    if transport == Transport::Plain && !here && !consent {
        let rule = "a broker beyond this machine is reached by mqtts://; in plain text only with \
                    insecure = true";
        return refuse(Code::NeedsTls, rule);
    }
    let user = file.user.map(|written| written.value.to_owned());
    let password = file.password.map(|written| Password::of(written.value));
    Some(Broker { host, transport, user, password })
}

fn items<'t>(written: Option<Written<'t, &'t [Node]>>) -> impl Iterator<Item = (usize, &'t Node)> {
    written.into_iter().flat_map(|written| written.value.iter().enumerate())
}

fn block(item: &Node, k: usize, problems: &mut Problems) -> Option<Block> {
    let path = format!("network.allowed_networks[{k}]");
    let (code, rule) = match &item.value {
        Value::Text(text) => match text.parse::<Block>() {
            Ok(block) => return Some(block),
            Err(BlockError::Bits) => {
                let rule = "an address has 32 bits, or 128 in IPv6".to_owned();
                (Code::UnknownValue, rule)
            }
            Err(BlockError::Inside(first)) => {
                let bits = text.split_once('/').map_or("", |(_, bits)| bits);
                (Code::UnknownValue, format!("this block begins at {first}/{bits}"))
            }
            Err(BlockError::Malformed) => {
                (Code::UnknownValue, "a block of addresses is \"192.168.50.0/24\"".to_owned())
            }
        },
        other => {
            let rule = format!("a block as \"192.168.50.0/24\" belongs here, not {}", other.kind());
            (Code::WrongType, rule)
        }
    };
    problems.push(error(code, &path, rule, item.span.clone()));
    None
}

fn port(item: &Node, k: usize, problems: &mut Problems) -> Option<u16> {
    let path = format!("network.allowed_ports[{k}]");
    let bounds = Bounds { low: 1, high: 65_535, rule: "a TCP port is a number from 1 to 65535" };
    match bounds.judge(item, &path) {
        Ok(port) => u16::try_from(port).ok(),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

fn error(code: Code, path: &str, rule: String, span: Span) -> Problem {
    Problem::error(code, path, rule).at(span)
}
