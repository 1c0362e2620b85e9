//! Every kind of fault of a whole bus, as it is seen from the other end.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::os::fd::OwnedFd;
use std::time::Duration;

use catalog::Port;
use common::{Started, ask, ask_serial, line_in, rtu, serial, tcp};
use simulator::Counters;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use wire::Line;

const RTU: &str = "rtu+tcp://127.0.0.1:0";
const TCP: &str = "tcp://127.0.0.1:0";
const GOOD: [u8; 9] = [5, 4, 4, 0x44, 0x9a, 0x50, 0, 0xb6, 0x9b];
const SOON: Duration = Duration::from_millis(20);

async fn house(port: &str, on_bus: &str) -> Started {
    Started::small(port, &format!("faults = [{on_bus}]"), "").await
}

/// A good answer over Modbus TCP to a question of this number.
fn good(number: u8) -> Vec<u8> {
    [&[0, number, 0, 0, 0, 7], &GOOD[..7]].concat()
}

async fn until(house: &Started, reached: impl Fn(Counters) -> bool) {
    while !reached(house.counted()) {
        tokio::task::yield_now().await;
    }
}

/// Whether the other end closes, in order or by a reset.
async fn closes(socket: &mut TcpStream) -> bool {
    socket.read(&mut [0; 1]).await.unwrap_or(0) == 0
}

/// Connects, again and again until somebody is there, and hears a good answer.
async fn comes_back(house: &Started) {
    let (_, port) = house.running.ports().next().unwrap();
    let (Port::Tcp(host) | Port::RtuOverTcp(host)) = port else { panic!("{port}") };
    loop {
        let connected = TcpStream::connect((host.name.as_str(), host.tcp_port)).await;
        let Ok(mut socket) = connected else {
            tokio::task::yield_now().await;
            continue;
        };
        let mut answer = [0; 13];
        let asked = socket.write_all(&tcp(9, 5, 4, (72, 2))).await;
        if asked.is_ok() && socket.read_exact(&mut answer).await.is_ok() {
            assert_eq!(answer[..], good(9));
            return;
        }
    }
}

#[tokio::test]
async fn a_babbling_socket_says_noise_no_quicker_than_a_line_and_then_answers() {
    let house = house(RTU, "{ kind = 'babble', s = 0.3, from = 1, until = 2 }").await;
    let mut socket = house.socket().await;
    socket.write_all(&rtu(5, 4, 72, 2)).await.unwrap();
    let (began, mut heard, mut bytes) = (Instant::now(), 0, [0; 512]);
    while began.elapsed() < Duration::from_millis(250) {
        heard += socket.read(&mut bytes).await.unwrap();
    }
    assert!(Line::default().wire_time(heard) <= began.elapsed() + SOON, "{heard}");
    assert!(heard > 16, "{heard}");
    while timeout(Duration::from_millis(100), socket.read(&mut bytes)).await.is_ok() {}
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 2), 9).await, GOOD);
    assert_eq!((house.counted().ignored, house.counted().answered), (1, 1));
    house.end().await;
}

#[tokio::test]
async fn a_babbling_line_is_bounded_by_its_speed_and_counts_who_speaks_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = line_in(folder.path());
    let house = house(&path, "{ kind = 'babble', from_s = 0, until_s = 0.3 }").await;
    let port = serial(&path, 9600);
    let (heard, elapsed) = ask_serial(&port, Vec::new(), 80).await;
    assert!(elapsed + SOON >= Line::default().wire_time(heard.len()), "{elapsed:?}");
    rustix::io::write(&port, &rtu(5, 4, 72, 2)).unwrap();
    until(&house, |counted| counted.heard == 1).await;
    assert_eq!(house.counted().early, 1, "spoken into the noise");
    // What is asked while it babbles is not heard; afterwards the answer follows the noise.
    let (answer, _) = ask_until(&port, &GOOD).await;
    assert!(answer.ends_with(&GOOD));
    house.end().await;
}

