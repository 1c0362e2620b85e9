//! A transcript as a capture file, for programs that show captures: Wireshark, tshark, tcpdump.
//!
//! The format is the classic one (`pcap` 2.4, microseconds). What was on a socket becomes IPv4
//! packets of one TCP connection between documentation addresses: 192.0.2.1 is the gateway,
//! 192.0.2.2 the other end, at port 502 for Modbus TCP and 4001 for RTU frames. Numbers, lengths
//! and checksums are right; the times are those of the transcript. What was on a serial line
//! becomes `RTAC Serial` packets with their direction; a program has to be told that they carry
//! Modbus RTU.

use std::time::Duration;

use crate::transcript::{Event, Framing, Transcript};

/// Payload of one packet at most, as on an Ethernet.
const MOST: usize = 1_460;
/// A pause between pieces of one answer that adapters are known to make.
const HICCUP: Duration = Duration::from_millis(20);

/// IPv4 packets without a frame around them.
const LINKTYPE_RAW: u32 = 101;
/// Frames of a serial line, behind a header of twelve bytes.
const LINKTYPE_RTAC_SERIAL: u32 = 250;

/// Why a transcript makes no capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It does not say how frames are told apart before the first one.
    #[error("no line `@ rtu 9600 8N1`, `@ rtu+tcp` or `@ tcp` stands before the first frame")]
    NoFraming,
    /// It changes from a serial line to a socket.
    #[error("a capture is of a serial line or of sockets, never of both")]
    Mixed,
}

/// The bytes of a capture file with everything that was sent and heard.
///
/// Lines without a time have the time of the line before. Where the beginning is not known, it is
/// 1970.
///
/// # Errors
/// When the transcript does not say what kind of line it is of, or is of two kinds.
pub fn write(transcript: &Transcript) -> Result<Vec<u8>, Unfit> {
    let frames = frames(transcript)?;
    let is_serial = |frame: &Frame| matches!(frame.framing, Framing::Serial(_));
    match frames.iter().filter(|frame| is_serial(frame)).count() {
        0 => Ok(sockets(&frames)),
        serial if serial == frames.len() => Ok(serial_line(&frames)),
        _ => Err(Unfit::Mixed),
    }
}

/// A capture file under way.
struct Capture(Vec<u8>);

impl Capture {
    fn new(link_type: u32) -> Self {
        let version = [2_u16, 4].map(u16::to_le_bytes).concat();
        // Time zone and accuracy, which nobody uses; the longest packet; what packets are.
        let rest = [0, 0, 65_535, link_type].map(u32::to_le_bytes).concat();
        Self([&0xa1b2_c3d4_u32.to_le_bytes(), version.as_slice(), &rest].concat())
    }

    fn packet(&mut self, at: Duration, packet: &[u8]) {
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let [seconds, micros] = seconds_and_micros(at);
        self.0.extend([seconds, micros, length, length].map(u32::to_le_bytes).as_flattened());
        self.0.extend_from_slice(packet);
    }
}

fn seconds_and_micros(at: Duration) -> [u32; 2] {
    [at.as_secs().try_into().unwrap_or(u32::MAX), at.subsec_micros()]
}

/// Which way bytes went, seen from the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Out,
    In,
}

/// What goes into one packet.
struct Frame {
    at: Duration,
    framing: Framing,
    way: Way,
    bytes: Vec<u8>,
}

