use std::collections::BTreeMap;

use domain::{Decimal, Difference, Key, Quantity};

use crate::problem::{Code, Problem};
use crate::{CheckedMeter, CheckedSite};

/// What would happen if one checked site followed another. Nothing of it happens before a person
/// has confirmed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What is new, changed and gone.
    pub difference: Difference,
    /// Meters that are no longer named. Their readings stay.
    pub retired: Vec<Key>,
    /// Meters of the same model with another factor for a quantity they had before: their next
    /// readings would be of another size.
    pub scaled: Vec<Key>,
    /// Meters at another address or on another bus: perhaps another meter answers there.
    pub moved: Vec<Key>,
}

impl Comparison {
    /// Compares what is in force, if anything is, with what shall follow.
    #[must_use]
    pub fn between(old: Option<&CheckedSite>, new: &CheckedSite) -> Self {
        let difference = Difference::between(old.map(|site| &site.record), &new.record);
        let before: BTreeMap<&Key, &CheckedMeter> = old
            .into_iter()
            .flat_map(|site| &site.meters)
            .map(|meter| (&meter.key, meter))
            .collect();
        let chosen = |differs: fn(&CheckedMeter, &CheckedMeter) -> bool| -> Vec<Key> {
            let both =
                new.meters.iter().filter_map(|meter| Some((*before.get(&meter.key)?, meter)));
            both.filter(|(old, new)| differs(old, new)).map(|(_, new)| new.key.clone()).collect()
        };
        let (scaled, moved) = (chosen(is_scaled), chosen(is_moved));
        Self { retired: difference.meters_retired.clone(), difference, scaled, moved }
    }

    /// What a person should look at before confirming.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let sorts = [
            (&self.retired, Code::MetersRetired, "no longer named: retired, their readings stay"),
            (
                &self.scaled,
                Code::ScaleChange,
                "another factor: the next readings are held until somebody confirms them",
            ),
            (
                &self.moved,
                Code::IndexIdentityCheck,
                "another address or bus: the next index must fit the last one",
            ),
        ];
        let some = sorts.into_iter().filter(|(keys, ..)| !keys.is_empty());
        some.map(|(keys, code, rule)| {
            Problem::warning(code, "", format!("{}: {rule}", names(keys)))
        })
        .collect()
    }
}

fn names(keys: &[Key]) -> String {
    const SHOWN: usize = 5;
    let mut names: Vec<String> = keys.iter().take(SHOWN).map(|key| format!("`{key}`")).collect();
    if keys.len() > SHOWN {
        names.push(format!("{} more", keys.len() - SHOWN));
    }
    names.join(", ")
}

fn is_scaled(old: &CheckedMeter, new: &CheckedMeter) -> bool {
    let before: BTreeMap<Quantity, Decimal> =
        old.registers.iter().map(|register| (register.quantity, register.factor)).collect();
    let other = |(quantity, factor): (&Quantity, Decimal)| {
        before.get(quantity).is_some_and(|known| known.cmp_value(factor).is_ne())
    };
    let mut now = new.registers.iter().map(|register| (&register.quantity, register.factor));
    old.model == new.model && now.any(other)
}

fn is_moved(old: &CheckedMeter, new: &CheckedMeter) -> bool {
    (&old.bus, old.address) != (&new.bus, new.address)
}
