//! tokio-modbus, so often as it is told:
//!
//! - `words N PORT [CONNECTIONS]` reads 30 registers;
//! - `floats N PORT [CONNECTIONS]` makes 15 floats of them as well, as programs that use it do;
//! - `line N PATH BAUD COUNT` reads registers over a serial line; prints the seconds that took.

use std::env;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bench::{COUNT, at_least_one, number};
use serial2_tokio::SerialPort;
use tokio::task::JoinSet;
use tokio_modbus::Slave;
use tokio_modbus::client::{Context as Client, Reader, rtu, tcp};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let layer = arguments.next().context("words, floats or line?")?;
    let times = number(arguments.next(), "how often")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if layer == "line" {
        let path = arguments.next().context("which path?")?;
        let baud = number(arguments.next(), "the baud rate")?;
        let count = number(arguments.next(), "how many registers")?;
        return runtime.block_on(line(times, &path, baud, count));
    }
    let floats = layer == "floats";
    let port = number(arguments.next(), "the port")?;
    let many = at_least_one(arguments.next(), "how many connections")?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..many {
            tasks.spawn(read(floats, times / many, port));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    })
}

async fn read(floats: bool, times: u32, port: u16) -> Result<()> {
    let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    let mut client = tcp::attach_slave(stream, Slave(1));
    for _ in 0..times {
        let words = question(&mut client, COUNT).await?;
        if floats {
            for pair in words.chunks_exact(2) {
                let bits = (u32::from(pair[0]) << 16) | u32::from(pair[1]);
                black_box(f32::from_bits(bits));
            }
        } else {
            black_box(&words);
        }
    }
    Ok(())
}

async fn line(times: u32, path: &str, baud: u32, count: u16) -> Result<()> {
    let port = opened(path, baud)?;
    let mut client = rtu::attach_slave(port, Slave(1));
    question(&mut client, count).await?;
    let began = Instant::now();
    for _ in 0..times {
        black_box(question(&mut client, count).await?);
    }
    println!("{:.6}", began.elapsed().as_secs_f64());
    Ok(())
}

fn opened(path: &str, baud: u32) -> Result<SerialPort> {
    Ok(SerialPort::open(path, |mut settings: serial2_tokio::Settings| {
        settings.set_raw();
        settings.set_baud_rate(baud)?;
        Ok(settings)
    })?)
}

async fn question(client: &mut Client, count: u16) -> Result<Vec<u16>> {
    let words = client.read_input_registers(0, count).await??;
    ensure!(words.len() == usize::from(count), "{} registers", words.len());
    Ok(words)
}
