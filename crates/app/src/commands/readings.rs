//! `submeter readings`: what is in the journal.

use catalog::{Catalog, CheckedSite};
use domain::{Key, Medium, Quantity};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use store::{Filter, Kept, KeptGap, Store};

use crate::answer::{gap_quantity, instant, number};
use crate::cli::Readings;
use crate::exit::Exit;
use crate::table::{Lean, Table};
use crate::{clock, obis, output, sheet, when};

/// Shows readings or gaps as a table, JSON or CSV.
///
/// # Errors
/// When the journal cannot be read.
pub async fn run(args: &Readings, catalog: &Catalog) -> anyhow::Result<Exit> {
    let folder = args.data.folder();
    let Some(store) = super::journal(&folder).await? else {
        output::message(&format!(
            "no journal in {}: name its folder with --data, or start one with `submeter run`",
            folder.display()
        ));
        return Ok(Exit::NotFound);
    };
    let current = super::site_of(&store, catalog).await?;
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
    if let Some(unknown) = unknown(&filter, current.as_ref())
        && !knows(&store, &unknown).await?
    {
        output::message(&format!(
            "there is no meter {unknown}, and the journal never had one; \
                 `submeter export-site` shows those there are"
        ));
        return Ok(Exit::NotFound);
    }
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
    let slot = args.slot.as_ref().map(|text| when::instant(text, zone, now));
    Ok(Filter {
        slot: slot.transpose().map_err(|error| format!("--slot {error}"))?,
        meters: args.meter.iter().map(key).collect::<Result<_, _>>()?,
        quantities: args.quantity.iter().map(quantity).collect::<Result<_, _>>()?,
        from,
        until,
        limit: (args.limit > 0).then_some(args.limit),
        newest_first: true,
    })
}

/// The first meter asked for that the site does not name; it may be retired.
fn unknown(filter: &Filter, site: Option<&CheckedSite>) -> Option<Key> {
    let known = |key: &&Key| site.is_some_and(|site| site.meters.iter().any(|m| m.key == **key));
    filter.meters.iter().find(|key| !known(key)).cloned()
}

/// Whether the journal holds anything of a meter.
async fn knows(store: &Store, meter: &Key) -> anyhow::Result<bool> {
    let any = || Filter { meters: vec![meter.clone()], limit: Some(1), ..Filter::default() };
    let journal = store.journal();
    Ok(!journal.between(any()).await?.is_empty() || !journal.gaps(any()).await?.is_empty())
}

fn matches(filter: &Filter, kept: &Kept) -> bool {
    (filter.meters.is_empty() || filter.meters.contains(&kept.meter))
        && (filter.quantities.is_empty() || filter.quantities.contains(&kept.reading.quantity))
}

fn show(args: &Readings, shown: &Shown<'_>, kept: &[Kept]) -> anyhow::Result<()> {
    if args.output.json || args.output.ndjson {
        let rows = kept.iter().map(document);
        return sheet::documents(&args.output, around(&shown.site), "readings", rows);
    }
    if args.output.csv {
        let rows = kept.iter().map(|kept| row(shown, kept));
        return sheet::csv(&args.output, &COLUMNS, rows);
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
    sheet::table(&args.output, &table)?;
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
        "slot": kept.slot.map(instant),
        "quality": reading.quality.name(),
        "source": reading.source.name(),
        "raw": reading.raw.map(|raw| raw.to_string()),
        "plan": kept.plan.0,
        "revision": kept.revision,
    })
}

/// What stands around the rows of a document.
fn around(site: &str) -> Map<String, Value> {
    Map::from_iter([("site".to_owned(), site.into())])
}

/// The long form: one reading a line, with the columns every export has.
const COLUMNS: [&str; 12] = [
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
];

fn row(shown: &Shown<'_>, kept: &Kept) -> Vec<String> {
    let reading = &kept.reading;
    let (medium, space) = shown.of(&kept.meter);
    vec![
        shown.site.clone(),
        kept.meter.to_string(),
        String::new(),
        space.unwrap_or_default().to_owned(),
        medium.map(Medium::name).unwrap_or_default().to_owned(),
        reading.quantity.to_string(),
        obis::code(reading.quantity, medium).unwrap_or_default().to_owned(),
        instant(reading.at),
        reading.value.to_string(),
        reading.quantity.unit().to_string(),
        reading.quality.to_string(),
        reading.source.to_string(),
    ]
}

fn show_gaps(args: &Readings, site: &str, gaps: &[KeptGap]) -> anyhow::Result<()> {
    if args.output.json || args.output.ndjson {
        let gap = |kept: &KeptGap| {
            json!({
                "meter": kept.meter.as_str(),
                "quantity": kept.gap.quantity.map(Quantity::name),
                "at": instant(kept.gap.at),
                "slot": kept.slot.map(instant),
                "reason": kept.gap.reason.name(),
                "detail": kept.gap.detail,
                "plan": kept.plan.0,
            })
        };
        return sheet::documents(&args.output, around(site), "gaps", gaps.iter().map(gap));
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
        let head = ["timestamp", "meter", "quantity", "reason", "detail"];
        return sheet::csv(&args.output, &head, rows);
    }
    let mut table = Table::new(&[
        ("time (UTC)", Lean::Left),
        ("meter", Lean::Left),
        ("quantity", Lean::Left),
        ("reason", Lean::Left),
        ("detail", Lean::Left),
    ]);
    rows.for_each(|row| table.row(row));
    sheet::table(&args.output, &table)
}
