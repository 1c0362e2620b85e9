mod hearing;
mod other_framing;

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, trace};
use wire::Line;
use wire::hex::Hex;
use wire::modbus::{Exchange, Fault, Read, sender};

use self::hearing::{HICCUP, Heard};
use crate::alarm::Alarm;
use crate::call::{Call, Carried};
use crate::framing::Framing;
use crate::port::Dial;
use crate::port_fault::{PortFault, Stage};
use crate::recorder::{Recorder, Terms};

/// The longest frame of a serial line.
const LONGEST: usize = 256;
/// How long somebody else may keep talking before the line counts as busy.
const BUSY: Duration = Duration::from_secs(1);

/// After a silence the line is kept quiet this long, so that a late answer is heard out and never
/// taken for another question's.
pub(crate) const LATE_WINDOW: Duration = Duration::from_secs(1);
/// How much longer than on the wires a question may take to be taken. An adapter that hangs takes
/// nothing, and a far end that reads nothing fills every buffer in the end.
const STUCK: Duration = Duration::from_secs(1);
/// Rest on the wires between two settings of a serial line.
const SWITCH: Duration = Duration::from_millis(50);
/// Silences in a row after which a connection is taken for dead: half-open links say nothing.
const DEAD_AFTER: u32 = 2;

/// A port on which one question at a time is asked and heard out.
///
/// The only place that awaits bytes of a line. It opens the port when something is to be asked,
/// keeps the silence between frames, throws away what nobody asked for, and on a socket begins
/// anew where an old answer could be taken for a new one.
#[derive(Debug)]
pub(crate) struct Conversation<D: Dial> {
    dial: D,
    link: Option<D::Link>,
    /// The settings of the serial line at this moment.
    line: Line,
    framing: Framing,
    /// What was heard before the last question.
    drained: Vec<u8>,
    /// Who sent a whole frame that nobody had asked for.
    unasked: Option<u8>,
    /// The framing that is tried in place of the port's own.
    tried: Option<Framing>,
    /// Nobody is asked before. Moves with every byte sent or heard.
    quiet_until: Instant,
    /// Nobody is asked before either: a meter wants rest between two questions of a sweep.
    pause_until: Instant,
    pub(crate) transaction: u16,
    /// Questions in a row that nobody answered.
    silences: u32,
    alarm: Alarm,
    buffer: [u8; 512],
    recorder: Recorder,
}

impl<D: Dial> Conversation<D> {
    /// The only one.
    #[cfg(test)]
    pub(crate) fn new(dial: D) -> Self {
        Self::among(dial, 1)
    }

    /// One of so many in a gateway: their recorders share a room.
    pub(crate) fn among(dial: D, conversations: usize) -> Self {
        let line = Line::default();
        let alarm = if dial.is_precise() { Alarm::precise() } else { Alarm::coarse() };
        Self {
            framing: dial.framing(line),
            dial,
            link: None,
            line,
            drained: Vec::new(),
            unasked: None,
            tried: None,
            quiet_until: Instant::now(),
            pause_until: Instant::now(),
            transaction: 0,
            silences: 0,
            alarm,
            buffer: [0; 512],
            recorder: Recorder::among(conversations),
        }
    }

    /// How frames are told apart here.
    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    /// The address of a meter that spoke without having been asked, if one did.
    pub(crate) fn take_unasked(&mut self) -> Option<u8> {
        self.unasked.take()
    }

