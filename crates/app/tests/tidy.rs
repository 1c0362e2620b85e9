//! Rules of the house that no lint knows. They read files of the repository, and nothing else.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod repository;

use std::collections::BTreeSet;
use std::process::Command;

use repository::{Text, read, root, texts};
use serde_json::Value;

/// Who may import whom. What is not listed here has no place in the house yet.
const FLOORS: [(&str, &[&str]); 9] = [
    ("wire", &[]),
    ("domain", &[]),
    ("catalog", &["wire", "domain"]),
    ("store", &["domain"]),
    ("gateway", &["wire", "domain", "catalog", "store"]),
    ("portal", &["domain", "catalog", "store"]),
    ("simulator", &["wire", "domain", "catalog"]),
    ("app", &["wire", "domain", "catalog", "store", "gateway", "portal", "simulator"]),
    ("vectors", &[]),
];

/// What the tests of a room may use of other rooms beside its floors.
const FOR_TESTS: [(&str, &[&str]); 2] = [("", &["vectors"]), ("app", &["vectors", "simulator"])];

/// Rooms that know no tasks, so no runtime stands in their manifests, not even for tests.
const WITHOUT_RUNTIME: [&str; 3] = ["wire", "domain", "catalog"];
const RUNTIMES: [&str; 7] =
    ["tokio", "tokio-util", "async-std", "smol", "futures", "futures-util", "mio"];

/// Longest line of Rust, in characters; `rustfmt.toml` says the same, but leaves texts alone.
const LONGEST_LINE: usize = 100;

/// Files with lines that the formatter cannot break, and how many: texts, attributes, tables. The
/// list may only become shorter.
const LONGER_LINES: [(&str, usize); 9] = [
    ("crates/catalog/src/problem/place.rs", 1),
    ("crates/catalog/tests/hostile.rs", 2),
    ("crates/catalog/tests/meters.rs", 1),
    ("crates/domain/src/decimal.rs", 1),
    ("crates/domain/src/quantity/table.rs", 1),
    ("crates/simulator/src/encode.rs", 1),
    ("crates/simulator/src/timer.rs", 1),
    ("crates/store/src/embedded/fetch.rs", 1),
    ("crates/store/src/error.rs", 2),
];

/// Longest file of Rust, in lines.
const LONGEST_FILE: usize = 400;

/// Files that may be a little longer, how long, and why.
const LONGER_FILES: [(&str, usize, &str); 1] = [(
    "crates/catalog/tests/parameters.rs",
    410,
    "one runner, and how it judges each kind of case",
)];

/// Marks of unfinished work, in halves so that this file holds none.
const UNFINISHED: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("unimple", "mented!"),
    concat!("to", "do!("),
    concat!("#[ig", "nore"),
];

/// A thread that waits for time proves nothing and costs everybody's time.
const WAITING: &str = concat!("thread::", "sleep");

/// Places of one machine, which mean nothing on the reader's.
const OF_A_MACHINE: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Licences that may be built on; `deny.toml` has the same list.
const LICENCES: [&str; 10] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unlicense",
    "Unicode-3.0",
    "CC0-1.0",
    "0BSD",
];

#[test]
fn every_room_imports_only_from_lower_floors() {
    for name in crates() {
        let manifest = manifest(&name);
        let floor = FLOORS.iter().find(|(room, _)| *room == name);
        let (_, below) = floor.unwrap_or_else(|| panic!("{name} has no floor: give it one"));
        let for_tests = FOR_TESTS.iter().rfind(|(room, _)| [name.as_str(), ""].contains(room));
        let (_, for_tests) = for_tests.unwrap();
        for (table, extra) in [
            ("dependencies", &[][..]),
            ("build-dependencies", &[]),
            ("dev-dependencies", for_tests),
        ] {
            for import in names(&manifest, table).intersection(&crates()) {
                let allowed = below.contains(&import.as_str()) || extra.contains(&import.as_str());
                assert!(allowed, "{name} must not know {import} ([{table}])");
            }
        }
    }
}

#[test]
fn pure_rooms_have_no_runtime() {
    for name in WITHOUT_RUNTIME {
        let manifest = manifest(name);
        for table in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for runtime in RUNTIMES {
                let there = names(&manifest, table).contains(runtime);
                assert!(!there, "{name} has no tasks, but {runtime} in [{table}]");
            }
        }
    }
}

#[test]
fn every_room_inherits_the_lints_and_the_edition() {
    for name in crates() {
        let manifest = manifest(&name);
        let inherits = |table: &str, key: &str| {
            let Some(table) = manifest.get(table) else { return false };
            let value = if key.is_empty() { Some(table) } else { table.get(key) };
            value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool)
                == Some(true)
        };
        assert!(inherits("lints", ""), "{name} does not inherit the lints");
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            assert!(inherits("package", key), "{name} does not inherit its {key}");
        }
    }
}

#[test]
fn every_room_begins_with_its_promise() {
    for Text { path, text } in texts().iter().filter(|text| text.path.ends_with("src/lib.rs")) {
        assert!(text.starts_with("//! "), "{path} does not begin with `//!` and its promise");
    }
}

#[test]
fn lines_of_code_fit_the_page() {
    for Text { path, text } in texts().iter().filter(|text| is_rust(text)) {
        let longer =
            (1..).zip(text.lines()).filter(|(_, line)| line.chars().count() > LONGEST_LINE);
        let longer: Vec<usize> = longer.map(|(number, _)| number).collect();
        let listed = LONGER_LINES.iter().find(|(listed, _)| listed == path);
        let most = listed.map_or(0, |(_, most)| *most);
        assert!(
            longer.len() <= most,
            "{path}: lines {longer:?} have over {LONGEST_LINE} characters"
        );
    }
}

