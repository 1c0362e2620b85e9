//! The shared cases of parameters: as JSON, as TOML, and inside a site file.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use catalog::document::{Node, Value as Written, parse_json, parse_toml};
use catalog::{
    Bag, BagKind, Catalog, Entry, Problem, Problems, RuleContext, Severity, check_bag, check_entry,
    check_site,
};
use domain::{Decimal, Medium};
use serde_json::{Map, Value, json};
use vectors::Tally;

const FILE: &str = "generic-modbus-params.json";

#[test]
fn parameters_in_json_are_judged_as_required() {
    let mut tally = Tally::of("generic-modbus-params.json as JSON");
    for case in vectors::cases(FILE) {
        let text = json_text(&case);
        let judged = match parse_json(&text) {
            Ok(node) => Judged::of(&case, &node),
            Err(problem) => Judged { problems: problem.into(), meaning: None },
        };
        tally.count(id(&case), judged.as_required(&case, ""));
    }
    tally.finish();
}

#[test]
fn parameters_in_toml_are_judged_as_required() {
    let mut tally = Tally::of("generic-modbus-params.json as TOML");
    for case in vectors::cases(FILE) {
        let table = match input(&case).and_then(|input| table(&input)) {
            Ok(table) => table,
            Err(why) => {
                tally.skip(id(&case), why);
                continue;
            }
        };
        let judged = match parse_toml(&table) {
            Ok(table) => {
                let node = Node { span: 0..1, value: Written::Table(table) };
                Judged::of(&case, &node)
            }
            Err(problem) => Judged { problems: problem.into(), meaning: None },
        };
        tally.count(id(&case), judged.as_required(&case, ""));
    }
    tally.finish();
}

#[test]
fn parameters_in_a_site_file_are_judged_as_required() {
    let mut tally = Tally::of("generic-modbus-params.json in a site file");
    let catalog = Catalog::shipped();
    for case in vectors::cases(FILE) {
        match site_file(&case) {
            Ok((text, prefix)) => {
                let (site, problems) = check_site(&text, &catalog);
                let agrees = site.is_some() == problems.is_ok();
                let judged = Judged { problems, meaning: None };
                let outcome = judged.as_required(&case, prefix);
                let written =
                    site.map(|site| (site.record.clone(), catalog::write_site(&site.record)));
                let same = written.is_none_or(|(record, text)| {
                    check_site(&text, &catalog).0.is_some_and(|again| again.record == record)
                });
                let outcome = match (agrees, same) {
                    (true, true) => outcome,
                    (false, _) => Err("a site exactly when there is no error".to_owned()),
                    (_, false) => Err("the record was written otherwise".to_owned()),
                };
                tally.count(id(&case), outcome);
            }
            Err(why) => tally.skip(id(&case), why),
        }
    }
    tally.finish();
}

/// What came out of one case.
struct Judged {
    problems: Problems,
    /// The normal form, where the case can say it.
    meaning: Option<Value>,
}

impl Judged {
    fn of(case: &Value, node: &Node) -> Self {
        let kind = match case["scope"].as_str() {
            None => {
                let (entry, problems) = check_entry(node);
                return Self { problems, meaning: entry.as_ref().map(meaning_of_entry) };
            }
            Some("meter") => BagKind::Generic,
            Some(_) => BagKind::Known,
        };
        let context = context(case);
        let (bag, problems) = check_bag(node, kind, context.as_ref());
        if let Some(bag) = &bag {
            let settings = parse_json(&bag.settings()).unwrap();
            let again = check_bag(&settings, kind, context.as_ref()).0;
            assert_eq!(again.as_ref(), Some(bag), "{}: settings lead back", id(case));
        }
        Self { problems, meaning: bag.as_ref().map(meaning_of_bag) }
    }

