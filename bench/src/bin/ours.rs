//! Our side, layer by layer, so often as it is told:
//!
//! - `decode N`: a 32-bit float, from two registers to an exact decimal;
//! - `frame N`: an exchange of 60 registers without a port: question built, answer heard, finished;
//! - `whole N`: the gateway with its schedule and a journal in memory, one meter of 15 values that
//!   answers without a port: due, asked, judged, decoded, appended, told;
//! - `exchange N PORT [CONNECTIONS]`: a question for 30 registers over sockets, its 15 values
//!   decoded;
//! - `visit N PORT [CONNECTIONS]`: the same through the gateway, as the bus task does it: schedule
//!   and journal are left out, everything from the plan to the batch of readings is in;
//! - `line N PATH BAUD COUNT`: such a visit over a serial line, one question for so many registers;
//!   prints the seconds that N of them took;
//! - `poll SECONDS PORT METERS`: every second a visit of each meter, 40 values of each.

#[path = "ours/whole.rs"]
mod whole;

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bench::{ALL, COUNT, HEAD, at_least_one, bus, meter, number, plan_of, site_of_sockets, word};
use catalog::{Register, decode};
use domain::Clock;
use gateway::Reader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use wire::modbus::{Answer, End, Exchange, Function, Progress, Read};

const READ: Read = Read { address: 1, function: Function::Input, start: 0, count: COUNT };
/// Answers of a meter after which the gateway knows its delay, and no longer listens for a second
/// meter with its address for longer than the silence.
const ACQUAINTED: u32 = 10;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let layer = arguments.next().context("which layer?")?;
    let times: u32 = number(arguments.next(), "how often")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match layer.as_str() {
        "decode" => return decode_only(times),
        "frame" => return frame_only(times),
        "whole" => return runtime.block_on(whole::sweeps(times)),
        "line" => {
            let path = arguments.next().context("which path?")?;
            let baud: u32 = number(arguments.next(), "the baud rate")?;
            let count: u16 = number(arguments.next(), "how many registers")?;
            let bus = bus(1, &path, &format!("baudrate = {baud}\n"));
            let site = [HEAD, &bus, &meter(1, (1, 1), "bench/forty")].concat();
            return runtime.block_on(line(times, &site, count));
        }
        _ => {}
    }
    let port = number(arguments.next(), "the port")?;
    let many = at_least_one(arguments.next(), "how many connections or meters")?;
    let work = async {
        let mut tasks = JoinSet::new();
        match layer.as_str() {
            "exchange" => (0..many).for_each(|_| {
                tasks.spawn_local(exchange(times / many, port));
            }),
            "visit" => {
                for reader in readers(&site_of_sockets(many, port), COUNT)? {
                    tasks.spawn_local(visit(times / many, reader));
                }
            }
            "poll" => {
                for reader in readers(&site_of_sockets(many, port), ALL)? {
                    tasks.spawn_local(poll(times, reader));
                }
            }
            _ => bail!("no layer {layer}"),
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    };
    LocalSet::new().block_on(&runtime, work)
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

async fn visit(times: u32, mut reader: Reader) -> Result<()> {
    for _ in 0..times {
        read_all(&mut reader).await?;
    }
    Ok(())
}

async fn line(times: u32, site: &str, count: u16) -> Result<()> {
    let mut reader = readers(site, count)?.remove(0);
    for _ in 0..ACQUAINTED {
        read_all(&mut reader).await?;
    }
    let began = Instant::now();
    for _ in 0..times {
        read_all(&mut reader).await?;
    }
    println!("{:.6}", began.elapsed().as_secs_f64());
    Ok(())
}

async fn poll(seconds: u32, mut reader: Reader) -> Result<()> {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..seconds {
        tick.tick().await;
        read_all(&mut reader).await?;
    }
    Ok(())
}

async fn read_all(reader: &mut Reader) -> Result<()> {
    for batch in black_box(reader.read_all().await) {
        ensure!(batch.gaps.is_empty() && !batch.readings.is_empty(), "{:?}", batch.gaps);
    }
    Ok(())
}

/// One for each bus of the site.
fn readers(site: &str, count: u16) -> Result<Vec<Reader>> {
    let plan = plan_of(site, count)?;
    let clock = Clock::new(jiff::Timestamp::now);
    Ok(plan.buses.into_iter().map(|bus| Reader::new(bus, plan.number, &clock)).collect())
}

/// The values that lie in the first so many registers.
fn entries(count: u16) -> Result<Vec<Register>> {
    let mut plan = plan_of(&site_of_sockets(1, 502), count)?;
    Ok(plan.buses.remove(0).meters.remove(0).registers)
}
