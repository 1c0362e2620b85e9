//! Laws that hold for all bytes, tried on many: `PROPTEST_CASES` sets how many, and a failure
//! prints the bytes and the seed that found it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use wire::hex;
use wire::modbus::{Answer, End, Exchange, Fault, Framing, Function, Heard, Progress, Read};
use wire::modbus::{Refusal, Reply, crc};
use wire::transcript::{Entry, Event, Framing as Frames, Transcript, Verdict};
use wire::{Line, Parity};

const ENDS: [End; 4] = [End::Silence, End::Timeout, End::Closed, End::Reset];

proptest! {
    #[test]
    fn a_question_is_heard_and_its_answer_comes_back((exchange, words) in answered()) {
        let answer = answer(&exchange, &Reply::Words(words.clone()));
        prop_assert_eq!(answer.len(), exchange.expected_len());
        let mut exchange = exchange;
        prop_assert_eq!(exchange.hear(&answer), Progress::Whole);
        for end in ENDS {
            prop_assert_eq!(words_of(&exchange, end), Some(words.clone()));
        }
        prop_assert!(exchange.reusable(End::Silence));
        prop_assert_eq!(exchange.traffic().bytes, answer.len());
    }

    #[test]
    fn a_refusal_comes_back_with_its_code(exchange in question(), code: u8) {
        let mut exchange = exchange;
        let answer = answer(&exchange, &Reply::Refused(Refusal(code)));
        prop_assert_eq!(exchange.hear(&answer), Progress::Whole);
        prop_assert_eq!(exchange.finish(End::Silence), Ok(Answer::Refused(Refusal(code))));
    }

    #[test]
    fn every_beginning_of_an_answer_is_too_little((exchange, words) in answered(), cut: usize) {
        let answer = answer(&exchange, &Reply::Words(words));
        let mut exchange = exchange;
        prop_assert_eq!(exchange.hear(&answer[..cut % answer.len()]), Progress::More);
        prop_assert!(exchange.finish(End::Timeout).is_err());
    }

    #[test]
    fn no_one_to_three_flipped_bits_pass_the_checksum(
        (exchange, words) in answered_rtu(),
        flips in prop::collection::vec(any::<prop::sample::Index>(), 1..=3_usize),
    ) {
        let mut bytes = answer(&exchange, &Reply::Words(words.clone()));
        let whole = bytes.clone();
        for flip in flips {
            let bit = flip.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let mut exchange = exchange;
        exchange.hear(&bytes);
        let heard = words_of(&exchange, End::Silence);
        // Two flips may have undone each other.
        prop_assert_eq!(heard, (bytes == whole).then_some(words));
    }

    #[test]
    fn words_come_only_out_of_bytes_that_hold_the_right_frame(
        exchange in question(),
        noise in noise(),
    ) {
        let mut exchange = exchange;
        exchange.hear(&noise);
        if let Ok(Answer::Words(words)) = exchange.finish(End::Silence) {
            let frame = answer(&exchange, &Reply::Words(words.iter().collect()));
            prop_assert!(noise.windows(frame.len()).any(|window| window == frame));
        }
    }

    #[test]
    fn junk_around_an_answer_never_makes_another_one(
        (exchange, words) in answered_rtu(),
        before in noise(),
        after in noise(),
    ) {
        let frame = answer(&exchange, &Reply::Words(words.clone()));
        let mut exchange = exchange;
        exchange.hear(&[before, frame, after].concat());
        let heard = words_of(&exchange, End::Silence);
        prop_assert!(heard.is_none_or(|heard| heard == words));
    }

    #[test]
    fn the_verdict_does_not_depend_on_the_pieces(
        (exchange, bytes) in conversation(),
        cuts in prop::collection::vec(1..40_usize, 1..20),
    ) {
        let mut whole = exchange.clone();
        whole.hear(&bytes);
        let mut pieces = exchange;
        let mut left = bytes.as_slice();
        for cut in cuts.into_iter().cycle() {
            let (piece, rest) = left.split_at(cut.min(left.len()));
            pieces.hear(piece);
            left = rest;
            if left.is_empty() {
                break;
            }
        }
        for end in ENDS {
            prop_assert_eq!(pieces.finish(end), whole.finish(end));
            prop_assert_eq!(pieces.reusable(end), whole.reusable(end));
        }
        prop_assert_eq!(pieces.traffic(), whole.traffic());
    }

    #[test]
    fn an_echo_alone_is_never_an_answer(read in read(), times in 1..4_usize) {
        for exchange in [Exchange::rtu(read), Exchange::rtu_over_tcp(read)] {
            let mut exchange = exchange;
            let echo = exchange.request().repeat(times);
            prop_assert_eq!(exchange.hear(&echo), Progress::More);
            prop_assert_eq!(exchange.finish(End::Timeout), Err(Fault::EchoOnly));
            prop_assert_eq!(exchange.traffic().echoes, times);
        }
    }

    #[test]
    fn an_echo_before_the_answer_is_let_pass((exchange, words) in answered_rtu()) {
        let frame = answer(&exchange, &Reply::Words(words.clone()));
        let mut exchange = exchange;
        let bytes = [exchange.request(), &frame].concat();
        prop_assert_eq!(exchange.hear(&bytes), Progress::Whole);
        prop_assert_eq!(words_of(&exchange, End::Silence), Some(words));
    }

    #[test]
    fn two_different_answers_of_one_address_are_no_answer(
        (exchange, words) in answered_rtu(),
        bit: u8,
        n: prop::sample::Index,
    ) {
        let mut other = words.clone();
        other[n.index(words.len())] ^= 1 << (bit % 16);
        let first = answer(&exchange, &Reply::Words(words));
        let second = answer(&exchange, &Reply::Words(other));
        let mut exchange = exchange;
        exchange.hear(&first);
        exchange.hear(&second);
        prop_assert_eq!(exchange.finish(End::Silence), Err(Fault::Ambiguous));
    }

    #[test]
    fn every_foreign_transaction_is_skipped(
        (exchange, words) in answered_tcp(),
        shift in 1..=u16::MAX,
    ) {
        let mut late = Heard::tcp(exchange.request()).unwrap();
        late.transaction = late.transaction.wrapping_add(shift);
        let late = late.answer_tcp(&Reply::Words(words.iter().map(|word| !word).collect()));
        let frame = answer(&exchange, &Reply::Words(words.clone()));
        let mut exchange = exchange;
        prop_assert_eq!(exchange.hear(&late), Progress::More);
        prop_assert_eq!(exchange.hear(&frame), Progress::Whole);
        prop_assert_eq!(words_of(&exchange, End::Silence), Some(words));
        prop_assert_eq!(exchange.traffic().foreign, 1);
    }

    #[test]
    fn bytes_survive_hex(bytes: Vec<u8>) {
        prop_assert_eq!(hex::parse(&hex::write(&bytes)).unwrap(), bytes.clone());
        prop_assert_eq!(hex::parse(&hex::write(&bytes).replace(' ', "")).unwrap(), bytes);
    }

    #[test]
    fn a_conversation_survives_its_transcript(transcript in transcript()) {
        prop_assert_eq!(transcript.to_string().parse::<Transcript>().unwrap(), transcript);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9a-fA-F <>=@.#\n\u{e9}x]{0,60}|\\PC{0,60}") {
        if let Ok(bytes) = hex::parse(&text) {
            prop_assert_eq!(hex::parse(&hex::write(&bytes)).unwrap(), bytes);
        }
        if let Ok(transcript) = text.parse::<Transcript>() {
            prop_assert_eq!(transcript.to_string().parse::<Transcript>().unwrap(), transcript);
        }
    }
}

/// The words heard, if words were heard.
fn words_of(exchange: &Exchange, end: End) -> Option<Vec<u16>> {
    match exchange.finish(end) {
        Ok(Answer::Words(words)) => Some(words.iter().collect()),
        Ok(Answer::Refused(_)) | Err(_) => None,
    }
}

/// What a meter says to the question of an exchange.
fn answer(exchange: &Exchange, reply: &Reply) -> Vec<u8> {
    match exchange.framing() {
        Framing::Tcp => Heard::tcp(exchange.request()).unwrap().answer_tcp(reply),
        Framing::Rtu | Framing::RtuOverTcp => {
            Heard::rtu(exchange.request()).unwrap().answer_rtu(reply)
        }
    }
}

fn read() -> impl Strategy<Value = Read> {
    let function = prop_oneof![Just(Function::Holding), Just(Function::Input)];
    let count = prop_oneof![3 => 1..=8_u16, 1 => 1..=Read::MOST];
    // Starts around 0x0400 and 0x0200: their questions look most like answers.
    let start = prop_oneof![any::<u16>(), 0x0200..=0x0a00_u16];
    (any::<u8>(), function, start, count)
        .prop_map(|(address, function, start, count)| Read { address, function, start, count })
        .prop_filter("beyond the last register", |read| {
            read.start.checked_add(read.count - 1).is_some()
        })
}

fn rtu_question() -> impl Strategy<Value = Exchange> {
    prop_oneof![read().prop_map(Exchange::rtu), read().prop_map(Exchange::rtu_over_tcp)]
}

fn tcp_question() -> impl Strategy<Value = Exchange> {
    (read(), any::<u16>()).prop_map(|(read, transaction)| Exchange::tcp(read, transaction))
}

fn question() -> impl Strategy<Value = Exchange> {
    prop_oneof![rtu_question(), tcp_question()]
}

fn with_words(exchange: Exchange) -> impl Strategy<Value = (Exchange, Vec<u16>)> {
    let count = usize::from(exchange.read().count);
    (Just(exchange), prop::collection::vec(any::<u16>(), count))
}

fn answered() -> impl Strategy<Value = (Exchange, Vec<u16>)> {
    question().prop_flat_map(with_words)
}

fn answered_rtu() -> impl Strategy<Value = (Exchange, Vec<u16>)> {
    rtu_question().prop_flat_map(with_words)
}

fn answered_tcp() -> impl Strategy<Value = (Exchange, Vec<u16>)> {
    tcp_question().prop_flat_map(with_words)
}

/// Bytes as a bad line delivers them, sometimes more than any frame has.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        2 => prop::collection::vec(prop::sample::select(vec![0, 1, 2, 3, 4, 0x83, 0xff]), 0..80),
        1 => prop::collection::vec(any::<u8>(), 0..1200),
    ]
}

