use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use catalog::Rs485;
use rustix::fs::{FlockOperation, OFlags, flock, fstat};
use rustix::termios::{ioctl_tiocexcl, ioctl_tiocnxcl, tcdrain};
use serial2_tokio::SerialPort;
use serial2_tokio::{CharSize, FlowControl, Parity as SerialParity, Settings, StopBits};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;
use tracing::{info, warn};
use wire::{Line, Parity};

use super::direction::{Transceiver, Turning, hand_to_kernel};
use super::latency::{self, Latency};

/// What the detail of a gap says of a port that another program holds.
pub const IN_USE: &str = "is in use by another program";
/// What the detail of a gap says of a port that this user may not open.
pub const NOT_PERMITTED: &str = "may not be opened";

/// An opened serial device. Nobody else opens it meanwhile.
#[derive(Debug)]
pub struct Serial {
    device: Device,
    line: Line,
    /// Where the gateway turns the transceiver of the line.
    turning: Option<Turning>,
}

#[derive(Debug)]
struct Device {
    port: SerialPort,
    /// The same device, with the lock that keeps other programs away from it.
    file: Arc<File>,
}

impl Serial {
    /// Opens a device for one program alone, empty and with these settings.
    pub(super) fn open(path: &str, line: Line, rs485: Rs485) -> io::Result<Self> {
        let opening = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags((OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed())
            .open(path);
        let file = opening.map_err(|error| in_words(path, &error))?;
        // A second program on the line would mix up questions and answers.
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| in_use(path))?;
        let port = SerialPort::open(path, |settings: Settings| Ok(settings))
            .map_err(|error| in_words(path, &error))?;
        // Programs that ask for no lock are kept out by the kernel. A pseudo-terminal stays as it
        // is while its other end lives: it would keep everybody out after a kill.
        if !is_pseudo_terminal(&file) {
            ioctl_tiocexcl(&file)?;
        }
        let device = Device { port, file: Arc::new(file) };
        let turning = match rs485 {
            Rs485::Auto => None,
            Rs485::Kernel => hand_to_kernel(&device.port, path).map(|()| None)?,
            Rs485::Rts => Some(Turning::new(&device, path)?),
        };
        let mut serial = Self { device, line, turning };
        serial.set_line(line)?;
        serial.device.port.discard_buffers()?;
        Ok(serial)
    }

    /// Changes the settings.
    pub(super) fn set_line(&mut self, line: Line) -> io::Result<()> {
        let Device { port, file } = &mut self.device;
        let mut settings = port.get_configuration()?;
        settings.set_raw();
        settings.set_baud_rate(line.baud)?;
        settings.set_char_size(if line.data_bits == 7 { CharSize::Bits7 } else { CharSize::Bits8 });
        settings.set_stop_bits(if line.stop_bits == 2 { StopBits::Two } else { StopBits::One });
        settings.set_flow_control(FlowControl::None);
        // A pseudo-terminal carries bytes, not bits: its kernel side drops the parity, and a port
        // that does not take a setting is refused otherwise.
        settings.set_parity(match line.parity {
            _ if is_pseudo_terminal(file) => SerialParity::None,
            Parity::None => SerialParity::None,
            Parity::Even => SerialParity::Even,
            Parity::Odd => SerialParity::Odd,
        });
        port.set_configuration(&settings)?;
        self.line = line;
        Ok(())
    }
}

impl Drop for Serial {
    fn drop(&mut self) {
        // Another program may have had it open before; then the kernel would keep everybody out
        // until that one closes it. A device that was unplugged has nothing to give back.
        let _ = ioctl_tiocnxcl(&self.device.file);
    }
}

impl Transceiver for Device {
    fn set_rts(&self, high: bool) -> io::Result<()> {
        self.port.set_rts(high)
    }

    fn emptied(&self) -> JoinHandle<io::Result<()>> {
        let file = Arc::clone(&self.file);
        tokio::task::spawn_blocking(move || Ok(tcdrain(&*file)?))
    }
}

/// Makes the adapter hand over what it hears at once, and says so. Whether it could not is told
/// once.
pub(super) fn hurry(path: &str, told: &mut bool) {
    match latency::shorten(Path::new("/sys"), Path::new(path)) {
        Latency::Short => {}
        Latency::Shortened { was_ms, now_ms } => {
            info!(
                device = path,
                was_ms, now_ms, "The adapter held bytes up to {was_ms} ms, now {now_ms} ms"
            );
        }
        Latency::Long { ms, file } if !*told => {
            *told = true;
            warn!(
                device = path,
                ms,
                file = %file.display(),
                "The adapter holds bytes up to {ms} ms, and this user may not change it; \
                 the rule for udev under \"Serial lines\" in docs/operating.md does"
            );
        }
        Latency::Long { .. } => {}
    }
}

fn in_use(path: &str) -> io::Error {
    let text = format!("{path} {IN_USE}; stop it, or let it do the reading");
    io::Error::new(io::ErrorKind::ResourceBusy, text)
}

/// What a person can do about a device that does not open.
fn in_words(path: &str, error: &io::Error) -> io::Error {
    let text = match error.kind() {
        io::ErrorKind::ResourceBusy => return in_use(path),
        io::ErrorKind::NotFound => format!("{path} does not exist; is the adapter plugged in?"),
        io::ErrorKind::PermissionDenied => {
            format!("{path} {NOT_PERMITTED}; add the user to the group `dialout`")
        }
        _ => format!("{path}: {error}"),
    };
    io::Error::new(error.kind(), text)
}

fn is_pseudo_terminal(device: &File) -> bool {
    fstat(device).is_ok_and(|stat| (136..=143).contains(&rustix::fs::major(stat.st_rdev)))
}

impl AsyncRead for Serial {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.device.port).poll_read(context, buffer)
    }
}

impl AsyncWrite for Serial {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { device, line, turning } = self.get_mut();
        if let Some(turning) = turning {
            turning.raise(device)?;
        }
        let written = Pin::new(&mut device.port).poll_write(context, bytes);
        if let (Some(turning), Poll::Ready(Ok(count))) = (turning, &written) {
            // Half a character more, since no clock of a driver is exact.
            turning.talk(line.wire_time(2 * count + 1) / 2);
        }
        written
    }

    /// Without a transceiver to turn, there is nothing to wait for: the driver sends by itself.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { device, turning, .. } = self.get_mut();
        turning.as_mut().map_or(Poll::Ready(Ok(())), |turning| turning.poll_lower(device, context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}
