//! Every kind of fault, as it is seen from the other end.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::time::Duration;

use common::{Started, ask, ask_serial, framed, line_in, rtu, serial, tcp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const RTU: &str = "rtu+tcp://127.0.0.1:0";
const GOOD: [u8; 9] = [5, 4, 4, 0x44, 0x9a, 0x50, 0, 0xb6, 0x9b];

async fn struck(fault: &str, bytes: usize) -> Vec<u8> {
    let house = Started::small(RTU, "", &format!("faults = [{fault}]")).await;
    let mut socket = house.socket().await;
    let heard = ask(&mut socket, &rtu(5, 4, 72, 2), bytes).await;
    house.end().await;
    heard
}

#[tokio::test]
async fn an_answer_can_be_damaged_in_every_way() {
    assert_eq!(struck("", 9).await, GOOD);
    let crc = struck("{ kind = 'crc' }", 9).await;
    assert_eq!((&crc[..8], crc[8]), (&GOOD[..8], GOOD[8] ^ 0x5a));
    let foreign = struck("{ kind = 'wrong_unit' }", 9).await;
    assert_eq!(foreign, framed([&[6], &GOOD[1..7]].concat()));
    let refused = struck("{ kind = 'exception', code = 6 }", 5).await;
    assert_eq!(refused, framed(vec![5, 0x84, 6]));
    let zeros = struck("{ kind = 'zeros' }", 9).await;
    assert_eq!(zeros, framed(vec![5, 4, 4, 0, 0, 0, 0]));
    let echo = struck("{ kind = 'echo' }", 17).await;
    assert_eq!(echo, [&rtu(5, 4, 72, 2)[..], &GOOD].concat());
    let two = struck("{ kind = 'duplicate' }", 18).await;
    assert_eq!(two[..9], GOOD);
    assert_eq!(two[9..], framed(two[9..16].to_vec()), "a second good frame");
    assert_ne!(two[9..], GOOD);
    let after = struck("{ kind = 'garbage', side = 'after' }", 10).await;
    assert_eq!(after[..9], GOOD);
    let before = struck("{ kind = 'garbage', side = 'before' }", 10).await;
    assert_ne!(before[..9], GOOD);
    let slow = struck("{ kind = 'slow', ms = 5 }", 9).await;
    assert_eq!(slow, GOOD);
}

#[tokio::test]
async fn what_is_late_or_slow_takes_its_time() {
    for fault in ["{ kind = 'late', ms = 40 }", "{ kind = 'slow', ms = 40 }"] {
        let asked = tokio::time::Instant::now();
        assert_eq!(struck(fault, 9).await, GOOD);
        assert!(asked.elapsed() >= Duration::from_millis(40), "{fault}");
    }
}

#[tokio::test]
async fn silence_and_truncation_follow_a_script() {
    let script = "faults = [{ kind = 'silent', from = 1, until = 2 }, \
                  { kind = 'truncated', from = 2, until = 3 }]";
    let house = Started::small(RTU, "", script).await;
    let mut socket = house.socket().await;
    socket.write_all(&rtu(5, 4, 72, 2)).await.unwrap();
    let heard = ask(&mut socket, &rtu(5, 4, 72, 2), 4).await;
    assert_eq!(heard, GOOD[..4]);
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 2), 9).await, GOOD);
    let counted = house.counted();
    assert_eq!((counted.heard, counted.ignored, counted.answered), (3, 1, 2));
    house.end().await;
}

#[tokio::test]
async fn a_socket_can_be_closed_and_a_transaction_be_foreign() {
    let faults = "faults = [{ kind = 'transaction', until = 2 }, { kind = 'close', from = 2 }]";
    let house = Started::small("tcp://127.0.0.1:0", faults, "").await;
    let mut socket = house.socket().await;
    let heard = ask(&mut socket, &tcp(7, 5, 4, (72, 2)), 13).await;
    assert_eq!(heard[..2], [0, 8]);
    socket.write_all(&tcp(8, 5, 4, (72, 2))).await.unwrap();
    assert_eq!(socket.read(&mut [0; 1]).await.unwrap(), 0);
    house.end().await;
}

#[tokio::test]
async fn an_echo_on_a_line_comes_before_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = line_in(folder.path());
    let house = Started::small(&path, "faults = [{ kind = 'echo' }]", "").await;
    let port = serial(&path, 9600);
    let (heard, _) = ask_serial(&port, rtu(5, 4, 72, 2), 17).await;
    assert_eq!(heard, [&rtu(5, 4, 72, 2)[..], &GOOD].concat());
    house.end().await;
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_questions() {
    let faults = "faults = [{ kind = 'exception', share = 0.3 }]";
    let mut runs = Vec::new();
    for _ in 0..2 {
        let house = Started::small("tcp://127.0.0.1:0", faults, "").await;
        let mut socket = house.socket().await;
        let mut heard = Vec::new();
        for question in 0..60 {
            let answer = ask(&mut socket, &tcp(question, 5, 4, (80, 1)), 9).await;
            heard.push(answer[7]);
            if answer[7] == 4 {
                ask(&mut socket, &[], 2).await; // the word itself
            }
        }
        house.end().await;
        runs.push(heard);
    }
    assert_eq!(runs[0], runs[1]);
    let refused = runs[0].iter().filter(|&&function| function == 0x84).count();
    assert!((6..32).contains(&refused), "{refused}");
}
