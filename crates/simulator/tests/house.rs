//! House files: what is understood, and what is refused with a reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use catalog::Catalog;
use common::{Started, noon, small};
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
