//! The registers of a meter: what it says to a question.

use std::ops::Range;

use catalog::{CheckedMeter, Identify, Identity, Register};
use domain::Quantity;
use wire::modbus::{Function, Heard, Read, Refusal, Reply};

use crate::encode::{arranged, encode};
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
    /// In the order of their addresses.
    cells: Vec<Cell>,
    max_registers: u16,
    align_even: bool,
    holes: Holes,
}

/// Some registers that belong together.
#[derive(Debug, Clone)]
struct Cell {
    function: Function,
    place: Range<u32>,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Quantity(Register),
    /// What tells the model.
    Identity(Vec<u16>),
}

impl Image {
    /// The registers of a meter: those that are read of it, and those that tell what it is.
    pub(crate) fn new(meter: &CheckedMeter, identify: &[Identify], holes: Holes) -> Self {
        let measured = meter.registers.iter().map(|register| {
            let quantity = mounted(meter, register.quantity);
            Cell::of(Register { quantity, ..register.clone() })
        });
        let mut cells: Vec<Cell> = measured.chain(identify.iter().filter_map(Cell::told)).collect();
        cells.sort_by_key(|cell| cell.place.start);
        let CheckedMeter { max_registers, align_even, .. } = *meter;
        Self { cells, max_registers, align_even, holes }
    }

    /// What the meter says: exception 1 to a function it does not have, 3 to more registers than
    /// it gives, 2 to an address outside its map or one where no value begins.
    pub(crate) fn reply(&self, heard: Heard, nature: &Nature, state: &State) -> Reply {
        let known = |cell: &&Cell| cell.function.code() == heard.function;
        if !self.cells.iter().any(|cell| known(&cell)) {
            return Reply::Refused(Refusal(1));
        }
        if heard.count == 0 || heard.count > self.max_registers.min(Read::MOST) {
            return Reply::Refused(Refusal(3));
        }
        let asked = range(heard.start, heard.count);
        let cells: Vec<&Cell> = self.cells.iter().filter(known).collect();
        let alone = cells.iter().find(|cell| cell.tells() && cell.place == asked);
        if let Some(Cell { content: Content::Identity(words), .. }) = alone {
            return Reply::Words(words.clone()); // some stand where a longer question sees others
        }
        let odd = self.align_even && (heard.start % 2 == 1 || heard.count % 2 == 1);
        if odd || !self.covers(&asked, &cells) {
            return Reply::Refused(Refusal(2));
        }
        let mut words = vec![0; usize::from(heard.count)];
        for cell in cells.iter().filter(|cell| !cell.tells()) {
            if cell.place.start < asked.end && asked.start < cell.place.end {
                put(&mut words, asked.start, cell.place.start, &cell.words(nature, state));
            }
        }
        Reply::Words(words)
    }

    /// Whether all addresses asked for are part of the map. The cells are in order.
    fn covers(&self, asked: &Range<u32>, cells: &[&Cell]) -> bool {
        let widest = match self.holes {
            Holes::Zero => WIDEST_HOLE,
            Holes::Refuse => 0,
        };
        let mut part: Option<Range<u32>> = None;
        for Cell { place, .. } in cells {
            part = match part {
                Some(part) if place.start <= part.end + widest => {
                    Some(part.start..part.end.max(place.end))
                }
                Some(part) if part.start <= asked.start && asked.end <= part.end => return true,
                _ => Some(place.clone()),
            };
        }
        part.is_some_and(|part| part.start <= asked.start && asked.end <= part.end)
    }
}

impl Cell {
    fn of(register: Register) -> Self {
        Self {
            function: register.function,
            place: range(register.start, register.size.into()),
            content: Content::Quantity(register),
        }
    }

    /// The cell of an identifying register. A serial number is the quantity of that name.
    fn told(identify: &Identify) -> Option<Self> {
        let Identify { function, start, size, data_type, swap_words, .. } = *identify;
        match &identify.meaning {
            Identity::Serial => Some(Self::of(Register {
                swap_words,
                ..Register::plain(
                    Quantity::from_name("serial_number")?,
                    function,
                    start,
                    (data_type, size),
                )
            })),
            Identity::Equals(values) => Some(Self {
                function,
                place: range(start, size.into()),
                content: Content::Identity(arranged(*values.first()?, size, swap_words)),
            }),
        }
    }

    fn tells(&self) -> bool {
        matches!(self.content, Content::Identity(_))
    }

    fn words(&self, nature: &Nature, state: &State) -> Vec<u16> {
        match &self.content {
            Content::Quantity(register) => encode(nature.holds(register.quantity, state), register),
            Content::Identity(words) => words.clone(),
        }
    }
}

/// What the register of a quantity holds in a meter that was mounted the wrong way round, as the
/// correction of its site file says: corrected, the readings are true again.
fn mounted(meter: &CheckedMeter, quantity: Quantity) -> Quantity {
    let turned = match quantity.name() {
        "en_im" if meter.en_ex_from_en_im => "en_ex",
        "en_ex" if meter.en_im_from_en_ex => "en_im",
        _ => return quantity,
    };
    Quantity::from_name(turned).unwrap_or(quantity)
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
