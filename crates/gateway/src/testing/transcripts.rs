//! Transcripts of lines, played again: every text in `crates/gateway/transcripts`, and in the
//! folder that `SUBMETER_TRANSCRIPTS` names, must end in the verdicts that it tells. See
//! `docs/transcripts.md`.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;
use vectors::Tally;
use wire::modbus::{Function, Heard, Read, Refusal, Reply};
use wire::transcript::{Failure, Transcript, Verdict};

use super::player::{Asked, Player, Reel, asked};
use super::{Deed, Event, Scripted, walking_clock};
use crate::call::Call;
use crate::conversation::Conversation;
use crate::framing::Framing;

#[test]
fn every_transcript_comes_to_its_verdicts_again() {
    let mut tally = Tally::of("transcripts");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let named = std::env::var_os("SUBMETER_TRANSCRIPTS").map(Into::into);
    for folder in std::iter::once(own).chain(named) {
        let mut paths: Vec<_> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "txt")) {
            let text = std::fs::read_to_string(path).unwrap();
            let outcome = text
                .parse()
                .map_err(|malformed: wire::transcript::Malformed| malformed.to_string())
                .and_then(|transcript| in_paused_time(replay(&transcript)));
            tally.count(&path.display().to_string(), outcome);
        }
    }
    tally.finish();
}

#[test]
fn a_transcript_that_tells_another_verdict_is_noticed() {
    let text = include_str!("../../transcripts/late-answer.txt");
    let (told, other) = ("= silent\n", "= 10 registers\n");
    assert!(text.contains(told));
    let changed = text.replacen(told, other, 1).parse().unwrap();
    let complaint = in_paused_time(replay(&changed)).unwrap_err();
    assert_eq!(complaint, "question 1 ends silent, not 10 registers");
}

#[test]
fn a_socket_that_was_tried_in_the_other_framing_is_played_as_well() {
    let text = "\
@ rtu+tcp
@ patience 100
     0 > 05 04 00 00 00 01 30 4E
   100 = silent
@ tcp
   200 > 00 01 00 00 00 06 05 04 00 00 00 01
   220 < 00 01 00 00 00 05 05 04 02 00 07
   220 = 1 register
@ rtu+tcp
  1300 > 05 04 00 00 00 01 30 4E
  1400 = silent
";
    assert_eq!(in_paused_time(replay(&text.parse().unwrap())), Ok(()));
    let unanswered = text.replace("1 register", "silent").parse().unwrap();
    let complaint = in_paused_time(replay(&unanswered)).unwrap_err();
    assert_eq!(complaint, "question 2, a trial, does not end silent");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_was_recorded_is_played_again_with_the_same_verdicts(
        framing in prop::sample::select(vec![
            Framing::Serial as fn(wire::Line) -> Framing,
            |_| Framing::Tcp,
            |_| Framing::RtuOverTcp,
        ]),
        takes in prop::collection::vec(take(), 1..12),
    ) {
        let recorded = in_paused_time(record(framing, &takes));
        let text = recorded.to_string();
        let read: Transcript = text.parse().unwrap();
        prop_assert_eq!(&read, &recorded);
        let outcome = in_paused_time(replay(&read));
        prop_assert_eq!(outcome, Ok(()), "{}", text);
    }
}

fn in_paused_time<T>(what: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(what)
}

/// Asks what a transcript asked, of a far end that says what the transcript heard.
async fn replay(transcript: &Transcript) -> Result<(), String> {
    let asked = asked(transcript)?;
    let Some(first) = asked.first() else { return Err("nothing is asked".to_owned()) };
    let reel = Arc::new(Mutex::new(Reel::new(asked.clone())));
    let mut conversation = Conversation::new(Player::new(Arc::clone(&reel), first.framing));
    let began = Instant::now() + Duration::from_secs(1);
    loop {
        let n = reel.lock().unwrap().played;
        // A question without a verdict was under way when the transcript was saved.
        let Some((next, told)) = asked.get(n).and_then(|next| Some((next, next.verdict?.0))) else {
            return Ok(());
        };
        let due = began + next.at.saturating_sub(first.at);
        conversation.rest(due.saturating_duration_since(Instant::now()));
        let (call, transaction) = next.call()?;
        conversation.transaction = transaction.wrapping_sub(1);
        let came = if next.is_framed_as(first) {
            let carried = conversation.carry(call).await;
            let answer = carried.as_ref().map(|carried| carried.exchange.finish(carried.end));
            answer.map_or(LOST, Verdict::from)
        } else if conversation.is_answered_in(next.framing, call).await
            == matches!(told, Verdict::Words(_) | Verdict::Refused(_))
        {
            told
        } else {
            return Err(format!("question {}, a trial, does not end {told}", n + 1));
        };
        compare(&reel.lock().unwrap(), &asked, n, came)?;
    }
}

const LOST: Verdict = Verdict::Failed(Failure::PORT_LOST);

