//! Targets that take any bytes at all: whatever a box file or a time holds, it is judged without
//! panic.
//!
//! Each is tried on as many inputs as its call says; `BOLERO_RANDOM_ITERATIONS` sets another number
//! for all, `BOLERO_RANDOM_SEED` repeats the input of a failure, and `docs/fuzzing.md` says how to
//! let a fuzzer drive them for hours.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use app::config;
use app::when::{self, Period};
use bolero::check;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use vectors::{Examples, cases};

#[test]
fn a_box_file_is_judged_and_reported() {
    let boxes = cases("config-abuse.json").into_iter().filter(|case| case["kind"] == "box");
    let texts = boxes.filter_map(|case| Some(case["text"].as_str()?.to_owned()));
    let examples = Examples::of(
        texts,
        &[
            "\"",
            "'",
            "\\",
            "[",
            "]",
            "[[",
            "{",
            "}",
            "=",
            ".",
            ",",
            "\n",
            "\r",
            "#",
            "-",
            "0",
            "1e400",
            "0x",
            "true",
            "2026-11-14",
            "listen = \"127.0.0.1:0\"\n",
            "[broker]\n",
            "[network]\n",
            "/33",
            "::/0",
            "\u{e9}",
            "\u{feff}",
            "\u{0}",
        ],
    );
    check!().with_iterations(30_000).for_each(|data: &[u8]| {
        let bytes = examples.changed(data);
        let text = String::from_utf8_lossy(&bytes);
        let (checked, problems) = config::check_bytes(&bytes);
        assert_eq!(checked.is_some(), problems.is_ok());
        assert_eq!(problems.render("box.toml", &text).is_empty(), problems.is_empty());
    });
}

#[test]
fn a_time_is_read_or_refused_in_any_zone_at_any_instant() {
    let texts = [
        "now",
        "yesterday",
        "-24h",
        "2026-11-14T14:05",
        "2026-10-25T02:30:00+01:00",
        "2026-03-29..2026-10-25",
        "-9999..9999-12-31",
        "-9223372036854775807s",
    ];
    let pieces =
        ["..", "-", "+", "T", "Z", ":", " ", "99", "0", "24", "60", "[", "h", "d", "\u{e9}"];
    let examples = Examples::of(texts, &pieces);
    let zones =
        ["UTC", "Europe/Zurich", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe"]
            .map(|name| TimeZone::get(name).unwrap());
    let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let input = bolero::generator::produce::<(u8, Vec<u8>)>();
    check!().with_iterations(30_000).with_generator((input, first..=last)).for_each(
        |((zone, data), now)| {
            let text = examples.changed(data);
            let text = String::from_utf8_lossy(&text);
            let zone = &zones[usize::from(*zone) % zones.len()];
            let now = Timestamp::from_second(*now).unwrap();
            let period = when::period(&text, zone, now);
            if let Ok(Period { from: Some(from), until: Some(until) }) = period {
                assert!(from <= until || text.contains(".."), "{text}: {from} to {until}");
            }
            let instant = when::instant(&text, zone, now);
            assert!(instant.is_err() || instant.ok() == period.unwrap().from);
            assert!(when::duration(&text).is_none_or(|duration| !duration.is_negative()));
        },
    );
}
