//! The shared cases of site files and box files, each given as a file.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use app::config;
use catalog::document::{Amount, Node, Table, Value as Written, parse_json};
use catalog::{Catalog, CheckedSite, Comparison, Problem, Problems, Severity};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use vectors::Tally;

#[test]
fn files_are_judged_as_required() {
    let mut tally = Tally::of("config-abuse.json");
    let catalog = Catalog::shipped();
    let folder = TempDir::new().unwrap();
    for case in vectors::cases("config-abuse.json") {
        let id = case["id"].as_str().unwrap();
        let file = Given::new(&case, folder.path());
        let begun = Instant::now();
        let judged = file.judge(&case, &catalog);
        let elapsed = begun.elapsed();
        let outcome = match elapsed < Duration::from_secs(5) {
            true => judged.as_required(&case, &catalog),
            false => Err(format!("took {elapsed:?}")),
        };
        tally.count(id, outcome);
    }
    tally.finish();
}

/// The file of a case. A socket lives as long as its listener.
struct Given {
    path: PathBuf,
    _listener: Option<UnixListener>,
}

impl Given {
    fn new(case: &Value, folder: &Path) -> Self {
        let path = folder.join(case["id"].as_str().unwrap());
        let text = &case["text"];
        let mut listener = None;
        if let Some(length) = text["$sparse"].as_u64() {
            std::fs::File::create(&path).unwrap().set_len(length).unwrap();
            return Self { path, _listener: None };
        }
        match text["$special"].as_str() {
            None => {
                std::fs::write(&path, content(text)).unwrap();
                let mode = u32::from_str_radix(case["mode"].as_str().unwrap_or("0600"), 8).unwrap();
                std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            }
            Some("directory") => std::fs::create_dir(&path).unwrap(),
            Some("fifo") => {
                mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            }
            Some("socket") => listener = Some(UnixListener::bind(&path).unwrap()),
            Some("symlink_loop") => symlink(&path, &path).unwrap(),
            Some("device") => return Self { path: "/dev/zero".into(), _listener: None },
            Some(other) => panic!("what is {other}?"),
        }
        Self { path, _listener: listener }
    }

    fn judge(&self, case: &Value, catalog: &Catalog) -> Judged {
        let site = case["kind"] == "site";
        let limit = if site { catalog::LONGEST_SITE } else { config::LONGEST };
        let source = match config::open(&self.path, limit) {
            Ok(source) => source,
            Err(problem) => return Judged { problems: problem.into(), ..Judged::default() },
        };
        let text = String::from_utf8_lossy(&source.bytes).into_owned();
        if site {
            let (site, problems) = catalog::check_site_bytes(&source.bytes, catalog);
            assert_eq!(site.is_some(), problems.is_ok());
            let meaning = site.as_ref().map(meaning_of_site);
            return Judged { text, problems, meaning, site };
        }
        let (checked, problems) = config::check_source(&source);
        Judged { text, problems, meaning: checked.as_ref().map(meaning_of_box), site: None }
    }
}

/// The bytes of a file from their description.
fn content(text: &Value) -> Vec<u8> {
    if let Some(text) = text.as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(parts) = text["$join"].as_array() {
        return parts.iter().flat_map(content).collect();
    }
    if let Some(digits) = text["$hex"].as_str() {
        let byte = |k: usize| u8::from_str_radix(&digits[k..k + 2], 16).unwrap();
        return (0..digits.len()).step_by(2).map(byte).collect();
    }
    let times = text["times"].as_u64().unwrap();
    if let Some(piece) = text["$repeat"].as_str() {
        return piece.repeat(usize::try_from(times).unwrap()).into_bytes();
    }
    let (each, per) = (text["$each"].as_str().unwrap(), text["per"].as_u64().unwrap_or(times));
    let numbered = |n: u64| {
        let [n, q, r] = [n, n / per, n % per + 1].map(|number| number.to_string());
        each.replace("{n}", &n).replace("{q}", &q).replace("{r}", &r)
    };
    (0..times).map(numbered).collect::<String>().into_bytes()
}

