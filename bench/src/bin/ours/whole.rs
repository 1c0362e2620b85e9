use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::{Result, bail};
use bench::{COUNT, plan_of, site_of_sockets, word};
use domain::Clock;
use gateway::{Around, Dial, Framing, start_on};
use jiff::tz::TimeZone;
use store::{Store, Told};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use wire::Line;
use wire::modbus::{Heard, Reply};

/// Lets the gateway read a meter until so many batches are in the journal.
pub(super) async fn sweeps(times: u32) -> Result<()> {
    let store = Store::in_memory().await?;
    let plan = plan_of(&site_of_sockets(1, 502), COUNT)?;
    let (zone, stop) = (TimeZone::UTC, CancellationToken::new());
    let clock = Clock::new(jiff::Timestamp::now);
    let around = Around { zone: &zone, clock: &clock, stop: &stop };
    let mut watcher = store.journal().watch();
    let gateway = start_on(plan, |_| NoPort, store.journal(), &around);
    let mut told = 0;
    while told < u64::from(times) {
        told += match watcher.next().await {
            Some(Told::Batches(batches)) => u64::try_from(batches.len())?,
            Some(Told::Missed(missed)) => missed,
            None => bail!("the journal ended"),
        };
    }
    stop.cancel();
    gateway.ended(&stop).await;
    store.close().await?;
    Ok(())
}

/// A meter of Modbus TCP that answers inside the process.
struct NoPort;

impl Dial for NoPort {
    type Link = Answering;

    async fn dial(&mut self, _line: Line) -> io::Result<Answering> {
        Ok(Answering(Vec::new()))
    }

    fn set_line(&self, _link: &mut Answering, _line: Line) -> io::Result<()> {
        Ok(())
    }

    fn framing(&self, _line: Line) -> Framing {
        Framing::Tcp
    }
}

/// Holds the answer to what was asked last. The task that asks is the one that hears, so nobody
/// has to be woken.
struct Answering(Vec<u8>);

impl AsyncRead for Answering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        buffer.put_slice(&self.0);
        self.0.clear();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Answering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(heard) = Heard::tcp(bytes) else { return Poll::Ready(Ok(bytes.len())) };
        let Some(read) = heard.read() else { return Poll::Ready(Ok(bytes.len())) };
        let words = (read.start..read.start + read.count).map(word).collect();
        self.0 = heard.answer_tcp(&Reply::Words(words));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
