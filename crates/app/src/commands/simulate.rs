//! `submeter simulate`: the meters of a house file, answering on real lines and sockets.

use anyhow::Context;
use domain::Clock;
use simulator::{House, HouseError};
use tokio_util::sync::CancellationToken;

use crate::cli::Simulate;
use crate::exit::Exit;
use crate::{output, signal, when};

/// Simulates until told to stop, or for the time asked for.
///
/// # Errors
/// When a port cannot be opened.
pub async fn run(args: &Simulate, clock: Clock) -> anyhow::Result<Exit> {
    let period = match when::optional_duration("--for", args.period.as_deref()) {
        Ok(period) => period,
        Err(told) => {
            output::message(&told);
            return Ok(Exit::Usage);
        }
    };
    let text = match super::read_bytes(&args.house) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(exit) => return Ok(exit),
    };
    let catalog = super::catalog(None)?;
    let house = match House::parse(&text, &catalog) {
        Ok(house) => house,
        Err(error) => {
            let name = args.house.display().to_string();
            output::message(
                match &error {
                    HouseError::Site { problems, text } => problems.render(&name, text),
                    other => format!("{name}: {other}"),
                }
                .trim_end(),
            );
            return Ok(Exit::Invalid);
        }
    };
    let house = match with_faults(house, &args.faults) {
        Ok(house) => house,
        Err(exit) => return Ok(exit),
    };
    let stop = CancellationToken::new();
    let running = simulator::start(house, clock, stop.clone()).await?;
    for (bus, port) in running.ports() {
        output::line(&format!("bus {bus}: {port}"))?;
    }
    if let Some(path) = &args.write_site {
        std::fs::write(path, running.site_text())
            .with_context(|| format!("cannot write {}", path.display()))?;
        output::line(&format!("site file: {}", path.display()))?;
    }
    output::message("simulating; Ctrl-C ends it");
    tokio::select! {
        () = signal::told_to_stop() => {}
        () = when::pass(period) => {}
    }
    stop.cancel();
    running.ended().await;
    Ok(Exit::Good)
}

/// The house with the faults of the command line, or how the command ends.
///
/// # Errors
/// When there is no such fault, or no such meter; that was said.
pub(super) fn with_faults(house: House, faults: &[String]) -> Result<House, Exit> {
    faults.iter().try_fold(house, |house, fault| {
        house.with_fault(fault).map_err(|error| {
            output::message(&format!("--fault {error}"));
            Exit::Usage
        })
    })
}
