//! The shared cases of frames: what comes after a question, and what may be made of it.
//!
//! Pauses inside a burst (`gap_ms`, `gap_before_last_ms`) are the bus task's business: in here they
//! are places where the bytes are cut, and every place is one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case that cannot be read must fail loudly"
)]

use serde_json::Value;
use vectors::{Tally, cases};
use wire::hex;
use wire::modbus::{Answer, End, Exchange, Fault, Function, Progress, Read};

/// Longer bursts are not cut at every place: the work would grow with the square.
const CUT_AT_MOST: usize = 700;

#[test]
fn every_burst_on_a_serial_line_gets_its_verdict() {
    let mut tally = Tally::of("modbus-rtu-frames.json");
    for case in cases("modbus-rtu-frames.json") {
        match unknown_feature(&case) {
            Some(feature) => tally.skip(id(&case), &feature),
            None => {
                let heard = [bytes(&case["rx_hex"])];
                tally.count(id(&case), run(&case, &Exchange::rtu(read(&case)), &heard));
            }
        }
    }
    tally.finish();
}

#[test]
fn every_burst_on_a_socket_gets_its_verdict() {
    let mut tally = Tally::of("modbus-tcp-frames.json");
    for case in cases("modbus-tcp-frames.json") {
        let transaction = case["request"]["transaction"].as_u64().unwrap_or_default();
        let exchange = match case["framing"].as_str().unwrap() {
            "tcp" => Exchange::tcp(read(&case), transaction.try_into().unwrap()),
            "rtu_over_tcp" => Exchange::rtu_over_tcp(read(&case)),
            other => panic!("{}: framing {other}", id(&case)),
        };
        match unknown_feature(&case) {
            Some(feature) => tally.skip(id(&case), &feature),
            None => tally.count(id(&case), run(&case, &exchange, &segments(&case))),
        }
    }
    tally.finish();
}

/// Hands the bytes over as given, whole, one by one and cut at every place, and wants one verdict.
fn run(case: &Value, exchange: &Exchange, segments: &[Vec<u8>]) -> Result<(), String> {
    if exchange.request() != bytes(&case["request_hex"]) {
        return Err(format!("asks {}", hex::write(exchange.request())));
    }
    let whole = segments.concat();
    let end = end(case, &whole);
    let verdict = judge(exchange, segments, end);
    allowed(case, &verdict)?;
    let mut ways = vec![vec![whole.clone()], whole.chunks(1).map(<[u8]>::to_vec).collect()];
    if whole.len() <= CUT_AT_MOST {
        ways.extend((0..=whole.len()).map(|at| vec![whole[..at].to_vec(), whole[at..].to_vec()]));
    }
    for way in ways {
        let again = judge(exchange, &way, end);
        if again != verdict {
            let first = way.first().map_or(0, Vec::len);
            return Err(format!("{verdict:?}, but {again:?} when the first piece has {first}"));
        }
    }
    Ok(())
}

/// What an exchange says, without the borrow.
#[derive(Debug, PartialEq)]
enum Verdict {
    Accept(Vec<u16>),
    Refused(u8),
    Reject(Fault),
}

/// A bus task stops at `Broken`; what it would have heard then makes no difference.
fn judge(exchange: &Exchange, pieces: &[Vec<u8>], end: End) -> Verdict {
    let mut exchange = exchange.clone();
    for piece in pieces {
        if exchange.hear(piece) == Progress::Broken {
            break;
        }
    }
    match exchange.finish(end) {
        Ok(Answer::Words(words)) => Verdict::Accept(words.iter().collect()),
        Ok(Answer::Refused(refusal)) => Verdict::Refused(refusal.0),
        Err(fault) => Verdict::Reject(fault),
    }
}

fn allowed(case: &Value, verdict: &Verdict) -> Result<(), String> {
    let more = case["also_ok"].as_array().cloned().unwrap_or_default();
    let fits = |expect: &Value| match (expect["verdict"].as_str().unwrap(), verdict) {
        ("accept", Verdict::Accept(words)) => {
            let heard: Vec<Value> = words.iter().map(|word| format!("{word:04x}").into()).collect();
            expect["words"] == Value::Array(heard)
        }
        ("exception", Verdict::Refused(code)) => expect["code"] == *code,
        ("reject", Verdict::Reject(fault)) => {
            expect["reasons"].as_array().unwrap().iter().any(|reason| reason == fault.label())
        }
        _ => false,
    };
    if std::iter::once(&case["expect"]).chain(&more).any(fits) {
        return Ok(());
    }
    Err(format!("{verdict:?}, required is {} or {more:?}", case["expect"]))
}

/// A feature that a case needs and an exchange does not have.
fn unknown_feature(case: &Value) -> Option<String> {
    let feature = case.get("requires")?.as_str().unwrap();
    (feature != "echo_tolerance").then(|| format!("needs {feature}"))
}

fn read(case: &Value) -> Read {
    let number = |name: &str| case["request"][name].as_u64().unwrap();
    Read {
        address: number("unit").try_into().unwrap(),
        function: Function::from_code(number("function").try_into().unwrap()).unwrap(),
        start: number("address").try_into().unwrap(),
        count: number("count").try_into().unwrap(),
    }
}

fn segments(case: &Value) -> Vec<Vec<u8>> {
    if let Some(repeat) = case.get("rx_repeat") {
        let prefix = repeat.get("prefix").map(bytes).unwrap_or_default();
        let times = repeat["times"].as_u64().unwrap().try_into().unwrap();
        return vec![prefix, bytes(&repeat["hex"]).repeat(times)];
    }
    case["rx"].as_array().unwrap().iter().map(bytes).collect()
}

fn end(case: &Value, heard: &[u8]) -> End {
    match case.get("then").map(|then| then.as_str().unwrap()) {
        Some("close") => End::Closed,
        Some("reset") => End::Reset,
        Some(other) => panic!("{}: then {other}", id(case)),
        None if heard.is_empty() => End::Timeout,
        None => End::Silence,
    }
}

fn bytes(text: &Value) -> Vec<u8> {
    hex::parse(text.as_str().unwrap()).unwrap()
}

fn id(case: &Value) -> &str {
    case["id"].as_str().unwrap()
}
