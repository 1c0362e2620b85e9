//! The latency timer of an adapter: some USB adapters hold received bytes back, up to 16 ms as they
//! come, in order to send fuller packets. An answer is heard that much later, each time.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The shortest that adapters take, in milliseconds.
const SHORTEST_MS: u32 = 1;

/// How long an adapter holds bytes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Latency {
    /// It has no such timer, or the shortest already.
    Short,
    /// Milliseconds before, and as read back after it was set.
    Shortened { was_ms: u32, now_ms: u32 },
    /// Milliseconds, and the file through which somebody else may shorten them.
    Long { ms: u32, file: PathBuf },
}

/// Shortens the latency timer of a serial device, which may be named by a link. `sysfs` is where
/// the kernel shows its devices: `/sys`.
pub(super) fn shorten(sysfs: &Path, device: &Path) -> Latency {
    let Some((file, was_ms)) = timer_of(sysfs, device) else { return Latency::Short };
    if was_ms <= SHORTEST_MS {
        return Latency::Short;
    }
    let now_ms = write(&file).and_then(|()| read(&file)).unwrap_or(was_ms);
    match now_ms < was_ms {
        true => Latency::Shortened { was_ms, now_ms },
        false => Latency::Long { ms: was_ms, file },
    }
}

fn timer_of(sysfs: &Path, device: &Path) -> Option<(PathBuf, u32)> {
    let device = fs::canonicalize(device).ok()?;
    let file = sysfs.join("class/tty").join(device.file_name()?).join("device/latency_timer");
    let ms = read(&file).ok()?;
    Some((file, ms))
}

fn read(file: &Path) -> io::Result<u32> {
    fs::read_to_string(file)?.trim().parse().map_err(io::Error::other)
}

fn write(file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(file)?.write_all(format!("{SHORTEST_MS}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// A folder that looks as the kernel's do, with an adapter that is also known by its serial
    /// number. The content is that of its `latency_timer`.
    fn adapter(latency: Option<&str>) -> (TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["sys/devices/usb1/ttyUSB0/tty/ttyUSB0", "sys/class/tty", "dev/serial/by-id"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        fs::write(at("dev/ttyUSB0"), "").unwrap();
        symlink("../../ttyUSB0", at("dev/serial/by-id/usb-FTDI_A1")).unwrap();
        symlink("../../../ttyUSB0", at("sys/devices/usb1/ttyUSB0/tty/ttyUSB0/device")).unwrap();
        let tty = "../../devices/usb1/ttyUSB0/tty/ttyUSB0";
        symlink(tty, at("sys/class/tty/ttyUSB0")).unwrap();
        if let Some(latency) = latency {
            fs::write(at("sys/devices/usb1/ttyUSB0/latency_timer"), latency).unwrap();
        }
        let (sysfs, device) = (at("sys"), at("dev/serial/by-id/usb-FTDI_A1"));
        (folder, sysfs, device)
    }

    #[test]
    fn a_long_timer_is_shortened_through_whatever_name_the_device_is_given() {
        let shortened = Latency::Shortened { was_ms: 16, now_ms: 1 };
        for (latency, expected) in [
            (Some("16\n"), &shortened),
            (Some("1\n"), &Latency::Short),
            (Some("0\n"), &Latency::Short),
            (Some("many\n"), &Latency::Short),
            (None, &Latency::Short),
        ] {
            let (_folder, sysfs, by_id) = adapter(latency);
            assert_eq!(&shorten(&sysfs, &by_id), expected, "{latency:?}");
            assert_eq!(shorten(&sysfs, &by_id), Latency::Short, "the second time");
            let (folder, sysfs, _) = adapter(latency);
            let by_number = folder.path().join("dev/ttyUSB0");
            assert_eq!(&shorten(&sysfs, &by_number), expected, "{latency:?} by number");
        }
    }

    #[test]
    fn a_timer_that_may_not_be_set_is_told_with_its_file() {
        let (_folder, sysfs, device) = adapter(None);
        let file = sysfs.join("class/tty/ttyUSB0/device/latency_timer");
        // A number of the kernel's that not even root may write.
        symlink("/proc/sys/kernel/ngroups_max", &file).unwrap();
        let ms = read(&file).unwrap();
        assert_eq!(shorten(&sysfs, &device), Latency::Long { ms, file });
    }

    #[test]
    fn a_device_that_is_not_there_has_no_timer() {
        let (folder, sysfs, _) = adapter(Some("16\n"));
        assert_eq!(shorten(&sysfs, &folder.path().join("dev/ttyUSB1")), Latency::Short);
    }
}
