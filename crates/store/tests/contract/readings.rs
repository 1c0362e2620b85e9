//! What comes back, and in which order.

use std::time::Duration;

use domain::{Batch, Decimal, Gap, PlanNumber, Quality, RawWords, Reading, Reason, Source};
use jiff::Timestamp;
use store::{Appended, Filter, Journal, Store};

use crate::common::{at, batch, gap, key, one, quantity, reading};
use crate::values;

pub(crate) async fn an_empty_store_has_nothing(store: Store) {
    let journal = store.journal();
    assert_eq!(journal.latest().await.unwrap(), []);
    assert_eq!(journal.between(Filter::default()).await.unwrap(), []);
    assert_eq!(journal.gaps(Filter::default()).await.unwrap(), []);
    assert_eq!(journal.after(0, 10).await.unwrap(), []);
    assert_eq!(store.registry().current().await.unwrap(), None);
    assert_eq!(store.registry().plan_document(PlanNumber(1)).await.unwrap(), None);
    assert_eq!(journal.append(vec![], at(0)).await.unwrap(), Appended::default());
}

pub(crate) async fn a_reading_comes_back_as_it_was(store: Store) {
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

pub(crate) async fn values_keep_every_digit(store: Store) {
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

pub(crate) async fn the_newest_reading_of_each_series_is_the_latest(store: Store) {
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

pub(crate) async fn readings_come_by_time_within_the_bounds(store: Store) {
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

pub(crate) async fn a_limit_counts_from_the_first_asked(store: Store) {
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

pub(crate) async fn the_queue_goes_on_after_a_number(store: Store) {
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

pub(crate) async fn gaps_are_kept_with_their_reason(store: Store) {
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

pub(crate) async fn a_gap_of_a_whole_meter_is_in_every_quantity(store: Store) {
    let journal = store.journal();
    let gaps = vec![gap(None, 1, Reason::Silent), gap(Some("en_im"), 2, Reason::Sentinel)];
    journal.append(vec![batch("a", vec![], gaps)], at(3)).await.unwrap();
    for (name, expected) in [("en_im", 2), ("power_kw", 1)] {
        let filter = Filter { quantities: vec![quantity(name)], ..Filter::default() };
        assert_eq!(journal.gaps(filter).await.unwrap().len(), expected, "{name}");
    }
}

pub(crate) async fn a_long_detail_is_cut(store: Store) {
    let journal = store.journal();
    let long = Gap { detail: "é".repeat(5000), ..gap(None, 1, Reason::Frame) };
    journal.append(vec![batch("a", vec![], vec![long])], at(1)).await.unwrap();
    let kept = journal.gaps(Filter::default()).await.unwrap();
    assert_eq!(kept[0].gap.detail, "é".repeat(Journal::LONGEST_DETAIL));
}
