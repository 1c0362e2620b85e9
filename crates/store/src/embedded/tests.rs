//! What only the engine itself can be asked: its settings, its failures, its migrations.

use std::path::Path;

use domain::{Batch, Decimal, Key, PlanNumber, Quality, Quantity, Reading, Source};
use tempfile::tempdir;

use super::*;
use crate::Told;

#[tokio::test]
async fn durability_rests_on_a_synced_write_ahead_log() {
    let folder = tempdir().unwrap();
    let store = Embedded::open(folder.path()).await.unwrap();
    for (pragma, expected) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"), // FULL
        ("foreign_keys", "1"),
        ("trusted_schema", "0"),
        ("cell_size_check", "1"),
    ] {
        assert_eq!(setting(&store, pragma).await, expected, "{pragma}");
    }
}

#[tokio::test]
async fn a_failed_append_acknowledges_nothing_and_the_next_one_works() {
    let folder = tempdir().unwrap();
    let store = Embedded::open(folder.path()).await.unwrap();
    store.append(sweep(0..10), at(0)).await.unwrap();
    let mut watcher = store.watch();
    let full = |connection: &mut Connection, _: Boot| -> Result<(), Failure> {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        Ok(())
    };
    store.write("fill the disk", full).await.unwrap();

    let refused = store.append(sweep(10..5_000), at(1)).await;
    assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    assert_eq!(store.after(0, 9_999).await.unwrap().len(), 10, "nothing of it is kept");

    // The limit went with the connection that failed, and so did every doubt about it.
    let appended = store.append(sweep(5..5_000), at(2)).await.unwrap();
    assert_eq!((appended.new, appended.known, appended.last_sequence), (4_990, 5, 5_000));
    let Some(Told::Batches(told)) = watcher.next().await else { panic!("nothing told") };
    assert_eq!(told[0].readings.len(), 4_990, "the failed one was never told");
    assert_eq!(setting(&store, "synchronous").await, "2", "and the new one is as careful");
}

#[tokio::test]
async fn a_refused_piece_of_work_leaves_the_connection_alone() {
    let store = Embedded::in_memory().await.unwrap();
    store.append(sweep(0..1), at(0)).await.unwrap();
    let broken = |connection: &mut Connection, _: Boot| -> Result<(), Failure> {
        Ok(connection.execute_batch("no such words")?)
    };
    assert!(matches!(store.write("fail", broken).await, Err(StoreError::Failed { .. })));
    assert_eq!(store.latest().await.unwrap().len(), 1, "memory outlives a failure");
}

#[test]
fn a_file_comes_forward_in_one_step_with_a_copy_of_it_before() {
    const SECOND: &str = "ALTER TABLE plan ADD COLUMN note TEXT";
    let folder = tempdir().unwrap();
    let (place, _lock) = Place::take(folder.path()).unwrap();
    let mut connection = place.writer().unwrap();
    let [first, ..] = schema::STEPS else { panic!("there is a first step") };
    schema::bring_forward(&mut connection, &place, &[first]).unwrap();
    begin(&mut connection, &place).unwrap();
    let copy = folder.path().join("submeter.db.schema-1");
    assert!(!copy.exists(), "an empty file needs no copy");

    let half = [*first, SECOND, "no such words"];
    assert!(schema::bring_forward(&mut connection, &place, &half).is_err());
    assert_eq!(version(&connection), 1, "a step that fails takes all of them back");
    connection.prepare("SELECT note FROM plan").unwrap_err();

    schema::bring_forward(&mut connection, &place, &[first, SECOND]).unwrap();
    assert_eq!(version(&connection), 2);
    connection.prepare("SELECT note FROM plan").unwrap();
    let before = Connection::open(&copy).unwrap();
    assert_eq!(version(&before), 1);
    assert_eq!(gateway(&before).unwrap(), gateway(&connection).unwrap());
    assert_eq!(names(folder.path()), ["submeter.db", "submeter.db.schema-1", "submeter.lock"]);

    let older = schema::bring_forward(&mut connection, &place, &[first]);
    assert!(matches!(older, Err(Failure::Told(StoreError::Newer { found: 2, known: 1, .. }))));
}

#[tokio::test]
async fn a_journal_of_schema_1_opens_and_takes_slots_from_then_on() {
    let folder = tempdir().unwrap();
    let store = Embedded::open(folder.path()).await.unwrap();
    store.append(sweep(0..3), at(0)).await.unwrap();
    let before = store.after(0, 9).await.unwrap();
    store.close().await.unwrap();
    // As a program that knows nothing of slots wrote it.
    let file = Connection::open(folder.path().join("submeter.db")).unwrap();
    file.execute_batch("ALTER TABLE batch DROP COLUMN slot; PRAGMA user_version = 1").unwrap();
    let tables = "SELECT sql FROM sqlite_schema WHERE name = 'batch'";
    let table: String = file.query_row(tables, [], |row| row.get(0)).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(schema::STEPS[0]).contains(&words(&table)), "{table}");
    drop(file);

    let store = Embedded::open(folder.path()).await.unwrap();
    assert_eq!(store.after(0, 9).await.unwrap(), before, "sealed as before");
    let slot = Some(at(3));
    let labelled = || sweep(0..4).into_iter().map(|batch| Batch { slot, ..batch }).collect();
    let appended = store.append(labelled(), at(1)).await.unwrap();
    assert_eq!((appended.new, appended.known, appended.conflicts), (1, 3, 0), "no conflict");
    let found = store.between(Filter { slot, ..Filter::default() }).await.unwrap();
    assert_eq!(
        found.iter().map(|kept| (kept.sequence, kept.slot)).collect::<Vec<_>>(),
        [(4, slot)]
    );
    let copy = Connection::open(folder.path().join("submeter.db.schema-1")).unwrap();
    assert_eq!(version(&copy), 1);
    copy.prepare("SELECT slot FROM batch").unwrap_err();
    store.close().await.unwrap();

    let file = Connection::open(folder.path().join("submeter.db")).unwrap();
    file.execute_batch("UPDATE batch SET slot = slot + 1 WHERE slot IS NOT NULL").unwrap();
    drop(file);
    let store = Embedded::open_read_only(folder.path()).await.unwrap();
    let damaged = store.after(0, 9).await;
    assert!(damaged.is_err(), "another slot breaks the seal: {damaged:?}");
}

