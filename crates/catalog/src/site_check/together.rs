//! What the meters of a site must have in common, and what they must not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{Key, Medium};
use wire::Line;

use super::bus::Known as KnownBus;
use crate::bag::{Bag, Known, Rule, line};
use crate::document::{Field, Span};
use crate::nearest::nearest;
use crate::problem::{Code, Problem, Problems};
use crate::reader::Reader;

/// All meters so far.
#[derive(Debug, Default)]
pub(super) struct Together {
    keys: BTreeMap<String, Place>,
    addresses: BTreeMap<(usize, u8), (String, usize)>,
    lines: BTreeMap<usize, Lines>,
    /// Where the last meter of each bus names it.
    pub(super) last: BTreeMap<Key, Place>,
    meters: BTreeMap<String, Medium>,
    rules: Vec<Carried>,
}

/// A meter as far as it is good.
pub(super) struct Was<'m> {
    pub(super) key: Option<&'m Key>,
    pub(super) bus: Option<(usize, &'m KnownBus)>,
    pub(super) address: Option<u8>,
    pub(super) medium: Medium,
    pub(super) bag: &'m Bag,
}

/// Where something stands and how it is called.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) span: Span,
}

/// A rule, the meter that carries it, and where it stands.
#[derive(Debug)]
struct Carried {
    meter: String,
    medium: Medium,
    rule: Rule,
    place: Place,
}

/// The line of a bus.
#[derive(Debug)]
struct Lines {
    first: Line,
    /// The first meter whose line differs.
    departs: Option<(Place, Line)>,
}

impl Together {
    pub(super) fn add(&mut self, reader: &mut Reader<'_, '_>, meter: Was<'_>) {
        let key = meter.key.map(Key::to_string);
        if let (Some(key), Some(field)) = (&key, reader.get("key")) {
            self.own_key(reader, key, field);
            self.meters.insert(key.clone(), meter.medium);
        }
        if let (Some((number, bus)), Some(address)) = (meter.bus, meter.address) {
            self.own_address(reader, (number, address), key.as_deref(), bus);
        }
        if let (Some(key), Some(rule), Some(field)) = (key, &meter.bag.rule, reader.get("rule")) {
            let (medium, rule) = (meter.medium, rule.clone());
            self.rules.push(Carried { meter: key, medium, rule, place: place(reader, field) });
        }
        if let Some((number, bus)) = meter.bus {
            self.own_line(reader, (number, bus), &meter);
            if let (Some(key), Some(field)) = (&bus.key, reader.get("bus")) {
                self.last.insert(key.clone(), place(reader, field));
            }
        }
    }

    fn own_key(&mut self, reader: &mut Reader<'_, '_>, key: &str, field: &Field) {
        if let Some(first) = self.keys.get(key) {
            let rule = format!("another meter has the key \"{key}\" already");
            let problem = reader.about(Code::Duplicate, field, rule);
            reader.problems.push(problem.beside(first.span.start));
            return;
        }
        self.keys.insert(key.to_owned(), place(reader, field));
    }

    fn own_address(
        &mut self,
        reader: &mut Reader<'_, '_>,
        (number, address): (usize, u8),
        key: Option<&str>,
        bus: &KnownBus,
    ) {
        let Some(field) = reader.get("address") else { return };
        let name =
            key.map_or_else(|| reader.prefix.trim_end_matches('.').to_owned(), str::to_owned);
        let bus = bus.key.as_ref().map_or("", Key::as_str);
        match self.addresses.get(&(number, address)) {
            Some((owner, start)) => {
                let rule = format!("{address} is already used by `{owner}` on bus `{bus}`");
                let problem = reader.about(Code::DuplicateAddress, field, rule);
                reader.problems.push(problem.beside(*start));
            }
            None => {
                self.addresses.insert((number, address), (name, field.node.span.start));
            }
        }
    }

    fn own_line(
        &mut self,
        reader: &Reader<'_, '_>,
        (number, bus): (usize, &KnownBus),
        meter: &Was<'_>,
    ) {
        let line = meter.bag.line.or(bus.line.or(Line::default()));
        let lines = self.lines.entry(number).or_insert(Lines { first: line, departs: None });
        if bus.port.as_ref().is_some_and(crate::Port::is_serial)
            && line != lines.first
            && lines.departs.is_none()
        {
            let own = line::KEYS.iter().find_map(|key| reader.get(key));
            let field = own.or_else(|| reader.get("bus"));
            lines.departs = field.map(|field| (place(reader, field), line));
        }
    }

