//! What a visit makes of a meter's moods.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Batch, PlanNumber, Reason};
use tokio::time::Instant;
use wire::modbus::{Function, Heard, Reply};

use super::{
    Deed, Event, Scripted, entry, meter, own_numbers, refusal, say, silence, walking_clock,
};
use crate::conversation::Conversation;
use crate::framing::Framing;
use crate::visit::{ALL_PACES, Visited};

/// The questions heard so far, as `start+count`.
type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, question: &[u8]) -> usize {
    let heard = Heard::rtu(question).unwrap();
    let mut log = log.lock().unwrap();
    log.push(format!("{}+{}", heard.start, heard.count));
    log.len()
}

/// Visits a meter with three entries, `times` times; the far end answers by `answer`, which is told
/// the number of the question.
async fn visits(
    times: usize,
    answer: impl Fn(usize, &[u8]) -> Deed + Send + 'static,
) -> (Vec<Batch>, Vec<String>) {
    let log = Log::default();
    let heard = Arc::clone(&log);
    let script = move |question: &[u8]| answer(note(&heard, question), question);
    let mut conversation = Conversation::new(Scripted::new(Framing::Serial, script));
    let clock = walking_clock("2026-11-14T14:05:00Z");
    let registers = vec![
        entry("L1_v", Function::Input, 10, 1),
        entry("L2_v", Function::Input, 12, 1),
        entry("L3_v", Function::Input, 14, 1),
    ];
    let mut visited = Visited::new(meter("m", 3, registers));
    let mut batches = Vec::new();
    for _ in 0..times {
        batches.push(visited.visit(&mut conversation, ALL_PACES, PlanNumber(1), &clock).await.0);
    }
    let log = log.lock().unwrap().clone();
    (batches, log)
}

fn summary(batch: &Batch) -> Vec<String> {
    let reading = |r: &domain::Reading| format!("{} {}", r.quantity, r.value);
    let gap = |g: &domain::Gap| {
        format!("{} {}", g.quantity.map_or("*".to_owned(), |q| q.to_string()), g.reason)
    };
    batch.readings.iter().map(reading).chain(batch.gaps.iter().map(gap)).collect()
}

#[tokio::test(start_paused = true)]
async fn near_registers_are_read_by_one_question() {
    let (batches, log) = visits(1, |_, question| say(own_numbers(question).1)).await;
    assert_eq!(log, ["10+5"]);
    assert_eq!(summary(&batches[0]), ["L1_v 10", "L2_v 12", "L3_v 14"]);
}

