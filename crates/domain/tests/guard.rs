//! The index rules as conversations: what is told to a guard, and what it answers.
//!
//! A line is a reading (hours and minutes since the beginning, index) or a decision of a person,
//! then the answer: the state, with the doubt in brackets; what became of earlier readings; what
//! is booked. The meter may draw 20 kW and shows hundredths of kWh.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use domain::{
    Decided, Decimal, Decision, Guard, Index, IndexLimits, IndexState, Quality, Quantity, Reading,
    Refused, Replacement, Source, Verdict, Verdicts,
};
use jiff::Timestamp;

#[test]
fn a_zero_is_rejected_by_the_reading_that_follows() {
    check(
        LIMITS,
        "00:00 40482.83  ok
         00:15 0.00      pending (backwards)
         00:30 40484.52  ok; 00:15 rejected; booked 1.69
         00:45 0.00      pending (backwards)
         01:00 40484.51  jitter; 00:45 rejected
         01:15 -1.00     invalid
         01:30 65535.00  pending (jump)
         01:30 65535.0   duplicate
         01:30 65535.01  conflict
         01:45 40485.00  ok; 01:30 rejected; booked 0.48",
    );
}

#[test]
fn three_in_a_row_wait_for_a_person_however_much_time_passes() {
    check(
        LIMITS,
        "00:00 1000.00  ok
         00:15 1100.00  pending (jump)
         00:30 0.00     pending (backwards)
         00:45 1100.20  pending (jump)
         01:00 1100.30  pending (jump)
         01:15 1100.40  needs_review (jump); 00:45 needs_review (jump); 01:00 needs_review (jump)
         09:00 1100.50  needs_review (jump)
         09:15 0.00     pending (backwards)
         09:30 1100.60  needs_review (jump)
         book           00:45 ok; booked 100.20; again after 00:45
         01:00 1100.30  ok; booked 0.10",
    );
}

#[test]
fn a_meter_that_comes_back_is_billed_on_and_the_review_stays_for_a_person() {
    check(
        LIMITS,
        "00:00 500.00  ok
         00:15 0.00    pending (backwards)
         00:30 0.00    pending (backwards)
         00:45 0.00    needs_review (backwards); 00:15 needs_review (backwards); \
                       00:30 needs_review (backwards)
         01:00 0.00    needs_review (backwards)
         01:15 501.00  ok; booked 1.00
         dismiss       refused: no reading is held back",
    );
}

#[test]
fn a_change_of_unit_is_named() {
    let far = IndexLimits { resolution: Decimal::new(1, 3), ..LIMITS };
    check(
        far,
        "00:00 1000.000     ok
         00:15 1000000.500  pending (jump, 10^3 times what was expected)
         00:30 1.000        pending (backwards, 10^-3 times what was expected)
         00:45 10010.000    pending (jump, 10^1 times what was expected)
         01:00 65535.000    pending (jump)
         01:15 0.001        pending (backwards)
         01:30 0.000        pending (backwards)",
    );
    // From nothing, and with one digit left, every power of ten would do.
    check(LIMITS, "00:00 0.01 ok\n 00:15 100.00 pending (jump)");
}

#[test]
fn the_limit_holds_to_the_last_digit() {
    check(
        LIMITS,
        "00:00 100.00  ok
         00:15 106.02  ok; booked 6.02
         00:30 112.05  pending (jump)
         00:45 112.05  ok; 00:30 rejected; booked 6.03",
    );
    let hourly = IndexLimits { refresh: Duration::from_hours(1), ..LIMITS };
    check(
        hourly,
        "00:00 100.00  ok
         00:15 130.02  ok; booked 30.02
         00:30 160.05  pending (jump)",
    );
}