    fn as_required(&self, case: &Value, prefix: &str) -> Result<(), String> {
        let expect = &case["expect"];
        let mut errors = told(&self.problems, Severity::Error);
        // In a file a circle of rules is told at each of them; the case asks for its own.
        errors.retain(|(path, code)| code != "circular_rule" || path.starts_with(prefix));
        if expect["ok"] == true {
            if !errors.is_empty() {
                let also = case["also_ok_reject"] == true
                    && errors.iter().all(|(_, code)| listed(&case["also_ok_codes"], code));
                return if also { Ok(()) } else { Err(format!("refused: {errors:?}")) };
            }
            return self.accepted(case, prefix);
        }
        if errors.is_empty() {
            let also = case["also_ok_accept"] == true;
            return if also { Ok(()) } else { Err(format!("accepted, not {expect}")) };
        }
        let mut left: Vec<(String, String)> = expect["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| {
                let code = error["code"].as_str().unwrap();
                let path = format!("{prefix}{}", error["path"].as_str().unwrap());
                // What is wrong with the whole entry has no key: its path ends without a point.
                let whole = if code == "wrong_type" { path.trim_end_matches('.') } else { &path };
                (whole.to_owned(), code.to_owned())
            })
            .collect();
        for (path, code) in &errors {
            let fits = |(wanted, of): &(String, String)| {
                let also = listed(&case["also_ok_codes"], code);
                (wanted == path && of == code) || (also && (wanted == path || path.is_empty()))
            };
            match left.iter().position(fits) {
                Some(hit) => drop(left.remove(hit)),
                None => return Err(format!("{path}: {code} is not among {left:?}")),
            }
        }
        if left.is_empty() { Ok(()) } else { Err(format!("not found: {left:?}")) }
    }

    fn accepted(&self, case: &Value, prefix: &str) -> Result<(), String> {
        let expect = &case["expect"];
        for (severity, wanted) in [(Severity::Warning, "warnings"), (Severity::Note, "notes")] {
            let mut left: Vec<String> = words(&expect[wanted]);
            for (_, code) in told(&self.problems, severity) {
                match left.iter().position(|wanted| *wanted == code) {
                    Some(hit) => drop(left.remove(hit)),
                    None if listed(&case["also_ok_warnings"], &code) => {}
                    None => return Err(format!("{code} is not among {wanted} {left:?}")),
                }
            }
            if !left.is_empty() {
                return Err(format!("{wanted} not given: {left:?}"));
            }
        }
        match &self.meaning {
            Some(meaning) if *meaning != plain(&expect["normalized"]) => {
                Err(format!("means {meaning}, not {}", expect["normalized"]))
            }
            None if prefix.is_empty() => Err("accepted without a meaning".to_owned()),
            _ => Ok(()),
        }
    }
}

fn told(problems: &Problems, severity: Severity) -> Vec<(String, String)> {
    let pair = |problem: &Problem| (problem.path.clone(), problem.code.name().to_owned());
    problems.of(severity).map(pair).collect()
}

fn id(case: &Value) -> &str {
    case["id"].as_str().unwrap()
}

fn words(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn listed(list: &Value, word: &str) -> bool {
    list.as_array().is_some_and(|words| words.iter().any(|known| known == word))
}

fn json_text(case: &Value) -> String {
    if let Some(text) = case["input_text"].as_str() {
        return text.to_owned();
    }
    if case["input_text_repeat"].is_object() {
        let repeat = &case["input_text_repeat"];
        let part = |key: &str| repeat[key].as_str().unwrap_or_default();
        let times = usize::try_from(repeat["times"].as_u64().unwrap()).unwrap();
        return part("open").repeat(times) + &part("close").repeat(times) + part("then");
    }
    expanded(&case["input"]).to_string()
}

fn input(case: &Value) -> Result<Value, &'static str> {
    match case.get("input") {
        Some(input) => Ok(expanded(input)),
        None => Err("is a text in JSON"),
    }
}

