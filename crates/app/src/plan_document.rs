//! The resolved plan as text: what was asked of each meter, and how its answer becomes a value.
//! Kept with its number, so that every value can be computed again from its raw words.

use catalog::{CheckedMeter, CheckedSite, Register};
use serde_json::{Value, json};

use crate::answer::number;

/// The plan of a site as one JSON document. The same site gives the same text.
#[must_use]
pub fn write(site: &CheckedSite) -> String {
    let buses = site
        .buses
        .iter()
        .map(|bus| json!({ "key": bus.key.as_str(), "port": bus.port.to_string() }));
    let document = json!({
        "site": site.record.site.key.as_str(),
        "buses": buses.collect::<Vec<_>>(),
        "meters": site.meters.iter().map(meter).collect::<Vec<_>>(),
    });
    document.to_string()
}

fn meter(meter: &CheckedMeter) -> Value {
    json!({
        "key": meter.key.as_str(),
        "bus": meter.bus.as_str(),
        "address": meter.address,
        "model": meter.model,
        "line": meter.line.to_string(),
        "interval_s": meter.interval.as_secs(),
        "registers": meter.registers.iter().map(register).collect::<Vec<_>>(),
    })
}

/// One register entry in the words of the parameter bag.
#[must_use]
pub fn register(register: &Register) -> Value {
    json!({
        "reg": register.start,
        "unit": register.quantity.name(),
        "size": register.size,
        "data_type": register.data_type.name(),
        "function_code": register.function.code(),
        "factor": number(register.factor),
        "round": register.round,
        "swap_words": register.swap_words,
        "swap_bytes": register.swap_bytes,
        "unavailable": register.unavailable.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
