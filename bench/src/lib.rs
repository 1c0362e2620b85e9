//! What the benchmarks share: one image of registers, sites to read it, one way to be called.

use anyhow::{Context, Result, ensure};
use catalog::{Catalog, Model, check_site};
use domain::PlanNumber;
use gateway::Plan;

/// Registers of the question that clients repeat: fifteen 32-bit floats.
pub const COUNT: u16 = 30;
/// Registers of all values of a `bench/forty`.
pub const ALL: u16 = 80;

/// The beginning of a site file.
pub const HEAD: &str = "[site]\nkey = \"bench\"\n";

/// The meter whose usual values are planned.
///
/// # Errors
/// When it is not among the shipped models.
pub fn usual_meter() -> Result<Model> {
    let catalog = Catalog::shipped();
    catalog.model("eastron/sdm630").cloned().context("no model eastron/sdm630")
}

/// The shipped models, and `bench/forty`: 40 floats from register 0 up.
///
/// # Errors
/// When its file has a mistake.
pub fn catalog() -> Result<Catalog> {
    let mut catalog = Catalog::shipped();
    let text = include_str!("../models/bench/forty.toml");
    catalog.put(Model::parse("bench/forty", text)?);
    Ok(catalog)
}

/// A site file of meters behind Modbus TCP, of 40 values each, each with a loopback address and a
/// connection of its own.
#[must_use]
pub fn site_of_sockets(meters: u32, port: u16) -> String {
    let meters = (1..=meters).map(|n| {
        let [.., high, low] = n.to_be_bytes();
        let port = format!("tcp://127.0.{high}.{low}:{port}");
        bus(n, &port, "") + &meter(n, (n, 1), "bench/forty")
    });
    HEAD.to_owned() + &meters.collect::<String>()
}

/// A bus of a site file. `more` is said of it as well.
#[must_use]
pub fn bus(n: u32, port: &str, more: &str) -> String {
    format!("[[bus]]\nkey = \"bus-{n}\"\nport = \"{port}\"\ninterval = \"0s\"\n{more}")
}

/// A meter of a site file.
#[must_use]
pub fn meter(n: u32, (bus, address): (u32, u32), model: &str) -> String {
    format!(
        "[[meter]]\nkey = \"meter-{n}\"\nbus = \"bus-{bus}\"\naddress = {address}\n\
         model = \"{model}\"\n"
    )
}

/// What a gateway makes of a site file, with the first so many registers of each meter.
///
/// # Errors
/// When the file has a mistake, or nothing is left of a meter.
pub fn plan_of(site: &str, count: u16) -> Result<Plan> {
    let (checked, problems) = check_site(site, &catalog()?);
    let checked = checked.with_context(|| problems.render("the site of a benchmark", site))?;
    let mut plan = Plan::of(&checked, PlanNumber(1));
    for meter in plan.buses.iter_mut().flat_map(|bus| &mut bus.meters) {
        meter.registers.retain(|entry| entry.start + u16::from(entry.size) <= count);
        ensure!(!meter.registers.is_empty(), "no value lies in {count} registers");
    }
    Ok(plan)
}

/// What every meter of the server holds at a register: 32-bit floats from 200 up, as a mains
/// voltage or a counter looks, each with digits that no binary number holds exactly.
#[must_use]
pub fn word(register: u16) -> u16 {
    let value = 200.1_f32 + f32::from(register / 2) * 0.37;
    let [a, b, c, d] = value.to_be_bytes();
    if register.is_multiple_of(2) { u16::from_be_bytes([a, b]) } else { u16::from_be_bytes([c, d]) }
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