#[derive(Default)]
struct Judged {
    text: String,
    problems: Problems,
    meaning: Option<Value>,
    site: Option<CheckedSite>,
}

impl Judged {
    fn as_required(&self, case: &Value, catalog: &Catalog) -> Result<(), String> {
        let expect = &case["expect"];
        let report = self.problems.render("file.toml", &self.text);
        if report.len() > 300 * (1 + report.lines().count()) {
            return Err("the report repeats what is too long".to_owned());
        }
        if expect["in_force"] == "previous" {
            let previous = case["previous_text"].as_str().unwrap();
            let (site, _) = catalog::check_site(previous, catalog);
            site.ok_or("what is in force does not check")?;
        }
        if expect["ok"] == true { self.accepted(case, catalog) } else { self.refused(case) }
    }

    fn refused(&self, case: &Value) -> Result<(), String> {
        let placed = self.problems.placed(&self.text);
        let told: Vec<_> =
            placed.iter().filter(|one| one.problem.severity == Severity::Error).collect();
        if told.is_empty() {
            let also = case["also_ok_accept"] == true;
            return if also { Ok(()) } else { Err("accepted".to_owned()) };
        }
        let wanted = case["expect"]["errors"].as_array().unwrap();
        let show = || {
            let one = |p: &&catalog::Placed<'_>| {
                format!("{} {} {:?}", p.problem.path, p.problem.code, p.place)
            };
            told.iter().map(one).collect::<Vec<_>>().join("; ")
        };
        if told.len() != wanted.len() {
            return Err(show());
        }
        for (one, wanted) in told.iter().zip(wanted) {
            let Problem { path, code, .. } = one.problem;
            let name = Value::from(code.name());
            let also = listed(&case["also_ok_codes"], code.name());
            let anonymous = path.is_empty() && (name == "duplicate_key" || also);
            let right = (wanted["code"] == name || also)
                && (wanted["path"] == path.as_str() || anonymous || also)
                && (wanted["line"].is_null()
                    || one.place.is_some_and(|p| wanted["line"] == p.line))
                && (wanted["column"].is_null()
                    || one.place.is_some_and(|p| wanted["column"] == p.column));
            if !right {
                return Err(format!("{}, not {wanted}", show()));
            }
        }
        Ok(())
    }

    fn accepted(&self, case: &Value, catalog: &Catalog) -> Result<(), String> {
        let expect = &case["expect"];
        let errors = codes(&self.problems, Severity::Error);
        if !errors.is_empty() {
            let also = case["also_ok_reject"] == true
                && errors.iter().all(|code| listed(&case["also_ok_codes"], code));
            return if also { Ok(()) } else { Err(format!("refused: {errors:?}")) };
        }
        let mut warnings = codes(&self.problems, Severity::Warning);
        warnings.sort();
        warnings.dedup();
        warnings.retain(|code| !listed(&case["also_ok_warnings"], code));
        let notes = codes(&self.problems, Severity::Note);
        for (told, name) in [(warnings, "warnings"), (notes, "notes")] {
            if json!(told) != expect[name] {
                return Err(format!("{name} {told:?}, not {}", expect[name]));
            }
        }
        let meaning = self.meaning.as_ref().ok_or("accepted without a meaning")?;
        for (path, wanted) in expect["values"].as_object().into_iter().flatten() {
            let means = at(meaning, path);
            if means.as_ref() != Some(wanted) {
                return Err(format!("{path} means {means:?}, not {wanted}"));
            }
        }
        if expect["apply"].is_object() { self.applied(case, catalog) } else { Ok(()) }
    }

    fn applied(&self, case: &Value, catalog: &Catalog) -> Result<(), String> {
        let previous = case["previous_text"].as_str().unwrap();
        let (old, _) = catalog::check_site(previous, catalog);
        let new = self.site.as_ref().ok_or("no site")?;
        let comparison = Comparison::between(old.as_ref(), new);
        let warnings: Vec<&str> =
            comparison.warnings().iter().map(|warning| warning.code.name()).collect();
        let mut says = json!({ "warnings": warnings });
        let names = |keys: Vec<&domain::Key>| -> Vec<String> {
            keys.into_iter().map(ToString::to_string).collect()
        };
        if !comparison.retired.is_empty() {
            says["retired"] = json!(names(comparison.retired.iter().collect()));
        }
        let changed = comparison.scaled.iter().chain(&comparison.moved);
        let mut changed = names(changed.collect());
        changed.sort();
        changed.dedup();
        if !changed.is_empty() {
            says["changed"] = json!(changed);
        }
        let wanted = &case["expect"]["apply"];
        let same = says == *wanted;
        if same { Ok(()) } else { Err(format!("apply says {says}, not {wanted}")) }
    }
}

