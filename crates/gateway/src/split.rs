use catalog::{Block, Register};

/// A block that was refused, in smaller pieces: where the meter has holes, each run of registers
/// without a hole is one piece; a run that is refused is halved. Pure; nothing is asked twice, and
/// a single entry is not split.
pub(crate) fn split(block: &Block, registers: &[Register]) -> Vec<Block> {
    let mut entries: Vec<(usize, &Register)> =
        block.registers.iter().filter_map(|n| Some((*n, registers.get(*n)?))).collect();
    entries.sort_by_key(|(_, register)| register.start);
    let mut runs: Vec<Vec<(usize, &Register)>> = Vec::new();
    let mut end = 0;
    for entry in entries {
        match runs.last_mut() {
            Some(run) if u32::from(entry.1.start) <= end => run.push(entry),
            _ => runs.push(vec![entry]),
        }
        end = end.max(u32::from(entry.1.start) + u32::from(entry.1.size));
    }
    if let [run] = runs.as_mut_slice()
        && run.len() > 1
    {
        let rest = run.split_off(run.len() / 2);
        runs.push(rest);
    }
    runs.iter().filter_map(|run| piece(block, run)).collect()
}

fn piece(block: &Block, run: &[(usize, &Register)]) -> Option<Block> {
    let start = run.iter().map(|(_, register)| register.start).min()?;
    let last =
        run.iter().map(|(_, register)| register.start + u16::from(register.size) - 1).max()?;
    Some(Block {
        function: block.function,
        start,
        count: last - start + 1,
        registers: run.iter().map(|(n, _)| *n).collect(),
    })
}

#[cfg(test)]
mod tests {
    use catalog::DataType;
    use domain::Quantity;
    use wire::modbus::Function;

    use super::*;

    fn register(start: u16) -> Register {
        let voltage = Quantity::from_name("L1_v").unwrap();
        Register::plain(voltage, Function::Input, start, (DataType::Float, 2))
    }

    fn pieces(starts: &[u16]) -> Vec<(u16, u16)> {
        let registers: Vec<Register> = starts.iter().map(|start| register(*start)).collect();
        let block = Block {
            function: Function::Input,
            start: *starts.first().unwrap(),
            count: starts.last().unwrap() - starts.first().unwrap() + 2,
            registers: (0..registers.len()).collect(),
        };
        split(&block, &registers).iter().map(|piece| (piece.start, piece.count)).collect()
    }

    #[test]
    fn a_refused_block_is_asked_again_without_its_holes() {
        assert_eq!(pieces(&[0, 2, 10, 12, 30]), [(0, 4), (10, 4), (30, 2)]);
    }

    #[test]
    fn a_block_without_holes_is_halved_and_a_single_entry_stays() {
        assert_eq!(pieces(&[0, 2, 4, 6]), [(0, 4), (4, 4)]);
        assert_eq!(pieces(&[0, 2, 4]), [(0, 2), (2, 4)]);
        assert_eq!(pieces(&[8]), [(8, 2)]);
    }
}
