use jiff::Timestamp;
use wire::Line;

/// What is due on a bus and has not been asked yet. Pure: time is an argument.
///
/// The meter whose next slot comes first is asked first, so that many meters with a long interval
/// do not hold up one with a short interval. Of those with the same deadline the one that waits
/// longest comes first, so that a bus that cannot keep up leaves nobody out; then the ones with the
/// line settings in force, so that switches are few.
#[derive(Debug)]
pub(crate) struct Agenda {
    /// By meter.
    due: Vec<Option<Due>>,
}

/// What is due of one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// Which paces of the meter: bit n stands for pace n.
    pub(crate) paces: u64,
    /// The slot it is asked for; of several, the last.
    pub(crate) at: Timestamp,
    /// The instant of the site's grid that the readings are labelled with; of several, the last.
    /// `None` where it is asked beside the grid, or has none.
    pub(crate) slot: Option<Timestamp>,
    /// Since when it waits: the first slot that it was not asked for.
    pub(crate) since: Timestamp,
    /// When the next slot comes.
    pub(crate) deadline: Timestamp,
    /// Slots that passed before the bus came to them, pace by pace.
    pub(crate) skipped: Vec<Skipped>,
}

/// Slots of a meter that passed unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Which pace had them, as its bit.
    pub(crate) pace: u64,
    /// How many.
    pub(crate) count: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Due {
    /// Slots of a pace that passed unasked, together with those that passed before.
    fn skip(&mut self, new: Skipped) {
        match self.skipped.iter_mut().find(|known| known.pace == new.pace) {
            Some(known) => {
                known.count = known.count.saturating_add(new.count);
                known.last = new.last;
            }
            None => self.skipped.push(new),
        }
    }

    /// Adds what has become due meanwhile.
    fn and(&mut self, new: Self) {
        let again = self.paces & new.paces;
        for pace in (0..u64::BITS).map(|n| 1 << n).filter(|pace| again & pace != 0) {
            self.skip(Skipped { pace, count: 1, first: self.at, last: self.at });
        }
        new.skipped.into_iter().for_each(|skipped| self.skip(skipped));
        // What waits for another pace alone keeps its deadline.
        let alone = self.paces & !new.paces != 0;
        self.deadline = if alone { self.deadline.min(new.deadline) } else { new.deadline };
        self.paces |= new.paces;
        self.at = self.at.max(new.at);
        self.slot = self.slot.max(new.slot);
        self.since = self.since.min(new.since);
    }
}

impl Agenda {
    pub(crate) fn new(meters: usize) -> Self {
        Self { due: vec![None; meters] }
    }

    /// Adds what has become due. A slot of the same pace that still waits was skipped.
    pub(crate) fn add(&mut self, meter: usize, new: Due) {
        match self.due.get_mut(meter) {
            Some(Some(due)) => due.and(new),
            Some(none) => *none = Some(new),
            None => {}
        }
    }

    /// Takes what is to be asked next.
    pub(crate) fn next(
        &mut self,
        current: Line,
        line_of: impl Fn(usize) -> Line,
    ) -> Option<(usize, Due)> {
        let waiting = self.due.iter().enumerate().filter_map(|(n, due)| Some((n, due.as_ref()?)));
        let (first, _) = waiting.min_by_key(|(n, due)| {
            (due.deadline, due.since, line_of(*n) != current, line_of(*n))
        })?;
        Some((first, self.due.get_mut(first)?.take()?))
    }

    /// How many meters wait.
    pub(crate) fn len(&self) -> usize {
        self.due.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use wire::Parity;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn due(pace: u32, from: i64, to: i64) -> Due {
        Due {
            paces: 1 << pace,
            at: at(from),
            slot: Some(at(from)),
            since: at(from),
            deadline: at(to),
            skipped: Vec::new(),
        }
    }

    fn order(agenda: &mut Agenda, lines: &[Line]) -> Vec<usize> {
        let mut current = Line::default();
        std::iter::from_fn(|| {
            let (meter, _) = agenda.next(current, |n| lines[n])?;
            current = lines[meter];
            Some(meter)
        })
        .collect()
    }

    #[test]
    fn whoever_has_the_nearest_deadline_comes_first() {
        let mut agenda = Agenda::new(3);
        agenda.add(0, due(0, 0, 900));
        agenda.add(1, due(0, 0, 10));
        agenda.add(2, due(0, 0, 60));
        assert_eq!(agenda.len(), 3);
        assert_eq!(order(&mut agenda, &[Line::default(); 3]), [1, 2, 0]);
        assert_eq!(agenda.len(), 0);
    }

    #[test]
    fn the_same_line_settings_follow_each_other() {
        let even = Line { parity: Parity::Even, ..Line::default() };
        let lines = [even, Line::default(), even, Line::default()];
        let mut agenda = Agenda::new(4);
        (0..4).for_each(|n| agenda.add(n, due(0, 0, 60)));
        assert_eq!(order(&mut agenda, &lines), [1, 3, 0, 2], "one switch");
    }

    #[test]
    fn a_bus_that_cannot_keep_up_leaves_nobody_out() {
        let mut agenda = Agenda::new(3);
        let mut served = [0; 3];
        // Each second all three are due, and there is time for one.
        for second in 0..30 {
            (0..3).for_each(|n| agenda.add(n, due(0, second, second + 1)));
            let (meter, _) = agenda.next(Line::default(), |_| Line::default()).unwrap();
            served[meter] += 1;
        }
        assert_eq!(served, [10; 3]);
    }

    #[test]
    fn a_slot_that_comes_round_again_was_skipped_once() {
        let mut agenda = Agenda::new(1);
        agenda.add(0, due(0, 0, 10));
        agenda.add(0, due(0, 10, 20));
        agenda.add(0, due(0, 20, 30));
        let (_, due) = agenda.next(Line::default(), |_| Line::default()).unwrap();
        assert_eq!((due.at, due.slot, due.deadline), (at(20), Some(at(20)), at(30)));
        let skipped = Skipped { pace: 1, count: 2, first: at(0), last: at(10) };
        assert_eq!(due.skipped, [skipped]);
    }

    #[test]
    fn paces_of_one_meter_that_wait_together_are_asked_together() {
        let mut agenda = Agenda::new(1);
        agenda.add(0, due(1, 0, 900));
        agenda.add(0, due(0, 0, 10));
        let (_, both) = agenda.next(Line::default(), |_| Line::default()).unwrap();
        assert_eq!((both.paces, both.deadline, both.skipped), (0b11, at(10), vec![]));
    }
}
