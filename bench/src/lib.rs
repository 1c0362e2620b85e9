//! What the benchmarks share: one image of registers, sites to read it, one way to be called.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use catalog::{Catalog, Model, check_site};
use domain::PlanNumber;
use gateway::Plan;

/// Registers of the question that clients repeat: fifteen 32-bit floats.
pub const COUNT: u16 = 30;

/// Quantities of which a site may name the first so many; any name serves.
const OF_A_PHASE: [&str; 13] = [
    "v",
    "a",
    "w",
    "var",
    "va",
    "pf",
    "angle_deg",
    "hz",
    "thd_v",
    "thd_a",
    "a_dmd",
    "w_im",
    "w_ex",
];

/// The meter whose usual values are planned.
///
/// # Errors
/// When it is not among the shipped models.
pub fn meter() -> Result<Model> {
    let catalog = Catalog::shipped();
    catalog.model("eastron/sdm630").cloned().context("no model eastron/sdm630")
}

/// A site file of meters behind Modbus TCP, each on a loopback address and a connection of its own,
/// with so many floats from register 0 up.
#[must_use]
pub fn site_of_sockets(meters: u16, values: u16, port: u16, interval: &str) -> String {
    let mut text = head();
    for n in 1..=meters {
        let [high, low] = n.to_be_bytes();
        let at = format!("tcp://127.0.{high}.{low}:{port}");
        bus(&mut text, n, &at, &format!("interval = \"{interval}\"\n"));
        meter_of(&mut text, (n, n, 1), values);
    }
    text
}

/// A site file of one meter on a serial line, 8N1, read without rest. `more` follows what is said
/// of the bus.
#[must_use]
pub fn site_of_line(path: &str, baud: u32, values: u16, more: &str) -> String {
    let mut text = head();
    bus(&mut text, 1, path, &format!("interval = \"0s\"\nbaudrate = {baud}\n{more}"));
    meter_of(&mut text, (1, 1, 1), values);
    text
}

/// What a gateway makes of a site file.
///
/// # Errors
/// When the file has a mistake.
pub fn plan(site: &str) -> Result<Plan> {
    let (checked, problems) = check_site(site, &Catalog::shipped());
    let checked = checked.with_context(|| problems.render("the site of a benchmark", site))?;
    Ok(Plan::of(&checked, PlanNumber(1)))
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

/// A number on the command line that may be left out.
///
/// # Errors
/// When it is there, and 0 or no number of this kind.
pub fn at_least_one(argument: Option<String>, what: &str) -> Result<u32> {
    let Some(text) = argument else { return Ok(1) };
    let count = number(Some(text), what)?;
    ensure!(count > 0, "{what}: at least 1");
    Ok(count)
}

fn head() -> String {
    "[site]\nkey = \"bench\"\ntime_zone = \"Europe/Zurich\"\n".to_owned()
}

fn bus(text: &mut String, n: u16, port: &str, more: &str) {
    let _ = write!(text, "\n[[bus]]\nkey = \"bus-{n}\"\nport = \"{port}\"\n{more}");
}

fn meter_of(text: &mut String, (n, bus, address): (u16, u16, u8), values: u16) {
    let _ = write!(
        text,
        "\n[[meter]]\nkey = \"meter-{n}\"\nbus = \"bus-{bus}\"\naddress = {address}\n\
         medium = \"electricity\"\nmodel = \"generic_modbus\"\nregisters = [\n"
    );
    let phases = (1..=3).flat_map(|phase| OF_A_PHASE.map(|what| format!("L{phase}_{what}")));
    let names = phases.chain(["freq_hz".to_owned()]);
    for (name, register) in names.zip((0..2 * values).step_by(2)) {
        let _ = writeln!(
            text,
            "  {{ reg = {register}, unit = \"{name}\", size = 2, data_type = \"float\", \
             function_code = 4, round = 3, pause = 0 }},"
        );
    }
    text.push_str("]\n");
}
