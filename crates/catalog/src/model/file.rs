//! A model file as written. Keys that are not named here are mistakes.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) maker: Spanned<String>,
    pub(super) name: Spanned<String>,
    pub(super) medium: Spanned<String>,
    pub(super) modbus: Modbus,
    pub(super) quantity: Spanned<Vec<Spanned<Row>>>,
    #[serde(default)]
    pub(super) identify: Vec<Spanned<Mark>>,
    #[serde(default)]
    pub(super) proof: Vec<Spanned<Frames>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Modbus {
    pub(super) function: Spanned<String>,
    pub(super) line: FactoryLine,
    pub(super) max_registers: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) align_even: bool,
    pub(super) pause: Option<Spanned<f64>>,
    pub(super) word_order: Option<Spanned<String>>,
    pub(super) byte_order: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactoryLine {
    pub(super) baud: Spanned<i64>,
    pub(super) parity: Spanned<String>,
    pub(super) stop_bits: Spanned<i64>,
}

/// Where a quantity sits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: Spanned<String>,
    pub(super) register: Spanned<i64>,
    #[serde(rename = "type")]
    pub(super) data_type: Spanned<String>,
    pub(super) function: Option<Spanned<String>>,
    pub(super) word_order: Option<Spanned<String>>,
    pub(super) byte_order: Option<Spanned<String>>,
    /// Only its place is used: the digits are taken from the text, not from the binary float.
    pub(super) factor: Option<Spanned<f64>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) resolution: Spanned<String>,
    pub(super) unavailable: Option<Vec<Spanned<Raw>>>,
    pub(super) expect: Option<Spanned<Vec<Spanned<f64>>>>,
    pub(super) wraps_at: Option<Spanned<f64>>,
    pub(super) obis: Option<Spanned<String>>,
}

/// A register that tells model or serial number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    pub(super) register: Spanned<i64>,
    #[serde(rename = "type")]
    pub(super) data_type: Spanned<String>,
    pub(super) function: Option<Spanned<String>>,
    pub(super) word_order: Option<Spanned<String>>,
    pub(super) equals: Option<Vec<Spanned<Raw>>>,
    #[serde(rename = "as")]
    pub(super) meaning: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Frames {
    pub(super) source: Spanned<String>,
    pub(super) send: Spanned<String>,
    pub(super) hear: Spanned<String>,
    pub(super) read: Spanned<BTreeMap<Spanned<String>, Spanned<String>>>,
}

/// A raw value: a number, or text for what a TOML number cannot hold.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Raw {
    Number(i64),
    Text(String),
}
