use std::time::Duration;

use domain::{Batch, Gap, Key, PlanNumber, Quantity, Reading};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::failure::Failure;
use super::row::{Cells, READINGS, nanoseconds, record, whole};
use crate::{Appended, Correction, Id, Journal, Kept};

/// A start of the gateway: its row and its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Boot {
    pub(super) number: i64,
    pub(super) id: Id,
}

/// Keeps a sweep in one transaction. Gives what is new of it, for those who watch.
pub(super) fn append(
    connection: &mut Connection,
    boot: Boot,
    batches: Vec<Batch>,
    received_at: Timestamp,
) -> Result<(Appended, Vec<Batch>), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut sweep = Sweep::begin(&transaction, boot, received_at)?;
    let mut new = Vec::new();
    for batch in batches {
        let batch = sweep.take(batch)?;
        if !(batch.readings.is_empty() && batch.gaps.is_empty()) {
            new.push(batch);
        }
    }
    let appended = sweep.finish()?;
    transaction.commit()?;
    Ok((appended, new))
}

/// Keeps a correction as the next revision. Says whether it is new.
pub(super) fn correct(
    connection: &mut Connection,
    boot: Boot,
    correction: &Correction,
    received_at: Timestamp,
) -> Result<(Kept, bool), Failure> {
    let Correction { meter, reading, plan, author, reason } = correction;
    for (what, text, longest) in [("author", author, 200), ("reason", reason, 1000)] {
        if text.is_empty() || text.chars().count() > longest {
            let what = format!("a correction needs its {what} in 1 to {longest} characters");
            return Err(Failure::refused(what));
        }
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut sweep = Sweep::begin(&transaction, boot, received_at)?;
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
        return Ok((newest, false));
    }
    let mut origin = Origin { meter, plan: *plan, duration: Duration::ZERO, row: None };
    let revision = newest.revision + 1;
    let kept = sweep.keep(&mut origin, series, reading.clone(), revision)?;
    transaction.execute(
        "INSERT INTO correction (sequence, author, reason) VALUES (?1, ?2, ?3)",
        params![whole(kept.sequence)?, author, reason],
    )?;
    sweep.finish()?;
    transaction.commit()?;
    Ok((kept, true))
}

/// One transaction over the journal.
struct Sweep<'t> {
    transaction: &'t Transaction<'t>,
    boot: Boot,
    received_at: Timestamp,
    appended: Appended,
}

/// What the records of one batch share. Its row is written with the first of them that is new.
struct Origin<'b> {
    meter: &'b Key,
    plan: PlanNumber,
    duration: Duration,
    row: Option<i64>,
}

impl<'t> Sweep<'t> {
    fn begin(
        transaction: &'t Transaction<'t>,
        boot: Boot,
        received_at: Timestamp,
    ) -> Result<Self, Failure> {
        let last: i64 =
            transaction.query_row("SELECT last_sequence FROM store", [], |row| row.get(0))?;
        let last_sequence = u64::try_from(last).unwrap_or_default();
        let appended = Appended { last_sequence, ..Appended::default() };
        Ok(Self { transaction, boot, received_at, appended })
    }

    /// Keeps a batch and gives back what was new of it.
    fn take(&mut self, batch: Batch) -> Result<Batch, Failure> {
        let Batch { meter, plan, at, duration, readings, gaps } = batch;
        let mut origin = Origin { meter: &meter, plan, duration, row: None };
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
        Ok(Batch { meter, plan, at, duration, readings: new_readings, gaps: new_gaps })
    }

    fn finish(self) -> Result<Appended, Failure> {
        if self.appended.new > 0 {
            let last = whole(self.appended.last_sequence)?;
            self.transaction.execute("UPDATE store SET last_sequence = ?1", [last])?;
        }
        Ok(self.appended)
    }

    fn reading(&mut self, origin: &mut Origin<'_>, reading: &Reading) -> Result<bool, Failure> {
        let series = self.series(origin.meter, Some(reading.quantity))?;
        match self.first(series, reading.at)? {
            None => {
                self.keep(origin, series, reading.clone(), 0)?;
                Ok(true)
            }
            Some(known) if known.reading == *reading && known.plan == origin.plan => {
                self.appended.known += 1;
                Ok(false)
            }
            Some(stands) => {
                self.appended.conflicts += 1;
                self.contradict(origin, &stands, reading)?;
                Ok(false)
            }
        }
    }

    /// Writes a record under the next sequence number.
    fn keep(
        &mut self,
        origin: &mut Origin<'_>,
        series: i64,
        reading: Reading,
        revision: u32,
    ) -> Result<Kept, Failure> {
        let sequence = self.appended.last_sequence + 1;
        let kept = self.record(origin, reading, sequence, revision);
        let (batch, cells) = (self.batch(origin)?, Cells::of(&kept));
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO reading (sequence, series, at, revision, batch, \
             mantissa, scale, quality, source, raw, seal) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        statement.execute(params![
            whole(sequence)?,
            series,
            nanoseconds(kept.reading.at)?,
            revision,
            batch,
            cells.mantissa,
            cells.scale,
            place(cells.quality),
            place(cells.source),
            cells.raw,
            cells.seal,
        ])?;
        self.appended.last_sequence = sequence;
        self.appended.new += 1;
        Ok(kept)
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
        let kept = self.record(origin, told.clone(), stands.sequence, stands.revision);
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

    fn record(&self, origin: &Origin<'_>, reading: Reading, sequence: u64, revision: u32) -> Kept {
        Kept {
            sequence,
            meter: origin.meter.clone(),
            reading,
            plan: origin.plan,
            revision,
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
            "INSERT INTO batch (boot, plan, duration, received_at) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let row = statement.insert(params![
            self.boot.number,
            whole(origin.plan.0)?,
            whole(nanos)?,
            nanoseconds(self.received_at)?,
        ])?;
        origin.row = Some(row);
        Ok(row)
    }

    /// The row of a series, made where it is missing.
    fn series(&self, meter: &Key, quantity: Option<Quantity>) -> Result<i64, Failure> {
        let names = params![meter.as_str(), quantity.map_or("", Quantity::name)];
        let known = self
            .transaction
            .prepare_cached("SELECT number FROM series WHERE meter = ?1 AND quantity = ?2")?
            .query_row(names, |row| row.get(0))
            .optional()?;
        if let Some(number) = known {
            return Ok(number);
        }
        let sql = "INSERT INTO series (meter, quantity) VALUES (?1, ?2)";
        Ok(self.transaction.prepare_cached(sql)?.insert(names)?)
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

fn place(place: usize) -> i64 {
    i64::try_from(place).unwrap_or_default()
}