/// A question, and a mixture of everything that may follow one.
fn conversation() -> impl Strategy<Value = (Exchange, Vec<u8>)> {
    answered().prop_flat_map(|(exchange, words)| {
        let request = exchange.request().to_vec();
        let right = answer(&exchange, &Reply::Words(words.clone()));
        let mut cut = right.clone();
        cut.pop();
        let other = answer(&exchange, &Reply::Words(words.iter().map(|word| !word).collect()));
        let refused = answer(&exchange, &Reply::Refused(Refusal(2)));
        let piece = prop_oneof![
            noise(),
            Just(request),
            Just(right),
            Just(cut),
            Just(other),
            Just(refused),
            summed(),
        ];
        let pieces = prop::collection::vec(piece, 0..6);
        (Just(exchange), pieces.prop_map(|pieces| pieces.concat()))
    })
}

/// Any bytes with a right checksum.
fn summed() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 2..12).prop_map(|mut bytes| {
        bytes.extend(crc(&bytes).to_le_bytes());
        bytes
    })
}

fn transcript() -> impl Strategy<Value = Transcript> {
    let instant = -2_208_988_800_000_000..253_370_764_800_000_000_i64;
    let began_at = prop::option::of(instant)
        .prop_map(|micros| micros.map(|micros| Timestamp::from_microsecond(micros).unwrap()));
    (began_at, prop::collection::vec(entry(), 0..20))
        .prop_map(|(began_at, entries)| Transcript { began_at, entries })
}

