use std::collections::HashMap;
use std::time::Duration;

use domain::{Batch, Gap, Key, PlanNumber, Quantity, Reading};
use jiff::Timestamp;
use rusqlite::{
    CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior, params,
};

use super::boot::Boot;
use super::failure::Failure;
use super::row::{Cells, READINGS, nanoseconds, record, whole};
use crate::{Appended, Correction, Journal, Kept};

/// The rows of the series that are known to be on the disk. It may forget, never guess: what a
/// transaction made is learnt when it is committed.
#[derive(Debug, Default)]
pub(super) struct Series(HashMap<(Key, Option<Quantity>), i64>);

/// Keeps a sweep in one transaction. Gives what is new of it, for those who watch.
pub(super) fn append(
    connection: &mut Connection,
    boot: Boot,
    known: &mut Series,
    batches: Vec<Batch>,
    received_at: Timestamp,
) -> Result<(Appended, Vec<Batch>), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut sweep = Sweep::begin(&transaction, boot, received_at, known)?;
    let mut new = Vec::new();
    for batch in batches {
        let batch = sweep.take(batch)?;
        if !(batch.readings.is_empty() && batch.gaps.is_empty()) {
            new.push(batch);
        }
    }
    let (appended, met) = sweep.finish()?;
    transaction.commit()?;
    known.0.extend(met.0);
    Ok((appended, new))
}

/// Keeps a correction as the next revision. Gives what is new, for those who watch.
pub(super) fn correct(
    connection: &mut Connection,
    boot: Boot,
    correction: &Correction,
    received_at: Timestamp,
) -> Result<(Kept, Vec<Batch>), Failure> {
    let Correction { meter, reading, plan, author, reason } = correction;
    for (what, text, longest) in [("author", author, 200), ("reason", reason, 1000)] {
        if text.is_empty() || text.chars().count() > longest {
            let what = format!("a correction needs its {what} in 1 to {longest} characters");
            return Err(Failure::refused(what));
        }
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let nothing_known = Series::default();
    let mut sweep = Sweep::begin(&transaction, boot, received_at, &nothing_known)?;
    let series = sweep.series(meter, Some(reading.quantity))?;
    let Some(newest) = sweep.newest(series, reading.at)? else {
        let what = format!("{meter} has no {} at {} to be corrected", reading.quantity, reading.at);
        return Err(Failure::refused(what));
    };
    let signed = "SELECT 1 FROM correction WHERE sequence = ?1 AND author = ?2 AND reason = ?3";
    let same_hand = transaction
        .query_row(signed, params![whole(newest.sequence)?, author, reason], |_| Ok(()))
        .optional()?
        .is_some();
    if same_hand && newest.reading == *reading && newest.plan == *plan {
        return Ok((newest, Vec::new()));
    }
    let (slot, duration) = (newest.slot, Duration::ZERO);
    let mut origin = Origin { meter, plan: *plan, slot, duration, row: None };
    let kept = Kept {
        revision: newest.revision + 1,
        ..sweep.record(&origin, reading.clone(), sweep.appended.last_sequence + 1)
    };
    if !sweep.keep(&mut origin, series, &kept)? {
        let what = format!("reading {} is not the newest of its instant", newest.sequence);
        return Err(Failure::Damaged(what));
    }
    transaction.execute(
        "INSERT INTO correction (sequence, author, reason) VALUES (?1, ?2, ?3)",
        params![whole(kept.sequence)?, author, reason],
    )?;
    sweep.finish()?;
    transaction.commit()?;
    let told = vec![batch_of(&kept)];
    Ok((kept, told))
}

/// One transaction over the journal.
struct Sweep<'t> {
    transaction: &'t Transaction<'t>,
    boot: Boot,
    received_at: Timestamp,
    appended: Appended,
    known: &'t Series,
    /// Series that `known` did not know.
    met: Series,
    /// Writes a record, or nothing where one stands already.
    keep: CachedStatement<'t>,
}

/// What the records of one batch share. Its row is written with the first of them that is new.
struct Origin<'b> {
    meter: &'b Key,
    plan: PlanNumber,
    slot: Option<Timestamp>,
    duration: Duration,
    row: Option<i64>,
}

