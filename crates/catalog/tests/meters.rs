//! `docs/meters.md` is written from the shipped models, so it can't lie.
//!
//! After a model came or changed: `SUBMETER_BLESS=1 cargo test -p catalog --test meters`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;

use catalog::{Catalog, Model};

#[test]
fn the_list_of_meters_is_the_list_of_models() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/meters.md");
    let list = list();
    if std::env::var_os("SUBMETER_BLESS").is_some() {
        std::fs::write(&path, &list).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == list,
        "docs/meters.md is out of date: SUBMETER_BLESS=1 cargo test -p catalog --test meters"
    );
}

fn list() -> String {
    let catalog = Catalog::shipped();
    let mut text = String::from(
        "# Meters\n\n\
         Every meter model that comes with Submeter. This list is written from the model files by \
         a test.\n\nA meter that is missing: [one file and no Rust](models.md), or `generic_modbus` \
         with its registers.\n\n\
         | maker | meter | model | medium | line from the factory | quantities | indexes |\n\
         | --- | --- | --- | --- | --- | ---: | --- |\n",
    );
    for model in catalog.models() {
        let Model { name, maker, title, medium, line, registers, .. } = model;
        let count = registers.len();
        let indexes = indexes(model);
        writeln!(
            text,
            "| {maker} | {title} | `{name}` | {medium} | {line} | {count} | {indexes} |"
        )
        .unwrap();
    }
    text
}

/// The indexes a bill may rest on.
fn indexes(model: &Model) -> String {
    let billed = ["en_im", "en_ex", "heat_energy_kwh", "cold_energy_kwh", "vol_m3"];
    let names = model.registers.iter().map(|register| register.quantity.name());
    let found: Vec<String> =
        names.filter(|name| billed.contains(name)).map(|name| format!("`{name}`")).collect();
    found.join(", ")
}
