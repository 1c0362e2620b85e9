use std::time::Duration;

use domain::{Decimal, Kind, Quantity};
use wire::modbus::Function;

use super::words;
use crate::document::{Field, Node, Value};
use crate::problem::{Code, Problem, Problems, shortened};
use crate::reader::{Bounds, Reader, Whole, whole};
use crate::{DataType, Register};

/// The keys of a register entry: the reference page's, then ours.
pub(super) const KEYS: [&str; 11] = [
    "reg",
    "unit",
    "size",
    "factor",
    "pause",
    "function_code",
    "round",
    "swap_words",
    "data_type",
    "swap_bytes",
    "unavailable",
];

/// The most values of `unavailable`.
const MOST_UNAVAILABLE: usize = 8;

/// A register entry as written, checked: what was not said is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// First register, from 0.
    pub reg: u16,
    /// The quantity; the page calls it `unit`.
    pub unit: Quantity,
    /// Registers of the value; 1 if not said.
    pub size: Option<u8>,
    /// Exact multiplier; 1 if not said.
    pub factor: Option<Decimal>,
    /// Rest after the question, in seconds; the port's own if not said.
    pub pause: Option<Decimal>,
    /// Holding registers if not said.
    pub function: Option<Function>,
    /// Digits behind the point; 2 if not said.
    pub round: Option<u8>,
    /// No if not said.
    pub swap_words: Option<bool>,
    /// `int` if not said.
    pub data_type: Option<DataType>,
    /// No if not said.
    pub swap_bytes: Option<bool>,
    /// Raw values without reading; none if not said.
    pub unavailable: Option<Vec<u128>>,
}

impl Entry {
    /// Digits behind the point where an entry says nothing.
    pub const ROUND: u8 = 2;

    /// The entry as meant, every default filled in. The pause stays open where it is not said.
    #[must_use]
    pub fn register(&self) -> Register {
        Register {
            quantity: self.unit,
            function: self.function.unwrap_or(Function::Holding),
            start: self.reg,
            size: self.size.unwrap_or(1),
            data_type: self.data_type.unwrap_or(DataType::Int),
            swap_words: self.swap_words.unwrap_or(false),
            swap_bytes: self.swap_bytes.unwrap_or(false),
            factor: self.factor.unwrap_or(Decimal::ONE),
            round: self.round.unwrap_or(Self::ROUND),
            unavailable: self.unavailable.clone().unwrap_or_default(),
            pause: self.pause.map(duration),
            type_assumed: self.data_type.is_none(),
        }
    }
}

