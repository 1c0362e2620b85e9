//! What goes on on a serial line: listening, answering in time, and its troubles.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::bus::{Asked, Bus, Piece, Promptness, Said};
use crate::condition::noise;
use crate::ear::{Ear, Question, Sound};
use crate::fault::Trouble;
use crate::pretence::Pretence;
use crate::pty::Pty;
use crate::timer::Timer;

/// A pause after which a question begun is given up.
const CUT_OFF: Duration = Duration::from_millis(50);
/// Bytes of a paced answer leave in pieces of about this time: shorter than any silence.
const GRAIN: Duration = Duration::from_millis(1);
/// Questions that may wait while one is answered; more are lost, as on a line.
const MOST_WAITING: usize = 16;

/// Serves a bus until told to stop.
pub(crate) async fn serve(bus: Arc<Bus>, house: Arc<Pretence>, pty: Pty, stop: CancellationToken) {
    let end = tokio::select! {
        () = stop.cancelled() => Ok(()),
        end = go_on(&bus, &house, pty) => end,
    };
    if let Err(error) = end {
        tracing::error!(bus = %bus.key, %error, "a simulated serial line broke");
    }
}

/// Talks on a terminal until it goes away, then on the one that comes back.
async fn go_on(bus: &Bus, house: &Pretence, mut pty: Pty) -> io::Result<()> {
    loop {
        let until = Talk::new(bus, house, &pty)?.go_on().await?;
        pty = pty.unplug(bus.line)?;
        sleep_until(until).await;
        pty.make_link()?;
    }
}

/// What goes on on a line. It is listened to even while an answer is on its way, so that every
/// byte is known by the instant at which it came.
struct Talk<'a> {
    bus: &'a Bus,
    house: &'a Pretence,
    pty: &'a Pty,
    timer: Timer,
    ear: Ear,
    heard_at: Instant,
    /// When the last answer ended.
    free_at: Instant,
    /// Questions by their numbers.
    waiting: VecDeque<(u64, Question)>,
}

impl<'a> Talk<'a> {
    fn new(bus: &'a Bus, house: &'a Pretence, pty: &'a Pty) -> io::Result<Self> {
        let ear = Ear::new(bus.way, bus.on_wire(bus.line, &[0], bus.way));
        let (timer, now, waiting) = (Timer::new()?, Instant::now(), VecDeque::new());
        Ok(Self { bus, house, pty, timer, ear, heard_at: now, free_at: now, waiting })
    }

    /// Returns when the terminal goes away, and until when.
    async fn go_on(&mut self) -> io::Result<Instant> {
        let mut bytes = [0; 256];
        loop {
            if let Some(until) = self.bus.condition.away_until() {
                return Ok(until);
            }
            if let Some(until) = self.bus.condition.babbles_until() {
                self.babble(until).await?;
            }
            tokio::select! {
                read = self.pty.read(&mut bytes) => {
                    self.hear(bytes.get(..read?).unwrap_or_default());
                }
                () = self.bus.condition.trouble() => continue,
            }
            while let Some((number, question)) = self.waiting.pop_front() {
                let troubles = self.bus.struck(number, question.began);
                if self.bus.condition.is_good() {
                    self.answer(question, &troubles).await?;
                } else {
                    self.bus.ignore();
                }
            }
        }
    }

    /// Says noise as quickly as a line can, and heeds nothing.
    async fn babble(&mut self, until: Instant) -> io::Result<()> {
        let (mut at, mut n, character) = (Instant::now(), 0, self.bus.line.wire_time(1));
        while at < until && self.bus.condition.away_until().is_none() {
            let bytes = noise(self.bus.seed, n).to_vec();
            at = self.send(Piece { rest: Duration::ZERO, bytes }, at, character).await?;
            self.waiting.drain(..).for_each(|_| self.bus.ignore());
            n += 1;
        }
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        if now.duration_since(self.heard_at) > CUT_OFF {
            self.ear.forget();
        }
        self.heard_at = now;
        self.ear.hear(bytes, now);
        while let Sound::Question(question) = self.ear.next() {
            let silence = self.bus.line_of(question.heard.address).silence();
            let early = question.is_early(silence);
            let number = self.bus.hear(if early { Promptness::Early } else { Promptness::InTime });
            if self.waiting.len() < MOST_WAITING {
                self.waiting.push_back((number, question));
            }
        }
    }

    async fn answer(&mut self, question: Question, troubles: &[Trouble]) -> io::Result<()> {
        let (bus, line) = (self.bus, self.bus.line_of(question.heard.address));
        // Not before the answer to the question before it has ended.
        let ended = question.began + bus.on_wire(line, &question.frame, bus.way);
        let ended = ended.max(self.free_at);
        let (baud, way) = (self.pty.baud(), bus.way);
        let asked = Asked { question: &question, ended, way, baud, troubles };
        let said = bus.answer(asked, self.house);
        bus.occupy(line, asked, &said);
        let Said::Pieces(pieces) = said else { return Ok(()) };
        let mut at = ended;
        for piece in pieces {
            at = self.send(piece, at, bus.on_wire(line, &[0], way)).await?;
        }
        self.free_at = at;
        Ok(())
    }

    /// Sends a piece so that each byte is there when its last bit would be; returns when the last
    /// left.
    async fn send(
        &mut self,
        piece: Piece,
        from: Instant,
        character: Duration,
    ) -> io::Result<Instant> {
        let (mut at, mut left) = (from + piece.rest, from);
        let grain = GRAIN.as_nanos().checked_div(character.as_nanos()).unwrap_or(u128::MAX);
        let grain = match self.bus.pieces {
            None => usize::try_from(grain).unwrap_or(usize::MAX).max(1),
            Some(_) => piece.bytes.len().max(1), // with its last byte the whole piece is there
        };
        for bytes in piece.bytes.chunks(grain) {
            at += character * u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            self.wait_until(at).await?;
            left = self.say(bytes)?;
        }
        Ok(left)
    }

    /// Says bytes; returns the instant before they could be heard, so that what is asked later is
    /// no false alarm.
    fn say(&mut self, bytes: &[u8]) -> io::Result<Instant> {
        let left = Instant::now();
        self.pty.write(bytes)?;
        self.ear.said(left);
        Ok(left)
    }

    /// Waits, and listens.
    async fn wait_until(&mut self, at: Instant) -> io::Result<()> {
        let mut bytes = [0; 256];
        loop {
            let count = tokio::select! {
                biased;
                read = self.pty.read(&mut bytes) => read?,
                end = self.timer.wait_until(at) => return end,
            };
            self.hear(bytes.get(..count).unwrap_or_default());
        }
    }
}
