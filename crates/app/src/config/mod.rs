//! The box file: where to listen, where to store, whom to announce to, what may be dialled.
//!
//! [`File`] is what is written, [`Checked`] what is meant; the rest of the house sees only the
//! latter. An empty file is a good one.

mod checked;
mod file;
mod network;
mod source;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use catalog::document::{Table, parse_toml, text_of};
use catalog::{Code, Problem, Problems};

pub use checked::{Broker, Checked, Network, Password, Transport};
pub use file::File;
pub use network::{Block, BlockError};
pub use source::{Source, open, read_file};

/// The longest box file, in bytes: 1 MiB.
pub const LONGEST: usize = 1 << 20;

/// Reads and checks a box file.
///
/// # Errors
/// The report for a person, complete.
pub fn load(path: &Path) -> Result<Checked, String> {
    let name = path.display().to_string();
    let source = match open(path, LONGEST) {
        Ok(source) => source,
        Err(problem) => return Err(problem.render_whole(&name)),
    };
    let (checked, problems) = check_source(&source);
    let text = String::from_utf8_lossy(&source.bytes);
    checked.ok_or_else(|| problems.render(&name, &text).trim_end().to_owned())
}

/// Checks a box file with who may read it: a password needs a file that is its owner's alone.
#[must_use]
pub fn check_source(source: &Source) -> (Option<Checked>, Problems) {
    let (checked, mut problems) = check_bytes(&source.bytes);
    let secret = checked.as_ref().is_some_and(Checked::holds_a_secret);
    if secret && source.mode & 0o077 != 0 {
        let rule = format!(
            "it holds a password and others may read it: its mode is {:04o}, 0600 is asked",
            source.mode & 0o7777
        );
        let hint = "chmod 600, or give the password as \"file:/path\" or \"env:NAME\"";
        problems.push(Problem::error(Code::SecretFileMode, "", rule).hint(hint));
    }
    (checked.filter(|_| problems.is_ok()), problems)
}

/// Checks a box file given as bytes.
///
/// Returns what is meant exactly when there is no error, and always all problems.
#[must_use]
pub fn check_bytes(bytes: &[u8]) -> (Option<Checked>, Problems) {
    match text_of(bytes, LONGEST).and_then(parse_toml) {
        Ok(table) => check_table(&table),
        Err(problem) => (None, problem.into()),
    }
}

fn check_table(table: &Table) -> (Option<Checked>, Problems) {
    let mut problems = Problems::default();
    let file = File::read(table, &mut problems);
    let checked = Checked::of(&file, &mut problems);
    (problems.is_ok().then_some(checked), problems)
}

/// Reads an address to listen on: this machine's own, with a port.
///
/// # Errors
/// The rule that is broken, with its remedy.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    checked::listen_address(text).map_err(|(_, rule)| rule)
}

/// The data folder that a `store.url` names: `sqlite:/var/lib/submeter/submeter.db` lies in
/// `/var/lib/submeter`.
///
/// # Errors
/// A sentence that says which stores there are.
pub fn store_folder(url: &str) -> Result<PathBuf, String> {
    let file = url.strip_prefix("sqlite:").map(Path::new);
    match file.filter(|file| file.file_name().is_some_and(|name| name == "submeter.db")) {
        Some(file) => Ok(match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        }),
        None => Err(format!(
            "store.url {url:?}: this version stores in SQLite only, in a file named submeter.db, \
             as \"sqlite:/var/lib/submeter/submeter.db\""
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_url_names_a_folder_or_says_what_is_possible() {
        let folder = |url| store_folder(url).map(|path| path.display().to_string());
        assert_eq!(folder("sqlite:submeter.db").as_deref(), Ok("."));
        let system = folder("sqlite:/var/lib/submeter/submeter.db");
        assert_eq!(system.as_deref(), Ok("/var/lib/submeter"));
        for url in ["postgres://db/submeter", "sqlite:other.db", "sqlite:"] {
            assert!(folder(url).is_err_and(|told| told.contains("SQLite only")), "{url}");
        }
    }
}