impl<'t> Sweep<'t> {
    fn begin(
        transaction: &'t Transaction<'t>,
        boot: Boot,
        received_at: Timestamp,
        known: &'t Series,
    ) -> Result<Self, Failure> {
        let last: i64 = transaction
            .prepare_cached("SELECT last_sequence FROM store")?
            .query_row([], |row| row.get(0))?;
        let last_sequence = u64::try_from(last).unwrap_or_default();
        let appended = Appended { last_sequence, ..Appended::default() };
        let keep = transaction.prepare_cached(
            "INSERT INTO reading (sequence, series, at, revision, batch, \
             mantissa, scale, quality, source, raw, seal) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (series, at, revision) DO NOTHING",
        )?;
        Ok(Self { transaction, boot, received_at, appended, known, met: Series::default(), keep })
    }

    /// Keeps a batch and gives back what was new of it.
    fn take(&mut self, batch: Batch) -> Result<Batch, Failure> {
        let Batch { meter, plan, slot, at, duration, readings, gaps } = batch;
        let mut origin = Origin { meter: &meter, plan, slot, duration, row: None };
        let (mut new_readings, mut new_gaps) = (Vec::new(), Vec::new());
        for reading in readings {
            if self.reading(&mut origin, &reading)? {
                new_readings.push(reading);
            }
        }
        for gap in gaps {
            if self.gap(&mut origin, &gap)? {
                new_gaps.push(gap);
            }
        }
        Ok(Batch { meter, plan, slot, at, duration, readings: new_readings, gaps: new_gaps })
    }

    /// What it came to, and the series that were met.
    fn finish(self) -> Result<(Appended, Series), Failure> {
        if self.appended.new > 0 {
            let last = whole(self.appended.last_sequence)?;
            self.transaction
                .prepare_cached("UPDATE store SET last_sequence = ?1")?
                .execute([last])?;
        }
        Ok((self.appended, self.met))
    }

    /// Most readings are new: they are written unseen, and one that stands already is looked for
    /// only then. The first of a batch is looked for before, so that no batch is left without any.
    fn reading(&mut self, origin: &mut Origin<'_>, reading: &Reading) -> Result<bool, Failure> {
        let series = self.series(origin.meter, Some(reading.quantity))?;
        let mut stands = match origin.row {
            None => self.first(series, reading.at)?,
            Some(_) => None,
        };
        if stands.is_none() {
            let kept = self.record(origin, reading.clone(), self.appended.last_sequence + 1);
            if self.keep(origin, series, &kept)? {
                return Ok(true);
            }
            stands = self.first(series, reading.at)?;
        }
        let Some(stands) = stands else {
            let what = format!("{} {} at {}", origin.meter, reading.quantity, reading.at);
            return Err(Failure::Damaged(format!(
                "{what} is in the index, but not in the journal"
            )));
        };
        if stands.reading == *reading && stands.plan == origin.plan {
            self.appended.known += 1;
        } else {
            self.appended.conflicts += 1;
            self.contradict(origin, &stands, reading)?;
        }
        Ok(false)
    }

    /// Writes a record under the next sequence number; says no where one stands already.
    fn keep(&mut self, origin: &mut Origin<'_>, series: i64, kept: &Kept) -> Result<bool, Failure> {
        let (batch, cells) = (self.batch(origin)?, Cells::of(kept));
        let written = self.keep.execute(params![
            whole(kept.sequence)?,
            series,
            nanoseconds(kept.reading.at)?,
            kept.revision,
            batch,
            cells.mantissa,
            cells.scale,
            place(cells.quality),
            place(cells.source),
            cells.raw,
            cells.seal,
        ])?;
        if written == 0 {
            return Ok(false);
        }
        self.appended.last_sequence = kept.sequence;
        self.appended.new += 1;
        Ok(true)
    }

