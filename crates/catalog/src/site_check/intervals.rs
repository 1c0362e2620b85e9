use std::time::Duration;

use domain::Quantity;

use super::fields;
use crate::Register;
use crate::document::{Field, Value};
use crate::nearest::nearest;
use crate::problem::{Code, Problem, shortened};
use crate::reader::Reader;

/// `intervals`: quantities of a meter that are read at an interval of their own, in the order of
/// the quantities. Without `reads`, what the meter reads, it is not known whether it reads them.
pub(super) fn check(
    reader: &mut Reader<'_, '_>,
    reads: Option<&[Register]>,
) -> Vec<(Quantity, Duration)> {
    let Some(field) = reader.get("intervals") else { return Vec::new() };
    let Value::Table(table) = &field.node.value else {
        reader.wrong_type(
            field,
            "a table of quantities with their intervals, as { en_im = \"15m\" },",
        );
        return Vec::new();
    };
    if table.is_empty() {
        let rule = "it names quantities with their intervals, as { en_im = \"15m\" }";
        reader.wrong(Code::Missing, field, rule);
    }
    let (place, prefix) = (field.node.span.clone(), reader.path("intervals."));
    let mut inner = Reader { table, place, prefix, problems: reader.problems };
    let mut intervals: Vec<(Quantity, Duration)> =
        table.fields().iter().filter_map(|field| one(&mut inner, field, reads)).collect();
    intervals.sort_unstable();
    intervals
}

fn one(
    reader: &mut Reader<'_, '_>,
    field: &Field,
    reads: Option<&[Register]>,
) -> Option<(Quantity, Duration)> {
    let interval = fields::interval(reader, field);
    let quantity = Quantity::from_name(&field.key);
    let (code, rule) = match (quantity, reads) {
        (None, _) => {
            let said = shortened(&field.key);
            (Code::UnknownUnit, format!("\"{said}\" is no quantity we know"))
        }
        (Some(quantity), Some(reads)) if reads.iter().all(|known| known.quantity != quantity) => {
            (Code::UnknownReference, format!("this meter reads no {quantity}"))
        }
        (Some(quantity), _) => return Some((quantity, interval?)),
    };
    let path = reader.path(&shortened(&field.key));
    let problem = Problem::error(code, path, rule).at(field.key_span.clone());
    let hint = advice(&field.key, reads.unwrap_or_default()).filter(|_| !reader.problems.is_full());
    reader.problems.push(match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    });
    None
}

/// The nearest quantity that the meter reads; else what it reads, or the beginning of it.
fn advice(word: &str, reads: &[Register]) -> Option<String> {
    const SHOWN: usize = 5;
    let names: Vec<&str> = reads.iter().map(|register| register.quantity.name()).collect();
    if let Some(near) = nearest(word, names.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let more = if names.len() > SHOWN { " …" } else { "" };
    let some: Vec<&str> = names.into_iter().take(SHOWN).collect();
    (!some.is_empty()).then(|| format!("it reads {}{more}", some.join(", ")))
}
