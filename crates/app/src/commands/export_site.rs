//! `submeter export-site`: the registry as a site file.

use store::Store;

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
    if !super::holds_journal(&folder)? {
        output::message(&none);
        return Ok(Exit::NotFound);
    }
    let store = Store::open_read_only(&folder).await?;
    match store.registry().current().await? {
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
