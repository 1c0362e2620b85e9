//! Meter models and parameter bags: what is written becomes what is meant, and answers become
//! readings.
//!
//! No IO in here except the shipped models, which are embedded at build.

mod bag;
mod blocks;
mod bus_load;
mod catalog;
mod compare;
mod decode;
pub mod document;
mod interval;
mod limits;
mod model;
mod nearest;
mod port;
pub mod problem;
mod proof;
mod reader;
mod register;
mod site;
mod site_check;
mod span;
mod write;

pub use bag::{
    Bag, BagKind, Entry, LineKeys, MOST_REGISTERS, MeterType, Rule, RuleContext, Term, check_bag,
    check_entry,
};
pub use blocks::{Block, halves, plan};
pub use bus_load::{BusLoad, Question, Sweep, Sweeps};
pub use catalog::Catalog;
pub use compare::Comparison;
pub use decode::{decode, interpretations};
pub use limits::{Limits, Refused, USUAL_DELAY};
pub use model::{Fact, Identify, Identity, Model, ModelError, Proof};
pub use port::{Host, Port, PortError};
pub use problem::{Code, Place, Placed, Problem, Problems, Severity};
pub use proof::ProofError;
pub use reader::{Bounds, Reader};
pub use register::{DataType, Register};
pub use site::{CheckedBus, CheckedMeter, CheckedSite, Retries, Rs485, interval_of};
pub use site_check::{GENERIC, LONGEST_SITE, MOST_METERS, check_site, check_site_bytes};
pub use write::write_site;
