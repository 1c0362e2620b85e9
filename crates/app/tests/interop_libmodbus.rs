//! A meter made of libmodbus, read by the real binary over a socket and a serial line.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::process::Command;

use common::{Cable, Running, Said, submeter};
use tempfile::TempDir;

/// First register, how it is asked for, and what is to be shown.
const VALUES: [(u16, &str, &str); 7] = [
    (0, "--size 2 --data-type float --round 3", "4120.770"),
    (2, "--size 2 --data-type float --swap-words --round 3", "4120.770"),
    (4, "--size 2 --data-type float --swap-bytes --round 3", "4120.770"),
    (6, "--size 2 --data-type float --swap-words --swap-bytes --round 3", "4120.770"),
    (8, "--size 2 --data-type int --factor 0.01 --round 2", "-4120.70"),
    (10, "--size 4 --data-type uint --factor 0.001 --round 3", "9007199254740.993"),
    (14, "--size 1 --data-type uint --round 0", "65535"),
];

/// The meter on both ports, ready.
struct Meter {
    tcp: String,
    cable: Cable,
    _folder: TempDir,
    _servers: [Running; 2],
}

fn meter() -> Option<Meter> {
    let what = "a meter of libmodbus is read";
    let folder = common::folder();
    let Some(program) = compiled(&folder) else {
        common::not_proved(what, "cc, pkg-config or libmodbus");
        return None;
    };
    let Some(cable) = Cable::lay() else {
        common::not_proved(what, "socat");
        return None;
    };
    let serve = |place: &str| Running::start(Command::new(&program).arg(place));
    let (mut net, mut line) = (serve("tcp"), serve(&cable.theirs));
    let tcp = format!("tcp://127.0.0.1:{}", net.after("listening on "));
    line.after("listening on ");
    Some(Meter { tcp, cable, _folder: folder, _servers: [net, line] })
}

/// The program, or `None` where there is no compiler or no libmodbus.
fn compiled(folder: &TempDir) -> Option<String> {
    let compiler = common::tool("cc")?;
    let flags = common::run(Command::new(common::tool("pkg-config")?).args([
        "--cflags",
        "--libs",
        "libmodbus",
    ]));
    if flags.code != Some(0) {
        return None;
    }
    let program = common::text(&folder.path().join("server"));
    let source = common::beside("libmodbus_server.c");
    let mut compile = Command::new(compiler);
    compile.args(["-Wall", "-Wextra", "-o", &program, &source]);
    let said = common::run(compile.args(flags.out.split_whitespace()));
    assert_eq!(said.code, Some(0), "{said:#?}");
    Some(program)
}

fn read(port: &str, address: &str, flags: &str) -> Said {
    let mut arguments = vec!["read", port, address, "--json"];
    arguments.extend(flags.split(' '));
    submeter(&arguments)
}

#[test]
fn a_meter_of_libmodbus_is_read_to_the_digit() {
    let Some(meter) = meter() else { return };
    for port in [&meter.tcp, &meter.cable.ours] {
        for (register, flags, shown) in VALUES {
            for (function, from) in [(4, 0), (3, 100)] {
                let reg = register + from;
                let flags = format!("--reg {reg} --function-code {function} {flags}");
                let said = read(port, "7", &flags);
                let value = said.json(0)["readings"][0]["value"].to_string();
                assert_eq!(value, shown, "{port} {flags}");
            }
        }
        let hole = read(port, "7", "--reg 199 --size 2 --data-type uint").json(5);
        assert_eq!(hole["gaps"][0]["reason"], "refused", "{hole:#}");
    }
    // On a line a meter that is not there says nothing, and the next one is heard all the same.
    let nobody = read(&meter.cable.ours, "8", "--reg 0 --timeout 0.3 --retries 0").json(4);
    assert_eq!(nobody["gaps"][0]["reason"], "silent", "{nobody:#}");
    read(&meter.cable.ours, "7", "--reg 14 --function-code 4").json(0);
}
