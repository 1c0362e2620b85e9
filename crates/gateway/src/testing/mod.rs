//! A line whose far end follows a script, on the paused clock of the runtime.

mod buses;
mod exchanges;
mod faults;
mod gateways;
mod player;
mod sequences;
mod soak;
mod transcripts;
mod visits;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use catalog::{DataType, Limits, Register, Retries, USUAL_DELAY};
use domain::{Clock, Key, Quantity};
use jiff::SignedDuration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::Instant;
use wire::Line;
use wire::modbus::{Function, Heard, Refusal, Reply};

use crate::framing::Framing;
use crate::plan::MeterPlan;
use crate::port::Dial;

/// Bytes that the far end sends, counted from the moment it has heard a question.
pub(crate) struct Event {
    pub(crate) after: Duration,
    pub(crate) bytes: Vec<u8>,
}

/// What the far end does with one question.
pub(crate) enum Deed {
    /// Sends these bytes at these times; none is silence.
    Say(Vec<Event>),
    /// Closes the port.
    Close,
}

/// The far end: decides on a deed for each question heard.
pub(crate) trait Script: Send + 'static {
    fn hear(&mut self, question: &[u8]) -> Deed;
}

impl<F: FnMut(&[u8]) -> Deed + Send + 'static> Script for F {
    fn hear(&mut self, question: &[u8]) -> Deed {
        self(question)
    }
}

/// A port that leads to a script. Opened again, it leads to the same one.
pub(crate) struct Scripted<S> {
    framing: fn(Line) -> Framing,
    script: std::sync::Arc<std::sync::Mutex<S>>,
    far_ends: JoinSet<()>,
    pub(crate) dialled: usize,
}

impl<S: Script> Scripted<S> {
    pub(crate) fn new(framing: fn(Line) -> Framing, script: S) -> Self {
        let script = std::sync::Arc::new(std::sync::Mutex::new(script));
        Self { framing, script, far_ends: JoinSet::new(), dialled: 0 }
    }
}

impl<S: Script> Dial for Scripted<S> {
    type Link = DuplexStream;

    async fn dial(&mut self, _line: Line) -> io::Result<DuplexStream> {
        self.dialled += 1;
        let (near, far) = duplex(4096);
        let script = std::sync::Arc::clone(&self.script);
        let length = if (self.framing)(Line::default()) == Framing::Tcp { 12 } else { 8 };
        self.far_ends.spawn(far_end(far, length, script));
        Ok(near)
    }

    fn set_line(&self, _link: &mut DuplexStream, _line: Line) -> io::Result<()> {
        Ok(())
    }

    fn framing(&self, line: Line) -> Framing {
        (self.framing)(line)
    }
}

/// Hears questions of a fixed length and sends what is due, until the port is closed.
async fn far_end<S: Script>(
    mut link: DuplexStream,
    length: usize,
    script: std::sync::Arc<std::sync::Mutex<S>>,
) {
    let mut waiting: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut question = Vec::new();
    let mut buffer = [0; 64];
    loop {
        let next = waiting.front().map(|(at, _)| *at);
        tokio::select! {
            biased;
            read = link.read(&mut buffer) => match read {
                Ok(count) if count > 0 => {
                    question.extend_from_slice(&buffer[..count]);
                    if question.len() < length { continue; }
                    let deed = script.lock().unwrap().hear(&question);
                    question.clear();
                    let Deed::Say(events) = deed else { return };
                    let now = Instant::now();
                    waiting.extend(events.into_iter().map(|e| (now + e.after, e.bytes)));
                    waiting.make_contiguous().sort_by_key(|(at, _)| *at);
                }
                _ => return,
            },
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                let Some((_, bytes)) = waiting.pop_front() else { continue };
                if link.write_all(&bytes).await.is_err() { return; }
            }
        }
    }
}

/// A clock that walks with the paused time of the runtime.
pub(crate) fn walking_clock(start: &str) -> Clock {
    let (start, began) = (start.parse::<jiff::Timestamp>().unwrap(), Instant::now());
    Clock::new(move || start + SignedDuration::try_from(began.elapsed()).unwrap())
}

/// An answer after 20 ms.
pub(crate) fn say(bytes: Vec<u8>) -> Deed {
    Deed::Say(vec![Event { after: Duration::from_millis(20), bytes }])
}

pub(crate) fn silence() -> Deed {
    Deed::Say(Vec::new())
}

/// An RTU question as heard, and the answer in which each register holds its own number.
pub(crate) fn own_numbers(question: &[u8]) -> (Heard, Vec<u8>) {
    let heard = Heard::rtu(question).unwrap();
    let words = (heard.start..heard.start + heard.count).collect();
    (heard, heard.answer_rtu(&Reply::Words(words)))
}

pub(crate) fn refusal(question: &[u8], code: u8) -> Vec<u8> {
    Heard::rtu(question).unwrap().answer_rtu(&Reply::Refused(Refusal(code)))
}

/// An entry of unsigned registers, whose value is what the registers hold.
pub(crate) fn entry(quantity: &str, function: Function, start: u16, size: u8) -> Register {
    Register::plain(Quantity::from_name(quantity).unwrap(), function, start, (DataType::Uint, size))
}

pub(crate) fn meter(key: &str, address: u8, registers: Vec<Register>) -> MeterPlan {
    MeterPlan {
        key: Key::new(key).unwrap(),
        address,
        line: Line::default(),
        timeout: Duration::from_secs(1),
        timeout_is_chosen: false,
        retries: Retries::default(),
        interval: Duration::from_secs(60),
        intervals: Vec::new(),
        is_timed: true,
        serial: None,
        limits: Limits::serial(125, Line::default(), USUAL_DELAY),
        registers,
    }
}
