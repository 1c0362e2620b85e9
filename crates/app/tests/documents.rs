//! What the documents show is true: links lead somewhere, files check, commands are understood.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod repository;

use app::cli::Cli;
use catalog::{Catalog, Code, Model, Severity};
use clap::Parser;
use repository::{Text, read, root, texts};

/// All documents, from the front page down.
fn documents() -> Vec<Text> {
    let mut documents = texts();
    documents.retain(|text| text.path.ends_with(".md"));
    assert!(documents.iter().any(|text| text.path == "README.md"), "there is no front page");
    documents
}

#[test]
fn links_lead_somewhere() {
    for Text { path, text } in documents() {
        let folder = root().join(&path).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { root().join(&path) } else { folder.join(file) };
            assert!(file.exists(), "{path} links to {target}, which is not there");
            let there = heading.is_empty()
                || headings(&std::fs::read_to_string(&file).unwrap()).any(|slug| slug == heading);
            assert!(there, "{path} links to {target}, which has no such heading");
        }
    }
}

#[test]
fn files_that_documents_show_are_good() {
    let catalog = Catalog::shipped();
    let mut seen = 0;
    for Text { path, text } in documents() {
        for block in blocks(&text, "toml") {
            seen += 1;
            if let Err(why) = judge(block, &catalog) {
                panic!("{path} shows a file that is not good: {why}\n{block}");
            }
        }
    }
    assert!(seen >= 4, "only {seen} files are shown");
}

/// Checks a file by the same checker that `submeter check` uses.
fn judge(text: &str, catalog: &Catalog) -> Result<(), String> {
    let begins = |table: &str| text.lines().any(|line| line.starts_with(table));
    if begins("[meter.simulation]") || begins("[simulation]") {
        simulator::House::parse(text, catalog).map(drop).map_err(|error| error.to_string())
    } else if begins("[site]") {
        let (_, problems) = catalog::check_site(text, catalog);
        let worst = problems.count(Severity::Error) + problems.count(Severity::Warning);
        if worst == 0 { Ok(()) } else { Err(problems.render("example", text)) }
    } else if begins("[modbus]") {
        let model = Model::parse("maker/model", text).map_err(|error| error.to_string())?;
        model.prove().map(drop).map_err(|error| error.to_string())
    } else {
        let (_, problems) = app::config::check_bytes(text.as_bytes());
        if problems.is_empty() { Ok(()) } else { Err(problems.render("example", text)) }
    }
}

#[test]
fn commands_that_documents_show_are_understood() {
    let mut seen = 0;
    for Text { path, text } in documents() {
        for block in blocks(&text, "sh") {
            for line in block.replace("\\\n", " ").lines() {
                let Some(words) = command(line) else { continue };
                seen += 1;
                if let Err(error) = Cli::try_parse_from(&words) {
                    let shows = !error.use_stderr(); // help and version
                    assert!(shows, "{path} shows `{line}`:\n{error}");
                }
            }
        }
    }
    assert!(seen >= 10, "only {seen} commands are shown");
}

#[test]
fn every_code_of_the_checker_is_explained() {
    let page = read("docs/site-file.md");
    for code in Code::ALL {
        let row = format!("| `{}` |", code.name());
        assert!(page.contains(&row), "docs/site-file.md does not explain {}", code.name());
    }
}

/// The words of a line that runs the program.
fn command(line: &str) -> Option<Vec<String>> {
    let line = line.split(" #").next()?.split(" | ").next()?.split(" > ").next()?.trim();
    let line = line.replace("cargo run --release --", "submeter");
    let mut words = line.split_whitespace().map(|word| word.trim_matches('"').to_owned());
    let words: Vec<String> = words.by_ref().skip_while(|word| word.contains('=')).collect();
    (words.first()? == "submeter").then_some(words)
}

/// The code blocks of a language.
fn blocks<'t>(text: &'t str, language: &str) -> impl Iterator<Item = &'t str> {
    let opening = format!("```{language}\n");
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once(&opening) {
        let (block, after) = behind.split_once("```").unwrap_or((behind, ""));
        parts.push(block);
        rest = after;
    }
    parts.into_iter()
}

/// The names by which a link finds the headings of a document.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    })
}
