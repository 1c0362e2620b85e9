//! Starts the rooms of a running service, waits for them, and stops them.
//!
//! Only the sources are told to stop. The buses finish their exchange, the collector writes what
//! they read, and then the journal is closed.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use catalog::{Catalog, CheckedSite};
use domain::{Clock, PlanNumber};
use gateway::{Access, Around, Asks, BusPlan, Gateway, Look, Plan};
use jiff::tz::TimeZone;
use portal::Ready;
use store::Store;
use tokio::sync::{Mutex, RwLock, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Network;
use crate::plan_document;

/// A house that runs: the store, the catalog, and the gateway that reads under the newest plan.
#[derive(Debug)]
pub struct House {
    store: Store,
    catalog: Catalog,
    clock: Clock,
    /// Whoever asks reads through it; a new plan exchanges it.
    asks: RwLock<Asks>,
    /// Whoever looks sees its buses; exchanged likewise.
    look: RwLock<Look>,
    site: RwLock<Option<Arc<CheckedSite>>>,
    /// The gateway under the plan in force, and what stops it. Whoever changes the plan holds it
    /// from the registry to the new gateway: the newest plan in the registry is the one that reads.
    reading: Mutex<Option<Reading>>,
    /// Cancelled when the gateway in force has lost a task.
    untold: watch::Sender<CancellationToken>,
    ready: Ready,
    /// What may be dialled.
    network: Network,
}

/// A gateway, and what stops it.
type Reading = (Gateway, CancellationToken);

impl House {
    /// Opens the store. Nothing is read yet: [`Self::resume`] or [`Self::apply`] begin.
    ///
    /// # Errors
    /// When the folder is in use or cannot be used.
    pub async fn open(
        data: &Path,
        catalog: Catalog,
        clock: Clock,
        network: Network,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            store: Store::open(data).await?,
            catalog,
            clock,
            asks: RwLock::default(),
            look: RwLock::default(),
            site: RwLock::default(),
            reading: Mutex::default(),
            untold: watch::Sender::new(CancellationToken::new()),
            ready: Ready::default(),
            network,
        })
    }

    /// Starts reading what the registry says; nothing yet, if it is empty.
    ///
    /// # Errors
    /// When what the registry holds no longer checks, or cannot be read.
    pub async fn resume(&self) -> anyhow::Result<()> {
        let Some((number, record)) = self.store.registry().current().await? else { return Ok(()) };
        let text = catalog::write_site(&record);
        let (site, problems) = catalog::check_site(&text, &self.catalog);
        let Some(site) = site else {
            bail!(
                "the registry does not check any more; start with a corrected file, --site:\n{}",
                problems.render("registry", &text)
            );
        };
        // A changed model file changes the plan without a change of the registry.
        let now = self.apply(site).await?;
        if now != number {
            info!(plan = now.0, before = number.0, "The models have changed the plan");
        }
        Ok(())
    }

    /// Brings the registry to a site and reads under the new plan, from the next sweep on.
    ///
    /// # Errors
    /// When the registry refuses the site.
    pub async fn apply(&self, site: CheckedSite) -> anyhow::Result<PlanNumber> {
        let zone = TimeZone::get(&site.record.site.time_zone)?;
        let mut reading = self.reading.lock().await;
        let number = self.register(&site).await?;
        self.read(&mut reading, site, (number, zone)).await;
        Ok(number)
    }

    /// Waits until a task of the gateway has ended that nobody had told to: the house reads no
    /// more, or not everything, and is to be started anew.
    pub async fn failed(&self) {
        let mut untold = self.untold.subscribe();
        loop {
            let gateway = untold.borrow_and_update().clone();
            tokio::select! {
                () = gateway.cancelled() => return,
                Ok(()) = untold.changed() => {}
            }
        }
    }

    /// The site in force.
    pub async fn site(&self) -> Option<Arc<CheckedSite>> {
        self.site.read().await.clone()
    }

    /// The way in for questions.
    pub async fn asks(&self) -> Asks {
        self.asks.read().await.clone()
    }

    /// A look at the buses under the plan in force.
    pub async fn look(&self) -> Look {
        self.look.read().await.clone()
    }

    /// The clock that was handed in.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether it reads, for whoever asks over HTTP.
    #[must_use]
    pub fn ready(&self) -> Ready {
        self.ready.clone()
    }

    /// The known models.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The memory.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stops reading, appends what was read, and closes the journal.
    ///
    /// # Errors
    /// When the journal cannot be closed in order.
    pub async fn close(self) -> anyhow::Result<()> {
        pause(&mut *self.reading.lock().await).await;
        self.store.close().await.context("the journal was not closed in order")
    }

    async fn register(&self, site: &CheckedSite) -> anyhow::Result<PlanNumber> {
        let document = plan_document::write(site);
        let now = self.clock.now();
        let applied = self.store.registry().apply(&site.record, &document, now).await?;
        for meter in &applied.difference.meters_retired {
            warn!(%meter, "No longer in the site: the meter is retired, its readings stay");
        }
        Ok(applied.plan)
    }

    async fn read(
        &self,
        reading: &mut Option<Reading>,
        site: CheckedSite,
        (number, zone): (PlanNumber, TimeZone),
    ) {
        let plan = Plan::of(&site, number);
        pause(reading).await;
        let stop = CancellationToken::new();
        let around = Around { zone: &zone, clock: &self.clock, stop: &stop };
        let gateway =
            gateway::start_on(plan, |bus| self.fenced(bus), self.store.journal(), &around);
        *self.asks.write().await = gateway.asks();
        *self.look.write().await = gateway.look();
        let (meters, buses) = (site.meters.len(), site.buses.len());
        info!(site = %site.record.site.key, plan = number.0, meters, buses, "Reading");
        *self.site.write().await = Some(Arc::new(site));
        self.untold.send_replace(gateway.untold());
        *reading = Some((gateway, stop));
        self.ready.set(true);
    }

    /// The port of a bus inside the networks and ports that the box file allows.
    fn fenced(&self, bus: &BusPlan) -> Access {
        let network = self.network.clone();
        bus.access().fenced(move |at| network.allows(at))
    }
}

/// Ends the gateway; what it has read is in the journal afterwards.
async fn pause(reading: &mut Option<Reading>) {
    if let Some((gateway, stop)) = reading.take() {
        stop.cancel();
        gateway.ended(&stop).await;
    }
}
