//! `submeter check`: every mistake in a file, with its place, before anything runs.

use std::path::Path;

use catalog::document::parse_json;
use catalog::{
    BagKind, BusLoad, Catalog, CheckedSite, Code, Model, ModelError, Problem, Problems, Severity,
};
use serde_json::{Value, json};
use simulator::{House, HouseError};

use crate::cli::{Check, Kind};
use crate::exit::Exit;
use crate::{config, load_sheet, output, when};

/// Checks each file by its kind.
///
/// # Errors
/// When the output cannot be written, or a model of the owner is not sound.
pub fn run(args: &Check) -> anyhow::Result<Exit> {
    let mut all = Verdicts::default();
    let mut plan = Vec::new();
    for path in &args.files {
        let name = path.display().to_string();
        let checked = check(path, &name, args)?;
        all.add(&name, &checked);
        if args.json {
            plan.extend(checked.loads.iter().map(|load| load_sheet::document(&name, load)));
        } else {
            tell(&name, &checked)?;
            for load in checked.loads.iter().filter(|_| args.plan) {
                output::line("")?;
                output::lines(&load_sheet::lines(load))?;
            }
        }
    }
    let good = all.errors.is_empty() && (!args.strict || all.warnings.is_empty());
    if args.json {
        let mut document = json!({
            "ok": good,
            "errors": all.errors,
            "warnings": all.warnings,
            "notes": all.notes,
        });
        if let Some(document) = document.as_object_mut().filter(|_| args.plan) {
            document.insert("plan".to_owned(), plan.into());
        }
        output::json(&document)?;
    }
    Ok(if good { Exit::Good } else { Exit::Invalid })
}

/// One file, checked.
struct Checked {
    text: String,
    problems: Problems,
    /// What `run` would do with it, in a sentence.
    means: Option<String>,
    /// What a good site asks of its buses.
    loads: Vec<BusLoad>,
}

fn check(path: &Path, name: &str, args: &Check) -> anyhow::Result<Checked> {
    let source = match config::open(path, catalog::LONGEST_SITE) {
        Ok(source) => source,
        Err(problem) => {
            let mut problems = Problems::default();
            problems.push(problem);
            return Ok(Checked { text: String::new(), problems, means: None, loads: Vec::new() });
        }
    };
    let text = String::from_utf8_lossy(&source.bytes).into_owned();
    let mut loads = Vec::new();
    let (problems, means) = match args.kind.unwrap_or_else(|| seen(&text)) {
        Kind::Site => {
            // Only here, so that a model which is not sound can be checked itself.
            let catalog = super::catalog(Some(&args.data.folder()))?;
            let (site, problems) = catalog::check_site_bytes(&source.bytes, &catalog);
            loads.extend(site.iter().flat_map(BusLoad::of));
            let means = site.map(|site| site_in_words(&site, &loads));
            (problems, means)
        }
        Kind::Box => {
            let (checked, problems) = config::check_source(&source);
            (problems, checked.map(|_| "a box file".to_owned()))
        }
        Kind::Model => model(name, &text),
        Kind::Parameters => parameters(&text),
        Kind::House => house(&text),
    };
    Ok(Checked { text, problems, means, loads })
}

fn model(name: &str, text: &str) -> (Problems, Option<String>) {
    let mut problems = Problems::default();
    let short = name.trim_end_matches(".toml");
    let parts: Vec<&str> = short.rsplitn(3, '/').collect();
    let short = match parts.as_slice() {
        [model, maker, ..] => format!("{maker}/{model}"),
        _ => short.to_owned(),
    };
    match Model::parse(&short, text) {
        Ok(model) => match model.prove() {
            Ok(readings) => {
                let means = format!(
                    "the model {} {}: {}, {} proven",
                    model.maker,
                    model.title,
                    counted(model.registers.len(), "quantity", "quantities"),
                    counted(readings, "reading", "readings"),
                );
                return (problems, Some(means));
            }
            Err(error) => problems.push(Problem::error(Code::UnknownValue, "", error.to_string())),
        },
        Err(error) => problems.push(model_problem(&error, text)),
    }
    (problems, None)
}

/// The first mistake of a model file, at its line.
fn model_problem(error: &ModelError, text: &str) -> Problem {
    let before = text.split_inclusive('\n').take(error.line.saturating_sub(1));
    let start = before.map(str::len).sum::<usize>();
    let rest = text.get(start..).unwrap_or_default();
    let column = rest.chars().take(error.column.saturating_sub(1)).map(char::len_utf8);
    let at = start + column.sum::<usize>();
    let problem = Problem::error(Code::MalformedToml, "", error.message.clone()).at(at..at);
    match &error.hint {
        Some(hint) => problem.hint(hint.clone()),
        None => problem,
    }
}

