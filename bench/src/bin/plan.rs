//! Prints what the planner makes of the usual values of an SDM630.

use std::time::Duration;

use anyhow::Result;
use catalog::{Limits, plan};

fn main() -> Result<()> {
    let meter = bench::usual_meter()?;
    println!(
        "| {} values of an {} over | requests | registers | ms on the wire |",
        meter.registers.len(),
        meter.title
    );
    println!("| --- | ---: | --- | ---: |");
    let serial =
        |delay_ms| Limits::serial(meter.max_registers, meter.line, Duration::from_millis(delay_ms));
    let delays =
        [60, 20, 15, 3].map(|ms| (format!("{} 8N1, D = {ms} ms", meter.line.baud), serial(ms)));
    let socket = ("Modbus TCP".to_owned(), Limits::socket(meter.max_registers));
    for (line, limits) in delays.into_iter().chain([socket]) {
        let blocks =
            plan(&meter.registers, &Limits { align_even: meter.align_even, ..limits.clone() });
        let counts: Vec<_> = blocks.iter().map(|block| block.count.to_string()).collect();
        let cost: Duration = blocks.iter().map(|block| limits.cost(block.count)).sum();
        let ms = if line == "Modbus TCP" {
            "–".to_owned()
        } else {
            format!("{:.1}", cost.as_secs_f64() * 1e3)
        };
        println!("| {line} | **{}** | {} | {ms} |", blocks.len(), counts.join(" + "));
    }
    Ok(())
}
