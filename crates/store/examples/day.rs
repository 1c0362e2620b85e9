//! Keeps a day of readings and says what they take on the disk: 10 meters with 8 quantities each,
//! read every minute; a sweep is one transaction.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::error::Error;
use std::time::Duration;

use domain::{Batch, Decimal, Key, PlanNumber, Quality, Quantity, RawWords, Reading, Source};
use jiff::Timestamp;
use store::Store;

const METERS: i64 = 10;
const MINUTES: i64 = 24 * 60;
const QUANTITIES: [&str; 8] =
    ["en_im", "en_ex", "power_kw", "L1_v", "L2_v", "L3_v", "L1_a", "freq_hz"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path()).await?;
    let midnight = Timestamp::from_second(1_790_000_000)?;
    let begin = tokio::time::Instant::now();
    for minute in 0..MINUTES {
        let now = midnight + Duration::from_secs(u64::try_from(minute)? * 60);
        let sweep: Vec<Batch> =
            (0..METERS).map(|meter| batch(meter, minute, now)).collect::<Result<_, _>>()?;
        store.journal().append(sweep, now + Duration::from_millis(900)).await?;
    }
    let elapsed = begin.elapsed();
    let last = store.journal().after(0, usize::MAX).await?.len();
    store.close().await?;
    let bytes = std::fs::metadata(folder.path().join("submeter.db"))?.len();
    let readings = u64::try_from(last)?;
    println!("{readings} readings, {bytes} bytes, {} bytes a reading", bytes / readings);
    println!("{MINUTES} sweeps in {elapsed:.1?}");
    Ok(())
}

fn batch(meter: i64, minute: i64, now: Timestamp) -> Result<Batch, Box<dyn Error>> {
    // No two answers take equally long: instants have their full digits.
    let nanos = (meter * 7_919 + minute * 104_729) % 40_000_000;
    let duration = Duration::from_nanos(u64::try_from(18_000_000 + nanos)?);
    let reading = |(place, name): (i64, &str)| -> Result<Reading, Box<dyn Error>> {
        Ok(Reading {
            quantity: Quantity::from_name(name).ok_or(format!("no quantity {name}"))?,
            value: Decimal::new(i128::from(412_070 + minute * (place + 1) + meter), 2),
            at: now + duration / 2,
            quality: Quality::Good,
            source: Source::Meter,
            raw: RawWords::new(&[0x4580 + u16::try_from(minute)?, 0xc629]),
        })
    };
    Ok(Batch {
        meter: Key::new(&format!("apartment-{meter}"))?,
        plan: PlanNumber(1),
        slot: None,
        at: now,
        duration,
        readings: (0..).zip(QUANTITIES).map(reading).collect::<Result<_, _>>()?,
        gaps: Vec::new(),
    })
}
