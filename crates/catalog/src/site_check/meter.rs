use std::time::Duration;

use domain::{Medium, Meter, Quantity};
use wire::Line;

use super::bus::{Buses, Known, both, warn_of_line_keys};
use super::together::{Together, Was};
use super::{GENERIC, fields, intervals};
use crate::bag::words::{Nature, nature};
use crate::bag::{self, Bag, BagKind, Settings, duration};
use crate::problem::{Code, Severity, shortened};
use crate::reader::{Bounds, Reader};
use crate::{Catalog, CheckedMeter, Identify, Identity, Model, Register, interval};

/// The keys of a meter beside those of its bag.
const KEYS: [&str; 10] = [
    "key",
    "name",
    "space",
    "medium",
    "bus",
    "address",
    "model",
    "interval",
    "intervals",
    "retries",
];

/// The most registers of one question, where no model says less.
const MOST_REGISTERS_OF_A_QUESTION: u16 = 125;

/// Checks one `[[meter]]`. `None` where something essential is wrong.
pub(super) fn check(
    reader: &mut Reader<'_, '_>,
    catalog: &Catalog,
    buses: &Buses,
    together: &mut Together,
) -> Option<(Meter, CheckedMeter)> {
    reader.only(&bag::known_keys(&KEYS), |field| {
        let of_bus = matches!(field.key.as_str(), "host" | "ip" | "port" | "tcp_port");
        of_bus.then(|| format!("`{}` belongs to the bus: its `port` says where it is", field.key))
    });
    let key = fields::key(reader);
    let name = fields::label(reader, "name");
    let space = fields::label(reader, "space");
    let medium = medium(reader);
    let model = model(reader, catalog);
    let bus = bus(reader, buses);
    let address = address(reader, bus.map(|(_, known)| known));
    let interval = reader.get("interval").and_then(|field| fields::interval(reader, field));
    let retries = fields::retries(reader);
    let kind = match model {
        Some(Kind::Generic) => BagKind::Generic,
        _ => BagKind::Known,
    };
    let mistakes = reader.problems.count(Severity::Error);
    let bag = bag::check(reader, kind, None);
    let bag_is_good = reader.problems.count(Severity::Error) == mistakes;
    judge_type(reader, medium, &bag);
    if bus.is_some_and(|(_, known)| known.port.as_ref().is_some_and(|port| !port.is_serial())) {
        warn_of_line_keys(reader);
    }
    let pause = bus.map(|(_, known)| known.default_pause()).unwrap_or_default();
    let registers = model.map(|model| registers(model, &bag, pause));
    let intervals = intervals::check(reader, registers.as_deref().filter(|_| bag_is_good));
    let flowing = medium.unwrap_or_else(|| flowing(model, &bag));
    let reads_every = interval.or_else(|| bus.and_then(|(_, known)| known.interval));
    let reads_every = reads_every.unwrap_or_else(|| default_interval(flowing));
    together.add(reader, Was { key: key.as_ref(), bus, address, medium: flowing, bag: &bag });
    let (key, model, (_, known), address) = (key?, model?, bus?, address?);
    let record = Meter {
        key: key.clone(),
        name: name.clone(),
        space,
        medium,
        bus: known.key.clone()?,
        address,
        model: model.name().to_owned(),
        settings: settings((interval, &intervals), retries, &bag),
    };
    let line = bag.line.or(known.line.or(Line::default()));
    let timeout = bag.line.timeout.or(known.line.timeout);
    let checked = CheckedMeter {
        key,
        name,
        bus: record.bus.clone(),
        address,
        model: record.model.clone(),
        medium: flowing,
        line,
        timeout_is_chosen: timeout.is_some(),
        timeout: duration(timeout.unwrap_or_else(|| known.default_timeout())),
        interval: reads_every,
        intervals,
        max_registers: model.max_registers(),
        retries: both(retries.or(known.retries)),
        align_even: model.align_even(),
        serial: model.serial(),
        registers: registers?,
        en_im_from_en_ex: bag.en_im_from_en_ex,
        en_ex_from_en_im: bag.en_ex_from_en_im,
        rule: bag.rule,
    };
    Some((record, checked))
}

/// What a record keeps beside its own fields.
fn settings(
    (interval, intervals): (Option<Duration>, &[(Quantity, Duration)]),
    retries: Option<u8>,
    bag: &Bag,
) -> String {
    let mut settings = Settings::default();
    settings.text("interval", interval.map(interval::spelling));
    settings.intervals(intervals);
    settings.number("retries", retries);
    settings.bag(bag);
    settings.finish()
}

/// `type` and `medium` say the same in two words.
fn judge_type(reader: &mut Reader<'_, '_>, medium: Option<Medium>, bag: &Bag) {
    if let (Some(medium), Some(meter_type)) = (medium, bag.meter_type)
        && medium != meter_type.medium()
        && let Some(field) = reader.get("type")
    {
        let (name, other) = (meter_type.name(), meter_type.medium());
        let rule = format!("type {name} means {other}, but medium says {medium}");
        reader.wrong(Code::Conflict, field, rule);
    }
}

/// What says which registers a meter has.
#[derive(Debug, Clone, Copy)]
enum Kind<'c> {
    Generic,
    Known(&'c Model),
}

impl Kind<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Generic => GENERIC,
            Self::Known(model) => &model.name,
        }
    }

    fn serial(&self) -> Option<Identify> {
        let Self::Known(model) = self else { return None };
        model.identify.iter().find(|mark| mark.meaning == Identity::Serial).cloned()
    }

    fn align_even(&self) -> bool {
        matches!(self, Self::Known(model) if model.align_even)
    }

    fn max_registers(&self) -> u16 {
        match self {
            Self::Generic => MOST_REGISTERS_OF_A_QUESTION,
            Self::Known(model) => model.max_registers,
        }
    }
}

