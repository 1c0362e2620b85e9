//! `submeter bus` with the real binary: what is wrong with a line is seen in words.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{Running, Said};
use serde_json::Value;
use tempfile::TempDir;

/// One meter answers, one is dead, and one shares its address with another.
const HOUSE: &str = r#"
[site]
key = "house"
[simulation]
start = "2026-01-01T00:00:00Z"
[[bus]]
key = "cellar"
port = "rtu+tcp://127.0.0.1:0"
[bus.simulation]
delay_ms = 1
[[bus]]
key = "roof"
port = "tcp://127.0.0.1:0"
[[meter]]
key = "good"
bus = "cellar"
address = 5
model = "eastron/sdm120"
[[meter]]
key = "dead"
bus = "cellar"
address = 6
model = "eastron/sdm120"
timeout = 0.1
[meter.simulation]
faults = [{ kind = "silent" }]
[[meter]]
key = "twin"
bus = "cellar"
address = 7
model = "eastron/sdm120"
timeout = 0.5
[meter.simulation]
faults = [{ kind = "duplicate" }]
[[meter]]
key = "pv"
bus = "roof"
address = 1
model = "eastron/sdm630"
"#;

struct Home {
    folder: TempDir,
    _meters: Running,
    _service: Running,
}

impl Home {
    fn new() -> Self {
        let folder = common::folder();
        let house = common::write(&folder, "house.toml", HOUSE);
        let path = |name: &str| common::text(&folder.path().join(name));
        let (site, data) = (path("site.toml"), path("D"));
        let mut meters = Running::submeter(&["simulate", &house, "--write-site", &site]);
        meters.after("site file: ");
        let mut service = Running::submeter(&["run", "--site", &site, "--data", &data]);
        service.after("Reading");
        Self { folder, _meters: meters, _service: service }
    }

    fn run(&self, arguments: &str) -> Said {
        in_folder(&self.folder, arguments)
    }

    /// How the lines are, once each meter was asked.
    fn settled(&self) -> Value {
        self.run("read --data D").text(6);
        self.run("bus --data D --json").json(0)
    }
}

#[test]
fn what_is_wrong_with_a_line_is_seen_in_words() {
    let home = Home::new();
    let report = home.settled();
    assert_eq!(report["site"], "house");
    let meters = &report["buses"][0]["meters"];
    let told = |n: usize| ["meter", "state", "trouble", "alarm"].map(|key| meters[n][key].clone());
    assert_eq!(told(0)[..2], ["good", "answers"]);
    assert_eq!(told(1)[..3], ["dead", "silent", "silent"]);
    assert_eq!(told(2)[1], "two at this address");
    assert_eq!(told(2)[3], "duplicate_address");
    let good = &meters[0];
    let counted: u64 =
        good["delays"].as_array().unwrap().iter().map(|step| step["count"].as_u64().unwrap()).sum();
    assert_eq!(Some(counted), good["answers"].as_u64());
    assert!(good["delay_p50_ms"].as_f64() <= good["delay_slowest_ms"].as_f64());
    let said = home.run("bus --data D");
    for words in [
        "bus cellar at rtu+tcp://127.0.0.1:",
        "can be used: load ",
        "dead: never answered: look at its power, its address",
        "twin: two meters seem to have this address",
        "bus roof at tcp://127.0.0.1:",
    ] {
        assert!(said.text(0).contains(words), "{words}: {}", said.out);
    }
}

#[test]
fn a_bus_or_a_meter_is_shown_alone() {
    let home = Home::new();
    home.settled();
    let roof = home.run("bus roof --data D");
    assert!(roof.text(0).contains("pv") && !roof.out.contains("good"), "{}", roof.out);
    let good = home.run("bus --meter good --data D");
    assert!(good.text(0).contains("█") && !good.out.contains("dead"), "{}", good.out);
    let row = home.run("bus roof --data D --ndjson --fields bus,meter,silences");
    assert_eq!(row.text(0), "{\"bus\":\"roof\",\"meter\":\"pv\",\"silences\":0}\n");
    let cells = home.run("bus --data D --csv --fields meter,state");
    assert!(cells.text(0).starts_with("meter,state\ngood,answers\ndead,silent\n"), "{cells:?}");
    let attic = home.run("bus attic --data D");
    assert_eq!(attic.complaint(9), "there is no bus \"attic\"; there are cellar, roof\n");
    let attic = home.run("bus --meter attic --data D");
    assert!(attic.complaint(9).contains("there is no meter \"attic\"; there are good, dead"));
}

#[test]
fn a_watch_looks_again_until_it_is_told_to_stop() {
    let home = Home::new();
    let data = common::text(&home.folder.path().join("D"));
    let mut watch = Running::submeter(&["bus", "--watch", "--data", &data]);
    for _ in 0..2 {
        watch.after("bus roof at ");
    }
    watch.after("answers a second");
    let (status, heard) = watch.stop();
    assert_eq!(status.code(), Some(0), "{heard}");
}

#[test]
fn what_went_over_a_bus_is_saved_as_text_and_as_a_capture() {
    let home = Home::new();
    home.settled();
    let text = home.run("bus record cellar --data D");
    let transcript: wire::transcript::Transcript = text.text(0).parse().unwrap();
    assert!(transcript.began_at.is_some() && text.out.contains("@ rtu+tcp\n"), "{}", text.out);
    assert!(text.out.contains(" = silent"), "{}", text.out);
    home.run("bus record roof --data D --pcap -o roof.pcap").text(0);
    let capture = std::fs::read(home.folder.path().join("roof.pcap")).unwrap();
    assert_eq!(capture[..4], 0xa1b2_c3d4_u32.to_le_bytes());
    assert!(home.run("bus record attic --data D").complaint(9).contains("there are cellar, roof"));
}

#[test]
fn without_a_service_nobody_knows_how_the_lines_are() {
    let folder = common::folder();
    let said = in_folder(&folder, "bus --data D");
    assert!(said.complaint(9).starts_with("no service runs on D"), "{said:?}");
}

/// Runs `submeter` in a folder.
fn in_folder(folder: &TempDir, arguments: &str) -> Said {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_submeter"));
    command.env_remove("SUBMETER_DATA").current_dir(folder);
    common::run(command.args(arguments.split_whitespace()))
}
