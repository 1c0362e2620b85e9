//! Between what the domain means and what a row holds.

use std::time::Duration;

use domain::{Decimal, Key, PlanNumber, Quality, Quantity, RawWords, Reading, Source};
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Value;

use super::failure::Failure;
use crate::{Id, Kept};

/// A place in these lists is what the column holds: never reorder, only add at the end.
const QUALITIES: [Quality; 4] =
    [Quality::Good, Quality::Estimated, Quality::Suspect, Quality::ClockUnsure];
const SOURCES: [Source; 3] = [Source::Meter, Source::Person, Source::Import];

/// The columns of a record: where it belongs is in `r`, what it says in `$said`.
macro_rules! record_columns {
    ($said:literal) => {
        concat!(
            "SELECT r.sequence, s.meter, s.quantity, r.at, r.revision, ",
            $said,
            ".mantissa, ",
            $said,
            ".scale, ",
            $said,
            ".quality, ",
            $said,
            ".source, ",
            $said,
            ".raw, ",
            $said,
            ".seal, ",
            "b.plan, b.duration, b.received_at, o.id, b.slot "
        )
    };
}

/// Readings, ready for a WHERE.
pub(super) const READINGS: &str = concat!(
    record_columns!("r"),
    "FROM reading r JOIN series s ON s.number = r.series ",
    "JOIN batch b ON b.number = r.batch JOIN boot o ON o.number = b.boot "
);

/// What contradicts readings, ready for a WHERE.
pub(super) const CONFLICTS: &str = concat!(
    record_columns!("c"),
    "FROM conflict c JOIN reading r ON r.sequence = c.sequence ",
    "JOIN series s ON s.number = r.series ",
    "JOIN batch b ON b.number = c.batch JOIN boot o ON o.number = b.boot "
);

/// What the columns of one record's content hold.
pub(super) struct Cells {
    pub(super) mantissa: Value,
    pub(super) scale: u8,
    pub(super) quality: usize,
    pub(super) source: usize,
    pub(super) raw: Option<Vec<u8>>,
    pub(super) seal: u32,
}

impl Cells {
    pub(super) fn of(kept: &Kept) -> Self {
        let (reading, mantissa) = (&kept.reading, kept.reading.value.mantissa());
        let place = |found: Option<usize>| found.unwrap_or_default();
        Self {
            mantissa: i64::try_from(mantissa)
                .map_or_else(|_| Value::Text(mantissa.to_string()), Value::Integer),
            scale: reading.value.scale(),
            quality: place(QUALITIES.iter().position(|one| *one == reading.quality)),
            source: place(SOURCES.iter().position(|one| *one == reading.source)),
            raw: reading.raw.map(bytes),
            seal: seal(kept),
        }
    }
}

/// The record of a row, when its seal is whole.
pub(super) fn record(row: &Row<'_>) -> Result<Kept, Failure> {
    let sequence: i64 = row.get(0)?;
    let broken = || Failure::Damaged(format!("reading {sequence} is not as it was written"));
    let kept = Kept {
        sequence: u64::try_from(sequence).map_err(|_| broken())?,
        meter: Key::new(row.get_ref(1)?.as_str().map_err(|_| broken())?).map_err(|_| broken())?,
        reading: Reading {
            quantity: quantity(&row.get::<_, String>(2)?).ok_or_else(broken)?,
            value: value(row).ok_or_else(broken)?,
            at: instant(row.get(3)?).ok_or_else(broken)?,
            quality: listed(&QUALITIES, row.get(7)?).ok_or_else(broken)?,
            source: listed(&SOURCES, row.get(8)?).ok_or_else(broken)?,
            raw: match row.get::<_, Option<Vec<u8>>>(9)? {
                None => None,
                Some(bytes) => Some(words(&bytes).ok_or_else(broken)?),
            },
        },
        plan: PlanNumber(u64::try_from(row.get::<_, i64>(11)?).map_err(|_| broken())?),
        revision: u32::try_from(row.get::<_, i64>(4)?).map_err(|_| broken())?,
        duration: Duration::from_nanos(
            u64::try_from(row.get::<_, i64>(12)?).map_err(|_| broken())?,
        ),
        received_at: instant(row.get(13)?).ok_or_else(broken)?,
        boot: Id::from_bytes(row.get(14)?),
        slot: slot(row.get(15)?).ok_or_else(broken)?,
    };
    let intact = row.get::<_, i64>(10)? == i64::from(seal(&kept));
    if intact { Ok(kept) } else { Err(broken()) }
}

