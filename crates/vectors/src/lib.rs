//! Where the shared cases and recordings lie, how a run over them is counted, and texts to begin
//! a search for mistakes with.
//!
//! Used by tests only. Every runner takes its folder from the environment, so another set of the
//! same shape can be run without touching a test:
//!
//! - `SUBMETER_VECTORS`: machine-readable cases; default `vectors/` of this repository.
//! - `SUBMETER_CAPTURES`: recorded traffic; default `../shared/captures` beside the repository.
//!   Recordings stand under various licences and are not part of the repository.

mod examples;

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use examples::Examples;

/// The folder of the shared cases.
#[must_use]
pub fn folder() -> PathBuf {
    from_environment("SUBMETER_VECTORS").unwrap_or_else(|| repository().join("vectors"))
}

/// The folder of the recordings, or `None` where there is none.
#[must_use]
pub fn captures() -> Option<PathBuf> {
    let beside = || Some(repository().parent()?.join("shared/captures"));
    from_environment("SUBMETER_CAPTURES").or_else(beside).filter(|path| path.is_dir())
}

/// One file of cases as it stands: its head and its `cases`.
///
/// # Panics
/// When the file is missing or is no JSON: without its cases a test proves nothing.
#[must_use]
#[expect(clippy::panic, reason = "used by tests only, where a missing file must fail loudly")]
pub fn load(name: &str) -> Value {
    let path = folder().join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{} is no JSON: {error}", path.display()))
}

/// The cases of one file.
///
/// # Panics
/// When the file is missing or holds no cases.
#[must_use]
#[expect(clippy::panic, reason = "used by tests only, where a missing file must fail loudly")]
pub fn cases(name: &str) -> Vec<Value> {
    match load(name).get_mut("cases").map(Value::take) {
        Some(Value::Array(cases)) if !cases.is_empty() => cases,
        _ => panic!("{name} holds no cases"),
    }
}

/// Counts a run: what came out as required, what did not, what was skipped and why.
#[derive(Debug, Default)]
pub struct Tally {
    name: String,
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<(String, String)>,
}

impl Tally {
    /// Begins counting under a name, usually the file's.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// One case that came out as required, or the reason why not.
    pub fn count(&mut self, id: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(why) => self.failed.push(format!("{id}: {why}")),
        }
    }

    /// One case that cannot be run here. A skipped case never counts as passed.
    pub fn skip(&mut self, id: &str, why: &str) {
        self.skipped.push((id.to_owned(), why.to_owned()));
    }

    /// Prints the count and fails the test when a case failed or none was run.
    ///
    /// # Panics
    /// When a case failed or nothing passed.
    #[expect(clippy::print_stdout, reason = "the count is what a runner is for")]
    pub fn finish(self) {
        println!("{self}");
        assert!(self.failed.is_empty(), "{self}\n{}", self.failed.join("\n"));
        assert!(self.passed > 0, "{self}: nothing was proved");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.passed + self.failed.len();
        write!(f, "{}: {} of {all} as required", self.name, self.passed)?;
        write!(f, ", {} skipped", self.skipped.len())?;
        let mut reasons: Vec<(&str, usize)> = Vec::new();
        for (_, why) in &self.skipped {
            match reasons.iter_mut().find(|(known, _)| known == why) {
                Some((_, times)) => *times += 1,
                None => reasons.push((why, 1)),
            }
        }
        let reasons: Vec<String> =
            reasons.iter().map(|(why, times)| format!("{times} {why}")).collect();
        if reasons.is_empty() { Ok(()) } else { write!(f, " ({})", reasons.join("; ")) }
    }
}

fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

fn from_environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
