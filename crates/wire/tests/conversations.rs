//! What an exchange makes of a line that others use too, as texts: what is heard after the
//! question `01 03 00 00 00 02`, and what is said of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case that cannot be read must fail loudly"
)]

use wire::hex;
use wire::modbus::{Answer, Consequence, End, Exchange, Function, Progress, Read, Traffic};

const READ: Read = Read { address: 1, function: Function::Holding, start: 0, count: 2 };

/// Name | bytes heard, checksums right unless told | verdict, bytes, junk, echoes, foreign, stray.
const ON_A_LINE: &str = "
the answer alone              | 010304436633341A8F                     | 4366 3334         9 0 0 0 0
a refusal                     | 018302C0F1                             | exception 2       5 0 0 0 0
echo and answer               | 010300000002C40B 010304436633341A8F    | 4366 3334        17 0 1 0 0
echo only                     | 010300000002C40B                       | echo_only         8 0 1 0 0
junk on both sides            | 00FF 010304436633341A8F 00             | 4366 3334        12 3 0 0 0
answer of meter 3 before      | 0303040001000209F2 010304436633341A8F  | 4366 3334        18 0 0 1 0
answer of meter 3 only        | 0303040001000209F2                     | wrong_unit        9 0 0 1 0
master asks meter 2           | 020300000002C438                       | wrong_unit        8 0 0 1 0
and meter 2 answers           | 020300000002C438 02030443663334298F    | wrong_unit       17 0 0 2 0
master asks, ours answers     | 020300000002C438 010304436633341A8F    | 4366 3334        17 0 0 1 0
master asks our meter         | 010300100002C5CE                       | no_response       8 0 0 1 0
our meter answers whom?       | 010300100002C5CE 010304436633341A8F    | ambiguous        17 0 0 1 0
asked for one register        | 01030010000185CF 010304436633341A8F    | 4366 3334        17 0 0 1 0
late answer of one register   | 0103020BAD7EC9 010304436633341A8F      | 4366 3334        16 0 0 0 1
late answer only              | 0103020BAD7EC9                         | wrong_byte_count  7 0 0 0 1
same answer twice             | 010304436633341A8F 010304436633341A8F  | 4366 3334        18 0 0 0 0
two meters, one address       | 010304436633341A8F 01030443663C3B5F7B  | ambiguous        18 0 0 0 0
refusal and answer            | 018302C0F1 010304436633341A8F          | ambiguous        14 0 0 0 0
damaged                       | 010304436633341A8E                     | bad_crc           9 9 0 0 0
cut short                     | 010304436633341A                       | truncated         8 8 0 0 0
first byte lost               | 0304436633341A8F                       | noise             8 8 0 0 0
a last byte of zero lost      | 010304010000153A                       | truncated         8 0 0 1 0
noise                         | A5A5A5A5                               | noise             4 4 0 0 0
nothing                       |                                        | no_response       0 0 0 0 0
";

/// The same after `00 07 00 00 00 06 01 03 00 00 00 02`.
const ON_A_SOCKET: &str = "
the answer alone    | 000700000007 01030443663334       | 4366 3334         13 0 0 0 0
a refusal           | 000700000003 018302               | exception 2        9 0 0 0 0
late answer before  | 000600000007 01030411112222 000700000007 01030443663334 | 4366 3334 26 0 0 1 0
late answer only    | 000600000007 01030411112222       | wrong_transaction 13 0 0 1 0
another meter       | 000700000007 02030443663334       | wrong_unit        13 0 0 0 1
wrong, then right | 000700000007 02030443663334 000700000007 01030443663334 | wrong_unit 26 0 0 0 2
two answers         | 000700000007 01030443663334 000700000007 01030411112222 | 4366 3334 26 0 0 0 1
one register        | 000700000005 0103024366           | wrong_byte_count  11 0 0 0 1
length not as count | 000700000006 010304436633         | wrong_length      12 0 0 0 1
RTU on the socket   | 010304436633341A8F                | bad_protocol_id    9 0 0 0 0
impossible length   | 0007000000FF 010304               | bad_mbap_length    9 0 0 0 0
cut short           | 000700000007 010304               | truncated          9 0 0 0 0
nothing             |                                   | no_response        0 0 0 0 0
";

#[test]
fn a_line_that_others_use_too_is_understood() {
    check(ON_A_LINE, &Exchange::rtu(READ));
    check(ON_A_LINE, &Exchange::rtu_over_tcp(READ));
}

#[test]
fn a_socket_that_others_use_too_is_understood() {
    check(ON_A_SOCKET, &Exchange::tcp(READ, 7));
}

#[test]
fn an_answer_behind_junk_is_whole_before_the_junk_is_understood() {
    let mut exchange = Exchange::rtu(READ);
    // 00 00 FF may begin a frame of 260 bytes: the answer behind it need not wait for its end.
    let progress = exchange.hear(&hex::parse("0000FF 010304436633341A8F").unwrap());
    assert_eq!(progress, Progress::Whole);
    assert!(exchange.finish(End::Silence).is_ok());
}