fn medium(reader: &mut Reader<'_, '_>) -> Option<Medium> {
    let field = reader.get("medium")?;
    let name = reader.one_of(field, &Medium::ALL.map(Medium::name))?;
    Medium::from_name(name)
}

fn model<'c>(reader: &mut Reader<'_, '_>, catalog: &'c Catalog) -> Option<Kind<'c>> {
    let rule = "a meter needs a `model`, as \"eastron/sdm630\", or \"generic_modbus\"";
    let field = reader.required("model", rule)?;
    let name = reader.text(field)?;
    if name == GENERIC {
        return Some(Kind::Generic);
    }
    let model = catalog.model(name);
    if model.is_none() {
        let rule = format!("\"{}\" is no model we know", shortened(name));
        let problem = reader.about(Code::UnknownModel, field, rule);
        let names = || catalog.models().map(|model| model.name.as_str());
        let without_maker = names().find(|known| known.rsplit('/').next() == Some(name));
        let near = without_maker.or_else(|| reader.nearest(name, names().chain([GENERIC])));
        reader.problems.push(match near {
            Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
            None => problem.hint("\"generic_modbus\" reads any meter whose registers you give"),
        });
    }
    model.map(Kind::Known)
}

fn bus<'b>(reader: &mut Reader<'_, '_>, buses: &'b Buses) -> Option<(usize, &'b Known)> {
    let field = reader.required("bus", "a meter needs a `bus`, the key of the bus it hangs on")?;
    let key = reader.text(field)?;
    let found = buses.get(key);
    if found.is_none() {
        let rule = format!("there is no bus \"{}\"", shortened(key));
        let problem = reader.about(Code::UnknownReference, field, rule);
        let keys: Vec<String> = buses.keys().take(5).map(|key| shortened(key).into()).collect();
        reader.problems.push(match reader.nearest(key, buses.keys()) {
            Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
            None if keys.is_empty() => problem.hint("write a [[bus]] with this key"),
            None => problem.hint(format!("buses of this file: {}", keys.join(", "))),
        });
    }
    found
}

fn address(reader: &mut Reader<'_, '_>, bus: Option<&Known>) -> Option<u8> {
    let rule = "a meter needs an `address`, its number on the bus";
    let field = reader.required("address", rule)?;
    let port = bus.and_then(|known| known.port.as_ref());
    let range = port.map_or(0..=255, crate::Port::addresses);
    let rule = if *range.start() == 0 {
        "a meter on Modbus TCP has an address from 0 to 255"
    } else {
        "a meter on a serial line has an address from 1 to 247"
    };
    let (low, high) = (u32::from(*range.start()), u32::from(*range.end()));
    reader.whole(field, Bounds { low, high, rule })
}

/// What flows through a meter that does not say it.
fn flowing(model: Option<Kind<'_>>, bag: &Bag) -> Medium {
    if let Some(meter_type) = bag.meter_type {
        return meter_type.medium();
    }
    if let Some(Kind::Known(model)) = model {
        return model.medium;
    }
    let reads =
        |wanted: &dyn Fn(Quantity) -> bool| bag.registers.iter().any(|entry| wanted(entry.unit));
    if reads(&|unit| nature(unit) == Nature::Electric) {
        return Medium::Electricity;
    }
    if reads(&|unit| nature(unit) == Nature::Thermal) {
        let heat = reads(&|unit| unit.name().starts_with("heat_"));
        return if heat { Medium::Heat } else { Medium::Cold };
    }
    let temperature = |unit: Quantity| unit.name().ends_with("_temp");
    match (reads(&temperature), reads(&|unit| nature(unit) == Nature::Fluid)) {
        (true, _) => Medium::Heat,
        (false, true) => Medium::Water,
        (false, false) => Medium::Electricity,
    }
}

fn default_interval(medium: Medium) -> Duration {
    let minutes = if medium == Medium::Electricity { 1 } else { 15 };
    Duration::from_secs(minutes * 60)
}

/// The registers of the model, those of the bag in place of or behind them, every pause filled in.
fn registers(model: Kind<'_>, bag: &Bag, default_pause: Duration) -> Vec<Register> {
    let mut registers = match model {
        Kind::Generic => Vec::new(),
        Kind::Known(model) => model.registers.clone(),
    };
    for register in &mut registers {
        register.pause.get_or_insert(Duration::ZERO);
    }
    for entry in &bag.registers {
        let mut register = entry.register();
        register.pause.get_or_insert(default_pause);
        match registers.iter_mut().find(|known| known.quantity == register.quantity) {
            Some(known) => *known = register,
            None => registers.push(register),
        }
    }
    corrected(registers, bag)
}

/// A meter that is wired backwards: imported energy is read where the model has the exported one,
/// and the other way round, each where the bag says so.
fn corrected(mut registers: Vec<Register>, bag: &Bag) -> Vec<Register> {
    let as_written = registers.clone();
    for register in &mut registers {
        let other = match register.quantity.name() {
            "en_im" if bag.en_im_from_en_ex => "en_ex",
            "en_ex" if bag.en_ex_from_en_im => "en_im",
            _ => continue,
        };
        if let Some(source) = as_written.iter().find(|source| source.quantity.name() == other) {
            *register = Register { quantity: register.quantity, ..source.clone() };
        }
    }
    registers
}
