//! A bus behind a socket: Modbus TCP, or RTU frames through a transparent converter.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{Asked, Bus, Promptness, Said};
use crate::ear::{Ear, Question, Sound};
use crate::pretence::Pretence;

/// The most connections served at once; more wait in the queue of the listener.
const MOST_CLIENTS: usize = 64;

/// Rest after a connection could not be taken.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Listens on a loopback address.
///
/// # Errors
/// When the port is taken.
pub(crate) async fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(at).await
}

/// Serves a bus until told to stop, then waits for its connections to end.
pub(crate) async fn serve(
    bus: Arc<Bus>,
    house: Arc<Pretence>,
    listener: TcpListener,
    stop: CancellationToken,
) {
    let clients = TaskTracker::new();
    let connected = Arc::new(AtomicUsize::new(0));
    let most = if bus.one_client { 1 } else { MOST_CLIENTS };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_AGAIN).await; // no descriptor left: others must end first
            continue;
        };
        if connected.fetch_add(1, Ordering::AcqRel) >= most {
            connected.fetch_sub(1, Ordering::AcqRel);
            continue; // dropping the stream closes it
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(bus = %bus.key, %error, "pieces may come together");
        }
        let (bus, house) = (Arc::clone(&bus), Arc::clone(&house));
        let (stop, connected) = (stop.clone(), Arc::clone(&connected));
        clients.spawn(async move {
            let end = tokio::select! {
                () = stop.cancelled() => Ok(()),
                end = talk(&bus, &house, stream) => end,
            };
            connected.fetch_sub(1, Ordering::AcqRel);
            if let Err(error) = end {
                tracing::debug!(bus = %bus.key, %error, "a client of a simulated bus left");
            }
        });
    }
    clients.close();
    clients.wait().await;
}

/// Answers the questions of one connection in their order.
pub(crate) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    bus: &Bus,
    house: &Pretence,
    mut stream: S,
) -> io::Result<()> {
    let mut ear = Ear::new(bus.way, Duration::ZERO);
    let mut bytes = [0; 512];
    loop {
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        ear.hear(bytes.get(..count).unwrap_or_default(), Instant::now());
        loop {
            match ear.next() {
                Sound::Question(question) => {
                    bus.hear(Promptness::InTime);
                    if answer(bus, house, &mut stream, question).await? == After::Close {
                        return Ok(());
                    }
                }
                Sound::Nothing => break,
                Sound::Broken => return Ok(()),
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum After {
    GoOn,
    Close,
}

/// Answers one question, one at a time on the line behind the converter.
async fn answer<S: AsyncWrite + Unpin>(
    bus: &Bus,
    house: &Pretence,
    stream: &mut S,
    question: Question,
) -> io::Result<After> {
    let _turn = bus.turn.lock().await;
    let Question { heard, frame, began, .. } = question;
    let free = Instant::now(); // another client may have been served first
    let ended = began.max(free) + bus.on_wire(bus.line, frame.len());
    let asked = Asked { heard, frame: &frame, baud: None, ended };
    let said = bus.answer(asked, |place| house.state_now(place));
    bus.occupy(bus.line, &frame, &said);
    let pieces = match said {
        Said::Nothing => return Ok(After::GoOn),
        Said::Close => return Ok(After::Close),
        Said::Pieces(pieces) => pieces,
    };
    let mut at = ended;
    for piece in pieces {
        at += piece.rest + bus.on_wire(bus.line, piece.bytes.len());
        sleep_until(at).await;
        stream.write_all(&piece.bytes).await?;
    }
    Ok(After::GoOn)
}