/// The quantity of a name; readings of a quantity this program does not know are not ours.
pub(super) fn quantity(name: &str) -> Option<Quantity> {
    Quantity::from_name(name)
}

/// An instant as a column holds it: nanoseconds, good for the years 1678 to 2261.
pub(super) fn nanoseconds(at: Timestamp) -> Result<i64, Failure> {
    i64::try_from(at.as_nanosecond())
        .map_err(|_| Failure::refused(format!("{at} is no instant of a reading")))
}

/// The instant a column holds.
pub(super) fn instant(nanoseconds: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
}

/// The slot a column holds, or that there is none; `None` when it is no instant.
#[expect(clippy::option_option, reason = "no slot is not a broken one")]
pub(super) fn slot(nanoseconds: Option<i64>) -> Option<Option<Timestamp>> {
    nanoseconds.map_or(Some(None), |some| instant(some).map(Some))
}

/// A number as a column holds it.
pub(super) fn whole(number: u64) -> Result<i64, Failure> {
    i64::try_from(number).map_err(|_| Failure::refused(format!("{number} is too large to be kept")))
}

fn value(row: &Row<'_>) -> Option<Decimal> {
    let mantissa = match row.get(5).ok()? {
        Value::Integer(whole) => i128::from(whole),
        Value::Text(digits) => digits.parse().ok()?,
        _ => return None,
    };
    Some(Decimal::new(mantissa, row.get(6).ok()?))
}

fn listed<T: Copy>(list: &[T], place: i64) -> Option<T> {
    list.get(usize::try_from(place).ok()?).copied()
}

fn bytes(raw: RawWords) -> Vec<u8> {
    raw.words().iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn words(bytes: &[u8]) -> Option<RawWords> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let words: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    if rest.is_empty() { RawWords::new(&words) } else { None }
}

/// CRC-32 over everything a reader is told.
fn seal(kept: &Kept) -> u32 {
    let reading = &kept.reading;
    let mut crc = Crc(u32::MAX);
    crc.text(kept.meter.as_str());
    crc.text(reading.quantity.name());
    crc.text(reading.quality.name());
    crc.text(reading.source.name());
    crc.bytes(&kept.sequence.to_le_bytes());
    crc.bytes(&kept.revision.to_le_bytes());
    crc.bytes(&kept.plan.0.to_le_bytes());
    crc.bytes(&reading.at.as_nanosecond().to_le_bytes());
    crc.bytes(&kept.received_at.as_nanosecond().to_le_bytes());
    crc.bytes(&kept.duration.as_nanos().to_le_bytes());
    crc.bytes(&reading.value.mantissa().to_le_bytes());
    crc.bytes(&[reading.value.scale(), u8::from(reading.raw.is_some())]);
    crc.bytes(&reading.raw.map(bytes).unwrap_or_default());
    crc.bytes(kept.boot.bytes());
    // Readings of schema 1 have none, and were sealed without.
    if let Some(slot) = kept.slot {
        crc.bytes(&slot.as_nanosecond().to_le_bytes());
    }
    !crc.0
}

struct Crc(u32);

/// What each byte does to a checksum.
#[expect(clippy::indexing_slicing, reason = "a constant: out of bounds would not compile")]
const CRC_OF: [u32; 256] = {
    let mut table = [0; 256];
    let (mut place, mut byte) = (0, 0_u32);
    while place < table.len() {
        let (mut crc, mut bit) = (byte, 0);
        while bit < 8 {
            let carry = if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            crc = (crc >> 1) ^ carry;
            bit += 1;
        }
        table[place] = crc;
        place += 1;
        byte += 1;
    }
    table
};

impl Crc {
    /// A text and its end, so that two neighbours never read as one.
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0]);
    }

    #[expect(clippy::indexing_slicing, reason = "a byte is always a place among 256")]
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = (self.0 >> 8) ^ CRC_OF[usize::from(low ^ byte)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quality_and_source_has_its_place() {
        assert!(Quality::ALL.iter().all(|quality| QUALITIES.contains(quality)));
        assert!(Source::ALL.iter().all(|source| SOURCES.contains(source)));
    }

    #[test]
    fn the_checksum_is_the_common_one() {
        let mut crc = Crc(u32::MAX);
        crc.bytes(b"123456789");
        assert_eq!(!crc.0, 0xcbf4_3926);
    }
}
