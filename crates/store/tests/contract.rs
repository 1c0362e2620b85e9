//! What every engine has to do. A law takes an empty store; each engine runs all of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: a law that is broken should fail loudly"
)]

mod common;

use std::time::Duration;

use common::{at, batch, gap, key, meter, one, quantity, reading, simulated, site};
use domain::{Batch, Decimal, PlanNumber, Quality, RawWords, Reading, Reason, Source};
use jiff::Timestamp;
use proptest::prelude::{Strategy, any, prop};
use proptest::test_runner::{Config, TestRunner};
use store::{Appended, Correction, Filter, Journal, Kept, Store, StoreError, Told};

/// Runs every law on every engine.
macro_rules! contract {
    ($($law:ident)+) => {
        mod in_memory {
            $(#[tokio::test] async fn $law() {
                super::$law(super::Store::in_memory().await.unwrap()).await;
            })+
        }
        mod in_a_folder {
            $(#[tokio::test] async fn $law() {
                let folder = tempfile::tempdir().unwrap();
                super::$law(super::Store::open(folder.path()).await.unwrap()).await;
            })+
        }
    };
}

contract! {
    an_empty_store_has_nothing
    a_reading_comes_back_as_it_was
    appending_twice_changes_nothing
    a_batch_may_come_in_parts
    a_contradiction_is_kept_beside_and_never_overwrites
    values_keep_every_digit
    sequences_have_no_holes
    the_newest_reading_of_each_series_is_the_latest
    readings_come_by_time_within_the_bounds
    a_limit_counts_from_the_first_asked
    the_queue_goes_on_after_a_number
    gaps_are_kept_with_their_reason
    a_gap_of_a_whole_meter_is_in_every_quantity
    a_long_detail_is_cut
    a_correction_is_shown_in_place_of_the_reading
    a_correction_needs_a_reading_an_author_and_a_reason
    an_instant_that_cannot_be_kept_is_refused_with_its_sweep
    watchers_hear_what_is_new_after_it_is_kept
    a_slow_watcher_misses_and_is_told_so
    watchers_end_with_the_store
    a_closed_store_refuses
    applying_twice_changes_nothing
    a_plan_number_only_grows
    every_plan_keeps_its_document
    another_document_alone_makes_a_new_plan
    another_order_is_no_change
    a_retired_meter_keeps_its_readings_and_may_come_back
    a_key_named_twice_is_refused_and_nothing_changes
    simulated_and_real_sites_never_mix
}

async fn an_empty_store_has_nothing(store: Store) {
    let journal = store.journal();
    assert_eq!(journal.latest().await.unwrap(), []);
    assert_eq!(journal.between(Filter::default()).await.unwrap(), []);
    assert_eq!(journal.gaps(Filter::default()).await.unwrap(), []);
    assert_eq!(journal.after(0, 10).await.unwrap(), []);
    assert_eq!(store.registry().current().await.unwrap(), None);
    assert_eq!(store.registry().plan_document(PlanNumber(1)).await.unwrap(), None);
    assert_eq!(journal.append(vec![], at(0)).await.unwrap(), Appended::default());
}

async fn a_reading_comes_back_as_it_was(store: Store) {
    let journal = store.journal();
    let raws = [None, RawWords::new(&[]), RawWords::new(&[1, 0xffff]), RawWords::new(&[7; 8])];
    let hands = [
        (Quality::Good, Source::Meter),
        (Quality::Estimated, Source::Person),
        (Quality::Suspect, Source::Import),
        (Quality::ClockUnsure, Source::Meter),
    ];
    let mut expected = Vec::new();
    for (quality, source) in hands {
        for raw in raws {
            let at = at(i64::try_from(expected.len()).unwrap()) + Duration::from_nanos(123_456_789);
            expected.push(Reading { at, quality, source, raw, ..reading("en_im", 0, "-0.50") });
        }
    }
    let batch = Batch { plan: PlanNumber(7), ..batch("a", expected.clone(), vec![]) };
    journal.append(vec![batch], at(99)).await.unwrap();
    let kept = journal.after(0, 100).await.unwrap();
    let readings: Vec<Reading> = kept.iter().map(|one| one.reading.clone()).collect();
    assert_eq!(readings, expected);
    let last = kept.last().unwrap();
    assert_eq!((last.meter.as_str(), last.plan, last.revision), ("a", PlanNumber(7), 0));
    assert_eq!((last.duration, last.received_at), (Duration::from_millis(30), at(99)));
}

