//! The additional parameters of a meter: line keys, register entries, corrections.

mod entry;
pub(crate) mod line;
mod rule;
mod settings;
pub(crate) mod words;

use std::collections::BTreeSet;

use domain::{Medium, Quantity};
use wire::modbus::Function;

pub(crate) use entry::duration;
pub use entry::{Entry, check_entry};
pub use line::LineKeys;
pub(crate) use rule::Known;
pub use rule::{Rule, RuleContext, Term};
pub(crate) use settings::{Settings, quoted};

use self::words::Nature;
use crate::document::{Field, Node, Value};
use crate::problem::{Code, Problem, Problems};
use crate::reader::Reader;

/// The most register entries of a meter.
pub const MOST_REGISTERS: usize = 64;

/// The keys of a bag beside line keys and register keys.
const OWN_KEYS: [&str; 5] = ["registers", "type", "en_im", "en_ex", "rule"];

/// Whether a meter needs register entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BagKind {
    /// `generic_modbus`: the bag says what is read.
    Generic,
    /// A known model, which knows its registers itself.
    Known,
}

/// The reference page's word for the kind of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the page's words, see MeterType::name")]
pub enum MeterType {
    Electricity,
    Heating,
    Cooling,
    ColdWater,
    HotWater,
    Reactive,
}

impl MeterType {
    /// Every type.
    pub const ALL: [Self; 6] = [
        Self::Electricity,
        Self::Heating,
        Self::Cooling,
        Self::ColdWater,
        Self::HotWater,
        Self::Reactive,
    ];

    /// The page's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Electricity => "electricity",
            Self::Heating => "heating",
            Self::Cooling => "cooling",
            Self::ColdWater => "cold_water",
            Self::HotWater => "hot_water",
            Self::Reactive => "reactive",
        }
    }

    /// What flows through such a meter.
    #[must_use]
    pub const fn medium(self) -> Medium {
        match self {
            Self::Electricity | Self::Reactive => Medium::Electricity,
            Self::Heating => Medium::Heat,
            Self::Cooling => Medium::Cold,
            Self::ColdWater | Self::HotWater => Medium::Water,
        }
    }

    fn allows(self, quantity: Quantity) -> bool {
        match (self.medium(), words::nature(quantity)) {
            (_, Nature::Any) => true,
            (Medium::Electricity, nature) => nature == Nature::Electric,
            (Medium::Water, nature) => nature == Nature::Fluid,
            (_, nature) => nature != Nature::Electric,
        }
    }
}

/// A bag of parameters as written, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bag {
    /// The line keys.
    pub line: LineKeys,
    /// The page's `type`.
    pub meter_type: Option<MeterType>,
    /// Whether `en_im` is taken from the register of `en_ex`.
    pub en_im_from_en_ex: bool,
    /// Whether `en_ex` is taken from the register of `en_im`.
    pub en_ex_from_en_im: bool,
    /// The correction rule.
    pub rule: Option<Rule>,
    /// The register entries, in the order written; one flat entry is a list of one.
    pub registers: Vec<Entry>,
}

/// Checks the bag of a meter. `None` where something is wrong.
///
/// Without a context the grammar of a `rule` is checked, not what it names.
#[must_use]
pub fn check_bag(
    node: &Node,
    kind: BagKind,
    context: Option<&RuleContext>,
) -> (Option<Bag>, Problems) {
    let mut problems = Problems::default();
    let Some(mut reader) = Reader::alone(node, &mut problems) else { return (None, problems) };
    reader.only(&known_keys(&[]), |_| None);
    let bag = check(&mut reader, kind, context);
    let good = problems.is_ok();
    (good.then_some(bag), problems)
}

