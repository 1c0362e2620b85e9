//! `submeter export-site`: the registry as a site file.

use crate::cli::Data;
use crate::exit::Exit;
use crate::output;

/// Writes the site file to the standard output.
///
/// # Errors
/// When the registry cannot be read.
pub async fn run(args: &Data) -> anyhow::Result<Exit> {
    let folder = args.folder();
    let none = format!(
        "no site in {}: apply one with `submeter apply site.toml`, or name the folder with --data",
        folder.display()
    );
    let current = match super::journal(&folder).await? {
        Some(store) => store.registry().current().await?,
        None => None,
    };
    match current {
        Some((_, record)) => {
            output::line(catalog::write_site(&record).trim_end())?;
            Ok(Exit::Good)
        }
        None => {
            output::message(&none);
            Ok(Exit::NotFound)
        }
    }
}
