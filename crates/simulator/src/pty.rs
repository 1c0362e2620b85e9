//! A bus on a pseudo-terminal: what a gateway opens as a serial device.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use wire::Line;
use wire::modbus::Heard;

use crate::bus::{Bus, Piece, Promptness, Said};
use crate::ear::{Ear, Sound};
use crate::pretence::Pretence;

/// A pseudo-terminal, linked at a path of its own.
///
/// The speed that a gateway sets is seen here, so a meter set to another speed stays silent. The
/// kernel drops the parity flag of pseudo-terminals without saying so: whether the gateway speaks
/// with the right parity cannot be told, and a meter answers whatever the parity.
#[derive(Debug)]
pub(crate) struct Pty {
    ours: AsyncFd<OwnedFd>,
    /// Kept open so that the line survives a gateway that hangs up.
    _theirs: OwnedFd,
    name: PathBuf,
    link: PathBuf,
}

/// A pause after which a question begun is given up.
const CUT_OFF: Duration = Duration::from_millis(50);
/// Bytes of a paced answer leave in pieces of about this time.
const GRAIN: Duration = Duration::from_millis(4);

impl Pty {
    /// Opens a pseudo-terminal and links it at a path, replacing an older link, never a file.
    ///
    /// # Errors
    /// When there is no terminal to be had, or the link cannot be made.
    pub(crate) fn open(link: &Path, line: Line) -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = rustix::pty::openpt(flags)?;
        rustix::pty::grantpt(&ours)?;
        rustix::pty::unlockpt(&ours)?;
        let name = rustix::pty::ptsname(&ours, Vec::new())?;
        let name = PathBuf::from(name.into_string().map_err(io::Error::other)?);
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(&name, flags, Mode::empty())?;
        let mut settings = tcgetattr(&theirs)?;
        settings.make_raw();
        settings.set_speed(line.baud)?;
        tcsetattr(&theirs, OptionalActions::Now, &settings)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        make_link(&name, link)?;
        #[expect(
            deprecated,
            reason = "the successor is unsafe for descriptors that may be swapped; an OwnedFd is not"
        )]
        let ours = AsyncFd::new(ours)?;
        Ok(Self { ours, _theirs: theirs, name, link: link.to_owned() })
    }

    fn baud(&self) -> Option<u32> {
        tcgetattr(self.ours.get_ref()).ok().map(|settings| settings.output_speed())
    }

    async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.ours.readable().await?;
            let read = ready.try_io(|ours| Ok(rustix::io::read(ours.get_ref(), &mut *bytes)?));
            if let Ok(read) = read {
                return read;
            }
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.ours.writable().await?;
            let written = ready.try_io(|ours| Ok(rustix::io::write(ours.get_ref(), bytes)?));
            if let Ok(written) = written {
                bytes = bytes.get(written?..).unwrap_or_default();
            }
        }
        Ok(())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if std::fs::read_link(&self.link).is_ok_and(|target| target == self.name) {
            // Nobody can be told any more: a link left behind is replaced at the next start.
            let _ = std::fs::remove_file(&self.link);
        }
    }
}

/// Serves a bus until told to stop.
pub(crate) async fn serve(bus: Arc<Bus>, house: Arc<Pretence>, pty: Pty, stop: CancellationToken) {
    let talk = talk(&bus, &house, &pty);
    let end = tokio::select! {
        () = stop.cancelled() => Ok(()),
        end = talk => end,
    };
    if let Err(error) = end {
        tracing::error!(bus = %bus.key, %error, "a simulated serial line broke");
    }
}

async fn talk(bus: &Bus, house: &Pretence, pty: &Pty) -> io::Result<()> {
    let mut ear = Ear::new(bus.way);
    let mut bytes = [0; 256];
    let (mut heard_at, mut quiet_since) = (Instant::now(), None);
    loop {
        let count = pty.read(&mut bytes).await?;
        let now = Instant::now();
        if now.duration_since(heard_at) > CUT_OFF {
            ear.forget();
        }
        heard_at = now;
        ear.hear(bytes.get(..count).unwrap_or_default());
        while let Sound::Question(heard, frame) = ear.next() {
            let silence = bus.line_of(heard.address).silence();
            let due = quiet_since.map(|since: Instant| since + silence);
            let early = due.is_some_and(|due| heard_at < due);
            bus.hear(if early { Promptness::Early } else { Promptness::InTime });
            let ended = answer(bus, house, pty, (heard, &frame)).await?;
            quiet_since = Some(ended);
        }
    }
}

/// Answers one question; returns when the line fell silent.
async fn answer(
    bus: &Bus,
    house: &Pretence,
    pty: &Pty,
    (heard, frame): (Heard, &[u8]),
) -> io::Result<Instant> {
    let asked = Instant::now();
    let line = bus.line_of(heard.address);
    let on_wire = |bytes| if bus.wire_time { line.wire_time(bytes) } else { Duration::ZERO };
    let asked = asked + on_wire(frame.len());
    let said = bus.answer((heard, frame), pty.baud(), |place| house.state_now(place));
    let Said::Pieces(pieces) = said else { return Ok(asked) };
    let mut at = asked;
    for piece in pieces {
        at = send(pty, piece, at, on_wire(1)).await?;
    }
    Ok(at)
}

/// Sends a piece so that each byte is there when its last bit would be; returns when the last left.
async fn send(pty: &Pty, piece: Piece, from: Instant, character: Duration) -> io::Result<Instant> {
    let (mut at, mut left) = (from + piece.rest, from);
    let grain = GRAIN.as_nanos().checked_div(character.as_nanos()).unwrap_or(u128::MAX);
    let grain = usize::try_from(grain).unwrap_or(usize::MAX).max(1);
    for bytes in piece.bytes.chunks(grain) {
        at += character * u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        sleep_until(at).await;
        left = Instant::now(); // a busy machine sends late, and the silence begins then
        pty.write(bytes).await?;
    }
    Ok(left)
}

fn make_link(name: &Path, link: &Path) -> io::Result<()> {
    if let Some(folder) = link.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if std::fs::symlink_metadata(link).is_ok_and(|found| found.is_symlink()) {
        std::fs::remove_file(link)?;
    }
    std::os::unix::fs::symlink(name, link)
}
