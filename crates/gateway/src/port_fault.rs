use std::io;

/// The port itself failed. It is opened anew for the next question.
#[derive(Debug)]
pub(crate) struct PortFault {
    /// What happened.
    pub(crate) error: io::Error,
    /// How far the question had come.
    pub(crate) stage: Stage,
}

/// How far a question had come when the port failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The port cannot be opened, takes no bytes, or is never quiet: nobody on it can be asked.
    Unusable,
    /// It was gone before the question left, as a converter closes it that finds it idle, or an
    /// adapter that was unplugged meanwhile.
    Stale,
    /// It went while the question was under way. Some converters hang up where a meter is silent,
    /// so this says nothing about the other meters.
    UnderWay,
}

impl Stage {
    pub(crate) fn of(self, error: io::Error) -> PortFault {
        PortFault { error, stage: self }
    }
}
