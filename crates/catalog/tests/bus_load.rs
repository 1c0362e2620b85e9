//! What a bus has to carry, against a walk through time, and the warning when it is too much.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use catalog::{BusLoad, Catalog, CheckedSite, Code, Severity, check_site, plan};

/// A site with one bus and these meters of one model: key by key below their own lines.
fn site(port: &str, bus: &str, meters: &[&str]) -> String {
    let head = format!("[site]\nkey = \"s\"\n[[bus]]\nkey = \"a\"\nport = \"{port}\"\n{bus}\n");
    let meter = |(k, text): (usize, &&str)| {
        let address = k + 1;
        format!("[[meter]]\nkey = \"m{address}\"\nbus = \"a\"\naddress = {address}\n{text}\n")
    };
    meters.iter().enumerate().fold(head, |file, one| file + &meter(one))
}

/// What it means, and what the warning of an overload says.
fn checked(text: &str) -> (CheckedSite, Option<String>) {
    let (site, problems) = check_site(text, &Catalog::shipped());
    let Some(site) = site else { panic!("{}", problems.render("site", text)) };
    let warnings = problems.of(Severity::Warning);
    let told: Vec<String> = warnings
        .filter(|problem| problem.code == Code::BusOverload)
        .map(|problem| format!("{}: {}", problem.path, problem.message_with_hint()))
        .collect();
    assert!(told.len() <= 1, "{told:?}");
    (site, told.into_iter().next())
}

/// The load of the one bus, in thousandths.
fn load(text: &str) -> Option<u64> {
    let loads = BusLoad::of(&checked(text).0);
    assert_eq!(loads.len(), 1);
    loads[0].sweeps.load()
}

const SERIAL: &str = "/dev/ttyUSB0";
const TCP: &str = "tcp://192.0.2.7:502";
const SDM630: &str = "model = \"eastron/sdm630\"";

/// Two entries too far from each other for one question, with a pause.
fn far(more: &str) -> String {
    format!(
        "model = \"generic_modbus\"\n{more}\nregisters = [\n\
         {{ reg = 0, unit = \"L1_v\", size = 2, data_type = \"float\" PAUSE }},\n\
         {{ reg = 900, unit = \"en_im\", size = 2, data_type = \"float\", round = 3 PAUSE }},\n]"
    )
}

#[test]
fn thirty_two_meters_of_thirty_values_fill_eight_seconds() {
    let text = site(SERIAL, "interval = \"1m\"", &[SDM630; 32]);
    let loads = BusLoad::of(&checked(&text).0);
    let load = &loads[0];
    assert_eq!(load.questions.len(), 64);
    assert_eq!(load.questions[0].block.registers.len(), 25);
    let sweep = load.sweeps.whole().unwrap();
    assert_eq!(sweep.questions, 64);
    assert_eq!(sweep.time().as_millis(), 8_113, "{sweep:?}");
    let times: Duration = load.questions.iter().filter_map(|question| question.time).sum();
    assert_eq!(Some(times), sweep.wire);
    assert_eq!(load.sweeps.load(), Some(136));
}

#[test]
fn a_bus_that_cannot_keep_up_is_told_what_would_fit() {
    let slow = far("").replace("PAUSE", ", pause = 1");
    let mixed = format!("{SDM630}\nintervals = {{ en_im = \"15m\", en_ex = \"15m\" }}");
    for (text, told) in [
        (site(SERIAL, "interval = \"10s\"", &[SDM630; 32]), None),
        (
            site(SERIAL, "interval = \"5s\"", &[SDM630; 32]),
            Some(
                "meter[31].bus: the meters of this bus need 163 % of its time, 8.1 s a sweep; \
                 with interval = \"10s\" it fits",
            ),
        ),
        (
            site(SERIAL, "interval = \"5s\"", &[mixed.as_str(); 32]),
            Some(
                "meter[31].bus: the meters of this bus need 157 % of its time, 8.1 s a sweep; \
                 with no interval below \"10s\" it fits",
            ),
        ),
        (
            site(SERIAL, "interval = \"10s\"", &[slow.as_str(); 8]),
            Some(
                "meter[7].bus: the meters of this bus need 157 % of its time, 15.7 s a sweep, \
                 15.0 s of it pauses; with interval = \"20s\" it fits, or shorten `pause`",
            ),
        ),
        (
            site(TCP, "interval = \"2s\"", &[far("").replace("PAUSE", "").as_str(); 8]),
            Some(
                "meter[7].bus: the pauses of this bus alone take 225 % of its time, 4.5 s a \
                 sweep; with interval = \"5s\" it fits, or shorten `pause`",
            ),
        ),
        (site(TCP, "interval = \"1s\"", &[SDM630; 200]), None), // nobody knows
        (site(SERIAL, "interval = \"0s\"", &[SDM630; 32]), None), // it is meant so
    ] {
        assert_eq!(checked(&text).1.as_deref(), told);
    }
}

