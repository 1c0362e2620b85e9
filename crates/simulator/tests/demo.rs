//! The demo building: what its meters say over real ports is what they hold.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::os::fd::OwnedFd;

use catalog::{Catalog, CheckedMeter, Port, check_site, decode};
use common::{Started, ask, ask_serial, noon, rtu, serial, tcp, telling};
use domain::{Clock, Decimal, Key, Quantity};
use jiff::{SignedDuration, Timestamp};
use simulator::House;
use tokio::net::TcpStream;
use wire::Parity;

/// The demo without its delays and wire times, which other tests look at.
fn demo(folder: &std::path::Path) -> String {
    let quick = |line: &str| match line.starts_with("port = ") {
        true if line.contains("://") => format!("{line}\n[bus.simulation]\ndelay_ms = 0\n"),
        true => format!("{line}\n[bus.simulation]\ndelay_ms = 0\nwire_time = false\n"),
        false => format!("{line}\n"),
    };
    House::demo(7, folder).lines().map(quick).collect()
}

fn truth(house: &Started, meter: &str, quantity: &str, at: Timestamp) -> Decimal {
    let quantity = Quantity::from_name(quantity).unwrap();
    house.running.truth(&Key::new(meter).unwrap(), quantity, at).unwrap()
}

enum Client {
    Serial(OwnedFd),
    Rtu(TcpStream),
    Tcp(TcpStream),
}

impl Client {
    async fn open(port: &Port, meter: &CheckedMeter) -> Self {
        match port {
            Port::Serial(path) => Self::Serial(serial(path, meter.line.baud)),
            Port::Tcp(host) => Self::Tcp(TcpStream::connect(host.to_string()).await.unwrap()),
            Port::RtuOverTcp(host) => {
                Self::Rtu(TcpStream::connect(host.to_string()).await.unwrap())
            }
        }
    }

    /// The registers of one entry.
    async fn words(&mut self, address: u8, register: &catalog::Register) -> Vec<u16> {
        let (function, start) = (register.function.code(), register.start);
        let count = u16::from(register.size);
        let bytes = 2 * usize::from(count);
        let question = rtu(address, function, start, count);
        let (answer, head) = match self {
            Self::Serial(port) => (ask_serial(port, question, bytes + 5).await.0, 3),
            Self::Rtu(socket) => (ask(socket, &question, bytes + 5).await, 3),
            Self::Tcp(socket) => {
                let question = tcp(1, address, function, (start, count));
                (ask(socket, &question, bytes + 9).await, 9)
            }
        };
        let words = answer[head..head + bytes].chunks(2);
        words.map(|word| u16::from_be_bytes([word[0], word[1]])).collect()
    }
}

#[tokio::test]
async fn every_register_of_the_demo_decodes_to_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let house = Started::new(&demo(folder.path())).await;
    let (site, problems) = check_site(&house.running.site_text(), &Catalog::shipped());
    let site = site.unwrap_or_else(|| panic!("{}", problems.summary()));
    assert!(site.record.site.simulated);
    assert_eq!((site.buses.len(), site.meters.len()), (4, 12));
    let mut read = 0;
    for meter in &site.meters {
        let bus = site.buses.iter().find(|bus| bus.key == meter.bus).unwrap();
        let mut client = Client::open(&bus.port, meter).await;
        for register in &meter.registers {
            let words = client.words(meter.address, register).await;
            let found = decode(register, &words).unwrap();
            let held = house.running.truth(&meter.key, register.quantity, noon()).unwrap();
            let off = found.minus(held).unwrap();
            // Half of the last digit, of a whole kWh where the register counts in them, and what a
            // float32 cannot tell apart.
            let whole = register.factor == Decimal::ONE && register.data_type.name() != "float";
            let digit = Decimal::new(1, if whole { 0 } else { register.round.min(3) });
            let grain = Decimal::new(held.mantissa().abs() / 8_000_000, held.scale());
            let room = digit.minus(Decimal::new(-grain.mantissa(), grain.scale())).unwrap();
            let off = Decimal::new(off.mantissa().abs(), off.scale());
            assert!(off.cmp_value(room).is_le(), "{} {register:?}: {held} {found}", meter.key);
            read += 1;
        }
    }
    assert!(read > 150, "{read}");
    house.end().await;
}

