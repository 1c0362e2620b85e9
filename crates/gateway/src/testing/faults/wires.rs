//! Wires in memory with a converter on them that has moods of its own. No task and no socket: the
//! port itself is the far end.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use wire::Line;
use wire::modbus::{Heard, Refusal, Reply};

use crate::framing::Framing;
use crate::port::Dial;
use crate::testing::soak::Chance;

/// A question, and when its last bit was on the wires.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) at: Instant,
    pub(super) line: Line,
    pub(super) bytes: Vec<u8>,
}

impl Asked {
    pub(super) fn heard(&self) -> Heard {
        Heard::rtu(&self.bytes).or_else(|| Heard::tcp(&self.bytes)).unwrap()
    }

    /// The answer in the framing of the question.
    pub(super) fn frame(&self, reply: &Reply) -> Vec<u8> {
        match Heard::rtu(&self.bytes) {
            Some(heard) => heard.answer_rtu(reply),
            None => self.heard().answer_tcp(reply),
        }
    }

    /// The answer in which each register holds its own number and so much more.
    pub(super) fn numbers(&self, more: u16) -> Vec<u8> {
        let heard = self.heard();
        self.frame(&Reply::Words(
            (heard.start..heard.start + heard.count).map(|n| n + more).collect(),
        ))
    }

    pub(super) fn refusal(&self, code: u8) -> Vec<u8> {
        self.frame(&Reply::Refused(Refusal(code)))
    }
}

/// What somebody on the wires says, so long after the last bit of a question.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) after: Duration,
    pub(super) bytes: Vec<u8>,
}

/// One voice after 20 ms.
pub(super) fn says(bytes: Vec<u8>) -> Vec<Voice> {
    vec![Voice { after: Duration::from_millis(20), bytes }]
}

/// What the converter does of itself, by the time since the wires were laid.
#[derive(Debug, Clone, Default)]
pub(super) struct Converter {
    /// Closes a connection on which nothing was said for so long.
    pub(super) idle: Option<Duration>,
    /// Closes every second connection.
    pub(super) one_client: bool,
    /// Resets all connections and refuses new ones for a while.
    pub(super) down: Option<Range<Duration>>,
    /// Connections of before swallow everything from then on, and nobody says so.
    pub(super) drops: Option<Duration>,
    /// Noise without end, byte after byte.
    pub(super) noise: Option<Range<Duration>>,
}

/// The wires. Cheap to clone, always the same ones.
#[derive(Clone)]
pub(super) struct Wires(Arc<Mutex<World>>);

/// What everybody on the wires says to a question.
type Script = Box<dyn FnMut(&Asked) -> Vec<Voice> + Send>;

pub(super) struct World {
    framing: fn(Line) -> Framing,
    script: Script,
    began: Instant,
    line: Line,
    under_way: VecDeque<(Instant, Vec<u8>)>,
    pub(super) converter: Converter,
    noises: u64,
    chance: Chance,
    /// Connections at this moment, the most at once, and all.
    connections: usize,
    pub(super) most: usize,
    pub(super) dialled: Vec<Instant>,
    pub(super) asked: Vec<Asked>,
    /// New settings of the line, each with the instant.
    pub(super) switched: Vec<(Instant, Line)>,
    /// Questions that a connection swallowed.
    pub(super) swallowed: usize,
}

impl Wires {
    pub(super) fn new(
        framing: fn(Line) -> Framing,
        script: impl FnMut(&Asked) -> Vec<Voice> + Send + 'static,
    ) -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(World {
            framing,
            script: Box::new(script),
            began: now,
            line: Line::default(),
            under_way: VecDeque::new(),
            converter: Converter::default(),
            noises: 0,
            chance: Chance(1),
            connections: 0,
            most: 0,
            dialled: Vec::new(),
            asked: Vec::new(),
            switched: Vec::new(),
            swallowed: 0,
        })))
    }

    pub(super) fn with(self, converter: Converter) -> Self {
        self.world().converter = converter;
        self
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// So many questions were asked of an address.
    pub(super) fn asked(&self, address: u8) -> usize {
        self.world().asked.iter().filter(|asked| asked.heard().address == address).count()
    }
}

/// How a connection is.
#[derive(PartialEq, Eq)]
enum Fate {
    Alive,
    Closed,
    Reset,
    Swallows,
}

impl World {
    pub(super) fn since_began(&self) -> Duration {
        self.began.elapsed()
    }

    fn byte_time(&self) -> Duration {
        self.line.wire_time(1)
    }

    fn is_serial(&self) -> bool {
        matches!((self.framing)(self.line), Framing::Serial(_))
    }

    fn hear(&mut self, bytes: &[u8]) {
        let on_wire =
            if self.is_serial() { self.line.wire_time(bytes.len()) } else { Duration::ZERO };
        let asked = Asked { at: Instant::now() + on_wire, line: self.line, bytes: bytes.to_vec() };
        let voices = (self.script)(&asked);
        let noisy = self.converter.noise.as_ref().is_some_and(|n| n.contains(&self.since_began()));
        if !noisy {
            self.lay(asked.at, voices);
        }
        self.asked.push(asked);
    }