    /// What went over the line in the last minutes.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Bytes that it keeps of what it hears, beside the record of the line.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.drained.capacity() + self.buffer.len()
    }

    /// The settings of the serial line at this moment.
    pub(crate) fn line(&self) -> Line {
        self.line
    }

    /// Asks nothing before `rest` has passed.
    pub(crate) fn rest(&mut self, rest: Duration) {
        self.quiet_until = self.quiet_until.max(Instant::now() + rest);
    }

    /// Holds the whole bus for the pause that a meter asks for between two questions of a sweep.
    pub(crate) fn pause(&mut self, pause: Duration) {
        self.pause_until = Instant::now() + pause;
    }

    /// No pause is due after the last question of a sweep.
    pub(crate) fn end_of_sweep(&mut self) {
        self.pause_until = Instant::now();
    }

    /// Waits until the line owes no more rest, so that whoever opens it next hears nothing late.
    pub(crate) async fn fall_quiet(&mut self) {
        tokio::time::sleep_until(self.quiet_until).await;
    }

    /// Asks one question and listens until its answer is whole, or the patience is over.
    ///
    /// # Errors
    /// Only when the port itself cannot be used; it is opened anew for the next question.
    pub(crate) async fn carry(&mut self, call: Call) -> Result<Carried, PortFault> {
        let reused = self.link.is_some();
        let first = self.carry_and_note(call).await;
        let Err(PortFault { stage, .. }) = &first else { return first };
        // A port that was lost while it was idle is normal and costs one repetition.
        let again = match stage {
            Stage::Unusable => false,
            Stage::Stale => reused,
            Stage::UnderWay => reused && !self.is_serial(),
        };
        if again { self.carry_and_note(call).await } else { first }
    }

    async fn carry_and_note(&mut self, call: Call) -> Result<Carried, PortFault> {
        let carried = self.carry_once(call).await;
        let verdict = carried.as_ref().map(|carried| carried.exchange.finish(carried.end));
        self.recorder.judged(Instant::now(), verdict.ok());
        carried
    }

    async fn carry_once(&mut self, call: Call) -> Result<Carried, PortFault> {
        let Call { read, .. } = call;
        let mut link = self.opened(call.line).await?;
        if !self.drain(&mut link).await.map_err(|error| Stage::Stale.of(error))? {
            self.link = Some(link);
            let busy = io::Error::new(io::ErrorKind::ResourceBusy, "somebody else keeps talking");
            return Err(Stage::Unusable.of(busy));
        }
        let mut exchange = self.exchange(read);
        let asked_at = Instant::now();
        let mut heard = Heard::default();
        let Call { patience, listen, .. } = call;
        let terms = Terms { framing: self.framing.into(), patience, listen };
        self.recorder.sent(asked_at, terms, exchange.request());
        let on_wire = self.say(&mut link, exchange.request()).await?;
        let ended = self.hear_out(&mut link, &mut exchange, (on_wire, call), &mut heard).await;
        let end = ended.map_err(|error| self.lost(error))?;
        debug!(
            address = read.address,
            register = read.start,
            count = read.count,
            elapsed_ms = u64::try_from(asked_at.elapsed().as_millis()).unwrap_or(u64::MAX),
            "carried a question"
        );
        let fault = exchange.finish(end).err();
        let unheard = fault.is_some_and(Fault::is_silence);
        self.silences = if unheard { self.silences + 1 } else { 0 };
        let half_open = self.framing == Framing::Tcp && self.silences >= DEAD_AFTER;
        if exchange.reusable(end) && !half_open {
            self.link = Some(link);
        }
        if let Some(fault @ (Fault::Closed | Fault::Reset)) = fault {
            return Err(self.lost(io::Error::new(io::ErrorKind::ConnectionAborted, fault)));
        }
        // A byte is heard when its last bit has come.
        let on_wire = asked_at + self.wire_time(exchange.request().len() + 1);
        let delay = heard.first.map(|at| at.saturating_duration_since(on_wire));
        let now = Instant::now();
        let whole = heard.whole.unwrap_or(now);
        let age = now.duration_since(whole) + whole.duration_since(asked_at) / 2;
        Ok(Carried { exchange, end, delay, age })
    }

    /// The port went while a question was under way. Without numbers on answers, that question's
    /// may still come through the port as it is opened again.
    fn lost(&mut self, error: io::Error) -> PortFault {
        if self.framing != Framing::Tcp {
            self.rest(LATE_WINDOW);
        }
        Stage::UnderWay.of(error)
    }

    fn exchange(&mut self, read: Read) -> Exchange {
        match self.framing {
            Framing::Serial(_) => Exchange::rtu(read),
            Framing::RtuOverTcp => Exchange::rtu_over_tcp(read),
            Framing::Tcp => {
                self.transaction = self.transaction.wrapping_add(1);
                Exchange::tcp(read, self.transaction)
            }
        }
    }

    /// The port, opened and with these line settings. It is put back after the question.
    async fn opened(&mut self, line: Line) -> Result<D::Link, PortFault> {
        if let Some(mut link) = self.link.take() {
            if line != self.line {
                self.drain(&mut link).await.map_err(|error| Stage::Stale.of(error))?;
                self.dial.set_line(&mut link, line).map_err(|error| Stage::Stale.of(error))?;
                self.line_is(line);
            }
            return Ok(link);
        }
        let link = self.dial.dial(line).await.map_err(|error| Stage::Unusable.of(error))?;
        self.silences = 0;
        self.line_is(line);
        Ok(link)
    }

    fn line_is(&mut self, line: Line) {
        self.line = line;
        self.framing = self.tried.unwrap_or_else(|| self.dial.framing(line));
        if self.is_serial() {
            self.rest(SWITCH);
        }
    }

    /// Hears out what nobody asked for, until the line owes no more silence. `false` when somebody
    /// keeps talking.
    async fn drain(&mut self, link: &mut D::Link) -> io::Result<bool> {
        let busy_at = self.quiet_until.max(self.pause_until).max(Instant::now()) + BUSY;
        self.drained.clear();
        loop {
            let until = self.quiet_until.max(self.pause_until);
            match self.read_until(link, until).await {
                None => break,
                Some(Ok(0)) => return Err(closed()),
                Some(Err(error)) => return Err(error),
                Some(Ok(count)) => {
                    self.heard(count);
                    if self.framing == Framing::RtuOverTcp {
                        // Nobody keeps the silence of the line behind a converter that passes on
                        // everything; it hands over in pieces what is still being said.
                        self.rest(HICCUP);
                    }
                    let heard = self.buffer.get(..count).unwrap_or_default();
                    if self.drained.len() <= LONGEST {
                        self.drained.extend_from_slice(heard);
                    }
                    if Instant::now() >= busy_at {
                        return Ok(false);
                    }
                }
            }
        }
        if self.framing != Framing::Tcp {
            self.unasked = sender(&self.drained).or(self.unasked);
        }
        Ok(true)
    }

    /// Sends a question. Returns when its last bit is on the wire, which may be later than now.
    async fn say(&mut self, link: &mut D::Link, question: &[u8]) -> Result<Instant, PortFault> {
        trace!("> {}", Hex(question));
        let wire_time = self.wire_time(question.len());
        let latest = Instant::now() + wire_time + STUCK;
        let said = async {
            link.write_all(question).await?;
            let on_wire = Instant::now() + wire_time;
            link.flush().await?;
            Ok(on_wire)
        };
        match timeout_at(latest, said).await {
            // It went before the question did: nothing of it can come back.
            Ok(said) => said.map_err(|error| Stage::Stale.of(error)),
            Err(_) => {
                let text = "the port takes no bytes";
                Err(Stage::Unusable.of(io::Error::new(io::ErrorKind::TimedOut, text)))
            }
        }
    }

    fn is_serial(&self) -> bool {
        matches!(self.framing, Framing::Serial(_))
    }

    fn silence(&self) -> Duration {
        match self.framing {
            Framing::Serial(line) => line.silence(),
            Framing::Tcp | Framing::RtuOverTcp => Duration::ZERO,
        }
    }

    fn wire_time(&self, bytes: usize) -> Duration {
        match self.framing {
            Framing::Serial(line) => line.wire_time(bytes),
            Framing::Tcp | Framing::RtuOverTcp => Duration::ZERO,
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the other end closed the connection")
}
