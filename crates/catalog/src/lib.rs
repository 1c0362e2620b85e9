//! Meter models and parameter bags: what is written becomes what is meant, and answers become
//! readings.
//!
//! No IO in here except the shipped models, which are embedded at build.

mod blocks;
mod catalog;
mod decode;
mod model;
mod port;
mod proof;
mod register;
mod site;

pub use blocks::{Block, Hole, Limits, USUAL_DELAY, plan};
pub use catalog::Catalog;
pub use decode::{decode, interpretations};
pub use model::{Fact, Identify, Identity, Model, ModelError, Proof};
pub use port::{Host, Port};
pub use proof::ProofError;
pub use register::{DataType, Register};
pub use site::{CheckedBus, CheckedMeter, CheckedSite};
