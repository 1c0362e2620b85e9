//! Ports as the kernel gives them: pseudo-terminals behind links, and sockets of loopback.

use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::net::sockopt;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{ioctl_tiocexcl, ioctl_tiocnxcl};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use wire::modbus::{Answer, End, Function, Read as Question};

use super::*;
use crate::call::Call;
use crate::conversation::Conversation;
use crate::testing::own_numbers;

/// The far end of a pseudo-terminal, and the name of its near end.
fn pseudo_terminal() -> (File, PathBuf) {
    let far = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&far).unwrap();
    unlockpt(&far).unwrap();
    let name = ptsname(&far, Vec::new()).unwrap();
    (File::from(far), PathBuf::from(name.into_string().unwrap()))
}

/// Plugs an adapter in: a link of always the same name leads to a device of any number.
fn plug(link: &Path) -> File {
    let (far, device) = pseudo_terminal();
    let new = link.with_extension("new");
    symlink(device, &new).unwrap();
    std::fs::rename(new, link).unwrap();
    far
}

fn serial(path: &Path) -> Access {
    Access::to(Port::Serial(path.to_str().unwrap().to_owned()))
}

async fn refusal(access: &mut Access) -> String {
    access.dial(Line::default()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn an_adapter_plugged_in_again_is_found_under_its_name_a_hundred_times() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("usb-FTDI_A1");
    let mut access = serial(&link);
    assert!(refusal(&mut access).await.ends_with("is the adapter plugged in?"));
    for round in 0..100 {
        let mut far = plug(&link);
        let mut near = access.dial(Line::default()).await.unwrap();
        far.write_all(&[round]).unwrap();
        assert_eq!(near.read_u8().await.unwrap(), round);
        drop(far);
        assert!(near.read_u8().await.is_err(), "unplugged");
    }
}

/// Hears one question out and answers it.
async fn answer(mut far: File) -> File {
    let answered = spawn_blocking(move || {
        let mut question = [0; 8];
        far.read_exact(&mut question).unwrap();
        far.write_all(&own_numbers(&question).1).unwrap();
        far
    });
    answered.await.unwrap()
}

#[tokio::test]
async fn a_question_after_an_adapter_changed_its_number_is_answered_by_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("usb-FTDI_A1");
    let mut conversation = Conversation::new(serial(&link));
    let question = Question { address: 7, function: Function::Input, start: 40, count: 2 };
    for _ in 0..3 {
        // Unplugged and plugged in again while nothing was asked, as the runtime finds at its next
        // glance.
        let mut far = plug(&link);
        tokio::task::yield_now().await;
        for _ in 0..2 {
            let (line, patience) = (Line::default(), Duration::from_secs(60));
            let call = Call { read: question, line, patience, listen: Duration::ZERO };
            let carried = conversation.carry(call);
            let (carried, still) = tokio::join!(carried, answer(far));
            let carried = carried.unwrap();
            assert_eq!(carried.end, End::Silence);
            assert!(matches!(carried.exchange.finish(carried.end), Ok(Answer::Words(_))));
            far = still;
        }
    }
}

#[tokio::test]
async fn a_line_that_is_open_is_not_opened_again() {
    let (_far, device) = pseudo_terminal();
    let mut access = serial(&device);
    let first = access.dial(Line::default()).await.unwrap();
    assert!(refusal(&mut access.clone()).await.contains(IN_USE));
    drop(first);
    access.dial(Line::default()).await.unwrap();
}

/// Whether a program of an ordinary user can open the device.
fn opens_elsewhere(device: &Path) -> bool {
    let mut sh = Command::new("sh");
    sh.arg("-c").arg("exec 3<>\"$0\"").arg(device);
    if rustix::process::geteuid().is_root() {
        sh.uid(65_534); // root is never kept out
    }
    sh.output().unwrap().status.success()
}

#[test]
fn a_program_that_asks_for_no_lock_is_kept_out_until_the_line_is_closed() {
    let (_far, device) = pseudo_terminal();
    let near = File::options().read(true).write(true).open(&device).unwrap();
    near.set_permissions(Permissions::from_mode(0o666)).unwrap();
    assert!(opens_elsewhere(&device));
    ioctl_tiocexcl(&near).unwrap();
    assert!(!opens_elsewhere(&device));
    ioctl_tiocnxcl(&near).unwrap();
    assert!(opens_elsewhere(&device));
}

#[tokio::test]
async fn a_driver_that_cannot_turn_a_transceiver_is_told_in_words() {
    // A pseudo-terminal has neither an RS485 mode nor a line RTS.
    for (direction, told) in [
        (Rs485::Kernel, "has no RS485 mode; use rs485 = \"rts\", or \"auto\""),
        (Rs485::Rts, "has no line RTS; use rs485 = \"auto\""),
    ] {
        let (_far, device) = pseudo_terminal();
        let mut access = serial(&device).turned(direction);
        let refusal = refusal(&mut access).await;
        let expected = format!("the driver of {} {told}", device.display());
        assert!(refusal.starts_with(&expected), "{refusal}");
        // And the device is free again.
        access.turned(Rs485::Auto).dial(Line::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_whose_other_end_died_is_given_up_within_half_a_minute() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut access =
        Access::to(format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap());
    let Opened::Socket(stream) = access.dial(Line::default()).await.unwrap() else {
        panic!("a socket")
    };
    assert!(sockopt::socket_keepalive(&stream).unwrap());
    let idle = sockopt::tcp_keepidle(&stream).unwrap();
    let trials = sockopt::tcp_keepintvl(&stream).unwrap() * sockopt::tcp_keepcnt(&stream).unwrap();
    assert!(idle + trials < Duration::from_secs(30), "{idle:?} + {trials:?}");
    assert!((1..30_000).contains(&sockopt::tcp_user_timeout(&stream).unwrap()));
}

#[tokio::test]
async fn an_address_that_the_fence_excludes_is_not_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port: Port = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut access = Access::to(port).fenced(|address| !address.ip().is_loopback());
    assert!(refusal(&mut access).await.ends_with("that the box file allows"));
}
