//! Questions that read registers, and the judgement of what comes back.

mod crc;
mod pdu;
mod reply;

pub use crc::crc;
pub use pdu::{Function, Read, Refusal};
pub use reply::{Heard, Reply};