/// Asks every 20 ms until an answer comes; returns all that was heard.
async fn ask_until(port: &OwnedFd, answer: &[u8]) -> (Vec<u8>, u32) {
    let (mut heard, mut asked) = (Vec::new(), 0);
    let port = port.try_clone().unwrap();
    rustix::io::ioctl_fionbio(&port, true).unwrap();
    let mut pace = tokio::time::interval(Duration::from_millis(60));
    while !heard.ends_with(answer) {
        pace.tick().await;
        let mut bytes = [0; 512];
        if let Ok(count) = rustix::io::read(&port, &mut bytes) {
            heard.extend(&bytes[..count]);
        }
        if !heard.ends_with(answer) {
            asked += 1;
            rustix::io::write(&port, &rtu(5, 4, 72, 2)).unwrap();
        }
    }
    (heard, asked)
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let house = house(TCP, "{ kind = 'idle_close', s = 0.1 }").await;
    let mut socket = house.socket().await;
    let asked = Instant::now();
    assert_eq!(ask(&mut socket, &tcp(1, 5, 4, (72, 2)), 13).await, good(1));
    assert!(closes(&mut socket).await);
    assert!(asked.elapsed() >= Duration::from_millis(100));
    comes_back(&house).await;
    house.end().await;
}

#[tokio::test]
async fn a_converter_that_reboots_resets_refuses_and_comes_back() {
    for script in ["s = 0.3, from = 2, until = 3", "from_s = 0.2, until_s = 0.5"] {
        let house = house(TCP, &format!("{{ kind = 'reboot', {script} }}")).await;
        let began = Instant::now();
        let mut socket = house.socket().await;
        assert_eq!(ask(&mut socket, &tcp(1, 5, 4, (72, 2)), 13).await, good(1));
        if script.starts_with("s = ") {
            socket.write_all(&tcp(2, 5, 4, (72, 2))).await.unwrap();
        }
        assert!(closes(&mut socket).await);
        comes_back(&house).await;
        assert!(began.elapsed() >= Duration::from_millis(300), "{script}");
        house.end().await;
    }
}

#[tokio::test]
async fn a_half_open_connection_swallows_and_a_new_one_works() {
    let house = house(TCP, "{ kind = 'half_open', from = 2, until = 3 }").await;
    let mut old = house.socket().await;
    assert_eq!(ask(&mut old, &tcp(1, 5, 4, (72, 2)), 13).await, good(1));
    old.write_all(&tcp(2, 5, 4, (72, 2))).await.unwrap();
    until(&house, |counted| counted.ignored == 1).await;
    let mut new = house.socket().await;
    assert_eq!(ask(&mut new, &tcp(3, 5, 4, (72, 2)), 13).await, good(3));
    old.write_all(&tcp(4, 5, 4, (72, 2))).await.unwrap();
    until(&house, |counted| counted.ignored == 2).await;
    assert!(timeout(SOON, old.read(&mut [0; 1])).await.is_err(), "neither answered nor closed");
    house.end().await;
}

#[tokio::test]
async fn a_port_can_speak_the_other_framing() {
    let house_a = house(TCP, "{ kind = 'wrong_framing' }").await;
    let mut socket = house_a.socket().await;
    socket.write_all(&tcp(1, 5, 4, (72, 2))).await.unwrap();
    assert!(timeout(SOON, socket.read(&mut [0; 1])).await.is_err(), "nobody understands");
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 2), 9).await, GOOD);
    house_a.end().await;

    let house_b = house(RTU, "{ kind = 'wrong_framing', until = 2 }").await;
    let mut first = house_b.socket().await;
    assert_eq!(ask(&mut first, &tcp(1, 5, 4, (72, 2)), 13).await, good(1));
    let mut second = house_b.socket().await;
    assert_eq!(ask(&mut second, &rtu(5, 4, 72, 2), 9).await, GOOD, "the second connection");
    house_b.end().await;
}