/// The keys of a bag, behind those of the table it stands in.
pub(crate) fn known_keys(own: &[&'static str]) -> Vec<&'static str> {
    [own, &OWN_KEYS, &line::KEYS, &entry::KEYS].concat()
}

/// Checks the fields of a bag, whatever else stands in the same table.
pub(crate) fn check(
    reader: &mut Reader<'_, '_>,
    kind: BagKind,
    context: Option<&RuleContext>,
) -> Bag {
    let line = line::check(reader);
    let meter_type = reader.get("type").and_then(|field| meter_type(reader, field));
    let en_im_from_en_ex = corrected(reader, "en_im", "en_ex");
    let en_ex_from_en_im = corrected(reader, "en_ex", "en_im");
    let rule = reader.get("rule").and_then(|field| rule::check(reader, field, context));
    let registers = registers(reader, kind, meter_type);
    Bag { line, meter_type, en_im_from_en_ex, en_ex_from_en_im, rule, registers }
}

fn meter_type(reader: &mut Reader<'_, '_>, field: &Field) -> Option<MeterType> {
    let Value::Text(text) = &field.node.value else {
        reader.wrong_type(field, "the kind of meter, as \"electricity\",");
        return None;
    };
    let known = MeterType::ALL.into_iter().find(|meter_type| meter_type.name() == text);
    if known.is_none() {
        let names = MeterType::ALL.map(MeterType::name);
        let said = crate::problem::shortened(text);
        let rule = format!("\"{said}\" is none of {}", names.join(", "));
        let problem = reader.about(Code::UnknownValue, field, rule);
        let of_medium =
            MeterType::ALL.into_iter().find(|meter_type| meter_type.medium().name() == text);
        let near = of_medium.map(MeterType::name).or_else(|| crate::nearest::nearest(text, names));
        reader.problems.push(match near {
            Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
            None => problem,
        });
    }
    known
}

/// A correction that takes one register for the other.
fn corrected(reader: &mut Reader<'_, '_>, key: &str, other: &'static str) -> bool {
    let Some(field) = reader.get(key) else { return false };
    let Some(text) = reader.text(field) else { return false };
    if text != other {
        let rule = format!("`{key}` can only be taken from \"{other}\", its opposite direction");
        reader.wrong(Code::UnknownValue, field, rule);
        return false;
    }
    true
}

fn registers(
    reader: &mut Reader<'_, '_>,
    kind: BagKind,
    meter_type: Option<MeterType>,
) -> Vec<Entry> {
    let flat = entry::KEYS.iter().any(|key| reader.get(key).is_some());
    let Some(field) = reader.get("registers") else {
        if flat {
            return flat_entry(reader, meter_type);
        }
        if kind == BagKind::Generic {
            let rule = "generic_modbus needs `registers`: nobody else says what is read";
            reader.missing("registers", rule);
        }
        return Vec::new();
    };
    if flat {
        let rule = "an entry stands beside `registers`: write it into the list";
        reader.wrong(Code::Conflict, field, rule);
        return Vec::new();
    }
    let Value::List(items) = &field.node.value else {
        reader.wrong_type(field, "a list of entries in brackets");
        return Vec::new();
    };
    if items.is_empty() {
        reader.wrong(Code::Missing, field, "the list needs an entry");
    } else if items.len() > MOST_REGISTERS {
        let rule = format!("at most {MOST_REGISTERS} entries; {} are given", items.len());
        reader.wrong(Code::TooMany, field, rule);
        return Vec::new();
    }
    let mut together = Together { meter_type, units: BTreeSet::new(), spans: Vec::new() };
    let entries = items.iter().enumerate();
    entries.filter_map(|(k, item)| listed_entry(reader, (k, item), &mut together)).collect()
}

fn flat_entry(reader: &mut Reader<'_, '_>, meter_type: Option<MeterType>) -> Vec<Entry> {
    // What stands where the entry stands: at its first key.
    let first = reader.table.fields().iter().find(|f| entry::KEYS.contains(&f.key.as_str()));
    let Some(first) = first else { return Vec::new() };
    let place = Node { span: first.key_span.clone(), value: Value::Nothing };
    let entry = entry::check(reader, &place);
    let mut together = Together { meter_type, units: BTreeSet::new(), spans: Vec::new() };
    together.judge(reader, entry.as_ref());
    entry.into_iter().collect()
}

fn listed_entry(
    reader: &mut Reader<'_, '_>,
    (k, item): (usize, &Node),
    together: &mut Together,
) -> Option<Entry> {
    let path = reader.path(&format!("registers[{k}]"));
    let Value::Table(table) = &item.value else {
        let rule = format!("an entry in braces belongs here, not {}", item.value.kind());
        let problem = Problem::error(Code::WrongType, path, rule).at(item.span.clone());
        reader.problems.push(problem);
        return None;
    };
    let (place, prefix) = (item.span.clone(), format!("{path}."));
    let mut inner = Reader { table, place, prefix, problems: reader.problems };
    inner.only(&entry::KEYS, entry::remedy);
    let entry = entry::check(&mut inner, item);
    together.judge(&mut inner, entry.as_ref());
    entry
}

/// What the entries of one meter must have in common, and what they must not.
struct Together {
    meter_type: Option<MeterType>,
    units: BTreeSet<Quantity>,
    /// Function, first and last register: holding and input registers are tables of their own.
    spans: Vec<(Function, u16, u16)>,
}

impl Together {
    fn judge(&mut self, reader: &mut Reader<'_, '_>, entry: Option<&Entry>) {
        let Some(field) = reader.get("unit") else { return };
        let Value::Text(name) = &field.node.value else { return };
        let Some(unit) = Quantity::from_name(name) else { return };
        if !self.units.insert(unit) {
            let rule = format!("{unit} is read by another entry already: one source a quantity");
            reader.wrong(Code::DuplicateUnit, field, rule);
        }
        if let Some(meter_type) = self.meter_type.filter(|kind| !kind.allows(unit)) {
            let rule = format!("a meter of type {} has no {unit}", meter_type.name());
            reader.wrong(Code::UnitNotForType, field, rule);
        }
        let (Some(entry), Some(field)) = (entry, reader.get("reg")) else { return };
        let (low, size) = (entry.reg, u16::from(entry.size.unwrap_or(1)));
        let high = low.saturating_add(size - 1);
        let function = entry.function.unwrap_or(Function::Holding);
        let same = |&(other, first, last): &(Function, u16, u16)| {
            other == function && low <= last && first <= high
        };
        if self.spans.iter().any(same) {
            let rule = format!("registers {low} to {high} are read by another entry, too");
            reader.warn(Code::Overlap, field, rule);
        }
        self.spans.push((function, low, high));
    }
}
