//! How a command ends when somebody ends it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

fn submeter() -> Command {
    Command::new(env!("CARGO_BIN_EXE_submeter"))
}

#[test]
fn whoever_has_read_enough_ends_a_command_in_silence() {
    let mut models = submeter();
    models.args(["models", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = models.spawn().unwrap();
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(told, "");
}

#[test]
fn a_service_that_hangs_up_is_a_failure_and_not_a_reader_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let door = std::os::unix::net::UnixListener::bind(folder.path().join("submeter.sock")).unwrap();
    let site = folder.path().join("site.toml");
    // More than a socket holds, so that writing it finds the other end gone.
    let padding = "# so that it is long\n".repeat(100_000);
    let text = "[site]\nkey = \"s\"\n[[bus]]\nkey = \"b\"\nport = \"/dev/none\"\n[[meter]]\n\
                key = \"m\"\nbus = \"b\"\naddress = 1\nmodel = \"eastron/sdm630\"\n";
    std::fs::write(&site, format!("{padding}{text}")).unwrap();
    let mut apply = submeter();
    apply.args(["apply", "--yes", "--data"]).arg(folder.path()).arg(&site);
    let mut child = apply.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (mut caller, _) = door.accept().unwrap();
    caller.read_exact(&mut [0; 1]).unwrap();
    drop(caller);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn an_interrupt_in_the_midst_of_a_round_ends_watching() {
    // A converter that takes connections, hears questions and says nothing.
    let converter = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("tcp://{}", converter.local_addr().unwrap());
    let mut read = submeter();
    read.args(["read", &port, "1", "--reg", "0", "--timeout", "1", "--watch", "1s"]);
    let mut child = read.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let (mut first, _) = converter.accept().unwrap();
    first.read_exact(&mut [0; 1]).unwrap();
    told.next().unwrap().unwrap(); // one round is over
    let (mut second, _) = converter.accept().unwrap();
    second.read_exact(&mut [0; 1]).unwrap(); // another is under way
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let rest = told.next();
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(rest.is_none(), "it reads on: {rest:?}");
}
