//! What a model file may say, and what is said about its mistakes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use catalog::{Catalog, DataType, Identity, Model, ModelError};
use domain::Quantity;

const GOOD: &str = r#"
maker  = "Acme"
name   = "X1"
medium = "electricity"

[modbus]
function = "input"
line     = { baud = 9600, parity = "even", stop_bits = 1 }

[[quantity]]
name       = "en_im"
register   = 0x0048
type       = "u32"
factor     = 0.01
unit       = "kWh"
resolution = "0.01 kWh"

[[proof]]
source = "composed"
send   = "01 04 00 48 00 02 F1 DD"
hear   = "01 04 04 00 00 78 87 99 E6"
read   = { en_im = "308.55 kWh" }
"#;

fn parse(text: &str) -> Result<Model, ModelError> {
    Model::parse("acme/x1", text)
}

/// The good file with one line in place of another.
fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    GOOD.replace(old, new)
}

/// What a file with this line in place of another is told.
fn told(old: &str, new: &str) -> String {
    parse(&with(old, new)).unwrap_err().to_string()
}

fn register(text: &str) -> catalog::Register {
    parse(text).unwrap_or_else(|error| panic!("{error}")).registers[0].clone()
}

#[test]
fn a_file_says_what_it_means() {
    let model = parse(GOOD).unwrap();
    assert_eq!((model.maker.as_str(), model.title.as_str()), ("Acme", "X1"));
    assert_eq!(model.line.to_string(), "9600 8E1");
    assert_eq!((model.max_registers, model.align_even), (125, false));
    let register = &model.registers[0];
    assert_eq!((register.start, register.size, register.round), (72, 2, 2));
    assert_eq!((register.data_type, register.swap_words), (DataType::Uint, false));
    assert_eq!(register.pause, Some(std::time::Duration::ZERO), "a model leaves no pause open");
    assert_eq!(model.prove(), Ok(1));
}

#[test]
fn the_unit_is_converted_once_and_exactly() {
    let energy = "factor     = 0.01\nunit       = \"kWh\"\nresolution = \"0.01 kWh\"";
    for (factor, unit, resolution, folded) in [
        ("0.01", "kWh", "0.01 kWh", "0.01"),
        ("1", "Wh", "0.001 kWh", "0.001"),
        ("0.1", "MWh", "1 kWh", "100"),
        ("3.6", "MJ", "1 kWh", "1"),
        ("0.123456789012345678901234", "kWh", "1e-9 kWh", "0.123456789012345678901234"),
    ] {
        let lines = format!("factor = {factor}\nunit = \"{unit}\"\nresolution = \"{resolution}\"");
        let text = with(energy, &lines).replace("u32", "f32");
        assert_eq!(register(&text).factor.to_string(), folded, "{factor} {unit}");
    }
    let megajoule = told("unit       = \"kWh\"", "unit       = \"MJ\"");
    assert!(megajoule.contains("is no decimal number"), "{megajoule}");
}

#[test]
fn a_quantity_may_differ_from_the_rest_of_its_meter() {
    let text =
        with("function = \"input\"", "function = \"input\"\nword_order = \"little\"\npause = 0.5");
    let little = register(&text);
    assert!(little.swap_words && !little.swap_bytes);
    assert_eq!(little.pause, Some(std::time::Duration::from_millis(500)));
    let own = "register = 0x0048\nfunction = \"holding\"\nword_order = \"big\"\n\
               byte_order = \"little\"";
    let own = register(&text.replace("register   = 0x0048", own));
    assert_eq!(own.function.code(), 3);
    assert!(!own.swap_words && own.swap_bytes);
    let one = register(&text.replace("u32", "u16"));
    assert!(!one.swap_words, "one register has no word order");
}

