//! Recorded traffic of real meters, played by real servers to the real engine.
//!
//! Each exchange is played alone: a server of its own answers the recorded question with the
//! recorded bytes in the recorded pieces, in a tenth of the recorded time, and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a record that cannot be read must fail loudly"
)]

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use catalog::{DataType, Host, Limits, Port, Register, Retries, Rs485};
use domain::{Batch, Clock, Decimal, Key, PlanNumber, Quantity, Reason};
use gateway::{BusPlan, MeterPlan};
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use vectors::Tally;
use wire::modbus::{Exchange, Function, Heard, Read};
use wire::{Line, hex};

/// Times of the recordings are divided by it.
const FASTER: f64 = 10.0;
/// Exchanges played at the same time: more would disturb each other's times on a busy machine.
const AT_ONCE: usize = 16;
/// The shortest patience for an answer, which is also the longest that a silent meter costs.
const PATIENCE: Duration = Duration::from_millis(300);
/// No exchange takes longer than this, with whatever is said afterwards.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn every_recorded_exchange_ends_as_it_must() {
    let Some(records) = records() else { return };
    let mut tally = Tally::of("captures/modbus, played");
    let mut playing = JoinSet::new();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    for record in records {
        match record.read() {
            Err(why) => tally.skip(&record.id, why),
            Ok(read) => {
                let turns = Arc::clone(&turns);
                let record = Arc::new(record);
                playing.spawn(async move {
                    let _turn = turns.acquire().await.unwrap();
                    let played = timeout(LIMIT, play(&record, read)).await;
                    let outcome = played.unwrap_or_else(|_| Err("does not end".to_owned()));
                    (record.id.clone(), outcome)
                });
            }
        }
    }
    while let Some(played) = playing.join_next().await {
        let (id, outcome) = played.unwrap();
        tally.count(&id, outcome);
    }
    tally.finish();
}

#[test]
fn every_recorded_value_is_decoded_as_the_display_showed_it() {
    let Some(records) = records() else { return };
    let mut tally = Tally::of("captures/modbus, values");
    for record in records {
        let expected = record.value["expect"].as_array().cloned().unwrap_or_default();
        match record.read() {
            Err(why) => expected.iter().for_each(|_| tally.skip(&record.id, why)),
            Ok(read) => {
                for expected in expected {
                    let id = format!("{} {}", record.id, expected["reg"]);
                    if record.words().is_empty() {
                        tally.skip(&id, "the recording holds no right answer");
                        continue;
                    }
                    tally.count(&id, decodes(&expected, read.start, &record.words()));
                }
            }
        }
    }
    tally.finish();
}

/// One line of a recording.
#[derive(Debug)]
struct Record {
    id: String,
    protocol: String,
    value: Value,
}

/// Every exchange of every recording.
fn records() -> Option<Vec<Record>> {
    let Some(folder) = vectors::captures() else {
        let line = "NOT PROVED: recorded traffic, since there is none here (SUBMETER_CAPTURES)";
        // Past the capture of the test harness: a test that proves nothing must not be silent.
        drop(writeln!(io::stderr().lock(), "{line}"));
        return None;
    };
    let mut paths: Vec<_> =
        std::fs::read_dir(folder.join("modbus")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    paths.sort();
    let of_file = |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let head = lines.remove(0);
        let text = |key: &str| head[key].as_str().unwrap().to_owned();
        let (id, protocol) = (text("id"), text("protocol"));
        lines.into_iter().enumerate().map(move |(n, value)| Record {
            id: format!("{id}[{n}]"),
            protocol: protocol.clone(),
            value,
        })
    };
    Some(paths.into_iter().flat_map(of_file).collect())
}

impl Record {
    fn is_tcp(&self) -> bool {
        self.protocol == "tcp"
    }

    fn bytes(&self, key: &str) -> Vec<u8> {
        bytes(&self.value[key])
    }

    fn outcome(&self) -> &str {
        self.value["outcome"].as_str().unwrap()
    }

    /// The registers of the right answer.
    fn words(&self) -> Vec<u16> {
        let data = self.bytes("data");
        data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    /// The question, or why a gateway that only reads registers would never ask it.
    fn read(&self) -> Result<Read, &'static str> {
        let sent = self.bytes("send");
        let heard = if self.is_tcp() { Heard::tcp(&sent) } else { Heard::rtu(&sent) };
        let heard = heard.ok_or("no question of one read")?;
        if !matches!(heard.function, 3 | 4) {
            return Err("another function than 3 and 4");
        }
        let read = heard.read().ok_or("registers outside the limits of one question")?;
        let asked = match self.protocol.as_str() {
            "tcp" => Exchange::tcp(read, heard.transaction),
            _ => Exchange::rtu(read),
        };
        assert_eq!(asked.request(), sent, "{}", self.id);
        Ok(read)
    }

