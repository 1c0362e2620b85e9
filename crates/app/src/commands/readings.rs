//! `submeter readings`: what is in the journal.

use anyhow::Context;
use catalog::{Catalog, CheckedSite};
use domain::{Key, Medium, Quantity};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use store::{Filter, Kept, KeptGap, Store};

use crate::answer::{gap_quantity, instant, number};
use crate::cli::Readings;
use crate::exit::Exit;
use crate::table::{Lean, Table};
use crate::{clock, obis, output, when};

/// Shows readings or gaps as a table, JSON or CSV.
///
/// # Errors
/// When the journal cannot be read.
pub async fn run(args: &Readings, catalog: &Catalog) -> anyhow::Result<Exit> {
    let folder = args.data.folder();
    if !super::holds_journal(&folder)? {
        output::message(&format!(
            "no journal in {}: name its folder with --data, or start one with `submeter run`",
            folder.display()
        ));
        return Ok(Exit::NotFound);
    }
    let store = Store::open_read_only(&folder).await?;
    let current = super::registered(&folder, catalog).await?;
    let (zone, site) = match &current {
        Some(CheckedSite { record, .. }) => {
            (TimeZone::get(&record.site.time_zone)?, record.site.key.to_string())
        }
        None => (TimeZone::UTC, String::new()),
    };
    let filter = match filter(args, &zone, clock::system().now()) {
        Ok(filter) => filter,
        Err(message) => {
            output::message(&message);
            return Ok(Exit::Usage);
        }
    };
    if args.gaps {
        let gaps = store.journal().gaps(filter).await?;
        show_gaps(args, &site, &gaps)?;
        return Ok(Exit::Good);
    }
    let mut kept = if args.latest {
        let mut latest = store.journal().latest().await?;
        latest.retain(|kept| matches(&filter, kept));
        latest
    } else {
        store.journal().between(filter).await?
    };
    kept.sort_by(|a, b| (a.reading.at, &a.meter).cmp(&(b.reading.at, &b.meter)));
    show(args, &Shown { site, zone, current: current.as_ref() }, &kept)?;
    Ok(Exit::Good)
}

struct Shown<'a> {
    site: String,
    zone: TimeZone,
    current: Option<&'a CheckedSite>,
}

impl Shown<'_> {
    /// What flows through a meter, and the space it belongs to; nothing of a retired one.
    fn of(&self, meter: &Key) -> (Option<Medium>, Option<&str>) {
        let Some(site) = self.current else { return (None, None) };
        let checked = site.meters.iter().find(|known| known.key == *meter);
        let record = site.record.meters.iter().find(|known| known.key == *meter);
        (checked.map(|meter| meter.medium), record.and_then(|meter| meter.space.as_deref()))
    }
}

fn filter(args: &Readings, zone: &TimeZone, now: Timestamp) -> Result<Filter, String> {
    let key = |text: &String| Key::new(text).map_err(|error| format!("--meter {text}: {error}"));
    let quantity = |text: &String| {
        Quantity::from_name(text).ok_or_else(|| {
            let near = Quantity::nearest(text);
            let hint = near.map(|near| format!(": did you mean {near}?")).unwrap_or_default();
            format!("--quantity {text}: there is no such quantity{hint}")
        })
    };
    let mut from = None;
    let mut until = None;
    if let Some(text) = &args.from {
        let period = when::period(text, zone, now).map_err(|error| format!("--from {error}"))?;
        from = period.from;
        until = period.until.filter(|_| text.contains(".."));
    }
    if let Some(text) = &args.to {
        let period = when::period(text, zone, now).map_err(|error| format!("--to {error}"))?;
        until = period.until.or(period.from);
    }
    Ok(Filter {
        meters: args.meter.iter().map(key).collect::<Result<_, _>>()?,
        quantities: args.quantity.iter().map(quantity).collect::<Result<_, _>>()?,
        from,
        until,
        limit: (args.limit > 0).then_some(args.limit),
        newest_first: true,
    })
}

fn matches(filter: &Filter, kept: &Kept) -> bool {
    (filter.meters.is_empty() || filter.meters.contains(&kept.meter))
        && (filter.quantities.is_empty() || filter.quantities.contains(&kept.reading.quantity))
}

