//! House files: what is understood, and what is refused with a reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::collections::BTreeSet;

use catalog::Catalog;
use common::{Started, noon, small, telling};
use domain::{Key, Quantity};
use jiff::SignedDuration;
use simulator::{House, HouseError};

fn refused(text: &str) -> String {
    House::parse(text, &Catalog::shipped()).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_simulated_is_refused_by_name() {
    let tcp = "tcp://127.0.0.1:0";
    for (text, said) in [
        (small("tcp://192.0.2.1:502", "", ""), "`a`: 192.0.2.1 is not this machine"),
        (small("rtu+tcp://0.0.0.0:0", "", ""), "0.0.0.0 is not this machine"),
        (small("/dev/ttyUSB0", "", ""), "outside /dev"),
        (small("/tmp/line", "one_client = true", ""), "has no clients"),
        (small(tcp, "faults = [{ kind = 'crc' }]", ""), "`a`: Modbus TCP has no such fault"),
        (small(tcp, "", "faults = [{ kind = 'echo' }]"), "`m`: Modbus TCP has no such fault"),
        (small(tcp, "", "scale = 0"), "`scale` is 0.001 to 1000"),
        (small(tcp, "", "scale = 'big'"), "`scale` is 0.001 to 1000"),
        (small(tcp, "", "lode = 'grid'"), "unknown field `lode`"),
        (small(tcp, "", "").replace("\"constant\"", "\"heat\""), "of electricity cannot measure"),
        (small(tcp, "", "").replace("\"constant\"", "\"moon\""), "unknown variant `moon`"),
        (small(tcp, "", "").replace("1234.5", "-1"), "`index` is a number from 0 up"),
        (small(tcp, "", "scale = 2").replace("constant", "grid"), "sum of the others"),
        (small(tcp, "", "").replace("delay_ms = 0", "delay_ms = [9, 1]"), "`delay_ms` is [from"),
        (small(tcp, "delay = 'fast'", ""), "`a`: `delay` and `delay_ms`: take one of them"),
        (small(tcp, "", "delay = 'slow'"), "unknown variant `slow`"),
        (small(tcp, "pieces = 'pizza'", ""), "unknown variant `pizza`"),
        (small("/tmp/line", "", "delay = 'converter'"), "`m`: a serial line has no converter"),
        (small(tcp, "", "faults = [{ kind = 'reboot' }]"), "`m`: that is a fault of a bus"),
        (small(tcp, "faults = [{ kind = 'exchange' }]", ""), "`a`: a meter is exchanged"),
        (small(tcp, "", "faults = [{ kind = 'exchange' }]"), "`m`: `exchange` is for a model"),
        (small(tcp, "", "faults = [{ kind = 'hiccup' }]"), "unknown variant `hiccup`"),
        (telling(tcp, "", "ct_swapped = ['L1', 'L1']"), "`m`: two of the phases L1, L2 and L3"),
        (telling(tcp, "", "ct_swapped = ['L1']"), "TOML parse error"),
        (telling(tcp, "", "ct_swapped = ['L1', 'L2']").replace("sdm630", "sdm120"), "has no L2"),
        (small(tcp, "", "").replace("seed = 7", "speed = 3601"), "`speed` is 0 to 3600"),
        (small(tcp, "", "").replace("2026-01-03T11:00:00Z", "noon"), "`simulation`: `start`"),
        (small(tcp, "", "").replace("address = 5", "address = 500"), "the site has mistakes"),
        (small(tcp, "", "").replace("[site]", "[place]"), "a house file has a [site]"),
        ("= 5".to_owned(), "TOML parse error"),
    ] {
        let found = refused(&text);
        assert!(found.contains(said), "{said:?} in {found:?}");
    }
}

#[test]
fn every_fault_of_the_documents_is_understood_where_it_can_be() {
    let page = include_str!("../../../docs/simulator.md");
    let (of_meters, of_buses) = page.split_once("These are faults of a bus.").unwrap();
    let (catalog, mut kinds) = (Catalog::shipped(), BTreeSet::new());
    for (section, of_bus) in [(of_meters, false), (of_buses, true)] {
        for row in section.lines().filter(|line| line.starts_with("| `{ kind = ")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [_, fault, line, rtu, tcp, ..] = cells[..] else { panic!("{row}") };
            let fault = format!("faults = [{}]", fault.trim_matches('`'));
            kinds.insert(fault.split('"').nth(1).unwrap().to_owned());
            for (port, fits) in
                [("/tmp/line", line), ("rtu+tcp://127.0.0.1:0", rtu), ("tcp://127.0.0.1:0", tcp)]
            {
                assert_eq!(
                    understood(&telling(port, "", &fault), &catalog),
                    fits == "yes" && !of_bus
                );
                let on_bus = fits == "yes" && !fault.contains("exchange");
                assert_eq!(
                    understood(&telling(port, &fault, ""), &catalog),
                    on_bus,
                    "{port} {fault}"
                );
            }
        }
    }
    // What is not understood is told with all that would be.
    let told = refused(&telling("/tmp/line", "", "faults = [{ kind = 'hiccup' }]"));
    let (_, known) = told.split_once("expected one of ").unwrap();
    let known = known.lines().next().unwrap().split(", ");
    let known: BTreeSet<String> = known.map(|kind| kind.trim_matches('`').to_owned()).collect();
    assert_eq!(kinds, known);
}

fn understood(text: &str, catalog: &Catalog) -> bool {
    House::parse(text, catalog).is_ok()
}

#[test]
fn mistakes_of_the_site_are_shown_where_they_stand_in_the_house_file() {
    let text = small("tcp://127.0.0.1:0", "", "").replace("address = 5", "adress = 5");
    let Err(HouseError::Site { problems, text: judged }) = House::parse(&text, &Catalog::shipped())
    else {
        panic!("a site with a mistake was taken");
    };
    let line = text.lines().position(|line| line == "adress = 5").unwrap() + 1;
    let report = problems.render("house.toml", &judged);
    assert!(report.contains(&format!("house.toml:{line}:1")), "{report}");
}

#[tokio::test]
async fn a_house_walks_at_its_own_speed() {
    let text = small("tcp://127.0.0.1:0", "", "").replace("seed = 7", "speed = 60");
    let house = Started::new(&text).await;
    let (meter, quantity) = (Key::new("m").unwrap(), Quantity::from_name("en_im").unwrap());
    let at = noon() + SignedDuration::from_secs(90);
    let held = house.running.truth(&meter, quantity, at).unwrap();
    assert_eq!(held.rounded(3).unwrap().to_string(), "1236.000", "90 s are 90 min in there");
    house.end().await;
}