async fn appending_twice_changes_nothing(store: Store) {
    let journal = store.journal();
    let sweep = || {
        vec![batch(
            "a",
            vec![reading("en_im", 1, "1.0"), reading("power_kw", 1, "2")],
            vec![gap(Some("L1_v"), 1, Reason::Refused)],
        )]
    };
    let first = journal.append(sweep(), at(2)).await.unwrap();
    assert_eq!(first, Appended { new: 3, known: 0, conflicts: 0, last_sequence: 2 });
    let before = everything(&journal).await;
    let again = journal.append(sweep(), at(3)).await.unwrap();
    assert_eq!(again, Appended { new: 0, known: 3, conflicts: 0, last_sequence: 2 });
    assert_eq!(everything(&journal).await, before);
    let twice_in_one = [one("b", 1, "1"), one("b", 1, "1")].concat();
    let appended = journal.append(twice_in_one, at(4)).await.unwrap();
    assert_eq!((appended.new, appended.known), (1, 1));
}

async fn a_batch_may_come_in_parts(store: Store) {
    let journal = store.journal();
    let (first, second) = (reading("en_im", 1, "1"), reading("power_kw", 1, "2"));
    journal.append(vec![batch("a", vec![first.clone()], vec![])], at(2)).await.unwrap();
    let whole = vec![batch("a", vec![first, second], vec![])];
    let appended = journal.append(whole, at(3)).await.unwrap();
    assert_eq!((appended.new, appended.known, appended.last_sequence), (1, 1, 2));
}

async fn a_contradiction_is_kept_beside_and_never_overwrites(store: Store) {
    let journal = store.journal();
    journal.append(one("a", 1, "1.50"), at(2)).await.unwrap();
    let others = [
        vec![batch("a", vec![reading("en_im", 1, "1.5")], vec![])],
        vec![batch("a", vec![Reading { raw: None, ..reading("en_im", 1, "1.50") }], vec![])],
        vec![Batch { plan: PlanNumber(2), ..one("a", 1, "1.50").remove(0) }],
    ];
    for other in &others {
        let appended = journal.append(other.clone(), at(3)).await.unwrap();
        assert_eq!((appended.new, appended.known, appended.conflicts), (0, 0, 1));
    }
    let again = journal.append(others[0].clone(), at(4)).await.unwrap();
    assert_eq!(again.conflicts, 1, "it is reported every time");
    let conflicts = journal.conflicts(Filter::default()).await.unwrap();
    assert_eq!(conflicts.len(), 3, "but kept once");
    assert!(conflicts.iter().all(|one| one.stands == 1 && one.received_at == at(3)));
    assert_eq!(conflicts[0].told, others[0][0].readings[0]);
    assert_eq!(conflicts[2].plan, PlanNumber(2));
    assert_eq!(values(&journal.latest().await.unwrap()), ["1.50"]);
    assert_eq!(journal.after(0, 10).await.unwrap().len(), 1);
}

async fn values_keep_every_digit(store: Store) {
    let journal = store.journal();
    let texts = [
        "4120.70",
        "0",
        "0.00",
        "-0.05",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "-9223372036854775809.00",
        "0.000000000000000000000000000001",
        "170141183460469231731687303715884105727",
        "-170141183460469231731687303715884.105727",
    ];
    for (second, text) in (0..).zip(texts) {
        journal.append(one("a", second, text), at(0)).await.unwrap();
    }
    let smallest = Reading { value: Decimal::new(i128::MIN, 0), ..reading("en_im", 99, "0") };
    journal.append(vec![batch("a", vec![smallest.clone()], vec![])], at(0)).await.unwrap();
    let kept = journal.between(Filter::default()).await.unwrap();
    assert_eq!(values(&kept)[..texts.len()], texts);
    assert_eq!(kept.last().unwrap().reading, smallest);
}

