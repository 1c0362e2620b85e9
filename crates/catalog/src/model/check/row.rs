//! One quantity of a model file.

use std::time::Duration;

use domain::{Conversion, Decimal, Kind, Quantity, Unit};
use toml::Spanned;
use wire::modbus::Function;

use super::super::Fact;
use super::super::error::Mistake;
use super::super::file::Row;
use super::words::{amount, data_type, exact, function, is_little, raw_values, start};
use crate::{DataType, Register};

/// What holds for every quantity that does not say otherwise.
pub(super) struct Defaults<'a> {
    /// The text of the file, for the digits of its numbers.
    pub(super) text: &'a str,
    pub(super) function: Function,
    pub(super) swap_words: bool,
    pub(super) swap_bytes: bool,
    pub(super) pause: Duration,
}

/// Where the quantity sits, and what else the file says about it.
pub(super) fn read(
    row: &Spanned<Row>,
    defaults: &Defaults<'_>,
) -> Result<(Register, Option<Fact>), Mistake> {
    let row = row.get_ref();
    let quantity = quantity(&row.name)?;
    let (data_type, size) = data_type(&row.data_type)?;
    let factor = factor(row, quantity, defaults.text)?;
    let round = digits(&row.resolution, quantity.unit())?;
    if data_type != DataType::Float && factor.shortened().scale() > round {
        let scale = usize::from(factor.shortened().scale());
        return Err(Mistake::new(row.resolution.span().start, "the register gives more digits")
            .hint(format!(
                "\"{:.scale$} {}\"",
                Decimal::new(1, factor.shortened().scale()),
                quantity.unit()
            )));
    }
    let little = is_little(row.word_order.as_ref())?.unwrap_or(defaults.swap_words);
    let register = Register {
        quantity,
        function: row.function.as_ref().map_or(Ok(defaults.function), function)?,
        start: start(&row.register, size)?,
        size,
        data_type,
        swap_words: little && size > 1,
        swap_bytes: is_little(row.byte_order.as_ref())?.unwrap_or(defaults.swap_bytes),
        factor,
        round,
        unavailable: raw_values(row.unavailable.as_deref().unwrap_or_default(), size)?,
        pause: Some(defaults.pause),
        type_assumed: false,
    };
    Ok((register, fact(row, quantity, defaults.text)?))
}

/// The rest after each question: seconds, 0 to 60, and none where the file is silent.
pub(super) fn pause(written: Option<&Spanned<f64>>) -> Result<Duration, Mistake> {
    let Some(written) = written else { return Ok(Duration::ZERO) };
    let seconds = Duration::try_from_secs_f64(*written.get_ref()).ok();
    seconds.filter(|pause| *pause <= Duration::from_secs(60)).ok_or_else(|| {
        Mistake::new(written.span().start, "it is out of range").hint("0 to 60 seconds")
    })
}

fn quantity(name: &Spanned<String>) -> Result<Quantity, Mistake> {
    Quantity::from_name(name.get_ref()).ok_or_else(|| {
        let mistake =
            Mistake::new(name.span().start, format!("`{}` is no quantity", name.get_ref()));
        match Quantity::nearest(name.get_ref()) {
            Some(near) => mistake.hint(format!("did you mean `{near}`?")),
            None => mistake,
        }
    })
}

/// The factor as written, and the way from the unit as written to the quantity's, in one number.
fn factor(row: &Row, quantity: Quantity, text: &str) -> Result<Decimal, Mistake> {
    let written = row.factor.as_ref().map_or(Ok(Decimal::ONE), |factor| exact(factor, text))?;
    let at = row.factor.as_ref().map_or(0, |factor| factor.span().start);
    if written.mantissa() == 0 {
        return Err(Mistake::new(at, "a factor of 0 makes every value 0"));
    }
    if written.is_negative() && quantity.is_counter() {
        return Err(Mistake::new(at, "an index has no negative factor"));
    }
    let conversion = conversion(row, quantity)?;
    times_exactly(written, conversion).ok_or_else(|| {
        let at = row.unit.as_ref().map_or(at, |unit| unit.span().start);
        let why = format!("the way to {} is no decimal number of 30 digits", quantity.unit());
        Mistake::new(at, why).hint("read the meter in a unit that converts exactly")
    })
}

fn conversion(row: &Row, quantity: Quantity) -> Result<Conversion, Mistake> {
    let wanted = quantity.unit();
    let Some(symbol) = &row.unit else {
        if wanted == Unit::One {
            return Ok(Conversion { times: 1, by: 1 });
        }
        return Err(Mistake::new(row.name.span().start, format!("`{quantity}` needs its `unit`"))
            .hint(format!("unit = \"{wanted}\", if that is what the register gives")));
    };
    let unit = Unit::from_symbol(symbol.get_ref());
    unit.and_then(|unit| unit.into(wanted)).ok_or_else(|| {
        let why = format!("`{}` is no unit of `{quantity}`", symbol.get_ref());
        Mistake::new(symbol.span().start, why).hint(format!("{wanted}, or one that converts to it"))
    })
}

/// `factor` x times / by, where that has an end.
fn times_exactly(factor: Decimal, conversion: Conversion) -> Option<Decimal> {
    let above = factor.times(Decimal::from(conversion.times))?;
    (0..=Decimal::LARGEST_SCALE.checked_sub(above.scale())?).find_map(|digits| {
        let widened = above.mantissa().checked_mul(10_i128.checked_pow(digits.into())?)?;
        let by = i128::from(conversion.by);
        (widened % by == 0).then(|| Decimal::new(widened / by, above.scale() + digits).shortened())
    })
}

/// The digits behind the point of a resolution: a power of ten from 1 down.
fn digits(written: &Spanned<String>, unit: Unit) -> Result<u8, Mistake> {
    let resolution = amount(written, unit)?.shortened();
    if resolution.mantissa() == 1 && resolution.scale() <= 9 {
        return Ok(resolution.scale());
    }
    Err(Mistake::new(written.span().start, "this is no resolution")
        .hint(format!("1, 0.1, 0.01 and so on to nine digits, in {unit}")))
}

fn fact(row: &Row, quantity: Quantity, text: &str) -> Result<Option<Fact>, Mistake> {
    let expect = match &row.expect {
        None => None,
        Some(written) => match written.get_ref().as_slice() {
            [least, most] if least.get_ref() < most.get_ref() => {
                Some((exact(least, text)?, exact(most, text)?))
            }
            _ => {
                return Err(Mistake::new(written.span().start, "this is no range")
                    .hint("the least and the most, such as [207, 253]"));
            }
        },
    };
    let wraps_at = row.wraps_at.as_ref().map(|written| exact(written, text)).transpose()?;
    if let (Some(written), Some(wraps)) = (&row.wraps_at, wraps_at)
        && (quantity.kind() != Kind::Counter || wraps.mantissa() <= 0)
    {
        return Err(Mistake::new(written.span().start, "only an index begins again, above zero"));
    }
    let obis = row.obis.as_ref().map(|written| written.get_ref().clone());
    if expect.is_none() && wraps_at.is_none() && obis.is_none() {
        return Ok(None);
    }
    Ok(Some(Fact { quantity, expect, wraps_at, obis }))
}
