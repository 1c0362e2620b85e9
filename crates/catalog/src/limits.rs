//! What one meter takes in one question, what a question costs, and what was refused so far.

use std::time::Duration;

use wire::Line;
use wire::modbus::{Function, Read};

/// What one meter takes in one question, and what a question costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most registers of one question; 125 is the most the protocol carries.
    pub max_registers: u16,
    /// Whether start and count of every question must be even.
    pub align_even: bool,
    /// The time of a question that reads nothing: frame, the meter's delay, silence.
    pub question: Duration,
    /// The time each register adds.
    pub register: Duration,
    /// Questions that were refused, the oldest first. [`Limits::learn`] adds to them.
    pub refused: Vec<Refused>,
}

/// A question over these registers was refused. So is every question that contains them all;
/// whether a part of them can be read is not known, so it may be tried.
///
/// No question for several entries contains them whole. An entry whose own registers do is asked
/// alone, so that its refusal takes no other with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Refused {
    /// Holding or input registers.
    pub function: Function,
    /// The first of them.
    pub start: u16,
    /// How many, at least 1.
    pub count: u16,
}

/// The delay of a meter that has not been measured yet: from the last bit of the question to the
/// first of the answer.
pub const USUAL_DELAY: Duration = Duration::from_millis(20);

impl Limits {
    /// The most refused ranges that are remembered of one meter.
    pub const MOST_REFUSED: usize = 64;

    /// What questions cost on a serial line with a meter that answers after `delay`.
    ///
    /// A question has 8 characters and its answer 5, and two for each register. Before the answer
    /// stands the meter's delay, never shorter than the silence that ends a frame; behind it stands
    /// the silence again.
    #[must_use]
    pub fn serial(max_registers: u16, line: Line, delay: Duration) -> Self {
        let silence = line.silence();
        Self {
            max_registers,
            align_even: false,
            question: line.wire_time(13) + silence.max(delay) + silence,
            // Cut, not rounded up: where both ways take the same time, one question is better.
            register: line.wire_time(2_000) / 1_000,
            refused: Vec::new(),
        }
    }

    /// What questions cost on a socket: a further register costs nothing beside a further question.
    #[must_use]
    pub fn socket(max_registers: u16) -> Self {
        Self {
            max_registers,
            align_even: false,
            question: Duration::from_millis(1),
            register: Duration::from_nanos(1),
            refused: Vec::new(),
        }
    }

    /// The time a question for `count` registers takes.
    #[must_use]
    pub fn cost(&self, count: u16) -> Duration {
        self.question + self.register * u32::from(count)
    }

    /// Remembers that a question was refused.
    ///
    /// Only the smallest ranges are kept, since they forbid the larger ones too: one that contains
    /// a known one says nothing new, and one that lies in known ones takes their place. Above
    /// [`Limits::MOST_REFUSED`] the oldest is forgotten: it is learnt again where it matters.
    pub fn learn(&mut self, refused: Refused) {
        if refused.count == 0 || self.refused.iter().any(|known| refused.contains(*known)) {
            return;
        }
        self.refused.retain(|known| !known.contains(refused));
        self.refused.push(refused);
        let surplus = self.refused.len().saturating_sub(Self::MOST_REFUSED);
        self.refused.drain(..surplus);
    }

    /// Where a question for several entries that begins at `start` ends at the latest: behind its
    /// last register, and before the last one of each refused range that it would contain.
    pub(crate) fn farthest(&self, function: Function, start: u32) -> u32 {
        let most = start + u32::from(self.max_registers.clamp(1, Read::MOST));
        let ahead = self
            .refused
            .iter()
            .filter(|known| known.function == function && u32::from(known.start) >= start);
        ahead.map(|known| known.end().saturating_sub(1)).fold(most, u32::min)
    }
}

impl Refused {
    /// The register behind the last one.
    fn end(self) -> u32 {
        u32::from(self.start) + u32::from(self.count)
    }

    fn contains(self, other: Self) -> bool {
        self.function == other.function && self.start <= other.start && other.end() <= self.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(start: u16, count: u16) -> Refused {
        Refused { function: Function::Input, start, count }
    }

    fn learnt(ranges: &[(u16, u16)]) -> Vec<(u16, u16)> {
        let mut limits = Limits::socket(125);
        for (start, count) in ranges {
            limits.learn(refused(*start, *count));
        }
        limits.refused.iter().map(|known| (known.start, known.count)).collect()
    }

    #[test]
    fn a_question_costs_what_the_wire_says() {
        let limits = Limits::serial(80, Line::default(), Duration::ZERO);
        for (count, tenths_of_ms) in [(2, 250), (20, 625), (40, 1042), (80, 1875), (125, 2813)] {
            let micros = limits.cost(count).as_micros();
            // The table of the wire is rounded to tenths and takes the silence as 3.65 ms.
            assert!(micros.abs_diff(tenths_of_ms * 100) <= 100, "{count}: {micros}");
        }
    }

    #[test]
    fn only_the_smallest_refused_ranges_are_kept() {
        for (told, kept) in [
            (&[(0, 80), (40, 40), (40, 2)][..], &[(40, 2)][..]),
            (&[(40, 2), (0, 80)], &[(40, 2)]),
            (&[(40, 2), (40, 2)], &[(40, 2)]),
            (&[(0, 4), (2, 4)], &[(0, 4), (2, 4)]), // neither contains the other
            (&[(0, 4), (10, 4), (0, 20)], &[(0, 4), (10, 4)]),
            (&[(0, 4), (2, 4), (3, 1)], &[(3, 1)]), // both contain it
            (&[(7, 0)], &[]),
            (&[(65_535, 1), (65_534, 2)], &[(65_535, 1)]),
        ] {
            assert_eq!(learnt(told), kept, "{told:?}");
        }
    }

    #[test]
    fn what_holding_registers_refuse_says_nothing_of_input_registers() {
        let mut limits = Limits::socket(125);
        limits.learn(refused(0, 80));
        limits.learn(Refused { function: Function::Holding, ..refused(40, 2) });
        assert_eq!(limits.refused.len(), 2);
    }

    #[test]
    fn above_the_limit_the_oldest_range_is_forgotten() {
        let told: Vec<(u16, u16)> = (0..70).map(|n| (4 * n, 2)).collect();
        assert_eq!(learnt(&told), told[6..]);
    }

    #[test]
    fn a_question_may_reach_into_a_refused_range_but_not_over_it() {
        let mut limits = Limits::socket(80);
        limits.learn(refused(40, 10));
        for (start, farthest) in [(0, 49), (40, 49), (41, 121), (60, 140)] {
            assert_eq!(limits.farthest(Function::Input, start), farthest, "{start}");
        }
        assert_eq!(limits.farthest(Function::Holding, 0), 80);
    }
}
