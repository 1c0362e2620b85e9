//! The binary: parses the command, runs it, ends with one line and a code if it fails.

use std::io::IsTerminal;
use std::process::ExitCode;

use app::cli::{Cli, Command};
use app::exit::Exit;
use app::{clock, commands, output, summary};
use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; everything else is wrong usage, already in words.
            drop(error.print());
            return if error.use_stderr() { Exit::Usage } else { Exit::Good }.into();
        }
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(run(cli));
            // A terminal that is being read from must not hold up the end.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => failed(&error).into(),
    }
}

async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let Some(command) = cli.command else {
        return summary::show();
    };
    log(match &command {
        Command::Run(_) | Command::Simulate(_) => "info",
        Command::Demo(_) => "off",
        _ => "error",
    });
    let clock = clock::system();
    match command {
        Command::Demo(args) => commands::demo::run(&args, clock).await,
        Command::Check(args) => commands::check::run(&args),
        Command::Read(args) => {
            let catalog = commands::catalog(Some(&args.data.folder()))?;
            commands::read::run(&args, &catalog, &clock).await
        }
        Command::Bus(args) => commands::bus::run(&args).await,
        Command::Run(args) => {
            let catalog = commands::catalog(Some(&args.data.folder()))?;
            commands::run::run(&args, catalog, clock).await
        }
        Command::Apply(args) => {
            let catalog = commands::catalog(Some(&args.data.folder()))?;
            commands::apply::run(&args, &catalog, &clock).await
        }
        Command::ExportSite(args) => commands::export_site::run(&args).await,
        Command::Readings(args) => {
            let catalog = commands::catalog(Some(&args.data.folder()))?;
            commands::readings::run(&args, &catalog).await
        }
        Command::Models(args) => {
            commands::models::run(&args, &commands::catalog(Some(&args.folder()))?)
        }
        Command::Simulate(args) => commands::simulate::run(&args, clock).await,
    }
}

/// Logs go to the standard error; `SUBMETER_LOG` sets another level, as `gateway=trace`.
fn log(level: &str) {
    let filter = EnvFilter::try_from_env("SUBMETER_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let plain = std::env::var_os("NO_COLOR").is_some() || !std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(!plain)
        .with_writer(std::io::stderr)
        .init();
}

fn failed(error: &anyhow::Error) -> Exit {
    if output::is_reader_gone(error) {
        return Exit::Good; // the reader had enough
    }
    output::message(&format!("submeter: {}", output::in_words(error)));
    app::exit::of(error)
}
