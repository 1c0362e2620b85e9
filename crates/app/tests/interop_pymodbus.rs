//! Meters made of pymodbus, read by the real binary over sockets and serial lines.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::process::Command;

use common::{Cable, Running, Said, submeter};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What pymodbus is told to hold in meter 7 (table, register, kind, order of words, number), how it
/// is asked for, and what is to be shown.
const VALUES: &str = "\
input    0      UINT16  big     65535                 | --data-type uint --round 0 | 65535
input    10     INT16   big     -32768                | --data-type int --round 0 | -32768
input    20     INT16   big     2312                  | --factor 0.1 --round 1 | 231.2
input    30     UINT32  big     4294967295            | --data-type uint --round 0 | 4294967295
input    40     INT32   big     -412077               | --data-type int --factor 0.01 | -4120.77
input    50     FLOAT32 big     4120.77               | --data-type float --round 3 | 4120.770
input    60     FLOAT64 big     -0.001                | --data-type float --round 3 | -0.001
input    70     UINT64  big     18446744073709551615  | --data-type uint --factor 0.001 --round 3 \
                                                      | 18446744073709551.615
input    80     INT64   big     -9223372036854775808  | --data-type int --factor 0.1 --round 1 \
                                                      | -922337203685477580.8
holding  0      UINT32  little  412070                | --data-type uint --factor 0.01 | 4120.70
holding  10     INT32   little  -2                    | --data-type int --round 0 | -2
holding  20     FLOAT32 little  231.2                 | --data-type float --round 1 | 231.2
holding  30     FLOAT64 little  123456789.125         | --data-type float --round 3 | 123456789.125
holding  40     UINT64  little  1234567890123         | --data-type uint --factor 0.001 --round 3 \
                                                      | 1234567890.123
holding  50     INT64   little  -1                    | --data-type int --round 0 | -1
holding  60     UINT32  big     305419896             | --data-type bcd --round 0 | 12345678
holding  65534  UINT32  big     7                     | --data-type uint --round 0 | 7";

/// One line of the values.
struct Case {
    held: Value,
    flags: String,
    shown: &'static str,
}

fn cases() -> Vec<Case> {
    let case = |line: &'static str| {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [held, flags, shown] = parts[..] else { panic!("{line}") };
        let words: Vec<&str> = held.split_whitespace().collect();
        let [table, reg, kind, order, number] = words[..] else { panic!("{line}") };
        let registers = kind.trim_matches(char::is_alphabetic).parse::<u8>().unwrap() / 16;
        let function = if table == "input" { 4 } else { 3 };
        let swapped = if order == "little" { " --swap-words" } else { "" };
        Case {
            held: holds(7, &format!("{table} {reg} {kind} {order}"), number),
            flags: format!(
                "--reg {reg} --size {registers} --function-code {function} {flags}{swapped}"
            ),
            shown,
        }
    };
    VALUES.lines().map(case).collect()
}

/// One entry of the image: unit; table, register, kind and order; number.
fn holds(unit: u8, place: &str, number: &str) -> Value {
    let words: Vec<&str> = place.split(' ').collect();
    let [table, reg, kind, order] = words[..] else { panic!("{place}") };
    json!({
        "unit": unit,
        "table": table,
        "reg": reg.parse::<u16>().unwrap(),
        "type": kind,
        "order": order,
        "value": serde_json::from_str::<Value>(number).unwrap(),
    })
}

/// All that pymodbus holds; the SDM630 lacks its registers from 342 on.
fn image() -> Value {
    let mut image: Vec<Value> = cases().into_iter().map(|case| case.held).collect();
    image.extend((0..76).step_by(2).map(|reg| {
        let number = match reg {
            0..=4 => "230.5",
            52 => "1460.25",
            70 => "49.98",
            72 => "4120.77",
            74 => "12.5",
            _ => "1.0",
        };
        holds(1, &format!("input {reg} FLOAT32 big"), number)
    }));
    image.push(holds(2, "input 72 UINT32 big", "4120700"));
    image.push(holds(2, "input 90 FLOAT32 little", "71.5"));
    image.push(holds(2, "holding 90 INT64 big", "15025"));
    Value::Array(image)
}