/// A house file: the site in it, and what the simulator makes of its own tables.
fn house(text: &str) -> (Problems, Option<String>) {
    match House::parse(text, &Catalog::shipped()) {
        Ok(_) => (Problems::default(), Some("a house for `submeter simulate`".to_owned())),
        Err(HouseError::Site { problems, .. }) => (problems, None),
        Err(error) => (Problem::error(Code::UnknownValue, "", error.to_string()).into(), None),
    }
}

/// The additional parameters of a `generic_modbus` meter as JSON.
fn parameters(text: &str) -> (Problems, Option<String>) {
    let node = match parse_json(text) {
        Ok(node) => node,
        Err(problem) => return (problem.into(), None),
    };
    if let catalog::document::Value::Table(table) = &node.value {
        let of_a_site = |key: &str| ["site", "bus", "meter"].contains(&key);
        if let Some(field) = table.fields().iter().find(|field| of_a_site(&field.key)) {
            let rule = "a site file is TOML; JSON holds the parameters of one meter";
            let problem = Problem::error(Code::MalformedToml, &field.key, rule);
            return (problem.at(field.key_span.clone()).into(), None);
        }
    }
    let (bag, problems) = catalog::check_bag(&node, BagKind::Generic, None);
    let means = bag.map(|bag| {
        format!("parameters of a meter: {}", counted(bag.registers.len(), "register", "registers"))
    });
    (problems, means)
}

/// What a file wants to be, seen by its tables.
fn seen(text: &str) -> Kind {
    if text.trim_start().starts_with('{') {
        return Kind::Parameters;
    }
    let has = |wanted: &[&str]| {
        text.lines().map(str::trim_start).any(|line| wanted.iter().any(|w| line.starts_with(w)))
    };
    if has(&["[simulation]", "[bus.simulation]", "[meter.simulation]"]) {
        Kind::House
    } else if has(&["[site]", "[[bus]]", "[[meter]]", "[meter]", "[bus]"]) {
        Kind::Site
    } else if has(&["[modbus]", "[[quantity]]", "[[proof]]"]) {
        Kind::Model
    } else if has(&["[http]", "[store]", "[broker]", "[network]"]) {
        Kind::Box
    } else {
        Kind::Site // an empty file, or one that is nothing: a site file says what it lacks
    }
}

fn site_in_words(site: &CheckedSite, loads: &[BusLoad]) -> String {
    let mut text = format!(
        "a site with {} on {}",
        counted(site.meters.len(), "meter", "meters"),
        counted(loads.len(), "bus", "buses"),
    );
    for load in loads {
        let meters = site.meters.iter().filter(|meter| meter.bus == load.bus).count();
        let shortest = load.sweeps.list.first().map(|sweep| sweep.interval).unwrap_or_default();
        let up_to = if load.sweeps.list.len() > 1 { "up to " } else { "" };
        text += &format!(
            "\n  bus {}: {}, {}, a sweep every {} takes {up_to}{}",
            load.bus,
            load.port,
            counted(meters, "meter", "meters"),
            when::in_words(shortest),
            counted(load.questions.len(), "question", "questions"),
        );
        if let Some(sweep) = load.sweeps.whole().filter(|_| load.port.is_serial()) {
            let took = sweep.time().as_secs_f64();
            text += &match took < 0.1 {
                true => " and less than 0.1 s".to_owned(),
                false => format!(" and about {took:.1} s"),
            };
        }
    }
    text
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

fn tell(name: &str, checked: &Checked) -> anyhow::Result<()> {
    if !checked.problems.is_empty() {
        output::message(checked.problems.render(name, &checked.text).trim_end());
    }
    match &checked.means {
        Some(means) if checked.problems.is_ok() => output::line(&format!("{name}: {means}")),
        _ => Ok(()),
    }
}

#[derive(Default)]
struct Verdicts {
    errors: Vec<Value>,
    warnings: Vec<Value>,
    notes: Vec<Value>,
}

impl Verdicts {
    fn add(&mut self, name: &str, checked: &Checked) {
        for placed in checked.problems.placed(&checked.text) {
            let problem = placed.problem;
            let place = placed.place.as_ref();
            let document = json!({
                "code": problem.code.name(),
                "file": name,
                "line": place.map(|place| place.line),
                "column": place.map(|place| place.column),
                "path": problem.path,
                "message": placed.message(),
                "hint": problem.hint,
            });
            match problem.severity {
                Severity::Error => self.errors.push(document),
                Severity::Warning => self.warnings.push(document),
                Severity::Note => self.notes.push(document),
            }
        }
    }
}
