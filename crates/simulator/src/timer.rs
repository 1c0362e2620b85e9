//! Waits that end when they should: the timers of the runtime end at the next millisecond, and a
//! byte at 115200 baud takes 87 µs.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

/// A timer of the kernel. It walks in real time, even where that of the runtime is paused.
#[derive(Debug)]
pub(crate) struct Timer {
    timer: AsyncFd<OwnedFd>,
}

impl Timer {
    /// # Errors
    /// When the process has no descriptor left.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self { timer: watched(timerfd_create(TimerfdClockId::Monotonic, flags)?)? })
    }

    /// Waits until an instant, never less. May be dropped and begun anew.
    pub(crate) async fn wait_until(&self, at: Instant) -> io::Result<()> {
        loop {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let once = Itimerspec { it_interval: spec(Duration::ZERO), it_value: spec(left) };
            timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            let mut ready = self.timer.readable().await?;
            let mut count = [0; 8];
            // Whatever was read, the clock above says whether the instant has come.
            let _ = ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut count[..])?));
        }
    }
}

/// A descriptor that the runtime watches.
pub(crate) fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(
        deprecated,
        reason = "the successor is unsafe for descriptors that may be swapped; an OwnedFd is not"
    )]
    AsyncFd::new(descriptor)
}

fn spec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_is_never_short_and_can_be_exact_to_a_part_of_a_millisecond() {
        let timer = Timer::new().unwrap();
        let wait = Duration::from_micros(2_100);
        let mut least = Duration::MAX;
        for _ in 0..30 {
            let from = Instant::now();
            timer.wait_until(from + wait).await.unwrap();
            assert!(from.elapsed() >= wait);
            least = least.min(from.elapsed() - wait);
        }
        // A busy machine has quiet moments.
        assert!(least < Duration::from_micros(500), "{least:?}");
    }

    #[tokio::test]
    async fn a_wait_given_up_does_not_cut_the_next_one_short() {
        let timer = Timer::new().unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        tokio::select! {
            biased;
            _ = timer.wait_until(soon) => panic!("too soon"),
            () = std::future::ready(()) => {}
        }
        let later = soon + Duration::from_millis(4);
        timer.wait_until(later).await.unwrap();
        assert!(Instant::now() >= later);
    }
}