#[test]
fn a_counter_goes_through_its_declared_end_only() {
    let wraps = IndexLimits { wraps_at: Some(Decimal::new(1_000_000, 0)), ..LIMITS };
    check(
        wraps,
        "00:00 999999.00  ok
         00:15 300.00     pending (backwards)
         00:30 0.40       rollover; 00:15 rejected; booked 1.40
         00:45 0.90       ok; booked 0.50
         00:10 999999.20  late_ok
         00:20 0.10       late_ok
         00:25 0.05       rejected
         00:29 500.00     rejected",
    );
    check(wraps, "00:00 1000000.50 ok\n 00:15 0.20 pending (backwards)"); // above its own end
    let short = IndexLimits { wraps_at: Some(Decimal::new(1_000, 0)), ..LIMITS };
    check(short, "00:00 899.99 ok\n 10:00 0.00 pending (backwards)"); // not in its top tenth
    check(short, "00:00 900.00 ok\n 10:00 0.00 rollover; booked 100.00");
    check(LIMITS, "00:00 999999.00 ok\n 00:30 0.40 pending (backwards)");
}

#[test]
fn a_late_reading_must_fit_between_its_neighbours() {
    check(
        LIMITS,
        "01:00 10.00  ok
         02:00 11.00  ok; booked 1.00
         01:30 10.40  late_ok
         01:40 10.30  rejected
         00:30 9.00   late_ok; booked 1.00
         00:00 0.00   late_ok; booked 9.00
         00:10 9.00   late_ok
         00:05 9.50   rejected",
    );
    check(LIMITS, "01:00 40482.83 ok\n 00:45 0.00 rejected"); // an invented 40482.83 kWh
}

#[test]
fn what_is_forgotten_proves_nothing() {
    let all = i64::try_from(Guard::REMEMBERED).unwrap();
    let growing = |n: i64| reading(n * 60, 1_000 + i128::from(n), Quality::Good);
    let late = Index { at: growing(0).at, value: growing(0).value };
    for (count, answer) in [(all - 1, "late_ok; booked 0.01"), (all, "rejected")] {
        let journal: Vec<Reading> = (1..=count).map(growing).collect();
        let mut guard = Guard::rebuilt(LIMITS, &journal);
        assert_eq!(judged(&guard.judge(late)), answer, "{count} are known");
    }
    let mut guard = Guard::new(LIMITS);
    for Reading { at, value, .. } in (1..=all + 1).map(growing) {
        assert_eq!(guard.judge(Index { at, value }).reading.state, IndexState::Ok);
    }
    assert_eq!(judged(&guard.judge(late)), "rejected", "one more than it remembers");
}

#[test]
fn a_flicker_in_the_journal_does_not_lower_the_index() {
    let journal = [
        reading(0, 100_002, Quality::Good),
        reading(900, 200_000, Quality::Estimated),
        reading(1_800, 100_001, Quality::Good),
        reading(2_700, 0, Quality::Suspect),
    ];
    let guard = Guard::rebuilt(LIMITS, &journal);
    assert_eq!(guard.last_good().map(|good| good.value), Some(journal[0].value));
    assert_eq!(guard.held_since(), Some(journal[3].at));
}

#[test]
fn a_person_decides_what_was_wrong() {
    check(
        LIMITS,
        "dismiss       refused: no reading is held back
         00:00 500.00  ok
         00:15 505.00  ok; booked 5.00
         00:30 500.20  pending (backwards)
         book          refused: the index fell, and negative consumption is never booked
         withdraw      00:15 rejected; 00:30 ok; booked -4.80; again after 00:30
         00:45 500.30  ok; booked 0.10
         01:00 0.00    pending (backwards)
         dismiss
         01:15 500.40  ok; booked 0.10
         01:30 505.00  ok; booked 4.60
         01:45 500.60  pending (backwards)
         withdraw      01:30 rejected; 01:45 ok; booked -4.40; again after 01:45",
    );
    check(
        LIMITS,
        "00:00 65535.00  ok
         00:15 65536.00  ok; booked 1.00
         00:30 1200.00   pending (backwards)
         withdraw        00:00 rejected; 00:15 rejected; 00:30 ok; booked -1.00; again after 00:30
         00:45 1200.50   ok; booked 0.50",
    );
}