#[test]
fn a_question_that_begins_with_a_right_checksum_is_still_an_echo() {
    // 03 04 00 83 00 adds up: five bytes that could be an answer without registers.
    let read = Read { address: 3, function: Function::Input, start: 131, count: 1 };
    let mut exchange = Exchange::rtu(read);
    assert_eq!(wire::modbus::crc(&exchange.request()[..5]), 0);
    for byte in exchange.request().to_vec() {
        exchange.hear(&[byte]);
    }
    assert_eq!(exchange.finish(End::Timeout).unwrap_err().label(), "echo_only");
}

#[test]
fn a_frame_of_another_meter_hides_what_looks_like_an_answer_inside() {
    let body = hex::parse("02030A 010304436633341A8F 00").unwrap();
    let sum = wire::modbus::crc(&body).to_le_bytes();
    let mut exchange = Exchange::rtu(READ);
    assert_eq!(exchange.hear(&body), Progress::Whole);
    assert_eq!(exchange.hear(&sum), Progress::More);
    assert_eq!(exchange.finish(End::Silence).unwrap_err().label(), "wrong_unit");
}

#[test]
fn a_connection_is_used_again_only_when_nothing_can_be_left_in_it() {
    let (answer, late) = ("000700000007 01030443663334", "000600000007 01030411112222");
    let cases = [
        (answer.to_owned(), End::Silence, true),
        (late.to_owned(), End::Timeout, true),
        (String::new(), End::Timeout, true),
        (format!("{answer} 0008"), End::Silence, false),
        ("000700000007 0103".to_owned(), End::Timeout, false),
        ("000700000006 010304436633".to_owned(), End::Silence, false),
        ("000700010007".to_owned(), End::Silence, false),
        (answer.to_owned(), End::Closed, false),
    ];
    for (heard, end, usable) in cases {
        let mut exchange = Exchange::tcp(READ, 7);
        exchange.hear(&hex::parse(&heard).unwrap());
        assert_eq!(exchange.reusable(end), usable, "{heard} {end:?}");
    }
    for (end, socket, serial) in
        [(End::Timeout, false, true), (End::Silence, true, true), (End::Reset, false, false)]
    {
        assert_eq!(Exchange::rtu_over_tcp(READ).reusable(end), socket, "{end:?}");
        assert_eq!(Exchange::rtu(READ).reusable(end), serial, "{end:?}");
    }
}

#[test]
fn a_closed_connection_says_so_unless_something_worse_was_heard() {
    let cases = [
        ("", End::Closed, "connection_closed", Consequence::Line),
        ("", End::Reset, "connection_closed", Consequence::Line),
        ("", End::Timeout, "no_response", Consequence::Silent),
        ("010304", End::Closed, "connection_closed", Consequence::Line),
        ("010304", End::Silence, "truncated", Consequence::Frame),
        ("010304436633341A8E", End::Closed, "bad_crc", Consequence::Frame),
        ("0303040001000209F2", End::Timeout, "wrong_unit", Consequence::Silent),
    ];
    for (heard, end, label, consequence) in cases {
        let mut exchange = Exchange::rtu_over_tcp(READ);
        exchange.hear(&hex::parse(heard).unwrap());
        let fault = exchange.finish(end).unwrap_err();
        assert_eq!((fault.label(), fault.consequence()), (label, consequence), "{heard} {end:?}");
        assert_eq!(fault.is_silence(), consequence == Consequence::Silent);
        assert_eq!(fault.is_damage(), consequence == Consequence::Frame);
    }
}

#[test]
fn a_question_beyond_the_limits_has_no_answer() {
    for (count, frame) in [(0, vec![1, 3, 0]), (126, [vec![1, 3, 252], vec![0; 252]].concat())] {
        let mut exchange = Exchange::rtu(Read { count, ..READ });
        exchange.hear(&frame);
        exchange.hear(&wire::modbus::crc(&frame).to_le_bytes());
        assert_eq!(exchange.finish(End::Silence).unwrap_err().label(), "wrong_byte_count");
    }
}

fn check(table: &str, exchange: &Exchange) {
    for case in table.trim().lines() {
        let [name, heard, required] = *case.split('|').map(str::trim).collect::<Vec<_>>() else {
            panic!("{case}")
        };
        let heard = hex::parse(&heard.replace(' ', "")).unwrap();
        let mut exchange = exchange.clone();
        exchange.hear(&heard);
        let verdict = match exchange.finish(End::Silence) {
            Ok(Answer::Words(words)) => {
                words.iter().map(|word| format!("{word:04X}")).collect::<Vec<_>>().join(" ")
            }
            Ok(Answer::Refused(refusal)) => format!("exception {}", refusal.0),
            Err(fault) => fault.label().to_owned(),
        };
        let Traffic { bytes, junk, echoes, foreign, stray } = exchange.traffic();
        let said = format!("{verdict} {bytes} {junk} {echoes} {foreign} {stray}");
        let required = required.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(said, required, "{name}");
    }
}