    /// A tenth of a recorded time.
    fn time(value: &Value) -> Option<Duration> {
        value.as_f64().map(|ms| Duration::from_secs_f64(ms / 1_000.0 / FASTER))
    }

    /// The answer as it came, with its transaction numbers moved to those of our question.
    fn pieces(&self, question: &[u8]) -> Vec<(Duration, Vec<u8>)> {
        let answer = self.answer(question);
        let value = &self.value;
        let Some(segments) = value["segments"].as_array() else {
            let at = [&value["first_byte_ms"], &value["took_ms"]].into_iter().find_map(Self::time);
            return vec![(at.unwrap_or_default(), answer)];
        };
        let (mut rest, mut at) = (answer.as_slice(), Duration::ZERO);
        let piece = |segment: &Value| {
            let (piece, behind) = rest.split_at(bytes(&segment["hex"]).len());
            rest = behind;
            // A log without times still says which piece came after which.
            at = Self::time(&segment["at_ms"]).unwrap_or(at);
            (at, piece.to_vec())
        };
        segments.iter().map(piece).collect()
    }

    fn answer(&self, question: &[u8]) -> Vec<u8> {
        let mut answer = self.bytes("recv");
        if !self.is_tcp() {
            return answer;
        }
        let number = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
        let shift = number(question).wrapping_sub(number(&self.bytes("send")));
        let frames = self.value["frames"].as_array().cloned().unwrap_or_default();
        let place = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        let mut heads: Vec<usize> = frames.iter().map(|frame| place(&frame["at"])).collect();
        // What stands before and behind the whole frames may be the head of a damaged one.
        heads.push(0);
        heads.extend(frames.last().map(|last| place(&last["at"]) + place(&last["len"])));
        heads.sort_unstable();
        heads.dedup();
        for head in heads {
            let Some(frame) = answer.get_mut(head..head + 4) else { continue };
            if frame[2..] == [0, 0] {
                let moved = number(frame).wrapping_add(shift);
                frame[..2].copy_from_slice(&moved.to_be_bytes());
            }
        }
        answer
    }
}

/// Plays a record to the engine and judges what it makes of it.
async fn play(record: &Arc<Record>, read: Read) -> Result<(), String> {
    let mut sides = JoinSet::new();
    let player = Player { question: record.bytes("send"), record: Arc::clone(record) };
    let (port, line) = match record.protocol.as_str() {
        "rtu" => {
            let (ours, theirs, path) = terminal().unwrap();
            sides.spawn(player.serve(tokio::fs::File::from_std(File::from(ours))));
            (Port::Serial(path), Some(theirs))
        }
        protocol => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let tcp_port = listener.local_addr().unwrap().port();
            let host = Host { name: "127.0.0.1".to_owned(), tcp_port };
            sides.spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                player.serve(stream).await
            });
            (if protocol == "tcp" { Port::Tcp(host) } else { Port::RtuOverTcp(host) }, None)
        }
    };
    let clock = Clock::stopped(Timestamp::UNIX_EPOCH);
    let batches = gateway::read_once(plan(record, read, port), PlanNumber(1), &clock).await;
    drop(line); // the server hears that the line is gone
    let asked = sides.join_next().await.unwrap().unwrap();
    let [batch] = batches.as_slice() else { return Err(format!("{} batches", batches.len())) };
    if asked == 0 {
        return Err(format!("the recorded question was never asked: {:?}", batch.gaps));
    }
    judge(record, batch)
}

/// The recorded question as a plan.
fn plan(record: &Record, read: Read, port: Port) -> BusPlan {
    let took = Record::time(&record.value["took_ms"]).unwrap_or_default();
    let key = Key::new("played").unwrap();
    let meter = MeterPlan {
        key: key.clone(),
        address: read.address,
        line: Line::default(),
        timeout: PATIENCE.max(took * 3),
        timeout_is_chosen: true,
        retries: Retries { damaged: 0, silent: 0 },
        interval: Duration::ZERO,
        intervals: Vec::new(),
        is_timed: false,
        serial: None,
        limits: Limits::socket(Read::MOST),
        registers: entries(record, read),
    };
    BusPlan { key, port, rs485: Rs485::Auto, meters: vec![meter] }
}

/// Entries that cover the registers of the question, one behind the other. One entry alone is not
/// asked for again in pieces when it is refused.
fn entries(record: &Record, read: Read) -> Vec<Register> {
    let alone = record.outcome() == "exception" && matches!(read.count, 1 | 2 | 4 | 8);
    let step = if alone { read.count } else { 2 };
    let end = read.start + (read.count - 1);
    let starts = (read.start..=end).step_by(usize::from(step));
    starts
        .map(|start| register(read.function, start, step.min(end - start + 1), DataType::Uint))
        .collect()
}