/// The site: the same meters on both ports.
fn site(tcp: &str, serial: &str) -> String {
    let mut text = format!(
        r#"
[site]
key = "rue-du-lac-12"
time_zone = "Europe/Zurich"
[[bus]]
key = "net"
port = "{tcp}"
interval = "1s"
[[bus]]
key = "line"
port = "{serial}"
interval = "1s"
baudrate = 9600
parity = "N"
"#
    );
    for bus in ["net", "line"] {
        text += &format!(
            r#"
[[meter]]
key = "apt-{bus}"
bus = "{bus}"
address = 1
model = "eastron/sdm630"
[[meter]]
key = "heat-{bus}"
medium = "heat"
bus = "{bus}"
address = 2
model = "generic_modbus"
registers = [
  {{ reg = 72, unit = "heat_energy_kwh", size = 2, data_type = "uint", factor = 0.001,
     function_code = 4, round = 2 }},
  {{ reg = 90, unit = "flow_temp", size = 2, data_type = "float", swap_words = true,
     function_code = 4, round = 1 }},
  {{ reg = 90, unit = "vol_m3", size = 4, data_type = "int", factor = 0.01, round = 2 }},
]
"#
        );
    }
    text
}

/// Both servers, ready.
struct Meters {
    folder: TempDir,
    tcp: String,
    cable: Cable,
    _servers: [Running; 2],
}

fn meters(what: &str) -> Option<Meters> {
    let Some(python) = common::python() else {
        common::not_proved(what, "pymodbus (SUBMETER_PYTHON)");
        return None;
    };
    let Some(cable) = Cable::lay() else {
        common::not_proved(what, "socat");
        return None;
    };
    let folder = common::folder();
    let image = common::write(&folder, "image.json", &image().to_string());
    let script = common::beside("pymodbus_server.py");
    let serve = |place: &str| Running::start(Command::new(&python).args([&script, &image, place]));
    let (mut net, mut line) = (serve("tcp"), serve(&cable.theirs));
    let tcp = format!("tcp://127.0.0.1:{}", net.after("listening on "));
    line.after("listening on ");
    Some(Meters { folder, tcp, cable, _servers: [net, line] })
}

fn read(port: &str, address: &str, flags: &str) -> Said {
    let mut arguments = vec!["read", port, address, "--json"];
    arguments.extend(flags.split(' '));
    submeter(&arguments)
}

#[test]
fn every_kind_of_number_of_pymodbus_is_read_to_the_digit() {
    let Some(meters) = meters("numbers served by pymodbus are read") else { return };
    for port in [&meters.tcp, &meters.cable.ours] {
        for Case { flags, shown, .. } in cases() {
            let said = read(port, "7", &flags);
            let reading = &said.json(0)["readings"][0];
            assert_eq!(reading["value"].to_string(), shown, "{port}: {flags}");
        }
    }
}

#[test]
fn what_pymodbus_does_not_have_is_said_with_its_reason() {
    let Some(meters) = meters("holes and missing meters of pymodbus are told apart") else {
        return;
    };
    let reason = |said: &Said, code: i32| {
        let document = said.json(code);
        assert_eq!(document["readings"], json!([]));
        document["gaps"][0]["reason"].as_str().unwrap().to_owned()
    };
    // A hole is refused on both ports.
    for port in [&meters.tcp, &meters.cable.ours] {
        assert_eq!(reason(&read(port, "7", "--reg 5 --function-code 4"), 5), "refused");
        // The second register of the value is missing.
        let half = "--reg 31 --size 2 --data-type uint --function-code 4";
        assert_eq!(reason(&read(port, "7", half), 5), "refused");
    }
    // Nobody behind a port that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(reason(&read(&format!("tcp://{free}"), "1", "--reg 0"), 4), "line");
    assert_eq!(reason(&read("/dev/ttyNOBODY", "1", "--reg 0"), 4), "line");
    // pymodbus answers for meters it does not have, over a socket.
    assert_eq!(reason(&read(&meters.tcp, "99", "--reg 0"), 5), "refused");
}