/// Everything that was sent and heard. Pieces of an answer are put together, as well as their times
/// tell what belongs together: a program that reads captures takes a packet for a whole frame.
fn frames(transcript: &Transcript) -> Result<Vec<Frame>, Unfit> {
    let micros = transcript.began_at.map_or(0, jiff::Timestamp::as_microsecond);
    let began = Duration::from_micros(micros.try_into().unwrap_or(0));
    let mut frames = Vec::new();
    let mut framing = None;
    let mut question: &[u8] = &[];
    let mut heard: Option<Heard> = None;
    let mut at = began;
    for entry in &transcript.entries {
        at = entry.at.map_or(at, |since| began.saturating_add(since));
        if let Event::Heard(bytes) = &entry.event
            && let Some(heard) = &mut heard
            && at.saturating_sub(heard.last_at) <= HICCUP
        {
            heard.last_at = at;
            heard.frame.bytes.extend_from_slice(bytes);
            continue;
        }
        frames.extend(heard.take().into_iter().flat_map(|heard| heard.split(question)));
        let (way, bytes) = match &entry.event {
            Event::Framing(stated) => {
                framing = Some(*stated);
                continue;
            }
            Event::Sent(bytes) => (Way::Out, bytes),
            Event::Heard(bytes) => (Way::In, bytes),
            Event::Patience(_) | Event::Listen(_) | Event::Judged(_) => continue,
        };
        let framing = framing.ok_or(Unfit::NoFraming)?;
        let frame = Frame { at, framing, way, bytes: bytes.clone() };
        match way {
            Way::In => heard = Some(Heard { frame, last_at: at }),
            Way::Out => {
                question = bytes;
                frames.push(frame);
            }
        }
    }
    frames.extend(heard.into_iter().flat_map(|heard| heard.split(question)));
    Ok(frames)
}

/// Pieces that were heard one soon after the other, put together.
struct Heard {
    frame: Frame,
    last_at: Duration,
}

impl Heard {
    /// An echo of the question in front is a frame of its own.
    fn split(self, question: &[u8]) -> impl Iterator<Item = Frame> {
        let Frame { at, framing, way, mut bytes } = self.frame;
        let echo = if bytes.starts_with(question) { question.len() } else { 0 };
        let rest = bytes.split_off(echo);
        let frames = [bytes, rest].into_iter().filter(|bytes| !bytes.is_empty());
        frames.map(move |bytes| Frame { at, framing, way, bytes })
    }
}

fn serial_line(frames: &[Frame]) -> Vec<u8> {
    let mut capture = Capture::new(LINKTYPE_RTAC_SERIAL);
    for Frame { at, way, bytes, .. } in frames {
        // Data sent, data received; behind it control lines and two bytes without a meaning.
        let event = match way {
            Way::Out => 1,
            Way::In => 2,
        };
        let time = seconds_and_micros(*at).map(u32::to_be_bytes);
        for piece in bytes.chunks(MOST) {
            capture.packet(*at, &[time.as_flattened(), &[event, 0, 0, 0], piece].concat());
        }
    }
    capture.0
}

/// A connection from its beginning for each of the two protocols, whatever connections there were.
fn sockets(frames: &[Frame]) -> Vec<u8> {
    let mut capture = Capture::new(LINKTYPE_RAW);
    let mut links = [502, 4_001].map(|tcp_port| Link { tcp_port, sent: 0, heard: 0, packets: 0 });
    let [tcp, rtu_over_tcp] = &mut links;
    for Frame { at, framing, way, bytes } in frames {
        let link = if *framing == Framing::Tcp { &mut *tcp } else { &mut *rtu_over_tcp };
        if link.sent == 0 {
            for (way, flags) in [(Way::Out, SYN), (Way::In, SYN | ACK), (Way::Out, ACK)] {
                capture.packet(*at, &link.segment(way, flags, &[]));
            }
        }
        for piece in bytes.chunks(MOST) {
            capture.packet(*at, &link.segment(*way, PUSH | ACK, piece));
        }
    }
    capture.0
}

const SYN: u8 = 0x02;
const PUSH: u8 = 0x08;
const ACK: u8 = 0x10;

const GATEWAY: ([u8; 4], u16) = ([192, 0, 2, 1], 49_152);
const OTHER_END: [u8; 4] = [192, 0, 2, 2];
/// Header of IPv4, and of TCP, without options.
const HEADER: u16 = 20;

/// A connection: how many bytes went each way, a beginning counted as one, and how many packets.
struct Link {
    tcp_port: u16,
    sent: u32,
    heard: u32,
    packets: u16,
}

