//! What every engine has to do. A law takes an empty store; each engine runs all of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: a law that is broken should fail loudly"
)]

#[path = "../common/mod.rs"]
mod common;
mod history;
mod readings;
mod registry;
mod watching;

use std::time::Duration;

use common::{at, batch, gap, one, reading};
use domain::{Batch, Decimal, Reading, Reason};
use proptest::prelude::{Strategy, any, prop};
use proptest::test_runner::{Config, TestRunner};
use store::{Filter, Journal, Kept, Store};

/// Runs every law on every engine.
macro_rules! contract {
    ($($group:ident { $($law:ident)+ })+) => {
        mod in_memory {
            $($(#[tokio::test] async fn $law() {
                crate::$group::$law(store::Store::in_memory().await.unwrap()).await;
            })+)+
        }
        mod in_a_folder {
            $($(#[tokio::test] async fn $law() {
                let folder = tempfile::tempdir().unwrap();
                crate::$group::$law(store::Store::open(folder.path()).await.unwrap()).await;
            })+)+
        }
    };
}

contract! {
    readings {
        an_empty_store_has_nothing
        a_reading_comes_back_as_it_was
        values_keep_every_digit
        the_newest_reading_of_each_series_is_the_latest
        readings_come_by_time_within_the_bounds
        a_limit_counts_from_the_first_asked
        the_queue_goes_on_after_a_number
        gaps_are_kept_with_their_reason
        a_gap_of_a_whole_meter_is_in_every_quantity
        a_long_detail_is_cut
    }
    history {
        appending_twice_changes_nothing
        a_batch_may_come_in_parts
        a_contradiction_is_kept_beside_and_never_overwrites
        sequences_have_no_holes
        a_correction_is_shown_in_place_of_the_reading
        a_correction_needs_a_reading_an_author_and_a_reason
        an_instant_that_cannot_be_kept_is_refused_with_its_sweep
    }
    watching {
        watchers_hear_what_is_new_after_it_is_kept
        a_slow_watcher_misses_and_is_told_so
        watchers_end_with_the_store
        a_closed_store_refuses
    }
    registry {
        applying_twice_changes_nothing
        a_plan_number_only_grows
        every_plan_keeps_its_document
        another_document_alone_makes_a_new_plan
        another_order_is_no_change
        a_retired_meter_keeps_its_readings_and_may_come_back
        a_key_named_twice_is_refused_and_nothing_changes
        simulated_and_real_sites_never_mix
    }
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
pub(crate) async fn everything(journal: &Journal) -> String {
    let no_name = journal.after(0, 1).await.unwrap().first().map(|kept| kept.boot);
    let readings = journal.after(0, 10_000).await.unwrap();
    let gaps = journal.gaps(Filter::default()).await.unwrap();
    let conflicts = journal.conflicts(Filter::default()).await.unwrap();
    let all = format!("{readings:#?}{gaps:#?}{conflicts:#?}");
    no_name.map_or(all.clone(), |boot| all.replace(&boot.to_string(), "boot"))
}

pub(crate) fn values(kept: &[Kept]) -> Vec<String> {
    kept.iter().map(|one| one.reading.value.to_string()).collect()
}
