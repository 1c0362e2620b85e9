//! What a bus makes of a port's moods, and of many who want something of it at once.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catalog::{Port, Rs485};
use domain::{Batch, Key, PlanNumber, Reason};
use jiff::tz::TimeZone;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wire::Line;
use wire::modbus::{Function, Heard};

use super::{Deed, Scripted, entry, meter, own_numbers, refusal, say, silence, walking_clock};
use crate::bus::BusTask;
use crate::conversation::Conversation;
use crate::door::Ask;
use crate::framing::Framing;
use crate::pass::Sweep;
use crate::plan::{BusPlan, MeterPlan};
use crate::port::Dial;

/// Meters `m1` to `m<n>` with the addresses 1 to n, one register each.
pub(super) fn bus(meters: u8, interval: Duration) -> BusPlan {
    let meters = (1..=meters).map(|address| {
        let registers = vec![entry("L1_v", Function::Input, 10, 2)];
        MeterPlan { interval, ..meter(&format!("m{address}"), address, registers) }
    });
    BusPlan {
        key: Key::new("bus").unwrap(),
        port: Port::Serial("/dev/none".to_owned()),
        rs485: Rs485::Auto,
        meters: meters.collect(),
    }
}

/// A bus that runs, with what leads to it and from it.
struct Running {
    asks: mpsc::Sender<Ask>,
    sweeps: mpsc::Receiver<Sweep>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

fn start<D: Dial + 'static>(plan: BusPlan, dial: D) -> Running {
    let (asks, asked) = mpsc::channel(16);
    let (swept, sweeps) = mpsc::channel(16);
    let stop = CancellationToken::new();
    let clock = walking_clock("2026-11-14T14:05:00Z");
    let task = BusTask::new(plan, PlanNumber(1), Conversation::new(dial), TimeZone::UTC, clock);
    let mut tasks = JoinSet::new();
    tasks.spawn(task.run(asked, swept, stop.clone()));
    Running { asks, sweeps, stop, tasks }
}

