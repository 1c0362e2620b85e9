mod table;

use std::fmt;

use crate::Unit;

/// What can be measured: `en_im`, `vol_m3`, `L1_v`. One spelling from the register to the bill.
///
/// Import is positive, export has its own quantity; power drawn is positive, so a producing meter
/// shows negative power. The unit belongs to the quantity: `en_im` is always in kWh.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u16);

/// How the readings of a quantity behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only grows; its reading is an index.
    Counter,
    /// Goes up and down; its reading is a level.
    Gauge,
    /// Says something about the meter itself: serial number, firmware, ratio.
    State,
}

struct Row(&'static str, Unit, Kind);

impl Quantity {
    /// Every quantity, in the order in which a meter shows them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..table::ROWS.len()).filter_map(|row| u16::try_from(row).ok().map(Self))
    }

    /// The quantity of a name, exact spelling.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|quantity| quantity.name() == name)
    }

    /// Its name everywhere: files, answers, topics, tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The unit of its readings.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.row().1
    }

    /// How its readings behave.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.row().2
    }

    /// Whether its reading is an index.
    #[must_use]
    pub fn is_counter(self) -> bool {
        self.kind() == Kind::Counter
    }

    /// The known name that a misspelt one is nearest to, or `None` when none is near.
    ///
    /// ```
    /// use domain::Quantity;
    /// assert_eq!(Quantity::nearest("en_imp").map(Quantity::name), Some("en_im"));
    /// assert_eq!(Quantity::nearest("weather"), None);
    /// ```
    #[must_use]
    pub fn nearest(name: &str) -> Option<Self> {
        let wanted = name.to_ascii_lowercase();
        let far = |quantity: &Self| distance(&wanted, &quantity.name().to_ascii_lowercase());
        Self::all().min_by_key(far).filter(|best| far(best) <= 1 + wanted.len() / 4)
    }

    fn row(self) -> &'static Row {
        const UNKNOWN: Row = Row("", Unit::One, Kind::State);
        table::ROWS.get(usize::from(self.0)).unwrap_or(&UNKNOWN)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many letters must be added, dropped or replaced to make one word of the other.
#[must_use]
pub fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, a) in one.chars().enumerate() {
        let mut diagonal = n;
        let mut left = n + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&other) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *cell;
            *cell = replaced.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = n + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_leads_back() {
        for quantity in Quantity::all() {
            assert_eq!(Quantity::from_name(quantity.name()), Some(quantity));
        }
    }

    #[test]
    fn the_names_of_the_basic_meters_have_their_units() {
        for (name, unit, counter) in [
            ("en_im", "kWh", true),
            ("en_ex", "kWh", true),
            ("heat_energy_kwh", "kWh", true),
            ("cold_energy_kwh", "kWh", true),
            ("vol_m3", "m³", true),
            ("flow_temp", "°C", false),
            ("return_temp", "°C", false),
            ("diff_temp", "K", false),
            ("power_kw", "kW", false),
            ("vol_flow_m3_h", "m³/h", false),
            ("L1_v", "V", false),
            ("en_net", "kWh", false),
        ] {
            let quantity = Quantity::from_name(name).unwrap();
            assert_eq!(quantity.unit().symbol(), unit, "{name}");
            assert_eq!(quantity.is_counter(), counter, "{name}");
        }
        assert_eq!(Quantity::from_name("EN_IM"), None, "the spelling is exact");
    }

    #[test]
    fn the_nearest_name_is_found() {
        for (typed, meant) in [("en_imp", "en_im"), ("l1_v", "L1_v"), ("vol_m", "vol_m3")] {
            assert_eq!(Quantity::nearest(typed).map(Quantity::name), Some(meant), "{typed}");
        }
    }

    #[test]
    fn distance_counts_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
