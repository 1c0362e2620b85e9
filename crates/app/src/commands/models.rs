//! `submeter models`: the library of meter models.

use catalog::{Catalog, Model};
use serde_json::{Value, json};

use crate::cli::Models;
use crate::exit::Exit;
use crate::table::{Lean, Table};
use crate::{output, plan_document};

/// Lists the models, or shows one.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &Models, catalog: &Catalog) -> anyhow::Result<Exit> {
    match args {
        Models::List { json: true, .. } => {
            let models: Vec<Value> = catalog.models().map(head).collect();
            output::json(&json!({ "models": models }))?;
        }
        Models::List { json: false, .. } => list(catalog)?,
        Models::Show { name, json, .. } => {
            let Some(model) = catalog.model(name) else {
                output::message(&unknown(name, catalog));
                return Ok(Exit::NotFound);
            };
            if *json {
                let mut document = head(model);
                let registers: Vec<Value> =
                    model.registers.iter().map(plan_document::register).collect();
                if let Some(object) = document.as_object_mut() {
                    object.insert("registers".to_owned(), registers.into());
                }
                output::json(&document)?;
            } else {
                show(model)?;
            }
        }
    }
    Ok(Exit::Good)
}

fn head(model: &Model) -> Value {
    json!({
        "name": model.name,
        "maker": model.maker,
        "title": model.title,
        "medium": model.medium.name(),
        "line": model.line.to_string(),
        "quantities": model.registers.len(),
    })
}

fn list(catalog: &Catalog) -> anyhow::Result<()> {
    let mut table = Table::new(&[
        ("model", Lean::Left),
        ("meter", Lean::Left),
        ("medium", Lean::Left),
        ("factory line", Lean::Left),
        ("quantities", Lean::Right),
    ]);
    for model in catalog.models() {
        table.row(vec![
            model.name.clone(),
            format!("{} {}", model.maker, model.title),
            model.medium.to_string(),
            model.line.to_string(),
            model.registers.len().to_string(),
        ]);
    }
    output::lines(&table.lines(output::terminal_width().unwrap_or(usize::MAX)))?;
    output::message("any other meter: model generic_modbus, with its registers in the site file");
    Ok(())
}

fn show(model: &Model) -> anyhow::Result<()> {
    output::line(&format!("{}: {} {}", model.name, model.maker, model.title))?;
    output::line(&format!(
        "{}, factory line {}, at most {} registers a question",
        model.medium, model.line, model.max_registers
    ))?;
    let mut table = Table::new(&[
        ("quantity", Lean::Left),
        ("unit", Lean::Left),
        ("register", Lean::Right),
        ("fc", Lean::Right),
        ("type", Lean::Left),
        ("factor", Lean::Right),
        ("round", Lean::Right),
    ]);
    for register in &model.registers {
        let bits = u16::from(register.size) * 16;
        let order = if register.swap_words { ", low word first" } else { "" };
        table.row(vec![
            register.quantity.to_string(),
            register.quantity.unit().to_string(),
            register.start.to_string(),
            register.function.code().to_string(),
            format!("{}{bits}{order}", register.data_type.name()),
            register.factor.to_string(),
            register.round.to_string(),
        ]);
    }
    output::lines(&table.lines(output::terminal_width().unwrap_or(usize::MAX)))
}

fn unknown(name: &str, catalog: &Catalog) -> String {
    let part = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let near = catalog.models().find(|model| model.name.contains(&part));
    let hint = match near {
        Some(model) => format!("did you mean {}?", model.name),
        None => "`submeter models list` shows all".to_owned(),
    };
    format!("there is no model {name:?}: {hint}")
}
