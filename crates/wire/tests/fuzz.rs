//! Targets that take any bytes at all: nothing may panic, grow or hang, and nothing may be made up.
//!
//! Each target is a function of the bytes, so a fuzzer can drive it as well. Here a generator
//! does: `PROPTEST_CASES=1000000 cargo test -p wire --test fuzz` for a long run, and
//! `PROPTEST_RNG_SEED` to repeat one.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use proptest::prelude::*;
use wire::hex;
use wire::modbus::{Answer, End, Exchange, Function, Heard, Progress, Read, Reply};
use wire::transcript::Transcript;

proptest! {
    #[test]
    fn a_serial_line_may_say_anything(data in bytes()) {
        rtu(&data);
    }

    #[test]
    fn a_socket_may_say_anything(data in bytes()) {
        tcp(&data);
    }

    #[test]
    fn a_master_may_ask_anything(data in bytes()) {
        meter(&data);
    }

    #[test]
    fn a_text_may_hold_anything(data in bytes()) {
        text(&data);
    }
}

/// Ten bytes make the question, the rest comes over a serial line or a transparent converter.
fn rtu(data: &[u8]) {
    if let Some((read, _, cut, heard)) = split(data) {
        hear(Exchange::rtu(read), cut, heard);
        hear(Exchange::rtu_over_tcp(read), cut, heard);
    }
}

/// Ten bytes make the question, the rest comes over a socket.
fn tcp(data: &[u8]) {
    if let Some((read, transaction, cut, heard)) = split(data) {
        hear(Exchange::tcp(read, transaction), cut, heard);
    }
}

/// All bytes are a question to a meter, which answers only what it may.
fn meter(data: &[u8]) {
    for heard in [Heard::rtu(data), Heard::tcp(data)].into_iter().flatten() {
        if let Some(read) = heard.read() {
            let last = u32::from(read.start) + u32::from(read.count) - 1;
            assert!(last <= 0xffff && (1..=Read::MOST).contains(&read.count));
        }
    }
}

/// All bytes are a text: bytes in digits, or a transcript. What is read is written the same.
fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(bytes) = hex::parse(&text) {
        assert_eq!(hex::parse(&hex::write(&bytes)).unwrap(), bytes);
    }
    if let Ok(transcript) = text.parse::<Transcript>() {
        assert_eq!(transcript.to_string().parse::<Transcript>().unwrap(), transcript);
    }
}

/// Hears the bytes in two pieces, the second byte by byte, and checks every answer against them.
fn hear(exchange: Exchange, cut: usize, heard: &[u8]) {
    let (first, second) = heard.split_at(cut.min(heard.len()));
    let mut pieces = exchange.clone();
    let mut broken = pieces.hear(first) == Progress::Broken;
    for byte in second {
        let progress = pieces.hear(&[*byte]);
        assert!(!broken || progress == Progress::Broken, "what is broken stays broken");
        broken = progress == Progress::Broken;
    }
    let mut whole = exchange;
    whole.hear(heard);
    for end in [End::Silence, End::Timeout, End::Closed, End::Reset] {
        assert_eq!(pieces.finish(end), whole.finish(end));
    }
    assert_eq!(whole.traffic().bytes, heard.len());
    assert!(whole.traffic().junk <= heard.len());
    if let Ok(Answer::Words(words)) = whole.finish(End::Silence) {
        assert!(!broken);
        assert_eq!(words.len(), usize::from(whole.read().count));
        let reply = Reply::Words(words.iter().collect());
        let rtu = Heard::rtu(whole.request()).map(|asked| asked.answer_rtu(&reply));
        let tcp = Heard::tcp(whole.request()).map(|asked| asked.answer_tcp(&reply));
        let frame = rtu.or(tcp).unwrap();
        assert!(heard.windows(frame.len()).any(|window| window == frame));
    }
}

/// Question, transaction and place of a cut from the first ten bytes. Counts beyond the limits are
/// possible: they ask for what no answer can hold.
fn split(data: &[u8]) -> Option<(Read, u16, usize, &[u8])> {
    let (&[address, function, a, b, c, d, t, u, v, w], rest) = data.split_first_chunk::<10>()?;
    let function = if function & 1 == 0 { Function::Holding } else { Function::Input };
    let (start, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let read = Read { address, function, start, count };
    let cut = usize::from(u16::from_be_bytes([v, w]));
    Some((read, u16::from_be_bytes([t, u]), cut, rest))
}

/// Plain bytes; bytes from the few that frames are made of; and right answers with a bit changed.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let few = prop::sample::select(vec![0, 1, 2, 3, 4, 5, 0x83, 0x84, 0xff]);
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..1500),
        3 => prop::collection::vec(few, 0..300),
        2 => "[0-9a-fA-F <>#\n]{0,80}".prop_map(String::into_bytes),
        3 => near_miss(),
    ]
}

/// A small question in front, its answer in both framings behind, a byte of all that changed.
fn near_miss() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::collection::vec(any::<u16>(), 1..8);
    (any::<[u8; 4]>(), words, any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |([address, function, a, b], words, place, change)| {
            let count = u8::try_from(words.len()).unwrap();
            let mut data = vec![address, function, a, b, 0, count, 0, 7, 0, 20];
            let asked = Heard {
                address,
                function: 3 + (function & 1),
                start: u16::from_be_bytes([a, b]),
                count: u16::from(count),
                transaction: 7,
            };
            let reply = Reply::Words(words);
            data.extend(asked.answer_tcp(&reply));
            data.extend(asked.answer_rtu(&reply));
            let place = place.index(data.len());
            data[place] ^= change;
            data
        },
    )
}