/// A number of seconds as a time. Parts below a nanosecond are cut.
pub(crate) fn duration(seconds: Decimal) -> Duration {
    let nanos = seconds.rounded(9).map_or(0, Decimal::mantissa);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// Checks the fields of one entry. `None` where something is wrong.
pub(super) fn check(reader: &mut Reader<'_, '_>, note_at: &Node) -> Option<Entry> {
    let errors = reader.problems.count(crate::problem::Severity::Error);
    let reg = reader.required("reg", "an entry needs `reg`, the first register of its value");
    let reg = reg.and_then(|field| register_number(reader, field));
    let unit = reader.required("unit", "an entry needs `unit`, the quantity it reads");
    let unit = unit.and_then(|field| quantity(reader, field));
    let size = reader.get("size").map(|field| size(reader, field));
    let factor = reader.get("factor").and_then(|field| factor(reader, field, unit));
    let pause = reader.get("pause");
    let pause = pause.and_then(|f| reader.seconds(f, (Decimal::ZERO, Decimal::from(60))));
    let function = reader.get("function_code").and_then(|field| function(reader, field));
    let limits = Bounds { low: 0, high: 9, rule: "round counts digits behind the point: 0 to 9" };
    let round = reader.get("round").and_then(|field| reader.whole(field, limits));
    let swap_words = reader.get("swap_words").and_then(|field| reader.flag(field));
    let swap_bytes = reader.get("swap_bytes").and_then(|field| reader.flag(field));
    let data_type = reader.get("data_type").and_then(|field| data_type(reader, field));
    // A size that is wrong says nothing about what would fit.
    let known_size = size.unwrap_or(Some(1));
    if let (Some(data_type), Some(size)) = (data_type, known_size) {
        judge_fit(reader, data_type, size);
    }
    let unavailable = reader.get("unavailable").and_then(|f| unavailable(reader, f, known_size));
    if reader.get("data_type").is_none() {
        let path = reader.prefix.trim_end_matches('.');
        let rule = "no data_type: int is used; the test read shows every interpretation";
        let note = Problem::note(Code::DataTypeAssumed, path, rule);
        reader.problems.push(note.at(note_at.span.clone()));
    }
    if reader.problems.count(crate::problem::Severity::Error) > errors {
        return None;
    }
    let entry = Entry {
        reg: reg?,
        unit: unit?,
        size: size.flatten(),
        factor,
        pause,
        function,
        round,
        swap_words,
        data_type,
        swap_bytes,
        unavailable,
    };
    judge_whole(reader, &entry).then_some(entry)
}

/// The remedies for keys that stand in an entry by mistake.
pub(super) fn remedy(field: &Field) -> Option<String> {
    if matches!(field.key.as_str(), "interval" | "intervals") {
        let rule = "the meter says how often a quantity is read: intervals = { en_im = \"15m\" }";
        return Some(format!("{rule} beside `registers`"));
    }
    let line = super::line::KEYS.contains(&field.key.as_str());
    line.then(|| format!("`{}` belongs to the line: write it beside `registers`", field.key))
}

fn register_number(reader: &mut Reader<'_, '_>, field: &Field) -> Option<u16> {
    if let Value::Number(amount) = field.node.value
        && let Some(number) = amount.unsigned().filter(|&number| number > 65_535)
    {
        let rule = "reg is the address sent on the wire: 0 to 65535";
        let problem = reader.about(Code::OutOfRange, field, rule);
        let names = [(300_001..=365_536, 300_001, 4), (400_001..=465_536, 400_001, 3)];
        let name = names.into_iter().find(|(range, ..)| range.contains(&number));
        reader.problems.push(match name {
            Some((_, first, code)) => problem.hint(format!(
                "{number} looks like a documentation number: did you mean {} with function_code \
                 {code}?",
                number - first
            )),
            None => problem,
        });
        return None;
    }
    let rule = "reg is the address sent on the wire: 0 to 65535";
    reader.whole(field, Bounds { low: 0, high: 65_535, rule })
}

fn quantity(reader: &mut Reader<'_, '_>, field: &Field) -> Option<Quantity> {
    let Value::Text(name) = &field.node.value else {
        reader.wrong_type(field, "the name of a quantity, as \"en_im\",");
        return None;
    };
    let known = Quantity::from_name(name).filter(|quantity| quantity.kind() != Kind::State);
    if known.is_none() {
        let problem = no_quantity(name);
        reader.wrong(Code::UnknownUnit, field, problem);
    }
    known
}

/// What to say of a name that is no quantity.
fn no_quantity(name: &str) -> String {
    let said = shortened(name);
    let readable = |quantity: &Quantity| quantity.kind() != Kind::State;
    let measured = |quantity: &Quantity| quantity.unit().symbol().eq_ignore_ascii_case(name);
    if let Some(example) = Quantity::all().filter(readable).find(measured) {
        return format!(
            "\"{said}\" is a unit of measure; `unit` names the quantity, as `{example}` ({})",
            words::plain(example)
        );
    }
    let near = (name.len() <= 40).then(|| Quantity::nearest(name)).flatten();
    match near.filter(readable) {
        Some(near) => format!("\"{said}\": did you mean `{near}` ({})?", words::plain(near)),
        None => format!(
            "\"{said}\" is no quantity we know: en_im, en_ex, heat_energy_kwh, vol_m3, L1_v …"
        ),
    }
}

fn size(reader: &mut Reader<'_, '_>, field: &Field) -> Option<u8> {
    let rule = "size counts registers: 1, 2, 4 or 8";
    let size = reader.whole(field, Bounds { low: 1, high: 8, rule })?;
    if !matches!(size, 1 | 2 | 4 | 8) {
        reader.wrong(Code::OutOfRange, field, rule);
        return None;
    }
    Some(size)
}

fn factor(reader: &mut Reader<'_, '_>, field: &Field, unit: Option<Quantity>) -> Option<Decimal> {
    let Value::Number(amount) = field.node.value else {
        reader.wrong_type(field, "a number");
        return None;
    };
    let within = |factor: &Decimal| {
        let size = Decimal::new(factor.mantissa().abs(), factor.scale());
        size.cmp_value(Decimal::new(1, 9)).is_ge()
            && size.cmp_value(Decimal::new(BILLION, 0)).is_le()
    };
    let Some(factor) = amount.to_decimal().filter(within) else {
        reader.wrong(Code::OutOfRange, field, "factor is between 0.000000001 and 1000000000");
        return None;
    };
    if factor.is_negative() {
        if let Some(index) = unit.filter(|unit| unit.is_counter()) {
            let rule = format!("an index only grows: {index} has a positive factor");
            let problem = reader.about(Code::NegativeOnIndex, field, rule);
            let hint = "a meter wired backwards is corrected by en_im = \"en_ex\"";
            reader.problems.push(problem.hint(hint));
            return None;
        }
        let rule = "a negative factor turns the sign: power drawn is positive";
        reader.warn(Code::NegativeFactor, field, rule);
    }
    Some(factor)
}

const BILLION: i128 = 1_000_000_000;

fn function(reader: &mut Reader<'_, '_>, field: &Field) -> Option<Function> {
    let rule = "3 reads holding registers, 4 input registers; others are never sent";
    let code: u8 = reader.whole(field, Bounds { low: 3, high: 4, rule })?;
    Function::from_code(code)
}

fn data_type(reader: &mut Reader<'_, '_>, field: &Field) -> Option<DataType> {
    let Value::Text(name) = &field.node.value else {
        reader.wrong_type(field, "int, uint, float or bcd, in quotes,");
        return None;
    };
    let known = DataType::ALL.into_iter().find(|data_type| data_type.name() == name);
    if known.is_none() {
        let problem = reader.about(
            Code::UnknownValue,
            field,
            format!("\"{}\" is none of int, uint, float, bcd", shortened(name)),
        );
        reader.problems.push(match elsewhere(name) {
            Some(meant) => problem.hint(format!("did you mean {meant}? The width is in `size`")),
            None => problem,
        });
    }
    known
}

/// What other programs call the pairs of data type and size.
fn elsewhere(name: &str) -> Option<String> {
    let lower = name.trim().to_ascii_lowercase();
    if lower.len() > 16 {
        return None;
    }
    let letters = lower.trim_end_matches(|c: char| c.is_ascii_digit());
    let bits: Option<u32> = lower.get(letters.len()..).and_then(|digits| digits.parse().ok());
    let (data_type, usual) = match letters {
        "double" => ("float", Some(64)),
        "f" | "float" | "real" => ("float", None),
        "u" | "uint" | "unsigned" | "word" => ("uint", None),
        "i" | "s" | "int" | "sint" | "integer" | "signed" => ("int", None),
        "bcd" => ("bcd", None),
        _ => return None,
    };
    match bits.or(usual) {
        Some(bits @ (16 | 32 | 64 | 128)) => {
            Some(format!("data_type = \"{data_type}\" with size = {}", bits / 16))
        }
        Some(_) => None,
        None => Some(format!("data_type = \"{data_type}\"")),
    }
}

fn judge_fit(reader: &mut Reader<'_, '_>, data_type: DataType, size: u8) {
    if let Some(field) = reader.get("size").filter(|_| !data_type.fits(size)) {
        let name = data_type.name();
        let rule = format!("{name} has 1, 2 or 4 registers; 8 are a 128-bit int or uint only");
        reader.wrong(Code::SizeNotForDataType, field, rule);
    }
}

fn unavailable(reader: &mut Reader<'_, '_>, field: &Field, size: Option<u8>) -> Option<Vec<u128>> {
    let Value::List(items) = &field.node.value else {
        reader.wrong_type(field, "a list of raw values, as [65535],");
        return None;
    };
    if items.len() > MOST_UNAVAILABLE {
        let rule = format!("at most {MOST_UNAVAILABLE} values; {} are given", items.len());
        reader.wrong(Code::TooMany, field, rule);
        return None;
    }
    let bits = 16 * u32::from(size.unwrap_or(8));
    let high = u128::MAX >> (128 - bits);
    let rule = format!("a raw value of {} registers is 0 to {high}", bits / 16);
    let limits = Whole { low: 0, high, rule: &rule };
    let mut values = Vec::new();
    for (k, item) in items.iter().enumerate() {
        let path = reader.path(&format!("unavailable[{k}]"));
        match large(item)
            .filter(|number| *number <= high)
            .map_or_else(|| whole(item, &path, limits), Ok)
        {
            Ok(number) => values.push(number),
            Err(problem) => reader.problems.push(problem),
        }
    }
    Some(values)
}

/// A number from 2^63 up written as text, because TOML has no such numbers.
fn large(item: &Node) -> Option<u128> {
    let Value::Text(text) = &item.value else { return None };
    let number = match text.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.ok().filter(|number| *number >= 1 << 63 && !text.contains('+'))
}

/// What can only be judged when every field is good.
fn judge_whole(reader: &mut Reader<'_, '_>, entry: &Entry) -> bool {
    let register = entry.register();
    let (start, size) = (entry.reg, register.size);
    let Some(field) = reader.get("reg") else { return false };
    if start.checked_add(u16::from(size) - 1).is_none() {
        let rule = format!("the {size} registers from {start} end behind the last one, 65535");
        reader.wrong(Code::RangeOverflow, field, rule);
        return false;
    }
    if let Some(field) = reader.get("swap_words").filter(|_| register.swap_words && size == 1) {
        let rule = "one register has no order of words: swap_words has no effect";
        reader.warn(Code::NoEffect, field, rule);
    }
    let (name, number) = (Code::LooksLike3xxxxName, Code::LooksLike4xxxxName);
    for (range, code, function) in [(30_001..=39_999, name, 4), (40_001..=49_999, number, 3)] {
        if range.contains(&start) {
            let meant = start - range.start();
            let rule = format!(
                "{start} looks like a documentation number: did you mean {meant}? (function_code \
                 {function})"
            );
            reader.warn(code, field, rule);
        }
    }
    if let Some(field) = reader.get("data_type")
        && register.data_type == DataType::Float
        && size == 1
        && entry.unit.is_counter()
    {
        let rule = "a float of one register is exact only up to 2048: poor for an index";
        reader.warn(Code::Float16OnIndex, field, rule);
    }
    judge_resolution(reader, &register);
    true
}

fn judge_resolution(reader: &mut Reader<'_, '_>, register: &Register) {
    let step = Decimal::new(1, register.round);
    let size = Decimal::new(register.factor.mantissa().abs(), register.factor.scale());
    let place = reader.get("round").or_else(|| reader.get("factor"));
    if let Some(field) = place.filter(|_| size.cmp_value(step).is_lt()) {
        let rule = format!(
            "factor {} gives more digits than round {} keeps",
            register.factor, register.round
        );
        reader.warn(Code::LosesResolution, field, rule);
    }
}

/// Checks one entry that stands alone.
#[must_use]
pub fn check_entry(node: &Node) -> (Option<Entry>, Problems) {
    let mut problems = Problems::default();
    let Some(mut reader) = Reader::alone(node, &mut problems) else { return (None, problems) };
    reader.only(&KEYS, remedy);
    let entry = check(&mut reader, node);
    let good = problems.is_ok();
    (entry.filter(|_| good), problems)
}
