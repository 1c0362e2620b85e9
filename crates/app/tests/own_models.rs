//! Meter models of the owner, in the data folder.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{submeter, text, write};
use tempfile::TempDir;

/// A site of one meter, nobody at home.
const SITE: &str = r#"[site]
key = "s"

[[bus]]
key = "a"
port = "tcp://127.0.0.1:9"

[[meter]]
key = "apt-1"
bus = "a"
address = 5
model = "acme/m1"
"#;

/// A model of the owner's own, smaller than any that is shipped.
const OWN_MODEL: &str = r#"maker = "Acme"
name = "M1"
medium = "electricity"

[modbus]
function = "input"
line = { baud = 9600, parity = "none", stop_bits = 1 }

[[quantity]]
name = "en_im"
register = 0x0048
type = "f32"
unit = "kWh"
resolution = "0.01 kWh"

[[proof]]
source = "composed"
send = "01 04 00 48 00 02 F1 DD"
hear = "01 04 04 43 9A 46 66 7C 65"
read = { "en_im" = "308.55 kWh" }
"#;

/// A site file that names the owner's model, and the same with a shipped one.
fn sites(folder: &TempDir) -> (String, String) {
    let shipped = SITE.replace("acme/m1", "eastron/sdm630");
    (write(folder, "own.toml", SITE), write(folder, "good.toml", &shipped))
}

#[test]
fn a_model_of_the_owner_is_known_to_every_command_and_must_be_proven() {
    let folder = common::folder();
    let maker = folder.path().join("D/models/acme");
    std::fs::create_dir_all(&maker).unwrap();
    let (own, _) = sites(&folder);
    let data = text(&folder.path().join("D"));
    let put = |model: &str| std::fs::write(maker.join("m1.toml"), model).unwrap();
    put(OWN_MODEL);
    assert!(submeter(&["models", "list", "--data", &data]).text(0).contains("acme/m1"));
    assert!(submeter(&["models", "show", "acme/m1", "--data", &data]).text(0).contains("en_im"));
    assert!(submeter(&["check", &own, "--data", &data]).text(0).contains("1 meter on 1 bus"));
    assert!(submeter(&["check", &own]).complaint(3).contains("no model we know"));
    for (right, wrong, why) in
        [("308.55", "308.56", "is not proven"), ("[modbus]", "[modbuss]", "is no sound model")]
    {
        put(&OWN_MODEL.replace(right, wrong));
        for command in ["run", "read"] {
            let said = submeter(&[command, "--site", &own, "--data", &data]);
            assert!(said.complaint(3).contains(why), "{}", said.err);
        }
    }
}

#[test]
fn a_registry_whose_model_is_gone_says_so_and_is_mended_by_a_file() {
    let folder = common::folder();
    let data = folder.path().join("D");
    std::fs::create_dir_all(data.join("models/acme")).unwrap();
    let model = data.join("models/acme/m1.toml");
    std::fs::write(&model, OWN_MODEL).unwrap();
    let (own, good) = sites(&folder);
    let data = data.display().to_string();
    assert!(submeter(&["apply", &own, "--data", &data]).text(0).contains("plan 1"));
    std::fs::remove_file(model).unwrap();
    for asked in [["run", "--data", &data], ["read", "--data", &data]] {
        let complaint = submeter(&asked);
        let said = complaint.complaint(1);
        assert!(said.contains("does not check any more") && said.contains("acme/m1"), "{said}");
    }
    let mended = submeter(&["apply", &good, "--data", &data]);
    assert!(mended.text(0).contains("~ meter apt-1"), "{}", mended.text(0));
    assert!(submeter(&["export-site", "--data", &data]).text(0).contains("eastron/sdm630"));
}
