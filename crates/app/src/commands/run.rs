//! `submeter run`: reads, remembers, answers.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use catalog::Catalog;
use domain::Clock;
use portal::Ready;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::cli::Run;
use crate::exit::Exit;
use crate::house::House;
use crate::{config, output, service, signal};

/// Runs until it is told to stop.
///
/// # Errors
/// When the store, the site or the listener cannot be used.
pub async fn run(args: &Run, catalog: Catalog, clock: Clock) -> anyhow::Result<Exit> {
    let box_file = match &args.config {
        Some(path) => match config::load(path) {
            Ok(checked) => checked,
            Err(told) => {
                output::message(&told);
                return Ok(Exit::Invalid);
            }
        },
        None => config::Checked::default(),
    };
    let site = match &args.site {
        Some(path) => match super::site_file(path, &catalog) {
            Ok((_, site)) => Some(site),
            Err(exit) => return Ok(exit),
        },
        None => None,
    };
    let listen = match &args.listen {
        Some(text) => match config::listen_address(text) {
            Ok(address) => Some(address),
            Err(told) => {
                output::message(&told);
                return Ok(Exit::Usage);
            }
        },
        None => box_file.listen,
    };
    let house = Arc::new(House::open(&args.data.data, catalog, clock).await?);
    if let Some(site) = site {
        house.apply(site).await?;
    }
    if house.site().await.is_none() {
        output::message(
            "no site yet: start with --site site.toml, or `submeter apply site.toml` meanwhile",
        );
    }
    let stop = CancellationToken::new();
    let told = stop.clone();
    let signals = async move {
        tokio::select! {
            () = signal::told_to_stop() => told.cancel(),
            () = told.cancelled() => {}
        }
    };
    let door = service::serve(&args.data.data, Arc::clone(&house), stop.clone());
    let pages = pages(listen, house.ready(), stop.clone());
    let (door, pages, ()) = tokio::join!(or_stop(door, &stop), or_stop(pages, &stop), signals);
    let house = Arc::into_inner(house).context("the house is still in use")?;
    house.close().await?;
    door.and(pages)?;
    info!("Stopped in order");
    Ok(Exit::Good)
}

/// A part that fails stops the house: a service that half runs is worse than one that restarts.
async fn or_stop(
    part: impl Future<Output = anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let ended = part.await;
    if ended.is_err() {
        stop.cancel();
    }
    ended
}

/// The pages, where an address is set.
async fn pages(
    listen: Option<SocketAddr>,
    ready: Ready,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Some(address) = listen else { return Ok(()) };
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    info!(address = %listener.local_addr()?, "Listening");
    Ok(portal::serve(listener, ready, stop).await?)
}