async fn sequences_have_no_holes(store: Store) {
    let journal = store.journal();
    let far = Timestamp::MAX;
    for second in 0..10 {
        journal.append(one("a", second, "1"), at(second)).await.unwrap();
        journal.append(one("a", second, "1"), at(second)).await.unwrap(); // known
        journal.append(one("a", second, "2"), at(second)).await.unwrap(); // contradicts
        let refused = Reading { at: far, ..reading("en_im", 0, "1") };
        let fails = batch("a", vec![reading("en_im", 1000, "1"), refused], vec![]);
        assert!(journal.append(vec![fails], at(second)).await.is_err());
        let silent = batch("a", vec![], vec![gap(None, second, Reason::Silent)]);
        journal.append(vec![silent], at(second)).await.unwrap();
    }
    let sequences: Vec<u64> =
        journal.after(0, 100).await.unwrap().iter().map(|one| one.sequence).collect();
    assert_eq!(sequences, (1..=10).collect::<Vec<u64>>());
}

async fn the_newest_reading_of_each_series_is_the_latest(store: Store) {
    let journal = store.journal();
    for (meter, name, second, value) in [
        ("b", "en_im", 5, "5"),
        ("a", "power_kw", 7, "7"),
        ("a", "en_im", 9, "9"),
        ("a", "en_im", 8, "8"), // came later, but is older
    ] {
        let batch = batch(meter, vec![reading(name, second, value)], vec![]);
        journal.append(vec![batch], at(10)).await.unwrap();
    }
    let latest = journal.latest().await.unwrap();
    assert_eq!(values(&latest), ["9", "7", "5"], "by meter, then quantity");
}

async fn readings_come_by_time_within_the_bounds(store: Store) {
    let journal = store.journal();
    for second in [3, 1, 2, 4] {
        for (meter, name) in [("b", "en_im"), ("a", "power_kw"), ("a", "en_im")] {
            let value = format!("{second}");
            let batch = batch(meter, vec![reading(name, second, &value)], vec![]);
            journal.append(vec![batch], at(10)).await.unwrap();
        }
    }
    let all = Filter::default;
    let (a, energy) = (vec![key("a")], vec![quantity("en_im")]);
    for (filter, expected) in [
        (all(), "111222333444"),
        (Filter { newest_first: true, ..all() }, "444333222111"),
        (Filter { meters: a.clone(), ..all() }, "11223344"),
        (Filter { quantities: energy.clone(), ..all() }, "11223344"),
        (Filter { meters: a.clone(), quantities: energy.clone(), ..all() }, "1234"),
        (Filter { from: Some(at(2)), until: Some(at(4)), ..all() }, "222333"),
        (Filter { from: Some(at(2)), until: Some(at(2)), ..all() }, ""),
        (
            Filter { from: Some(Timestamp::MIN), until: Some(Timestamp::MAX), ..all() },
            "111222333444",
        ),
        (Filter { meters: vec![key("nobody")], ..all() }, ""),
    ] {
        let found = journal.between(filter.clone()).await.unwrap();
        assert_eq!(values(&found).concat(), expected, "{filter:?}");
    }
    let same_instant = journal.between(Filter { until: Some(at(2)), ..all() }).await.unwrap();
    let order: Vec<String> =
        same_instant.iter().map(|one| format!("{} {}", one.meter, one.reading.quantity)).collect();
    assert_eq!(order, ["a en_im", "a power_kw", "b en_im"]);
}

async fn a_limit_counts_from_the_first_asked(store: Store) {
    let journal = store.journal();
    for second in 1..=9 {
        let meter = if second % 2 == 0 { "even" } else { "odd" };
        journal.append(one(meter, second, &second.to_string()), at(10)).await.unwrap();
    }
    for (limit, newest_first, expected) in
        [(3, false, "123"), (3, true, "987"), (0, false, ""), (99, false, "123456789")]
    {
        let filter = Filter { limit: Some(limit), newest_first, ..Filter::default() };
        assert_eq!(values(&journal.between(filter).await.unwrap()).concat(), expected);
    }
}