    /// What can only be said when all meters are known.
    pub(super) fn finish(self, problems: &mut Problems) {
        for lines in self.lines.values() {
            lines.judge(problems);
        }
        judge_rules(&self.rules, &self.meters, problems);
    }
}

impl Lines {
    fn judge(&self, problems: &mut Problems) {
        if let Some((place, line)) = &self.departs {
            let rule = format!("{line} here, {} before: every meter hears all frames", self.first);
            let problem = Problem::warning(Code::MixedLines, place.path.clone(), rule);
            let hint = "give all meters of a bus the same line, where the meters allow it";
            problems.push(problem.at(place.span.clone()).hint(hint));
        }
    }
}

fn place(reader: &Reader<'_, '_>, field: &Field) -> Place {
    Place { path: reader.path(&field.key), span: field.node.span.clone() }
}

fn judge_rules(rules: &[Carried], meters: &BTreeMap<String, Medium>, problems: &mut Problems) {
    let circular = circular(rules);
    for (k, carried) in rules.iter().enumerate() {
        let known = Known {
            medium: carried.medium,
            circular: circular.contains(&k),
            meters: &|key| Some((*meters.get(key)?, false)),
        };
        let Some((code, said)) = known.judge(&carried.rule) else { continue };
        let mut named = carried.rule.meters().filter(|_| !problems.is_full());
        let unknown = named.find(|key| !meters.contains_key(*key));
        let near = unknown.and_then(|key| nearest(key, meters.keys().map(String::as_str)));
        let problem = Problem::error(code, carried.place.path.clone(), said);
        let problem = problem.at(carried.place.span.clone());
        problems.push(match near {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        });
    }
}

/// The rules whose meter is computed from itself: those in a circle of rules, found in one walk
/// (Tarjan's strongly connected components, without recursion).
fn circular(rules: &[Carried]) -> BTreeSet<usize> {
    let carriers: HashMap<&str, usize> =
        rules.iter().enumerate().map(|(k, carried)| (carried.meter.as_str(), k)).collect();
    let next: Vec<Vec<usize>> = rules
        .iter()
        .map(|carried| carried.rule.meters().filter_map(|m| carriers.get(m).copied()).collect())
        .collect();
    let mut walk = Walk { next: &next, found: vec![None; rules.len()], ..Walk::default() };
    for start in 0..rules.len() {
        walk.from(start);
    }
    walk.circular
}

#[derive(Default)]
struct Walk<'n> {
    next: &'n [Vec<usize>],
    /// When a rule was found, and the earliest found rule of its circle.
    found: Vec<Option<(usize, usize)>>,
    clock: usize,
    circle: Vec<usize>,
    inside: BTreeSet<usize>,
    circular: BTreeSet<usize>,
}

impl Walk<'_> {
    fn from(&mut self, start: usize) {
        let mut path: Vec<(usize, usize)> = Vec::new();
        if self.enter(start) {
            path.push((start, 0));
        }
        while let Some((rule, step)) = path.pop() {
            match self.next.get(rule).and_then(|next| next.get(step)).copied() {
                Some(next) => {
                    path.push((rule, step + 1));
                    if next == rule {
                        self.circular.insert(rule);
                    } else if self.enter(next) {
                        path.push((next, 0));
                    } else if self.inside.contains(&next) {
                        self.lower(rule, next);
                    }
                }
                None => {
                    self.leave(rule);
                    if let Some(&(before, _)) = path.last() {
                        self.lower(before, rule);
                    }
                }
            }
        }
    }

    fn enter(&mut self, rule: usize) -> bool {
        let Some(found @ None) = self.found.get_mut(rule) else { return false };
        *found = Some((self.clock, self.clock));
        self.clock += 1;
        self.circle.push(rule);
        self.inside.insert(rule);
        true
    }

    fn lower(&mut self, rule: usize, seen: usize) {
        let Some(&Some((_, earliest))) = self.found.get(seen) else { return };
        if let Some(Some((_, low))) = self.found.get_mut(rule)
            && self.inside.contains(&seen)
        {
            *low = earliest.min(*low);
        }
    }

    fn leave(&mut self, rule: usize) {
        let Some(&Some((at, low))) = self.found.get(rule) else { return };
        if at != low {
            return;
        }
        let start = self.circle.iter().rposition(|&member| member == rule).unwrap_or(0);
        let members = self.circle.split_off(start);
        for member in &members {
            self.inside.remove(member);
        }
        if members.len() > 1 {
            self.circular.extend(members);
        }
    }
}
