//! A meter that is exchanged while nobody looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use catalog::{DataType, Identify, Identity};
use domain::{PlanNumber, Quality};
use tokio::time::Instant;
use wire::modbus::{Function, Heard, Reply};

use super::{Scripted, entry, meter, say, silence, walking_clock};
use crate::conversation::Conversation;
use crate::framing::Framing;
use crate::plan::MeterPlan;
use crate::status::Alarm;
use crate::visit::{ALL_PACES, Visited};

const SERIAL: Identify = Identify {
    function: Function::Holding,
    start: 500,
    size: 2,
    data_type: DataType::Uint,
    swap_words: false,
    meaning: Identity::Serial,
};

/// A meter with the serial number that stands in the cell; at 0 it has no power.
fn exchangeable(cell: &Arc<AtomicU16>) -> impl FnMut(&[u8]) -> super::Deed + Send + 'static {
    let cell = Arc::clone(cell);
    move |question| {
        let serial = cell.load(Ordering::Relaxed);
        let heard = Heard::rtu(question).unwrap();
        let words = if heard.start == 500 { vec![0, serial] } else { vec![9; heard.count.into()] };
        if serial == 0 { silence() } else { say(heard.answer_rtu(&Reply::Words(words))) }
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_exchanged_meter_tells_is_marked_from_its_first_reading() {
    let cell = Arc::new(AtomicU16::new(4711));
    let mut conversation = Conversation::new(Scripted::new(Framing::Serial, exchangeable(&cell)));
    let clock = walking_clock("2026-11-14T14:05:00Z");
    let registers = vec![entry("en_im", Function::Input, 0, 2)];
    let plan = MeterPlan { serial: Some(SERIAL), ..meter("m", 3, registers) };
    let mut visited = Visited::new(plan);
    let mut qualities = Vec::new();
    for serial in [4711, 4711, 0, 4712, 4712, 0, 4711] {
        cell.store(serial, Ordering::Relaxed);
        let visit = visited.visit(&mut conversation, ALL_PACES, PlanNumber(1), &clock);
        let (batch, _) = visit.await;
        let quality = batch.readings.first().map(|reading| reading.quality);
        qualities.push((quality, visited.alarm()));
    }
    let other = (Some(Quality::Suspect), Some(Alarm::OtherMeter));
    let good = (Some(Quality::Good), None);
    let dark = |alarm| (None, alarm);
    let expected = [good, good, dark(None), other, other, dark(Some(Alarm::OtherMeter)), good];
    assert_eq!(qualities, expected);
}

#[tokio::test(start_paused = true)]
async fn the_serial_number_is_asked_for_once_a_day() {
    let cell = Arc::new(AtomicU16::new(4711));
    let mut conversation = Conversation::new(Scripted::new(Framing::Serial, exchangeable(&cell)));
    let clock = walking_clock("2026-11-14T14:05:00Z");
    let registers = vec![entry("en_im", Function::Input, 0, 2)];
    let mut visited = Visited::new(MeterPlan { serial: Some(SERIAL), ..meter("m", 3, registers) });
    let began = Instant::now();
    let mut visits = 0;
    while began.elapsed() < Duration::from_secs(3 * 24 * 3600) {
        visited.visit(&mut conversation, ALL_PACES, PlanNumber(1), &clock).await;
        visits += 1;
        tokio::time::advance(Duration::from_secs(900)).await;
    }
    assert_eq!(visited.tally.questions - visits, 3);
}
