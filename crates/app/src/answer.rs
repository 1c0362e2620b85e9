//! What a read brought, as people, scripts and spreadsheets see it. One struct for every source:
//! a port opened here, or the running service.

use domain::{Batch, Decimal, Gap, Quantity, Reading};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::exit::Exit;
use crate::table::{Lean, Table};

/// The document of `read --json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// The site's key; `null` where a port was read without a site.
    pub site: Option<String>,
    /// What was read.
    pub readings: Vec<Read>,
    /// What was not, and why.
    pub gaps: Vec<Missing>,
    /// What a person should know beside it.
    pub notes: Vec<Note>,
}

/// One reading.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Read {
    /// The meter's key.
    pub meter: String,
    /// The quantity's name; `null` where a register was read without one.
    pub quantity: Option<String>,
    /// The exact value: all digits of its resolution.
    pub value: Number,
    /// The unit of measure; `null` without a quantity.
    pub unit: Option<String>,
    /// The middle between question and answer, UTC.
    pub at: String,
    /// good, estimated, suspect or `clock_unsure`.
    pub quality: String,
    /// meter, person or import.
    pub source: String,
    /// The registers as they came, hexadecimal.
    pub raw: Option<String>,
}

/// One quantity, or a whole meter, that could not be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Missing {
    /// The meter's key.
    pub meter: String,
    /// The quantity; `null` for all that was asked of the meter.
    pub quantity: Option<String>,
    /// silent, refused, frame, line, `not_finite`, sentinel, `bad_bcd` or overflow.
    pub reason: String,
    /// What was seen.
    pub detail: String,
}

/// Something a person should look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    /// A word for programs, for example `data_type_assumed`.
    pub code: String,
    /// The meter it is about.
    pub meter: Option<String>,
    /// The quantity it is about.
    pub quantity: Option<String>,
    /// The sentence for people.
    pub message: String,
}

/// A register that was read without a quantity: what stands for it inside is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// Quantities have their names.
    #[default]
    Known,
    /// No quantity was given.
    Unknown,
}

impl Answer {
    /// An answer without anything in it.
    #[must_use]
    pub fn empty(site: Option<String>) -> Self {
        Self { site, readings: Vec::new(), gaps: Vec::new(), notes: Vec::new() }
    }

    /// Adds what a meter gave.
    pub fn add(&mut self, batch: &Batch, names: Names) {
        let meter = batch.meter.as_str();
        let name = |quantity: Quantity| (names == Names::Known).then(|| quantity.name().to_owned());
        for reading in &batch.readings {
            self.readings.push(Read::of(meter, reading, name(reading.quantity)));
        }
        for gap in &batch.gaps {
            self.gaps.push(Missing {
                meter: meter.to_owned(),
                quantity: gap.quantity.and_then(name),
                reason: gap.reason.name().to_owned(),
                detail: gap.detail.clone(),
            });
        }
    }

    /// How the command ends: all read, some, none answered, or all refused.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let unheard = |gap: &Missing| matches!(gap.reason.as_str(), "silent" | "line" | "frame");
        let all_say = |words: &str| self.gaps.iter().all(|gap| gap.detail.contains(words));
        match (self.readings.is_empty(), self.gaps.is_empty()) {
            (_, true) => Exit::Good,
            (false, false) => Exit::Partly,
            (true, false) if all_say(gateway::IN_USE) => Exit::Busy,
            (true, false) if all_say(gateway::NOT_PERMITTED) => Exit::NotPermitted,
            (true, false) if self.gaps.iter().all(unheard) => Exit::NoAnswer,
            (true, false) => Exit::Refused,
        }
    }

    /// The table for people.
    #[must_use]
    pub fn table(&self, raw: bool) -> Table {
        let mut head = vec![
            ("meter", Lean::Left),
            ("quantity", Lean::Left),
            ("value", Lean::Right),
            ("unit", Lean::Left),
            ("quality", Lean::Left),
        ];
        if raw {
            head.push(("raw", Lean::Left));
        }
        let mut table = Table::new(&head);
        for read in &self.readings {
            let mut row = vec![
                read.meter.clone(),
                read.quantity.clone().unwrap_or_default(),
                read.value.to_string(),
                read.unit.clone().unwrap_or_default(),
                read.quality.clone(),
            ];
            row.extend(read.raw.clone().filter(|_| raw));
            table.row(row);
        }
        table
    }

    /// One sentence for each gap.
    #[must_use]
    pub fn gap_lines(&self) -> Vec<String> {
        let line = |gap: &Missing| {
            let quantity = gap.quantity.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            format!("{}{quantity}: no reading, {}: {}", gap.meter, gap.reason, gap.detail)
        };
        self.gaps.iter().map(line).collect()
    }
}

impl Read {
    fn of(meter: &str, reading: &Reading, quantity: Option<String>) -> Self {
        Self {
            meter: meter.to_owned(),
            unit: quantity.is_some().then(|| reading.quantity.unit().symbol().to_owned()),
            quantity,
            value: number(reading.value),
            at: instant(reading.at),
            quality: reading.quality.name().to_owned(),
            source: reading.source.name().to_owned(),
            raw: reading.raw.map(|raw| raw.to_string()),
        }
    }
}

/// A JSON number with exactly the digits of the decimal.
#[must_use]
pub fn number(value: Decimal) -> Number {
    // A decimal in text is always a JSON number; if it were not, no number would be wrong.
    value.to_string().parse().unwrap_or_else(|_| Number::from(0))
}

/// An instant to the millisecond, UTC.
#[must_use]
pub fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A gap's quantity, or a star for all of the meter.
#[must_use]
pub fn gap_quantity(gap: &Gap) -> String {
    gap.quantity.map_or_else(|| "*".to_owned(), |quantity| quantity.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_in_json() {
        for text in ["4120.70", "0.00", "-12345678901234567890.123", "7"] {
            let number = number(text.parse().unwrap());
            assert_eq!(serde_json::to_string(&number).unwrap(), text);
        }
    }

    #[test]
    fn the_exit_code_says_how_much_was_read() {
        let gap = |reason: &str| Missing {
            meter: "a".to_owned(),
            quantity: None,
            reason: reason.to_owned(),
            detail: String::new(),
        };
        let mut answer = Answer::empty(None);
        answer.gaps.push(gap("silent"));
        assert_eq!(answer.exit(), Exit::NoAnswer);
        answer.gaps.push(gap("refused"));
        assert_eq!(answer.exit(), Exit::Refused);
    }
}