fn register(function: Function, start: u16, size: u16, data_type: DataType) -> Register {
    let voltage = Quantity::from_name("L1_v").unwrap();
    Register::plain(voltage, function, start, (data_type, u8::try_from(size).unwrap()))
}

fn judge(record: &Record, batch: &Batch) -> Result<(), String> {
    let raw = batch.readings.iter().filter_map(|reading| reading.raw);
    let words: Vec<u16> = raw.flat_map(|raw| raw.words().to_vec()).collect();
    let nothing = batch.readings.is_empty();
    let right = match record.outcome() {
        "value" => words == record.words(),
        "value_or_failure" => nothing || words == record.words(),
        "exception" => nothing && refused(record, batch),
        "no_value" | "exception_or_failure" => nothing,
        other => panic!("{}: outcome {other}", record.id),
    };
    let outcome = record.outcome();
    right.then_some(()).ok_or_else(|| format!("{outcome}: {words:04x?} {:?}", batch.gaps))
}

/// Whether the exception is told as such. With 10 and 11 a converter speaks for a silent meter.
fn refused(record: &Record, batch: &Batch) -> bool {
    let received = record.bytes("recv");
    let code = received[if record.is_tcp() { 8 } else { 2 }];
    let reason = if matches!(code, 10 | 11) { Reason::Silent } else { Reason::Refused };
    let told = format!("exception {code}");
    !batch.gaps.is_empty()
        && batch.gaps.iter().all(|gap| gap.reason == reason && gap.detail.contains(&told))
}

/// Compares what an entry decodes to with what the display or the meter's map says.
fn decodes(expected: &Value, start: u16, words: &[u16]) -> Result<(), String> {
    let whole = |key: &str| u16::try_from(expected[key].as_u64().unwrap()).unwrap();
    let (reg, size) = (whole("reg"), whole("words"));
    let first = usize::from(reg - start);
    let own = &words[first..first + usize::from(size)];
    let data_type = match &expected["type"].as_str().unwrap()[..1] {
        "u" => DataType::Uint,
        "i" => DataType::Int,
        _ => DataType::Float,
    };
    let register = Register {
        swap_words: expected["order"] == "lo_first",
        factor: match &expected["scale"] {
            Value::Null => Decimal::ONE,
            scale => scale.to_string().parse().unwrap(),
        },
        round: 9,
        ..register(Function::Holding, reg, size, data_type)
    };
    let decoded = catalog::decode(&register, own).map_err(|reason| reason.to_string())?;
    let said = expected["value"].as_f64().unwrap();
    let shown: f64 = decoded.to_string().parse().unwrap();
    // Half of the last digit that is kept, beside what a double cannot hold.
    let near = (shown - said).abs() <= 5.1e-10 + said.abs() * 1e-15;
    near.then_some(()).ok_or_else(|| format!("{decoded} is not {said}"))
}

/// The other end: knows one question and its answer.
struct Player {
    record: Arc<Record>,
    question: Vec<u8>,
}

impl Player {
    /// Answers until the line is gone; returns how often the question was asked.
    async fn serve(self, mut port: impl AsyncRead + AsyncWrite + Unpin) -> usize {
        let (mut heard, mut asked) = (Vec::new(), 0);
        let mut buffer = [0; 64];
        // A terminal whose other side is closed reads as an error, a socket as nothing.
        while let Ok(count @ 1..) = port.read(&mut buffer).await {
            heard.extend_from_slice(&buffer[..count]);
            if heard.len() < self.question.len() {
                continue;
            }
            let question = std::mem::take(&mut heard);
            if !self.knows(&question) {
                continue; // a question of another length, after a silence
            }
            asked += 1;
            let asked_at = Instant::now();
            for (at, piece) in self.record.pieces(&question) {
                sleep_until(asked_at + at).await;
                // Whoever asked may have heard enough.
                drop(port.write_all(&piece).await);
                drop(port.flush().await);
            }
        }
        asked
    }

    fn knows(&self, question: &[u8]) -> bool {
        let free = if self.record.is_tcp() { 2 } else { 0 }; // the transaction's number
        question[free..] == self.question[free..]
    }
}

/// A pseudo-terminal: our side, the other side kept open, and its path.
fn terminal() -> io::Result<(OwnedFd, OwnedFd, String)> {
    let ours = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::pty::grantpt(&ours)?;
    rustix::pty::unlockpt(&ours)?;
    let path = rustix::pty::ptsname(&ours, Vec::new())?.into_string().map_err(io::Error::other)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = rustix::fs::open(&path, flags, Mode::empty())?;
    Ok((ours, theirs, path))
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().map(|text| hex::parse(text).unwrap()).unwrap_or_default()
}
