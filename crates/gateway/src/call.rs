use std::time::Duration;

use wire::Line;
use wire::modbus::{End, Exchange, Read};

/// A question and how it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) read: Read,
    /// The settings of a serial line.
    pub(crate) line: Line,
    /// How long the first byte of an answer is waited for.
    pub(crate) patience: Duration,
    /// How long is listened after the answer for a second one; at least the silence that ends it.
    pub(crate) listen: Duration,
}

/// One question, carried over the port and heard out.
#[derive(Debug)]
pub(crate) struct Carried {
    /// The question with whatever was heard.
    pub(crate) exchange: Exchange,
    /// How listening ended.
    pub(crate) end: End,
    /// From the last bit of the question to the first of an answer.
    pub(crate) delay: Option<Duration>,
    /// How long ago the middle between the question and its answer is.
    pub(crate) age: Duration,
}