#[tokio::test]
async fn readings_are_found_by_their_index_and_never_by_walking_the_journal() {
    let store = Embedded::in_memory().await.unwrap();
    for which in
        [fetch::NEWEST_OF_EACH, "WHERE r.series = 1 AND r.at BETWEEN 2 AND 3 ORDER BY r.at"]
    {
        let plan = move |connection: &mut Connection, _: Boot| -> Result<Vec<String>, Failure> {
            let sql = format!("EXPLAIN QUERY PLAN {}{which}", row::READINGS);
            let mut statement = connection.prepare(&sql)?;
            let steps = statement.query_map([], |row| row.get::<_, String>(3))?;
            Ok(steps.collect::<Result<_, _>>()?)
        };
        let steps = store.write("explain", plan).await.unwrap();
        let walks = |step: &String| {
            step.starts_with("SCAN r") || step.starts_with("SCAN n") || step.contains("TEMP B-TREE")
        };
        assert!(!steps.iter().any(walks), "{steps:#?}");
    }
}

#[tokio::test]
async fn the_registry_answers_at_once_and_the_journal_after_the_check() {
    let folder = tempdir().unwrap();
    let record = domain::SiteRecord {
        site: domain::Site {
            key: Key::new("house").unwrap(),
            time_zone: "Europe/Berlin".to_owned(),
            simulated: false,
        },
        buses: Vec::new(),
        meters: Vec::new(),
    };
    let store = Embedded::open(folder.path()).await.unwrap();
    let applied = store.apply(record.clone(), "{}".to_owned(), at(0)).await.unwrap();
    store.append(sweep(0..10), at(0)).await.unwrap();
    store.close().await.unwrap();

    let (place, lock) = Place::take(folder.path()).unwrap();
    let store = Shared::start(place, Some(lock)).unwrap(); // nobody runs its check yet
    assert_eq!(store.current().await.unwrap(), Some((applied.plan, record.clone())));
    let again = store.apply(record.clone(), "{}".to_owned(), at(1)).await.unwrap();
    assert_eq!((again.plan, again.difference.is_empty()), (applied.plan, true));
    let mut appending = std::pin::pin!(store.append(sweep(5..20), at(1)));
    let mut reading = std::pin::pin!(store.after(0, 99));
    let mut applying = std::pin::pin!(store.apply(record, "{ }".to_owned(), at(1)));
    std::future::poll_fn(|context| {
        assert!(appending.as_mut().poll(context).is_pending());
        assert!(reading.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;

    store.0.check.run(&store.0.place);
    assert_eq!(reading.await.unwrap().len(), 10);
    assert_eq!(appending.await.unwrap().last_sequence, 20);
    assert_ne!(applying.as_mut().await.unwrap().plan, applied.plan);
}

#[tokio::test]
async fn who_closes_does_not_wait_for_the_check() {
    let folder = tempdir().unwrap();
    let (place, lock) = Place::take(folder.path()).unwrap();
    let store = Shared::start(place, Some(lock)).unwrap();
    let (journal, check, place) =
        (store.clone(), Arc::clone(&store.0.check), store.0.place.clone());
    store.close().await.unwrap();
    let waited = journal.append(sweep(0..1), at(0)).await;
    assert!(matches!(waited, Err(StoreError::Closed)), "{waited:?}");
    check.run(&place); // late: nobody wants to know any more
    assert!(matches!(check.ended(&place).await, Err(StoreError::Closed)));
}

fn sweep(seconds: std::ops::Range<i64>) -> Vec<Batch> {
    let quantity = Quantity::from_name("en_im").unwrap();
    let reading = |second| Reading {
        quantity,
        value: Decimal::new(412_070, 2),
        at: at(second),
        quality: Quality::Good,
        source: Source::Meter,
        raw: None,
    };
    vec![Batch {
        meter: Key::new("a").unwrap(),
        plan: PlanNumber(1),
        slot: None,
        at: at(0),
        duration: std::time::Duration::ZERO,
        readings: seconds.map(reading).collect(),
        gaps: Vec::new(),
    }]
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

async fn setting(store: &Embedded, pragma: &'static str) -> String {
    let ask = move |connection: &mut Connection, _: Boot| -> Result<String, Failure> {
        let value: rusqlite::types::Value =
            connection.pragma_query_value(None, pragma, |row| row.get(0))?;
        Ok(match value {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        })
    };
    store.write("ask", ask).await.unwrap()
}

fn version(connection: &Connection) -> i64 {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| name(entry).into_string().unwrap())
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    names.sort();
    names
}