/// What the site's meters are to show, in the order of the site.
fn expected(meter: &str, quantity: &str) -> Option<&'static str> {
    Some(match (meter.split_once('-')?.0, quantity) {
        ("apt", "en_im") => "4120.770",
        ("apt", "en_ex") => "12.500",
        ("apt", "L1_v" | "L2_v" | "L3_v") => "230.5",
        ("apt", "total_w") => "1460.3",
        ("apt", "freq_hz") => "49.98",
        ("heat", "heat_energy_kwh") => "4120.70",
        ("heat", "flow_temp") => "71.5",
        ("heat", "vol_m3") => "150.25",
        _ => return None,
    })
}

/// Counts the readings whose values are known, and fails on any other value.
fn known(readings: &Value) -> usize {
    let judge = |reading: &&Value| {
        let text = |key: &str| reading[key].as_str().unwrap();
        let Some(value) = expected(text("meter"), text("quantity")) else { return false };
        assert_eq!(reading["value"].to_string(), value, "{reading}");
        true
    };
    readings.as_array().unwrap().iter().filter(judge).count()
}

#[test]
fn a_site_of_pymodbus_meters_is_read_and_what_lacks_is_told() {
    let Some(meters) = meters("a site of pymodbus meters is read") else { return };
    let site = site(&meters.tcp, &meters.cable.ours);
    let site = common::write(&meters.folder, "site.toml", &site);
    let said = submeter(&["read", "--site", &site, "--json"]);
    let document = said.json(6); // five registers of each SDM630 are missing
    assert_eq!(known(&document["readings"]), 2 * (7 + 3), "{document:#}");
    let gaps = document["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 2 * 5, "{document:#}");
    assert!(gaps.iter().all(|gap| gap["reason"] == "refused"), "{document:#}");
    let one = submeter(&["read", "heat-line", "--site", &site, "--json"]).json(0);
    assert_eq!(known(&one["readings"]), 3, "{one:#}");
}

#[test]
fn what_was_read_from_pymodbus_is_there_after_a_restart() {
    let Some(meters) = meters("readings of pymodbus meters outlive the service") else { return };
    let site = site(&meters.tcp, &meters.cable.ours);
    let site = common::write(&meters.folder, "site.toml", &site);
    let data = common::text(&meters.folder.path().join("data"));
    let all = || submeter(&["readings", "--data", &data, "--json", "--limit", "0"]).json(0);
    let mut service = Running::submeter(&["run", "--site", &site, "--data", &data]);
    service.after("Reading");
    // A question of a person is one more sweep: what it shows is in the journal.
    for _ in 0..3 {
        let now = submeter(&["read", "--data", &data, "--json"]).json(6);
        assert_eq!(known(&now["readings"]), 2 * (7 + 3));
    }
    let (status, heard) = service.stop();
    assert_eq!(status.code(), Some(0), "{heard}");
    let before = all();
    assert!(known(&before["readings"]) >= 3 * 2 * (7 + 3), "{before:#}");
    let mut again = Running::submeter(&["run", "--data", &data]);
    again.after("Reading");
    submeter(&["read", "--data", &data, "--json"]).json(6);
    let (status, heard) = again.stop();
    assert_eq!(status.code(), Some(0), "{heard}");
    let after = all();
    let sequences = |document: &Value| -> Vec<Value> {
        let readings = document["readings"].as_array().unwrap();
        readings.iter().map(|reading| reading["sequence"].clone()).collect()
    };
    assert!(known(&after["readings"]) > known(&before["readings"]));
    let kept = sequences(&after);
    assert!(sequences(&before).iter().all(|sequence| kept.contains(sequence)));
}
