//! Recorded traffic of real meters and converters: each exchange ends as its record says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a record that cannot be read must fail loudly, a missing folder must be seen"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use vectors::Tally;
use wire::hex;
use wire::modbus::{Answer, End, Exchange, Fault, Heard};

#[test]
fn every_recorded_exchange_ends_as_its_record_says() {
    let Some(folder) = vectors::captures() else {
        println!("captures: NOT RUN, no recordings here (set SUBMETER_CAPTURES to their folder)");
        return;
    };
    let mut tally = Tally::of("captures/modbus");
    for path in files(&folder.join("modbus")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let head = lines.next().unwrap();
        for (n, record) in lines.enumerate() {
            let id = format!("{}[{n}]", head["id"].as_str().unwrap());
            match question(head["protocol"].as_str().unwrap(), &bytes(&record["send"])) {
                Ok(exchange) => tally.count(&id, replay(&record, &exchange)),
                Err(why) => tally.skip(&id, why),
            }
        }
    }
    tally.finish();
}

/// The exchange that would have sent these bytes.
fn question(protocol: &str, sent: &[u8]) -> Result<Exchange, &'static str> {
    let heard = if protocol == "tcp" { Heard::tcp(sent) } else { Heard::rtu(sent) };
    let heard = heard.ok_or("no question of one read")?;
    if !matches!(heard.function, 3 | 4) {
        return Err("another function than 3 and 4");
    }
    let read = heard.read().ok_or("registers outside the limits of one question")?;
    Ok(match protocol {
        "rtu" => Exchange::rtu(read),
        "rtu_over_tcp" => Exchange::rtu_over_tcp(read),
        "tcp" => Exchange::tcp(read, heard.transaction),
        other => panic!("protocol {other}"),
    })
}

/// Hands over the answer whole, in its recorded pieces, and byte by byte.
fn replay(record: &Value, exchange: &Exchange) -> Result<(), String> {
    if exchange.request() != bytes(&record["send"]) {
        return Err(format!("asks {}", hex::write(exchange.request())));
    }
    let whole = bytes(&record["recv"]);
    let recorded: Vec<Vec<u8>> = match record["segments"].as_array() {
        Some(segments) => segments.iter().map(|segment| bytes(&segment["hex"])).collect(),
        None => Vec::new(),
    };
    let single = whole.chunks(1).map(<[u8]>::to_vec).collect();
    for pieces in [vec![whole.clone()], recorded, single] {
        if pieces.concat() == whole {
            judge(record, exchange.clone(), &pieces)?;
        }
    }
    Ok(())
}

fn judge(record: &Value, mut exchange: Exchange, pieces: &[Vec<u8>]) -> Result<(), String> {
    for piece in pieces {
        exchange.hear(piece);
    }
    let end = if pieces.concat().is_empty() { End::Timeout } else { End::Silence };
    let verdict = exchange.finish(end);
    let outcome = record["outcome"].as_str().unwrap();
    let may_fail = !matches!(outcome, "value" | "exception");
    let right = match verdict {
        Ok(Answer::Words(words)) => {
            let heard: Vec<u8> = words.iter().flat_map(u16::to_be_bytes).collect();
            matches!(outcome, "value" | "value_or_failure") && heard == bytes(&record["data"])
        }
        Ok(Answer::Refused(refusal)) => {
            matches!(outcome, "exception" | "exception_or_failure") && said(record, refusal.0)
        }
        Err(Fault::Silent) => may_fail && record["recv"].is_null(),
        Err(_) => may_fail && !record["recv"].is_null(),
    };
    if right { Ok(()) } else { Err(format!("{verdict:?}, recorded is {outcome}")) }
}

/// Whether the code stands behind the refusing function in the answer.
fn said(record: &Value, code: u8) -> bool {
    bytes(&record["recv"]).windows(2).any(|pair| pair[0] & 0x80 != 0 && pair[1] == code)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    files
}

fn bytes(text: &Value) -> Vec<u8> {
    hex::parse(text.as_str().unwrap_or_default()).unwrap()
}