#[test]
fn a_false_rollover_is_withdrawn_without_a_trace() {
    let wraps = IndexLimits { wraps_at: Some(Decimal::new(1_000_000, 0)), ..LIMITS };
    check(
        wraps,
        "00:00 999999.00  ok
         00:15 0.40       rollover; booked 1.40
         00:30 999999.10  pending (jump)
         withdraw         00:15 rejected; 00:30 ok; booked -1.30; again after 00:30",
    );
}

#[test]
fn another_meter_goes_on_after_the_last_index_of_the_old_one() {
    check(
        LIMITS,
        "00:00 8000.00                 ok
         00:15 8000.50                 ok; booked 0.50
         00:45 0.30                    pending (backwards)
         replace 00:10 8000.50 0.00    refused: the last good reading is later, of \
                                       1970-01-01T00:15:00Z
         replace 00:30 7000.00 0.00    refused: the last index of the old counter does not follow \
                                       8000.50, its last good reading
         replace 00:30 8000.70 -1.00   refused: an index is never negative
         replace 00:30 8000.70 0.00    booked 0.20; again after 00:30
         00:45 0.30                    ok; booked 0.30
         00:05 8000.10                 rejected
         01:00 900.00                  pending (jump)
         withdraw                      refused: the held readings follow no earlier good one",
    );
}

const LIMITS: IndexLimits = IndexLimits {
    per_hour: Decimal::new(20, 0),
    resolution: Decimal::new(1, 2),
    wraps_at: None,
    refresh: Duration::ZERO,
};

fn reading(second: i64, hundredths: i128, quality: Quality) -> Reading {
    Reading {
        quantity: Quantity::from_name("en_im").unwrap(),
        value: Decimal::new(hundredths, 2),
        at: Timestamp::from_second(second).unwrap(),
        quality,
        source: Source::Meter,
        raw: None,
    }
}

/// Tells the guard what each line says, and compares its answers with the rest of the line.
fn check(limits: IndexLimits, conversation: &str) {
    let mut guard = Guard::new(limits);
    for line in conversation.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (answer, told) = match words[0] {
            "dismiss" => (decided(guard.decide(Decision::Dismiss)), 1),
            "book" => (decided(guard.decide(Decision::Book)), 1),
            "withdraw" => (decided(guard.decide(Decision::Withdraw)), 1),
            "replace" => {
                let (at, old_final) = (instant(words[1]), words[2].parse().unwrap());
                let new_start = words[3].parse().unwrap();
                let replacement = Replacement { at, old_final, new_start, limits };
                (decided(guard.replace(replacement)), 4)
            }
            _ => {
                let (at, value) = (instant(words[0]), words[1].parse().unwrap());
                (judged(&guard.judge(Index { at, value })), 2)
            }
        };
        assert_eq!(answer, words[told..].join(" "), "{line}");
    }
}

fn judged(verdicts: &Verdicts) -> String {
    let mut parts = vec![state(&verdicts.reading)];
    parts.extend(verdicts.earlier.iter().map(changed));
    parts.extend(booked(verdicts.booked));
    parts.join("; ")
}

fn decided(decided: Result<Decided, Refused>) -> String {
    match decided {
        Ok(decided) => {
            let mut parts: Vec<String> = decided.verdicts.iter().map(changed).collect();
            parts.extend(booked(decided.booked));
            parts.extend(decided.again_after.map(|at| format!("again after {}", time(at))));
            parts.join("; ")
        }
        Err(refused) => format!("refused: {refused}"),
    }
}

fn booked(amount: Decimal) -> Option<String> {
    (amount.mantissa() != 0).then(|| format!("booked {amount}"))
}

fn changed(verdict: &Verdict) -> String {
    format!("{} {}", time(verdict.index.at), state(verdict))
}

/// The verdict as it is shown to people, without instant and index.
fn state(verdict: &Verdict) -> String {
    verdict.to_string().splitn(3, ' ').nth(2).unwrap().to_owned()
}

fn instant(text: &str) -> Timestamp {
    let (hours, minutes) = text.split_once(':').unwrap();
    let minutes: i64 = hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap();
    Timestamp::from_second(minutes * 60).unwrap()
}

fn time(at: Timestamp) -> String {
    format!("{:02}:{:02}", at.as_second() / 3600, at.as_second() / 60 % 60)
}
