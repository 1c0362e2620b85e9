//! Faults of buses on real terminals and sockets, in real time: the gateway reads on, asks nobody
//! too early, and books what the meters hold.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use app::clock;
use catalog::Catalog;
use domain::{Decimal, Quality};
use gateway::{Around, Plan};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use simulator::{House, Running};
use store::{Filter, Kept, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long is read. The faults of lines begin after four seconds.
const TIME: Duration = Duration::from_secs(17);
/// When each meter must have been read again at the latest, before the end.
const BACK: SignedDuration = SignedDuration::from_secs(4);

/// Each bus with its port and what goes wrong on it.
const BUSES: [(&str, &str, &str); 8] = [
    ("noise", "pty", r#"{ kind = "crc", share = 0.1 }, { kind = "garbage", share = 0.1 }"#),
    ("echo", "pty", r#"{ kind = "echo", share = 1 }, { kind = "stray", s = 1, share = 0.5 }"#),
    ("babble", "pty", r#"{ kind = "babble", s = 2, from_s = 4, until_s = 5 }"#),
    ("unplug", "pty", r#"{ kind = "unplug", s = 2, from_s = 4, until_s = 5 }"#),
    ("reboot", "rtu+tcp", r#"{ kind = "reboot", s = 3, from_s = 4, until_s = 5 }"#),
    ("idle", "rtu+tcp", r#"{ kind = "idle_close", s = 0.3 }"#),
    ("half", "tcp", r#"{ kind = "half_open", from_s = 4, until_s = 5 }"#),
    ("foreign", "tcp", r#"{ kind = "foreign", share = 0.3 }"#),
];

#[tokio::test]
async fn buses_with_faults_are_read_on_and_nothing_wrong_is_booked() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, catalog) = (clock::system(), Catalog::shipped());
    let house = House::parse(&house(&folder.path().display().to_string()), &catalog).unwrap();
    let (simulated, stop) = (CancellationToken::new(), CancellationToken::new());
    let running = simulator::start(house, clock.clone(), simulated.clone()).await.unwrap();
    let (site, problems) = catalog::check_site(&running.site_text(), &catalog);
    let site = site.unwrap_or_else(|| panic!("{problems:?}"));
    let store = Store::open(&folder.path().join("data")).await.unwrap();
    let applied = store.registry().apply(&site.record, "{}", clock.now()).await.unwrap();
    let around = Around { zone: &TimeZone::UTC, clock: &clock, stop: &stop };
    let gateway = gateway::start(
        Plan::of(&site, applied.plan),
        store.journal(),
        around.zone,
        around.clock,
        around.stop,
    );
    tokio::time::sleep_until(Instant::now() + TIME).await;
    stop.cancel();
    assert!(gateway.ended(&stop).await, "the gateway stops in order");
    let ended = clock.now();
    let kept = store.journal().between(Filter::default()).await.unwrap();
    what_is_kept_is_what_the_meters_held(&running, &kept);
    every_meter_is_back(&kept, ended);
    for (bus, counters) in running.counters() {
        println!("{bus}: {counters:?}");
        // Who begins to babble may do so while a question is on its way.
        let unlucky = u64::from(bus.as_str() == "babble");
        assert!(counters.early <= unlucky, "{bus}: {} came too early", counters.early);
        assert!(counters.answered > 5, "{bus}: {counters:?}");
    }
    simulated.cancel();
}

/// Two meters on each bus, read each second.
fn house(folder: &str) -> String {
    let mut text =
        "[simulation]\nseed = 11\n[site]\nkey = \"faults\"\nsimulated = true\n".to_owned();
    for (n, (bus, kind, faults)) in BUSES.iter().enumerate() {
        let port = match *kind {
            "pty" => format!("{folder}/tty-{bus}"),
            scheme => format!("{scheme}://127.0.0.1:0"),
        };
        text += &format!(
            "[[bus]]\nkey = \"{bus}\"\nport = \"{port}\"\ninterval = \"1s\"\n\
             [bus.simulation]\ndelay_ms = [5, 20]\nfaults = [{faults}]\n"
        );
        for address in 1..=2 {
            text += &format!(
                "[[meter]]\nkey = \"{bus}-{address}\"\nbus = \"{bus}\"\naddress = {address}\n\
                 model = \"eastron/sdm230\"\n[meter.simulation]\nindex = {}\n",
                1_000 * (n + 1) + 100 * address
            );
        }
    }
    text
}

fn what_is_kept_is_what_the_meters_held(running: &Running, kept: &[Kept]) {
    for kept in kept.iter().filter(|kept| kept.reading.quantity.is_counter()) {
        let Kept { meter, reading, .. } = kept;
        let held = |seconds| {
            let at = reading.at + SignedDuration::from_secs(seconds);
            running.truth(meter, reading.quantity, at).unwrap()
        };
        let slack = Decimal::new(5, 2);
        let low = held(-4).minus(slack).unwrap();
        let high = held(4).minus(Decimal::ZERO.minus(slack).unwrap()).unwrap();
        let value = reading.value;
        assert!(
            low.cmp_value(value).is_le() && value.cmp_value(high).is_le(),
            "{meter} {}: {value} is not between {low} and {high}",
            reading.quantity
        );
    }
}

fn every_meter_is_back(kept: &[Kept], ended: Timestamp) {
    let mut last = BTreeMap::new();
    for kept in kept.iter().filter(|kept| kept.reading.quality == Quality::Good) {
        last.insert(kept.meter.to_string(), kept.reading.at);
    }
    assert_eq!(last.len(), 2 * BUSES.len(), "{last:?}");
    for (meter, at) in last {
        assert!(ended.duration_since(at) <= BACK, "{meter}: last read at {at}, ended at {ended}");
    }
}