fn entry() -> impl Strategy<Value = Entry> {
    let event = prop_oneof![
        framing().prop_map(Event::Framing),
        any::<u64>().prop_map(|micros| Event::Patience(Duration::from_micros(micros))),
        any::<u64>().prop_map(|micros| Event::Listen(Duration::from_micros(micros))),
        any::<Vec<u8>>().prop_map(Event::Sent),
        any::<Vec<u8>>().prop_map(Event::Heard),
        verdict().prop_map(Event::Judged),
    ];
    (any::<Option<u64>>(), event)
        .prop_map(|(micros, event)| Entry { at: micros.map(Duration::from_micros), event })
}

fn framing() -> impl Strategy<Value = Frames> {
    let parity = prop::sample::select(vec![Parity::None, Parity::Even, Parity::Odd]);
    let line = (1..=u32::MAX, parity, 7..=8_u8, 1..=2_u8);
    prop_oneof![
        line.prop_map(|(baud, parity, data_bits, stop_bits)| {
            Frames::Serial(Line { baud, parity, data_bits, stop_bits })
        }),
        Just(Frames::Tcp),
        Just(Frames::RtuOverTcp),
    ]
}

/// What an exchange makes of any bytes.
fn verdict() -> impl Strategy<Value = Verdict> {
    (conversation(), prop::sample::select(ENDS.to_vec())).prop_map(
        |((mut exchange, bytes), end)| {
            exchange.hear(&bytes);
            exchange.finish(end).into()
        },
    )
}
