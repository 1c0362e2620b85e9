//! What a site file means, beside the shared cases: the reference page's two meters, corrections.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use catalog::{Catalog, CheckedMeter, Code, Rs485, Severity, check_site, write_site};
use domain::Difference;

/// A site file of one meter on a serial line.
fn site(text: &str) -> String {
    format!(
        "[site]\nkey = \"s\"\n[[bus]]\nkey = \"a\"\nport = \"/dev/ttyUSB0\"\n\
         [[meter]]\nkey = \"m\"\nbus = \"a\"\naddress = 5\n{text}"
    )
}

/// That meter, in short: each register as a line of text.
fn meter(text: &str) -> (CheckedMeter, Vec<String>) {
    let site = site(text);
    let (checked, problems) = check_site(&site, &Catalog::shipped());
    let Some(checked) = checked else { panic!("{}", problems.render("site", &site)) };
    let meter = checked.meters.into_iter().next().unwrap();
    let line = |r: &catalog::Register| {
        let (kind, bits) = (r.data_type.name(), u16::from(r.size) * 16);
        format!("{} {} fc{} {kind}{bits} round {}", r.quantity, r.start, r.function.code(), r.round)
    };
    let lines = meter.registers.iter().map(line).collect();
    (meter, lines)
}

#[test]
fn the_thermal_meter_of_the_page_is_read_for_heat_and_cold() {
    let (meter, registers) = meter(
        "model = \"generic_modbus\"\nmedium = \"heat\"\nregisters = [\n\
         { reg = 0, unit = \"heat_energy_kwh\", size = 2, data_type = \"uint\", round = 3 },\n\
         { reg = 2, unit = \"cold_energy_kwh\", size = 2, data_type = \"uint\", round = 3 },\n]\n",
    );
    assert_eq!(
        registers,
        ["heat_energy_kwh 0 fc3 uint32 round 3", "cold_energy_kwh 2 fc3 uint32 round 3"]
    );
    assert_eq!(meter.line.to_string(), "9600 8N1");
    assert_eq!(meter.interval.as_secs(), 900);
}

#[test]
fn the_electricity_meter_of_the_page_is_read_with_even_parity() {
    let (meter, registers) = meter(
        "model = \"generic_modbus\"\ntype = \"electricity\"\nparity = \"E\"\nreg = 72\n\
         unit = \"en_im\"\nsize = 2\ndata_type = \"float\"\nfunction_code = 4\nround = 3\n",
    );
    assert_eq!(registers, ["en_im 72 fc4 float32 round 3"]);
    assert_eq!(meter.line.to_string(), "9600 8E1");
    assert_eq!(meter.interval.as_secs(), 60);
}

#[test]
fn a_meter_wired_backwards_is_read_from_the_other_register() {
    let energy = |text: &str| {
        let (_, registers) = meter(&format!("model = \"eastron/sdm630\"\n{text}"));
        let of = |name: &str| registers.iter().find(|line| line.starts_with(name)).cloned();
        let place = |name: &str| of(name).unwrap().split(' ').nth(1).unwrap().to_owned();
        (place("en_im "), place("en_ex "))
    };
    let both = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(energy(""), both("72", "74"));
    assert_eq!(energy("en_im = \"en_ex\"\nen_ex = \"en_im\"\n"), both("74", "72"));
    assert_eq!(energy("en_im = \"en_ex\"\n"), both("74", "74"));
}

#[test]
fn holding_and_input_registers_of_one_number_do_not_overlap() {
    let warned = |function: u8| {
        let site = format!(
            "[site]\nkey = \"s\"\n[[bus]]\nkey = \"a\"\nport = \"/dev/ttyUSB0\"\n\
             [[meter]]\nkey = \"m\"\nbus = \"a\"\naddress = 5\nmodel = \"generic_modbus\"\n\
             registers = [\n\
             {{ reg = 90, unit = \"heat_energy_kwh\", size = 2, function_code = 3 }},\n\
             {{ reg = 91, unit = \"flow_temp\", size = 2, function_code = {function} }},\n]\n"
        );
        let (_, problems) = check_site(&site, &Catalog::shipped());
        problems.of(Severity::Warning).any(|problem| problem.code == Code::Overlap)
    };
    assert!(warned(3));
    assert!(!warned(4));
}

#[test]
fn a_quantity_may_have_an_interval_of_its_own() {
    for text in [
        "model = \"eastron/sdm630\"\nintervals = { en_im = \"900s\", L1_v = \"10s\" }\n",
        "model = \"eastron/sdm630\"\n[meter.intervals]\nL1_v = \"10s\"\nen_im = \"15m\"\n",
    ] {
        let (meter, _) = meter(text);
        let seconds = |name: &str| {
            let register = meter.registers.iter().find(|one| one.quantity.name() == name);
            meter.interval_of(register.unwrap()).as_secs()
        };
        assert_eq!((seconds("en_im"), seconds("L1_v"), seconds("en_ex")), (900, 10, 60), "{text}");
    }
}

#[test]
fn intervals_of_quantities_outlive_a_writing_and_count_as_a_change() {
    let record = |text: &str| check_site(text, &Catalog::shipped()).0.unwrap().record;
    let plain = site("model = \"eastron/sdm630\"\n");
    let own = format!("{plain}intervals = {{ en_im = \"900s\", L1_v = \"10s\" }}\n");
    let same = format!("{plain}[meter.intervals]\nL1_v = \"10s\"\nen_im = \"15m\"\n");
    let (plain, own, same) = (record(&plain), record(&own), record(&same));
    assert_eq!(own, same, "both spellings are one record");
    let settings = r#"{"intervals": {"en_im": "15m", "L1_v": "10s"}}"#;
    assert_eq!(own.meters[0].settings, settings);
    let written = write_site(&own);
    assert_eq!(record(&written), own, "{written}");
    let difference = Difference::between(Some(&plain), &own);
    assert_eq!(difference.meters_changed, [own.meters[0].key.clone()]);
}

#[test]
fn a_serial_bus_says_who_turns_the_line_round() {
    let plain = site("model = \"eastron/sdm630\"\n");
    let with = |text: &str| plain.replace("[[meter]]", &format!("{text}\n[[meter]]"));
    for (text, way) in [
        ("", Rs485::Auto),
        ("rs485 = \"auto\"", Rs485::Auto),
        ("rs485 = \"kernel\"", Rs485::Kernel),
        ("rs485 = \"rts\"", Rs485::Rts),
    ] {
        let (checked, problems) = check_site(&with(text), &Catalog::shipped());
        let checked = checked.unwrap();
        assert_eq!(checked.buses[0].rs485, way);
        assert!(problems.is_empty(), "{text}");
        let written = write_site(&checked.record);
        assert_eq!(check_site(&written, &Catalog::shipped()).0.unwrap(), checked, "{written}");
    }
    let socket = |text: &str| with(text).replace("/dev/ttyUSB0", "tcp://192.0.2.7:502");
    for (text, code) in [
        (with("rs485 = \"RTS\""), Code::UnknownValue),
        (with("rs485 = true"), Code::WrongType),
        (socket("rs485 = \"kernel\""), Code::NoEffect),
        (format!("{plain}rs485 = \"rts\"\n"), Code::UnknownKey), // a meter has none
    ] {
        let (_, problems) = check_site(&text, &Catalog::shipped());
        let codes: Vec<Code> = problems.in_order().iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [code], "{text}");
    }
}