/// Compares the verdicts on the questions from `n` on. A connection that is lost costs a
/// repetition, so there may be two, the first of which was lost.
fn compare(reel: &Reel, asked: &[Asked], n: usize, last: Verdict) -> Result<(), String> {
    if let Some(wrong) = &reel.wrong {
        return Err(wrong.clone());
    }
    if reel.played == n {
        return Err(format!("question {} is not asked", n + 1));
    }
    for (n, asked) in asked.iter().enumerate().take(reel.played).skip(n) {
        let came = if n + 1 == reel.played { last } else { LOST };
        if let Some((told, _)) = asked.verdict
            && came != told
        {
            return Err(format!("question {} ends {came}, not {told}", n + 1));
        }
    }
    Ok(())
}

/// A question, and what a far end says to it.
#[derive(Debug, Clone)]
struct Take {
    read: Read,
    rest_ms: u64,
    patience_ms: u64,
    listen_ms: u64,
    /// Each so long after the question.
    said: Vec<(u64, Piece)>,
    closes: bool,
}

/// What a far end may say.
#[derive(Debug, Clone)]
enum Piece {
    Answer(u16),
    Refusal,
    Echo,
    /// The answer, cut and with a pause of so many milliseconds before its rest.
    Halves(u64),
    Half,
    Spoilt,
    Noise(Vec<u8>),
    /// The answer of another meter, or of another transaction.
    Foreign,
}

fn take() -> impl Strategy<Value = Take> {
    let piece = prop_oneof![
        4 => (0..2_u16).prop_map(Piece::Answer),
        1 => Just(Piece::Refusal),
        1 => Just(Piece::Echo),
        1 => (1..40_u64).prop_map(Piece::Halves),
        1 => Just(Piece::Half),
        1 => Just(Piece::Spoilt),
        1 => prop::collection::vec(any::<u8>(), 1..12).prop_map(Piece::Noise),
        1 => Just(Piece::Foreign),
    ];
    let after = prop_oneof![4 => 0..60_u64, 1 => 60..1_500_u64];
    (
        (1..4_u8, 0..4_u16, 1..5_u16),
        (0..50_u64, 50..1_000_u64, prop_oneof![Just(0), 0..60_u64]),
        prop::collection::vec((after, piece), 0..4),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |((address, start, count), (rest_ms, patience_ms, listen_ms), said, closes)| {
                let read = Read { address, function: Function::Input, start, count };
                Take { read, rest_ms, patience_ms, listen_ms, said, closes }
            },
        )
}

/// What the recorder of a conversation remembers of these questions.
async fn record(framing: fn(wire::Line) -> Framing, takes: &[Take]) -> Transcript {
    let clock = walking_clock("2026-11-24T15:20:03.114Z");
    let current = Arc::new(Mutex::new(None::<Take>));
    let take = Arc::clone(&current);
    let script = move |question: &[u8]| {
        let take = take.lock().unwrap().clone().unwrap();
        if take.closes { Deed::Close } else { Deed::Say(said(&take, question)) }
    };
    let mut conversation = Conversation::new(Scripted::new(framing, script));
    for take in takes {
        *current.lock().unwrap() = Some(take.clone());
        conversation.rest(Duration::from_millis(take.rest_ms));
        let call = Call {
            read: take.read,
            line: wire::Line::default(),
            patience: Duration::from_millis(take.patience_ms),
            listen: Duration::from_millis(take.listen_ms),
        };
        // Whether the port is lost is told by the verdict.
        let _lost = conversation.carry(call).await.is_err();
    }
    conversation.recorder().transcript(&clock)
}

fn said(take: &Take, question: &[u8]) -> Vec<Event> {
    let asked = Heard::rtu(question).or_else(|| Heard::tcp(question)).unwrap();
    let frame = |asked: Heard, reply: &Reply| match question.len() {
        12 => asked.answer_tcp(reply),
        _ => asked.answer_rtu(reply),
    };
    let words = |first: u16| Reply::Words((0..asked.count).map(|n| first + n).collect());
    let answer = frame(asked, &words(0));
    let half = answer.len() / 2;
    let mut events = Vec::new();
    for (after, piece) in &take.said {
        let mut say = |after: u64, bytes: &[u8]| {
            events.push(Event { after: Duration::from_millis(after), bytes: bytes.to_vec() });
        };
        match piece {
            Piece::Answer(first) => say(*after, &frame(asked, &words(*first))),
            Piece::Refusal => say(*after, &frame(asked, &Reply::Refused(Refusal(2)))),
            Piece::Echo => say(*after, question),
            Piece::Halves(pause) => {
                say(*after, &answer[..half]);
                say(after + pause, &answer[half..]);
            }
            Piece::Half => say(*after, &answer[..half]),
            Piece::Spoilt => {
                let mut answer = answer.clone();
                answer[half] ^= 4;
                say(*after, &answer);
            }
            Piece::Noise(bytes) => say(*after, bytes),
            Piece::Foreign => {
                let transaction = asked.transaction.wrapping_add(7);
                let other = Heard { address: asked.address + 9, transaction, ..asked };
                say(*after, &frame(other, &words(3)));
            }
        }
    }
    events
}
