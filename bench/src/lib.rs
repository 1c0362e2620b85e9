//! What the benchmarks share: one image of registers, one question, one way to be called.

use anyhow::{Context, Result, ensure};
use catalog::{Catalog, Model, Register};

/// Registers of the question that clients repeat: fifteen 32-bit floats.
pub const COUNT: u16 = 30;

/// The meter whose values are read.
///
/// # Errors
/// When it is not among the shipped models.
pub fn meter() -> Result<Model> {
    let catalog = Catalog::shipped();
    catalog.model("eastron/sdm630").cloned().context("no model eastron/sdm630")
}

/// The entries of the meter that lie in its first `count` registers.
///
/// # Errors
/// When the model is missing, or its entries do not fill the registers.
pub fn entries(count: u16) -> Result<Vec<Register>> {
    let mut entries = meter()?.registers;
    entries.retain(|entry| entry.start + u16::from(entry.size) <= count);
    ensure!(!entries.is_empty(), "no entry lies in {count} registers");
    Ok(entries)
}

/// What every meter of the server holds at a register: 32-bit floats from 200 up, as a mains
/// voltage or a counter looks, each with digits that no binary number holds exactly.
#[must_use]
pub fn word(register: u16) -> u16 {
    let value = 200.1_f32 + f32::from(register / 2) * 0.37;
    let [a, b, c, d] = value.to_be_bytes();
    if register % 2 == 0 { u16::from_be_bytes([a, b]) } else { u16::from_be_bytes([c, d]) }
}

/// A number on the command line.
///
/// # Errors
/// When it is missing or no number of this kind.
pub fn number<T: std::str::FromStr>(argument: Option<String>, what: &str) -> Result<T> {
    let text = argument.with_context(|| format!("{what} is missing"))?;
    text.parse().ok().with_context(|| format!("{what}: {text} is no number"))
}
