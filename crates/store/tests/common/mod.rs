//! Small words for readings, so that a test can be read.

#![allow(dead_code, clippy::unwrap_used, reason = "tests; each takes what it needs of these")]

use std::time::Duration;

use domain::{
    Batch, Bus, Gap, Key, Medium, Meter, PlanNumber, Quality, Quantity, RawWords, Reading, Reason,
    Site, SiteRecord, Source,
};
use jiff::Timestamp;

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

pub(crate) fn quantity(name: &str) -> Quantity {
    Quantity::from_name(name).unwrap()
}

/// So many seconds after the beginning of the tests.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

pub(crate) fn reading(name: &str, second: i64, value: &str) -> Reading {
    Reading {
        quantity: quantity(name),
        value: value.parse().unwrap(),
        at: at(second),
        quality: Quality::Good,
        source: Source::Meter,
        raw: RawWords::new(&[0x4580, 0xc629]),
    }
}

pub(crate) fn gap(name: Option<&str>, second: i64, reason: Reason) -> Gap {
    let detail = "nothing in 1 s".to_owned();
    Gap { quantity: name.map(quantity), at: at(second), reason, detail }
}

pub(crate) fn batch(meter: &str, readings: Vec<Reading>, gaps: Vec<Gap>) -> Batch {
    Batch {
        meter: key(meter),
        plan: PlanNumber(1),
        slot: None,
        at: at(0),
        duration: Duration::from_millis(30),
        readings,
        gaps,
    }
}

/// One batch with one reading.
pub(crate) fn one(meter: &str, second: i64, value: &str) -> Vec<Batch> {
    vec![batch(meter, vec![reading("en_im", second, value)], vec![])]
}

pub(crate) fn meter(name: &str, address: u8) -> Meter {
    Meter {
        key: key(name),
        name: Some("Küche".to_owned()),
        space: None,
        medium: Some(Medium::Electricity),
        bus: key("cellar"),
        address,
        model: "eastron/sdm630".to_owned(),
        settings: r#"{"interval":60}"#.to_owned(),
    }
}

pub(crate) fn site(meters: Vec<Meter>) -> SiteRecord {
    let bus = Bus {
        key: key("cellar"),
        port: "tcp://10.0.0.5:502".to_owned(),
        settings: "{}".to_owned(),
    };
    let site =
        Site { key: key("rue-du-lac-12"), time_zone: "Europe/Zurich".to_owned(), simulated: false };
    SiteRecord { site, buses: vec![bus], meters }
}

pub(crate) fn simulated(mut record: SiteRecord) -> SiteRecord {
    record.site.simulated = true;
    record
}
