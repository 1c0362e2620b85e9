//! Every case of `wire-sequences.json`: timed exchanges over several questions, on virtual time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catalog::Retries;
use domain::{PlanNumber, Reason};
use serde_json::Value;
use vectors::Tally;
use wire::hex;
use wire::modbus::{Function, Heard, Refusal, Reply};

use super::{Deed, Event, Scripted, entry, meter, walking_clock};
use crate::conversation::Conversation;
use crate::framing::Framing;
use crate::visit::{ALL_PACES, Visited};

#[tokio::test(start_paused = true)]
async fn every_timed_sequence_ends_as_required() {
    let mut tally = Tally::of("wire-sequences.json");
    for case in vectors::cases("wire-sequences.json") {
        let id = case["id"].as_str().unwrap().to_owned();
        tally.count(&id, run(&case).await);
    }
    tally.finish();
}

/// The script: which exchange is under way, and what is still owed to it.
struct Current {
    exchange: Value,
    /// Answers of a converter that come during a later exchange.
    tcp_script: Vec<Value>,
    transactions: Vec<(String, u16)>,
}

async fn run(case: &Value) -> Result<(), String> {
    let settings = &case["settings"];
    let framing: fn(wire::Line) -> Framing = match settings["transport"].as_str() {
        Some("tcp") => |_| Framing::Tcp,
        Some("rtu_over_tcp") => |_| Framing::RtuOverTcp,
        _ => Framing::Serial,
    };
    let current = Arc::new(Mutex::new(Current {
        exchange: Value::Null,
        tcp_script: case["tcp_script"].as_array().cloned().unwrap_or_default(),
        transactions: Vec::new(),
    }));
    let script = Arc::clone(&current);
    let answer = move |question: &[u8]| deed(&mut script.lock().unwrap(), question);
    let mut conversation = Conversation::new(Scripted::new(framing, answer));
    let clock = walking_clock("2026-11-14T14:05:00Z");
    let mut meters: HashMap<u8, Visited> = HashMap::new();
    for exchange in case["exchanges"].as_array().unwrap() {
        current.lock().unwrap().exchange = exchange.clone();
        let request = &exchange["request"];
        let address = small(&request["unit"]);
        let function = Function::from_code(small(&request["function"])).unwrap();
        let size = small(&request["count"]);
        let register = entry("L1_v", function, number(&request["address"]), size);
        let visited = meters.entry(address).or_insert_with(|| {
            let mut plan = meter("meter", address, Vec::new());
            plan.timeout = Duration::from_millis(settings["timeout_ms"].as_u64().unwrap());
            let retries = small(&settings["retries"]);
            plan.retries = Retries { damaged: retries, silent: retries };
            Visited::new(plan)
        });
        visited.replan(vec![register]);
        let (batch, _) = visited.visit(&mut conversation, ALL_PACES, PlanNumber(1), &clock).await;
        let came = Came::of(&batch);
        let empty = Vec::new();
        let also = exchange["also_ok"].as_array().unwrap_or(&empty);
        if !std::iter::once(&exchange["expect"]).chain(also).any(|wanted| came.is(wanted)) {
            return Err(format!("{}: {came:?}, not {}", exchange["name"], exchange["expect"]));
        }
    }
    Ok(())
}

/// What the far end does when it hears a question.
fn deed(current: &mut Current, question: &[u8]) -> Deed {
    let exchange = &current.exchange;
    if exchange["port"] == "close_other_end" {
        return Deed::Close;
    }
    let heard = Heard::rtu(question).or_else(|| Heard::tcp(question)).unwrap();
    let request = &exchange["request"];
    let asked =
        heard.start == number(&request["address"]) && heard.count == number(&request["count"]);
    if !asked {
        // A question that the script does not know: a living meter refuses it.
        return super::say(heard.answer_rtu(&Reply::Refused(Refusal(2))));
    }
    if heard.transaction != 0 {
        return tcp_deed(current, heard);
    }
    let events = exchange["events"].as_array().unwrap().iter().map(|event| Event {
        after: Duration::from_millis(event["at_ms"].as_u64().unwrap_or_default()),
        bytes: hex::parse(event["hex"].as_str().unwrap()).unwrap(),
    });
    Deed::Say(events.collect())
}

fn tcp_deed(current: &mut Current, heard: Heard) -> Deed {
    let name = current.exchange["name"].as_str().unwrap().to_owned();
    current.transactions.push((name.clone(), heard.transaction));
    let due = format!("at_ms_of_{name}");
    let events = current.tcp_script.iter().filter(|step| step.get(&due).is_some()).map(|step| {
        let of = step["answer"].as_str().unwrap();
        let transaction = current.transactions.iter().find(|(name, _)| name == of).unwrap().1;
        let words = step["words"].as_array().unwrap().iter();
        let words = words.map(|w| u16::from_str_radix(w.as_str().unwrap(), 16).unwrap()).collect();
        let answering = Heard { transaction, ..heard };
        Event {
            after: Duration::from_millis(step[&due].as_u64().unwrap()),
            bytes: answering.answer_tcp(&Reply::Words(words)),
        }
    });
    Deed::Say(events.collect())
}

fn small(value: &Value) -> u8 {
    u8::try_from(number(value)).unwrap()
}

fn number(value: &Value) -> u16 {
    u16::try_from(value.as_u64().unwrap()).unwrap()
}

/// What came of one exchange.
#[derive(Debug)]
enum Came {
    Words(String),
    Refused(String),
    Nothing(Reason),
}

impl Came {
    fn of(batch: &domain::Batch) -> Self {
        match (batch.readings.first(), batch.gaps.first()) {
            (Some(reading), _) => Self::Words(reading.raw.unwrap().to_string()),
            (None, Some(gap)) if gap.reason == Reason::Refused => Self::Refused(gap.detail.clone()),
            (None, gap) => Self::Nothing(gap.unwrap().reason),
        }
    }

    fn is(&self, wanted: &Value) -> bool {
        match (self, wanted["verdict"].as_str()) {
            (Self::Words(raw), Some("accept")) => {
                let words: Vec<&str> =
                    wanted["words"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                *raw == words.join(" ")
            }
            (Self::Refused(detail), Some("exception")) => {
                detail.contains(&format!("exception {} ", wanted["code"]))
            }
            (Self::Nothing(reason), Some("reject")) => {
                let label = |label: &Value| match label.as_str() {
                    Some("no_response") => *reason == Reason::Silent,
                    Some("port_lost") => *reason == Reason::Line,
                    _ => *reason == Reason::Frame,
                };
                wanted["reasons"].as_array().unwrap().iter().any(label)
            }
            _ => false,
        }
    }
}
