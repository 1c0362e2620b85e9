mod direction;
mod latency;
mod serial;
mod socket;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use catalog::{Port, Rs485};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use wire::Line;

pub use self::serial::{IN_USE, NOT_PERMITTED, Serial};
use crate::framing::Framing;

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
    /// A serial device.
    Serial(Serial),
    /// A socket.
    Socket(TcpStream),
}

/// How a bus comes to its port.
#[derive(Clone)]
pub struct Access {
    port: Port,
    rs485: Rs485,
    allows: Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>,
    /// Whether it was said that the adapter is slow.
    slow_told: bool,
}

impl Access {
    /// A port at any address; a serial line turns its transceiver by itself.
    #[must_use]
    pub fn to(port: Port) -> Self {
        Self { port, rs485: Rs485::Auto, allows: Arc::new(|_| true), slow_told: false }
    }

    /// The same, with another way to turn the transceiver of a serial line.
    #[must_use]
    pub fn turned(self, rs485: Rs485) -> Self {
        Self { rs485, ..self }
    }

    /// The same, dialled only where a rule allows the address. The address judged is the one
    /// dialled.
    #[must_use]
    pub fn fenced(self, allows: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { allows: Arc::new(allows), ..self }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, rs485, .. } = self;
        write!(f, "Access({port}, {rs485:?})")
    }
}

impl Dial for Access {
    type Link = Opened;

    async fn dial(&mut self, line: Line) -> io::Result<Opened> {
        match &self.port {
            Port::Serial(path) => {
                let serial = Serial::open(path, line, self.rs485)?;
                serial::hurry(path, &mut self.slow_told);
                Ok(Opened::Serial(serial))
            }
            Port::Tcp(host) | Port::RtuOverTcp(host) => {
                let stream = socket::connect(host, |address| (self.allows)(address)).await?;
                Ok(Opened::Socket(stream))
            }
        }
    }

    fn set_line(&self, link: &mut Opened, line: Line) -> io::Result<()> {
        match link {
            Opened::Serial(serial) => serial.set_line(line),
            Opened::Socket(_) => Ok(()), // the line belongs to the converter
        }
    }

    fn framing(&self, line: Line) -> Framing {
        match self.port {
            Port::Serial(_) => Framing::Serial(line),
            Port::Tcp(_) => Framing::Tcp,
            Port::RtuOverTcp(_) => Framing::RtuOverTcp,
        }
    }

    fn is_precise(&self) -> bool {
        self.port.is_serial()
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(serial) => Pin::new(serial).poll_read(context, buffer),
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
            Self::Serial(serial) => Pin::new(serial).poll_write(context, bytes),
            Self::Socket(socket) => Pin::new(socket).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(serial) => Pin::new(serial).poll_flush(context),
            Self::Socket(socket) => Pin::new(socket).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Serial(serial) => Pin::new(serial).poll_shutdown(context),
            Self::Socket(socket) => Pin::new(socket).poll_shutdown(context),
        }
    }
}
