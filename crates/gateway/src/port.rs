use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use catalog::{Host, Port};
use rustix::fs::{FlockOperation, OFlags, flock, fstat};
use serial2_tokio::SerialPort;
use serial2_tokio::{CharSize, FlowControl, Parity as SerialParity, Settings, StopBits};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use wire::{Line, Parity};

use crate::framing::Framing;

/// Patience for a converter to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// What the detail of a gap says of a port that another program holds.
pub const IN_USE: &str = "is in use by another program";
/// What the detail of a gap says of a port that this user may not open.
pub const NOT_PERMITTED: &str = "may not be opened";

/// Opens a port. The bus task asks for it again after every fault of the line.
pub trait Dial: Send {
    /// What an opened port is.
    type Link: AsyncRead + AsyncWrite + Unpin + Send;

    /// Opens the port, a serial one with these settings.
    ///
    /// # Errors
    /// When it cannot be opened now.
    fn dial(&mut self, line: Line) -> impl Future<Output = io::Result<Self::Link>> + Send;

    /// Changes the settings of an opened serial port.
    ///
    /// # Errors
    /// When the port does not take them.
    fn set_line(&self, link: &mut Self::Link, line: Line) -> io::Result<()>;

    /// How frames are told apart on it.
    fn framing(&self, line: Line) -> Framing;

    /// Whether the silences of the line pass in real time and are measured in microseconds, as on
    /// a serial device. A far end in memory walks with the clock of the runtime instead.
    fn is_precise(&self) -> bool {
        false
    }
}

/// An opened device or socket.
#[derive(Debug)]
pub enum Opened {
    /// A serial device, with the lock that keeps other programs away from it.
    Serial(SerialPort, File),
    /// A socket.
    Socket(TcpStream),
}

impl Dial for Port {
    type Link = Opened;

    async fn dial(&mut self, line: Line) -> io::Result<Opened> {
        match self {
            Self::Serial(path) => open_serial(path, line),
            Self::Tcp(host) | Self::RtuOverTcp(host) => {
                connect(host, |_| true).await.map(Opened::Socket)
            }
        }
    }

    fn set_line(&self, link: &mut Opened, line: Line) -> io::Result<()> {
        match link {
            Opened::Serial(port, lock) => apply(port, lock, line),
            Opened::Socket(_) => Ok(()), // the line belongs to the converter
        }
    }

    fn framing(&self, line: Line) -> Framing {
        match self {
            Self::Serial(_) => Framing::Serial(line),
            Self::Tcp(_) => Framing::Tcp,
            Self::RtuOverTcp(_) => Framing::RtuOverTcp,
        }
    }

    fn is_precise(&self) -> bool {
        self.is_serial()
    }
}

/// A port that is dialled only where a rule allows its address.
#[derive(Clone)]
pub struct Fenced {
    /// The port.
    pub port: Port,
    /// Says whether an address may be dialled. The address judged is the one dialled.
    pub allows: Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Fenced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fenced({})", self.port)
    }
}

impl Dial for Fenced {
    type Link = Opened;

    async fn dial(&mut self, line: Line) -> io::Result<Opened> {
        match &mut self.port {
            Port::Tcp(host) | Port::RtuOverTcp(host) => {
                connect(host, |address| (self.allows)(address)).await.map(Opened::Socket)
            }
            serial @ Port::Serial(_) => serial.dial(line).await,
        }
    }

    fn set_line(&self, link: &mut Opened, line: Line) -> io::Result<()> {
        self.port.set_line(link, line)
    }

    fn framing(&self, line: Line) -> Framing {
        self.port.framing(line)
    }

    fn is_precise(&self) -> bool {
        self.port.is_precise()
    }
}

async fn connect(host: &Host, allows: impl Fn(SocketAddr) -> bool) -> io::Result<TcpStream> {
    let found = tokio::time::timeout(CONNECT, reach(host, allows));
    let stream = found.await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, format!("{host} does not answer"))
    })??;
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
    rustix::net::sockopt::set_tcp_keepidle(&stream, Duration::from_secs(30))?;
    rustix::net::sockopt::set_tcp_keepintvl(&stream, Duration::from_secs(10))?;
    Ok(stream)
}

/// Resolves the name and dials. Either may take longer than anybody waits.
async fn reach(host: &Host, allows: impl Fn(SocketAddr) -> bool) -> io::Result<TcpStream> {
    let resolved = lookup_host((host.name.as_str(), host.tcp_port)).await;
    let addresses: Vec<SocketAddr> = resolved
        .map_err(|error| io::Error::new(error.kind(), format!("{host} is not known: {error}")))?
        .collect();
    // A name is as good as the worst of its addresses.
    if !addresses.iter().all(|address| allows(*address)) {
        let text = format!("{host} is outside the networks and ports that the box file allows");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    TcpStream::connect(addresses.as_slice())
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{host} cannot be reached: {error}")))
}

fn open_serial(path: &str, line: Line) -> io::Result<Opened> {
    let opening = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags((OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed())
        .open(path);
    let lock = opening.map_err(|error| in_words(path, &error))?;
    // A second program on the line would mix up questions and answers.
    flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        let text = format!("{path} {IN_USE}; stop it, or let it do the reading");
        io::Error::new(io::ErrorKind::ResourceBusy, text)
    })?;
    let mut port = SerialPort::open(path, |settings: Settings| Ok(settings))
        .map_err(|error| in_words(path, &error))?;
    apply(&mut port, &lock, line)?;
    port.discard_buffers()?;
    Ok(Opened::Serial(port, lock))
}

/// What a person can do about a device that does not open.
fn in_words(path: &str, error: &io::Error) -> io::Error {
    let text = match error.kind() {
        io::ErrorKind::NotFound => format!("{path} does not exist; is the adapter plugged in?"),
        io::ErrorKind::PermissionDenied => {
            format!("{path} {NOT_PERMITTED}; add the user to the group `dialout`")
        }
        _ => format!("{path}: {error}"),
    };
    io::Error::new(error.kind(), text)
}

fn apply(port: &mut SerialPort, device: &File, line: Line) -> io::Result<()> {
    let mut settings = port.get_configuration()?;
    settings.set_raw();
    settings.set_baud_rate(line.baud)?;
    settings.set_char_size(if line.data_bits == 7 { CharSize::Bits7 } else { CharSize::Bits8 });
    settings.set_stop_bits(if line.stop_bits == 2 { StopBits::Two } else { StopBits::One });
    settings.set_flow_control(FlowControl::None);
    // A pseudo-terminal carries bytes, not bits: its kernel side drops the parity, and a port that
    // does not take a setting is refused otherwise.
    settings.set_parity(match line.parity {
        _ if is_pseudo_terminal(device) => SerialParity::None,
        Parity::None => SerialParity::None,
        Parity::Even => SerialParity::Even,
        Parity::Odd => SerialParity::Odd,
    });
    port.set_configuration(&settings)
}

fn is_pseudo_terminal(device: &File) -> bool {
    fstat(device).is_ok_and(|stat| (136..=143).contains(&rustix::fs::major(stat.st_rdev)))
}

impl AsyncRead for Opened {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(port, _) => Pin::new(port).poll_read(context, buffer),
            Self::Socket(socket) => Pin::new(socket).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Opened {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Serial(port, _) => Pin::new(port).poll_write(context, bytes),
            Self::Socket(socket) => Pin::new(socket).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(port, _) => Pin::new(port).poll_flush(context),
            Self::Socket(socket) => Pin::new(socket).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(port, _) => Pin::new(port).poll_shutdown(context),
            Self::Socket(socket) => Pin::new(socket).poll_shutdown(context),
        }
    }
}
