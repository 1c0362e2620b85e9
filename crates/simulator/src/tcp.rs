//! A bus behind a socket: Modbus TCP, or RTU frames through a transparent converter.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{Asked, Bus, Promptness, Said};
use crate::condition::noise;
use crate::ear::{Ear, Question, Sound};
use crate::fault::{Trouble, Way};
use crate::pretence::Pretence;

/// The most connections served at once; more wait in the queue of the listener.
const MOST_CLIENTS: usize = 64;

/// Rest after a connection could not be taken, or a port not be opened.
const AGAIN: Duration = Duration::from_millis(100);

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
    let clients = Clients { tasks: TaskTracker::new(), connected: Arc::default() };
    let end = tokio::select! {
        () = stop.cancelled() => Ok(()),
        end = accept(&bus, &house, listener, &clients, &stop) => end,
    };
    if let Err(error) = end {
        tracing::error!(bus = %bus.key, %error, "a simulated converter broke");
    }
    clients.tasks.close();
    clients.tasks.wait().await;
}

/// The connections of a bus.
struct Clients {
    tasks: TaskTracker,
    connected: Arc<AtomicUsize>,
}

/// Takes connections for ever. While the converter is away they are refused.
async fn accept(
    bus: &Arc<Bus>,
    house: &Arc<Pretence>,
    mut listener: TcpListener,
    clients: &Clients,
    stop: &CancellationToken,
) -> io::Result<()> {
    let at = listener.local_addr()?;
    let most = if bus.one_client { 1 } else { MOST_CLIENTS };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = bus.condition.away() => {
                drop(listener);
                listener = come_back(bus, at).await;
                continue;
            }
        };
        let Ok((stream, _)) = accepted else {
            sleep(AGAIN).await; // no descriptor left: others must end first
            continue;
        };
        if clients.connected.fetch_add(1, Ordering::AcqRel) >= most {
            clients.connected.fetch_sub(1, Ordering::AcqRel);
            continue; // dropping the stream closes it
        }
        let (bus, house, stop) = (Arc::clone(bus), Arc::clone(house), stop.clone());
        let connected = Arc::clone(&clients.connected);
        clients.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = serve_client(&bus, &house, stream) => {}
            }
            connected.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

/// Opens the port again when the time has come.
async fn come_back(bus: &Bus, at: SocketAddr) -> TcpListener {
    while let Some(until) = bus.condition.away_until() {
        sleep_until(until).await;
    }
    loop {
        match listen(at).await {
            Ok(listener) => return listener,
            Err(error) => tracing::debug!(bus = %bus.key, %error, "the port is still taken"),
        }
        sleep(AGAIN).await;
    }
}

async fn serve_client(bus: &Bus, house: &Pretence, mut stream: TcpStream) {
    let nodelay = stream.set_nodelay(true); // else two pieces would come as one
    let mut end = if nodelay.is_ok() { talk(bus, house, &mut stream).await } else { nodelay };
    if bus.condition.away_until().is_some() {
        end = end.and(stream.set_zero_linger()); // who has lost its memory resets
    }
    if let Err(error) = end {
        tracing::debug!(bus = %bus.key, %error, "a client of a simulated bus left");
    }
}

/// Answers the questions of one connection in their order, until either side ends it.
pub(crate) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    bus: &Bus,
    house: &Pretence,
    stream: &mut S,
) -> io::Result<()> {
    let (number, way) = bus.connect();
    // In memory, a serial line is as one of copper; what comes over a socket comes at once.
    let character = if way == Way::Pty { bus.on_wire(bus.line, &[0], way) } else { Duration::ZERO };
    let (ear, opened, deaf) = (Ear::new(way, character), Instant::now(), false);
    let mut talk = Talk { bus, house, stream, ear, way, opened, deaf };
    let mut bytes = [0; 512];
    loop {
        if let Some(until) = bus.condition.babbles_until() {
            talk.babble(until).await?;
        }
        let tired = async {
            match bus.patience(number) {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let count = tokio::select! {
            () = bus.condition.away() => return Ok(()),
            () = bus.condition.trouble() => continue,
            () = tired => return Ok(()),
            read = talk.stream.read(&mut bytes) => read?,
        };
        if count == 0 || talk.hear(bytes.get(..count).unwrap_or_default()).await? == After::Close {
            return Ok(());
        }
    }
}

/// One connection.
struct Talk<'a, S> {
    bus: &'a Bus,
    house: &'a Pretence,
    stream: &'a mut S,
    ear: Ear,
    way: Way,
    opened: Instant,
    /// Whether it swallows everything.
    deaf: bool,
}

#[derive(PartialEq, Eq)]
enum After {
    GoOn,
    Close,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn hear(&mut self, bytes: &[u8]) -> io::Result<After> {
        self.ear.hear(bytes, Instant::now());
        loop {
            let question = match self.ear.next() {
                Sound::Question(question) => question,
                Sound::Nothing => return Ok(After::GoOn),
                Sound::Broken => return Ok(After::Close),
            };
            let silence = self.bus.line_of(question.heard.address).silence();
            let early = self.way == Way::Pty && question.is_early(silence);
            let number = self.bus.hear(if early { Promptness::Early } else { Promptness::InTime });
            let troubles = self.bus.struck(number, self.opened);
            self.deaf |= troubles.contains(&Trouble::HalfOpen);
            if self.deaf || !self.bus.condition.is_good() {
                self.bus.ignore();
            } else if self.answer(&question, &troubles).await? == After::Close {
                return Ok(After::Close);
            }
        }
    }

    /// Answers one question, one at a time on the line behind the converter.
    async fn answer(&mut self, question: &Question, troubles: &[Trouble]) -> io::Result<After> {
        let (bus, way) = (self.bus, self.way);
        let _turn = bus.turn.lock().await;
        let free = Instant::now(); // another client may have been served first
        let ended = question.began.max(free) + bus.on_wire(bus.line, &question.frame, way);
        let asked = Asked { question, ended, way, baud: None, troubles };
        let said = bus.answer(asked, self.house);
        bus.occupy(bus.line, asked, &said);
        let pieces = match said {
            Said::Nothing => return Ok(After::GoOn),
            Said::Close => return Ok(After::Close),
            Said::Pieces(pieces) => pieces,
        };
        let mut at = ended;
        for piece in pieces {
            at += piece.rest + bus.on_wire(bus.line, &piece.bytes, way);
            tokio::select! {
                () = bus.condition.away() => return Ok(After::Close),
                () = sleep_until(at) => {}
            }
            self.stream.write_all(&piece.bytes).await?;
            self.ear.said(Instant::now());
        }
        Ok(After::GoOn)
    }

    /// Says noise as quickly as the line behind the converter can, and heeds nothing.
    async fn babble(&mut self, until: Instant) -> io::Result<()> {
        let (mut at, mut heard) = (Instant::now(), [0; 512]);
        for n in 0.. {
            let bytes = noise(self.bus.seed, n);
            at += self.bus.line.wire_time(bytes.len());
            if at >= until {
                break;
            }
            loop {
                tokio::select! {
                    biased;
                    () = self.bus.condition.away() => return Ok(()),
                    () = sleep_until(at) => break,
                    read = self.stream.read(&mut heard) => if read? == 0 { return Ok(()) },
                }
            }
            // Who does not listen is not waited for.
            match timeout_at(until, self.stream.write_all(&bytes)).await {
                Ok(written) => written?,
                Err(_) => break,
            }
        }
        self.ear.forget();
        Ok(())
    }
}
