//! `submeter run`: reads, remembers, answers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use catalog::{Catalog, CheckedSite};
use domain::Clock;
use portal::Ready;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::cli::Run;
use crate::config::Network;
use crate::exit::Exit;
use crate::house::House;
use crate::{config, output, service, signal};

/// Runs until it is told to stop.
///
/// # Errors
/// When the store, the site or the listener cannot be used.
pub async fn run(args: &Run, catalog: Catalog, clock: Clock) -> anyhow::Result<Exit> {
    let Settings { data, site, listen, network } = match settings(args, &catalog) {
        Ok(settings) => settings,
        Err(exit) => return Ok(exit),
    };
    let house = Arc::new(House::open(&data, catalog, clock, network).await?);
    match site {
        Some(site) => drop(house.apply(site).await?),
        None => house.resume().await?,
    }
    if house.site().await.is_none() {
        output::message(
            "no site yet: start with --site site.toml, or `submeter apply site.toml` meanwhile",
        );
    }
    let stop = CancellationToken::new();
    let watched = async {
        let ended = tokio::select! {
            () = signal::told_to_stop() => Ok(()),
            () = stop.cancelled() => Ok(()),
            () = house.failed() => Err(anyhow!("a part of the gateway has failed; start it anew")),
            Err(damage) = house.store().checked() => Err(damage.into()),
        };
        stop.cancel();
        ended
    };
    let door = service::serve(&data, Arc::clone(&house), stop.clone());
    let pages = pages(listen, house.ready(), stop.clone());
    let (door, pages, reading) = tokio::join!(or_stop(door, &stop), or_stop(pages, &stop), watched);
    let house = Arc::into_inner(house).context("the house is still in use")?;
    house.close().await?;
    door.and(pages).and(reading)?;
    info!("Stopped in order");
    Ok(Exit::Good)
}

/// What flags and box file say together; a flag wins.
struct Settings {
    data: PathBuf,
    site: Option<CheckedSite>,
    listen: Option<SocketAddr>,
    network: Network,
}

fn settings(args: &Run, catalog: &Catalog) -> Result<Settings, Exit> {
    let told = |exit: Exit| {
        move |text: String| {
            output::message(text.trim_end());
            exit
        }
    };
    let path = args.config.as_deref();
    let box_file = path.map(config::load).transpose().map_err(told(Exit::Invalid))?;
    let box_file = box_file.unwrap_or_default();
    if box_file.broker.is_some() {
        output::message("note: [broker] is checked, but this version announces nothing yet");
    }
    let stored = box_file.store.as_deref().map(config::store_folder).transpose();
    let stored = stored.map_err(told(Exit::Invalid))?;
    let listen = args.listen.as_deref().map(config::listen_address).transpose();
    Ok(Settings {
        data: args.data.named().or(stored).unwrap_or_else(|| args.data.folder()),
        site: match &args.site {
            Some(path) => Some(super::site_file(path, catalog)?.1),
            None => None,
        },
        listen: listen.map_err(told(Exit::Usage))?.or(box_file.listen),
        network: box_file.network,
    })
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
