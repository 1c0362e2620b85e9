//! How a person or the service manager says stop.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for an interrupt or a termination.
pub async fn told_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without signals only a kill ends the program, which the journal survives.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
