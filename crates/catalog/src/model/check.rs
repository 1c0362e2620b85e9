//! From a model file as written to a model as meant.

mod row;
mod words;

use domain::{Decimal, Medium, Quantity, Reason, Unit};
use toml::Spanned;
use wire::{Line, Parity};

use super::error::{Mistake, ModelError};
use super::file::{FactoryLine, File, Frames, Mark};
use super::{Identify, Identity, Model, Proof};
use crate::Register;
use row::Defaults;
use words::{data_type, function, is_little, number, one_of, raw_values, start};

pub(super) fn model(name: &str, text: &str) -> Result<Model, ModelError> {
    read(name, text).map_err(|mistake| mistake.in_text(name, text))
}

fn read(name: &str, text: &str) -> Result<Model, Mistake> {
    if !is_model_name(name) {
        return Err(Mistake::new(0, format!("`{name}` is no name of a model"))
            .hint("maker/model in lower-case letters, digits and hyphens"));
    }
    let file: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Mistake::new(at, error.message().trim())
    })?;
    let modbus = &file.modbus;
    let defaults = Defaults {
        text,
        function: function(&modbus.function)?,
        swap_words: is_little(modbus.word_order.as_ref())?.unwrap_or(false),
        swap_bytes: is_little(modbus.byte_order.as_ref())?.unwrap_or(false),
        pause: row::pause(modbus.pause.as_ref())?,
    };
    let rows = file.quantity.get_ref().iter().map(|row| row::read(row, &defaults));
    let (registers, facts): (Vec<_>, Vec<_>) =
        rows.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    if registers.is_empty() {
        return Err(Mistake::new(
            file.quantity.span().start,
            "a model reads at least one quantity",
        ));
    }
    for (n, register) in registers.iter().enumerate() {
        let at = || file.quantity.get_ref().get(n).map_or(0, |row| row.span().start);
        alone(register, registers.get(..n).unwrap_or_default())
            .map_err(|why| Mistake::new(at(), why))?;
    }
    let marks = file.identify.iter().map(|mark| identify(mark.get_ref(), &defaults));
    let proofs = file.proof.iter().map(|frames| proof(frames.get_ref(), &registers));
    Ok(Model {
        name: name.to_owned(),
        maker: filled(&file.maker)?,
        title: filled(&file.name)?,
        medium: one_of(&file.medium, Medium::ALL.map(|medium| (medium.name(), medium)))?,
        line: line(&modbus.line)?,
        max_registers: match &modbus.max_registers {
            Some(count) => number(count, 1..=125)?,
            None => 125,
        },
        align_even: modbus.align_even,
        identify: marks.collect::<Result<_, _>>()?,
        proofs: proofs.collect::<Result<_, _>>()?,
        registers,
        facts: facts.into_iter().flatten().collect(),
    })
}

/// Two entries of one model name different quantities and share no register.
fn alone(register: &Register, others: &[Register]) -> Result<(), String> {
    let end = |one: &Register| u32::from(one.start) + u32::from(one.size);
    for other in others {
        if other.quantity == register.quantity {
            return Err(format!("`{}` is read twice", register.quantity));
        }
        let apart = end(other) <= register.start.into() || end(register) <= other.start.into();
        if other.function == register.function && !apart {
            return Err(format!(
                "`{}` and `{}` share a register",
                other.quantity, register.quantity
            ));
        }
    }
    Ok(())
}

fn line(written: &FactoryLine) -> Result<Line, Mistake> {
    const RATES: [u32; 10] = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];
    let baud = number(&written.baud, 300..=115_200)?;
    if !RATES.contains(&baud) {
        return Err(Mistake::new(written.baud.span().start, format!("no line has {baud} baud"))
            .hint("300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200"));
    }
    let parities = [("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)];
    Ok(Line {
        baud,
        parity: one_of(&written.parity, parities)?,
        data_bits: 8,
        stop_bits: number(&written.stop_bits, 1..=2)?,
    })
}

fn identify(mark: &Mark, defaults: &Defaults<'_>) -> Result<Identify, Mistake> {
    let (kind, size) = data_type(&mark.data_type)?;
    let at = mark.register.span().start;
    let meaning = match (&mark.equals, &mark.meaning) {
        (Some(values), None) => Identity::Equals(raw_values(values, size)?),
        (None, Some(word)) => one_of(word, [("serial", Identity::Serial)])?,
        _ => {
            return Err(
                Mistake::new(at, "it needs either `equals` or `as`").hint("as = \"serial\"")
            );
        }
    };
    let little = is_little(mark.word_order.as_ref())?.unwrap_or(defaults.swap_words);
    Ok(Identify {
        function: mark.function.as_ref().map_or(Ok(defaults.function), function)?,
        start: start(&mark.register, size)?,
        size,
        data_type: kind,
        swap_words: little && size > 1,
        meaning,
    })
}

fn proof(frames: &Frames, registers: &[Register]) -> Result<Proof, Mistake> {
    let mut read = Vec::new();
    for (name, said) in frames.read.get_ref() {
        let quantity = Quantity::from_name(name.get_ref())
            .filter(|quantity| registers.iter().any(|one| one.quantity == *quantity))
            .ok_or_else(|| {
                let why = format!("the model has no quantity `{}`", name.get_ref());
                Mistake::new(name.span().start, why)
            })?;
        read.push((quantity, outcome(said, quantity.unit())?));
    }
    if read.is_empty() {
        return Err(Mistake::new(frames.read.span().start, "a proof reads at least one quantity"));
    }
    Ok(Proof {
        source: filled(&frames.source)?,
        send: bytes(&frames.send)?,
        hear: bytes(&frames.hear)?,
        read,
    })
}

/// `308.55 kWh`, or the name of the reason why there is no reading.
fn outcome(said: &Spanned<String>, unit: Unit) -> Result<Result<Decimal, Reason>, Mistake> {
    if let Some(reason) = Reason::from_name(said.get_ref()) {
        return Ok(Err(reason));
    }
    words::amount(said, unit).map(Ok)
}

fn bytes(written: &Spanned<String>) -> Result<Vec<u8>, Mistake> {
    let pairs = written.get_ref().split_ascii_whitespace();
    let read = |pair: &str| {
        let byte = u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2);
        byte.ok_or_else(|| {
            Mistake::new(written.span().start, format!("`{pair}` is no byte"))
                .hint("two hexadecimal digits a byte, a blank between: 01 04 00 48")
        })
    };
    pairs.map(read).collect()
}

fn filled(written: &Spanned<String>) -> Result<String, Mistake> {
    if written.get_ref().trim().is_empty() {
        return Err(Mistake::new(written.span().start, "it must not be empty"));
    }
    Ok(written.get_ref().clone())
}

fn is_model_name(name: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.split_once('/').is_some_and(|(maker, model)| word(maker) && word(model))
}