async fn the_queue_goes_on_after_a_number(store: Store) {
    let journal = store.journal();
    for second in 1..=5 {
        journal.append(one("a", -second, &second.to_string()), at(10)).await.unwrap();
    }
    for (sequence, limit, expected) in
        [(0, 2, "12"), (2, 2, "34"), (4, 2, "5"), (5, 2, ""), (u64::MAX, 2, "")]
    {
        let found = journal.after(sequence, limit).await.unwrap();
        assert_eq!(values(&found).concat(), expected, "after {sequence}");
    }
}

async fn gaps_are_kept_with_their_reason(store: Store) {
    let journal = store.journal();
    let gaps: Vec<_> =
        (0..).zip(Reason::ALL).map(|(second, why)| gap(Some("en_im"), second, *why)).collect();
    let sweep = Batch { plan: PlanNumber(3), ..batch("a", vec![], gaps.clone()) };
    let appended = journal.append(vec![sweep], at(50)).await.unwrap();
    assert_eq!((appended.new, appended.last_sequence), (gaps.len(), 0));
    let kept = journal.gaps(Filter::default()).await.unwrap();
    assert_eq!(kept.iter().map(|one| one.gap.clone()).collect::<Vec<_>>(), gaps);
    assert_eq!((kept[0].number, kept[0].plan, kept[0].received_at), (1, PlanNumber(3), at(50)));
    assert_eq!(journal.latest().await.unwrap(), [], "a gap is never a reading");
    let late = Filter { from: Some(at(2)), limit: Some(1), ..Filter::default() };
    assert_eq!(journal.gaps(late).await.unwrap()[0].gap, gaps[2]);
}

async fn a_gap_of_a_whole_meter_is_in_every_quantity(store: Store) {
    let journal = store.journal();
    let gaps = vec![gap(None, 1, Reason::Silent), gap(Some("en_im"), 2, Reason::Sentinel)];
    journal.append(vec![batch("a", vec![], gaps)], at(3)).await.unwrap();
    for (name, expected) in [("en_im", 2), ("power_kw", 1)] {
        let filter = Filter { quantities: vec![quantity(name)], ..Filter::default() };
        assert_eq!(journal.gaps(filter).await.unwrap().len(), expected, "{name}");
    }
}

async fn a_long_detail_is_cut(store: Store) {
    let journal = store.journal();
    let long = domain::Gap { detail: "é".repeat(5000), ..gap(None, 1, Reason::Frame) };
    journal.append(vec![batch("a", vec![], vec![long])], at(1)).await.unwrap();
    let kept = journal.gaps(Filter::default()).await.unwrap();
    assert_eq!(kept[0].gap.detail, "é".repeat(Journal::LONGEST_DETAIL));
}

async fn a_correction_is_shown_in_place_of_the_reading(store: Store) {
    let journal = store.journal();
    journal.append(one("a", 1, "4120.70"), at(2)).await.unwrap();
    let mut watcher = journal.watch();
    let right = correction("4210.70", "factor was wrong");
    let kept = journal.correct(right.clone(), at(5)).await.unwrap();
    assert_eq!((kept.sequence, kept.revision), (2, 1));
    assert_eq!(journal.correct(right.clone(), at(6)).await.unwrap(), kept, "twice is once");
    let next = journal.correct(correction("4210.80", "read again"), at(7)).await.unwrap();
    assert_eq!((next.sequence, next.revision), (3, 2));

    assert_eq!(values(&journal.latest().await.unwrap()), ["4210.80"]);
    assert_eq!(values(&journal.between(Filter::default()).await.unwrap()), ["4210.80"]);
    let queue = journal.after(0, 10).await.unwrap();
    assert_eq!(values(&queue), ["4120.70", "4210.70", "4210.80"], "none is overwritten");
    let again = journal.append(one("a", 1, "4120.70"), at(8)).await.unwrap();
    assert_eq!((again.known, again.conflicts), (1, 0), "the reading itself is still known");

    let revisions = journal.revisions(key("a"), quantity("en_im"), at(1)).await.unwrap();
    let reasons: Vec<_> = revisions.iter().map(|one| one.reason.as_deref()).collect();
    assert_eq!(reasons, [None, Some("factor was wrong"), Some("read again")]);
    assert_eq!(revisions[1].author.as_deref(), Some("a. meier"));
    let Some(Told::Batches(told)) = watcher.next().await else { panic!("nothing told") };
    assert_eq!(told[0].readings, [right.reading]);
}

