//! The local door of a running service, and how a service ends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::config::Network;
use app::house::House;
use app::service::{self, Question, Reply};
use catalog::{Catalog, CheckedSite};
use domain::Clock;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A site of one meter on a converter.
fn site(port: &str, name: &str) -> CheckedSite {
    let text = format!(
        "[site]\nkey = \"s\"\n[[bus]]\nkey = \"b\"\nport = \"{port}\"\n\
         [[meter]]\nkey = \"{name}\"\nbus = \"b\"\naddress = 1\n\
         model = \"eastron/sdm630\"\ntimeout = 0.2\n"
    );
    let (site, problems) = catalog::check_site(&text, &Catalog::shipped());
    site.unwrap_or_else(|| panic!("{}", problems.render("site", &text)))
}

async fn house(folder: &Path) -> Arc<House> {
    let clock = Clock::new(|| "2026-11-14T14:05:00Z".parse().unwrap());
    let house = House::open(folder, Catalog::shipped(), clock, Network::default()).await;
    Arc::new(house.unwrap())
}

#[tokio::test]
async fn whoever_only_stands_in_the_door_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (data, served, told) = (folder.path().to_owned(), Arc::clone(&house), stop.clone());
    tasks.spawn(async move { service::serve(&data, served, told).await });
    let idle = loop {
        match UnixStream::connect(service::socket(folder.path())).await {
            Ok(idle) => break idle,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    // Once this one is answered, the one before it was let in.
    let asked = service::ask(folder.path(), &Question::Read { meters: Vec::new() }).await;
    assert!(matches!(asked.unwrap(), Some(Reply::Failed { .. })), "there is no site yet");
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), tasks.join_next()).await;
    ended.unwrap().unwrap().unwrap().unwrap();
    let mut left = Vec::new();
    { idle }.read_to_end(&mut left).await.unwrap();
    assert!(left.is_empty() && !service::socket(folder.path()).exists());
}

#[tokio::test]
async fn the_newest_plan_of_the_registry_is_the_one_that_reads() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    // A converter that says nothing: it takes a while until its bus has ended.
    let converter = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("rtu+tcp://{}", converter.local_addr().unwrap());
    let mut applying = JoinSet::new();
    for n in 0..3 {
        let (house, site) = (Arc::clone(&house), site(&port, &format!("m{n}")));
        applying.spawn(async move { house.apply(site).await.unwrap() });
    }
    while let Some(applied) = applying.join_next().await {
        applied.unwrap();
    }
    let (_, record) = house.store().registry().current().await.unwrap().unwrap();
    let read = house.site().await.unwrap();
    assert_eq!(read.meters[0].key, record.meters[0].key);
    let asked = house.asks().await.read_now(&record.meters[0].key).await;
    assert_eq!(asked.unwrap().gaps.len(), 1, "its gateway is the one that runs");
    Arc::into_inner(house).unwrap().close().await.unwrap();
}
