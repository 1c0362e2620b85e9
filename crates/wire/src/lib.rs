//! Modbus as bytes: questions out, answers judged.
//!
//! No port, no clock, no task in here. Whoever owns a port asks an exchange what to send, hands it
//! whatever was heard, in pieces of any size, and is told when the answer is whole.

mod line;
pub mod modbus;

pub use line::{Line, Parity};