async fn a_correction_needs_a_reading_an_author_and_a_reason(store: Store) {
    let journal = store.journal();
    let refused = journal.correct(correction("1", "why"), at(5)).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "nothing to correct");
    journal.append(one("a", 1, "2"), at(2)).await.unwrap();
    for (author, reason) in [("", "why"), ("who", ""), ("who", &*"y".repeat(1001))] {
        let (author, reason) = (author.to_owned(), reason.to_owned());
        let correction = Correction { author, reason, ..correction("1", "") };
        let refused = journal.correct(correction, at(5)).await;
        assert!(matches!(refused, Err(StoreError::Refused { .. })));
    }
    assert_eq!(journal.after(0, 9).await.unwrap().len(), 1);
}

async fn an_instant_that_cannot_be_kept_is_refused_with_its_sweep(store: Store) {
    let journal = store.journal();
    let good = reading("en_im", 1, "1");
    let bad = Reading { at: Timestamp::MIN, ..good.clone() };
    let refused = journal.append(vec![batch("a", vec![good, bad], vec![])], at(1)).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert_eq!(journal.latest().await.unwrap(), [], "a sweep is kept whole or not at all");
    journal.append(one("a", 1, "1"), at(1)).await.unwrap();
}

async fn watchers_hear_what_is_new_after_it_is_kept(store: Store) {
    let journal = store.journal();
    journal.append(one("a", 0, "0"), at(1)).await.unwrap();
    let mut watcher = journal.watch();
    journal.append(one("a", 0, "0"), at(1)).await.unwrap(); // nothing new, so nothing told
    let sweep = [one("a", 0, "0"), one("a", 1, "1"), one("b", 1, "2")].concat();
    journal.append(sweep.clone(), at(1)).await.unwrap();
    let Some(Told::Batches(told)) = watcher.next().await else { panic!("nothing told") };
    assert_eq!(told[..], sweep[1..], "what was known is left out");
    assert_eq!(journal.after(0, 10).await.unwrap().len(), 3);
}

async fn a_slow_watcher_misses_and_is_told_so(store: Store) {
    let journal = store.journal();
    let mut slow = journal.watch();
    for second in 0..300 {
        journal.append(one("a", second, "1"), at(second)).await.unwrap();
    }
    assert_eq!(slow.next().await, Some(Told::Missed(300 - 256)));
    let Some(Told::Batches(told)) = slow.next().await else { panic!("nothing told") };
    assert_eq!(told[0].readings[0].at, at(300 - 256), "and goes on with the oldest it still has");
}

async fn watchers_end_with_the_store(store: Store) {
    let journal = store.journal();
    let mut watcher = journal.watch();
    journal.append(one("a", 1, "1"), at(1)).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(watcher.next().await, Some(Told::Batches(_))), "what was told is still heard");
    assert_eq!(watcher.next().await, None);
    assert_eq!(journal.watch().next().await, None);
}

async fn a_closed_store_refuses(store: Store) {
    let (journal, registry) = (store.journal(), store.registry());
    store.close().await.unwrap();
    let written = journal.append(one("a", 1, "1"), at(1)).await;
    assert!(matches!(written, Err(StoreError::Closed)), "{written:?}");
    assert!(matches!(journal.latest().await, Err(StoreError::Closed)));
    assert!(matches!(registry.current().await, Err(StoreError::Closed)));
}

