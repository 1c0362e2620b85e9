//! The shared cases of decoding: registers as received, and the exact value or the reason.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use catalog::{DataType, Register, decode};
use domain::Quantity;
use serde_json::Value;
use vectors::{Tally, cases};
use wire::modbus::Function;

#[test]
fn every_shared_case_decodes_as_required() {
    let mut tally = Tally::of("value-decode-vectors.json");
    for case in cases("value-decode-vectors.json") {
        let id = case["id"].as_str().unwrap();
        if case["type"].as_str().unwrap().starts_with("mod10k") {
            tally.skip(id, "base 10000 is no data type of ours");
            continue;
        }
        let words: Vec<u16> = texts(&case["words"], |text| u16::from_str_radix(text, 16).unwrap());
        let expect = &case["expect"];
        let required = expect["value"].as_str().or(expect["reason"].as_str()).unwrap();
        let got = match decode(&register(&case, words.len()), &words) {
            Ok(value) => value.to_string(),
            Err(reason) => reason.name().to_owned(),
        };
        let outcome =
            if got == required { Ok(()) } else { Err(format!("{got}, must be {required}")) };
        tally.count(id, outcome);
    }
    tally.finish();
}

#[test]
fn words_of_another_length_are_no_answer() {
    let case = serde_json::json!({ "type": "u32", "factor": "1", "round": 0 });
    let register = register(&case, 2);
    assert_eq!(decode(&register, &[1]), Err(domain::Reason::Frame));
    assert_eq!(decode(&register, &[0, 1, 2]), Err(domain::Reason::Frame));
}

fn register(case: &Value, size: usize) -> Register {
    let data_type = match case["type"].as_str().unwrap().chars().next() {
        Some('i') => DataType::Int,
        Some('u') => DataType::Uint,
        Some('f') => DataType::Float,
        _ => DataType::Bcd,
    };
    let mut unavailable = texts(&case["sentinels"], |text| u128::from_str_radix(text, 16).unwrap());
    let numbers = case["unavailable"].as_array().into_iter().flatten();
    unavailable.extend(numbers.map(|number| number.to_string().parse::<u128>().unwrap()));
    Register {
        quantity: Quantity::from_name("en_im").unwrap(),
        function: Function::Holding,
        start: 0,
        size: u8::try_from(size).unwrap(),
        data_type,
        swap_words: case["swap_words"] == true,
        swap_bytes: case["swap_bytes"] == true,
        factor: case["factor"].as_str().unwrap().parse().unwrap(),
        round: u8::try_from(case["round"].as_u64().unwrap()).unwrap(),
        unavailable,
        pause: None,
        type_assumed: false,
    }
}

fn texts<T>(list: &Value, read: impl Fn(&str) -> T) -> Vec<T> {
    list.as_array().into_iter().flatten().map(|text| read(text.as_str().unwrap())).collect()
}
