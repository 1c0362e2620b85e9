//! The command line as a stranger uses it: what it says, how it ends, and that its numbers keep
//! their digits.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{Running, Said, submeter};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A site of two meters, nobody at home.
const GOOD: &str = r#"[site]
key = "rue-du-lac-12"
time_zone = "Europe/Zurich"

[[bus]]
key = "a"
port = "tcp://127.0.0.1:9"

[[meter]]
key = "apt-1-1"
space = "apt-1-1"
bus = "a"
address = 5
model = "eastron/sdm630"

[[meter]]
key = "heat-3-2"
medium = "heat"
bus = "a"
address = 7
model = "generic_modbus"
registers = [
  { reg = 72, unit = "heat_energy_kwh", size = 2, factor = 0.01, data_type = "uint" },
]
"#;

/// Commands in a folder with the files `good.toml` and `bad.toml`, how each ends, and a part of
/// what it says; where it ends well on the standard output, else on the standard error.
const ENDINGS: &str = "\
--help                                                  0  Usage: submeter
--version                                               0  submeter 0.
frobnicate                                              2  unrecognized
reed                                                    2  'read'
check good.toml                                         0  a sweep every 1m takes up to 3 questions
check bad.toml                                          3  bad.toml:23:66
check good.toml bad.toml                                3  2 errors
check nothing.toml                                      3  error[not_a_file]
apply bad.toml --data D                                 3  error[unknown_key]
run --site bad.toml --data D                            3  error[unknown_key]
run --config bad.toml --data D                          3  error[
run --listen 0.0.0.0:80 --data D                        2  TLS
models list                                             0  eastron/sdm630
models show eastron/sdm630                              0  en_im
models show sdm63                                       9  did you mean eastron/sdm630?
read tcp://127.0.0.1:9 5                                2  --reg
read tcp://127.0.0.1:9                                  2  address
read 127.0.0.1:9 5 --reg 0                              2  is no port: it begins with
read tcp://127.0.0.1:9 5 --reg 0 --function-code 6      2  --function-code
read tcp://127.0.0.1:9 5 --reg 0 --unit en_imm          2  en_im
read tcp://127.0.0.1:9 5 --reg 0 --watch soon           2  --watch
read tcp://127.0.0.1:9 5 --reg 0 --json --csv           2  --csv
read tcp://127.0.0.1:9 5 --reg 0                        4  no reading, line
read /dev/ttyNOBODY 5 --reg 0                           4  no reading, line
read --site good.toml                                   4  heat-3-2: no reading, line
read apt-9 --site good.toml                             9  there are apt-1-1, heat-3-2
read --data D                                           9  submeter run
readings --data D                                       9  no journal
export-site --data D                                    9  no site
simulate good.toml --for soon                           2  --for
demo --fault ct-swapped:L1,L4                           2  two of the phases
demo --fault water-hot:ct-swapped:L1,L2                 2  no current transformers";

#[test]
fn every_command_ends_with_the_code_that_scripts_rely_on() {
    let folder = files();
    for line in ENDINGS.lines() {
        let parts: Vec<&str> =
            line.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect();
        let [arguments, code, wanted] = parts[..] else { panic!("{line}") };
        let code: i32 = code.parse().unwrap();
        let said = in_folder(&folder, arguments);
        let told = if code == 0 { said.text(code) } else { said.complaint(code) };
        assert!(told.contains(wanted), "{line}: {said:#?}");
    }
}

#[test]
fn submeter_alone_shows_twelve_lines() {
    let said = submeter(&[]);
    assert_eq!(said.text(0).lines().count(), 12, "{}", said.out);
    assert!(said.out.lines().all(|line| line.chars().count() <= 100), "{}", said.out);
}

#[test]
fn check_places_every_mistake_for_people_and_programs() {
    let folder = files();
    let said = in_folder(&folder, "check bad.toml");
    let shown = "\
error[duplicate_address] bad.toml:20:11
   20 | address = 5
      |           ^ 5 is already used by `apt-1-1` on bus `a` (line 13)
";
    assert!(said.complaint(3).starts_with(shown), "{}", said.err);
    let shown = "\
   23 |   { reg = 72, unit = \"heat_energy_kwh\", size = 2, factor = 0.01, data_typ = \"uint\" },
      |                                                                  ^^^^^^^^ \
                 did you mean `data_type`?
2 errors, 1 note; nothing was changed.
";
    assert!(said.err.ends_with(shown), "{}", said.err);
    let document = in_folder(&folder, "check bad.toml --json").json(3);
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["ok", "errors", "warnings", "notes"]);
    assert_eq!(document["ok"], false);
    let error = &document["errors"][0];
    assert_eq!(
        *error,
        json!({
            "code": "duplicate_address",
            "file": "bad.toml",
            "line": 20,
            "column": 11,
            "path": "meter[1].address",
            "message": "5 is already used by `apt-1-1` on bus `a` (line 13)",
            "hint": null,
        })
    );
    let good = in_folder(&folder, "check good.toml");
    assert!(good.text(0).starts_with("good.toml: a site with 2 meters on 1 bus\n"), "{good:#?}");
    let good = in_folder(&folder, "check good.toml --json").json(0);
    assert_eq!(good, json!({"ok": true, "errors": [], "warnings": [], "notes": []}));
}