fn codes(problems: &Problems, severity: Severity) -> Vec<String> {
    problems.of(severity).map(|problem| problem.code.name().to_owned()).collect()
}

fn listed(list: &Value, word: &str) -> bool {
    list.as_array().is_some_and(|words| words.iter().any(|known| known == word))
}

/// What stands at a path such as `meter[0].registers[1].reg`. A flat entry is a list of one.
fn at(meaning: &Value, path: &str) -> Option<Value> {
    let mut here = meaning;
    for part in path.split('.') {
        let (name, index) = part.split_once('[').unwrap_or((part, ""));
        here = here.get(name).or_else(|| here.get("registers")?.get(0)?.get(name))?;
        if let Some(index) = index.strip_suffix(']') {
            here = here.get(index.parse::<usize>().unwrap())?;
        }
    }
    Some(here.clone())
}

fn meaning_of_site(site: &CheckedSite) -> Value {
    let record = &site.record;
    let buses = record.buses.iter().map(|bus| {
        let mut meaning = settings(&bus.settings);
        meaning["key"] = json!(bus.key.as_str());
        meaning["port"] = json!(bus.port);
        meaning
    });
    let meters = record.meters.iter().map(|meter| {
        let mut meaning = settings(&meter.settings);
        meaning["key"] = json!(meter.key.as_str());
        meaning["name"] = json!(meter.name);
        meaning["space"] = json!(meter.space);
        meaning["address"] = json!(meter.address);
        meaning["model"] = json!(meter.model);
        meaning
    });
    json!({
        "site": { "key": record.site.key.as_str(), "time_zone": record.site.time_zone },
        "bus": buses.collect::<Vec<_>>(),
        "meter": meters.collect::<Vec<_>>(),
    })
}

/// Settings with whole numbers as numbers and all others as text.
fn settings(text: &str) -> Value {
    plain(&parse_json(text).unwrap())
}

fn plain(node: &Node) -> Value {
    match &node.value {
        Written::Text(text) => json!(text),
        Written::Flag(flag) => json!(flag),
        Written::Number(Amount::Whole { magnitude, .. }) => {
            serde_json::from_str(&magnitude.to_string()).unwrap()
        }
        Written::Number(amount) => json!(amount.to_decimal().unwrap().to_string()),
        Written::List(items) => items.iter().map(plain).collect(),
        Written::Table(table) => Value::Object(fields(table)),
        Written::Nothing | Written::Moment => Value::Null,
    }
}

fn fields(table: &Table) -> Map<String, Value> {
    table.fields().iter().map(|field| (field.key.clone(), plain(&field.node))).collect()
}

fn meaning_of_box(checked: &config::Checked) -> Value {
    let broker = checked.broker.as_ref().map(|broker| {
        let scheme = match broker.transport {
            config::Transport::Tls => "mqtts",
            config::Transport::Plain => "mqtt",
        };
        json!({ "url": format!("{scheme}://{}", broker.host), "user": broker.user })
    });
    let networks = checked.network.allowed_networks.iter().map(ToString::to_string);
    json!({
        "http": { "listen": checked.listen.map(|address| address.to_string()) },
        "store": { "url": checked.store },
        "broker": broker,
        "network": {
            "allowed_networks": networks.collect::<Vec<_>>(),
            "allowed_ports": checked.network.allowed_ports,
        },
    })
}