#[tokio::test(start_paused = true)]
async fn a_hole_that_refuses_is_asked_around_and_remembered() {
    let around_twelve = |_, question: &[u8]| {
        let (heard, answer) = own_numbers(question);
        let touches = (heard.start..heard.start + heard.count).contains(&12);
        say(if touches { refusal(question, 2) } else { answer })
    };
    let (batches, log) = visits(2, around_twelve).await;
    for batch in &batches {
        assert_eq!(summary(batch), ["L1_v 10", "L3_v 14", "L2_v refused"]);
    }
    assert_eq!(
        log,
        [
            "10+5", "10+1", "12+3", "12+1", "14+1", // parted until the hole is known
            "10+1", "12+1", "14+1",
        ]
    );
    assert!(batches[0].gaps[0].detail.contains("register 12 (function 4)"));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_answer_is_asked_for_again() {
    let damaged_twice = |n, question: &[u8]| {
        let mut answer = own_numbers(question).1;
        if n <= 2 {
            answer[4] ^= 1;
        }
        say(answer)
    };
    let (batches, log) = visits(1, damaged_twice).await;
    assert_eq!(log.len(), 3);
    assert_eq!(batches[0].readings.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn damage_without_end_is_a_gap_and_never_a_reading() {
    let always_damaged = |_, question: &[u8]| {
        let mut answer = own_numbers(question).1;
        answer[4] ^= 1;
        say(answer)
    };
    let (batches, log) = visits(1, always_damaged).await;
    assert_eq!(log.len(), 3);
    assert_eq!(summary(&batches[0]), ["L1_v frame", "L2_v frame", "L3_v frame"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_meter_is_one_gap_and_later_only_probed() {
    let (batches, log) = visits(2, |_, _| silence()).await;
    assert_eq!(summary(&batches[0]), ["* silent"]);
    // One question and its repetition, told apart by their counts; then a single probe.
    assert_eq!(log, ["10+5", "10+2", "10+4"]);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_never_taken_for_another_question() {
    // The first answer comes 1.2 s after a patience of 1 s, with values that are wrong by then.
    let late_once = |n, question: &[u8]| {
        let (heard, answer) = own_numbers(question);
        if n > 1 {
            return say(answer);
        }
        let old = heard.answer_rtu(&Reply::Words(vec![999; heard.count.into()]));
        Deed::Say(vec![Event { after: Duration::from_millis(2_200), bytes: old }])
    };
    let (batches, log) = visits(1, late_once).await;
    // A probe of another length settles the line; then the late one comes as a second answer.
    assert_eq!(log, ["10+5", "10+2", "10+5", "10+5"]);
    assert_eq!(summary(&batches[0]), ["L1_v 10", "L2_v 12", "L3_v 14"]);
}

#[tokio::test(start_paused = true)]
async fn a_busy_meter_is_given_time_and_not_taken_for_dead() {
    let busy_twice = |n, question: &[u8]| {
        say(if n <= 2 { refusal(question, 6) } else { own_numbers(question).1 })
    };
    let began = Instant::now();
    let (batches, _) = visits(1, busy_twice).await;
    assert_eq!(batches[0].readings.len(), 3);
    assert!(began.elapsed() >= Duration::from_millis(600));
}

#[tokio::test(start_paused = true)]
async fn a_converter_that_says_nobody_answers_means_a_silent_meter() {
    let (batches, _) = visits(1, |_, question| say(refusal(question, 11))).await;
    assert_eq!(batches[0].gaps[0].reason, Reason::Silent);
    assert!(batches[0].gaps[0].detail.contains("exception 11"));
}

#[tokio::test(start_paused = true)]
async fn two_meters_with_one_address_give_no_reading() {
    let both = |_, question: &[u8]| {
        let (heard, answer) = own_numbers(question);
        let other = heard.answer_rtu(&Reply::Words(vec![7; heard.count.into()]));
        say([answer, other].concat())
    };
    let (batches, _) = visits(1, both).await;
    assert_eq!(batches[0].gaps[0].reason, Reason::Frame);
    assert!(batches[0].gaps[0].detail.contains("two different answers"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_the_whole_bus_but_not_the_end_of_a_sweep() {
    let log = Log::default();
    let heard = Arc::clone(&log);
    let script = move |question: &[u8]| {
        note(&heard, question);
        say(own_numbers(question).1)
    };
    let mut conversation = Conversation::new(Scripted::new(Framing::Serial, script));
    let clock = walking_clock("2026-11-14T14:05:00Z");
    let mut paused = entry("L1_v", Function::Input, 10, 1);
    paused.pause = Some(Duration::from_millis(700));
    let mut visits = [
        Visited::new(meter("a", 1, vec![paused.clone()])),
        Visited::new(meter("b", 2, vec![paused])),
    ];
    let began = Instant::now();
    for visited in &mut visits {
        visited.visit(&mut conversation, ALL_PACES, PlanNumber(1), &clock).await;
    }
    let one_pause = began.elapsed();
    assert!(one_pause >= Duration::from_millis(700), "{one_pause:?}");
    assert!(one_pause < Duration::from_millis(1_400), "{one_pause:?}");
    conversation.end_of_sweep();
    visits[0].visit(&mut conversation, ALL_PACES, PlanNumber(1), &clock).await;
    assert!(began.elapsed() - one_pause < Duration::from_millis(200), "the sweep was over");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_the_port_went_is_kept() {
    let gone_at_twelve = |_, question: &[u8]| {
        let heard = Heard::rtu(question).unwrap();
        match heard.start {
            10 if heard.count > 1 => say(refusal(question, 2)),
            12 => Deed::Close,
            _ => say(own_numbers(question).1),
        }
    };
    let (batches, _) = visits(2, gone_at_twelve).await;
    assert_eq!(summary(&batches[0]), ["L1_v 10", "L2_v line", "L3_v line"]);
    assert_eq!(summary(&batches[1]), summary(&batches[0]), "the port is opened again");
}

#[tokio::test(start_paused = true)]
async fn a_reading_is_of_the_middle_between_question_and_answer() {
    let slow = |_, question: &[u8]| {
        let bytes = own_numbers(question).1;
        Deed::Say(vec![Event { after: Duration::from_millis(400), bytes }])
    };
    let (batches, _) = visits(1, slow).await;
    let after = batches[0].readings[0].at.duration_since(batches[0].at).as_millis();
    assert!((200..300).contains(&after), "{after} ms");
}

#[tokio::test(start_paused = true)]
async fn the_wait_before_a_question_does_not_move_its_reading() {
    // A meter is busy twice: each time the line rests for 300 ms before it is asked again.
    let busy_twice = |n, question: &[u8]| {
        say(if n <= 2 { refusal(question, 6) } else { own_numbers(question).1 })
    };
    let (batches, _) = visits(1, busy_twice).await;
    let batch = &batches[0];
    let before_the_end = batch.duration.as_millis() - to_millis(batch.at, batch.readings[0].at);
    // After the first answers is listened for a second meter, for a tenth of a second.
    assert!(before_the_end < 150, "{before_the_end} ms before the end of a visit");
}

fn to_millis(from: jiff::Timestamp, to: jiff::Timestamp) -> u128 {
    to.duration_since(from).unsigned_abs().as_millis()
}