fn show(args: &Readings, shown: &Shown<'_>, kept: &[Kept]) -> anyhow::Result<()> {
    if args.output.json {
        let readings: Vec<Value> = kept.iter().map(document).collect();
        return output::json(&json!({ "site": shown.site, "readings": readings }));
    }
    if args.output.csv {
        return csv(shown, kept);
    }
    let mut table = Table::new(&[
        ("time", Lean::Left),
        ("meter", Lean::Left),
        ("quantity", Lean::Left),
        ("value", Lean::Right),
        ("unit", Lean::Left),
        ("quality", Lean::Left),
    ]);
    for kept in kept {
        let reading = &kept.reading;
        let local = reading.at.to_zoned(shown.zone.clone());
        table.row(vec![
            local.strftime("%d.%m.%Y %H:%M:%S").to_string(),
            kept.meter.to_string(),
            reading.quantity.to_string(),
            reading.value.to_string(),
            reading.quantity.unit().to_string(),
            reading.quality.to_string(),
        ]);
    }
    output::lines(&table.lines(output::terminal_width().unwrap_or(usize::MAX)))?;
    if kept.is_empty() && !args.output.quiet {
        output::message(match args.latest {
            true => "no readings match",
            false => "no readings match; `submeter readings --latest` shows the newest",
        });
    } else if kept.len() == args.limit && !args.output.quiet {
        output::message(&format!("the newest {} are shown; --limit 0 shows all", kept.len()));
    }
    Ok(())
}

fn document(kept: &Kept) -> Value {
    let reading = &kept.reading;
    json!({
        "sequence": kept.sequence,
        "meter": kept.meter.as_str(),
        "quantity": reading.quantity.name(),
        "value": number(reading.value),
        "unit": reading.quantity.unit().symbol(),
        "at": instant(reading.at),
        "quality": reading.quality.name(),
        "source": reading.source.name(),
        "raw": reading.raw.map(|raw| raw.to_string()),
        "plan": kept.plan.0,
        "revision": kept.revision,
    })
}

/// The long form: one reading a line, with the columns every export has.
fn csv(shown: &Shown<'_>, kept: &[Kept]) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_writer(output::data());
    out.write_record([
        "site",
        "meter",
        "serial",
        "space",
        "medium",
        "quantity",
        "obis",
        "timestamp",
        "value",
        "unit",
        "quality",
        "source",
    ])?;
    for kept in kept {
        let reading = &kept.reading;
        let (medium, space) = shown.of(&kept.meter);
        out.write_record([
            shown.site.as_str(),
            kept.meter.as_str(),
            "",
            space.unwrap_or_default(),
            medium.map(Medium::name).unwrap_or_default(),
            reading.quantity.name(),
            obis::code(reading.quantity, medium).unwrap_or_default(),
            &instant(reading.at),
            &reading.value.to_string(),
            reading.quantity.unit().symbol(),
            reading.quality.name(),
            reading.source.name(),
        ])?;
    }
    out.flush().context("cannot write to the standard output")
}

fn show_gaps(args: &Readings, site: &str, gaps: &[KeptGap]) -> anyhow::Result<()> {
    if args.output.json {
        let gap = |kept: &KeptGap| {
            json!({
                "meter": kept.meter.as_str(),
                "quantity": kept.gap.quantity.map(Quantity::name),
                "at": instant(kept.gap.at),
                "reason": kept.gap.reason.name(),
                "detail": kept.gap.detail,
                "plan": kept.plan.0,
            })
        };
        let gaps: Vec<Value> = gaps.iter().map(gap).collect();
        return output::json(&json!({ "site": site, "gaps": gaps }));
    }
    let rows = gaps.iter().map(|kept| {
        vec![
            instant(kept.gap.at),
            kept.meter.to_string(),
            gap_quantity(&kept.gap),
            kept.gap.reason.to_string(),
            kept.gap.detail.clone(),
        ]
    });
    if args.output.csv {
        let mut out = csv::Writer::from_writer(output::data());
        out.write_record(["timestamp", "meter", "quantity", "reason", "detail"])?;
        for row in rows {
            out.write_record(row)?;
        }
        return out.flush().context("cannot write to the standard output");
    }
    let mut table = Table::new(&[
        ("time (UTC)", Lean::Left),
        ("meter", Lean::Left),
        ("quantity", Lean::Left),
        ("reason", Lean::Left),
        ("detail", Lean::Left),
    ]);
    rows.for_each(|row| table.row(row));
    output::lines(&table.lines(output::terminal_width().unwrap_or(usize::MAX)))
}
