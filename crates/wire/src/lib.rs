//! Modbus as bytes: questions out, answers judged, and never a number that was not asked for.
//!
//! No port, no clock, no task in here. Whoever owns a port asks an exchange what to send, hands it
//! whatever was heard, in pieces of any size, and is told when the answer is whole. The judgement
//! depends on the bytes alone, not on the pieces they came in.
//!
//! ```
//! use wire::hex;
//! use wire::modbus::{Answer, End, Exchange, Function, Progress, Read};
//!
//! let read = Read { address: 1, function: Function::Input, start: 0x48, count: 2 };
//! let mut exchange = Exchange::rtu(read);
//! assert_eq!(exchange.request(), hex::parse("01 04 00 48 00 02 F1 DD")?);
//!
//! // The port delivers what it likes: here a stray zero and the answer in two pieces.
//! assert_eq!(exchange.hear(&hex::parse("00 01 04 04 43")?), Progress::More);
//! assert_eq!(exchange.hear(&hex::parse("9A 46 66 7C 65")?), Progress::Whole);
//!
//! // The line fell silent: nobody else answered.
//! let Ok(Answer::Words(words)) = exchange.finish(End::Silence) else { panic!() };
//! assert_eq!(words.iter().collect::<Vec<_>>(), [0x439A, 0x4666]);
//! assert_eq!(exchange.traffic().junk, 1);
//! # Ok::<(), hex::Malformed>(())
//! ```

pub mod hex;
mod line;
pub mod modbus;
pub mod pcap;
pub mod transcript;

pub use line::{Line, Parity};
