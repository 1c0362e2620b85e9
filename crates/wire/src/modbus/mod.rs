//! Questions that read registers, and the judgement of what comes back.

mod buffer;
mod crc;
mod exchange;
mod fault;
mod judgement;
mod pdu;
mod question;
mod reply;
mod rtu;
mod tcp;
mod words;

pub use crc::crc;
pub use exchange::{Answer, End, Exchange, Progress};
pub use fault::{Consequence, Fault};
pub use judgement::Traffic;
pub use pdu::{Function, Read, Refusal};
pub use question::Framing;
pub use reply::{Heard, Reply, sender};
pub use words::Words;
