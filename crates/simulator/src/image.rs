//! The registers of a meter: what it says to a question.

use std::ops::Range;

use catalog::Register;
use wire::modbus::{Heard, Read, Refusal, Reply};

use crate::encode::encode;
use crate::ledger::State;
use crate::truth::Nature;

/// What a meter does about registers between those it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Holes {
    /// They are 0, as in most meters.
    #[default]
    Zero,
    /// Exception 2.
    Refuse,
}

/// A gap wider than this is no hole inside a map but the end of one part of it.
const WIDEST_HOLE: u32 = 32;

/// The registers of one meter.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    registers: Vec<Register>,
    max_registers: u16,
    holes: Holes,
}

impl Image {
    pub(crate) fn new(registers: Vec<Register>, max_registers: u16, holes: Holes) -> Self {
        Self { registers, max_registers, holes }
    }

    /// What the meter says: exception 1 to a function it does not have, 3 to more registers than
    /// it gives, 2 to an address outside its map.
    pub(crate) fn reply(&self, heard: Heard, nature: &Nature, state: &State) -> Reply {
        let known = |register: &&Register| register.function.code() == heard.function;
        if !self.registers.iter().any(|register| known(&register)) {
            return Reply::Refused(Refusal(1));
        }
        if heard.count == 0 || heard.count > self.max_registers.min(Read::MOST) {
            return Reply::Refused(Refusal(3));
        }
        let asked = range(heard.start, heard.count);
        let mut registers: Vec<&Register> = self.registers.iter().filter(known).collect();
        registers.sort_by_key(|register| register.start);
        if !self.covers(&asked, &registers) {
            return Reply::Refused(Refusal(2));
        }
        let mut words = vec![0; usize::from(heard.count)];
        for register in registers {
            let place = range(register.start, register.size.into());
            if place.start < asked.end && asked.start < place.end {
                let shown = encode(nature.holds(register.quantity, state), register);
                put(&mut words, asked.start, place.start, &shown);
            }
        }
        Reply::Words(words)
    }

    /// Whether all addresses asked for are part of the map. The registers are in order.
    fn covers(&self, asked: &Range<u32>, registers: &[&Register]) -> bool {
        let widest = match self.holes {
            Holes::Zero => WIDEST_HOLE,
            Holes::Refuse => 0,
        };
        let mut part: Option<Range<u32>> = None;
        for register in registers {
            let place = range(register.start, register.size.into());
            part = match part {
                Some(part) if place.start <= part.end + widest => {
                    Some(part.start..part.end.max(place.end))
                }
                Some(part) if part.start <= asked.start && asked.end <= part.end => return true,
                _ => Some(place),
            };
        }
        part.is_some_and(|part| part.start <= asked.start && asked.end <= part.end)
    }
}

fn range(start: u16, count: u16) -> Range<u32> {
    u32::from(start)..u32::from(start) + u32::from(count)
}

/// Writes the registers from `place` into the words from `start`, as far as they overlap.
fn put(words: &mut [u16], start: u32, place: u32, shown: &[u16]) {
    for (address, shown) in (place..).zip(shown) {
        let at = address.checked_sub(start).and_then(|at| usize::try_from(at).ok());
        if let Some(word) = at.and_then(|at| words.get_mut(at)) {
            *word = *shown;
        }
    }
}