fn told(sweep: &[Batch]) -> Vec<String> {
    let of = |batch: &Batch| match batch.gaps.first() {
        Some(gap) => format!("{} {}", batch.meter, gap.reason),
        None => format!("{} {}", batch.meter, batch.readings.len()),
    };
    sweep.iter().map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn a_converter_that_hangs_up_for_one_meter_keeps_the_others() {
    let hangs_up = |question: &[u8]| match Heard::rtu(question).unwrap().address {
        1 => Deed::Close,
        _ => say(own_numbers(question).1),
    };
    let port = Scripted::new(|_| Framing::RtuOverTcp, hangs_up);
    let mut running = start(bus(3, Duration::from_secs(60)), port);
    for _ in 0..3 {
        assert_eq!(told(&running.sweeps.recv().await.unwrap()), ["m1 line", "m2 1", "m3 1"]);
    }
}

/// A serial adapter: each opening leads to a meter, until it is unplugged for a moment.
struct Adapter {
    inner: Scripted<fn(&[u8]) -> Deed>,
    plugged: Arc<Mutex<Option<DuplexStream>>>,
    dialled: usize,
}

impl Dial for Adapter {
    type Link = DuplexStream;

    async fn dial(&mut self, line: Line) -> io::Result<DuplexStream> {
        self.dialled += 1;
        if self.dialled > 1 {
            return self.inner.dial(line).await;
        }
        // The first one is gone before anybody asks.
        let (near, far) = duplex(64);
        *self.plugged.lock().unwrap() = Some(far);
        Ok(near)
    }

    fn set_line(&self, _link: &mut DuplexStream, _line: Line) -> io::Result<()> {
        Ok(())
    }

    fn framing(&self, line: Line) -> Framing {
        Framing::Serial(line)
    }
}

#[tokio::test(start_paused = true)]
async fn an_adapter_plugged_in_again_between_two_sweeps_costs_no_reading() {
    let answers: fn(&[u8]) -> Deed = |question| say(own_numbers(question).1);
    let plugged = Arc::default();
    let inner = Scripted::new(Framing::Serial, answers);
    let port = Adapter { inner, plugged: Arc::clone(&plugged), dialled: 0 };
    let mut running = start(bus(2, Duration::from_secs(900)), port);
    assert_eq!(told(&running.sweeps.recv().await.unwrap()), ["m1 silent", "m2 silent"]);
    plugged.lock().unwrap().take();
    assert_eq!(told(&running.sweeps.recv().await.unwrap()), ["m1 1", "m2 1"]);
}

/// A port whose far end takes no byte.
struct Stuck(Vec<DuplexStream>);

impl Dial for Stuck {
    type Link = DuplexStream;

    async fn dial(&mut self, _line: Line) -> io::Result<DuplexStream> {
        let (near, far) = duplex(4);
        self.0.push(far);
        Ok(near)
    }

    fn set_line(&self, _link: &mut DuplexStream, _line: Line) -> io::Result<()> {
        Ok(())
    }

    fn framing(&self, line: Line) -> Framing {
        Framing::Serial(line)
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_takes_no_bytes_is_a_gap_and_does_not_hold_up_the_end() {
    let mut running = start(bus(2, Duration::from_secs(60)), Stuck(Vec::new()));
    let sweep = running.sweeps.recv().await.unwrap();
    assert_eq!(told(&sweep), ["m1 line", "m2 line"]);
    assert!(sweep[0].gaps[0].detail.contains("takes no bytes"), "{:?}", sweep[0].gaps);
    running.stop.cancel();
    running.tasks.join_next().await.unwrap().unwrap();
}

/// Asks again and again, as `read --watch` does.
async fn nag(asks: mpsc::Sender<Ask>, served: Arc<AtomicUsize>) {
    loop {
        let (answer, answered) = oneshot::channel();
        let ask = Ask { meter: Key::new("m1").unwrap(), answer };
        if asks.send(ask).await.is_err() || answered.await.is_err() {
            return;
        }
        served.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_without_end_do_not_hold_up_the_sweeps() {
    let answers = |question: &[u8]| say(own_numbers(question).1);
    let mut running =
        start(bus(3, Duration::from_secs(1)), Scripted::new(Framing::Serial, answers));
    let served = Arc::new(AtomicUsize::new(0));
    let mut people = JoinSet::new();
    for _ in 0..3 {
        people.spawn(nag(running.asks.clone(), Arc::clone(&served)));
    }
    let mut sweeps = 0;
    let all = async {
        while sweeps < 5 {
            let sweep = running.sweeps.recv().await.unwrap();
            sweeps += usize::from(sweep.iter().any(|batch| batch.meter.as_str() == "m3"));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.unwrap();
    assert!(served.load(Ordering::Relaxed) > 10, "and people are served as well");
}

#[tokio::test(start_paused = true)]
async fn what_refuses_at_once_is_not_asked_without_end() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let refuses = move |question: &[u8]| {
        count.fetch_add(1, Ordering::Relaxed);
        say(refusal(question, 2))
    };
    let mut running = start(bus(1, Duration::ZERO), Scripted::new(Framing::Serial, refuses));
    let listen = async { while running.sweeps.recv().await.is_some() {} };
    assert!(tokio::time::timeout(Duration::from_secs(60), listen).await.is_err());
    assert!(asked.load(Ordering::Relaxed) <= 61, "{asked:?} questions in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_stops_hears_out_what_may_come_late() {
    let mut running = start(
        bus(1, Duration::from_secs(60)),
        Scripted::new(Framing::Serial, |_: &[u8]| silence()),
    );
    let sweep = running.sweeps.recv().await.unwrap();
    assert_eq!(sweep[0].gaps[0].reason, Reason::Silent);
    let asked_last = tokio::time::Instant::now();
    running.stop.cancel();
    running.tasks.join_next().await.unwrap().unwrap();
    assert!(asked_last.elapsed() >= Duration::from_millis(900), "{:?}", asked_last.elapsed());
}

#[tokio::test(start_paused = true)]
async fn all_meters_of_a_site_carry_the_slot_they_were_read_for() {
    let answers = |question: &[u8]| say(own_numbers(question).1);
    let minute = Duration::from_secs(60);
    let mut slots = Vec::new();
    // Two buses of one site: one slow with many meters, one fast.
    for meters in [20, 2] {
        let mut running = start(bus(meters, minute), Scripted::new(Framing::Serial, answers));
        for _ in 0..2 {
            let sweep = running.sweeps.recv().await.unwrap();
            assert_eq!(sweep.len(), usize::from(meters));
            slots.extend(sweep.iter().map(|batch| batch.slot.unwrap().to_string()));
        }
    }
    slots.sort();
    slots.dedup();
    assert_eq!(slots, ["2026-11-14T14:05:00Z", "2026-11-14T14:06:00Z"]);
}
