//! Meters that answer on real sockets and pseudo-terminals.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::time::Duration;

use common::{Started, ask, ask_serial, framed, line_in, noon, rtu, serial, small, tcp};
use domain::{Key, Quantity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wire::Line;

/// 1234.5 as float32.
const INDEX: [u8; 4] = [0x44, 0x9a, 0x50, 0x00];

fn answer(words: &[u8]) -> Vec<u8> {
    let mut frame = vec![5, 4, u8::try_from(words.len()).unwrap()];
    frame.extend(words);
    framed(frame)
}

#[tokio::test]
async fn a_question_over_modbus_tcp_is_answered_with_its_transaction() {
    let house = Started::small("tcp://127.0.0.1:0", "", "").await;
    let mut socket = house.socket().await;
    let heard = ask(&mut socket, &tcp(0x1234, 5, 4, (72, 2)), 13).await;
    assert_eq!(heard[..9], [0x12, 0x34, 0, 0, 0, 7, 5, 4, 4]);
    assert_eq!(heard[9..], INDEX);
    // Two questions in one go are answered in their order.
    let two = [tcp(1, 5, 4, (80, 1)), tcp(2, 5, 4, (72, 1))].concat();
    let heard = ask(&mut socket, &two, 22).await;
    assert_eq!(heard, [0, 1, 0, 0, 0, 5, 5, 4, 2, 3, 0xe8, 0, 2, 0, 0, 0, 5, 5, 4, 2, 0x44, 0x9a]);
    assert_eq!(house.counted().answered, 3);
    house.end().await;
}

#[tokio::test]
async fn a_question_over_a_transparent_converter_is_answered_as_on_a_line() {
    let house = Started::small("rtu+tcp://127.0.0.1:0", "", "").await;
    let mut socket = house.socket().await;
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 2), 9).await, answer(&INDEX));
    // The hole between the entries is part of the map and 0.
    let words = [&INDEX[..], &[0; 12], &[0x03, 0xe8]].concat();
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 9), 23).await, answer(&words));
    house.end().await;
}

#[tokio::test]
async fn a_line_is_opened_through_its_link_and_goes_when_the_house_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = line_in(folder.path());
    let house = Started::small(&path, "wire_time = false", "").await;
    for _ in 0..3 {
        let port = serial(&path, 9600); // a gateway may hang up and come back
        let (heard, _) = ask_serial(&port, rtu(5, 4, 72, 2), 9).await;
        assert_eq!(heard, answer(&INDEX));
    }
    house.end().await;
    assert!(std::fs::symlink_metadata(&path).is_err());
}

#[tokio::test]
async fn bytes_on_a_line_take_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = line_in(folder.path());
    let house = Started::small(&path, "", "").await;
    let port = serial(&path, 9600);
    let (heard, elapsed) = ask_serial(&port, rtu(5, 4, 72, 9), 23).await;
    assert_eq!(heard.len(), 23);
    assert!(elapsed >= Line::default().wire_time(8 + 23), "{elapsed:?}");
    house.end().await;
}

#[tokio::test]
async fn an_answer_is_there_when_its_last_bit_would_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = line_in(folder.path());
    for (baud, delay) in [(9_600, 20), (115_200, 2), (115_200, 0)] {
        let text = small(&path, "", "")
            .replace("key = \"a\"", &format!("key = \"a\"\nbaudrate = {baud}"))
            .replace("delay_ms = 0", &format!("delay_ms = {delay}"));
        let house = Started::new(&text).await;
        let port = serial(&path, baud);
        let line = Line { baud, ..Line::default() };
        let rest = Duration::from_millis(delay).max(line.silence());
        let due = line.wire_time(8) + rest + line.wire_time(5 + 2 * 9);
        let mut least = Duration::MAX;
        for _ in 0..12 {
            let (heard, elapsed) = ask_serial(&port, rtu(5, 4, 72, 9), 23).await;
            assert_eq!(heard.len(), 23);
            assert!(elapsed >= due, "{baud}: {elapsed:?} for {due:?}");
            least = least.min(elapsed - due);
        }
        // Even a busy machine has a quiet moment among a dozen.
        assert!(least < Duration::from_millis(1), "{baud}: {least:?} over {due:?}");
        let counted = house.counted();
        let exchange = due + line.silence();
        assert_eq!(counted.heard, 12);
        let off = counted.busy.abs_diff(exchange * 12);
        assert!(off < Duration::from_micros(1), "each character is rounded up: {off:?}");
        house.end().await;
    }
}