/// `$repeat` and `$repeat_item` written out.
fn expanded(value: &Value) -> Value {
    let times = || usize::try_from(value["times"].as_u64().unwrap()).unwrap();
    match value {
        Value::Object(map) if map.contains_key("$repeat") => {
            Value::from(map["$repeat"].as_str().unwrap().repeat(times()))
        }
        Value::Object(map) if map.contains_key("$repeat_item") => {
            Value::from(vec![expanded(&map["$repeat_item"]); times()])
        }
        Value::Object(map) => map
            .iter()
            .map(|(key, inner)| (key.clone(), expanded(inner)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(expanded).collect(),
        other => other.clone(),
    }
}

/// The lines of a table, or why TOML cannot say it.
fn table(input: &Value) -> Result<String, &'static str> {
    let Value::Object(map) = input else { return Err("is no table") };
    let line = |(key, value): (&String, &Value)| {
        Ok(format!("{} = {}\n", Value::from(key.as_str()), toml(value)?))
    };
    map.iter().map(line).collect()
}

fn toml(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Null => Err("holds null, which TOML does not have"),
        Value::Array(items) => {
            let items: Result<Vec<String>, _> = items.iter().map(toml).collect();
            Ok(format!("[{}]", items?.join(", ")))
        }
        Value::Object(map) => {
            let pair = |(key, value): (&String, &Value)| {
                Ok(format!("{} = {}", Value::from(key.as_str()), toml(value)?))
            };
            let pairs: Result<Vec<String>, _> = map.iter().map(pair).collect();
            Ok(format!("{{ {} }}", pairs?.join(", ")))
        }
        other => Ok(other.to_string()),
    }
}

/// The case as a site file, and what its paths begin with there.
fn site_file(case: &Value) -> Result<(String, &'static str), &'static str> {
    let input = input(case)?;
    let head = "[site]\nkey = \"house\"\n[[bus]]\nkey = \"a\"\nport = \"/dev/ttyUSB0\"\n";
    let generic = "bus = \"a\"\naddress = 1\nmodel = \"generic_modbus\"\n";
    let known = "bus = \"a\"\naddress = 1\nmodel = \"eastron/sdm630\"\n";
    let meter = "[[meter]]\nkey = \"net-main\"\n";
    if case["scope"].is_null() {
        let list = format!("registers = [{}]\n", toml(&input)?);
        return Ok((format!("{head}{meter}{generic}{list}"), "meter[0].registers[0]."));
    }
    let has_entry = input.get("registers").is_some() || input.get("reg").is_some();
    let model = if case["scope"] == "meter" || has_entry { generic } else { known };
    let mut text = format!("{head}{meter}{model}{}", table(&input)?);
    if case["context"].is_object() {
        text.push_str(&others(case)?);
    }
    Ok((text, "meter[0]."))
}

/// The other meters that the context of a rule knows, with their rules.
fn others(case: &Value) -> Result<String, &'static str> {
    let context = &case["context"];
    let rule = case["input"]["rule"].as_str().unwrap_or_default();
    let names = |list: Vec<&str>| rule.split(' ').any(|word| list.contains(&word));
    let alone = context["stand_alone"].as_array().unwrap();
    if names(alone.iter().map(|key| key.as_str().unwrap()).collect()) {
        return Err("names a stand-alone meter, which a site file does not know");
    }
    let imported = context["imported"].as_object().unwrap();
    if names(imported.keys().map(String::as_str).collect()) {
        return Err("names an imported meter, which a site file does not know");
    }
    let mut text = format!("medium = {}\n", context["medium"]);
    let meters = context["meters"].as_object().unwrap().iter();
    for (k, (key, medium)) in meters.enumerate() {
        text.push_str(&format!(
            "[[meter]]\nkey = \"{key}\"\nmedium = {medium}\nbus = \"a\"\naddress = {}\n\
             model = \"eastron/sdm630\"\n",
            k + 2
        ));
        if let Some(rule) = context["rules"][key].as_str() {
            text.push_str(&format!("rule = \"{rule}\"\n"));
        }
    }
    Ok(text)
}

