//! Which registers go into one question.

use std::time::Duration;

use wire::Line;
use wire::modbus::{Function, Read};

use crate::Register;

/// Registers read by one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Holding or input registers.
    pub function: Function,
    /// First register, from 0, as sent on the wire.
    pub start: u16,
    /// How many registers, 1 to 125.
    pub count: u16,
    /// The entries it reads, as positions in the list that was planned, in the order of their
    /// registers. Each entry lies in the block whole.
    pub registers: Vec<usize>,
}

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
    /// Registers that answered with an exception.
    pub holes: Vec<Hole>,
}

/// Registers that refuse to be read. No question for several entries touches one; an entry that
/// lies in one is asked alone, so that its refusal takes no other with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hole {
    /// Holding or input registers.
    pub function: Function,
    /// The first of them.
    pub start: u16,
    /// How many.
    pub count: u16,
}

/// The delay of a meter that has not been measured yet: from the last bit of the question to the
/// first of the answer.
pub const USUAL_DELAY: Duration = Duration::from_millis(20);

impl Limits {
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
            holes: Vec::new(),
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
            holes: Vec::new(),
        }
    }

    /// The time a question for `count` registers takes.
    #[must_use]
    pub fn cost(&self, count: u16) -> Duration {
        self.question + self.register * u32::from(count)
    }
}

/// The cheapest questions that read every entry, ordered by function and register.
///
/// Entries share a question where reading through the hole between them is cheaper than asking
/// again. An entry is never torn, even where it alone is longer than the limit. Among plans of the
/// same cost the one with the fewest questions is taken.
///
/// ```
/// # use catalog::{Limits, USUAL_DELAY, plan};
/// let limits = Limits::serial(80, wire::Line::default(), USUAL_DELAY);
/// assert!(plan(&[], &limits).is_empty());
/// ```
#[must_use]
pub fn plan(registers: &[Register], limits: &Limits) -> Vec<Block> {
    let mut spans: Vec<Span> = registers
        .iter()
        .enumerate()
        .map(|(entry, register)| Span::of(entry, register, limits))
        .collect();
    // Whoever contains another comes first. Then an optimum exists that cuts this row into pieces:
    // an entry that ends no later than its neighbour rides in the neighbour's question for nothing.
    spans.sort_by_key(|span| (span.function, span.start, std::cmp::Reverse(span.end), span.entry));
    let (alone, shared): (Vec<Span>, Vec<Span>) =
        spans.into_iter().partition(|span| !limits.allows(*span));
    let mut blocks: Vec<Block> = alone.iter().map(|span| span.block(&[*span])).collect();
    for one_function in shared.chunk_by(|a, b| a.function == b.function) {
        blocks.extend(cheapest(one_function, limits));
    }
    blocks.sort_by_key(|block| (block.function, block.start, block.count));
    blocks
}

/// An entry, or several, as the registers that have to be read: widened to even ones where needed.
#[derive(Debug, Clone, Copy)]
struct Span {
    function: Function,
    start: u32,
    end: u32,
    entry: usize,
}

impl Span {
    fn of(entry: usize, register: &Register, limits: &Limits) -> Self {
        let start = u32::from(register.start);
        let end = start + u32::from(register.size);
        let odd = u32::from(limits.align_even);
        Self {
            function: register.function,
            start: start - start % 2 * odd,
            end: end + end % 2 * odd,
            entry,
        }
    }

    fn joined(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end), ..self }
    }

    fn count(self) -> u16 {
        u16::try_from(self.end - self.start).unwrap_or(u16::MAX)
    }

    fn block(self, members: &[Self]) -> Block {
        let mut entries: Vec<&Self> = members.iter().collect();
        entries.sort_by_key(|span| (span.start, span.entry));
        Block {
            function: self.function,
            start: u16::try_from(self.start).unwrap_or(u16::MAX),
            count: self.count(),
            registers: entries.into_iter().map(|span| span.entry).collect(),
        }
    }
}

impl Limits {
    fn refuses(&self, span: Span) -> bool {
        self.holes.iter().any(|hole| {
            let (start, end) =
                (u32::from(hole.start), u32::from(hole.start) + u32::from(hole.count));
            hole.function == span.function && span.start < end && start < span.end
        })
    }

    /// Whether several entries may share a question over these registers.
    fn allows(&self, span: Span) -> bool {
        span.count() <= self.max_registers.clamp(1, Read::MOST) && !self.refuses(span)
    }
}

