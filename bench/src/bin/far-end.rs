//! `far-end PATH BAUD DELAY_MS [METERS DEAD]`: a serial line, 8N1, on a pseudo-terminal linked at a
//! path, each byte at its time on the wire. Without a number there is one `bench/forty`; else there
//! are so many SDM630, of which the last `DEAD` are silent.
//!
//! Prints an empty line once it can be asked. For each line on its standard input it prints what it
//! has counted so far: questions heard, answered, and begun too early. It ends with its input.

use std::env;
use std::io;

use anyhow::{Context, Result};
use bench::{HEAD, bus, meter, number};
use domain::Clock;
use simulator::House;
use tokio_util::sync::CancellationToken;

const SIMULATION: &str = "[simulation]\nseed = 7\nstart = \"2026-06-14T00:00:00Z\"\n";
const DEAD: &str = "[meter.simulation]\nfaults = [{ kind = \"silent\" }]\n";

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().context("which path?")?;
    let baud: u32 = number(arguments.next(), "the baud rate")?;
    let delay_ms: u16 = number(arguments.next(), "the delay in ms")?;
    let how = format!("baudrate = {baud}\n[bus.simulation]\ndelay_ms = {delay_ms}\n");
    let meters: String = match arguments.next() {
        None => meter(1, (1, 1), "bench/forty"),
        meters => {
            let meters: u32 = number(meters, "how many meters")?;
            let alive = meters - number::<u32>(arguments.next(), "how many of them are dead")?;
            let fault = |n| if n > alive { DEAD } else { "" };
            (1..=meters).map(|n| meter(n, (1, n), "eastron/sdm630") + fault(n)).collect()
        }
    };
    let text = [SIMULATION, HEAD, &bus(1, &path, &how), &meters].concat();
    let house = House::parse(&text, &bench::catalog()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(house))
}

async fn serve(house: House) -> Result<()> {
    let stop = CancellationToken::new();
    let clock = Clock::new(jiff::Timestamp::now);
    let running = simulator::start(house, clock, stop.clone()).await?;
    println!();
    while tokio::task::spawn_blocking(asked).await?? {
        let (_, counted) = running.counters().next().context("no bus")?;
        println!("{} {} {}", counted.heard, counted.answered, counted.early);
    }
    stop.cancel();
    running.ended().await;
    Ok(())
}

/// Waits for a line; `false` at the end of the input.
fn asked() -> io::Result<bool> {
    Ok(io::stdin().read_line(&mut String::new())? > 0)
}
