//! The store in a folder: who may open it, and what is found there again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{at, batch, gap, key, meter, one, quantity, reading, simulated, site};
use domain::{PlanNumber, Reason};
use store::{Filter, Store, StoreError};
use tempfile::tempdir;

#[tokio::test]
async fn what_was_kept_is_there_after_closing() {
    let folder = tempdir().unwrap();
    let record = site(vec![meter("a", 1)]);
    let store = Store::open(folder.path()).await.unwrap();
    store.registry().apply(&record, "{}", at(0)).await.unwrap();
    let readings = vec![reading("en_im", 1, "4120.70")];
    let sweep = vec![batch("a", readings, vec![gap(None, 2, Reason::Silent)])];
    store.journal().append(sweep, at(3)).await.unwrap();
    let (latest, gateway) = (store.journal().latest().await.unwrap(), store.gateway());
    store.close().await.unwrap();

    let store = Store::open(folder.path()).await.unwrap();
    assert_eq!(store.journal().latest().await.unwrap(), latest);
    assert_eq!(store.journal().gaps(Filter::default()).await.unwrap().len(), 1);
    assert_eq!(store.registry().current().await.unwrap(), Some((PlanNumber(1), record)));
    assert_eq!(store.gateway(), gateway, "the gateway keeps its name");
}

#[tokio::test]
async fn sequences_go_on_after_every_opening_and_tell_the_start() {
    let folder = tempdir().unwrap();
    for second in 1..=5 {
        let store = Store::open(folder.path()).await.unwrap();
        let appended = store.journal().append(one("a", second, "1"), at(second)).await.unwrap();
        assert_eq!(i64::try_from(appended.last_sequence), Ok(second));
        store.close().await.unwrap();
    }
    let store = Store::open_read_only(folder.path()).await.unwrap();
    let kept = store.journal().after(0, 99).await.unwrap();
    let sequences: Vec<u64> = kept.iter().map(|one| one.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5]);
    let boots: std::collections::BTreeSet<_> = kept.iter().map(|one| one.boot).collect();
    assert_eq!(boots.len(), 5, "each start has a name of its own");
}

