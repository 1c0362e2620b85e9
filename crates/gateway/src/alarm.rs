//! The timer of a conversation.

use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{fmt, io};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, Sleep, sleep_until};

/// One timer for all waiting at a port: to put it off costs little, to set up a new one wakes the
/// runtime. It never rings early.
pub(crate) enum Alarm {
    /// The runtime's timer. It rings up to two milliseconds late, and follows a paused clock.
    Coarse(Pin<Box<Sleep>>),
    /// The kernel's timer. It rings as soon as the processor takes the interrupt: a silence of
    /// 1.75 ms on a serial line lasts 1.8 ms and not 3.
    Precise(Timer),
}

/// A timer of the kernel, which the runtime waits for as for a socket.
pub(crate) struct Timer {
    timer: AsyncFd<OwnedFd>,
    until: Instant,
}

impl Alarm {
    /// The runtime's timer.
    pub(crate) fn coarse() -> Self {
        Self::Coarse(Box::pin(sleep_until(Instant::now())))
    }

    /// The kernel's timer, or the runtime's where the kernel has none to give.
    pub(crate) fn precise() -> Self {
        Timer::new().map_or_else(|_| Self::coarse(), Self::Precise)
    }

    /// Rings at this instant, and not at the one it was set to before.
    pub(crate) fn reset(&mut self, until: Instant) {
        match self {
            Self::Coarse(sleep) => sleep.as_mut().reset(until),
            Self::Precise(timer) => {
                if timer.set(until).is_err() {
                    *self = Self::Coarse(Box::pin(sleep_until(until)));
                }
            }
        }
    }

    /// Waits until it rings.
    pub(crate) async fn wait(&mut self) {
        poll_fn(|context| self.poll_wait(context)).await;
    }

    /// Whether it rings already; else this task is woken when it does.
    pub(crate) fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Coarse(sleep) => sleep.as_mut().poll(context),
            Self::Precise(timer) => timer.poll_wait(context),
        }
    }
}

impl Timer {
    fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "the successor is unsafe where descriptors are swapped; an OwnedFd is not"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self { timer, until: Instant::now() })
    }

    fn set(&mut self, until: Instant) -> io::Result<()> {
        self.until = until;
        let left = until.saturating_duration_since(Instant::now());
        let it_value = Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            // Zero would disarm it.
            tv_nsec: i64::from(left.subsec_nanos()).max(1),
        };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let once = Itimerspec { it_interval, it_value };
        timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    /// The clock alone says whether it rings. The descriptor only wakes, so it is never read: each
    /// time that it runs out wakes anew, and setting it forgets the time before.
    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while Instant::now() < self.until {
            match ready!(self.timer.poll_read_ready(context)) {
                Ok(mut woken) => woken.clear_ready(),
                Err(_) => return Poll::Pending, // the runtime ends, and this task with it
            }
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Coarse(_) => "Coarse",
            Self::Precise(_) => "Precise",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_precise_alarm_never_rings_early_and_is_used_again() {
        let mut alarm = Alarm::precise();
        assert!(matches!(alarm, Alarm::Precise(_)));
        for micros in [0, 1, 700, 1_750, 3_646, 20, 5_000, 1] {
            let until = Instant::now() + Duration::from_micros(micros);
            alarm.reset(until);
            alarm.wait().await;
            assert!(Instant::now() >= until, "{micros} µs");
        }
    }

    #[tokio::test]
    async fn an_alarm_put_off_rings_at_the_later_instant_only() {
        for mut alarm in [Alarm::coarse(), Alarm::precise()] {
            let began = Instant::now();
            alarm.reset(began + Duration::from_millis(1));
            // It has run out, and nobody has waited for it.
            while began.elapsed() < Duration::from_millis(3) {
                tokio::task::yield_now().await;
            }
            let until = Instant::now() + Duration::from_millis(4);
            alarm.reset(until);
            alarm.wait().await;
            assert!(Instant::now() >= until, "{alarm:?}");
        }
    }

    #[tokio::test]
    async fn an_alarm_drawn_nearer_rings_at_the_nearer_instant() {
        for mut alarm in [Alarm::coarse(), Alarm::precise()] {
            alarm.reset(Instant::now() + Duration::from_secs(3_600));
            let waits = poll_fn(|context| Poll::Ready(alarm.poll_wait(context))).await;
            assert!(waits.is_pending());
            alarm.reset(Instant::now() + Duration::from_millis(1));
            let rung = tokio::time::timeout(Duration::from_secs(60), alarm.wait()).await;
            assert!(rung.is_ok(), "{alarm:?}");
        }
    }
}
