//! The command line: one definition feeds parser and help.

mod bus;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::bus::{Bus, BusMore, Record};

/// Reads every energy, heat and water meter of a building, remembers what it read, and shows it.
#[derive(Debug, Parser)]
#[command(name = "submeter", version, about, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do; without a command a short summary is shown.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Everything the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a simulated building, read over real sockets and serial lines.
    Demo(Demo),
    /// Check box, site and model files without hardware, and say what `run` would do.
    Check(Check),
    /// Read meters now: of a site file, of the running service, or any register of any port.
    Read(Box<Read>),
    /// Show how the buses are: load, counts, delays, and what to look at.
    Bus(Bus),
    /// Read the site's meters at their intervals and remember everything.
    Run(Run),
    /// Bring the registry to a site file; the difference is shown first.
    Apply(Apply),
    /// Write the registry as a site file.
    ExportSite(Data),
    /// Show what is in the journal.
    Readings(Readings),
    /// List the known meter models, or show one.
    #[command(subcommand)]
    Models(Models),
    /// Simulate the meters of a house file on serial lines and sockets of this machine.
    Simulate(Simulate),
}

/// Where the journal and the registry are kept.
#[derive(Debug, Clone, Args)]
pub struct Data {
    /// Folder of the journal and the registry; `submeter-data` if none is named.
    #[arg(long = "data", value_name = "DIR", env = "SUBMETER_DATA")]
    folder: Option<PathBuf>,
}

impl Data {
    /// The folder if none is named.
    pub const DEFAULT: &str = "submeter-data";

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.named().unwrap_or_else(|| PathBuf::from(Self::DEFAULT))
    }

    /// The folder, if one was named.
    #[must_use]
    pub fn named(&self) -> Option<PathBuf> {
        self.folder.clone()
    }
}

/// `demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Another seed is another building: other loads, other indexes.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// End after this time, for example `30s`; otherwise Ctrl-C ends it.
    #[arg(long = "for", value_name = "TIME")]
    pub period: Option<String>,
    /// Exchange the current transformers of two phases, of one meter or of all: a fault to find.
    /// May be given again.
    #[arg(long = "fault", value_name = "[METER:]ct-swapped:L1,L2")]
    pub faults: Vec<String>,
    /// Plain lines even on a terminal.
    #[arg(long)]
    pub plain: bool,
    /// Keep the journal in this folder; otherwise it goes with the demo.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `check`
#[derive(Debug, Args)]
pub struct Check {
    /// Site, box or model files, or parameters in JSON; their kind is seen by their content.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What the files are, where their content does not tell.
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// The folder whose `models/` a site file may name.
    #[command(flatten)]
    pub data: Data,
    /// Warnings fail as well.
    #[arg(long)]
    pub strict: bool,
    /// Show what a site asks on each bus, and how much of its time that takes.
    #[arg(long)]
    pub plan: bool,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A site with its buses and meters.
    Site,
    /// The addresses and limits of this machine.
    Box,
    /// A meter model with its proofs.
    Model,
    /// The additional parameters of a `generic_modbus` meter, JSON.
    Parameters,
    /// A house for `simulate`.
    House,
}

/// `read`
#[derive(Debug, Args)]
pub struct Read {
    /// A meter's key, or a port: `/dev/ttyUSB0`, `tcp://host:502`, `rtu+tcp://host:4001`. Without
    /// it every meter is read.
    #[arg(value_name = "METER|PORT")]
    pub target: Option<String>,
    /// The meter's address, after a port.
    #[arg(value_name = "ADDR")]
    pub address: Option<String>,
    /// Read the meters of this site file; their ports are opened.
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
    /// Where the journal lies.
    #[command(flatten)]
    pub data: Data,
    /// Open the ports of the registry's meters instead of asking the running service.
    #[arg(long, conflicts_with = "site")]
    pub direct: bool,
    /// What to read of a port.
    #[command(flatten)]
    pub entry: Entry,
    /// Read again after this time, for example `1s`, until Ctrl-C.
    #[arg(long, value_name = "TIME")]
    pub watch: Option<String>,
    /// Show the registers as they came.
    #[arg(long)]
    pub raw: bool,
    /// How the answer is written.
    #[command(flatten)]
    pub output: Output,
}

