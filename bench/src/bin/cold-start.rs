//! `cold-start PORT COMMAND…`: starts a command, waits for its first question on the port, and
//! prints the milliseconds from before the start to the first byte. The command is then told to
//! stop in order.

use std::env;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let port: u16 = bench::number(arguments.next(), "the port")?;
    let program = arguments.next().context("which command?")?;
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn()?;
    let (mut stream, _) = listener.accept()?;
    stream.read_exact(&mut [0])?;
    let took = began.elapsed();
    println!("{:.2}", took.as_secs_f64() * 1e3);
    Command::new("kill").arg(child.id().to_string()).status()?;
    drop((stream, listener));
    child.wait()?;
    Ok(())
}
