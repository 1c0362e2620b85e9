use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::{Decimal, Key, PlanNumber, Quantity};

/// How far a reading may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Read, decoded and plausible.
    Good,
    /// Computed, not read: interpolated or from a profile.
    Estimated,
    /// Held back: implausible, or another meter answers at the same address.
    Suspect,
    /// The gateway's clock was not set when it was read.
    ClockUnsure,
}

/// Where a reading comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Read from the meter.
    Meter,
    /// Typed by a person.
    Person,
    /// Taken from a file or another system.
    Import,
}

/// Why there is no reading. A gap is a fact: it is kept, and it is never a zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nothing answered in time.
    Silent,
    /// The meter answered with an exception.
    Refused,
    /// Something answered, but no sound frame of this meter.
    Frame,
    /// The port could not be used: unplugged, refused, closed.
    Line,
    /// A float that is no number or infinite.
    NotFinite,
    /// The raw value that means "no reading", as declared.
    Sentinel,
    /// A packed digit above 9.
    BadBcd,
    /// 10^19 or more.
    Overflow,
    /// Its turn passed before the bus came to it: the bus has more to do than it has time for, or
    /// the clock was set forward.
    Skipped,
}

macro_rules! names {
    ($type:ty, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $type {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in answers and tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The one of a name, exact spelling.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

names!(Quality,
    Good => "good", Estimated => "estimated", Suspect => "suspect", ClockUnsure => "clock_unsure");
names!(Source, Meter => "meter", Person => "person", Import => "import");
names!(Reason,
    Silent => "silent", Refused => "refused", Frame => "frame", Line => "line",
    NotFinite => "not_finite", Sentinel => "sentinel", BadBcd => "bad_bcd",
    Overflow => "overflow", Skipped => "skipped");

/// The registers of one reading as they came over the line, at most eight. The evidence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RawWords {
    words: [u16; Self::MOST],
    count: u8,
}

impl RawWords {
    /// The most registers one reading is made of: 128 bits.
    pub const MOST: usize = 8;

    /// Keeps the registers, or `None` when there are more than [`Self::MOST`].
    #[must_use]
    pub fn new(words: &[u16]) -> Option<Self> {
        let mut kept = [0; Self::MOST];
        kept.get_mut(..words.len())?.copy_from_slice(words);
        Some(Self { words: kept, count: u8::try_from(words.len()).ok()? })
    }

    /// The registers in the order received.
    #[must_use]
    pub fn words(&self) -> &[u16] {
        self.words.get(..usize::from(self.count)).unwrap_or_default()
    }
}

impl fmt::Display for RawWords {
    /// Four hexadecimal digits a register, a blank between: `4580 c629`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, word) in self.words().iter().enumerate() {
            let blank = if n == 0 { "" } else { " " };
            write!(f, "{blank}{word:04x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RawWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

/// One quantity of one meter at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What was measured; it also tells the unit.
    pub quantity: Quantity,
    /// The exact value at its stored resolution, in the quantity's unit.
    pub value: Decimal,
    /// The middle between request and answer, UTC.
    pub at: Timestamp,
    /// How far it may be trusted.
    pub quality: Quality,
    /// Where it comes from.
    pub source: Source,
    /// The registers it was computed from; `None` where a person or a file said it.
    pub raw: Option<RawWords>,
}

/// One quantity, or a whole meter, that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The quantity; `None` means every quantity that was asked of the meter.
    pub quantity: Option<Quantity>,
    /// When it was asked, UTC.
    pub at: Timestamp,
    /// Why there is nothing.
    pub reason: Reason,
    /// What was seen, for a person: an exception's name, the bytes heard.
    pub detail: String,
}

/// What one meter gave in one go: its readings and its gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The meter asked.
    pub meter: Key,
    /// The plan under which it was asked: a value is a function of raw words and plan.
    pub plan: PlanNumber,
    /// The instant of the site's clock that it was asked for, UTC: the same for all meters of a
    /// sweep, whenever exactly each was read. `None` where no slot was meant: a person asked, the
    /// gateway had just started, or it asked again between two slots.
    pub slot: Option<Timestamp>,
    /// When the first question of the batch left, UTC.
    pub at: Timestamp,
    /// From the first question to the last answer.
    pub duration: Duration,
    /// What was read.
    pub readings: Vec<Reading>,
    /// What was not.
    pub gaps: Vec<Gap>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_words_are_shown_as_four_digits_each() {
        let raw = RawWords::new(&[0x4580, 0xc629]).unwrap();
        assert_eq!(raw.to_string(), "4580 c629");
        assert_eq!(raw.words(), [0x4580, 0xc629]);
        assert_eq!(RawWords::new(&[0; 9]), None);
    }

    #[test]
    fn names_lead_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_name(reason.name()), Some(*reason));
        }
        assert_eq!(Quality::from_name("Good"), None, "the spelling is exact");
    }
}
