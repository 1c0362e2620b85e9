//! What `submeter` alone shows.

use crate::exit::Exit;
use crate::output;

/// Twelve lines to begin with.
const TEXT: &str = "\
Submeter reads the energy, heat and water meters of a building and remembers what it read.

  submeter demo                      a simulated building, live, in this terminal
  submeter read tcp://HOST:502 5 --model eastron/sdm630
                                     one meter, now (also /dev/ttyUSB0, rtu+tcp://HOST:4001)
  submeter check site.toml           find every mistake in a site file
  submeter run --site site.toml      read all meters at their intervals, for good
  submeter readings --latest         what was read last
  submeter models list               the meters it knows
  submeter simulate house.toml       meters that do not exist, to try things out

`submeter COMMAND --help` explains a command.";

/// Shows the summary.
///
/// # Errors
/// When the output cannot be written.
pub fn show() -> anyhow::Result<Exit> {
    output::line(TEXT)?;
    Ok(Exit::Good)
}
