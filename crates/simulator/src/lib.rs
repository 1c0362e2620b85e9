//! Meters that do not exist, answering on real ports.
//!
//! A [`House`] is read from a house file: a site file with a few tables about what flows and what
//! goes wrong. [`start`] opens its ports (pseudo-terminals, and sockets of this machine only) and
//! answers as meters of the same models would. What a meter holds is a pure function of the seed
//! and the instant, so a restart keeps every index, and [`Running::truth`] can say afterwards what
//! should have been read.

mod bus;
mod condition;
mod damage;
mod delay;
mod demo;
mod ear;
mod encode;
mod fault;
mod fault_file;
mod flow;
mod house;
mod house_file;
mod image;
mod ledger;
mod load;
mod noise;
mod pretence;
mod profiles;
mod pty;
mod running;
mod serial;
mod served;
mod site_text;
mod tcp;
mod timer;
mod truth;
mod wiring;

pub use bus::Counters;
pub use encode::encode;
pub use house::{House, HouseError};
pub use load::Load;
pub use running::{Running, SimulatorError, start};
