//! What is read, now and before.

use domain::PlanNumber;
use store::{Store, StoreError};

use crate::common::{at, key, meter, one, simulated, site};
use crate::values;

pub(crate) async fn applying_twice_changes_nothing(store: Store) {
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

pub(crate) async fn a_plan_number_only_grows(store: Store) {
    let registry = store.registry();
    let (one, other) = (site(vec![meter("a", 1)]), site(vec![meter("a", 2)]));
    let mut numbers = Vec::new();
    for record in [&one, &other, &one, &one, &other] {
        numbers.push(registry.apply(record, "{}", at(0)).await.unwrap().plan.0);
        assert_eq!(registry.current().await.unwrap().unwrap().1, *record);
    }
    assert_eq!(numbers, [1, 2, 3, 3, 4], "an old record is still a new plan");
}

pub(crate) async fn every_plan_keeps_its_document(store: Store) {
    let registry = store.registry();
    registry.apply(&site(vec![meter("a", 1)]), "first", at(0)).await.unwrap();
    registry.apply(&site(vec![meter("a", 2)]), "second", at(1)).await.unwrap();
    for (number, document) in [(1, Some("first")), (2, Some("second")), (3, None)] {
        let kept = registry.plan_document(PlanNumber(number)).await.unwrap();
        assert_eq!(kept.as_deref(), document);
    }
}

pub(crate) async fn another_document_alone_makes_a_new_plan(store: Store) {
    let registry = store.registry();
    let record = site(vec![meter("a", 1)]);
    registry.apply(&record, "model as shipped", at(0)).await.unwrap();
    let applied = registry.apply(&record, "model of the owner", at(1)).await.unwrap();
    assert_eq!(applied.plan, PlanNumber(2));
    assert!(applied.difference.is_empty());
}

pub(crate) async fn another_order_is_no_change(store: Store) {
    let registry = store.registry();
    let (record, turned) =
        (site(vec![meter("a", 1), meter("b", 2)]), site(vec![meter("b", 2), meter("a", 1)]));
    registry.apply(&record, "{}", at(0)).await.unwrap();
    let applied = registry.apply(&turned, "{}", at(1)).await.unwrap();
    assert_eq!(applied.plan, PlanNumber(1));
    assert_eq!(registry.current().await.unwrap(), Some((PlanNumber(1), turned)));
}

pub(crate) async fn a_retired_meter_keeps_its_readings_and_may_come_back(store: Store) {
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

pub(crate) async fn a_key_named_twice_is_refused_and_nothing_changes(store: Store) {
    let registry = store.registry();
    let record = site(vec![meter("a", 1)]);
    registry.apply(&record, "{}", at(0)).await.unwrap();
    let refused = registry.apply(&site(vec![meter("a", 1), meter("a", 2)]), "{}", at(1)).await;
    assert_eq!(refused.unwrap_err().to_string(), "the meter a is named twice");
    assert_eq!(registry.current().await.unwrap(), Some((PlanNumber(1), record)));
}

pub(crate) async fn simulated_and_real_sites_never_mix(store: Store) {
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