impl Link {
    fn segment(&mut self, way: Way, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        let (gateway, other) = (GATEWAY, (OTHER_END, self.tcp_port));
        let (from, to, sequence, seen) = match way {
            Way::Out => (gateway, other, &mut self.sent, self.heard),
            Way::In => (other, gateway, &mut self.heard, self.sent),
        };
        let acknowledged = if flags & ACK == 0 { 0 } else { seen };
        let mut tcp = [from.1, to.1].map(u16::to_be_bytes).concat();
        tcp.extend([*sequence, acknowledged].map(u32::to_be_bytes).as_flattened());
        // Five words of header, flags, window; no checksum yet, nothing urgent.
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend_from_slice(payload);
        *sequence = sequence.wrapping_add(u32::from(length) + u32::from(flags & SYN != 0));
        let tcp_length = HEADER.saturating_add(length);
        let [high, low] = tcp_length.to_be_bytes();
        let pseudo = [&from.0[..], &to.0, &[0, 6, high, low], &tcp].concat();
        put_at(&mut tcp, 16, checksum(&pseudo));

        let [high, low] = HEADER.saturating_add(tcp_length).to_be_bytes();
        let [id_high, id_low] = self.packets.to_be_bytes();
        self.packets = self.packets.wrapping_add(1);
        // Version 4, five words of header; not to be taken apart; 64 hops; TCP; no checksum yet.
        let mut ip = vec![0x45, 0, high, low, id_high, id_low, 0x40, 0, 64, 6, 0, 0];
        ip.extend([from.0, to.0].as_flattened());
        let sum = checksum(&ip);
        put_at(&mut ip, 10, sum);
        ip.append(&mut tcp);
        ip
    }
}

fn put_at(header: &mut [u8], at: usize, number: u16) {
    if let Some(place) = header.get_mut(at..at + 2) {
        place.copy_from_slice(&number.to_be_bytes());
    }
}

