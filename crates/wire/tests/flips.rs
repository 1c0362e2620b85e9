//! Every answer that differs from a sound one in one, two or three bits, none left out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use wire::hex;
use wire::modbus::{End, Exchange, Function, Read};

/// 308.55 kWh of a meter at address 1: nine bytes.
const SOUND: &str = "01 04 04 43 9A 46 66 7C 65";
/// One, two or three of 72 bits.
const ALL: usize = 72 + 72 * 71 / 2 + 72 * 71 * 70 / 6;

fn exchange() -> Exchange {
    Exchange::rtu(Read { address: 1, function: Function::Input, start: 0x48, count: 2 })
}

/// Whether anything is read out of these bytes, however the listening ends.
fn passes(bytes: &[u8]) -> bool {
    let mut exchange = exchange();
    exchange.hear(bytes);
    [End::Silence, End::Timeout].into_iter().any(|end| exchange.finish(end).is_ok())
}

#[test]
fn none_of_the_answers_with_one_to_three_flipped_bits_passes() {
    let sound = hex::parse(SOUND).unwrap();
    assert!(passes(&sound));
    let flipped = |bits: &[usize]| {
        let mut bytes = sound.clone();
        bits.iter().for_each(|bit| bytes[bit / 8] ^= 1 << (bit % 8));
        bytes
    };
    let (mut tried, mut passed) = (0, Vec::new());
    let mut hear = |bits: &[usize]| {
        tried += 1;
        if passes(&flipped(bits)) {
            passed.push(bits.to_vec());
        }
    };
    for first in 0..sound.len() * 8 {
        hear(&[first]);
        for second in 0..first {
            hear(&[first, second]);
            (0..second).for_each(|third| hear(&[first, second, third]));
        }
    }
    assert_eq!((tried, ALL), (62_268, 62_268));
    assert!(passed.is_empty(), "{passed:?}");
}
