//! A line in memory with meters of every mood. No task and no socket: the port itself is the far
//! end, so that millions of questions fit into a test.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use wire::Line;
use wire::modbus::{Heard, Refusal, Reply};

use super::value::{Chance, word};
use crate::framing::Framing;
use crate::port::Dial;

/// How a meter behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Answers after 5 to 40 ms.
    Steady,
    /// Answers after half to three times the patience of a second, in order.
    Late,
    /// Now and then its answers are cut, spoilt, or stand behind noise.
    Noisy,
    /// Is silent for minutes, and back.
    Reboots,
    /// Refuses whatever touches its holes, and long questions.
    Holed,
    /// A second meter has the same address.
    Doubled,
}

pub(super) const MOODS: [Mood; 6] =
    [Mood::Steady, Mood::Late, Mood::Noisy, Mood::Reboots, Mood::Holed, Mood::Doubled];

/// What is spoilt on a whole bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Weather {
    /// The adapter hears itself.
    pub(super) echo: bool,
    /// The converter hangs up now and then, and answers that were under way come through the next
    /// connection.
    pub(super) hangs_up: bool,
    /// Frames of other masters and meters pass by.
    pub(super) foreign: bool,
}

/// The meters of one bus and what is under way from them.
#[derive(Debug)]
pub(super) struct FarEnd {
    framing: Framing,
    weather: Weather,
    /// By address, from 1.
    moods: Vec<Mood>,
    began: Instant,
    chance: Chance,
    under_way: VecDeque<(Instant, Vec<u8>)>,
    /// Until when each meter is busy with a question.
    busy_until: Vec<Instant>,
    /// The line is taken until then; whoever speaks meanwhile spoils both.
    taken_until: Instant,
    hung_up: bool,
    pub(super) questions: u64,
}

/// Registers that a meter with holes refuses to read.
const HOLE: std::ops::Range<u16> = 24..28;
/// The most registers it takes at once.
const MOST: u16 = 40;

