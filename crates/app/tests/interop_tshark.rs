//! Captures made of transcripts, read by tshark, whose eyes are not ours.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::process::Command;

use wire::pcap;

const SERIAL: &str = "\
@ at 2026-11-24T15:20:03.114Z
@ rtu 9600 8N1
@ patience 1000
     0 > 01 04 00 48 00 02 F1 DD
     1.200 < 01 04 00 48 00 02 F1 DD
    42.137 < 01 04 04 43 9A
    44.250 < 46 66 7C 65
    48.300 = 2 registers
   100 > 01 04 00 48 00 02 F1 DD
   142 < 01 84 02 C2 C1
   146 = refused 2
";

const TCP: &str = "\
@ at 2026-11-24T15:20:03.114Z
@ tcp
     0 > 00 01 00 00 00 06 01 03 00 00 00 01
    20 < 00 01 00 00 00 05 01 03 02
    45 < 00 07
    45 = 1 register
  1000 > 00 02 00 00 00 06 01 03 00 00 00 01
  1010 < 00 01 00 00 00 05 01 03 02 00 01
  1020 < 00 02 00 00 00 03 01 83 02
  1020 = refused 2
";

/// What is shown of every packet with Modbus in it, behind what is told of its way.
const FIELDS: [&str; 4] =
    ["frame.time_relative", "modbus.func_code", "modbus.regval_uint16", "modbus.exception_code"];

/// What tshark says of a transcript's capture.
fn tshark(transcript: &str, options: &[&str]) -> String {
    let folder = common::folder();
    let path = folder.path().join("line.pcap");
    std::fs::write(&path, pcap::write(&transcript.parse().unwrap()).unwrap()).unwrap();
    let mut command = Command::new(common::tool("tshark").unwrap());
    for check in ["ip.check_checksum", "tcp.check_checksum", "mbrtu.crc_verification"] {
        command.args(["-o", &format!("{check}:TRUE")]);
    }
    common::run(command.arg("-r").arg(&path).args(options)).text(0).to_owned()
}

/// A line for each packet that is malformed, out of order, or has a wrong sum.
fn complaints(transcript: &str, decode: &[&str]) -> String {
    let filter = ["-Y", "_ws.malformed or _ws.expert.severity >= warning"];
    tshark(transcript, &[decode, &filter].concat())
}

#[test]
fn tshark_reads_the_captures_of_every_kind_of_line() {
    if common::tool("tshark").is_none() {
        common::not_proved("tshark reads our captures", "tshark");
        return;
    }
    let over_tcp = SERIAL.replace("rtu 9600 8N1", "rtu+tcp");
    let (on_line, on_socket) = (["-d", "rtacser.data,mbrtu"], ["-d", "tcp.port==4001,mbrtu"]);
    for (transcript, decode, way, expected) in [
        (
            TCP,
            &[][..],
            "mbtcp.trans_id",
            "1;0.000000000;3;;\n1;0.045000000;3;7;\n2;1.000000000;3;;\n1,2;1.010000000;3,3;1;2\n",
        ),
        (
            SERIAL,
            &on_line,
            "rtacser.eventtype",
            "0x01;0.000000000;4;;\n0x02;0.001200000;4;;\n0x02;0.042137000;4;17306,18022;\n\
             0x01;0.100000000;4;;\n0x02;0.142000000;4;;2\n",
        ),
        (
            &over_tcp,
            &on_socket,
            "tcp.srcport",
            "49152;0.000000000;4;;\n4001;0.001200000;4;;\n4001;0.042137000;4;17306,18022;\n\
             49152;0.100000000;4;;\n4001;0.142000000;4;;2\n",
        ),
    ] {
        let mut options = [decode, &["-Y", "modbus", "-T", "fields", "-E", "separator=;"]].concat();
        for field in [way].iter().chain(&FIELDS) {
            options.extend(["-e", field]);
        }
        assert_eq!(tshark(transcript, &options), expected);
        assert_eq!(complaints(transcript, decode), "");
    }
    let damaged = SERIAL.replace("7C 65", "7C 66");
    assert_ne!(complaints(&damaged, &on_line), "", "a wrong checksum would have been told");
}