    /// Keeps what contradicts a reading, unless the same was said before.
    fn contradict(
        &mut self,
        origin: &mut Origin<'_>,
        stands: &Kept,
        told: &Reading,
    ) -> Result<(), Failure> {
        let before = super::fetch::contradicting(self.transaction, stands.sequence)?;
        if before.iter().any(|one| one.reading == *told && one.plan == origin.plan) {
            return Ok(());
        }
        let kept = self.record(origin, told.clone(), stands.sequence);
        let (batch, cells) = (self.batch(origin)?, Cells::of(&kept));
        self.transaction.execute(
            "INSERT INTO conflict (sequence, batch, mantissa, scale, quality, source, raw, seal) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                whole(stands.sequence)?,
                batch,
                cells.mantissa,
                cells.scale,
                place(cells.quality),
                place(cells.source),
                cells.raw,
                cells.seal,
            ],
        )?;
        Ok(())
    }

    fn gap(&mut self, origin: &mut Origin<'_>, gap: &Gap) -> Result<bool, Failure> {
        let series = self.series(origin.meter, gap.quantity)?;
        let (at, reason) = (nanoseconds(gap.at)?, gap.reason.name());
        let known = self
            .transaction
            .prepare_cached("SELECT 1 FROM gap WHERE series = ?1 AND at = ?2 AND reason = ?3")?
            .exists(params![series, at, reason])?;
        if known {
            self.appended.known += 1;
            return Ok(false);
        }
        let detail: String = gap.detail.chars().take(Journal::LONGEST_DETAIL).collect();
        let batch = self.batch(origin)?;
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO gap (series, at, reason, batch, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        statement.execute(params![series, at, reason, batch, detail])?;
        self.appended.new += 1;
        Ok(true)
    }

    /// A record as read, revision 0.
    fn record(&self, origin: &Origin<'_>, reading: Reading, sequence: u64) -> Kept {
        Kept {
            sequence,
            meter: origin.meter.clone(),
            reading,
            plan: origin.plan,
            revision: 0,
            slot: origin.slot,
            duration: origin.duration,
            received_at: self.received_at,
            boot: self.boot.id,
        }
    }

    /// The row of a batch.
    fn batch(&self, origin: &mut Origin<'_>) -> Result<i64, Failure> {
        if let Some(row) = origin.row {
            return Ok(row);
        }
        let nanos = u64::try_from(origin.duration.as_nanos()).unwrap_or(u64::MAX);
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO batch (boot, plan, duration, received_at, slot) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let row = statement.insert(params![
            self.boot.number,
            whole(origin.plan.0)?,
            whole(nanos)?,
            nanoseconds(self.received_at)?,
            origin.slot.map(nanoseconds).transpose()?,
        ])?;
        origin.row = Some(row);
        Ok(row)
    }

    /// The row of a series, made where it is missing.
    fn series(&mut self, meter: &Key, quantity: Option<Quantity>) -> Result<i64, Failure> {
        let one = (meter.clone(), quantity);
        if let Some(number) = self.known.0.get(&one).or_else(|| self.met.0.get(&one)) {
            return Ok(*number);
        }
        let names = params![meter.as_str(), quantity.map_or("", Quantity::name)];
        let known = self
            .transaction
            .prepare_cached("SELECT number FROM series WHERE meter = ?1 AND quantity = ?2")?
            .query_row(names, |row| row.get(0))
            .optional()?;
        let number = match known {
            Some(number) => number,
            None => {
                let sql = "INSERT INTO series (meter, quantity) VALUES (?1, ?2)";
                self.transaction.prepare_cached(sql)?.insert(names)?
            }
        };
        self.met.0.insert(one, number);
        Ok(number)
    }

    fn first(&self, series: i64, at: Timestamp) -> Result<Option<Kept>, Failure> {
        self.one("WHERE r.series = ?1 AND r.at = ?2 AND r.revision = 0", series, at)
    }

    fn newest(&self, series: i64, at: Timestamp) -> Result<Option<Kept>, Failure> {
        let newest = "WHERE r.series = ?1 AND r.at = ?2 ORDER BY r.revision DESC LIMIT 1";
        self.one(newest, series, at)
    }

    fn one(&self, which: &str, series: i64, at: Timestamp) -> Result<Option<Kept>, Failure> {
        let mut statement = self.transaction.prepare_cached(&format!("{READINGS}{which}"))?;
        let mut rows = statement.query(params![series, nanoseconds(at)?])?;
        rows.next()?.map(record).transpose()
    }
}

fn batch_of(kept: &Kept) -> Batch {
    Batch {
        meter: kept.meter.clone(),
        plan: kept.plan,
        slot: kept.slot,
        at: kept.reading.at,
        duration: kept.duration,
        readings: vec![kept.reading.clone()],
        gaps: Vec::new(),
    }
}

fn place(place: usize) -> i64 {
    i64::try_from(place).unwrap_or_default()
}
