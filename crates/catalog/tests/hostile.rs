//! Whatever a text holds, it is judged without panic and in bounded time.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::LazyLock;

use catalog::document::{Node, Value};
use catalog::{BagKind, Catalog, check_bag, check_entry, check_site, write_site};

const GOOD: &str = r#"[site]
key = "rue-du-lac-12"
time_zone = "Europe/Zurich"
[[bus]]
key = "a"
port = "/dev/ttyUSB0"
interval = "10s"
[[bus]]
key = "t"
port = "rtu+tcp://192.168.50.21:4001"
retries = 3
[[meter]]
key = "apt-1-1"
bus = "a"
address = 5
model = "eastron/sdm630"
rule = "main - pv"
[[meter]]
key = "main"
bus = "a"
address = 6
model = "inepro/pro380"
timeout = 0.50
en_im = "en_ex"
[[meter]]
key = "pv"
space = "roof"
bus = "a"
address = 7
model = "generic_modbus"
type = "electricity"
reg = 40
unit = "en_im"
size = 2
swap_words = 1
[[meter]]
key = "heat-3-2"
name = "Heat \"3\" 2"
medium = "heat"
bus = "t"
address = 7
model = "generic_modbus"
parity = "even"
registers = [
  { reg = 72, unit = "heat_energy_kwh", size = 2, data_type = "uint", factor = 0.001, round = 3 },
  { reg = 0x50, unit = "cold_energy_kwh", size = 4, pause = 0.3, unavailable = [1, "0xFFFFFFFFFFFFFFFF"] },
]
"#;

/// The shipped models, read once.
fn catalog() -> &'static Catalog {
    static SHIPPED: LazyLock<Catalog> = LazyLock::new(Catalog::shipped);
    &SHIPPED
}

#[test]
fn what_is_checked_is_written_and_checks_to_the_same() {
    let (site, _) = check_site(GOOD, catalog());
    let site = site.unwrap();
    let text = write_site(&site.record);
    let again = check_site(&text, catalog()).0.unwrap();
    assert_eq!(again, site);
    assert_eq!(write_site(&again.record), text);
}

#[test]
fn many_mistakes_cost_no_more_than_their_text() {
    let keys: String = (0..200_000).map(|k| format!("k{k} = 1\n")).collect();
    let text = format!("{GOOD}\n{keys}");
    let (site, problems) = check_site(&text, catalog());
    assert!(site.is_none());
    let report = problems.render("file", &text);
    assert!(report.lines().count() < 5_000, "a report is read by people");
    assert!(report.contains("200000 errors"), "all are counted");
}

#[test]
fn circles_of_rules_are_found_however_long() {
    let meter = |k: usize| {
        let next = (k + 1) % 3_000;
        format!(
            "[[meter]]\nkey = \"m{k}\"\nbus = \"b{}\"\naddress = {}\nmodel = \"eastron/sdm630\"\n\
             rule = \"m{next} + x\"\n",
            k / 200,
            k % 200 + 1
        )
    };
    let bus = |k: usize| format!("[[bus]]\nkey = \"b{k}\"\nport = \"tcp://c{k}.example:502\"\n");
    let buses: String = (0..16).map(bus).collect();
    let other = "[[meter]]\nkey = \"x\"\nbus = \"b15\"\naddress = 1\nmodel = \"eastron/sdm630\"\n";
    let meters: String = (0..3_000).map(meter).collect();
    let text = format!("[site]\nkey = \"s\"\n{buses}{other}{meters}");
    let (_, problems) = check_site(&text, catalog());
    assert_eq!(problems.count(catalog::Severity::Error), 3_000);
    assert!(problems.errors().all(|problem| problem.code == catalog::Code::CircularRule));
    let open = text.replace("rule = \"m0 + x\"\n", "");
    assert!(check_site(&open, catalog()).1.is_ok());
}

#[test]
fn a_bag_that_is_no_table_is_refused() {
    let node = Node { span: 0..4, value: Value::Nothing };
    assert!(check_bag(&node, BagKind::Known, None).0.is_none());
    assert!(check_entry(&node).0.is_none());
}
