//! Meters that answer at once: a Modbus TCP server on every loopback address, for every unit, with
//! one thread a connection and one system call each way. It prints its port, and a second one where
//! whoever connects is told how many questions it has answered. It serves until it is ended.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use wire::modbus::{Heard, Read as Question};

static ANSWERED: AtomicU64 = AtomicU64::new(0);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", 0))?;
    let counts = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{} {}", listener.local_addr()?.port(), counts.local_addr()?.port());
    let data: &'static [u8] =
        (0..=u16::MAX).flat_map(|n| bench::word(n).to_be_bytes()).collect::<Vec<_>>().leak();
    thread::spawn(move || tell(&counts));
    loop {
        let (stream, _) = listener.accept()?;
        // A client that goes ends its thread and nothing else.
        thread::Builder::new().stack_size(64 * 1024).spawn(move || serve(stream, data))?;
    }
}

fn tell(counts: &TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, _) = counts.accept()?;
        writeln!(stream, "{}", ANSWERED.load(Ordering::Relaxed))?;
    }
}

fn serve(mut stream: TcpStream, data: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; 12];
    let mut answer = [0; 260];
    loop {
        stream.read_exact(&mut request)?;
        let question = Heard::tcp(&request).and_then(Heard::read);
        let Some(Question { address, function, start, count }) = question else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let bytes = count as u8 * 2;
        let from = usize::from(start) * 2;
        let words = &data[from..from + usize::from(bytes)];
        answer[..2].copy_from_slice(&request[..2]);
        answer[5] = bytes + 3;
        answer[6..9].copy_from_slice(&[address, function.code(), bytes]);
        answer[9..9 + words.len()].copy_from_slice(words);
        stream.write_all(&answer[..9 + words.len()])?;
        ANSWERED.fetch_add(1, Ordering::Relaxed);
    }
}
