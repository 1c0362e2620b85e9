//! The files of the repository, as its tests read them.

use std::path::{Path, PathBuf};

/// Folders that lie among ours without being part of the repository.
const NOT_OURS: [&str; 3] = [".git", "target", "submeter-data"];

/// One file that is text.
#[derive(Debug)]
pub(crate) struct Text {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// Its content.
    pub(crate) text: String,
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

fn walk(folder: &Path, found: &mut Vec<Text>) {
    let root = root();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let last = name.rsplit('/').next().unwrap();
        let ours = !NOT_OURS.contains(&last) && !last.starts_with("target-");
        if path.is_dir() && ours {
            walk(&path, found);
        } else if path.is_file() && ours {
            found.extend(std::fs::read_to_string(&path).ok().map(|text| Text { path: name, text }));
        }
    }
}
