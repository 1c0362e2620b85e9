//! Writing to people and scripts: data to the standard output, messages to the standard error.

use std::io::{IsTerminal, Write};

use anyhow::Context;
use serde::Serialize;

/// Writes one line of data. A reader that has gone away (`| head`) ends the command in silence.
///
/// # Errors
/// When the output cannot be written.
pub fn line(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").context("cannot write to the standard output")
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
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    Some(if size.ws_col == 0 { 80 } else { usize::from(size.ws_col) })
}
