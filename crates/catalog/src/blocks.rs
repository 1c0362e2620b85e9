//! Which registers go into one question.

use std::time::Duration;

use wire::modbus::Function;

use crate::{Limits, Register};

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

impl Block {
    /// Whether every register of it is wanted by one of its entries.
    #[must_use]
    pub fn is_dense(&self, registers: &[Register]) -> bool {
        let end = u32::from(self.start) + u32::from(self.count);
        let spans = self.spans(registers, false);
        let reached = spans.iter().fold(u32::from(self.start), |reached, span| {
            if span.start <= reached { reached.max(span.end) } else { reached }
        });
        reached >= end
    }

    /// Its entries in the order of their registers.
    fn spans(&self, registers: &[Register], align_even: bool) -> Vec<Span> {
        let known =
            self.registers.iter().filter_map(|entry| Some((*entry, registers.get(*entry)?)));
        let mut spans: Vec<Span> =
            known.map(|(entry, register)| Span::of(entry, register, align_even)).collect();
        spans.sort_by_key(|span| (span.start, span.entry));
        spans
    }
}

/// The cheapest questions that read every entry, ordered by function and register.
///
/// Entries share a question where reading through the hole between them is cheaper than asking
/// again, and nothing forbids it: the limit of the meter, or a range that was refused. An entry is
/// never torn, even where it alone is longer than the limit. Among plans of the same cost the one
/// with the fewest questions is taken.
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
        .map(|(entry, register)| Span::of(entry, register, limits.align_even))
        .collect();
    // Whoever contains another comes first. Then an optimum exists that cuts this row into pieces:
    // an entry that ends no later than its neighbour rides in the neighbour's question for nothing.
    // What was refused does not change that, since a smaller question is never more forbidden.
    spans.sort_by_key(|span| (span.function, span.start, std::cmp::Reverse(span.end), span.entry));
    let (alone, shared): (Vec<Span>, Vec<Span>) =
        spans.into_iter().partition(|span| span.end > limits.farthest(span.function, span.start));
    let mut blocks: Vec<Block> = alone.iter().filter_map(|span| joined(&[*span])).collect();
    for one_function in shared.chunk_by(|a, b| a.function == b.function) {
        blocks.extend(cheapest(one_function, limits));
    }
    blocks.sort_by_key(|block| (block.function, block.start, block.count));
    blocks
}

/// A refused block in two pieces, each of which can be asked; nothing for a single entry.
///
/// It is cut at the hole nearest to its middle, where refusals come from most often, and the hole
/// is left out: registers that nobody wants need not be asked for again. A block without a hole is
/// cut between the entries nearest to its middle. An entry is never torn.
#[must_use]
pub fn halves(block: &Block, registers: &[Register], limits: &Limits) -> Vec<Block> {
    let spans = block.spans(registers, limits.align_even);
    let doubled_middle = 2 * u32::from(block.start) + u32::from(block.count);
    let mut end = 0;
    // Each place between two entries: no hole, its distance from the middle, how many are before.
    let cuts = spans.iter().enumerate().filter_map(|(before, span)| {
        let gap = (end, span.start);
        end = end.max(span.end);
        let off = (2 * gap.0.min(gap.1)).saturating_sub(doubled_middle);
        let off = off.max(doubled_middle.saturating_sub(2 * gap.1));
        (before > 0).then_some((gap.1 <= gap.0, off, before))
    });
    let Some((.., cut)) = cuts.min() else { return Vec::new() };
    let (low, high) = spans.split_at(cut);
    joined(low).into_iter().chain(joined(high)).collect()
}

/// An entry as the registers that have to be read: widened to even ones where needed.
#[derive(Debug, Clone, Copy)]
struct Span {
    function: Function,
    start: u32,
    end: u32,
    entry: usize,
}

impl Span {
    fn of(entry: usize, register: &Register, align_even: bool) -> Self {
        let start = u32::from(register.start);
        let end = start + u32::from(register.size);
        let odd = u32::from(align_even);
        Self {
            function: register.function,
            start: start - start % 2 * odd,
            end: end + end % 2 * odd,
            entry,
        }
    }
}

/// The question that reads these entries, if there are any.
fn joined(members: &[Span]) -> Option<Block> {
    let start = members.iter().map(|span| span.start).min()?;
    let end = members.iter().map(|span| span.end).max()?;
    let mut entries: Vec<&Span> = members.iter().collect();
    entries.sort_by_key(|span| (span.start, span.entry));
    Some(Block {
        function: members.first()?.function,
        start: u16::try_from(start).unwrap_or(u16::MAX),
        count: u16::try_from(end - start).unwrap_or(u16::MAX),
        registers: entries.into_iter().map(|span| span.entry).collect(),
    })
}

