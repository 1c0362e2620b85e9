//! Durable first, told afterwards; and how a store ends.

use store::{Store, StoreError, Told};

use crate::common::{at, one};

pub(crate) async fn watchers_hear_what_is_new_after_it_is_kept(store: Store) {
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

pub(crate) async fn a_slow_watcher_misses_and_is_told_so(store: Store) {
    let journal = store.journal();
    let mut slow = journal.watch();
    for second in 0..300 {
        journal.append(one("a", second, "1"), at(second)).await.unwrap();
    }
    assert_eq!(slow.next().await, Some(Told::Missed(300 - 256)));
    let Some(Told::Batches(told)) = slow.next().await else { panic!("nothing told") };
    assert_eq!(told[0].readings[0].at, at(300 - 256), "and goes on with the oldest it still has");
}

pub(crate) async fn watchers_end_with_the_store(store: Store) {
    let journal = store.journal();
    let mut watcher = journal.watch();
    journal.append(one("a", 1, "1"), at(1)).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(watcher.next().await, Some(Told::Batches(_))), "what was told is still heard");
    assert_eq!(watcher.next().await, None);
    assert_eq!(journal.watch().next().await, None);
}

pub(crate) async fn a_closed_store_refuses(store: Store) {
    let (journal, registry) = (store.journal(), store.registry());
    store.close().await.unwrap();
    let written = journal.append(one("a", 1, "1"), at(1)).await;
    assert!(matches!(written, Err(StoreError::Closed)), "{written:?}");
    assert!(matches!(journal.latest().await, Err(StoreError::Closed)));
    assert!(matches!(registry.current().await, Err(StoreError::Closed)));
}
