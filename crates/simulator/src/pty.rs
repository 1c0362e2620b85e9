//! A bus on a pseudo-terminal: what a gateway opens as a serial device.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::Line;

use crate::bus::{Asked, Bus, Piece, Promptness, Said};
use crate::ear::{Ear, Question, Sound};
use crate::pretence::Pretence;
use crate::timer::{Timer, watched};

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
/// Bytes of a paced answer leave in pieces of about this time: shorter than any silence.
const GRAIN: Duration = Duration::from_millis(1);
/// Questions that may wait while one is answered; more are lost, as on a line.
const MOST_WAITING: usize = 16;

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
        Ok(Self { ours: watched(ours)?, _theirs: theirs, name, link: link.to_owned() })
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
    let talk = async { Talk::new(&bus, &house, &pty)?.go_on().await };
    let end = tokio::select! {
        () = stop.cancelled() => Ok(()),
        end = talk => end,
    };
    if let Err(error) = end {
        tracing::error!(bus = %bus.key, %error, "a simulated serial line broke");
    }
}

/// What goes on on a line. It is listened to even while an answer is on its way, so that every
/// byte is known by the instant at which it came.
struct Talk<'a> {
    bus: &'a Bus,
    house: &'a Pretence,
    pty: &'a Pty,
    timer: Timer,
    ear: Ear,
    heard_at: Instant,
    /// When the last answer ended.
    free_at: Instant,
    waiting: VecDeque<Question>,
}

impl<'a> Talk<'a> {
    fn new(bus: &'a Bus, house: &'a Pretence, pty: &'a Pty) -> io::Result<Self> {
        let ear = Ear::new(bus.way, bus.on_wire(bus.line, 1));
        let (timer, now, waiting) = (Timer::new()?, Instant::now(), VecDeque::new());
        Ok(Self { bus, house, pty, timer, ear, heard_at: now, free_at: now, waiting })
    }

    async fn go_on(&mut self) -> io::Result<()> {
        let mut bytes = [0; 256];
        loop {
            let count = self.pty.read(&mut bytes).await?;
            self.hear(bytes.get(..count).unwrap_or_default());
            while let Some(question) = self.waiting.pop_front() {
                self.answer(question).await?;
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        if now.duration_since(self.heard_at) > CUT_OFF {
            self.ear.forget();
        }
        self.heard_at = now;
        self.ear.hear(bytes, now);
        while let Sound::Question(question) = self.ear.next() {
            let silence = self.bus.line_of(question.heard.address).silence();
            let early = question.is_early(silence);
            self.bus.hear(if early { Promptness::Early } else { Promptness::InTime });
            if self.waiting.len() < MOST_WAITING {
                self.waiting.push_back(question);
            }
        }
    }

    async fn answer(&mut self, question: Question) -> io::Result<()> {
        let Question { heard, frame, began, .. } = question;
        let line = self.bus.line_of(heard.address);
        // Not before the answer to the question before it has ended.
        let ended = self.free_at.max(began + self.bus.on_wire(line, frame.len()));
        let asked = Asked { heard, frame: &frame, baud: self.pty.baud(), ended };
        let said = self.bus.answer(asked, |place| self.house.state_now(place));
        self.bus.occupy(line, &frame, &said);
        let Said::Pieces(pieces) = said else { return Ok(()) };
        let mut at = ended;
        for piece in pieces {
            at = self.send(piece, at, self.bus.on_wire(line, 1)).await?;
        }
        self.free_at = at;
        Ok(())
    }

    /// Sends a piece so that each byte is there when its last bit would be; returns when the last
    /// left.
    async fn send(
        &mut self,
        piece: Piece,
        from: Instant,
        character: Duration,
    ) -> io::Result<Instant> {
        let (mut at, mut left) = (from + piece.rest, from);
        let grain = GRAIN.as_nanos().checked_div(character.as_nanos()).unwrap_or(u128::MAX);
        let grain = match self.bus.pieces {
            None => usize::try_from(grain).unwrap_or(usize::MAX).max(1),
            Some(_) => piece.bytes.len().max(1), // with its last byte the whole piece is there
        };
        for bytes in piece.bytes.chunks(grain) {
            at += character * u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            self.wait_until(at).await?;
            left = Instant::now(); // before it can be heard: what comes later is no false alarm
            self.pty.write(bytes).await?;
            self.ear.said(left);
        }
        Ok(left)
    }

    /// Waits, and listens.
    async fn wait_until(&mut self, at: Instant) -> io::Result<()> {
        let mut bytes = [0; 256];
        loop {
            let count = tokio::select! {
                biased;
                read = self.pty.read(&mut bytes) => read?,
                end = self.timer.wait_until(at) => return end,
            };
            self.hear(bytes.get(..count).unwrap_or_default());
        }
    }
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