#[test]
fn warnings_fail_only_where_they_are_asked_to() {
    let folder = files();
    let loses = GOOD.replace("factor = 0.01", "factor = 0.001");
    common::write(&folder, "loses.toml", &loses);
    let document = in_folder(&folder, "check loses.toml --json").json(0);
    assert_eq!(document["warnings"][0]["code"], "loses_resolution");
    in_folder(&folder, "check loses.toml --strict").complaint(3);
}

#[test]
fn a_site_file_is_applied_once_and_comes_back_as_it_was() {
    let folder = files();
    let run = |arguments: &str| in_folder(&folder, arguments);
    let shown = "+ bus a: new\n+ meter apt-1-1: new\n+ meter heat-3-2: new\n";
    assert_eq!(run("apply good.toml --data D --dry-run").text(0), shown);
    run("export-site --data D").complaint(9);
    let applied = run("apply good.toml --data D");
    assert_eq!(applied.text(0), format!("{shown}applied as plan 1\n"));
    assert!(run("apply good.toml --data D").text(0).contains("nothing differs"));
    let exported = run("export-site --data D");
    assert_eq!(exported.text(0), GOOD);
    common::write(&folder, "exported.toml", &exported.out);
    assert!(run("apply exported.toml --data D").text(0).contains("nothing differs"));
    // What a file no longer names is retired, after a yes.
    let fewer = GOOD.split("[[meter]]\nkey = \"heat-3-2\"").next().unwrap();
    common::write(&folder, "fewer.toml", fewer);
    let asked = run("apply fewer.toml --data D");
    assert!(asked.text(2).contains("- meter heat-3-2: retired; its readings stay"), "{asked:?}");
    assert_eq!(run("export-site --data D").out, GOOD);
    assert!(run("apply fewer.toml --data D --yes").text(0).contains("applied as plan 2"));
    assert!(!run("export-site --data D").out.contains("heat-3-2"));
}

#[test]
fn an_address_in_use_is_said_once_and_may_be_tried_later() {
    let folder = files();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let said = in_folder(&folder, &format!("run --site good.toml --data D --listen {address}"));
    let told = said.complaint(75);
    assert_eq!(told.matches("in use").count(), 1, "{told}");
}

