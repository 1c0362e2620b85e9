//! What flows, and in which minute of which weather.

/// What flows during one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flow {
    /// Active power of each phase in mW, drawn is positive, as the meter measures it.
    pub phases: [i64; 3],
    /// Reactive power of each phase in mvar, of an inductive load positive.
    pub reactive: [i64; 3],
    /// Heat delivered, in mW.
    pub heat: i64,
    /// Cold delivered, in mW.
    pub cold: i64,
    /// Volume flow, in ml/h.
    pub volume: i64,
    /// Temperature of the flow, in thousandths of a degree.
    pub flow_temp: i64,
    /// Temperature of the return, in thousandths of a degree.
    pub return_temp: i64,
}

impl Flow {
    /// Active power of all phases in mW.
    pub(crate) fn power(&self) -> i64 {
        self.phases.iter().sum()
    }
}

/// A minute of the simulated world, with its weather.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub seed: u64,
    /// Minutes since 1970, UTC.
    pub minute: i64,
    /// The civil day, counted from 1970.
    pub day: i64,
    /// Minute of the civil day, 0 to 1439.
    pub of_day: i64,
    /// Outside, in thousandths of a degree.
    pub temperature: i64,
    /// What the sun gives, in thousandths of a bright noon.
    pub sun: i64,
}
