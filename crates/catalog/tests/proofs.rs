//! Every shipped model is parsed, proven, and planned within its limits.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use catalog::{Catalog, Limits, Model, USUAL_DELAY, plan};

fn models() -> Vec<Model> {
    let read = |(name, text): (String, &str)| {
        Model::parse(&name, text).unwrap_or_else(|error| panic!("{error}"))
    };
    Catalog::shipped_files().map(read).collect()
}

#[test]
fn every_file_in_the_folder_is_a_shipped_model() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut files = BTreeSet::new();
    for maker in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(maker.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(path.extension().unwrap(), "toml", "{}", path.display());
            let maker = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
            files.insert(format!("{maker}/{}", path.file_stem().unwrap().to_str().unwrap()));
        }
    }
    let catalog = Catalog::shipped();
    let shipped: BTreeSet<String> = catalog.models().map(|model| model.name.clone()).collect();
    assert_eq!(shipped, files);
    assert_eq!(models().len(), files.len());
}

#[test]
fn every_model_has_a_proof_and_every_proof_holds() {
    let mut proven = 0;
    for model in models() {
        let readings = model.prove().unwrap_or_else(|error| panic!("{error}"));
        assert!(readings > 0, "{} has no proof", model.name);
        proven += readings;
    }
    println!("{} models, {proven} readings proven", models().len());
}

#[test]
fn the_indexes_that_are_billed_are_proven() {
    for model in models() {
        let proven: BTreeSet<&str> = model
            .proofs
            .iter()
            .flat_map(|proof| &proof.read)
            .map(|(quantity, _)| quantity.name())
            .collect();
        for register in &model.registers {
            let name = register.quantity.name();
            let billed = ["en_im", "en_ex", "heat_energy_kwh", "cold_energy_kwh", "vol_m3"];
            assert!(!billed.contains(&name) || proven.contains(name), "{}: {name}", model.name);
        }
    }
}

#[test]
fn no_index_is_rounded_to_less_than_its_register_gives() {
    for model in models() {
        for register in model.registers.iter().filter(|one| one.quantity.is_counter()) {
            let float = register.data_type == catalog::DataType::Float;
            let digits = if float { 3 } else { register.factor.shortened().scale() };
            assert!(register.round >= digits, "{}: {}", model.name, register.quantity);
        }
    }
}

#[test]
fn the_thirty_values_of_the_sdm630_take_two_questions() {
    let catalog = Catalog::shipped();
    let model = catalog.model("eastron/sdm630").unwrap();
    let limits = Limits {
        align_even: model.align_even,
        ..Limits::serial(model.max_registers, model.line, USUAL_DELAY)
    };
    let blocks = plan(&model.registers, &limits);
    let ranges: Vec<_> = blocks.iter().map(|block| (block.start, block.count)).collect();
    assert_eq!(model.registers.len(), 30);
    assert_eq!(ranges, [(0, 76), (342, 10)]);
}

#[test]
fn no_question_exceeds_the_limit_of_its_model() {
    for model in models() {
        for limits in [
            Limits::serial(model.max_registers, model.line, USUAL_DELAY),
            Limits::socket(model.max_registers),
        ] {
            let limits = Limits { align_even: model.align_even, ..limits };
            for block in plan(&model.registers, &limits) {
                assert!(block.count <= model.max_registers, "{}: {block:?}", model.name);
                let even = block.start % 2 == 0 && block.count % 2 == 0;
                assert!(even || !model.align_even, "{}: {block:?}", model.name);
            }
        }
    }
}

#[test]
fn no_two_models_claim_the_same_identity() {
    let mut claims: Vec<(String, String)> = Vec::new();
    for model in models() {
        for mark in &model.identify {
            if let catalog::Identity::Equals(values) = &mark.meaning {
                let place = (mark.function, mark.start, mark.size);
                let claim = format!("{} {place:?} {values:?}", model.maker);
                let other = claims.iter().find(|(_, known)| *known == claim);
                assert!(other.is_none(), "{} and {other:?}", model.name);
                claims.push((model.name.clone(), claim));
            }
        }
    }
}