fn context(case: &Value) -> Option<RuleContext> {
    let context = case["context"].as_object()?;
    let medium = |value: &Value| Medium::from_name(value.as_str().unwrap()).unwrap();
    let media = |key: &str| -> BTreeMap<String, Medium> {
        let map = context[key].as_object().unwrap();
        map.iter().map(|(key, value)| (key.clone(), medium(value))).collect()
    };
    let mut meters = media("meters");
    meters.extend(media("imported"));
    let stand_alone: BTreeSet<String> = words(&context["stand_alone"]).into_iter().collect();
    let rules = context["rules"].as_object().unwrap().iter();
    let rules = rules.map(|(key, rule)| {
        let terms = rule.as_str().unwrap().split(' ').step_by(2).map(str::to_owned).collect();
        (key.clone(), terms)
    });
    Some(RuleContext {
        meter: context["meter"].as_str().unwrap().to_owned(),
        medium: medium(&context["medium"]),
        meters,
        stand_alone,
        rules: rules.collect(),
    })
}

/// The normal form of the cases: the page's keys always, ours where given.
fn meaning_of_entry(entry: &Entry) -> Value {
    let register = entry.register();
    let mut meaning = json!({
        "reg": register.start,
        "unit": register.quantity.name(),
        "size": register.size,
        "factor": register.factor.to_string(),
        "function_code": register.function.code(),
        "round": register.round,
        "swap_words": register.swap_words,
    });
    let mut given = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            meaning[key] = value;
        }
    };
    given("pause", entry.pause.map(|pause| pause.to_string().into()));
    given("data_type", entry.data_type.map(|data_type| data_type.name().into()));
    given("swap_bytes", entry.swap_bytes.map(Value::from));
    let number = |number: &u128| -> Value { serde_json::from_str(&number.to_string()).unwrap() };
    let unavailable = entry.unavailable.as_ref();
    given("unavailable", unavailable.map(|list| list.iter().map(number).collect()));
    plain(&meaning)
}

fn meaning_of_bag(bag: &Bag) -> Value {
    let mut meaning = json!({});
    let mut given = |path: (&str, &str), value: Option<Value>| match value {
        Some(value) if path.1.is_empty() => meaning[path.0] = value,
        Some(value) => meaning[path.0][path.1] = value,
        None => {}
    };
    let line = &bag.line;
    given(("line", "baudrate"), line.baudrate.map(Value::from));
    given(("line", "parity"), line.parity.map(|parity| parity.letter().to_string().into()));
    given(("line", "data_bits"), line.data_bits.map(Value::from));
    given(("line", "stop_bits"), line.stop_bits.map(Value::from));
    given(("line", "timeout"), line.timeout.map(|timeout| timeout.to_string().into()));
    let kind = bag.meter_type.map(catalog::MeterType::name);
    given(("medium", ""), bag.meter_type.map(|kind| kind.medium().name().into()));
    let water = kind.and_then(|name| name.strip_suffix("_water"));
    given(("kind", ""), water.map(Value::from));
    given(("corrections", "en_im"), bag.en_im_from_en_ex.then(|| "en_ex".into()));
    given(("corrections", "en_ex"), bag.en_ex_from_en_im.then(|| "en_im".into()));
    let sign = |minus| if minus { "-" } else { "+" };
    let terms = bag.rule.as_ref().map(|rule| {
        rule.terms.iter().map(|term| json!([sign(term.minus), term.meter])).collect::<Value>()
    });
    given(("rule", ""), terms);
    let entries: Vec<Value> = bag.registers.iter().map(meaning_of_entry).collect();
    given(("registers", ""), (!entries.is_empty()).then(|| entries.into()));
    plain(&meaning)
}

/// Decimals in their shortest spelling, keys in one order: 0.50 is 0.5.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<String, Value> = map
                .iter()
                .map(|(key, value)| {
                    let decimal = matches!(key.as_str(), "factor" | "pause" | "timeout");
                    let short = value.as_str().filter(|_| decimal).map(|text| {
                        text.parse::<Decimal>().unwrap().shortened().to_string().into()
                    });
                    (key.clone(), short.unwrap_or_else(|| plain(value)))
                })
                .collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}
