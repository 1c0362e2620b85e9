//! tokio-modbus: `words N PORT` reads 30 registers so often, `floats N PORT` makes 15 floats of
//! them as well, as programs that use it do.

use std::env;
use std::hint::black_box;
use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use bench::{COUNT, number};
use tokio_modbus::Slave;
use tokio_modbus::client::{Reader, tcp};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let floats = arguments.next().context("words or floats?")? == "floats";
    let times = number(arguments.next(), "how often")?;
    let port = number(arguments.next(), "the port")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(read(floats, times, port))
}

async fn read(floats: bool, times: u32, port: u16) -> Result<()> {
    let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    let mut client = tcp::attach_slave(stream, Slave(1));
    for _ in 0..times {
        let words = client.read_input_registers(0, COUNT).await??;
        ensure!(words.len() == usize::from(COUNT), "{} registers", words.len());
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