#[tokio::test]
async fn the_delay_of_a_converter_is_kept() {
    let house = Started::new(
        &small("tcp://127.0.0.1:0", "wire_time = true", "")
            .replace("delay_ms = 0", "delay_ms = 30"),
    )
    .await;
    let mut socket = house.socket().await;
    let asked = tokio::time::Instant::now();
    ask(&mut socket, &tcp(1, 5, 4, (72, 2)), 13).await;
    // The line behind the converter carries 8 bytes there and 9 back.
    assert!(asked.elapsed() >= Duration::from_millis(30) + Line::default().wire_time(8 + 9));
    house.end().await;
}

#[tokio::test]
async fn a_delay_by_name_is_kept_and_that_of_a_meter_wins() {
    for (on_bus, on_meter, from, to) in [
        ("delay = 'sdm230'", "", 40, 46),
        ("delay = 'sdm630'", "delay = 'fast'", 12, 16),
        ("delay = 'fast'", "delay_ms = [50, 60]", 50, 60),
        ("delay = 'converter'", "", 50, 55),
        ("delay = 'ethernet'", "", 0, 2),
    ] {
        let text = small("tcp://127.0.0.1:0", on_bus, on_meter).replace("delay_ms = 0\n", "\n");
        let house = Started::new(&text).await;
        let mut socket = house.socket().await;
        let mut least = Duration::MAX;
        for question in 0..8 {
            let asked = tokio::time::Instant::now();
            ask(&mut socket, &tcp(question, 5, 4, (72, 2)), 13).await;
            least = least.min(asked.elapsed());
        }
        let (from, to) = (Duration::from_millis(from), Duration::from_millis(to + 5));
        assert!((from..to).contains(&least), "{on_bus} {on_meter}: {least:?}");
        house.end().await;
    }
}

#[tokio::test]
async fn an_answer_comes_in_the_pieces_of_its_adapter() {
    for (pieces, lengths) in [("usb", [12, 11]), ("tail", [22, 1])] {
        let on_bus = format!("pieces = '{pieces}'");
        let house = Started::small("rtu+tcp://127.0.0.1:0", &on_bus, "").await;
        let mut socket = house.socket().await;
        let mut apart = false;
        for _ in 0..10 {
            socket.write_all(&rtu(5, 4, 72, 9)).await.unwrap();
            let (mut heard, mut seen) = (0, Vec::new());
            while heard < 23 {
                seen.push(socket.read(&mut [0; 64]).await.unwrap());
                heard += seen.last().unwrap();
            }
            apart |= seen == lengths; // a busy machine may read two pieces as one
        }
        assert!(apart, "{pieces}");
        house.end().await;
    }
}

#[tokio::test]
async fn a_meter_set_to_another_speed_hears_only_noise() {
    let folder = tempfile::tempdir().unwrap();
    let path = line_in(folder.path());
    let text = small(&path, "wire_time = false", "")
        .replace("key = \"m\"", "key = \"m\"\nbaudrate = 2400");
    let house = Started::new(&text).await;
    let wrong = serial(&path, 9600);
    rustix::io::write(&wrong, &rtu(5, 4, 72, 2)).unwrap();
    while house.counted().ignored == 0 {
        tokio::task::yield_now().await;
    }
    let right = serial(&path, 2400);
    let (heard, _) = ask_serial(&right, rtu(5, 4, 72, 2), 9).await;
    assert_eq!(heard, answer(&INDEX));
    house.end().await;
}

