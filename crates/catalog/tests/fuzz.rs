//! Targets that take any bytes at all: whatever registers and texts hold, they are judged without
//! panic, and what is accepted is meant the same when it is written and read again.
//!
//! Each is tried on as many inputs as its call says; `BOLERO_RANDOM_ITERATIONS` sets another number
//! for all, `BOLERO_RANDOM_SEED` repeats the input of a failure, and `docs/fuzzing.md` says how to
//! let a fuzzer drive them for hours.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use bolero::{TypeGenerator, check};
use catalog::document::parse_json;
use catalog::{
    BagKind, Catalog, DataType, Model, Port, Problems, Register, check_bag, check_entry,
    check_site, check_site_bytes, decode, interpretations, write_site,
};
use domain::{Decimal, Quantity, Reason};
use vectors::{Examples, cases};
use wire::modbus::Function;

/// Longer examples are left to the tests that judge each of them once.
const LONGEST: usize = 4_000;

/// Pieces that files are made of, and pieces that break them.
const PIECES: [&str; 48] = [
    "\"",
    "'",
    "\"\"\"",
    "\\",
    "\\u0000",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ":",
    ".",
    ",",
    "\n",
    "\r",
    "#",
    "-",
    "0",
    "1e400",
    "1e-30",
    "0.0005",
    "0x",
    "65535",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "nan",
    "true",
    "null",
    "2026-11-14",
    "reg",
    "registers",
    "\"unavailable\": [1]",
    "\"swap_words\": 1,",
    "unavailable = [1]\n",
    "swap_words = 1\n",
    "[[meter]]\n",
    "[meter]\n",
    "[[bus]]\n",
    "[[quantity]]\n",
    "[[proof]]\n",
    "rule = \"a + b\"\n",
    "factor = 1e-9\n",
    "round = 9\n",
    "\u{e9}",
    "\u{feff}",
    "\u{0}",
];

#[test]
fn registers_are_decoded_within_the_limits_of_a_reading() {
    check!().with_iterations(100_000).with_type().for_each(|answer: &Answer| {
        let (register, words) = (answer.register(), answer.words());
        let turned: Vec<u16> = words.iter().rev().copied().collect();
        let other = Register { swap_words: !register.swap_words, ..register.clone() };
        let value = decode(&register, words);
        assert_eq!(value, decode(&other, &turned), "the order of registers is nothing else");
        assert_eq!(decode(&register, &words[1..]), Err(Reason::Frame));
        if let Ok(value) = value {
            let limit = Decimal::new(10_i128.pow(19), 0);
            let size = Decimal::new(value.mantissa().abs(), value.scale());
            assert!(size.cmp_value(limit).is_lt(), "{value}");
            assert!(value.scale() <= register.round, "{value}");
            let text = value.to_string();
            assert!(value.mantissa() != 0 || !text.starts_with('-'), "{text}");
            assert_eq!(text.parse(), Ok(value));
        }
        assert!(!interpretations(words).is_empty());
    });
}

#[test]
fn parameters_are_judged_and_written_the_same() {
    let given = cases("generic-modbus-params.json").into_iter().filter_map(|case| {
        let written = case.get("input").map(ToString::to_string);
        written.or_else(|| case["input_text"].as_str().map(str::to_owned))
    });
    let examples = Examples::of(given.filter(|text| text.len() < LONGEST), &PIECES);
    check!().with_iterations(20_000).for_each(|data: &[u8]| {
        let text = examples.changed(data);
        let text = String::from_utf8_lossy(&text);
        let node = match parse_json(&text) {
            Ok(node) => node,
            Err(problem) => return reported(false, &problem.into(), &text),
        };
        let (entry, problems) = check_entry(&node);
        reported(entry.is_some(), &problems, &text);
        for kind in [BagKind::Generic, BagKind::Known] {
            let (bag, problems) = check_bag(&node, kind, None);
            reported(bag.is_some(), &problems, &text);
            if let Some(bag) = bag {
                let written = parse_json(&bag.settings()).unwrap();
                let again = check_bag(&written, kind, None).0.unwrap();
                assert_eq!(again.settings(), bag.settings());
                assert_eq!(registers(&again), registers(&bag));
            }
        }
    });
}

