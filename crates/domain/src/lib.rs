//! What is measured and remembered: quantities, exact values, readings, places, and time.
//!
//! This crate thinks and does nothing else. It opens no file and no port, asks no clock, starts no
//! task, and knows no format: whoever speaks TOML, JSON or SQL has structs of its own and converts.
//!
//! A [`Reading`] is one [`Quantity`] of one meter at one instant, with its [`Quality`], its
//! [`Source`] and the raw words it was computed from. Readings of one meter taken in one go are a
//! [`Batch`]; what could not be read is in the batch too, as a [`Gap`] with its reason. Numbers are
//! [`Decimal`]: a whole number and a count of digits behind the point, never a binary float.
//!
//! A [`Guard`] judges the indexes of one counter: what may be billed, what is held back, and what
//! a person has to decide.

mod clock;
mod decimal;
mod guard;
mod key;
mod medium;
mod quantity;
mod reading;
mod registry;
mod unit;

pub use clock::{Clock, Tell};
pub use decimal::{Decimal, DecimalError};
pub use guard::{
    Decided, Decision, Doubt, FlowCheck, FlowLimits, Guard, Index, IndexLimits, IndexState,
    Refused, Replacement, Stale, Verdict, Verdicts,
};
pub use key::{Key, KeyError};
pub use medium::Medium;
pub use quantity::{Kind, Quantity, distance};
pub use reading::{Batch, Gap, Quality, RawWords, Reading, Reason, Source};
pub use registry::{Bus, Difference, Meter, PlanNumber, Site, SiteRecord};
pub use unit::{Conversion, Dimension, Unit};