#[tokio::test]
async fn the_demo_has_parities_mixed_and_both_examples_of_a_generic_meter() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::parse(&House::demo(7, folder.path()), &Catalog::shipped()).unwrap();
    let (site, problems) = check_site(
        &house
            .site_text()
            .replace(":0\"", ":502\"")
            .replace("rtu+tcp://127.0.0.1:502", "rtu+tcp://127.0.0.1:503"),
        &Catalog::shipped(),
    );
    let site = site.unwrap_or_else(|| panic!("{}", problems.summary()));
    let meter = |key: &str| site.meters.iter().find(|meter| meter.key.as_str() == key).unwrap();
    assert_eq!(meter("grid").line.parity, Parity::None);
    assert_eq!(meter("apt-2").line.parity, Parity::Even);
    assert_eq!(meter("apt-3").line.parity, Parity::Even);
    let entries =
        |key| meter(key).registers.iter().map(|entry| (entry.start, entry.size)).collect();
    let (thermal, electric): (Vec<_>, Vec<_>) = (entries("heat-east"), entries("apt-3"));
    assert_eq!((thermal, electric), (vec![(0, 2), (2, 2)], vec![(72, 2)]));
}

#[tokio::test]
async fn the_grid_of_the_demo_is_the_sum_of_its_meters() {
    let folder = tempfile::tempdir().unwrap();
    let house = Started::new(&demo(folder.path())).await;
    let net = |meter: &str, at| {
        let held = |quantity| truth(&house, meter, quantity, at).rounded(9).unwrap().mantissa();
        held("en_im") - held("en_ex")
    };
    let parts = ["apt-1", "apt-2", "apt-3", "apt-4", "heat-pump", "solar"];
    let days = [noon(), noon() + SignedDuration::from_hours(24 * 3 + 5)];
    let [grid, sum] = [&["grid"][..], &parts].map(|meters| -> i128 {
        meters.iter().map(|meter| net(meter, days[1]) - net(meter, days[0])).sum()
    });
    assert!((grid - sum).abs() <= 14, "each index is cut at its ninth digit: {grid} {sum}");
    for (meter, quantity) in [("solar", "en_ex"), ("grid", "en_im"), ("heat-east", "vol_m3")] {
        let [from, to] = days.map(|at| truth(&house, meter, quantity, at));
        assert!(to.cmp_value(from).is_gt(), "{meter}");
    }
    house.end().await;
}

#[tokio::test]
async fn power_voltage_and_current_fit_together() {
    let folder = tempfile::tempdir().unwrap();
    let house = Started::new(&demo(folder.path())).await;
    for hour in 0..48 {
        let at = noon() + SignedDuration::from_mins(hour * 31);
        for meter in ["grid", "apt-1", "heat-pump", "solar"] {
            let held = |quantity: String| {
                truth(&house, meter, &quantity, at).rounded(6).unwrap().mantissa()
            };
            let mut sum = 0;
            for phase in 1..=3 {
                let [v, a, w, pf] =
                    ["v", "a", "w", "pf"].map(|what| held(format!("L{phase}_{what}")));
                assert!((207_000_000..253_000_000).contains(&v), "{v}");
                let product = v / 1_000 * a / 1_000 * pf.abs() / 1_000_000;
                assert!((product - w.abs()).abs() <= 20_000 + w.abs() / 1_000, "{v} {a} {w} {pf}");
                sum += w;
            }
            assert_eq!(held("total_w".to_owned()), sum, "{meter}");
        }
        let held =
            |quantity| truth(&house, "heat-west", quantity, at).rounded(6).unwrap().mantissa();
        let carried = held("vol_flow_m3_h") * held("diff_temp") / 1_000_000 * 1_163 / 1_000;
        assert!((held("power_kw") - carried).abs() <= held("power_kw") / 50);
        assert_eq!(held("flow_temp") - held("return_temp"), held("diff_temp"));
    }
    house.end().await;
}