#[test]
fn a_site_file_is_judged_and_written_the_same() {
    let catalog = Catalog::shipped();
    let sites = cases("config-abuse.json").into_iter().filter(|case| case["kind"] == "site");
    let texts = sites.filter_map(|case| Some(case["text"].as_str()?.to_owned()));
    let examples = Examples::of(texts.filter(|text| text.len() < LONGEST), &PIECES);
    check!().with_iterations(15_000).for_each(|data: &[u8]| {
        let bytes = examples.changed(data);
        let (site, problems) = check_site_bytes(&bytes, &catalog);
        reported(site.is_some(), &problems, &String::from_utf8_lossy(&bytes));
        if let Some(site) = site {
            let again = check_site(&write_site(&site.record), &catalog).0;
            assert_eq!(again, Some(site));
        }
    });
}

#[test]
fn a_model_file_is_judged_and_proven_or_not() {
    let shipped = Catalog::shipped_files().map(|(_, text)| text);
    let examples = Examples::of(shipped, &PIECES);
    check!().with_iterations(4_000).for_each(|data: &[u8]| {
        let text = examples.changed(data);
        match Model::parse("maker/model", &String::from_utf8_lossy(&text)) {
            Ok(model) => {
                if let Ok(readings) = model.prove() {
                    let proofs = model.proofs.iter().map(|proof| proof.read.len());
                    assert_eq!(readings, proofs.sum::<usize>(), "nothing is proven by less");
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}

#[test]
fn a_port_is_written_as_it_is_read() {
    let urls = [
        "/dev/ttyUSB0",
        "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0",
        "tcp://192.168.50.21:502",
        "tcp://[fd00:50::1]:502",
        "rtu+tcp://Converter.example:4001",
    ];
    let examples =
        Examples::of(urls, &["/", ":", "//", "://", "[", "]", "..", "::", "@", "\u{e9}"]);
    check!().with_iterations(30_000).for_each(|data: &[u8]| {
        let text = examples.changed(data);
        if let Ok(port) = String::from_utf8_lossy(&text).parse::<Port>() {
            let shown = port.to_string();
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
            assert!(port.host().is_none_or(|host| host.tcp_port > 0 && !host.name.is_empty()));
            assert_eq!(shown.parse(), Ok(port), "{shown}");
        }
    });
}

/// Something is meant exactly where there is no error, and the report can be shown.
fn reported(accepted: bool, problems: &Problems, text: &str) {
    assert_eq!(accepted, problems.is_ok());
    assert_eq!(problems.render("file", text).is_empty(), problems.is_empty());
    for placed in problems.placed(text) {
        let lines = text.split('\n').count();
        assert!(placed.place.is_none_or(|place| (1..=lines).contains(&place.line)));
    }
}

fn registers(bag: &catalog::Bag) -> Vec<Register> {
    bag.registers.iter().map(catalog::Entry::register).collect()
}

/// A register in any description that a check lets pass, and what a meter answers.
#[derive(Debug, TypeGenerator)]
struct Answer {
    words: [u16; 8],
    size: u8,
    data_type: u8,
    order: u8,
    factor: i128,
    /// How much of the factor's digits is left, so that there are small ones.
    shorter: u8,
    scale: u8,
    round: u8,
    unavailable: u16,
}

impl Answer {
    fn words(&self) -> &[u16] {
        &self.words[..usize::from(self.register().size)]
    }

    fn register(&self) -> Register {
        let data_type = DataType::ALL[usize::from(self.data_type % 4)];
        let sizes = [1, 2, 4, 8].into_iter().filter(|size| data_type.fits(*size));
        let sizes: Vec<u8> = sizes.collect();
        Register {
            quantity: Quantity::from_name("en_im").unwrap(),
            function: Function::Holding,
            start: 0,
            size: sizes[usize::from(self.size) % sizes.len()],
            data_type,
            swap_words: self.order & 1 == 1,
            swap_bytes: self.order & 2 == 2,
            factor: Decimal::new(
                self.factor >> (self.shorter & 127),
                self.scale % (Decimal::LARGEST_SCALE + 1),
            ),
            round: self.round % 10,
            unavailable: vec![self.unavailable.into()],
            pause: None,
            type_assumed: false,
        }
    }
}