#[test]
fn files_can_be_read_in_one_go() {
    for Text { path, text } in texts().iter().filter(|text| is_rust(text)) {
        let exception = LONGER_FILES.iter().find(|(longer, ..)| longer == path);
        let most = exception.map_or(LONGEST_FILE, |(_, most, _)| *most);
        let lines = text.lines().count();
        assert!(lines <= most, "{path} has {lines} lines, {most} are the limit: split it");
        let needless = exception.is_some() && lines <= LONGEST_FILE;
        assert!(!needless, "{path} is no longer too long: take it from the list");
    }
}

#[test]
fn nothing_is_left_unfinished() {
    for Text { path, text } in texts().iter().filter(|text| is_code(text)) {
        for mark in UNFINISHED {
            assert!(!text.contains(mark), "{path} says {mark}");
        }
    }
}

#[test]
fn no_thread_waits_for_time_to_pass() {
    for Text { path, text } in texts().iter().filter(|text| is_rust(text)) {
        assert!(!text.contains(WAITING), "{path}: wait for what happens, not for time");
    }
}

#[test]
fn nothing_names_a_place_of_one_machine() {
    for Text { path, text } in texts() {
        for place in OF_A_MACHINE {
            assert!(!text.contains(place), "{path} names {place}");
        }
    }
}

#[test]
fn scripts_stop_at_the_first_failure() {
    let bash = |text: &&Text| text.text.starts_with("#!/usr/bin/env bash\n");
    let all = texts();
    let scripts: Vec<&Text> = all.iter().filter(bash).collect();
    assert!(!scripts.is_empty(), "there are no scripts");
    for Text { path, text } in scripts {
        let strict = text.lines().any(|line| line == "set -euo pipefail");
        assert!(strict, "{path} lacks `set -euo pipefail`");
    }
}

#[test]
fn everything_built_on_may_be_built_on() {
    let packages = packages();
    assert!(packages.len() > FLOORS.len(), "no dependencies were seen");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let source = package["source"].as_str().unwrap_or("registry+path");
        assert!(source.starts_with("registry+"), "{name} comes from {source}");
        let licence = package["license"].as_str().unwrap_or("a licence file");
        assert!(licence_fits(licence), "{name} is under {licence}");
    }
}

#[test]
fn a_licence_fits_where_one_of_its_choices_does() {
    for (licence, fits) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("GPL-2.0 or MIT", false),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR MPL-2.0) AND Unicode-3.0", true),
        ("(MPL-2.0 OR EPL-2.0) AND MIT", false),
        ("MPL-2.0 OR MIT AND BSD-3-Clause", true),
        ("Apache-2.0 WITH LLVM-exception OR MPL-2.0", false),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
        ("a licence file", false),
        ("", false),
    ] {
        assert_eq!(licence_fits(licence), fits, "{licence:?}");
    }
}

#[test]
fn both_lists_of_licences_are_the_same() {
    let deny: toml::Table = read("deny.toml").parse().unwrap();
    let listed = deny["licenses"]["allow"].as_array().unwrap();
    let listed: BTreeSet<&str> = listed.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(listed, BTreeSet::from(LICENCES));
}

fn is_rust(text: &Text) -> bool {
    text.path.ends_with(".rs")
}

/// Whether it is Rust, a script, or data that is built in.
fn is_code(text: &Text) -> bool {
    let endings = [".rs", ".toml", ".sql", ".py", ".sh"];
    endings.iter().any(|ending| text.path.ends_with(ending)) || text.text.starts_with("#!")
}

/// The folders under `crates/`.
fn crates() -> BTreeSet<String> {
    let listed = std::fs::read_dir(root().join("crates")).unwrap();
    let folders = listed.map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.join("Cargo.toml").is_file());
    folders.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// The manifest of one crate.
fn manifest(name: &str) -> toml::Table {
    read(&format!("crates/{name}/Cargo.toml")).parse().unwrap()
}

/// The names in one table of a manifest, wherever it stands.
fn names(manifest: &toml::Table, table: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, value) in manifest {
        let Some(inner) = value.as_table() else { continue };
        if key == table {
            found.extend(inner.keys().cloned());
        } else if key == "target" {
            for platform in inner.values().filter_map(toml::Value::as_table) {
                found.extend(names(platform, table));
            }
        }
    }
    found
}

/// Judges an SPDX expression: `OR` binds weaker than `AND`; an exception fits nothing by itself.
fn licence_fits(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_fits(&mut rest) && rest.is_empty()
}

fn any_fits(rest: &mut &[&str]) -> bool {
    let mut fits = all_fit(rest);
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        fits |= all_fit(rest);
    }
    fits
}

fn all_fit(rest: &mut &[&str]) -> bool {
    let mut fits = one_fits(rest);
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        fits &= one_fits(rest);
    }
    fits
}

fn one_fits(rest: &mut &[&str]) -> bool {
    let Some((word, behind)) = rest.split_first() else { return false };
    *rest = behind;
    if *word == "(" {
        let fits = any_fits(rest);
        let closed = rest.first() == Some(&")");
        *rest = rest.get(1..).unwrap_or_default();
        return fits && closed;
    }
    if rest.first() == Some(&"WITH") {
        *rest = rest.get(2..).unwrap_or_default();
        return false;
    }
    LICENCES.contains(word)
}

/// All packages of the lock file that are built on this kind of machine.
fn packages() -> Vec<Value> {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let told = String::from_utf8(rustc.stdout).unwrap();
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let asked = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", &host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let mut told: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let resolved = told["resolve"]["nodes"].as_array().unwrap();
    let built: BTreeSet<String> =
        resolved.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect();
    let Value::Array(mut packages) = told["packages"].take() else { panic!("no packages") };
    packages.retain(|package| built.contains(package["id"].as_str().unwrap()));
    packages
}