/// The cheapest way to cut a sorted row into questions: for each entry, the best plan that ends
/// with it, built from the best plans that end before.
fn cheapest(row: &[Span], limits: &Limits) -> Vec<Block> {
    let (question, register) = (nanos(limits.question), nanos(limits.register));
    let mut steps: Vec<Step> = Vec::with_capacity(row.len());
    let mut best = Best { cost: 0, questions: 0, begins: 0 };
    for (last, span) in row.iter().enumerate() {
        let Span { function, start, .. } = *span;
        let farthest = limits.farthest(function, start);
        steps.push(Step { start, end: span.end, farthest, before: best });
        best = Best { cost: u64::MAX, questions: usize::MAX, begins: last };
        let mut end = 0;
        for (begins, step) in steps.iter().enumerate().rev() {
            end = end.max(step.end);
            if end > step.farthest {
                break; // a longer question contains this one
            }
            let read = register.saturating_mul(u64::from(end - step.start));
            let cost = step.before.cost.saturating_add(question).saturating_add(read);
            let questions = step.before.questions + 1;
            if cost < best.cost || (cost == best.cost && questions <= best.questions) {
                best = Best { cost, questions, begins };
            }
        }
    }
    let mut blocks = Vec::new();
    let mut rest = row;
    while let Some((before, members)) = rest.split_at_checked(best.begins) {
        blocks.extend(joined(members));
        let Some(step) = steps.get(best.begins).filter(|_| !before.is_empty()) else { break };
        (rest, best) = (before, step.before);
    }
    blocks
}

/// One entry of a row, and the best plan for those before it.
struct Step {
    start: u32,
    end: u32,
    /// Where a question that begins with it ends at the latest.
    farthest: u32,
    before: Best,
}

/// A plan: its cost in nanoseconds, its questions, and with which entry its last one begins.
#[derive(Clone, Copy)]
struct Best {
    cost: u64,
    questions: usize,
    begins: usize,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use domain::Quantity;
    use wire::Line;

    use super::*;
    use crate::{DataType, Refused};

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
    fn what_was_refused_is_not_contained_in_a_shared_question() {
        let range = |start, count| Refused { function: Function::Input, start, count };
        let with = |refused| Limits { refused, ..Limits::socket(125) };
        let registers = pairs([0, 2, 6, 8]);
        for (refused, questions) in [
            (vec![], &[(0, 10)][..]),
            (vec![range(4, 2)], &[(0, 4), (6, 4)]),
            (vec![range(0, 10)], &[(0, 4), (6, 4)]), // its parts may be tried
            (vec![range(3, 4)], &[(0, 4), (6, 4)]),
            (vec![range(2, 2)], &[(0, 2), (2, 2), (6, 4)]), // asked alone
            (vec![Refused { function: Function::Holding, ..range(4, 2) }], &[(0, 10)]),
        ] {
            let said = format!("{refused:?}");
            assert_eq!(ranges(&plan(&registers, &with(refused))), questions, "{said}");
        }
    }

    /// The halves of one question for all these entries.
    fn cut(registers: &[Register], limits: &Limits) -> Vec<(u16, u16)> {
        let blocks = plan(registers, limits);
        assert_eq!(blocks.len(), 1);
        ranges(&halves(&blocks[0], registers, limits))
    }

    #[test]
    fn a_refused_block_is_cut_at_the_hole_nearest_to_its_middle() {
        let socket = Limits::socket(125);
        for (starts, pieces) in [
            (&[0, 2, 10, 12, 30][..], &[(0, 14), (30, 2)][..]), // the hole over the middle
            (&[0, 4, 6, 8, 12], &[(0, 2), (4, 10)]),            // both alike: the lower
            (&[0, 4, 6, 8, 10, 12], &[(0, 2), (4, 10)]),
            (&[0, 2, 4, 6], &[(0, 4), (4, 4)]), // no hole: in the middle
            (&[0, 2, 4], &[(0, 2), (2, 4)]),
            (&[8], &[]),
        ] {
            assert_eq!(cut(&pairs(starts.iter().copied()), &socket), pieces, "{starts:?}");
        }
    }

    #[test]
    fn no_half_tears_an_entry_or_asks_for_an_odd_number() {
        let over = [register(Function::Input, 0, 8), register(Function::Input, 2, 2)];
        assert_eq!(cut(&over, &Limits::socket(125)), [(0, 8), (2, 2)], "one lies in the other");
        let even = Limits { align_even: true, ..Limits::socket(125) };
        let odd = [1, 3, 7].map(|start| register(Function::Input, start, 2));
        assert_eq!(cut(&odd, &even), [(0, 6), (6, 4)]);
    }

    #[test]
    fn a_block_is_dense_where_every_register_is_wanted() {
        for (starts, dense) in
            [(&[0, 2, 4][..], true), (&[0, 4], false), (&[0, 1, 3], true), (&[9], true)]
        {
            let registers = pairs(starts.iter().copied());
            let blocks = plan(&registers, &Limits::socket(125));
            assert_eq!(blocks[0].is_dense(&registers), dense, "{starts:?}");
        }
        let odd = [register(Function::Input, 1, 2)];
        let even = Limits { align_even: true, ..Limits::socket(125) };
        assert!(!plan(&odd, &even)[0].is_dense(&odd), "two registers are only there to be even");
    }
}
