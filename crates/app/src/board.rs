//! The meters of a site at a glance: last index, power, age, quality.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Batch, Decimal, Key, Reading, SiteRecord};
use jiff::Timestamp;

use crate::table::{Lean, Table};
use crate::when;

/// Which quantity is shown as a meter's index: the largest of the first pair that it has, since a
/// solar roof exports what a flat imports.
const INDEXES: [[&str; 2]; 3] =
    [["en_im", "en_ex"], ["heat_energy_kwh", "cold_energy_kwh"], ["vol_m3", "vol2_m3"]];
/// Which one is shown as its power: the first that it has.
const POWERS: [&str; 3] = ["total_w", "power_kw", "vol_flow_m3_h"];
/// Digits shown of an index: as many as a display has.
const INDEX_DIGITS: u8 = 2;

/// What is known of each meter, in the order of the site.
#[derive(Debug)]
pub struct Board {
    meters: Vec<Row>,
    place: BTreeMap<Key, usize>,
    readings: u64,
    gaps: u64,
}

#[derive(Debug)]
struct Row {
    name: String,
    model: String,
    index: Option<Reading>,
    power: Option<Reading>,
    /// Why the last visit gave nothing.
    trouble: Option<String>,
}

impl Board {
    /// A board of a site, nothing read yet.
    #[must_use]
    pub fn new(site: &SiteRecord) -> Self {
        let meters = site.meters.iter().map(|meter| Row {
            name: meter.key.to_string(),
            model: meter.model.clone(),
            index: None,
            power: None,
            trouble: None,
        });
        let place = site.meters.iter().enumerate().map(|(n, meter)| (meter.key.clone(), n));
        Self { meters: meters.collect(), place: place.collect(), readings: 0, gaps: 0 }
    }

    /// Takes what a meter gave.
    pub fn take(&mut self, batch: &Batch) {
        self.readings += batch.readings.len() as u64;
        self.gaps += batch.gaps.len() as u64;
        let row = self.place.get(&batch.meter).and_then(|place| self.meters.get_mut(*place));
        let Some(row) = row else { return };
        row.trouble = match batch.gaps.first() {
            Some(gap) if batch.readings.is_empty() => Some(gap.reason.to_string()),
            _ => None,
        };
        let of = |name: &&str| batch.readings.iter().find(|r| r.quantity.name() == *name);
        let larger = |a: &&Reading, b: &&Reading| a.value.cmp_value(b.value);
        let index = INDEXES.iter().find_map(|pair| pair.iter().filter_map(of).max_by(larger));
        let power = POWERS.iter().find_map(of);
        row.index = index.cloned().or(row.index.take());
        row.power = power.cloned().or(row.power.take());
    }

    /// How many meters gave a reading last time, and how many there are.
    #[must_use]
    pub fn alive(&self) -> (usize, usize) {
        let fine = |row: &&Row| row.trouble.is_none() && row.index.is_some();
        (self.meters.iter().filter(fine).count(), self.meters.len())
    }

    /// Whether a meter was not visited yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.meters.iter().any(|row| row.trouble.is_none() && row.index.is_none())
    }

    /// All readings and gaps so far.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.readings, self.gaps)
    }

    /// The table for people.
    #[must_use]
    pub fn table(&self, now: Timestamp) -> Table {
        let mut table = Table::new(&[
            ("meter", Lean::Left),
            ("model", Lean::Left),
            ("index", Lean::Right),
            ("power", Lean::Right),
            ("age", Lean::Right),
            ("quality", Lean::Left),
        ]);
        for row in &self.meters {
            let newest = row.index.as_ref().or(row.power.as_ref());
            table.row(vec![
                row.name.clone(),
                row.model.clone(),
                row.index.as_ref().map(index).unwrap_or_default(),
                row.power.as_ref().map(power).unwrap_or_default(),
                newest.map(|reading| age(reading.at, now)).unwrap_or_default(),
                match (&row.trouble, newest) {
                    (Some(trouble), _) => trouble.clone(),
                    (None, Some(reading)) => reading.quality.to_string(),
                    (None, None) => "waiting".to_owned(),
                },
            ]);
        }
        table
    }
}

fn index(reading: &Reading) -> String {
    let shown = reading.value.rounded(INDEX_DIGITS.min(reading.value.scale()));
    // Units of one width, so that the numbers before them line up; what flows out says so.
    let unit = match reading.quantity.name() {
        "en_ex" => "kWh out",
        _ => reading.quantity.unit().symbol(),
    };
    format!("{} {unit:<7}", shown.unwrap_or(reading.value))
}

/// Electric power in kW, heat in kW, water in m³/h.
fn power(reading: &Reading) -> String {
    let watts = reading.quantity.name() == "total_w";
    let value = if watts {
        reading.value.times(Decimal::new(1, 3)).unwrap_or(reading.value)
    } else {
        reading.value
    };
    let unit = if watts { "kW".to_owned() } else { reading.quantity.unit().to_string() };
    format!("{} {unit:<4}", value.rounded(2).unwrap_or(value))
}

/// How long ago it was; what seems to come is now.
fn age(at: Timestamp, now: Timestamp) -> String {
    when::ago(Duration::try_from(now.duration_since(at)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_words() {
        let now: Timestamp = "2026-11-14T14:05:00Z".parse().unwrap();
        for (at, told) in [
            ("2026-11-14T14:04:58Z", "2 s"),
            ("2026-11-14T14:03:00Z", "2 min"),
            ("2026-11-14T11:00:00Z", "3 h"),
            ("2026-11-12T11:00:00Z", "2 d"),
            ("2026-11-14T14:06:00Z", "0 s"),
        ] {
            assert_eq!(age(at.parse().unwrap(), now), told);
        }
    }
}
