//! What tests of the real binary share: processes that never outlive their test, and software that
//! nobody here wrote.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: each of them uses its part"
)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

/// Nothing in these tests takes longer, however busy the machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs `submeter` to its end.
pub fn submeter(arguments: &[&str]) -> Said {
    run(Command::new(env!("CARGO_BIN_EXE_submeter")).args(arguments))
}

/// Runs a command to its end, with nothing to type.
pub fn run(command: &mut Command) -> Said {
    let mut child = Guard::spawn(command);
    let (done, both) = mpsc::channel();
    let out = child.0.stdout.take().unwrap();
    let err = child.0.stderr.take().unwrap();
    let told = done.clone();
    std::thread::spawn(move || told.send((true, whole(out))));
    std::thread::spawn(move || done.send((false, whole(err))));
    let mut said = Said { code: None, out: String::new(), err: String::new() };
    for _ in 0..2 {
        match both.recv_timeout(LIMIT) {
            Ok((true, text)) => said.out = text,
            Ok((false, text)) => said.err = text,
            Err(_) => panic!("{command:?} does not end"),
        }
    }
    said.code = child.0.wait().unwrap().code();
    said
}

impl Said {
    /// The document on the standard output, when the command ended with this code.
    pub fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{self:#?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The standard output, when the command ended with this code.
    pub fn text(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:#?}");
        &self.out
    }

    /// The standard error, when the command ended with this code.
    pub fn complaint(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:#?}");
        &self.err
    }
}

/// A process that goes on until it is told to stop, with the lines it says.
#[derive(Debug)]
pub struct Running {
    child: Guard,
    lines: Receiver<String>,
    heard: String,
}

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = Guard::spawn(command);
        let (line, lines) = mpsc::channel();
        let told = line.clone();
        let out = child.0.stdout.take().unwrap();
        let err = child.0.stderr.take().unwrap();
        std::thread::spawn(move || {
            BufReader::new(out).lines().try_for_each(|l| line.send(l.ok()?).ok())
        });
        std::thread::spawn(move || {
            BufReader::new(err).lines().try_for_each(|l| told.send(l.ok()?).ok())
        });
        Self { child, lines, heard: String::new() }
    }

    /// Starts `submeter`.
    pub fn submeter(arguments: &[&str]) -> Self {
        Self::start(Command::new(env!("CARGO_BIN_EXE_submeter")).args(arguments))
    }

    /// Waits for a line that holds this text, and returns what follows the text in it.
    pub fn after(&mut self, wanted: &str) -> String {
        let until = Instant::now() + LIMIT;
        while let Ok(line) =
            self.lines.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            writeln!(self.heard, "{line}").unwrap();
            if let Some((_, rest)) = line.split_once(wanted) {
                return rest.trim().to_owned();
            }
        }
        panic!("{wanted:?} was never said; heard:\n{}", self.heard);
    }

    /// Tells it to stop, as a service manager does, and waits for its end.
    pub fn stop(mut self) -> (ExitStatus, String) {
        let pid = Pid::from_child(&self.child.0);
        kill_process(pid, Signal::TERM).unwrap();
        let until = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => writeln!(self.heard, "{line}").unwrap(),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it goes on:\n{}", self.heard),
            }
        }
        (self.child.0.wait().unwrap(), self.heard)
    }
}

/// A child that is killed when nobody holds it any more.
#[derive(Debug)]
struct Guard(Child);

impl Guard {
    fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn whole(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Says loudly what this run does not prove; a failure where it has to be proved.
pub fn not_proved(what: &str, missing: &str) {
    let line = format!("NOT PROVED: {what}, since {missing} is missing here");
    assert!(std::env::var("SUBMETER_INTEROP").as_deref() != Ok("required"), "{line}");
    // Past the capture of the test harness: a test that proves nothing must not be silent.
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// A tool on the path.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// A Python that has pymodbus and its serial port.
pub fn python() -> Option<PathBuf> {
    let python = std::env::var_os("SUBMETER_PYTHON").filter(|path| !path.is_empty())?;
    let known = run(Command::new(&python).args(["-c", "import pymodbus, serial"])).code == Some(0);
    known.then(|| PathBuf::from(python))
}

/// Two ends of one serial line, carried by socat.
#[derive(Debug)]
pub struct Cable {
    pub ours: String,
    pub theirs: String,
    _socat: Running,
    _folder: TempDir,
}

impl Cable {
    /// Lays a cable, or `None` where there is no socat.
    pub fn lay() -> Option<Self> {
        let socat = tool("socat")?;
        let folder = folder();
        let end = |name: &str| text(&folder.path().join(name));
        let (ours, theirs) = (end("ours"), end("theirs"));
        let mut command = Command::new(socat);
        command.args(["-d", "-d"]);
        command.args([&ours, &theirs].map(|link| format!("pty,raw,echo=0,link={link}")));
        let mut socat = Running::start(&mut command);
        socat.after("starting data transfer loop");
        Some(Self { ours, theirs, _socat: socat, _folder: folder })
    }
}

/// A folder of this test alone.
pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Writes a file and returns its path.
pub fn write(folder: &TempDir, name: &str, contents: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, contents).unwrap();
    text(&path)
}

/// A path as an argument.
pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A file of these tests.
pub fn beside(name: &str) -> String {
    text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name))
}