#[tokio::test]
async fn what_a_meter_does_not_have_is_refused() {
    let refused = |function: u8, code: u8| framed(vec![5, function | 0x80, code]);
    let house = Started::small("rtu+tcp://127.0.0.1:0", "", "").await;
    let mut socket = house.socket().await;
    for (question, answer) in [
        (rtu(5, 3, 72, 2), refused(3, 1)),
        (rtu(5, 6, 72, 2), refused(6, 1)),
        (rtu(5, 4, 71, 2), refused(4, 2)),
        (rtu(5, 4, 80, 2), refused(4, 2)),
        (rtu(5, 4, 72, 0), refused(4, 3)),
        (rtu(5, 4, 72, 126), refused(4, 3)),
    ] {
        assert_eq!(ask(&mut socket, &question, 5).await, answer, "{question:02x?}");
    }
    assert_eq!(house.counted().refused, 6);
    house.end().await;

    let strict = Started::small("rtu+tcp://127.0.0.1:0", "", "holes = \"refuse\"").await;
    let mut socket = strict.socket().await;
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 9), 5).await, refused(4, 2));
    assert_eq!(ask(&mut socket, &rtu(5, 4, 72, 4), 13).await.len(), 13);
    strict.end().await;
}

#[tokio::test]
async fn a_converter_for_one_client_closes_the_second() {
    let house = Started::small("tcp://127.0.0.1:0", "one_client = true", "").await;
    let mut first = house.socket().await;
    ask(&mut first, &tcp(1, 5, 4, (72, 2)), 13).await;
    let mut second = house.socket().await;
    assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0);
    ask(&mut first, &tcp(2, 5, 4, (72, 2)), 13).await;
    house.end().await;
}

#[tokio::test]
async fn a_question_without_silence_before_it_is_counted_as_early() {
    let folder = tempfile::tempdir().unwrap();
    let path = line_in(folder.path());
    let house = Started::small(&path, "", "").await;
    let port = serial(&path, 9600);
    let both = [rtu(5, 4, 72, 2), rtu(5, 4, 74, 2)].concat();
    ask_serial(&port, both, 18).await;
    assert_eq!((house.counted().heard, house.counted().early), (2, 1));
    house.end().await;
}

#[tokio::test]
async fn who_keeps_the_silence_is_never_early_and_who_does_not_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = line_in(folder.path());
    for (baud, kept) in [(9_600, true), (115_200, true), (115_200, false)] {
        let text =
            small(&path, "", "").replace("key = \"a\"", &format!("key = \"a\"\nbaudrate = {baud}"));
        let house = Started::new(&text).await;
        let line = Line { baud, ..Line::default() };
        let port = serial(&path, baud);
        let asking = tokio::task::spawn_blocking(move || {
            let mut answer = [0; 9];
            for _ in 0..30 {
                rustix::io::write(&port, &rtu(5, 4, 72, 2)).unwrap();
                let mut heard = 0;
                while heard < answer.len() {
                    heard += rustix::io::read(&port, &mut answer[heard..]).unwrap();
                }
                let quiet = tokio::time::Instant::now();
                while kept && quiet.elapsed() < line.silence() {
                    std::hint::spin_loop();
                }
            }
        });
        asking.await.unwrap();
        let counted = house.counted();
        assert_eq!((counted.heard, counted.answered), (30, 30));
        // A busy machine may hold up even those in a hurry.
        assert!(if kept { counted.early == 0 } else { counted.early > 15 }, "{counted:?}");
        house.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_in_memory_counts_who_is_early_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let house = Started::small(&line_in(folder.path()), "", "").await;
    let mut line = house.running.line(&Key::new("a").unwrap()).unwrap();
    let (silence, mut answer) = (Line::default().silence(), [0; 9]);
    for (rest, early) in [(silence, 0), (silence, 0), (silence / 4, 0), (silence, 1)] {
        line.write_all(&rtu(5, 4, 72, 2)).await.unwrap();
        line.read_exact(&mut answer).await.unwrap();
        assert_eq!(house.counted().early, early);
        tokio::time::advance(rest).await;
    }
    drop(line);
    house.end().await;
}

#[tokio::test]
async fn the_truth_is_what_is_read() {
    let house = Started::small("tcp://127.0.0.1:0", "", "").await;
    let (meter, quantity) = (Key::new("m").unwrap(), Quantity::from_name("en_im").unwrap());
    let truth = |at| house.running.truth(&meter, quantity, at).unwrap().rounded(3).unwrap();
    assert_eq!(truth(noon()).to_string(), "1234.500");
    let later = noon() + jiff::SignedDuration::from_mins(90);
    assert_eq!(truth(later).to_string(), "1236.000", "1 kW for an hour and a half");
    assert_eq!(house.running.truth(&Key::new("other").unwrap(), quantity, later), None);
    house.end().await;
}
