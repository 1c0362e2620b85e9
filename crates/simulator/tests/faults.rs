//! Every kind of fault of a meter, as it is seen from the other end.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use common::{Started, ask, ask_serial, framed, line_in, noon, rtu, serial, small, tcp, telling};
use domain::{Clock, Key, Quantity};
use jiff::SignedDuration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

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
    let both = struck("{ kind = 'collision' }", 9).await;
    assert!(both.iter().zip(GOOD).all(|(both, good)| both & !good == 0), "both pull down");
    assert_ne!(both, GOOD);
    assert_ne!(framed(both[..7].to_vec()), both, "the checksum tells");
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

#[tokio::test]
async fn a_dead_meter_stays_dead_until_its_script_ends() {
    let script = "faults = [{ kind = 'dead', share = 0.4, from = 2, until = 20 }]";
    let house = Started::small(RTU, "", script).await;
    let mut socket = house.socket().await;
    let (mut heard, mut alive) = (0, Vec::new());
    for question in 1..25 {
        socket.write_all(&rtu(5, 4, 72, 2)).await.unwrap();
        while house.counted().answered + house.counted().ignored < question {
            tokio::task::yield_now().await;
        }
        alive.push(house.counted().answered > heard);
        heard = house.counted().answered;
    }
    let died = alive.iter().position(|alive| !alive).unwrap();
    assert!((1..18).contains(&died), "{alive:?}");
    assert!(alive[died..19].iter().all(|alive| !alive), "once dead, always dead: {alive:?}");
    assert!(alive[..died].iter().chain(&alive[19..]).all(|alive| *alive), "{alive:?}");
    house.end().await;
}

#[tokio::test]
async fn a_script_can_count_seconds() {
    for kind in ["silent", "dead"] {
        let script = format!("faults = [{{ kind = '{kind}', from_s = 0, until_s = 0.3 }}]");
        let began = Instant::now();
        let house = Started::small(RTU, "", &script).await;
        let mut socket = house.socket().await;
        let mut answer = [0; 9];
        loop {
            socket.write_all(&rtu(5, 4, 72, 2)).await.unwrap();
            let heard = socket.read_exact(&mut answer);
            if timeout(Duration::from_millis(20), heard).await.is_ok() {
                break;
            }
        }
        assert_eq!(answer, GOOD);
        assert!(began.elapsed() >= Duration::from_millis(300), "{kind}");
        assert!(house.counted().ignored > 0);
        house.end().await;
    }
}

#[tokio::test]
async fn a_slow_device_does_not_hear_who_asks_too_soon() {
    let house = Started::small(RTU, "", "faults = [{ kind = 'slow_device', ms = 60000 }]").await;
    let mut socket = house.socket().await;
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 2), 9).await, GOOD);
    socket.write_all(&rtu(5, 4, 72, 2)).await.unwrap();
    while house.counted().ignored == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((house.counted().hurried, house.counted().answered), (1, 1));
    house.end().await;

    let house = Started::small(RTU, "", "faults = [{ kind = 'slow_device', ms = 20 }]").await;
    let mut socket = house.socket().await;
    ask(&mut socket, &rtu(5, 4, 72, 2), 9).await;
    // Who lets 20 ms pass after each answer is always heard.
    let mut nothing = [0; 1];
    let pause = timeout(Duration::from_millis(21), socket.read_exact(&mut nothing)).await;
    assert!(pause.is_err());
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 2), 9).await, GOOD);
    assert_eq!(house.counted().hurried, 0);
    house.end().await;
}

#[tokio::test]
async fn a_stray_byte_comes_first_when_the_line_was_idle() {
    let house = Started::small(RTU, "", "faults = [{ kind = 'stray', s = 60 }]").await;
    let mut socket = house.socket().await;
    let first = ask(&mut socket, &rtu(5, 4, 72, 2), 10).await;
    assert!([0x00, 0xff].contains(&first[0]), "{first:02x?}");
    assert_eq!(first[1..], GOOD);
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 2), 9).await, GOOD);
    house.end().await;
}

#[tokio::test]
async fn an_exchanged_meter_has_another_number_and_another_index() {
    let exchange = "faults = [{ kind = 'exchange', index = 0.5, from = 3 }]";
    let (hours, clock) = walking();
    let text = telling(RTU, "", exchange);
    let house = Started::at(&text, clock).await;
    let mut socket = house.socket().await;
    let mut seen = Vec::new();
    for hour in 0..4 {
        hours.store(hour, Ordering::Relaxed);
        let at = noon() + SignedDuration::from_hours(hour);
        let held = |quantity| {
            let (meter, quantity) = (Key::new("m").unwrap(), Quantity::from_name(quantity));
            house.running.truth(&meter, quantity.unwrap(), at).unwrap().rounded(3).unwrap()
        };
        let serial = ask(&mut socket, &rtu(5, 3, 0xfc00, 2), 9).await;
        let index = ask(&mut socket, &rtu(5, 4, 72, 2), 9).await;
        let number = u32::from_be_bytes(serial[3..7].try_into().unwrap());
        let index = f32::from_be_bytes(index[3..7].try_into().unwrap());
        assert_eq!(number.to_string(), held("serial_number").rounded(0).unwrap().to_string());
        assert_eq!(format!("{index:.3}"), held("en_im").to_string(), "what is held is read");
        seen.push((number, index));
    }
    assert_eq!(seen[2..].iter().map(|seen| seen.1).collect::<Vec<f32>>(), [1.5, 2.5]);
    assert_eq!((seen[0].1, seen[1].1), (1234.5, 0.5), "the third question is at one o'clock");
    assert!(seen[0].0 != seen[1].0 && seen[1].0 == seen[3].0, "{seen:?}");
    house.end().await;
}

#[tokio::test]
async fn a_frozen_index_stands_still_while_power_flows() {
    let (hours, clock) = walking();
    let freeze = "faults = [{ kind = 'freeze', from = 2, until = 5 }]";
    let house = Started::at(&small(RTU, "", freeze), clock).await;
    let mut socket = house.socket().await;
    let mut seen = Vec::new();
    for hour in 0..5 {
        hours.store(hour, Ordering::Relaxed);
        let heard = ask(&mut socket, &rtu(5, 4, 72, 9), 23).await;
        assert_eq!(heard[19..21], [0x03, 0xe8], "1 kW flows");
        seen.push(f32::from_be_bytes(heard[3..7].try_into().unwrap()));
    }
    assert_eq!(seen, [1234.5, 1235.5, 1235.5, 1235.5, 1238.5]);
    house.end().await;
}

/// A clock that shows noon and so many hours.
fn walking() -> (Arc<AtomicI64>, Clock) {
    let hours = Arc::new(AtomicI64::new(0));
    let shown = Arc::clone(&hours);
    let clock =
        Clock::new(move || noon() + SignedDuration::from_hours(shown.load(Ordering::Relaxed)));
    (hours, clock)
}
