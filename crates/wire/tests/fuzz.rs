//! Targets that take any bytes at all: nothing may panic, grow or hang, and nothing may be made up.
//!
//! Each is tried on as many inputs as its call says; `BOLERO_RANDOM_ITERATIONS` sets another number
//! for all, `BOLERO_RANDOM_SEED` repeats the input of a failure, and `docs/fuzzing.md` says how to
//! let a fuzzer drive them for hours.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use bolero::check;
use serde_json::Value;
use vectors::{Examples, cases};
use wire::hex;
use wire::modbus::{Answer, End, Exchange, Function, Heard, Progress, Read, Reply, crc};
use wire::transcript::Transcript;

/// Bytes that frames are made of.
const FEW: [u8; 9] = [0, 1, 2, 3, 4, 5, 0x83, 0x84, 0xff];

#[test]
fn a_serial_line_may_say_anything() {
    let examples = bursts("modbus-rtu-frames.json");
    check!().with_iterations(1_000).for_each(|data: &[u8]| {
        if let Some((read, _, cut, heard)) = split(&examples.changed(data)) {
            hear(&Exchange::rtu(read), cut, &heard);
            hear(&Exchange::rtu(read), cut, &summed(heard));
        }
    });
}

#[test]
fn a_transparent_converter_may_say_anything() {
    let examples = bursts("modbus-rtu-frames.json");
    check!().with_iterations(1_000).for_each(|data: &[u8]| {
        if let Some((read, _, cut, heard)) = split(&examples.changed(data)) {
            hear(&Exchange::rtu_over_tcp(read), cut, &heard);
            hear(&Exchange::rtu_over_tcp(read), cut, &summed(heard));
        }
    });
}

#[test]
fn a_socket_may_say_anything() {
    let examples = bursts("modbus-tcp-frames.json");
    check!().with_iterations(10_000).for_each(|data: &[u8]| {
        if let Some((read, transaction, cut, heard)) = split(&examples.changed(data)) {
            hear(&Exchange::tcp(read, transaction), cut, &heard);
        }
    });
}

#[test]
fn a_master_may_ask_anything() {
    let files = ["modbus-rtu-frames.json", "modbus-tcp-frames.json"];
    let questions = files.into_iter().flat_map(cases).map(|case| bytes(&case["request_hex"]));
    let examples = Examples::of(questions, &FEW.map(|byte| [byte]));
    check!().with_iterations(10_000).for_each(|data: &[u8]| {
        let asked = examples.changed(data);
        let summed = summed(asked.clone());
        for heard in [Heard::rtu(&asked), Heard::rtu(&summed), Heard::tcp(&asked)] {
            if let Some(read) = heard.and_then(Heard::read) {
                let last = u32::from(read.start) + u32::from(read.count) - 1;
                assert!(last <= 0xffff && (1..=Read::MOST).contains(&read.count));
            }
        }
    });
}

#[test]
fn bytes_in_digits_are_written_as_they_are_read() {
    let texts = ["", "01 04 04 43 9A 46 66 7C 65", "0103\t0000\n0002", "0x01,0x03"];
    let examples = Examples::of(texts, &[" ", "\n", "0x", "f", "0g", "\u{e9}"]);
    check!().with_iterations(10_000).for_each(|data: &[u8]| {
        let text = examples.changed(data);
        if let Ok(bytes) = hex::parse(&String::from_utf8_lossy(&text)) {
            assert!(bytes.len() <= text.len() / 2);
            assert_eq!(hex::parse(&hex::write(&bytes)), Ok(bytes));
        }
    });
}

