use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Data, Output};

/// `bus`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bus {
    /// What else may be asked of a bus.
    #[command(subcommand)]
    pub more: Option<BusMore>,
    /// Only this bus. The service that runs on the folder is asked; no port is opened.
    #[arg(value_name = "BUS", conflicts_with = "meter")]
    pub bus: Option<String>,
    /// One meter in detail: all its counts, and how long its answers take.
    #[arg(long, value_name = "KEY")]
    pub meter: Option<String>,
    /// Where the journal of the service lies.
    #[command(flatten)]
    pub data: Data,
    /// Look again every second, until Ctrl-C; in place on a terminal.
    #[arg(long)]
    pub watch: bool,
    /// How the answer is written.
    #[command(flatten)]
    pub output: Output,
}

/// `bus record`
#[derive(Debug, Subcommand)]
pub enum BusMore {
    /// Save what went over a bus in the last ten minutes, as text or for Wireshark.
    Record(Record),
}

/// `bus record`
#[derive(Debug, Args)]
pub struct Record {
    /// The bus.
    #[arg(value_name = "BUS")]
    pub bus: String,
    /// Where the journal of the service lies.
    #[command(flatten)]
    pub data: Data,
    /// Write into this file; otherwise to the standard output.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A capture that Wireshark shows, instead of text.
    #[arg(long)]
    pub pcap: bool,
}