#[tokio::test]
async fn a_converter_replies_for_a_silent_meter_and_for_nobody() {
    for (fault, said) in [
        ("{ kind = 'replies_zero', ms = 5 }", vec![4, 4, 0, 0, 0, 0]),
        ("{ kind = 'replies_exception', ms = 5 }", vec![0x84, 11]),
        ("{ kind = 'replies_exception', code = 10, ms = 5 }", vec![0x84, 10]),
    ] {
        let silent = "{ kind = 'silent', from = 2 }";
        let house = house(TCP, &format!("{fault}, {silent}")).await;
        let mut socket = house.socket().await;
        assert_eq!(ask(&mut socket, &tcp(1, 5, 4, (72, 2)), 13).await, good(1));
        for address in [5, 77] {
            let heard = ask(&mut socket, &tcp(2, address, 4, (72, 2)), 7 + said.len()).await;
            assert_eq!((heard[6], &heard[7..]), (address, &said[..]), "{fault}");
        }
        assert_eq!(house.counted().ignored, 2);
        house.end().await;
    }
}

#[tokio::test]
async fn an_answer_for_another_client_comes_first() {
    let house = house(TCP, "{ kind = 'foreign', from = 2, until = 3 }").await;
    let mut socket = house.socket().await;
    assert_eq!(ask(&mut socket, &tcp(1, 5, 4, (72, 2)), 13).await, good(1));
    let heard = ask(&mut socket, &tcp(2, 5, 4, (72, 2)), 26).await;
    assert_ne!(heard[..2], [0, 2], "another transaction");
    assert_eq!(heard[2..9], good(2)[2..9], "else it could be ours");
    assert_ne!(heard[9..13], good(2)[9..]);
    assert_eq!(heard[13..], good(2));
    house.end().await;
}

#[tokio::test]
async fn an_unplugged_line_comes_back_under_another_number() {
    for script in ["s = 0.2, from = 2, until = 3", "from_s = 0.2, until_s = 0.4"] {
        let folder = tempfile::tempdir().unwrap();
        let path = line_in(folder.path());
        let house = house(&path, &format!("{{ kind = 'unplug', {script} }}")).await;
        let (began, name) = (Instant::now(), std::fs::read_link(&path).unwrap());
        let port = serial(&path, 9600);
        assert_eq!(ask_serial(&port, rtu(5, 4, 72, 2), 9).await.0, GOOD);
        if script.starts_with("s = ") {
            rustix::io::write(&port, &rtu(5, 4, 72, 2)).unwrap();
        }
        while std::fs::symlink_metadata(&path).is_ok() {
            tokio::task::yield_now().await;
        }
        let gone = rustix::io::read(&port, &mut [0; 1]);
        assert!(gone.is_err() || gone == Ok(0), "whoever has it open hears of it: {gone:?}");
        while std::fs::symlink_metadata(&path).is_err() {
            tokio::task::yield_now().await;
        }
        assert!(began.elapsed() >= Duration::from_millis(200), "{script}");
        assert_ne!(std::fs::read_link(&path).unwrap(), name);
        assert_eq!(ask_serial(&serial(&path, 9600), rtu(5, 4, 72, 2), 9).await.0, GOOD);
        house.end().await;
        assert!(std::fs::symlink_metadata(&path).is_err());
    }
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_questions_of_a_bus() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let house = house(TCP, "{ kind = 'replies_zero', share = 0.3, ms = 0 }").await;
        let mut socket = house.socket().await;
        let mut heard = Vec::new();
        for number in 1..40 {
            // Nobody has the address 9: either the converter replies, or nobody does.
            socket.write_all(&tcp(number, 9, 4, (72, 2))).await.unwrap();
            until(&house, |counted| counted.ignored == u64::from(number)).await;
        }
        socket.write_all(&tcp(99, 5, 4, (72, 2))).await.unwrap();
        while heard.last() != Some(&99) {
            let mut answer = [0; 13];
            socket.read_exact(&mut answer).await.unwrap();
            heard.push(answer[1]);
        }
        house.end().await;
        runs.push(heard);
    }
    assert_eq!(runs[0], runs[1]);
    assert!((4..25).contains(&runs[0].len()), "{:?}", runs[0]);
}
