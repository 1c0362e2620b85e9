//! Meters with holes: what can be read is read in each visit, and soon by few questions.

use std::collections::BTreeSet;

use catalog::{Limits, Refused, Register, USUAL_DELAY};
use domain::{PlanNumber, Quantity, Reason};
use proptest::prelude::*;
use wire::Line;
use wire::modbus::Function;

use super::FRAMINGS;
use super::wires::{Asked, Wires, says};
use crate::conversation::Conversation;
use crate::testing::{entry, meter, walking_clock};
use crate::visit::{ALL_PACES, Visited};

/// Visits after which the holes are known.
const LEARNING: usize = 12;

/// A meter and what it refuses.
#[derive(Debug, Clone)]
struct Holed {
    registers: Vec<Register>,
    holes: BTreeSet<u16>,
    /// The most registers of one question, and the exception to a longer one.
    most: u16,
    too_long: u8,
}

impl Holed {
    fn refuses(&self, start: u16, count: u16) -> Option<u8> {
        if count > self.most {
            return Some(self.too_long);
        }
        self.holes.range(start..start + count).next().map(|_| 2)
    }

    fn is_readable(&self, register: &Register) -> bool {
        self.refuses(register.start, register.size.into()).is_none()
    }

    /// The questions of somebody who knows every hole.
    fn optimum(&self) -> usize {
        let mut limits = Limits::serial(self.most, Line::default(), USUAL_DELAY);
        for start in &self.holes {
            limits.learn(Refused { function: Function::Input, start: *start, count: 1 });
        }
        catalog::plan(&self.registers, &limits).len()
    }
}

/// Up to 24 entries of one or two registers, with up to five others between them; of all of these
/// some are holes.
fn holed() -> impl Strategy<Value = Holed> {
    let names: Vec<&str> = Quantity::all().map(Quantity::name).collect();
    let spots = prop::collection::vec((0..6_u16, 1..=2_u8, 0..8_u8), 1..24);
    (spots, prop::collection::vec(0..10_u8, 200), 2..60_u16, 2..=3_u8).prop_map(
        move |(spots, between, most, too_long)| {
            let (mut registers, mut holes, mut next) = (Vec::new(), BTreeSet::new(), 100);
            for (n, (gap, size, chance)) in spots.into_iter().enumerate() {
                holes.extend((next..next + gap).filter(|n| between[usize::from(n - 100)] == 0));
                let start = next + gap;
                registers.push(entry(names[n], Function::Input, start, size));
                holes.extend((chance == 0).then_some(start));
                next = start + u16::from(size);
            }
            Holed { registers, holes, most, too_long }
        },
    )
}

/// Questions of each visit; what was read is judged on the way.
async fn visits(holed: &Holed) -> Result<Vec<usize>, TestCaseError> {
    let far_end = holed.clone();
    let wires = Wires::new(FRAMINGS[0], move |asked: &Asked| {
        let heard = asked.heard();
        says(match far_end.refuses(heard.start, heard.count) {
            Some(code) => asked.refusal(code),
            None => asked.numbers(0),
        })
    });
    let mut conversation = Conversation::new(wires.clone());
    let clock = walking_clock(super::START);
    let mut visited = Visited::new(meter("m", 1, holed.registers.clone()));
    let mut questions = Vec::new();
    for visit in 0..=LEARNING {
        let before = wires.asked(1);
        let (batch, _) = visited.visit(&mut conversation, ALL_PACES, PlanNumber(1), &clock).await;
        questions.push(wires.asked(1) - before);
        for register in &holed.registers {
            let read = batch.readings.iter().any(|r| r.quantity == register.quantity);
            let is_gap = |gap: &domain::Gap| {
                gap.quantity == Some(register.quantity) && gap.reason == Reason::Refused
            };
            let gap = batch.gaps.iter().any(is_gap);
            prop_assert_eq!(read, holed.is_readable(register), "visit {}: {:?}", visit, register);
            prop_assert_ne!(read, gap);
        }
    }
    Ok(questions)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_can_be_read_around_holes_is_read_by_twice_the_fewest_questions(holed in holed()) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let questions = runtime.block_on(visits(&holed))?;
        let (last, optimum) = (questions[LEARNING], holed.optimum());
        prop_assert!(last <= 2 * optimum, "{:?}, and {} are enough", questions, optimum);
    }
}
