use std::fmt;

use crate::{Key, Medium};

/// The number of a plan: what a gateway has to read. A newer plan has a larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanNumber(pub u64);

impl fmt::Display for PlanNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address with one operator and one time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name in files, topics and tables.
    pub key: Key,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// Whether its meters are simulated. Simulated readings never mix with real ones.
    pub simulated: bool,
}

/// A line with its meters and one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bus {
    /// Its name in the site.
    pub key: Key,
    /// Port URL: a device path, `tcp://host:502` or `rtu+tcp://host:4001`.
    pub port: String,
    /// Line keys and interval as written, one JSON object in normal form.
    pub settings: String,
}

/// A device that measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Its name in the site.
    pub key: Key,
    /// Its name for people.
    pub name: Option<String>,
    /// The let or common part it belongs to.
    pub space: Option<String>,
    /// What flows through it, where the file says so.
    pub medium: Option<Medium>,
    /// The bus it hangs on.
    pub bus: Key,
    /// Its number on the bus.
    pub address: u8,
    /// Name of its model, or `generic_modbus`.
    pub model: String,
    /// Its additional parameters and interval as written, one JSON object in normal form.
    pub settings: String,
}

/// A site with everything that is read there: what a site file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRecord {
    /// The site.
    pub site: Site,
    /// Its buses, in the order of the file.
    pub buses: Vec<Bus>,
    /// Its meters, in the order of the file.
    pub meters: Vec<Meter>,
}

/// What would change if one record followed another, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// The site itself: zone or name.
    pub site_changed: bool,
    /// Buses that are new, differ, or are no longer named.
    pub buses_added: Vec<Key>,
    /// Buses with another port or other settings.
    pub buses_changed: Vec<Key>,
    /// Buses that are no longer named.
    pub buses_retired: Vec<Key>,
    /// Meters that are new.
    pub meters_added: Vec<Key>,
    /// Meters with another place, model or setting.
    pub meters_changed: Vec<Key>,
    /// Meters that are no longer named. Their readings stay.
    pub meters_retired: Vec<Key>,
}

impl Difference {
    /// What changes from `old` (nothing, if there was none) to `new`.
    #[must_use]
    pub fn between(old: Option<&SiteRecord>, new: &SiteRecord) -> Self {
        let Some(old) = old else {
            return Self {
                site_changed: true,
                buses_added: new.buses.iter().map(|bus| bus.key.clone()).collect(),
                meters_added: new.meters.iter().map(|meter| meter.key.clone()).collect(),
                ..Self::default()
            };
        };
        let buses = Sides::of(&old.buses, &new.buses, |bus| &bus.key);
        let meters = Sides::of(&old.meters, &new.meters, |meter| &meter.key);
        Self {
            site_changed: old.site != new.site,
            buses_added: buses.added,
            buses_changed: buses.changed,
            buses_retired: buses.retired,
            meters_added: meters.added,
            meters_changed: meters.changed,
            meters_retired: meters.retired,
        }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

struct Sides {
    added: Vec<Key>,
    changed: Vec<Key>,
    retired: Vec<Key>,
}

impl Sides {
    fn of<T: PartialEq>(old: &[T], new: &[T], key: impl Fn(&T) -> &Key) -> Self {
        let before: std::collections::BTreeMap<&Key, &T> =
            old.iter().map(|one| (key(one), one)).collect();
        let after: std::collections::BTreeSet<&Key> = new.iter().map(&key).collect();
        let (mut added, mut changed) = (Vec::new(), Vec::new());
        for one in new {
            match before.get(key(one)) {
                None => added.push(key(one).clone()),
                Some(known) if *known != one => changed.push(key(one).clone()),
                Some(_) => {}
            }
        }
        let gone = old.iter().map(&key).filter(|key| !after.contains(key));
        Self { added, changed, retired: gone.cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(key: &str, address: u8) -> Meter {
        Meter {
            key: Key::new(key).unwrap(),
            name: None,
            space: None,
            medium: None,
            bus: Key::new("a").unwrap(),
            address,
            model: "eastron/sdm630".to_owned(),
            settings: "{}".to_owned(),
        }
    }

    fn record(meters: Vec<Meter>) -> SiteRecord {
        let key = Key::new("rue-du-lac-12").unwrap();
        let site = Site { key, time_zone: "Europe/Zurich".to_owned(), simulated: false };
        SiteRecord { site, buses: Vec::new(), meters }
    }

    #[test]
    fn a_difference_names_what_is_new_changed_and_gone() {
        let old = record(vec![meter("same", 1), meter("moved", 2), meter("gone", 3)]);
        let new = record(vec![meter("same", 1), meter("moved", 4), meter("new", 5)]);
        let names = |keys: &[Key]| keys.iter().map(Key::to_string).collect::<Vec<_>>();
        let difference = Difference::between(Some(&old), &new);
        assert_eq!(names(&difference.meters_added), ["new"]);
        assert_eq!(names(&difference.meters_changed), ["moved"]);
        assert_eq!(names(&difference.meters_retired), ["gone"]);
        assert!(Difference::between(Some(&new), &new).is_empty());
    }
}
