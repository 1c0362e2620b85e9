//! Plans of questions against every possible one: none is cheaper, and none is forbidden.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use catalog::{Block, DataType, Limits, Refused, Register, halves, plan};
use domain::Quantity;
use proptest::prelude::*;
use wire::Line;
use wire::modbus::Function;

fn register(function: Function, start: u16, size: u8) -> Register {
    let en_im = Quantity::from_name("en_im").unwrap();
    Register::plain(en_im, function, start, (DataType::Uint, size))
}

/// First register and the one behind the last, of what has to be asked for these entries.
fn whole(group: &[&Register], limits: &Limits) -> (u16, u16) {
    let start = group.iter().map(|one| one.start).min().unwrap();
    let end = group.iter().map(|one| one.start + u16::from(one.size)).max().unwrap();
    let odd = u16::from(limits.align_even);
    (start - start % 2 * odd, end + end % 2 * odd)
}

/// Whether these entries may share one question.
fn may_share(group: &[&Register], limits: &Limits) -> bool {
    let function = group[0].function;
    let (start, end) = whole(group, limits);
    let contains = |refused: &Refused| {
        refused.function == function
            && start <= refused.start
            && refused.start + refused.count <= end
    };
    group.iter().all(|one| one.function == function)
        && end - start <= limits.max_registers.min(125)
        && !limits.refused.iter().any(contains)
}

fn cost(group: &[&Register], limits: &Limits) -> Option<Duration> {
    let (start, end) = whole(group, limits);
    (group.len() == 1 || may_share(group, limits)).then(|| limits.cost(end - start))
}

/// The least cost of any division of the entries into questions.
fn least<'r>(
    rest: &'r [Register],
    groups: &mut Vec<Vec<&'r Register>>,
    limits: &Limits,
) -> Option<Duration> {
    let Some((first, rest)) = rest.split_first() else {
        return groups.iter().map(|group| cost(group, limits)).sum();
    };
    let mut best = None;
    for n in 0..=groups.len() {
        if n == groups.len() {
            groups.push(Vec::new());
        }
        groups[n].push(first);
        best = [best, least(rest, groups, limits)].into_iter().flatten().min();
        groups[n].pop();
        groups.retain(|group| !group.is_empty());
    }
    best
}

fn entries() -> impl Strategy<Value = Vec<Register>> {
    let function = prop::sample::select(vec![Function::Input, Function::Input, Function::Holding]);
    let size = prop::sample::select(vec![1_u8, 2, 4, 8]);
    let entry = (function, 0_u16..160, size).prop_map(|(f, start, size)| register(f, start, size));
    prop::collection::vec(entry, 1..9)
}

fn limits() -> impl Strategy<Value = Limits> {
    let baud = prop::sample::select(vec![1200_u32, 9600, 115_200]);
    let function = prop::sample::select(vec![Function::Input, Function::Input, Function::Holding]);
    let count = prop_oneof![1_u16..6, 1_u16..80];
    let refused = (function, 0_u16..160, count).prop_map(|(function, start, count)| Refused {
        function,
        start,
        count,
    });
    let refused = prop::collection::vec(refused, 0..5);
    (baud, 0_u64..100, 1_u16..200, any::<(bool, bool)>(), refused).prop_map(
        |(baud, delay_ms, max_registers, (align_even, learnt), refused)| {
            let line = Line { baud, ..Line::default() };
            let limits = Limits::serial(max_registers, line, Duration::from_millis(delay_ms));
            let mut limits = Limits { align_even, ..limits };
            // A list of others may hold ranges that contain each other.
            match learnt {
                true => refused.into_iter().for_each(|refused| limits.learn(refused)),
                false => limits.refused = refused,
            }
            limits
        },
    )
}

fn members<'r>(block: &Block, registers: &'r [Register]) -> Vec<&'r Register> {
    block.registers.iter().map(|entry| &registers[*entry]).collect()
}

/// The entries of a block, after it was found that it reads them whole and nothing around them.
fn read_whole(block: &Block, registers: &[Register], limits: &Limits) -> Vec<usize> {
    let group = members(block, registers);
    assert!(group.iter().all(|one| one.function == block.function));
    assert_eq!((block.start, block.start + block.count), whole(&group, limits));
    block.registers.clone()
}

proptest! {
    #[test]
    fn no_division_is_cheaper(registers in entries(), limits in limits()) {
        let planned: Duration =
            plan(&registers, &limits).iter().map(|block| limits.cost(block.count)).sum();
        prop_assert_eq!(Some(planned), least(&registers, &mut Vec::new(), &limits));
    }

    #[test]
    fn every_entry_is_read_whole_and_once(registers in entries(), limits in limits()) {
        let blocks = plan(&registers, &limits);
        let mut read: Vec<usize> =
            blocks.iter().flat_map(|block| read_whole(block, &registers, &limits)).collect();
        read.sort_unstable();
        prop_assert_eq!(read, (0..registers.len()).collect::<Vec<_>>());
    }

    #[test]
    fn no_shared_question_is_forbidden(registers in entries(), limits in limits()) {
        for block in plan(&registers, &limits).iter().filter(|block| block.registers.len() > 1) {
            prop_assert!(may_share(&members(block, &registers), &limits), "{:?}", block);
        }
    }

    #[test]
    fn what_is_learnt_of_refusals_forbids_the_same(
        registers in entries(),
        limits in limits(),
    ) {
        let mut learnt = Limits { refused: Vec::new(), ..limits.clone() };
        for refused in &limits.refused {
            learnt.learn(*refused);
        }
        prop_assert_eq!(plan(&registers, &learnt), plan(&registers, &limits));
    }

    #[test]
    fn halves_read_the_same_entries_in_smaller_pieces(registers in entries(), limits in limits()) {
        for block in plan(&registers, &limits) {
            let pieces = halves(&block, &registers, &limits);
            prop_assert_eq!(pieces.len(), if block.registers.len() > 1 { 2 } else { 0 });
            let mut read: Vec<usize> =
                pieces.iter().flat_map(|piece| read_whole(piece, &registers, &limits)).collect();
            for piece in &pieces {
                prop_assert!(piece.registers.len() < block.registers.len());
                prop_assert!(piece.start >= block.start && piece.count <= block.count);
            }
            let mut whole = block.registers.clone();
            read.sort_unstable();
            whole.sort_unstable();
            prop_assert!(pieces.is_empty() || read == whole);
        }
    }
}
