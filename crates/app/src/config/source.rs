use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use catalog::{Code, Problem};
use rustix::fs::OFlags;

/// A file that was read, and who may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its access rights, as in `chmod`.
    pub mode: u32,
}

/// Reads a file of at most `limit` bytes.
///
/// What is no plain file is refused before it is opened, so that no pipe can hold up the start and
/// no device is touched; what is too large is refused by its size, without reading it.
///
/// # Errors
/// `not_a_file` or `too_large`, about the file as a whole.
pub fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, Problem> {
    open(path, limit).map(|source| source.bytes)
}

/// Reads a file of at most `limit` bytes with its access rights.
///
/// # Errors
/// `not_a_file` or `too_large`, about the file as a whole.
pub fn open(path: &Path, limit: usize) -> Result<Source, Problem> {
    judge(&std::fs::metadata(path).map_err(|error| unreadable(&error))?, limit)?;
    // Whatever takes its place meanwhile cannot hold us up either.
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| unreadable(&error))?;
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    judge(&metadata, limit)?;
    let bytes = read(&file, limit).map_err(|error| unreadable(&error))?;
    if bytes.len() > limit {
        return Err(too_large(bytes.len(), limit));
    }
    Ok(Source { bytes, mode: metadata.mode() & 0o7777 })
}

/// Reads up to one byte more than allowed, which tells a file that has grown.
fn read(file: &File, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn judge(metadata: &Metadata, limit: usize) -> Result<(), Problem> {
    let kind = metadata.file_type();
    if !kind.is_file() {
        let rule = format!("this is {}, not a file", in_words(kind));
        return Err(Problem::error(Code::NotAFile, "", rule));
    }
    match usize::try_from(metadata.len()) {
        Ok(length) if length <= limit => Ok(()),
        Ok(length) => Err(too_large(length, limit)),
        Err(_) => Err(too_large(usize::MAX, limit)),
    }
}

fn too_large(length: usize, limit: usize) -> Problem {
    let rule = format!("{length} bytes: such a file has at most {limit}");
    Problem::error(Code::TooLarge, "", rule)
}

fn unreadable(error: &std::io::Error) -> Problem {
    Problem::error(Code::NotAFile, "", format!("it cannot be read: {error}"))
}

fn in_words(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    }
}
