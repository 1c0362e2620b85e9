//! One module for each command of the command line.

pub mod apply;
pub mod bus;
pub mod check;
pub mod demo;
pub mod export_site;
pub mod models;
pub mod read;
pub mod readings;
pub mod run;
pub mod simulate;

use std::path::Path;

use anyhow::Context;
use catalog::{Catalog, CheckedSite, Problems};
use store::Store;

use crate::exit::Exit;
use crate::output;

/// A site file, checked. Its mistakes are told; `Err` holds how the command ends.
///
/// # Errors
/// The exit code, after the mistakes were written.
pub fn site_file(path: &Path, catalog: &Catalog) -> Result<(String, CheckedSite), Exit> {
    let name = path.display().to_string();
    let bytes = read_bytes(path)?;
    let (site, problems) = catalog::check_site_bytes(&bytes, catalog);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match site {
        Some(site) => Ok((text, site)),
        None => {
            output::message(problems.render(&name, &text).trim_end());
            Err(Exit::Invalid)
        }
    }
}

/// What is said to whoever asks for a bus or a meter that there is not.
#[must_use]
pub fn unknown<'a>(what: &str, wanted: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let shown = known.iter().take(12).copied().collect::<Vec<_>>().join(", ");
    let more = if known.len() > 12 { ", …" } else { "" };
    format!("there is no {what} {wanted:?}; there are {shown}{more}")
}

/// The bytes of a site, house or model file.
///
/// # Errors
/// The exit code, after the reason was written.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Exit> {
    crate::config::read_file(path, catalog::LONGEST_SITE).map_err(|problem| {
        let mut problems = Problems::default();
        problems.push(problem);
        output::message(problems.render(&path.display().to_string(), "").trim_end());
        Exit::Invalid
    })
}

/// The site that the registry of a folder holds, if it holds one. May be asked beside a running
/// service.
///
/// # Errors
/// When the registry cannot be read.
pub async fn registered(data: &Path, catalog: &Catalog) -> anyhow::Result<Option<CheckedSite>> {
    match journal(data).await? {
        Some(store) => site_of(&store, catalog).await,
        None => Ok(None),
    }
}

/// The site that the registry of an opened store holds, if it holds one.
///
/// # Errors
/// When the registry cannot be read, or no longer checks.
pub async fn site_of(store: &Store, catalog: &Catalog) -> anyhow::Result<Option<CheckedSite>> {
    let Some((_, record)) = store.registry().current().await? else { return Ok(None) };
    let text = catalog::write_site(&record);
    let (site, problems) = catalog::check_site(&text, catalog);
    let told = || {
        let told = problems.render("registry", &text);
        format!("the registry does not check any more; `submeter apply` mends it:\n{told}")
    };
    site.map(Some).with_context(told)
}

/// The journal and the registry of a folder, to be looked at beside a running service; `None` where
/// it has none.
///
/// # Errors
/// When the folder may not be looked into: a folder of another user is not an empty one.
pub async fn journal(data: &Path) -> anyhow::Result<Option<Store>> {
    let file = data.join("submeter.db");
    let there = file.try_exists().with_context(|| format!("cannot look for {}", file.display()))?;
    Ok(if there { Some(Store::open_read_only(data).await?) } else { None })
}

/// The shipped models, and those of the owner in `DIR/models`.
///
/// # Errors
/// When an owner's file is no sound model, or its proof does not hold.
pub fn catalog(data: Option<&Path>) -> anyhow::Result<Catalog> {
    let mut catalog = Catalog::shipped();
    let Some(folder) = data.map(|data| data.join("models")).filter(|folder| folder.is_dir()) else {
        return Ok(catalog);
    };
    for maker in entries(&folder)?.into_iter().filter(|path| path.is_dir()) {
        for path in entries(&maker)? {
            if path.extension().is_none_or(|ending| ending != "toml") {
                continue;
            }
            let name = path.with_extension("");
            let name = name.strip_prefix(&folder).unwrap_or(&name).display().to_string();
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let model = catalog::Model::parse(&name, &text)
                .with_context(|| format!("{} is no sound model", path.display()))?;
            model.prove().with_context(|| format!("{} is not proven", path.display()))?;
            catalog.put(model);
        }
    }
    Ok(catalog)
}

fn entries(folder: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let context = || format!("cannot list {}", folder.display());
    let listed = std::fs::read_dir(folder).with_context(context)?;
    let mut paths: Vec<_> =
        listed.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}
