//! What a person reads: wrong files and the reports on them, letter by letter.

#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use catalog::{Catalog, check_site};

/// Compares the report on `tests/messages/NAME.toml` with `NAME.txt` beside it.
fn check(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages");
    let read = |ending: &str| {
        let path = folder.join(name).with_extension(ending);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    };
    let text = read("toml");
    let (site, problems) = check_site(&text, &Catalog::shipped());
    assert!(site.is_none(), "{name} is no wrong file");
    assert_eq!(problems.render(&format!("{name}.toml"), &text), read("txt"));
}

#[test]
fn mistakes_of_a_site_are_told_at_their_places() {
    check("site");
}

#[test]
fn mistakes_of_registers_are_told_at_their_places() {
    check("registers");
}

#[test]
fn mistakes_of_intervals_are_told_at_their_places() {
    check("intervals");
}

#[test]
fn a_word_without_quotes_is_shown_with_them() {
    check("grammar");
}

#[test]
fn a_decimal_comma_and_a_windows_port_are_told_what_stands_here_instead() {
    for (text, advice) in [
        ("factor = 0,001", "a decimal point, not a comma"),
        ("[[bus]]\nkey = \"a\"\nport = \"COM3\"", "as \"/dev/ttyUSB0\""),
    ] {
        let (_, problems) = check_site(text, &Catalog::shipped());
        let report = problems.render("site.toml", text);
        assert!(report.contains(advice), "{report}");
    }
}

#[test]
fn a_report_is_printed_once_for_each_problem_and_counts_them() {
    let text = "[site]\nkey = \"A\"\nkeey = 1\n";
    let (_, problems) = check_site(text, &Catalog::shipped());
    let report = problems.render("site.toml", text);
    let last = report.lines().last().unwrap();
    assert_eq!(last, "2 errors; nothing was changed.");
    assert_eq!(report.matches("error[").count(), 2);
}
