//! Our side, layer by layer, so often as it is told:
//!
//! - `decode N`: a 32-bit float, from two registers to an exact decimal;
//! - `frame N`: an exchange of 60 registers without a port: question built, answer heard, finished;
//! - `exchange N PORT`: a question for 30 registers over a socket, its 15 values decoded;
//! - `visit N PORT`: the same through the gateway, as the bus task does it: schedule and journal
//!   are left out, everything from the plan to the batch of readings is in.

use std::env;
use std::hint::black_box;

use anyhow::{Context, Result, bail, ensure};
use bench::{COUNT, entries, number, word};
use catalog::{Limits, Register, Retries, decode};
use domain::{Clock, Key, PlanNumber};
use gateway::{BusPlan, MeterPlan, Reader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::modbus::{Answer, End, Exchange, Function, Progress, Read};

const READ: Read = Read { address: 1, function: Function::Input, start: 0, count: COUNT };

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let layer = arguments.next().context("which layer?")?;
    let times: u32 = number(arguments.next(), "how often")?;
    match layer.as_str() {
        "decode" => return decode_only(times),
        "frame" => return frame_only(times),
        _ => {}
    }
    let port = number(arguments.next(), "the port")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match layer.as_str() {
        "exchange" => runtime.block_on(exchange(times, port)),
        "visit" => runtime.block_on(visit(times, port)),
        _ => bail!("no layer {layer}"),
    }
}

fn decode_only(times: u32) -> Result<()> {
    let entry = entries(2)?.remove(0);
    let words = [word(0), word(1)];
    for _ in 0..times {
        ensure!(decode(black_box(&entry), black_box(&words)).is_ok(), "a value was not decoded");
    }
    Ok(())
}

fn frame_only(times: u32) -> Result<()> {
    let read = Read { count: 60, ..READ };
    let mut answer = vec![0, 0, 0, 0, 0, 123, read.address, read.function.code(), 120];
    answer.extend((0..read.count).flat_map(|n| word(n).to_be_bytes()));
    for transaction in (0..=u16::MAX).cycle().zip(0..times).map(|(transaction, _)| transaction) {
        let mut exchange = Exchange::tcp(black_box(read), transaction);
        black_box(exchange.request());
        answer[..2].copy_from_slice(&transaction.to_be_bytes());
        ensure!(exchange.hear(black_box(&answer)) == Progress::Whole, "not whole");
        ensure!(black_box(exchange.finish(End::Silence)).is_ok(), "not answered");
    }
    Ok(())
}

async fn exchange(times: u32, port: u16) -> Result<()> {
    let entries = entries(COUNT)?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 512];
    for transaction in (0..=u16::MAX).cycle().zip(0..times).map(|(transaction, _)| transaction) {
        let mut exchange = Exchange::tcp(READ, transaction);
        stream.write_all(exchange.request()).await?;
        loop {
            let count = stream.read(&mut buffer).await?;
            ensure!(count > 0, "closed");
            if exchange.hear(&buffer[..count]) != Progress::More {
                break;
            }
        }
        let Ok(Answer::Words(words)) = exchange.finish(End::Silence) else { bail!("no answer") };
        decode_all(&entries, &words.iter().collect::<Vec<_>>())?;
    }
    Ok(())
}

fn decode_all(entries: &[Register], words: &[u16]) -> Result<()> {
    for entry in entries {
        let first = usize::from(entry.start);
        let value = decode(entry, &words[first..first + usize::from(entry.size)]);
        ensure!(black_box(value).is_ok(), "a value was not decoded");
    }
    Ok(())
}

async fn visit(times: u32, port: u16) -> Result<()> {
    let meter = MeterPlan {
        key: Key::new("meter")?,
        address: 1,
        line: wire::Line::default(),
        timeout: std::time::Duration::from_secs(3),
        retries: Retries::default(),
        interval: std::time::Duration::ZERO,
        limits: Limits { align_even: true, ..Limits::socket(COUNT) },
        registers: entries(COUNT)?,
    };
    let values = meter.registers.len();
    let port = format!("tcp://127.0.0.1:{port}").parse()?;
    let bus = BusPlan { key: Key::new("bus")?, port, meters: vec![meter] };
    let clock = Clock::new(jiff::Timestamp::now);
    let mut reader = Reader::new(bus, PlanNumber(1), &clock);
    for _ in 0..times {
        for batch in reader.read_all().await {
            ensure!(batch.readings.len() == values, "{:?}", batch.gaps);
        }
    }
    Ok(())
}
