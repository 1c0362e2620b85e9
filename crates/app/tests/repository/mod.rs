//! The files of the repository, as its tests read them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What lies in the root without being part of the repository.
const NOT_OURS: [&str; 3] = [".git", "target", "submeter-data"];

/// One file that is text.
#[derive(Debug)]
pub(crate) struct Text {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// Its content.
    pub(crate) text: String,
}

impl Text {
    /// Whether it is a source file of Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is Rust, a script, or data that is built in.
    pub(crate) fn is_code(&self) -> bool {
        let endings = [".rs", ".toml", ".sql", ".py", ".sh"];
        endings.iter().any(|ending| self.path.ends_with(ending)) || self.text.starts_with("#!")
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The content of one file.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every text file below the root; binary files are left out.
pub(crate) fn texts() -> Vec<Text> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.iter().any(|text| text.path == "Cargo.toml"), "this is not the repository");
    found
}

/// The folders under `crates/`.
pub(crate) fn crates() -> BTreeSet<String> {
    let listed = std::fs::read_dir(root().join("crates")).unwrap();
    let folders = listed.map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.join("Cargo.toml").is_file());
    folders.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// The manifest of one crate.
pub(crate) fn manifest(name: &str) -> toml::Table {
    read(&format!("crates/{name}/Cargo.toml")).parse().unwrap()
}

/// The names in one table of a manifest, wherever it stands.
pub(crate) fn names(manifest: &toml::Table, table: &str) -> BTreeSet<String> {
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

fn walk(folder: &Path, found: &mut Vec<Text>) {
    let root = root();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let ours = !NOT_OURS.contains(&name.as_str()) && !name.starts_with("target-");
        if path.is_dir() && ours {
            walk(&path, found);
        } else if path.is_file() && ours {
            found.extend(std::fs::read_to_string(&path).ok().map(|text| Text { path: name, text }));
        }
    }
}