/// The cheapest way to cut a sorted row into questions: for each entry, the best plan that ends
/// with it, built from the best plans that end before.
fn cheapest(row: &[Span], limits: &Limits) -> Vec<Block> {
    /// The best plan for the first entries: its cost, its questions, and where its last one begins.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct Best {
        cost: Duration,
        questions: usize,
        begins: usize,
    }
    let mut best = vec![Best { cost: Duration::ZERO, questions: 0, begins: 0 }];
    for (last, span) in row.iter().enumerate() {
        let mut question = *span;
        let mut choice: Option<Best> = None;
        for (begins, (first, before)) in row.iter().zip(&best).enumerate().take(last + 1).rev() {
            question = question.joined(*first);
            if !limits.allows(question) {
                break; // a longer question contains this one
            }
            let cost = before.cost + limits.cost(question.count());
            let plan = Best { cost, questions: before.questions + 1, begins };
            choice = Some(choice.map_or(plan, |known| known.min(plan)));
        }
        best.extend(choice);
    }
    let mut blocks = Vec::new();
    let mut end = row.len();
    while let Some(plan) = best.get(end).filter(|_| end > 0) {
        let members = row.get(plan.begins..end).unwrap_or_default();
        let whole = members.iter().copied().reduce(Span::joined);
        blocks.extend(whole.map(|span| span.block(members)));
        end = plan.begins;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use domain::Quantity;
    use proptest::prelude::*;

    use super::*;
    use crate::DataType;

    fn register(function: Function, start: u16, size: u8) -> Register {
        let en_im = Quantity::from_name("en_im").unwrap();
        Register::plain(en_im, function, start, (DataType::Uint, size))
    }

    fn pairs(starts: impl IntoIterator<Item = u16>) -> Vec<Register> {
        starts.into_iter().map(|start| register(Function::Input, start, 2)).collect()
    }

    /// The thirty usual values of an SDM630: phases, totals, indexes; and far behind them total
    /// energies and the index of each phase.
    fn usual() -> Vec<Register> {
        let near = (0..=34).step_by(2).chain([52, 56, 60, 62, 70, 72, 74]);
        pairs(near.chain([342, 344, 346, 348, 350]))
    }

    fn serial(baud: u32, delay_ms: u64) -> Limits {
        let line = Line { baud, ..Line::default() };
        Limits::serial(80, line, Duration::from_millis(delay_ms))
    }

    fn ranges(blocks: &[Block]) -> Vec<(u16, u16)> {
        blocks.iter().map(|block| (block.start, block.count)).collect()
    }

    #[test]
    fn the_usual_values_of_an_sdm630_take_two_questions() {
        assert_eq!(usual().len(), 30);
        assert_eq!(ranges(&plan(&usual(), &serial(9600, 20))), [(0, 76), (342, 10)]);
        assert_eq!(plan(&usual(), &serial(9600, 3)).len(), 3, "a fast meter is asked once more");
    }

    #[test]
    fn a_question_costs_what_the_wire_says() {
        let limits = serial(9600, 0);
        for (count, tenths_of_ms) in [(2, 250), (20, 625), (40, 1042), (80, 1875), (125, 2813)] {
            let micros = limits.cost(count).as_micros();
            // The table of the wire is rounded to tenths and takes the silence as 3.65 ms.
            assert!(micros.abs_diff(tenths_of_ms * 100) <= 100, "{count}: {micros}");
        }
    }

    #[test]
    fn a_hole_is_read_through_up_to_the_break_even() {
        for (baud, delay_ms, longest) in [(9600, 3, 10), (9600, 20, 17), (9600, 60, 37)] {
            let gap = |gap: u16| plan(&pairs([0, 2 + gap]), &serial(baud, delay_ms)).len();
            assert_eq!((gap(longest), gap(longest + 1)), (1, 2), "{baud} {delay_ms}");
        }
    }

    #[test]
    fn a_socket_is_read_through_up_to_the_limit() {
        let registers = pairs([0, 60, 78, 80, 204]);
        assert_eq!(ranges(&plan(&registers, &Limits::socket(80))), [(0, 2), (60, 22), (204, 2)]);
        assert_eq!(ranges(&plan(&registers, &Limits::socket(125))), [(0, 82), (204, 2)]);
        assert_eq!(ranges(&plan(&registers, &Limits::socket(900))), [(0, 82), (204, 2)]);
    }

    #[test]
    fn an_entry_longer_than_the_limit_stays_whole() {
        let registers = [register(Function::Input, 10, 8), register(Function::Input, 18, 1)];
        assert_eq!(ranges(&plan(&registers, &Limits::socket(4))), [(10, 8), (18, 1)]);
    }

    #[test]
    fn functions_never_share_a_question() {
        let registers = [register(Function::Input, 0, 2), register(Function::Holding, 2, 2)];
        let blocks = plan(&registers, &Limits::socket(125));
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].function, &blocks[0].registers), (Function::Holding, &vec![1]));
    }

    #[test]
    fn questions_are_widened_to_even_registers_where_the_meter_needs_it() {
        let limits = Limits { align_even: true, ..Limits::socket(4) };
        let registers = [
            register(Function::Input, 1, 2),
            register(Function::Input, 4, 1),
            register(Function::Input, 65_535, 1),
        ];
        assert_eq!(ranges(&plan(&registers, &limits)), [(0, 4), (4, 2), (65_534, 2)]);
    }

    #[test]
    fn a_hole_that_refused_is_not_read_through() {
        let hole = |start, count| Hole { function: Function::Input, start, count };
        let with = |holes| Limits { holes, ..Limits::socket(125) };
        let registers = pairs([0, 2, 6, 8]);
        assert_eq!(ranges(&plan(&registers, &with(vec![]))), [(0, 10)]);
        assert_eq!(ranges(&plan(&registers, &with(vec![hole(4, 2)]))), [(0, 4), (6, 4)]);
        let other = Hole { function: Function::Holding, ..hole(4, 2) };
        assert_eq!(ranges(&plan(&registers, &with(vec![other]))), [(0, 10)]);
        let refused = plan(&registers, &with(vec![hole(2, 2)]));
        assert_eq!(ranges(&refused), [(0, 2), (2, 2), (6, 4)], "the refused entry is asked alone");
    }

    /// The least cost of any division of the entries into questions.
    fn brute_force(registers: &[Register], limits: &Limits) -> Duration {
        let spans: Vec<Span> =
            registers.iter().enumerate().map(|(n, one)| Span::of(n, one, limits)).collect();
        divide(&spans, &mut Vec::new(), limits).unwrap()
    }

    fn divide(rest: &[Span], groups: &mut Vec<Vec<Span>>, limits: &Limits) -> Option<Duration> {
        let Some((first, rest)) = rest.split_first() else {
            return groups.iter().map(|group| cost(group, limits)).sum();
        };
        let mut best = None;
        for n in 0..=groups.len() {
            if n == groups.len() {
                groups.push(Vec::new());
            }
            groups[n].push(*first);
            best = [best, divide(rest, groups, limits)].into_iter().flatten().min();
            groups[n].pop();
            groups.retain(|group| !group.is_empty());
        }
        best
    }

    fn cost(group: &[Span], limits: &Limits) -> Option<Duration> {
        let whole = group.iter().copied().reduce(Span::joined)?;
        let one_function = group.iter().all(|span| span.function == whole.function);
        let allowed = group.len() == 1 || (one_function && limits.allows(whole));
        allowed.then(|| limits.cost(whole.count()))
    }

    fn entries() -> impl Strategy<Value = Vec<Register>> {
        let function =
            prop::sample::select(vec![Function::Input, Function::Input, Function::Holding]);
        let size = prop::sample::select(vec![1_u8, 2, 4, 8]);
        let entry =
            (function, 0_u16..160, size).prop_map(|(f, start, size)| register(f, start, size));
        prop::collection::vec(entry, 1..7)
    }

    fn limits() -> impl Strategy<Value = Limits> {
        let baud = prop::sample::select(vec![1200_u32, 9600, 115_200]);
        let hole = (0_u16..160, 1_u16..4).prop_map(|(start, count)| Hole {
            function: Function::Input,
            start,
            count,
        });
        let holes = prop::collection::vec(hole, 0..3);
        (baud, 0_u64..100, 1_u16..126, any::<bool>(), holes).prop_map(
            |(baud, delay_ms, max_registers, align_even, holes)| Limits {
                max_registers,
                align_even,
                holes,
                ..serial(baud, delay_ms)
            },
        )
    }

    proptest! {
        #[test]
        fn no_division_is_cheaper(registers in entries(), limits in limits()) {
            let planned: Duration =
                plan(&registers, &limits).iter().map(|block| limits.cost(block.count)).sum();
            prop_assert_eq!(planned, brute_force(&registers, &limits));
        }

        #[test]
        fn every_entry_is_read_whole_and_once(registers in entries(), limits in limits()) {
            let mut read: Vec<usize> = Vec::new();
            for block in plan(&registers, &limits) {
                for entry in block.registers {
                    let Register { function, start, size, .. } = &registers[entry];
                    let (start, end) = (u32::from(*start), u32::from(*start) + u32::from(*size));
                    let block_end = u32::from(block.start) + u32::from(block.count);
                    prop_assert!(*function == block.function);
                    prop_assert!(start >= u32::from(block.start) && end <= block_end);
                    read.push(entry);
                }
            }
            read.sort_unstable();
            prop_assert_eq!(read, (0..registers.len()).collect::<Vec<_>>());
        }
    }
}