impl FarEnd {
    pub(super) fn new(framing: Framing, weather: Weather, moods: Vec<Mood>, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            framing,
            weather,
            busy_until: vec![now; moods.len()],
            moods,
            began: now,
            chance: Chance(seed),
            under_way: VecDeque::new(),
            taken_until: now,
            hung_up: false,
            questions: 0,
        }
    }

    fn hear(&mut self, question: &[u8]) {
        let now = Instant::now();
        let heard = match self.framing {
            // Where nobody answers, raw RTU is tried once: too short for a header and its question.
            Framing::Tcp => (question.len() >= 12).then(|| tcp(question)),
            Framing::Serial(_) | Framing::RtuOverTcp => Heard::rtu(question),
        };
        let Some(heard) = heard else { return };
        self.questions += 1;
        if self.weather.hangs_up && self.chance.one_in(400) {
            self.hung_up = true;
            return;
        }
        if self.weather.echo {
            self.say(now, question.to_vec());
        }
        let asked_at = now + self.wire_time(question.len());
        if self.weather.foreign && self.chance.one_in(50) {
            let other = Heard { address: 77, ..heard };
            let frame = self.frame(other, &Reply::Words(vec![7; heard.count.into()]));
            self.say(asked_at + Duration::from_millis(2), frame);
        }
        let place = usize::from(heard.address).wrapping_sub(1);
        let Some(&mood) = self.moods.get(place) else { return };
        self.answer(place, mood, heard, asked_at);
    }

    fn answer(&mut self, place: usize, mood: Mood, heard: Heard, asked_at: Instant) {
        let seconds = asked_at.duration_since(self.began).as_secs();
        let step = u64::try_from(place).unwrap() * 97;
        if mood == Mood::Reboots && (seconds + step) % 600 < 90 {
            return;
        }
        let busy = self.busy_until[place] > asked_at;
        if busy && self.chance.one_in(2) {
            return; // it does not hear while it works
        }
        let ms = match mood {
            Mood::Late if self.chance.one_in(5) => self.chance.between(500, 3_000),
            Mood::Late => self.chance.between(100, 900),
            _ => self.chance.between(5, 40),
        };
        let at = asked_at.max(self.busy_until[place]) + Duration::from_millis(ms);
        self.busy_until[place] = at;
        let spoilt = mood == Mood::Noisy && self.chance.one_in(6);
        let reply = match self.framing {
            // The gateway of such a line drops what is damaged there; its own network is sound.
            Framing::Tcp if spoilt => Reply::Refused(Refusal(11)),
            _ => self.reply(place, mood, heard, at),
        };
        let mut frame = self.frame(heard, &reply);
        if spoilt && self.framing != Framing::Tcp {
            self.spoil(&mut frame);
        }
        self.send(at, frame);
        if mood == Mood::Doubled {
            let words = self.words(place + 100, heard, at);
            let frame = self.frame(heard, &Reply::Words(words));
            let later = Duration::from_millis(self.chance.between(0, 90));
            self.send(at + later, frame);
        }
    }

    fn reply(&self, place: usize, mood: Mood, heard: Heard, at: Instant) -> Reply {
        let asked = heard.start..heard.start + heard.count;
        if mood == Mood::Holed {
            if heard.count > MOST {
                return Reply::Refused(Refusal(3));
            }
            if asked.start < HOLE.end && HOLE.start < asked.end {
                return Reply::Refused(Refusal(2));
            }
        }
        Reply::Words(self.words(place, heard, at))
    }

    /// What the registers hold at an instant: their own number, the meter's, and the time.
    fn words(&self, place: usize, heard: Heard, at: Instant) -> Vec<u16> {
        let ticks = at.duration_since(self.began).as_millis() / 10;
        let (meter, ticks) = (u8::try_from(place).unwrap(), u32::try_from(ticks).unwrap());
        let registers = heard.start..heard.start + heard.count;
        registers.map(|register| word(meter, register, ticks)).collect()
    }

    fn frame(&self, heard: Heard, reply: &Reply) -> Vec<u8> {
        match self.framing {
            Framing::Tcp => heard.answer_tcp(reply),
            Framing::Serial(_) | Framing::RtuOverTcp => heard.answer_rtu(reply),
        }
    }

    fn spoil(&mut self, frame: &mut Vec<u8>) {
        let at = self.chance.place(frame.len());
        match self.chance.between(0, 3) {
            0 => frame[at] ^= 1 << self.chance.between(0, 7),
            1 => frame.truncate(at),
            2 => frame.insert(0, 0xff),
            _ => frame.push(0),
        }
    }

    /// A frame from a meter, which takes its time on the line and may meet another one there.
    fn send(&mut self, at: Instant, mut frame: Vec<u8>) {
        let until = at + self.wire_time(frame.len());
        if at < self.taken_until && self.framing != Framing::Tcp {
            frame.fill(0); // both pull the line
        }
        self.taken_until = self.taken_until.max(until);
        if self.chance.one_in(8) {
            // Adapters and converters pass on what they have.
            let rest = frame.split_off(frame.len() / 2);
            self.say(until - self.wire_time(rest.len()), frame);
            frame = rest;
        }
        self.say(until, frame);
    }

    fn say(&mut self, at: Instant, bytes: Vec<u8>) {
        let after = self.under_way.iter().rposition(|(due, _)| *due <= at);
        self.under_way.insert(after.map_or(0, |n| n + 1), (at, bytes));
    }

    fn wire_time(&self, bytes: usize) -> Duration {
        match self.framing {
            Framing::Tcp => Duration::ZERO,
            Framing::Serial(line) => line.wire_time(bytes),
            Framing::RtuOverTcp => Line::default().wire_time(bytes),
        }
    }

    /// A new connection. Answers to the one before are lost, or come through this one.
    fn connected(&mut self) {
        self.hung_up = false;
        if self.framing == Framing::Tcp || self.chance.one_in(2) {
            self.under_way.clear();
        }
    }
}

/// A question of Modbus TCP.
fn tcp(frame: &[u8]) -> Heard {
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    Heard {
        transaction: word(0),
        address: frame[6],
        function: frame[7],
        start: word(8),
        count: word(10),
    }
}

/// Leads to the far end.
pub(super) struct Lead(pub(super) Arc<Mutex<FarEnd>>);

/// An opened port.
pub(super) struct Opened {
    far_end: Arc<Mutex<FarEnd>>,
    alarm: Pin<Box<Sleep>>,
}

impl Dial for Lead {
    type Link = Opened;

    async fn dial(&mut self, _line: Line) -> io::Result<Opened> {
        self.0.lock().unwrap().connected();
        let alarm = Box::pin(sleep_until(Instant::now()));
        Ok(Opened { far_end: Arc::clone(&self.0), alarm })
    }

    fn set_line(&self, _link: &mut Opened, _line: Line) -> io::Result<()> {
        Ok(())
    }

    fn framing(&self, _line: Line) -> Framing {
        self.0.lock().unwrap().framing
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { far_end, alarm } = self.get_mut();
        let mut far_end = far_end.lock().unwrap();
        if far_end.hung_up {
            return Poll::Ready(Ok(())); // the end of the stream
        }
        let Some((due, bytes)) = far_end.under_way.front() else { return Poll::Pending };
        if *due > Instant::now() {
            alarm.as_mut().reset(*due);
            if alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        buffer.put_slice(bytes);
        far_end.under_way.pop_front();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Opened {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.far_end.lock().unwrap().hear(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
