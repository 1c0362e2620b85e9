//! Writing to people and scripts: data to the standard output, messages to the standard error.

use std::io::{IsTerminal, StdoutLock, Write};

use anyhow::Context;
use serde::Serialize;

/// The standard output. When nobody reads it any more, its error says so.
pub fn data() -> impl Write {
    Data(std::io::stdout().lock())
}

/// Whether an error is that whoever read the standard output has had enough (`| head`). Any other
/// pipe that breaks, to the running service for example, is a failure.
#[must_use]
pub fn is_reader_gone(error: &anyhow::Error) -> bool {
    let gone = |error: &std::io::Error| {
        error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Gone>)
    };
    error.chain().any(|cause| cause.downcast_ref().is_some_and(gone))
}

/// An error with its causes in one line; what already stands in the line is not said again.
#[must_use]
pub fn in_words(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !line.contains(&cause) {
            line += if line.is_empty() { "" } else { ": " };
            line += &cause;
        }
    }
    line
}

struct Data(StdoutLock<'static>);

#[derive(Debug)]
struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads the standard output any more")
    }
}

impl std::error::Error for Gone {}

fn told(error: std::io::Error) -> std::io::Error {
    match error.kind() {
        kind @ std::io::ErrorKind::BrokenPipe => std::io::Error::new(kind, Gone),
        _ => error,
    }
}

impl Write for Data {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes).map_err(told)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush().map_err(told)
    }
}

/// Writes one line of data. A reader that has gone away (`| head`) ends the command in silence.
///
/// # Errors
/// When the output cannot be written.
pub fn line(text: &str) -> anyhow::Result<()> {
    writeln!(data(), "{text}").context("cannot write to the standard output")
}

/// Writes several lines of data.
///
/// # Errors
/// When the output cannot be written.
pub fn lines(lines: &[String]) -> anyhow::Result<()> {
    lines.iter().try_for_each(|text| line(text))
}

/// Writes one JSON document.
///
/// # Errors
/// When the output cannot be written.
pub fn json(document: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(document)?)
}

/// Writes a message for a person. There is nobody to tell when that fails.
pub fn message(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// The width of the terminal, or `None` when there is none.
#[must_use]
pub fn terminal_width() -> Option<usize> {
    terminal_size().map(|(width, _)| width)
}

/// The width and the height of the terminal, or `None` when there is none.
#[must_use]
pub fn terminal_size() -> Option<(usize, usize)> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    let or = |given: u16, usual: usize| if given == 0 { usual } else { usize::from(given) };
    Some((or(size.ws_col, 80), or(size.ws_row, 24)))
}
