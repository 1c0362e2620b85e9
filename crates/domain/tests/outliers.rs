//! The law behind the index rules: readings that were never true change no bill.
//!
//! Each series is made from its number alone, so a number in a failure is all that is needed to
//! see it again. `SUBMETER_SERIES` sets how many are tried.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod series;

use std::collections::BTreeMap;

use domain::{Decimal, Decision, Guard, Index, IndexState, Quality, Reading, Source, Verdicts};
use jiff::Timestamp;
use series::{Outliers, Series};

#[test]
fn gross_outliers_are_never_billed_and_true_readings_always_are() {
    for number in 0..tried(100_000) {
        let series = Series::of(number, Outliers::Gross);
        let mut ledger = Ledger::of(&series);
        for &(index, _) in &series.readings {
            let _ = ledger.judge(index);
        }
        for &(index, is_true) in &series.readings {
            let good = ledger.states[&index.at].quality() == Some(Quality::Good);
            assert_eq!(good, is_true, "series {number}: {index:?}");
        }
        assert_eq!(ledger.error(&series), 0, "series {number}");
    }
}

#[test]
fn with_a_person_who_knows_no_outlier_at_all_is_billed() {
    let (mut decisions, all) = (0, tried(20_000));
    for number in 0..all {
        let mut series = Series::of(number, Outliers::Any);
        let mut ledger = Ledger::of(&series);
        let mut judged = 0;
        while judged < series.readings.len() {
            let _ = ledger.judge(series.readings[judged].0);
            judged += 1;
            decisions += ledger.ask_somebody_who_knows(&series.readings[..judged]);
            let settled =
                ledger.last == Some(IndexState::Ok) && ledger.guard.held_since().is_none();
            if judged == series.readings.len() && !settled {
                series.go_on();
            }
        }
        assert_eq!(ledger.error(&series), 0, "series {number}");
    }
    assert!(decisions > 0 && decisions < all / 2, "a person was asked {decisions} times");
}

#[test]
fn a_guard_rebuilt_from_the_journal_goes_on_as_if_it_had_never_stopped() {
    for number in 0..tried(5_000) {
        for outliers in [Outliers::Gross, Outliers::Any] {
            let series = Series::of(number, outliers);
            let cut = usize::try_from(number).unwrap() % series.readings.len();
            let mut ledger = Ledger::of(&series);
            for &(index, _) in &series.readings[..cut] {
                let _ = ledger.judge(index);
            }
            let journal = ledger.journal(&series.readings[..cut]);
            let mut rebuilt = Guard::rebuilt(series.limits, &journal);
            for &(index, _) in &series.readings[cut..] {
                assert_eq!(rebuilt.judge(index), ledger.judge(index), "series {number} at {cut}");
            }
        }
    }
}

/// How many series are tried: more in a long run than in the gate.
fn tried(default: u64) -> u64 {
    std::env::var("SUBMETER_SERIES").map_or(default, |number| number.parse().unwrap())
}

/// What a journal and a bill make of the verdicts.
struct Ledger {
    guard: Guard,
    states: BTreeMap<Timestamp, IndexState>,
    last: Option<IndexState>,
    booked: Decimal,
}

impl Ledger {
    fn of(series: &Series) -> Self {
        let guard = Guard::new(series.limits);
        Self { guard, states: BTreeMap::new(), last: None, booked: Decimal::ZERO }
    }

    fn judge(&mut self, index: Index) -> Verdicts {
        let verdicts = self.guard.judge(index);
        for verdict in verdicts.earlier.iter().chain([&verdicts.reading]) {
            self.states.insert(verdict.index.at, verdict.state);
        }
        self.last = Some(verdicts.reading.state);
        self.booked = self.booked.plus(verdicts.booked).unwrap();
        verdicts
    }

    /// Decides what is under review as the truth demands, until nothing is. Returns how often.
    fn ask_somebody_who_knows(&mut self, readings: &[(Index, bool)]) -> u64 {
        let mut asked = 0;
        while self.guard.review().is_some() {
            let is_true = |at| readings.iter().any(|&(index, is_true)| index.at == at && is_true);
            let good = self.guard.last_good().unwrap().at;
            let mut held = self.states.range(good..);
            let first = held.find(|(_, state)| **state == IndexState::NeedsReview).unwrap();
            let decision = match (is_true(*first.0), is_true(good)) {
                (false, _) => Decision::Dismiss,
                (true, true) => Decision::Book,
                (true, false) => Decision::Withdraw,
            };
            let decided = self.guard.decide(decision).unwrap();
            asked += 1;
            self.booked = self.booked.plus(decided.booked).unwrap();
            for state in self.states.range_mut(good..).map(|(_, state)| state) {
                if state.quality() == Some(Quality::Suspect) {
                    *state = IndexState::Rejected;
                }
            }
            for verdict in decided.verdicts {
                self.states.insert(verdict.index.at, verdict.state);
            }
            for &(index, _) in readings {
                if decided.again_after.is_some_and(|after| index.at > after) {
                    let _ = self.judge(index);
                }
            }
        }
        asked
    }

    /// How far the bill is from the truth, in units of the last digit.
    fn error(&self, series: &Series) -> i128 {
        assert!(self.booked.scale() <= 2, "{}", self.booked);
        self.booked.rounded(2).unwrap().mantissa() - series.consumption
    }

    fn journal(&self, readings: &[(Index, bool)]) -> Vec<Reading> {
        let kept = |&(index, _): &(Index, bool)| Reading {
            quantity: domain::Quantity::from_name("en_im").unwrap(),
            value: index.value,
            at: index.at,
            quality: self.states[&index.at].quality().unwrap(),
            source: Source::Meter,
            raw: None,
        };
        readings.iter().map(kept).collect()
    }
}