#[test]
fn facts_and_identity_are_kept() {
    let text = with(
        "[[proof]]",
        "[[identify]]\nregister = 0\ntype = \"u16\"\nequals = [0x70, 113]\n\
         [[identify]]\nregister = 2\ntype = \"u32\"\nas = \"serial\"\n[[proof]]",
    );
    let text = text.replace(
        "type       = \"u32\"",
        "type = \"u32\"\nexpect = [0, 1000000]\nwraps_at = 1_000_000\nobis = \"1-0:1.8.0\"\n\
         unavailable = [0xFFFFFFFF, \"0xFFFFFFFE\"]",
    );
    let model = parse(&text).unwrap();
    let fact = model.fact(Quantity::from_name("en_im").unwrap()).unwrap();
    assert_eq!(fact.wraps_at, "1000000".parse().ok());
    assert_eq!(fact.expect, Some(("0".parse().unwrap(), "1000000".parse().unwrap())));
    assert_eq!(fact.obis.as_deref(), Some("1-0:1.8.0"));
    assert_eq!(model.registers[0].unavailable, [0xffff_ffff, 0xffff_fffe]);
    assert_eq!(model.identify[0].meaning, Identity::Equals(vec![0x70, 113]));
    assert_eq!(model.identify[1].meaning, Identity::Serial);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    for (old, new, said) in [
        ("register   =", "regster    =", "line 12, column 1: unknown field `regster`"),
        (
            "\"en_im\"\nreg",
            "\"en_imp\"\nreg",
            "line 11, column 14: `en_imp` is no quantity (did you mean `en_im`?)",
        ),
        ("0x0048", "65535", "line 12, column 14: 65535 is out of range (0 to 65534)"),
        ("\"u32\"", "\"u24\"", "line 13, column 14: `u24` is not known here (one of: u16, i16,"),
        ("0.01\nunit", "0\nunit", "line 14, column 14: a factor of 0"),
        ("0.01\nunit", "-0.01\nunit", "line 14, column 14: an index has no negative factor"),
        ("\"kWh\"\nres", "\"V\"\nres", "line 15, column 14: `V` is no unit of `en_im` (kWh, or"),
        ("unit       = \"kWh\"\n", "", "line 11, column 14: `en_im` needs its `unit`"),
        ("\"0.01 kWh\"", "\"0.01 V\"", "line 16, column 14: `0.01 V` is no amount in kWh"),
        ("\"0.01 kWh\"", "\"0.02 kWh\"", "line 16, column 14: this is no resolution"),
        (
            "\"0.01 kWh\"",
            "\"0.1 kWh\"",
            "line 16, column 14: the register gives more digits (\"0.01 kWh\")",
        ),
        (
            "\"input\"",
            "\"coil\"",
            "line 7, column 12: `coil` is not known here (one of: holding, input)",
        ),
        ("9600", "9601", "line 8, column 21: no line has 9601 baud"),
        ("stop_bits = 1", "stop_bits = 3", "3 is out of range (1 to 2)"),
        ("\"electricity\"", "\"power\"", "line 4, column 10: `power` is not known here"),
        ("\"Acme\"", "\" \"", "line 2, column 10: it must not be empty"),
        ("F1 DD", "F1 D", "`D` is no byte"),
        ("{ en_im =", "{ en_ex =", "the model has no quantity `en_ex`"),
        ("{ en_im = \"308.55 kWh\" }", "{}", "a proof reads at least one quantity"),
        ("308.55 kWh\" }", "308.55 MWh\" }", "`308.55 MWh` is no amount in kWh"),
        ("[[proof]]", "[[prove]]", "unknown field `prove`"),
        ("\"Acme\"", "Acme", "line 2, column 10"),
    ] {
        let told = told(old, new);
        assert!(told.starts_with("acme/x1, line "), "{told}");
        assert!(told.contains(said), "{new}: {told}");
    }
}

#[test]
fn quantities_neither_repeat_nor_share_a_register() {
    let again = |name: &str, register: &str| {
        let row = format!(
            "[[quantity]]\nname = \"{name}\"\nregister = {register}\ntype = \"u32\"\n\
             unit = \"kWh\"\nresolution = \"1 kWh\"\n\n[[proof]]"
        );
        told("[[proof]]", &row)
    };
    assert!(again("en_im", "100").contains("line 18, column 1: `en_im` is read twice"));
    assert!(again("en_ex", "73").contains("`en_im` and `en_ex` share a register"));
}

#[test]
fn a_model_is_named_by_its_file() {
    for name in ["acme", "Acme/x1", "acme/x1/v2", "acme/", "../x1", "acme/x 1"] {
        assert!(Model::parse(name, GOOD).is_err(), "{name}");
    }
}

#[test]
fn a_false_proof_does_not_hold() {
    for (old, new, said) in [
        ("308.55 kWh\" }", "308.56 kWh\" }", "en_im is 308.55 kWh, not 308.56 kWh"),
        ("308.55 kWh\" }", "sentinel\" }", "en_im is 308.55 kWh, not sentinel"),
        ("99 E6", "99 E7", "the checksum of `hear` must be 99 E6"),
        ("F1 DD", "F1 DE", "the checksum of `send` must be F1 DD"),
        ("01 04 00 48 00 02 F1 DD", "01 04 00 47 00 03 00 1E", "begin and end with quantities"),
        ("01 04 00 48 00 02 F1 DD", "01 03 00 48 00 02 44 1D", "begin and end with quantities"),
        ("01 04 00 48 00 02 F1 DD", "02 04 00 48 00 02 F1 EE", "another address"),
        ("01 04 04 00 00 78 87 99 E6", "01 04 02 00 00 B9 30", "must carry 2 registers"),
        ("01 04 04 00 00 78 87 99 E6", "01", "too short"),
    ] {
        let model = parse(&with(old, new)).unwrap_or_else(|error| panic!("{error}"));
        let told = model.prove().unwrap_err().to_string();
        assert!(told.contains(said), "{new}: {told}");
    }
    let unexpected = with("type       = \"u32\"", "type = \"u32\"\nexpect = [0, 300]");
    let told = parse(&unexpected).unwrap().prove().unwrap_err().to_string();
    assert!(told.contains("outside what the model expects"), "{told}");
}

#[test]
fn an_owners_model_replaces_a_shipped_one_whole() {
    let mut catalog = Catalog::shipped();
    let before = catalog.models().count();
    catalog.put(Model::parse("eastron/sdm630", GOOD).unwrap());
    assert_eq!(catalog.models().count(), before);
    assert_eq!(catalog.model("eastron/sdm630").unwrap().maker, "Acme");
}

#[test]
fn the_example_of_the_guide_is_a_model_that_holds() {
    let guide = include_str!("../../../docs/models.md");
    let (_, after) = guide.split_once("```toml\n").unwrap();
    let (example, _) = after.split_once("```").unwrap();
    let model = Model::parse("eastron/example", example).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(model.prove(), Ok(1));
}

#[test]
fn a_file_cut_anywhere_is_told_and_never_a_fall() {
    let whole = include_str!("../models/kamstrup/multical-403.toml");
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        if let Err(error) = parse(&whole[..end]) {
            assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty(), "{error}");
        }
    }
}
