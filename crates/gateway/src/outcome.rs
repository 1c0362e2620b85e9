use domain::Reason;
use jiff::Timestamp;
use wire::modbus::{Read, Refusal};

/// Questions whose answers may still come late, told apart by their counts of registers: bit n
/// stands for a question of n.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unsettled(u128);

impl Unsettled {
    pub(crate) fn add(&mut self, count: u16) {
        self.0 |= 1 << count.min(127);
    }

    /// A count whose answer cannot be taken for a late one, if the answer to `count` could be.
    pub(crate) fn distinguishable(self, count: u16) -> Option<u16> {
        let open = |count: u16| self.0 & (1 << count.min(127)) != 0;
        // Even counts: several meters hold two registers a value and refuse the half of one.
        open(count).then(|| (2..=Read::MOST).step_by(2).find(|count| !open(*count)))?
    }
}

/// What an answer brought, in words that outlive the exchange.
pub(crate) enum Outcome {
    Words { words: Vec<u16>, at: Timestamp },
    Refused(Refusal),
    Failed(Reason, String),
}