/// A register entry and a line, as flags: the keys of `generic_modbus`.
#[derive(Debug, Args)]
#[command(next_help_heading = "After a port: a known model, or a register and how it is read")]
pub struct Entry {
    /// A known model instead of a register.
    #[arg(long, conflicts_with = "reg")]
    pub model: Option<String>,
    /// Register, from 0, as sent on the wire; 0x is understood.
    #[arg(long)]
    pub reg: Option<String>,
    /// The quantity it holds, for example `en_im`.
    #[arg(long)]
    pub unit: Option<String>,
    /// Registers of the value: 1, 2, 4 or 8.
    #[arg(long)]
    pub size: Option<String>,
    /// int, uint, float or bcd.
    #[arg(long)]
    pub data_type: Option<String>,
    /// 3 or 4.
    #[arg(long)]
    pub function_code: Option<String>,
    /// The value is multiplied by it.
    #[arg(long, allow_hyphen_values = true)]
    pub factor: Option<String>,
    /// Digits behind the point, 0 to 9.
    #[arg(long)]
    pub round: Option<String>,
    /// The least significant register comes first.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub swap_words: Option<String>,
    /// The bytes inside each register are exchanged.
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub swap_bytes: Option<String>,
    /// Raw values that mean "no reading", separated by commas; 0x is understood.
    #[arg(long)]
    pub unavailable: Option<String>,
    /// Rest after the question, in seconds.
    #[arg(long)]
    pub pause: Option<String>,
    /// Bits a second of a serial line.
    #[arg(long)]
    pub baudrate: Option<String>,
    /// N, E or O.
    #[arg(long)]
    pub parity: Option<String>,
    /// 7 or 8.
    #[arg(long)]
    pub data_bits: Option<String>,
    /// 1 or 2.
    #[arg(long)]
    pub stop_bits: Option<String>,
    /// Patience for an answer, in seconds.
    #[arg(long)]
    pub timeout: Option<String>,
    /// Repetitions after a failure.
    #[arg(long)]
    pub retries: Option<String>,
}

/// How the answer is written.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// One JSON document.
    #[arg(long, conflicts_with_all = ["csv", "ndjson"])]
    pub json: bool,
    /// One JSON document a line: a reading, a gap, a meter.
    #[arg(long, conflicts_with = "csv")]
    pub ndjson: bool,
    /// Comma-separated, UTC, one reading or meter a line.
    #[arg(long)]
    pub csv: bool,
    /// Only these columns or keys, in this order.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub fields: Vec<String>,
    /// No messages beside the answer.
    #[arg(long)]
    pub quiet: bool,
}

/// `run`
#[derive(Debug, Args)]
pub struct Run {
    /// Apply this site file at the start.
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
    /// The box file: addresses and limits of this machine. Everything in it has a default.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the journal lies.
    #[command(flatten)]
    pub data: Data,
    /// Address for `/healthz` and `/readyz`, loopback only.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

/// `apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// The site file.
    #[arg(value_name = "FILE")]
    pub site: PathBuf,
    /// Where the journal lies.
    #[command(flatten)]
    pub data: Data,
    /// Show the difference and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask before meters are retired or scales change.
    #[arg(long)]
    pub yes: bool,
}

/// `readings`
#[derive(Debug, Args)]
pub struct Readings {
    /// Where the journal lies.
    #[command(flatten)]
    pub data: Data,
    /// Only these meters.
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub meter: Vec<String>,
    /// Only these quantities.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub quantity: Vec<String>,
    /// From this time on: 2026-11-14, -24h, yesterday, or a period 2026-11-01..2026-11-14.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Up to this time, without it; a day means its end.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// What all meters were read for at this instant of the site's clock, as 2026-11-14T14:15.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["from", "to", "latest"])]
    pub slot: Option<String>,
    /// Only the newest reading of each quantity.
    #[arg(long, conflicts_with_all = ["from", "to", "limit"])]
    pub latest: bool,
    /// At most so many, the newest; 0 means all.
    #[arg(long, default_value_t = 1000)]
    pub limit: usize,
    /// Show the gaps instead: what could not be read, and why.
    #[arg(long, conflicts_with = "latest")]
    pub gaps: bool,
    /// How the answer is written.
    #[command(flatten)]
    pub output: Output,
}

/// `models`
#[derive(Debug, Subcommand)]
pub enum Models {
    /// All known models.
    List {
        /// The folder with the owner's `models/`.
        #[command(flatten)]
        data: Data,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// One model with its registers.
    Show {
        /// Its name, for example eastron/sdm630.
        name: String,
        /// The folder with the owner's `models/`.
        #[command(flatten)]
        data: Data,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
}

impl Models {
    /// The folder whose `models/` holds those of the owner.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        match self {
            Self::List { data, .. } | Self::Show { data, .. } => data.folder(),
        }
    }
}

/// `simulate`
#[derive(Debug, Args)]
pub struct Simulate {
    /// A house file: a site file with a few tables for the simulation.
    #[arg(value_name = "FILE")]
    pub house: PathBuf,
    /// Write the site file that reads the house, with the ports that were opened.
    #[arg(long, value_name = "FILE")]
    pub write_site: Option<PathBuf>,
    /// Exchange the current transformers of two phases, of one meter or of all: a fault to find.
    /// May be given again.
    #[arg(long = "fault", value_name = "[METER:]ct-swapped:L1,L2")]
    pub faults: Vec<String>,
    /// End after this time, for example `30s`; otherwise Ctrl-C ends it.
    #[arg(long = "for", value_name = "TIME")]
    pub period: Option<String>,
}
