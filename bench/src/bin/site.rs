//! `site METERS VALUES PORT`: prints a site file of meters behind Modbus TCP, read every second.

use std::env;

use anyhow::Result;
use bench::{number, site_of_sockets};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let meters = number(arguments.next(), "how many meters")?;
    let values = number(arguments.next(), "how many values")?;
    let port = number(arguments.next(), "the port")?;
    print!("{}", site_of_sockets(meters, values, port, "1s"));
    Ok(())
}
