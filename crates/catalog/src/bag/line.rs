use domain::Decimal;
use wire::{Line, Parity};

use crate::document::Field;
use crate::problem::{Code, shortened};
use crate::reader::{Bounds, Reader};

/// The keys of a line.
pub(crate) const KEYS: [&str; 5] = ["baudrate", "parity", "data_bits", "stop_bits", "timeout"];

const RATES: [u32; 10] = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];

/// Line keys as written, of a bus or of a meter: what was not said is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineKeys {
    /// Bits a second.
    pub baudrate: Option<u32>,
    /// The parity bit.
    pub parity: Option<Parity>,
    /// 7 or 8.
    pub data_bits: Option<u8>,
    /// 1 or 2.
    pub stop_bits: Option<u8>,
    /// Patience for an answer, in seconds, 0.05 to 30.
    pub timeout: Option<Decimal>,
}

impl LineKeys {
    /// The line, where `otherwise` says what these keys do not.
    #[must_use]
    pub fn or(self, otherwise: Line) -> Line {
        Line {
            baud: self.baudrate.unwrap_or(otherwise.baud),
            parity: self.parity.unwrap_or(otherwise.parity),
            data_bits: self.data_bits.unwrap_or(otherwise.data_bits),
            stop_bits: self.stop_bits.unwrap_or(otherwise.stop_bits),
        }
    }
}

/// Checks the line keys of a table.
pub(crate) fn check(reader: &mut Reader<'_, '_>) -> LineKeys {
    let bits = Bounds { low: 7, high: 8, rule: "data_bits is 8 for Modbus RTU; 7 is possible" };
    let stops = Bounds { low: 1, high: 2, rule: "stop_bits is 1 or 2" };
    let patience = (Decimal::new(5, 2), Decimal::from(30));
    let keys = LineKeys {
        baudrate: reader.get("baudrate").and_then(|field| baudrate(reader, field)),
        parity: reader.get("parity").and_then(|field| parity(reader, field)),
        data_bits: reader.get("data_bits").and_then(|field| reader.whole(field, bits)),
        stop_bits: reader.get("stop_bits").and_then(|field| reader.whole(field, stops)),
        timeout: reader.get("timeout").and_then(|field| reader.seconds(field, patience)),
    };
    if let Some(field) = reader.get("data_bits").filter(|_| keys.data_bits == Some(7)) {
        let rule = "Modbus RTU needs 8 data bits; few devices are read with 7";
        reader.warn(Code::SevenDataBits, field, rule);
    }
    keys
}

fn baudrate(reader: &mut Reader<'_, '_>, field: &Field) -> Option<u32> {
    let rule = "baudrate is 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200";
    let rate: u32 = reader.whole(field, Bounds { low: 0, high: u32::MAX, rule })?;
    if !RATES.contains(&rate) {
        let problem = reader.about(Code::OutOfRange, field, rule);
        let near = RATES.into_iter().min_by_key(|known| known.abs_diff(rate)).unwrap_or(9600);
        reader.problems.push(problem.hint(format!("the nearest is {near}")));
        return None;
    }
    Some(rate)
}

fn parity(reader: &mut Reader<'_, '_>, field: &Field) -> Option<Parity> {
    let crate::document::Value::Text(text) = &field.node.value else {
        reader.wrong_type(field, "\"N\", \"E\" or \"O\"");
        return None;
    };
    let known = match text.to_ascii_lowercase().as_str() {
        "n" | "none" => Some(Parity::None),
        "e" | "even" => Some(Parity::Even),
        "o" | "odd" => Some(Parity::Odd),
        _ => None,
    };
    if known.is_none() {
        let said = shortened(text);
        let rule = format!("\"{said}\" is no parity: N for none, E for even, O for odd");
        reader.wrong(Code::UnknownValue, field, rule);
    }
    known
}
