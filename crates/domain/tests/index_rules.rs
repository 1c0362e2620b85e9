//! The shared cases of the index rules: readings in the order of their arrival, the final state of
//! each, and what may be billed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashMap;
use std::time::Duration;

use domain::{Decimal, Guard, Index, IndexLimits, IndexState, Replacement};
use jiff::Timestamp;
use serde_json::Value;
use vectors::{Tally, cases};

#[test]
fn every_shared_sequence_is_judged_as_required() {
    let mut tally = Tally::of("index-sequences.json");
    for case in cases("index-sequences.json") {
        tally.count(case["id"].as_str().unwrap(), Run::of(&case).compare(&case["expect"]));
    }
    tally.finish();
}

/// A sequence as it was judged.
struct Run {
    guard: Guard,
    states: Vec<&'static str>,
    /// The readings that may still change, by their instants: the first that was told at each.
    places: HashMap<Timestamp, usize>,
    review: Option<&'static str>,
    booked: Decimal,
    refusals: Result<(), String>,
}

impl Run {
    fn of(case: &Value) -> Self {
        let limits = limits(&case["meter"]);
        let mut run = Self {
            guard: Guard::new(limits),
            states: Vec::new(),
            places: HashMap::new(),
            review: None,
            booked: Decimal::ZERO,
            refusals: Ok(()),
        };
        let mut events = case["events"].as_array().into_iter().flatten().peekable();
        for reading in case["readings"].as_array().unwrap() {
            let at = instant(&reading["t"]);
            while let Some(event) = events.next_if(|event| instant(&event["t"]) <= at) {
                run.replace(event, limits);
            }
            run.judge(at, &reading["v"]);
        }
        run
    }

    fn judge(&mut self, at: Timestamp, value: &Value) {
        if value.is_null() {
            self.states.push(IndexState::Invalid.name()); // no number is a gap, which no guard sees
            return;
        }
        let verdicts = self.guard.judge(Index { at, value: decimal(value) });
        self.places.entry(at).or_insert(self.states.len());
        self.states.push(verdicts.reading.state.name());
        for verdict in &verdicts.earlier {
            self.states[self.places[&verdict.index.at]] = verdict.state.name();
        }
        self.book(verdicts.booked);
        self.review = self.guard.review().map(domain::Doubt::name).or(self.review);
    }

    fn replace(&mut self, event: &Value, limits: IndexLimits) {
        let decided = self.guard.replace(Replacement {
            at: instant(&event["t"]),
            old_final: decimal(&event["old_final"]),
            new_start: decimal(&event["new_start"]),
            limits,
        });
        if decided.is_err() != (event["expect"] == "refused") {
            self.refusals = Err(format!("{decided:?}, must be {}", event["expect"]));
        }
        self.book(decided.map_or(Decimal::ZERO, |decided| decided.booked));
    }

    fn book(&mut self, amount: Decimal) {
        self.booked = self.booked.plus(amount).unwrap();
    }

    fn compare(self, expect: &Value) -> Result<(), String> {
        self.refusals?;
        let states: Vec<&str> = expect["status"]
            .as_array()
            .unwrap()
            .iter()
            .map(|state| state.as_str().unwrap())
            .collect();
        if self.states != states {
            return Err(format!("{:?}, must be {states:?}", self.states));
        }
        if self.review != expect["review"].as_str() {
            return Err(format!("review {:?}, must be {}", self.review, expect["review"]));
        }
        if !self.booked.cmp_value(decimal(&expect["consumption"])).is_eq() {
            return Err(format!("booked {}, must be {}", self.booked, expect["consumption"]));
        }
        Ok(())
    }
}

fn limits(meter: &Value) -> IndexLimits {
    IndexLimits {
        per_hour: decimal(&meter["max_per_hour"]),
        resolution: Decimal::new(1, u8::try_from(meter["decimals"].as_u64().unwrap()).unwrap()),
        wraps_at: meter["rollover_at"].as_str().map(|end| end.parse().unwrap()),
        refresh: Duration::ZERO,
    }
}

fn instant(text: &Value) -> Timestamp {
    text.as_str().unwrap().parse().unwrap()
}

fn decimal(text: &Value) -> Decimal {
    text.as_str().unwrap().parse().unwrap()
}
