//! Nothing is lost, doubled, changed or numbered twice.

use domain::{Batch, PlanNumber, Reading, Reason, Source};
use jiff::Timestamp;
use store::{Appended, Correction, Filter, Store, StoreError, Told};

use crate::common::{at, batch, gap, key, one, quantity, reading};
use crate::{everything, values};

pub(crate) async fn appending_twice_changes_nothing(store: Store) {
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

pub(crate) async fn a_batch_may_come_in_parts(store: Store) {
    let journal = store.journal();
    let (first, second) = (reading("en_im", 1, "1"), reading("power_kw", 1, "2"));
    journal.append(vec![batch("a", vec![first.clone()], vec![])], at(2)).await.unwrap();
    let whole = vec![batch("a", vec![first, second], vec![])];
    let appended = journal.append(whole, at(3)).await.unwrap();
    assert_eq!((appended.new, appended.known, appended.last_sequence), (1, 1, 2));
}

pub(crate) async fn a_contradiction_is_kept_beside_and_never_overwrites(store: Store) {
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

pub(crate) async fn sequences_have_no_holes(store: Store) {
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

pub(crate) async fn a_correction_is_shown_in_place_of_the_reading(store: Store) {
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

pub(crate) async fn a_correction_needs_a_reading_an_author_and_a_reason(store: Store) {
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

pub(crate) async fn an_instant_that_cannot_be_kept_is_refused_with_its_sweep(store: Store) {
    let journal = store.journal();
    let good = reading("en_im", 1, "1");
    let bad = Reading { at: Timestamp::MIN, ..good.clone() };
    let refused = journal.append(vec![batch("a", vec![good, bad], vec![])], at(1)).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert_eq!(journal.latest().await.unwrap(), [], "a sweep is kept whole or not at all");
    journal.append(one("a", 1, "1"), at(1)).await.unwrap();
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
