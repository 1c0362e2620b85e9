//! Who lets an RS485 line talk and listen.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use serial2_tokio::SerialPort;
use serial2_tokio::rs4xx::{Rs485Config, TransceiverMode};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::alarm::Alarm;

/// Tells the driver to turn the transceiver. One that does already keeps its delays and its sense.
pub(super) fn hand_to_kernel(port: &SerialPort, path: &str) -> io::Result<()> {
    let turns = |port: &SerialPort| matches!(port.get_rs4xx_mode(), Ok(TransceiverMode::Rs485(_)));
    if turns(port) || (port.set_rs4xx_mode(Rs485Config::new()).is_ok() && turns(port)) {
        return Ok(());
    }
    let text = format!(
        "the driver of {path} has no RS485 mode; use rs485 = \"rts\", or \"auto\" if the adapter \
         turns by itself"
    );
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

/// The transceiver as the gateway sees it.
pub(super) trait Transceiver {
    /// Lets it talk, or listen.
    ///
    /// # Errors
    /// When the driver has no such line.
    fn set_rts(&self, high: bool) -> io::Result<()>;

    /// Waits, aside from the runtime, until the driver holds no byte any more.
    fn emptied(&self) -> JoinHandle<io::Result<()>>;
}

/// Turns a transceiver: raised before the first byte, lowered when the last bit has left.
#[derive(Debug)]
pub(super) struct Turning {
    alarm: Alarm,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Listening,
    /// Bits are on the wire until then.
    Talking(Instant),
    /// The driver is asked: an adapter on USB begins later than it was told.
    Emptying(JoinHandle<io::Result<()>>),
}

impl Turning {
    /// Lets the transceiver listen.
    pub(super) fn new(transceiver: &impl Transceiver, path: &str) -> io::Result<Self> {
        transceiver.set_rts(false).map_err(|_| {
            let text = format!("the driver of {path} has no line RTS; use rs485 = \"auto\"");
            io::Error::new(io::ErrorKind::Unsupported, text)
        })?;
        Ok(Self { alarm: Alarm::precise(), stage: Stage::Listening })
    }

    /// Before bytes are written.
    pub(super) fn raise(&mut self, transceiver: &impl Transceiver) -> io::Result<()> {
        if !matches!(self.stage, Stage::Talking(_)) {
            transceiver.set_rts(true)?;
            self.stage = Stage::Talking(Instant::now());
        }
        Ok(())
    }

    /// Bytes were written that take this time on the wire.
    pub(super) fn talk(&mut self, wire_time: Duration) {
        if let Stage::Talking(until) = &mut self.stage {
            *until = (*until).max(Instant::now()) + wire_time;
        }
    }

    /// Lowers it when the last bit has left. The time on the wire is waited for first, since a
    /// driver that is asked before looks again only after a tick of the kernel.
    pub(super) fn poll_lower(
        &mut self,
        transceiver: &impl Transceiver,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match &mut self.stage {
                Stage::Listening => return Poll::Ready(Ok(())),
                Stage::Talking(until) => {
                    self.alarm.reset(*until);
                    ready!(self.alarm.poll_wait(context));
                    self.stage = Stage::Emptying(transceiver.emptied());
                }
                Stage::Emptying(emptied) => {
                    let emptied = ready!(std::pin::Pin::new(emptied).poll(context));
                    self.stage = Stage::Listening;
                    transceiver.set_rts(false)?;
                    return Poll::Ready(emptied.map_err(io::Error::other).flatten());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Notes what is done to it, and when.
    #[derive(Clone, Default)]
    struct Noting(Arc<Mutex<Vec<(&'static str, Instant)>>>);

    impl Noting {
        fn note(&self, deed: &'static str) {
            self.0.lock().unwrap().push((deed, Instant::now()));
        }
    }

    impl Transceiver for Noting {
        fn set_rts(&self, high: bool) -> io::Result<()> {
            self.note(if high { "high" } else { "low" });
            Ok(())
        }

        fn emptied(&self) -> JoinHandle<io::Result<()>> {
            let noting = self.clone();
            tokio::task::spawn_blocking(move || {
                noting.note("empty");
                Ok(())
            })
        }
    }

    #[tokio::test]
    async fn rts_is_high_from_before_the_first_byte_until_the_last_bit_has_left() {
        let line = Noting::default();
        let mut turning = Turning::new(&line, "/dev/ttyS1").unwrap();
        for _ in 0..2 {
            // A write that takes half of the question, then the other half.
            for _ in 0..2 {
                turning.raise(&line).unwrap();
                line.note("write");
                turning.talk(Duration::from_millis(4));
            }
            poll_fn(|context| turning.poll_lower(&line, context)).await.unwrap();
            // With nothing written there is nothing to lower.
            poll_fn(|context| turning.poll_lower(&line, context)).await.unwrap();
        }
        let notes = line.0.lock().unwrap();
        let deeds: Vec<&str> = notes.iter().map(|(deed, _)| *deed).collect();
        let question = ["high", "write", "write", "empty", "low"];
        assert_eq!(deeds, [&["low"][..], &question, &question].concat());
        let on_wire = notes[4].1 - notes[2].1;
        assert!(on_wire >= Duration::from_millis(8), "lowered after {on_wire:?}");
    }
}