#[test]
fn a_pause_behind_the_last_question_takes_no_time() {
    let text = site(TCP, "interval = \"30s\"", &[far("").replace("PAUSE", "").as_str(); 2]);
    let loads = BusLoad::of(&checked(&text).0);
    let sweep = loads[0].sweeps.whole().unwrap();
    assert_eq!((sweep.questions, sweep.wire, sweep.pauses.as_millis()), (4, None, 900));
    assert!(loads[0].questions.iter().all(|question| question.time.is_none()));
    assert_eq!(loads[0].sweeps.load(), Some(30));
}

#[test]
fn the_load_of_several_intervals_is_that_of_a_walk_through_time() {
    let three = "intervals = { L1_v = \"10s\", L2_v = \"10s\", L1_a = \"10s\", en_im = \"15m\" }";
    let meter = format!("{SDM630}\n{three}");
    for (bus, others, nested) in [
        ("interval = \"1m\"", SDM630.to_owned(), true),
        ("interval = \"10s\"", SDM630.to_owned(), true),
        ("interval = \"40s\"", SDM630.to_owned(), false),
        ("interval = \"1m\"", format!("{SDM630}\ninterval = \"25s\""), false),
    ] {
        let text = site(SERIAL, bus, &[meter.as_str(), others.as_str()]);
        let loads = BusLoad::of(&checked(&text).0);
        assert_eq!(loads[0].sweeps.nested, nested, "{bus}");
        let (said, walked) = (loads[0].sweeps.load().unwrap(), walk(&checked(&text).0));
        match nested {
            true => assert_eq!(said, walked, "{bus}"),
            false => assert!(said >= walked && said < 2 * walked, "{bus}: {said} {walked}"),
        }
    }
}

/// The load in thousandths, rounded up, by planning what is due in every second of an hour.
fn walk(site: &CheckedSite) -> u64 {
    let hour = 3_600;
    let mut busy = Duration::ZERO;
    for second in 0..hour {
        for meter in &site.meters {
            let due =
                |register: &&catalog::Register| second % meter.interval_of(register).as_secs() == 0;
            let due: Vec<_> = meter.registers.iter().filter(due).cloned().collect();
            let limits = meter.limits(&site.buses[0].port);
            busy += plan(&due, &limits).iter().map(|block| limits.cost(block.count)).sum();
        }
    }
    u64::try_from(busy.as_nanos().div_ceil(u128::from(hour) * 1_000_000)).unwrap()
}

#[test]
fn many_intervals_are_bounded_from_above_instead() {
    let names = ["L1_v", "L2_v", "L3_v", "L1_a", "L2_a", "L3_a", "en_im"];
    for (count, nested) in [(6, true), (7, false)] {
        let own = (0..count).map(|k| format!("{} = \"{}s\"", names[k], 1 << k));
        let own: Vec<String> = own.collect();
        let meter = format!("{SDM630}\nintervals = {{ {} }}", own.join(", "));
        let text = site(SERIAL, &format!("interval = \"{}s\"", 1 << (count - 1)), &[&meter]);
        assert_eq!(BusLoad::of(&checked(&text).0)[0].sweeps.nested, nested, "{count}");
    }
}

#[test]
fn reading_without_rest_has_no_load() {
    assert_eq!(load(&site(SERIAL, "interval = \"0s\"", &[SDM630])), None);
    let some = format!("{SDM630}\ninterval = \"1m\"\nintervals = {{ L1_v = \"0s\" }}");
    assert_eq!(load(&site(SERIAL, "", &[some.as_str(), SDM630])), None);
}

#[test]
fn buses_come_in_the_order_of_the_site_and_only_with_meters() {
    let bus = |key: &str| format!("[[bus]]\nkey = \"{key}\"\nport = \"/dev/tty{key}\"\n");
    let text =
        site(SERIAL, &(bus("z") + &bus("b")), &[SDM630]).replace("bus = \"a\"", "bus = \"b\"");
    let loads = BusLoad::of(&checked(&text).0);
    let keys: Vec<&str> = loads.iter().map(|load| load.bus.as_str()).collect();
    assert_eq!(keys, ["b"]);
    let all = text.clone() + "[[meter]]\nkey = \"n\"\nbus = \"a\"\naddress = 9\n" + SDM630;
    let loads = BusLoad::of(&checked(&all).0);
    let keys: Vec<&str> = loads.iter().map(|load| load.bus.as_str()).collect();
    assert_eq!(keys, ["a", "b"]);
}
