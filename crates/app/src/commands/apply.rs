//! `submeter apply`: brings the registry to a site file.

use std::io::{IsTerminal, Write};
use std::path::Path;

use catalog::{Catalog, CheckedSite, Comparison};
use domain::{Clock, Difference};
use store::Store;

use crate::cli::Apply;
use crate::exit::Exit;
use crate::service::{self, Question, Reply};
use crate::{output, plan_document};

/// Shows the difference, asks where something would be retired or rescaled, and applies.
///
/// # Errors
/// When the registry cannot be read or written.
pub async fn run(args: &Apply, catalog: &Catalog, clock: &Clock) -> anyhow::Result<Exit> {
    let (text, site) = match super::site_file(&args.site, catalog) {
        Ok(checked) => checked,
        Err(exit) => return Ok(exit),
    };
    let comparison = compare(&args.data.folder(), &site, catalog).await?;
    if comparison.difference.is_empty() {
        output::line("nothing differs; the plan stays as it is")?;
        return Ok(Exit::Good);
    }
    show(&comparison)?;
    if args.dry_run {
        output::message("dry run: nothing was changed");
        return Ok(Exit::Good);
    }
    if !comparison.warnings().is_empty() && !args.yes && !confirmed(&comparison)? {
        return Ok(Exit::Usage);
    }
    let question = Question::Apply { text };
    let plan = match service::ask(&args.data.folder(), &question).await? {
        Some(Reply::Applied { plan }) => plan,
        Some(Reply::Failed { message }) => {
            output::message(&message);
            return Ok(Exit::Failed);
        }
        Some(_) => anyhow::bail!("the running service answered something else"),
        None => {
            let store = Store::open(&args.data.folder()).await?;
            let document = plan_document::write(&site);
            let applied = store.registry().apply(&site.record, &document, clock.now()).await?;
            store.close().await?;
            applied.plan.0
        }
    };
    output::line(&format!("applied as plan {plan}"))?;
    Ok(Exit::Good)
}

/// What changes. A registry that no longer checks, since a model is gone, is compared key by key.
async fn compare(data: &Path, site: &CheckedSite, catalog: &Catalog) -> anyhow::Result<Comparison> {
    let current = match super::journal(data).await? {
        Some(store) => store.registry().current().await?,
        None => None,
    };
    let Some((_, record)) = current else { return Ok(Comparison::between(None, site)) };
    match catalog::check_site(&catalog::write_site(&record), catalog).0 {
        Some(before) => Ok(Comparison::between(Some(&before), site)),
        None => {
            let difference = Difference::between(Some(&record), &site.record);
            let retired = difference.meters_retired.clone();
            Ok(Comparison { difference, retired, ..Comparison::default() })
        }
    }
}

fn show(comparison: &Comparison) -> anyhow::Result<()> {
    let difference = &comparison.difference;
    for (what, sign, keys) in [
        ("bus", '+', &difference.buses_added),
        ("bus", '~', &difference.buses_changed),
        ("bus", '-', &difference.buses_retired),
        ("meter", '+', &difference.meters_added),
        ("meter", '~', &difference.meters_changed),
        ("meter", '-', &difference.meters_retired),
    ] {
        for key in keys {
            let said = match sign {
                '+' => "new",
                '~' => "changed",
                _ => "retired; its readings stay",
            };
            output::line(&format!("{sign} {what} {key}: {said}"))?;
        }
    }
    for warning in comparison.warnings() {
        output::line(&format!("warning[{}] {}", warning.code.name(), warning.message))?;
    }
    Ok(())
}

fn confirmed(comparison: &Comparison) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        output::message("nothing was changed: confirm with --yes");
        return Ok(false);
    }
    let count = comparison.warnings().len();
    let mut err = std::io::stderr().lock();
    write!(err, "{count} warning(s) above. Apply all the same? [y/N] ")?;
    err.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let yes = matches!(line.trim(), "y" | "Y" | "yes");
    if !yes {
        output::message("nothing was changed");
    }
    Ok(yes)
}
