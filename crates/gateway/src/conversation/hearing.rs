use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use tracing::trace;
use wire::hex::Hex;
use wire::modbus::{End, Exchange, Progress};

use super::Conversation;
use crate::call::Call;
use crate::framing::Framing;
use crate::port::Dial;

/// A pause inside an answer that adapters and kernels are known to make.
pub(super) const HICCUP: Duration = Duration::from_millis(20);
/// How long a socket with serial frames is listened to for a second answer.
const AFTERMATH: Duration = Duration::from_millis(5);

/// When bytes of an answer came.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) first: Option<Instant>,
    /// When it was whole.
    pub(super) whole: Option<Instant>,
}

impl<D: Dial> Conversation<D> {
    /// Listens until the answer is whole and the line silent, or the patience is over.
    pub(super) async fn hear_out(
        &mut self,
        link: &mut D::Link,
        exchange: &mut Exchange,
        (on_wire, call): (Instant, Call),
        heard: &mut Heard,
    ) -> io::Result<End> {
        self.quiet_until = on_wire + self.silence();
        // The patience ends with the first byte; an answer under way is heard out.
        let mut deadline = on_wire + call.patience;
        let latest = deadline + self.wire_time(exchange.expected_len()) + 5 * HICCUP;
        loop {
            let count = match self.read_until(link, deadline).await {
                None => return Ok(End::Timeout),
                Some(Ok(0)) => return Ok(End::Closed),
                Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Ok(End::Reset);
                }
                Some(Err(error)) => return Err(error),
                Some(Ok(count)) => count,
            };
            let now = self.heard(count);
            heard.first.get_or_insert(now);
            deadline = deadline.max(now + HICCUP).min(latest);
            match exchange.hear(self.buffer.get(..count).unwrap_or_default()) {
                Progress::More => {}
                Progress::Whole => {
                    heard.whole = Some(now);
                    // On a serial line nobody can answer a question that has not left yet.
                    let too_early = self.is_serial() && now < on_wire;
                    let doubt = if too_early { on_wire + 3 * HICCUP } else { now };
                    return self.hear_silence(link, exchange, doubt.max(now + call.listen)).await;
                }
                Progress::Broken => return Ok(End::Silence),
            }
        }
    }

    /// An answer is whole. A second meter with the same address would speak now.
    async fn hear_silence(
        &mut self,
        link: &mut D::Link,
        exchange: &mut Exchange,
        at_least_until: Instant,
    ) -> io::Result<End> {
        let (rest, until) = match self.framing {
            Framing::Tcp => return Ok(End::Silence),
            Framing::RtuOverTcp => (AFTERMATH, Instant::now() + AFTERMATH),
            // It runs since the last byte, and is waited for once: when it is over, so is what is
            // owed before the next question.
            Framing::Serial(_) => (self.silence(), self.quiet_until),
        };
        let latest = at_least_until + 10 * HICCUP;
        let mut until = at_least_until.max(until);
        loop {
            match self.read_until(link, until.min(latest)).await {
                // A port that is gone after a whole answer is found by the next question.
                None | Some(Ok(0) | Err(_)) => return Ok(End::Silence),
                Some(Ok(count)) => {
                    let now = self.heard(count);
                    exchange.hear(self.buffer.get(..count).unwrap_or_default());
                    // A second frame may be torn by its adapter as well as a first.
                    let rest = if exchange.is_undecided() { rest.max(HICCUP) } else { rest };
                    until = until.max(now + rest);
                }
            }
        }
    }

    /// What comes before an instant, or `None`. When the instant has passed, what is there already,
    /// without any timer.
    pub(super) async fn read_until(
        &mut self,
        link: &mut D::Link,
        until: Instant,
    ) -> Option<io::Result<usize>> {
        let Self { alarm, buffer, .. } = self;
        let passed = until <= Instant::now();
        if !passed {
            alarm.reset(until);
        }
        tokio::select! {
            biased;
            read = link.read(buffer) => Some(read),
            () = std::future::ready(()), if passed => None,
            () = alarm.wait(), if !passed => None,
        }
    }

    /// Notes that bytes arrived just now: the silence begins again.
    pub(super) fn heard(&mut self, count: usize) -> Instant {
        let now = Instant::now();
        let bytes = self.buffer.get(..count).unwrap_or_default();
        trace!("< {}", Hex(bytes));
        self.recorder.heard(now, bytes);
        self.quiet_until = self.quiet_until.max(now + self.silence());
        now
    }
}