#[test]
fn a_transcript_is_written_as_it_is_read() {
    let texts = [
        "# the energy of an SDM630\n 0 > 01 04 00 48 00 02 F1 DD\n 42 < 01 04 04 43 9A 46 66\n",
        "> 01\n<\n\n18446744073709551615 < 02 # the last instant\n",
        "@ at 2026-11-24T15:20:03.114Z\n@ rtu 9600 8N1\n@ patience 1000\n 0.001 > 01\n= silent\n",
        "@ rtu+tcp\n > 01\n= 2 registers\n > 01\n = damaged: bad_crc\n @ tcp\n > 01\n= refused 2\n",
    ];
    let pieces = [">", "<", "=", "@", "#", "\n", "\r\n", " ", "99", ".5", "-1", "+00:00", "\u{e9}"];
    let examples = Examples::of(texts, &pieces);
    check!().with_iterations(10_000).for_each(|data: &[u8]| {
        let text = examples.changed(data);
        if let Ok(transcript) = String::from_utf8_lossy(&text).parse::<Transcript>() {
            assert_eq!(transcript.to_string().parse::<Transcript>(), Ok(transcript));
        }
    });
}

#[test]
fn an_exchange_has_no_memory_that_could_grow() {
    assert!(!std::mem::needs_drop::<Exchange>(), "nothing of it stands elsewhere");
    assert!(size_of::<Exchange>() <= 1024);
}

/// Hears the bytes in two pieces, the second byte by byte, and checks every answer against them.
fn hear(exchange: &Exchange, cut: usize, heard: &[u8]) {
    let (first, second) = heard.split_at(cut.min(heard.len()));
    let mut pieces = exchange.clone();
    let mut broken = pieces.hear(first) == Progress::Broken;
    for byte in second {
        let progress = pieces.hear(&[*byte]);
        assert!(!broken || progress == Progress::Broken, "what is broken stays broken");
        broken = progress == Progress::Broken;
    }
    let mut whole = exchange.clone();
    whole.hear(heard);
    for end in [End::Silence, End::Timeout, End::Closed, End::Reset] {
        assert_eq!(pieces.finish(end), whole.finish(end));
        assert_eq!(pieces.reusable(end), whole.reusable(end));
    }
    assert_eq!(pieces.traffic(), whole.traffic());
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

/// Question, transaction, place of a cut, and what is heard. Ten bytes make the first three; counts
/// beyond the limits are possible: they ask for what no answer can hold.
fn split(data: &[u8]) -> Option<(Read, u16, usize, Vec<u8>)> {
    let (&[address, function, a, b, c, d, t, u, v, w], rest) = data.split_first_chunk::<10>()?;
    let function = if function & 1 == 0 { Function::Input } else { Function::Holding };
    let (start, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let read = Read { address, function, start, count };
    let cut = usize::from(u16::from_be_bytes([v, w]));
    Some((read, u16::from_be_bytes([t, u]), cut, rest.to_vec()))
}

/// The shared cases in the shape that `split` reads, cut in the middle.
fn bursts(file: &str) -> Examples {
    let burst = |case: Value| {
        let asked = &case["request"];
        let number = |key: &str| u16::try_from(asked[key].as_u64().unwrap_or_default()).unwrap();
        let segments = case["rx"].as_array().into_iter().flatten().chain(case.get("rx_hex"));
        let heard = segments.flat_map(bytes).collect::<Vec<u8>>();
        let cut = u16::try_from(heard.len() / 2).unwrap();
        let mut data = Vec::new();
        data.push(u8::try_from(number("unit")).unwrap());
        data.push(u8::try_from(number("function")).unwrap());
        for number in [number("address"), number("count"), number("transaction"), cut] {
            data.extend(number.to_be_bytes());
        }
        data.extend(heard);
        data
    };
    Examples::of(cases(file).into_iter().map(burst), &FEW.map(|byte| [byte]))
}

/// The bytes with their last two made a right checksum: what no change of a byte comes upon.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len().saturating_sub(2));
    bytes.extend(crc(&bytes).to_le_bytes());
    bytes
}

fn bytes(digits: &Value) -> Vec<u8> {
    hex::parse(digits.as_str().unwrap()).unwrap()
}