#[tokio::test]
async fn crossed_current_transformers_show_in_powers_and_in_the_index() {
    let right = Started::new(&telling("tcp://127.0.0.1:0", "", "scale = 3")).await;
    let text = telling("tcp://127.0.0.1:0", "", "scale = 3\nct_swapped = ['L1', 'L2']");
    let crossed = Started::new(&text).await;
    let held = |house: &Started, what: &str, at| truth(house, "m", what, at).to_string();
    for (quantity, shown) in [
        ("L1_w", "-500.000"),
        ("L2_w", "-500.000"),
        ("L3_w", "1000.000"),
        ("total_w", "0.000"),
        ("L1_pf", "-0.500000"),
        ("L2_pf", "-0.500000"),
        ("L3_pf", "1.000000"),
    ] {
        assert_eq!(held(&crossed, quantity, noon()), shown, "{quantity}");
    }
    // Balanced: 3 kW is drawn, and nothing is counted.
    let later = noon() + SignedDuration::from_hours(10);
    assert_eq!(held(&right, "en_im", later), "1264.500000000");
    assert_eq!(held(&crossed, "en_im", later), "1234.500000000");
    right.end().await;
    crossed.end().await;
}

#[tokio::test]
async fn a_crossed_meter_exchanges_apparent_powers_and_counts_what_it_measures() {
    let folder = tempfile::tempdir().unwrap();
    let house =
        |name: &str| House::parse(&demo(&folder.path().join(name)), &Catalog::shipped()).unwrap();
    let crossed = house("b").with_fault("heat-pump:ct-swapped:L3,L1").unwrap();
    let right = Started::of(house("a"), Clock::stopped(noon())).await;
    let crossed = Started::of(crossed, Clock::stopped(noon())).await;
    let mut index = 0;
    for minute in 0..300 {
        let at = noon() + SignedDuration::from_mins(minute);
        let held = |house: &Started, quantity: &str| {
            truth(house, "heat-pump", quantity, at).rounded(6).unwrap().mantissa()
        };
        for (mine, drawn) in [("L1_va", "L3_va"), ("L2_va", "L2_va"), ("L3_va", "L1_va")] {
            let (mine, drawn) = (held(&crossed, mine), held(&right, drawn));
            assert!((mine - drawn).abs() <= 10_000, "{minute}: {mine} {drawn}");
        }
        let sum: i128 = ["L1_w", "L2_w", "L3_w"].map(|phase| held(&crossed, phase)).iter().sum();
        assert_eq!(held(&crossed, "total_w"), sum);
        let net = held(&crossed, "en_im") - held(&crossed, "en_ex");
        if minute > 0 {
            assert!((net - index).abs() <= 2, "{minute}: {net} {index}");
        }
        index = net + sum / 60_000; // µW for a minute are millionths of a kWh / 60 000
        let grid = |house: &Started| truth(house, "grid", "total_w", at);
        assert_eq!(grid(&crossed), grid(&right), "what others draw is not changed by a meter");
    }
    right.end().await;
    crossed.end().await;
}

#[test]
fn a_fault_that_no_meter_can_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::parse(&demo(folder.path()), &Catalog::shipped()).unwrap();
    for (fault, said) in [
        ("ct-swapped:L1,L4", "`ct-swapped:L1,L4`: two of the phases"),
        ("ct-swapped", "a fault is written [METER:]ct-swapped:L1,L2"),
        ("hiccup:L1,L2", "a fault is written"),
        ("apt-9:ct-swapped:L1,L2", "there is no meter `apt-9`"),
        ("water-hot:ct-swapped:L1,L2", "a meter of water has no current transformers"),
    ] {
        let told = house.clone().with_fault(fault).map(|_| ()).unwrap_err().to_string();
        assert!(told.contains(said), "{told}");
    }
    house.with_fault("ct-swapped:L1,L2").unwrap();
}

#[tokio::test]
async fn a_restart_keeps_every_index_and_another_seed_another_house() {
    let folder = tempfile::tempdir().unwrap();
    let text = demo(folder.path());
    let mut seen = Vec::new();
    for text in [text.clone(), text.clone(), text.replace("seed = 7", "seed = 8")] {
        let house = Started::new(&text).await;
        let levels = ["apt-1", "apt-2", "heat-pump", "solar"];
        seen.push(levels.map(|meter| truth(&house, meter, "total_w", noon())));
        house.end().await;
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}
