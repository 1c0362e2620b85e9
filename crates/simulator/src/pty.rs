//! A bus on a pseudo-terminal: what a gateway opens as a serial device.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::unix::AsyncFd;
use wire::Line;

use crate::timer::watched;

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

impl Pty {
    /// Opens a pseudo-terminal and links it at a path, replacing an older link, never a file.
    ///
    /// # Errors
    /// When there is no terminal to be had, or the link cannot be made.
    pub(crate) fn open(link: &Path, line: Line) -> io::Result<Self> {
        let pty = Self::unlinked(link, line)?;
        pty.make_link()?;
        Ok(pty)
    }

    /// Pulls the plug: whoever has it open hears that it is gone. What comes back has another
    /// number, and is at the same link once [`Pty::make_link`] was called.
    ///
    /// # Errors
    /// When there is no other terminal to be had.
    pub(crate) fn unplug(self, line: Line) -> io::Result<Self> {
        Self::unlinked(&self.link, line) // while this one still has its number
    }

    fn unlinked(link: &Path, line: Line) -> io::Result<Self> {
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
        Ok(Self { ours: watched(ours)?, _theirs: theirs, name, link: link.to_owned() })
    }

    /// Links it, replacing an older link, never a file.
    ///
    /// # Errors
    /// When the link cannot be made.
    pub(crate) fn make_link(&self) -> io::Result<()> {
        if let Some(folder) = self.link.parent() {
            std::fs::create_dir_all(folder)?;
        }
        if std::fs::symlink_metadata(&self.link).is_ok_and(|found| found.is_symlink()) {
            std::fs::remove_file(&self.link)?;
        }
        std::os::unix::fs::symlink(&self.name, &self.link)
    }

    /// The speed that was set at the other end.
    pub(crate) fn baud(&self) -> Option<u32> {
        tcgetattr(self.ours.get_ref()).ok().map(|settings| settings.output_speed())
    }

    /// Waits for bytes.
    pub(crate) async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.ours.readable().await?;
            let read = ready.try_io(|ours| Ok(rustix::io::read(ours.get_ref(), &mut *bytes)?));
            if let Ok(read) = read {
                return read;
            }
        }
    }

    /// Writes bytes. Nobody waits for a reader on a line: what does not fit is lost.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match rustix::io::write(self.ours.get_ref(), bytes) {
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
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