async fn applying_twice_changes_nothing(store: Store) {
    let registry = store.registry();
    let record = site(vec![meter("a", 1), meter("b", 2)]);
    let first = registry.apply(&record, "{}", at(0)).await.unwrap();
    assert_eq!(first.plan, PlanNumber(1));
    assert_eq!(first.difference.meters_added, [key("a"), key("b")]);
    assert!(first.difference.site_changed);
    let again = registry.apply(&record, "{}", at(9)).await.unwrap();
    assert_eq!(again.plan, PlanNumber(1));
    assert!(again.difference.is_empty());
    assert_eq!(registry.current().await.unwrap(), Some((PlanNumber(1), record)));
}

async fn a_plan_number_only_grows(store: Store) {
    let registry = store.registry();
    let (one, other) = (site(vec![meter("a", 1)]), site(vec![meter("a", 2)]));
    let mut numbers = Vec::new();
    for record in [&one, &other, &one, &one, &other] {
        numbers.push(registry.apply(record, "{}", at(0)).await.unwrap().plan.0);
        assert_eq!(registry.current().await.unwrap().unwrap().1, *record);
    }
    assert_eq!(numbers, [1, 2, 3, 3, 4], "an old record is still a new plan");
}

async fn every_plan_keeps_its_document(store: Store) {
    let registry = store.registry();
    registry.apply(&site(vec![meter("a", 1)]), "first", at(0)).await.unwrap();
    registry.apply(&site(vec![meter("a", 2)]), "second", at(1)).await.unwrap();
    for (number, document) in [(1, Some("first")), (2, Some("second")), (3, None)] {
        let kept = registry.plan_document(PlanNumber(number)).await.unwrap();
        assert_eq!(kept.as_deref(), document);
    }
}

async fn another_document_alone_makes_a_new_plan(store: Store) {
    let registry = store.registry();
    let record = site(vec![meter("a", 1)]);
    registry.apply(&record, "model as shipped", at(0)).await.unwrap();
    let applied = registry.apply(&record, "model of the owner", at(1)).await.unwrap();
    assert_eq!(applied.plan, PlanNumber(2));
    assert!(applied.difference.is_empty());
}

async fn another_order_is_no_change(store: Store) {
    let registry = store.registry();
    let (record, turned) =
        (site(vec![meter("a", 1), meter("b", 2)]), site(vec![meter("b", 2), meter("a", 1)]));
    registry.apply(&record, "{}", at(0)).await.unwrap();
    let applied = registry.apply(&turned, "{}", at(1)).await.unwrap();
    assert_eq!(applied.plan, PlanNumber(1));
    assert_eq!(registry.current().await.unwrap(), Some((PlanNumber(1), turned)));
}

async fn a_retired_meter_keeps_its_readings_and_may_come_back(store: Store) {
    let (journal, registry) = (store.journal(), store.registry());
    let both = site(vec![meter("a", 1), meter("b", 2)]);
    registry.apply(&both, "{}", at(0)).await.unwrap();
    journal.append(one("b", 1, "12.5"), at(1)).await.unwrap();
    let left = site(vec![meter("a", 1)]);
    let applied = registry.apply(&left, "{}", at(2)).await.unwrap();
    assert_eq!(applied.difference.meters_retired, [key("b")]);
    assert_eq!(registry.current().await.unwrap(), Some((PlanNumber(2), left)));
    assert_eq!(values(&journal.latest().await.unwrap()), ["12.5"]);
    let applied = registry.apply(&both, "{}", at(3)).await.unwrap();
    assert_eq!(applied.difference.meters_added, [key("b")]);
    assert_eq!(registry.current().await.unwrap(), Some((PlanNumber(3), both)));
}

async fn a_key_named_twice_is_refused_and_nothing_changes(store: Store) {
    let registry = store.registry();
    let record = site(vec![meter("a", 1)]);
    registry.apply(&record, "{}", at(0)).await.unwrap();
    let refused = registry.apply(&site(vec![meter("a", 1), meter("a", 2)]), "{}", at(1)).await;
    assert_eq!(refused.unwrap_err().to_string(), "the meter a is named twice");
    assert_eq!(registry.current().await.unwrap(), Some((PlanNumber(1), record)));
}