/// The checksum of internet headers: the complement of the sum of all words, carries added again.
fn checksum(bytes: &[u8]) -> u16 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let words = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair)));
    let mut sum: u32 = words.sum::<u32>() + odd.iter().map(|odd| u32::from(*odd) << 8).sum::<u32>();
    while let carry @ 1.. = sum >> 16 {
        sum = (sum & 0xffff) + carry;
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    const SERIAL: &str = "\
@ at 1970-01-01T00:00:02.000500Z
@ rtu 9600 8N1
 0 > 01 04 00 48 00 02 F1 DD
 1.250 < 01 04 00 48 00 02 F1 DD
 42 < 01 04 04 43 9A
 57 < 46 66 7C 65
 61 = 2 registers
 62 < 00
";

    const SOCKET: &str = "\
@ tcp
 0 > 00 01 00 00 00 06 01 03 00 00 00 01
 20 < 00 01 00 00 00 05 01 03 02
 41 < 00 07
 41 = 1 register
 1000 > 00 02 00 00 00 06 01 03 00 00 00 01
";

    /// The packets of a capture, each with its time in microseconds.
    fn packets(capture: &[u8]) -> Vec<(u64, &[u8])> {
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        let mut rest = &capture[24..];
        let mut packets = Vec::new();
        while let Some((head, behind)) = rest.split_at_checked(16) {
            let (at, length) = (number(&head[..4]), number(&head[8..12]));
            assert_eq!(head[8..12], head[12..16]);
            let (packet, behind) = behind.split_at(usize::try_from(length).unwrap());
            packets.push((u64::from(at) * 1_000_000 + u64::from(number(&head[4..8])), packet));
            rest = behind;
        }
        assert!(rest.is_empty());
        packets
    }

    #[test]
    fn frames_of_a_serial_line_have_their_direction_and_time() {
        let capture = write(&SERIAL.parse().unwrap()).unwrap();
        assert_eq!(
            hex::write(&capture[..24]),
            "D4 C3 B2 A1 02 00 04 00 00 00 00 00 00 00 00 00 FF FF 00 00 FA 00 00 00"
        );
        let frames: Vec<String> = packets(&capture)
            .iter()
            .map(|(at, packet)| format!("{at} {}", hex::write(packet)))
            .collect();
        assert_eq!(
            frames,
            [
                "2000500 00 00 00 02 00 00 01 F4 01 00 00 00 01 04 00 48 00 02 F1 DD",
                "2001750 00 00 00 02 00 00 06 D6 02 00 00 00 01 04 00 48 00 02 F1 DD",
                "2042500 00 00 00 02 00 00 A6 04 02 00 00 00 01 04 04 43 9A 46 66 7C 65",
                "2062500 00 00 00 02 00 00 F4 24 02 00 00 00 00",
            ]
        );
    }

    #[test]
    fn packets_of_a_socket_follow_one_another_and_their_sums_are_right() {
        let capture = write(&SOCKET.parse().unwrap()).unwrap();
        let packets = packets(&capture);
        let times: Vec<u64> = packets.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0, 0, 0, 0, 20_000, 41_000, 1_000_000]);
        let (mut sent, mut heard) = (Vec::new(), Vec::new());
        for (n, (_, packet)) in packets.iter().enumerate() {
            let (ip, tcp) = packet.split_at(20);
            assert_eq!(usize::from(u16::from_be_bytes([ip[2], ip[3]])), packet.len());
            assert_eq!(checksum(ip), 0);
            let length = u16::try_from(tcp.len()).unwrap().to_be_bytes();
            assert_eq!(checksum(&[&ip[12..], &[0, 6], &length, tcp].concat()), 0);
            let number = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().unwrap());
            let out = ip[12..16] == GATEWAY.0;
            let (own, other) = if out { (&mut sent, &heard) } else { (&mut heard, &sent) };
            let begun = |n: usize| u32::try_from(n).unwrap() + 1;
            if n >= 3 {
                assert_eq!((number(4), number(8)), (begun(own.len()), begun(other.len())));
                assert_eq!(tcp[13], PUSH | ACK);
            }
            own.extend_from_slice(&tcp[20..]);
            let to = u16::from_be_bytes([tcp[2], tcp[3]]);
            assert_eq!(to, if out { 502 } else { GATEWAY.1 });
        }
        assert_eq!(packets[..3].iter().map(|(_, p)| p[33]).collect::<Vec<_>>(), [2, 18, 16]);
        assert_eq!(sent.len(), 24);
        assert_eq!(hex::write(&heard), "00 01 00 00 00 05 01 03 02 00 07");
    }

    #[test]
    fn a_long_line_becomes_several_packets() {
        for framing in ["rtu 9600 8N1", "tcp", "rtu+tcp"] {
            let text = format!("@ {framing}\n < {}", "00".repeat(2 * MOST + 1));
            let capture = write(&text.parse().unwrap()).unwrap();
            let lengths: Vec<usize> = packets(&capture).iter().map(|(_, p)| p.len()).collect();
            let head = if framing == "rtu 9600 8N1" { 12 } else { 40 };
            assert!(lengths.ends_with(&[head + MOST, head + MOST, head + 1]), "{lengths:?}");
        }
    }

    #[test]
    fn a_transcript_of_no_kind_or_two_makes_no_capture() {
        for (text, unfit) in
            [("> 01", Unfit::NoFraming), ("@ tcp\n> 01\n@ rtu 9600 8N1\n> 01", Unfit::Mixed)]
        {
            assert_eq!(write(&text.parse().unwrap()), Err(unfit), "{text}");
        }
        let switched = "@ rtu 9600 8N1\n> 01\n@ rtu 2400 8E1\n> 01".parse().unwrap();
        assert_eq!(packets(&write(&switched).unwrap()).len(), 2);
    }

    #[test]
    fn a_socket_that_is_tried_in_both_protocols_becomes_two_connections() {
        let tried = "@ tcp\n> 01\n@ rtu+tcp\n> 02\n@ tcp\n> 03".parse().unwrap();
        let capture = write(&tried).unwrap();
        let to: Vec<u16> =
            packets(&capture).iter().map(|(_, p)| u16::from_be_bytes([p[22], p[23]])).collect();
        assert_eq!(to, [502, 49_152, 502, 502, 4_001, 49_152, 4_001, 4_001, 502]);
    }
}
