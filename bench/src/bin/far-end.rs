//! `far-end PATH BAUD DELAY_MS [METERS DEAD]`: a serial line, 8N1, on a pseudo-terminal linked at a
//! path, each byte at its time on the wire. Without a number there is one meter, of 40 floats; else
//! so many SDM630, of which the last `DEAD` are silent.
//!
//! Prints an empty line once it can be asked. For each line on its standard input it prints what it
//! has counted so far: questions heard, answered, and begun too early. It ends with its input.

use std::env;
use std::io;

use anyhow::{Context, Result};
use bench::{number, site_of_line};
use catalog::Catalog;
use domain::Clock;
use simulator::House;
use tokio_util::sync::CancellationToken;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().context("which path?")?;
    let baud = number(arguments.next(), "the baud rate")?;
    let delay_ms: u16 = number(arguments.next(), "the delay in ms")?;
    let pretence = format!("[bus.simulation]\ndelay_ms = {delay_ms}\n");
    let site = match arguments.next() {
        None => site_of_line(&path, baud, 40, &pretence),
        meters => {
            let meters = number(meters, "how many meters")?;
            let dead = number(arguments.next(), "how many of them are dead")?;
            shipped(&path, baud, &pretence, (meters, dead))
        }
    };
    let text = format!("[simulation]\nseed = 7\nstart = \"2026-06-14T00:00:00Z\"\n{site}");
    let house = House::parse(&text, &Catalog::shipped())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(house))
}

fn shipped(path: &str, baud: u32, pretence: &str, (meters, dead): (u8, u8)) -> String {
    let meters = (1..=meters).map(|n| {
        let fault = "[meter.simulation]\nfaults = [{ kind = \"silent\" }]\n";
        let fault = if n > meters - dead { fault } else { "" };
        format!(
            "[[meter]]\nkey = \"meter-{n}\"\nbus = \"bus-1\"\naddress = {n}\n\
             model = \"eastron/sdm630\"\n{fault}"
        )
    });
    let meters: String = meters.collect();
    format!(
        "[site]\nkey = \"bench\"\n[[bus]]\nkey = \"bus-1\"\nport = \"{path}\"\n\
         baudrate = {baud}\n{pretence}{meters}"
    )
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