    /// Voices at the same time pull the wires both, as a line does that knows two levels.
    fn lay(&mut self, from: Instant, mut voices: Vec<Voice>) {
        voices.sort_by_key(|voice| voice.after);
        let byte_time = self.byte_time();
        let mut frames: Vec<(Duration, Vec<u8>)> = Vec::new();
        for Voice { after, bytes } in voices {
            let slot = |start: Duration| {
                let slots = after.saturating_sub(start).as_nanos() / byte_time.as_nanos();
                usize::try_from(slots).unwrap()
            };
            match frames.last_mut().filter(|(start, last)| slot(*start) < last.len()) {
                Some((start, last)) => {
                    let first = slot(*start);
                    last.resize(last.len().max(first + bytes.len()), 0xff);
                    last[first..].iter_mut().zip(bytes).for_each(|(pulled, byte)| *pulled &= byte);
                }
                None => frames.push((after, bytes)),
            }
        }
        for (after, bytes) in frames {
            if self.is_serial() {
                let ends = (1..).map(|n| from + after + byte_time * n);
                self.under_way.extend(ends.zip(bytes.into_iter().map(|byte| vec![byte])));
            } else {
                // A converter passes a frame on when it is over.
                self.under_way.push_back((from + after + self.line.wire_time(bytes.len()), bytes));
            }
        }
        self.under_way.make_contiguous().sort_by_key(|(at, _)| *at);
    }

    /// What can be heard now; else when to listen again.
    fn next(&mut self) -> Result<Vec<u8>, Option<Instant>> {
        let now = Instant::now();
        let noise = self.noise(now);
        if let Ok(bytes) = noise {
            return Ok(bytes);
        }
        match self.under_way.front() {
            Some((due, _)) if *due <= now => Ok(self.under_way.pop_front().unwrap().1),
            due => Err(due.map(|(at, _)| *at).into_iter().chain(noise.unwrap_err()).min()),
        }
    }

    /// Noise of which nobody has heard yet, as far as a driver keeps it.
    fn noise(&mut self, now: Instant) -> Result<Vec<u8>, Option<Instant>> {
        let Some(Range { start, end }) = self.converter.noise.clone() else { return Err(None) };
        let (from, until) = (self.began + start, self.began + end);
        if now < from {
            return Err(Some(from));
        }
        let byte_time = self.byte_time();
        let sent = now.min(until).duration_since(from).as_nanos() / byte_time.as_nanos();
        let sent = u64::try_from(sent).unwrap();
        let count = (sent - self.noises).min(256);
        self.noises = sent;
        if count > 0 {
            return Ok((0..count).map(|_| self.chance.next().to_le_bytes()[0]).collect());
        }
        let next = from + byte_time * u32::try_from(sent + 1).unwrap();
        Err((next <= until).then_some(next))
    }
}

impl Dial for Wires {
    type Link = Link;

    async fn dial(&mut self, line: Line) -> io::Result<Link> {
        let mut world = self.world();
        let now = Instant::now();
        world.dialled.push(now);
        if world.converter.down.as_ref().is_some_and(|down| down.contains(&world.since_began())) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let is_second = world.converter.one_client && world.connections > 0;
        world.connections += 1;
        world.most = world.most.max(world.connections);
        world.under_way.clear();
        world.line = line;
        let (wires, alarm) = (self.clone(), Box::pin(sleep_until(now)));
        Ok(Link { wires, alarm, opened: world.since_began(), said_at: now, is_second })
    }

    fn set_line(&self, _link: &mut Link, line: Line) -> io::Result<()> {
        let mut world = self.world();
        world.line = line;
        world.switched.push((Instant::now(), line));
        Ok(())
    }

    fn framing(&self, line: Line) -> Framing {
        (self.world().framing)(line)
    }
}

/// An opened port.
pub(super) struct Link {
    wires: Wires,
    alarm: Pin<Box<Sleep>>,
    opened: Duration,
    said_at: Instant,
    is_second: bool,
}

impl Link {
    fn fate(&self, world: &World) -> Fate {
        let Converter { idle, down, drops, .. } = &world.converter;
        let now = world.since_began();
        let struck = |at: Duration| self.opened < at && at <= now;
        if down.as_ref().is_some_and(|down| struck(down.start)) {
            return Fate::Reset;
        }
        if drops.is_some_and(struck) {
            return Fate::Swallows;
        }
        let is_idle = idle.is_some_and(|idle| self.said_at.elapsed() >= idle);
        if is_idle || self.is_second { Fate::Closed } else { Fate::Alive }
    }

    /// When that may change.
    fn changes_at(&self, world: &World) -> Option<Instant> {
        let Converter { idle, down, drops, .. } = &world.converter;
        let times = down.as_ref().map(|down| down.start).into_iter().chain(*drops);
        let struck = times.map(|at| world.began + at);
        let idle = idle.map(|idle| self.said_at + idle);
        struck.chain(idle).filter(|at| *at > Instant::now()).min()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.wires.world().connections -= 1;
    }
}

impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let link = self.get_mut();
        let wires = link.wires.clone();
        let mut world = wires.world();
        loop {
            match link.fate(&world) {
                Fate::Closed => return Poll::Ready(Ok(())), // the end of the stream
                Fate::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Fate::Swallows => return Poll::Pending,
                Fate::Alive => {}
            }
            let again = match world.next() {
                Ok(bytes) => {
                    buffer.put_slice(&bytes);
                    link.said_at = Instant::now();
                    return Poll::Ready(Ok(()));
                }
                Err(again) => again.into_iter().chain(link.changes_at(&world)).min(),
            };
            let Some(again) = again else { return Poll::Pending };
            link.alarm.as_mut().reset(again);
            if link.alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let link = self.get_mut();
        let wires = link.wires.clone();
        let mut world = wires.world();
        Poll::Ready(match link.fate(&world) {
            Fate::Closed => Err(io::ErrorKind::BrokenPipe.into()),
            Fate::Reset => Err(io::ErrorKind::ConnectionReset.into()),
            Fate::Swallows => {
                world.swallowed += 1;
                Ok(bytes.len())
            }
            Fate::Alive => {
                link.said_at = Instant::now();
                world.hear(bytes);
                Ok(bytes.len())
            }
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