#[test]
fn a_site_in_json_is_told_that_it_is_toml() {
    let folder = files();
    common::write(&folder, "site.json", r#"{"site": {"key": "s"}, "bus": [], "meter": []}"#);
    assert!(in_folder(&folder, "check site.json").complaint(3).contains("a site file is TOML"));
}

#[test]
fn models_are_listed_for_programs_too() {
    let document = submeter(&["models", "list", "--json"]).json(0);
    let models = document["models"].as_array().unwrap();
    let table = submeter(&["models", "list"]);
    assert_eq!(table.text(0).lines().count(), models.len() + 1);
    for model in models {
        let name = model["name"].as_str().unwrap();
        let shown = submeter(&["models", "show", name, "--json"]).json(0);
        let registers = shown["registers"].as_array().unwrap().len();
        assert_eq!(model["quantities"], registers, "{name}");
        assert!(registers > 0, "{name}");
    }
}

/// A house that runs: its meters are simulated, the third answers nobody, and a service reads it.
struct Home {
    folder: TempDir,
    _meters: Running,
    service: Running,
}

const HOUSE: &str = r#"
[site]
key = "house"
time_zone = "Europe/Zurich"
[simulation]
start = "2026-01-01T00:00:00Z"
[[bus]]
key = "a"
port = "tcp://127.0.0.1:0"
[[meter]]
key = "heat"
space = "cellar"
medium = "heat"
bus = "a"
address = 6
model = "generic_modbus"
registers = [
  { reg = 72, unit = "heat_energy_kwh", size = 2, data_type = "uint", factor = 0.01 },
  { reg = 80, unit = "vol_m3", size = 2, data_type = "uint", factor = 0.01 },
]
[meter.simulation]
load = "constant"
scale = 0.001
index = 4120.7
"#;

impl Home {
    fn new() -> Self {
        let folder = common::folder();
        common::write(&folder, "house.toml", HOUSE);
        let path = |name: &str| common::text(&folder.path().join(name));
        let (house, site, data) = (path("house.toml"), path("site.toml"), path("D"));
        let mut meters = Running::submeter(&["simulate", &house, "--write-site", &site]);
        meters.after("site file: ");
        let lost = "[[meter]]\nkey = \"lost\"\nbus = \"a\"\naddress = 99\n\
                    model = \"eastron/sdm120\"\ntimeout = 0.1\n";
        let text = std::fs::read_to_string(&site).unwrap() + lost;
        common::write(&folder, "site.toml", &text);
        let mut service = Running::submeter(&["run", "--site", &site, "--data", &data]);
        service.after("Reading");
        Self { folder, _meters: meters, service }
    }

    fn run(&self, arguments: &str) -> Said {
        in_folder(&self.folder, arguments)
    }

    /// Repeats a question to the journal until it has at least so many of these.
    fn journal(&self, arguments: &str, what: &str, least: usize) -> Vec<Value> {
        let until = tokio::time::Instant::now() + common::LIMIT;
        while tokio::time::Instant::now() < until {
            let said = self.run(&format!("readings --data D --json {arguments}"));
            if said.code == Some(0) {
                let document = said.json(0);
                let all = document[what].as_array().unwrap();
                if all.len() >= least {
                    return all.clone();
                }
            }
        }
        panic!("{arguments}: fewer than {least} {what}");
    }
}

#[test]
fn a_running_service_answers_in_place_of_its_ports() {
    let home = Home::new();
    let now = home.run("read --data D --json").json(6);
    assert_eq!(now["site"], "house");
    assert_eq!(now["gaps"][0]["meter"], "lost");
    assert_eq!(now["gaps"][0]["reason"], "silent");
    let one = home.run("read heat --data D --csv");
    let mut lines = one.text(0).lines();
    assert_eq!(lines.next(), Some("meter,quantity,timestamp,value,unit,quality,raw"));
    assert!(lines.next().unwrap().starts_with("heat,heat_energy_kwh,2"), "{}", one.out);
    assert!(one.out.contains(",4120.70,kWh,good,0006 49a6\n"), "{}", one.out);
    assert!(home.run("read lost --data D").complaint(4).contains("no answer within 100 ms"));
    assert!(home.run("read attic --data D").complaint(9).contains("there are heat, lost"));
    // The folder has one owner, and says so.
    home.run("run --data D").complaint(75);
    let (status, heard) = home.service.stop();
    assert_eq!(status.code(), Some(0), "{heard}");
    assert!(!home.folder.path().join("D/submeter.sock").exists());
}

#[test]
fn the_journal_is_shown_as_it_is_asked_for() {
    let home = Home::new();
    home.run("read --data D").text(6);
    let all = home.journal("--limit 0", "readings", 2);
    let heat: Vec<&Value> = all.iter().filter(|r| r["quantity"] == "heat_energy_kwh").collect();
    let keys: Vec<&String> = heat[0].as_object().unwrap().keys().collect();
    let wanted = "sequence meter quantity value unit at slot quality source raw plan revision";
    assert_eq!(keys, wanted.split(' ').collect::<Vec<_>>());
    assert_eq!(heat[0]["value"].to_string(), "4120.70");
    let only = |arguments: &str| home.journal(arguments, "readings", 0);
    assert!(only("--quantity vol_m3").iter().all(|reading| reading["quantity"] == "vol_m3"));
    assert_eq!(only("--latest").len(), 2);
    assert_eq!(only("--latest --quantity vol_m3").len(), 1);
    assert_eq!(only("--limit 1").len(), 1);
    assert_eq!(only("--meter lost").len(), 0);
    assert_eq!(only("--to 2020-01-01").len(), 0);
    assert_eq!(only("--slot 2020-01-01T00:15").len(), 0);
    for told in all.iter().filter_map(|reading| reading["slot"].as_str()) {
        let of_slot = only(&format!("--slot {told}"));
        assert!(!of_slot.is_empty() && of_slot.iter().all(|one| one["slot"] == told));
    }
    assert!(only("--from -1h --meter heat").len() >= 2);
    assert!(only("--from today --to now").len() >= 2);
    let gaps = home.journal("--gaps", "gaps", 1);
    assert_eq!((&gaps[0]["meter"], &gaps[0]["reason"]), (&json!("lost"), &json!("silent")));
    let few = home.run("readings --data D --latest --csv --fields value,meter");
    assert!(few.text(0).starts_with("value,meter\n"), "{few:?}");
    let lines = home.run("readings --data D --limit 0 --ndjson --fields meter,value");
    let lines: Vec<Value> =
        lines.text(0).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), all.len());
    assert!(lines.iter().all(|line| line.as_object().unwrap().len() == 2));
    let wrong = home.run("readings --data D --fields value,colour");
    assert!(
        wrong.complaint(2).contains("--fields colour: there is no such column; there are time")
    );
    assert!(home.run("readings --data D --meter nobody").complaint(9).contains("no meter nobody"));
    let table = home.run("readings --data D --latest --csv");
    let mut lines = table.text(0).lines();
    let columns =
        "site,meter,serial,space,medium,quantity,obis,timestamp,value,unit,quality,source";
    assert_eq!(lines.next(), Some(columns));
    let row: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(row[..6], ["house", "heat", "", "cellar", "heat", "heat_energy_kwh"]);
    assert_eq!(row[8..], ["4120.70", "kWh", "good", "meter"]);
}

/// A folder with a good site file and a bad one.
fn files() -> TempDir {
    let folder = common::folder();
    common::write(&folder, "good.toml", GOOD);
    let bad = GOOD.replace("address = 7", "address = 5").replace("data_type", "data_typ");
    common::write(&folder, "bad.toml", &bad);
    folder
}

/// Runs `submeter` in a folder.
fn in_folder(folder: &TempDir, arguments: &str) -> Said {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_submeter"));
    command.env_remove("SUBMETER_DATA").current_dir(folder);
    common::run(command.args(arguments.split_whitespace()))
}
