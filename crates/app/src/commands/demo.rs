//! `submeter demo`: a simulated building, read by the real gateway over real lines and sockets.

use std::path::Path;

use domain::Clock;
use simulator::House as Simulated;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::cli::Demo;
use crate::exit::Exit;
use crate::house::House;
use crate::{output, signal, when};

/// Plain lines come as often as this.
const LINES: std::time::Duration = std::time::Duration::from_secs(5);
/// The live table is drawn anew as often as this.
const FRAME: std::time::Duration = std::time::Duration::from_secs(1);

/// Starts the building and shows it until told to stop, or for the time asked for.
///
/// # Errors
/// When a port or the journal cannot be opened.
pub async fn run(args: &Demo, clock: Clock) -> anyhow::Result<Exit> {
    let period = match when::optional_duration("--for", args.period.as_deref()) {
        Ok(period) => period,
        Err(told) => {
            output::message(&told);
            return Ok(Exit::Usage);
        }
    };
    // Lines and journal lie in a folder of their own, which goes with the demo.
    let folder = Folder::new()?;
    let data = args.data.clone().unwrap_or_else(|| folder.path().join("data"));
    let shown = tokio::select! {
        shown = show(args, &folder, &data, clock) => shown,
        () = signal::told_to_stop() => Ok(()),
        () = when::pass(period) => Ok(()),
    };
    shown?;
    Ok(Exit::Good)
}