#[tokio::test]
async fn folder_and_files_are_for_the_owner_alone() {
    let parent = tempdir().unwrap();
    let folder = parent.path().join("var/submeter");
    let store = Store::open(&folder).await.unwrap();
    store.journal().append(one("a", 1, "1"), at(1)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_has_closed() {
    let folder = tempdir().unwrap();
    let first = Store::open(folder.path()).await.unwrap();
    let journal = first.journal(); // a handle that lives on holds nothing back
    let refused = Store::open(folder.path()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "{} is in use by another Submeter: stop it, or choose another folder",
            folder.path().display()
        )
    );
    first.close().await.unwrap();
    Store::open(folder.path()).await.unwrap();
    drop(journal);
}

#[tokio::test]
async fn a_reader_beside_the_writer_sees_what_is_committed() {
    let folder = tempdir().unwrap();
    let writer = Store::open(folder.path()).await.unwrap();
    writer.journal().append(one("a", 1, "1.0"), at(1)).await.unwrap();
    let reader = Store::open_read_only(folder.path()).await.unwrap();
    assert_eq!(reader.journal().latest().await.unwrap().len(), 1);
    writer.journal().append(one("a", 2, "2.0"), at(2)).await.unwrap();
    assert_eq!(reader.journal().latest().await.unwrap(), writer.journal().latest().await.unwrap());
    assert_eq!(reader.gateway(), writer.gateway());
    let written = reader.journal().append(one("a", 3, "3"), at(3)).await;
    assert!(matches!(written, Err(StoreError::ReadOnly)), "{written:?}");
    writer.close().await.unwrap();
    assert_eq!(reader.journal().after(0, 9).await.unwrap().len(), 2, "and after it has gone");
}

#[tokio::test]
async fn reading_where_nothing_is_makes_nothing() {
    let folder = tempdir().unwrap();
    let missing = Store::open_read_only(folder.path()).await;
    assert!(matches!(missing, Err(StoreError::Missing { .. })), "{missing:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    Store::open(folder.path()).await.unwrap().close().await.unwrap();
    database(folder.path()).pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(folder.path().join("submeter.db")).unwrap();
    let refused = Store::open(folder.path()).await.unwrap_err();
    assert!(
        refused.to_string().ends_with(
            "was written by a newer Submeter (schema 99, this one knows 2): install the newer \
             version again, or restore a backup made before the upgrade"
        ),
        "{refused}"
    );
    assert!(matches!(
        Store::open_read_only(folder.path()).await,
        Err(StoreError::Newer { found: 99, .. })
    ));
    assert_eq!(fs::read(folder.path().join("submeter.db")).unwrap(), before);
}

#[tokio::test]
async fn a_database_that_is_not_ours_is_refused() {
    let folder = tempdir().unwrap();
    database(folder.path()).execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    let before = fs::read(folder.path().join("submeter.db")).unwrap();
    let refused = Store::open(folder.path()).await;
    assert_eq!(fs::read(folder.path().join("submeter.db")).unwrap(), before, "and left alone");
    assert!(matches!(refused, Err(StoreError::Foreign { .. })), "{refused:?}");
    fs::write(folder.path().join("submeter.db"), "a letter to a friend".repeat(500)).unwrap();
    let refused = Store::open(folder.path()).await;
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_folder_stays_real_or_simulated() {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    store.registry().apply(&simulated(site(vec![])), "{}", at(0)).await.unwrap();
    store.close().await.unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let refused = store.registry().apply(&site(vec![]), "{}", at(1)).await;
    assert!(matches!(refused, Err(StoreError::Mixed { refused_is_simulated: false, .. })));
}

#[tokio::test]
async fn a_file_in_place_of_the_folder_is_named_in_the_error() {
    let parent = tempdir().unwrap();
    let path = parent.path().join("data");
    fs::write(&path, "").unwrap();
    let error = Store::open(&path).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot make the folder {}", path.display())), "{error}");
}

/// Every byte of a small store is turned over, one at a time in steps. What is read afterwards is
/// either what was written, or an error: never another reading.
#[tokio::test]
async fn a_flipped_byte_is_never_read_as_another_value() {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    for second in 0..40 {
        store.journal().append(one("a", second, "4120.70"), at(second)).await.unwrap();
    }
    let written = store.journal().after(0, 99).await.unwrap();
    store.close().await.unwrap();
    let sound = fs::read(folder.path().join("submeter.db")).unwrap();

    let (mut refused, mut whole) = (0, 0);
    for place in (0..sound.len()).step_by(211) {
        let folder = tempdir().unwrap();
        let mut damaged = sound.clone();
        damaged[place] ^= 0x11;
        fs::write(folder.path().join("submeter.db"), damaged).unwrap();
        let outcome = async {
            let store = Store::open(folder.path()).await?;
            let all = store.journal().after(0, 99).await?;
            let by_time = store.journal().between(Filter::default()).await?;
            Ok::<_, StoreError>((all, by_time))
        };
        match outcome.await {
            Err(_) => refused += 1,
            Ok((all, by_time)) => {
                whole += 1;
                assert_eq!(all, written, "byte {place}");
                assert_eq!(by_time, written, "byte {place}");
            }
        }
    }
    assert!(refused > 10 && whole > 10, "{refused} refused, {whole} whole");
}

/// A page that the registry does not need: the start finds out beside its work.
#[tokio::test]
async fn a_damaged_journal_refuses_and_is_left_as_it_is() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("submeter.db");
    let store = Store::open(folder.path()).await.unwrap();
    store.registry().apply(&site(vec![meter("a", 1)]), "{}", at(0)).await.unwrap();
    let readings = (0..2_000).map(|second| reading("en_im", second, "1.50")).collect();
    store.journal().append(vec![batch("a", readings, vec![])], at(9)).await.unwrap();
    store.close().await.unwrap();
    let mut damaged = fs::read(&file).unwrap();
    let middle = damaged.len() / 2 / 4096 * 4096; // the head of a page of readings
    damaged[middle..middle + 8].fill(0xff);
    fs::write(&file, &damaged).unwrap();

    let store = Store::open(folder.path()).await.unwrap();
    assert!(store.registry().current().await.unwrap().is_some(), "the registry is sound");
    let told = store.journal().after(0, 1).await;
    assert!(matches!(told, Err(StoreError::Damaged { .. })), "not even what is sound: {told:?}");
    let written = store.journal().append(one("a", 9_999, "2.50"), at(9)).await;
    assert!(matches!(written, Err(StoreError::Damaged { .. })), "{written:?}");
    assert!(matches!(store.checked().await, Err(StoreError::Damaged { .. })));
    store.close().await.unwrap();
    assert_eq!(fs::read(&file).unwrap(), damaged, "for whoever saves what is left");
}

#[tokio::test]
async fn readings_of_a_meter_cannot_be_changed_from_outside() {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    store.journal().append(one("a", 1, "1"), at(1)).await.unwrap();
    store.close().await.unwrap();
    let database = database(folder.path());
    for sql in ["UPDATE reading SET mantissa = 2", "DELETE FROM reading"] {
        let refused = database.execute(sql, []).unwrap_err().to_string();
        assert!(refused.starts_with("a reading is never"), "{refused}");
    }
    drop(database);
    let store = Store::open_read_only(folder.path()).await.unwrap();
    let revisions = store.journal().revisions(key("a"), quantity("en_im"), at(1)).await.unwrap();
    assert_eq!(revisions.len(), 1);
}

fn database(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.join("submeter.db")).unwrap()
}