async fn simulated_and_real_sites_never_mix(store: Store) {
    let registry = store.registry();
    let real = site(vec![meter("a", 1)]);
    registry.apply(&real, "{}", at(0)).await.unwrap();
    let refused = registry.apply(&simulated(real.clone()), "{}", at(1)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the store holds the real site rue-du-lac-12, so the simulated site rue-du-lac-12 is \
         refused: simulated and real readings never mix, choose another folder"
    );
    assert_eq!(registry.current().await.unwrap(), Some((PlanNumber(1), real.clone())));

    let other = Store::in_memory().await.unwrap().registry();
    other.apply(&simulated(real.clone()), "{}", at(0)).await.unwrap();
    assert!(matches!(other.apply(&real, "{}", at(1)).await, Err(StoreError::Mixed { .. })));
}

/// Few meters, quantities and instants, so that the same key comes often.
fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let name = prop::sample::select(vec!["en_im", "power_kw", "L1_v"]);
    let value = any::<i128>().prop_map(|mantissa| Decimal::new(mantissa, 3));
    let value = proptest::prop_oneof![value, (0_i64..3).prop_map(Decimal::from)];
    let readings = prop::collection::vec((name, 0_i64..4, value), 0..6);
    let gaps = prop::collection::vec((0_i64..3, prop::sample::select(Reason::ALL.to_vec())), 0..3);
    let batch = (prop::sample::select(vec!["a", "b"]), readings, gaps).prop_map(
        |(meter, readings, gaps)| {
            let readings = readings
                .into_iter()
                .map(|(name, second, value)| Reading { value, ..reading(name, second, "0") });
            let gaps = gaps.into_iter().map(|(second, reason)| gap(None, second, reason));
            batch(meter, readings.collect(), gaps.collect())
        },
    );
    prop::collection::vec(batch, 0..6)
}

#[test]
fn appending_anything_twice_in_any_parts_is_appending_it_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
    let cuts = prop::collection::vec(0_usize..6, 2);
    runner
        .run(&(batches(), cuts), |(batches, cuts)| {
            runtime.block_on(async {
                let (once, often) =
                    (Store::in_memory().await.unwrap(), Store::in_memory().await.unwrap());
                once.journal().append(batches.clone(), at(9)).await.unwrap();
                let cut = |n: usize| batches.split_at(cuts[n].min(batches.len()));
                for part in [cut(0).0, cut(0).1, cut(1).0, cut(1).1] {
                    often.journal().append(part.to_vec(), at(9)).await.unwrap();
                }
                assert_eq!(everything(&once.journal()).await, everything(&often.journal()).await);
            });
            Ok(())
        })
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn paused_time_stands_still_while_the_store_works() {
    let folder = tempfile::tempdir().unwrap();
    let begin = tokio::time::Instant::now();
    let store = Store::open(folder.path()).await.unwrap();
    let journal = store.journal();
    for second in 0..20 {
        let append = journal.append(one("a", second, "1"), at(second));
        tokio::time::timeout(Duration::from_millis(1), append).await.unwrap().unwrap();
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

/// All that a journal shows, without the random names of its starts.
async fn everything(journal: &Journal) -> String {
    let readings: Vec<_> = journal.after(0, 10_000).await.unwrap();
    let readings: Vec<_> = readings
        .into_iter()
        .map(|Kept { sequence, meter, reading, revision, received_at, plan, .. }| {
            (sequence, meter, reading, revision, received_at, plan)
        })
        .collect();
    let gaps = journal.gaps(Filter::default()).await.unwrap();
    let conflicts = journal.conflicts(Filter::default()).await.unwrap();
    format!("{readings:#?}{gaps:#?}{conflicts:#?}")
}

fn values(kept: &[Kept]) -> Vec<String> {
    kept.iter().map(|one| one.reading.value.to_string()).collect()
}

fn correction(value: &str, reason: &str) -> Correction {
    Correction {
        meter: key("a"),
        reading: Reading { source: Source::Person, ..reading("en_im", 1, value) },
        plan: PlanNumber(2),
        author: "a. meier".to_owned(),
        reason: reason.to_owned(),
    }
}
