//! `submeter check --plan`: what is asked on each bus, and how much of its time that takes.
#![allow(clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{folder, submeter, text, write};
use serde_json::json;

const SITE: &str = r#"[site]
key = "s"

[[bus]]
key = "a"
port = "/dev/ttyUSB0"

[[bus]]
key = "idle"
port = "/dev/ttyUSB1"

[[bus]]
key = "t"
port = "tcp://192.0.2.7:502"

[[meter]]
key = "apt-1"
bus = "a"
address = 5
model = "eastron/sdm630"
intervals = { L1_v = "10s", en_im = "15m" }

[[meter]]
key = "heat"
bus = "t"
medium = "heat"
address = 6
model = "generic_modbus"
registers = [
  { reg = 0, unit = "heat_energy_kwh", size = 2, data_type = "uint", round = 3 },
  { reg = 900, unit = "vol_m3", size = 2, data_type = "uint", round = 3 },
]
"#;

/// What stands below the sentences about the site.
const PLAN: &str = "
bus a: /dev/ttyUSB0
meter  address  function  registers  count  entries     ms
apt-1        5  input     0..75         76       25  195.5
apt-1        5  input     342..351      10        5   58.0
every 10s: 1 question, 0.04 s a sweep
every 1m: 2 questions, 0.25 s a sweep
every 15m: 2 questions, 0.25 s a sweep
load: 0.8 % of its time

bus t: tcp://192.0.2.7:502
meter  address  function  registers  count  entries
heat         6  holding   0..1           2        1
heat         6  holding   900..901       2        1
every 15m: 2 questions, pauses: 0.3 s a sweep; the rest depends on the converter
load: 0.1 % of its time by pauses alone
";

#[test]
fn the_questions_of_each_bus_are_shown_with_their_time() {
    let folder = folder();
    let file = write(&folder, "site.toml", SITE);
    let said = submeter(&["check", "--plan", &file]);
    assert!(said.text(0).ends_with(PLAN), "{}", said.out);
    assert!(!submeter(&["check", &file]).text(0).contains("load"));
}

#[test]
fn programs_are_told_the_same() {
    let folder = folder();
    let file = write(&folder, "site.toml", SITE);
    let document = submeter(&["check", "--plan", "--json", &file]).json(0);
    let buses = &document["plan"];
    assert_eq!(buses.as_array().map(Vec::len), Some(2));
    assert_eq!((&buses[0]["file"], &buses[0]["bus"]), (&json!(file), &json!("a")));
    assert_eq!(buses[0]["load_percent"], 0.8);
    let second = json!({
        "meter": "apt-1", "address": 5, "function": "input", "first": 342, "last": 351,
        "count": 10, "entries": 5, "time_ms": 58.0, "pause_ms": 0.0,
    });
    assert_eq!(buses[0]["questions"][1], second);
    let sweep = json!({"interval": "15m", "questions": 2, "time_ms": null, "pauses_ms": 300.0});
    assert_eq!(buses[1]["sweeps"], json!([sweep]));
    assert!(buses[1]["questions"][0]["time_ms"].is_null());
}

#[test]
fn a_plan_changes_nothing_about_how_a_check_ends() {
    let folder = folder();
    let crowded = SITE.replace("intervals = { L1_v = \"10s\", en_im = \"15m\" }", "RATE");
    let file = write(&folder, "busy.toml", &crowded.replace("RATE", "interval = \"1s\""));
    let slow = crowded.replace("RATE", "interval = \"1s\"\nbaudrate = 1200");
    let slow = write(&folder, "slow.toml", &slow);
    let rest = write(&folder, "rest.toml", &crowded.replace("RATE", "interval = \"0s\""));
    let bad = write(&folder, "bad.toml", &crowded.replace("RATE", "intervall = \"1s\""));
    assert!(submeter(&["check", "--plan", &file]).text(0).contains("load: 25.4 %"));
    assert!(submeter(&["check", "--plan", &rest]).text(0).contains("load: all of its time"));
    let said = submeter(&["check", "--plan", &slow]);
    assert!(said.text(0).contains("load: 16"), "{}", said.out);
    assert!(said.err.contains("warning[bus_overload]"), "{}", said.err);
    assert!(said.err.contains("with interval = \"2s\" it fits"), "{}", said.err);
    assert!(
        submeter(&["check", "--plan", "--strict", &slow]).complaint(3).contains("bus_overload")
    );
    let said = submeter(&["check", "--plan", &bad]);
    assert!(said.complaint(3).contains("unknown_key"));
    assert_eq!(said.out, "");
    let model = "crates/catalog/models/eastron/sdm630.toml";
    let model = text(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(model));
    assert_eq!(submeter(&["check", "--plan", &model]).text(0).lines().count(), 1);
}
