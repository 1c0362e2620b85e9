//! Our simulated meters, read by mbpoll, whose eyes are not ours.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::process::Command;

use common::{Running, submeter};
use serde_json::Value;
use tempfile::TempDir;

/// What is compared: meter and quantity; how mbpoll asks for it; what it calls the number.
/// The load is a watt, so that the words stay the same for a while.
const COMPARED: [(&str, &str, &str, &str); 8] = [
    ("apt-net", "en_im", "-a 5 -r 72", "3:float"),
    ("apt-net", "en_tot", "-a 5 -r 342", "3:float"),
    ("heat-net", "heat_energy_kwh", "-a 6 -r 72", "4:int"),
    ("heat-net", "vol_m3", "-a 6 -r 100", "3:int"),
    ("apt-line", "en_im", "-a 5 -r 72", "3:float"),
    ("apt-line", "en_tot", "-a 5 -r 342", "3:float"),
    ("heat-line", "heat_energy_kwh", "-a 6 -r 72", "4:int"),
    ("heat-line", "vol_m3", "-a 6 -r 100", "3:int"),
];

/// A house with the same two meters on a socket and on a serial line.
fn house(line: &str) -> String {
    let mut text = format!(
        r#"
[site]
key = "house"
[simulation]
start = "2026-01-01T00:00:00Z"
[[bus]]
key = "net"
port = "tcp://127.0.0.1:0"
[[bus]]
key = "line"
port = "{line}"
"#
    );
    for bus in ["net", "line"] {
        text += &format!(
            r#"
[[meter]]
key = "apt-{bus}"
bus = "{bus}"
address = 5
model = "eastron/sdm630"
[meter.simulation]
load = "constant"
scale = 0.001
index = 4120.77
[[meter]]
key = "heat-{bus}"
bus = "{bus}"
address = 6
medium = "heat"
model = "generic_modbus"
registers = [
  {{ reg = 72, unit = "heat_energy_kwh", size = 2, data_type = "uint", factor = 0.001, round = 3 }},
  {{ reg = 100, unit = "vol_m3", size = 2, data_type = "int", factor = 0.01, function_code = 4 }},
]
[meter.simulation]
load = "constant"
scale = 0.001
index = 815.4
"#
        );
    }
    text
}

/// A simulated house that runs, and the site file it wrote.
struct Simulated {
    _folder: TempDir,
    _house: Running,
    site: String,
    tcp_port: String,
    line: String,
}

fn simulated() -> Simulated {
    let folder = common::folder();
    let path = |name: &str| common::text(&folder.path().join(name));
    let (line, site) = (path("line"), path("site.toml"));
    let file = common::write(&folder, "house.toml", &house(&line));
    let mut house = Running::submeter(&["simulate", &file, "--write-site", &site]);
    let tcp_port = house.after("tcp://127.0.0.1:");
    house.after("site file: ");
    Simulated { _folder: folder, _house: house, site, tcp_port, line }
}

impl Simulated {
    /// The reading of a quantity, as our own reader sees it.
    fn read(&self, meter: &str, quantity: &str) -> (String, f64) {
        let document = submeter(&["read", meter, "--site", &self.site, "--json"]).json(0);
        let readings = document["readings"].as_array().unwrap();
        let reading = readings.iter().find(|reading| reading["quantity"] == quantity).unwrap();
        let number = |value: &Value| value.to_string().parse().unwrap();
        (reading["raw"].as_str().unwrap().to_owned(), number(&reading["value"]))
    }

    /// What mbpoll shows of one register or number: the right side of each of its lines.
    fn poll(&self, bus: &str, question: &str, kind: &str, count: &str) -> Vec<String> {
        let place = match bus {
            "net" => vec!["-m", "tcp", "-p", &self.tcp_port, "127.0.0.1"],
            _ => vec!["-m", "rtu", "-b", "9600", "-P", "none", &self.line],
        };
        let mut command = Command::new(common::tool("mbpoll").unwrap());
        command.args(["-0", "-1", "-B", "-t", kind, "-c", count]);
        let said = common::run(command.args(question.split(' ')).args(place));
        let lines = said.text(0).lines().filter_map(|line| line.split_once("]:"));
        lines.map(|(_, shown)| shown.trim().to_owned()).collect()
    }
}

#[test]
fn mbpoll_sees_the_same_words_and_numbers_as_we_do() {
    if common::tool("mbpoll").is_none() {
        common::not_proved("mbpoll sees what we see", "mbpoll");
        return;
    }
    let house = simulated();
    for (meter, quantity, question, kind) in COMPARED {
        let bus = meter.rsplit('-').next().unwrap();
        let (before, _) = house.read(meter, quantity);
        let table = &kind[..1];
        let words: Vec<String> = house
            .poll(bus, question, &format!("{table}:hex"), "2")
            .iter()
            .map(|word| word.trim_start_matches("0x").to_lowercase())
            .collect();
        let numbers = house.poll(bus, question, kind, "1");
        let (after, value) = house.read(meter, quantity);
        // An index may have moved on while everybody looked.
        let words = words.join(" ");
        assert!(
            [&before, &after].contains(&&words),
            "{meter} {quantity}: {before} {words} {after}"
        );
        let number: f64 = numbers[0].parse().unwrap();
        let shown = if kind.ends_with("float") { number } else { number * scale(quantity) };
        // mbpoll shows six digits of a float.
        assert!((shown - value).abs() <= value * 1e-5, "{meter} {quantity}: {shown} {value}");
    }
}

fn scale(quantity: &str) -> f64 {
    if quantity == "vol_m3" { 0.01 } else { 0.001 }
}
