use std::collections::BTreeMap;

use super::{Problem, Problems};

/// Line and column, both from 1. Only a line feed ends a line; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A problem and where it stands for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed<'p> {
    /// The problem.
    pub problem: &'p Problem,
    /// Its place, if it has one.
    pub place: Option<Place>,
    /// The line of what it collides with, if there is something.
    pub beside: Option<usize>,
}

impl Placed<'_> {
    /// The rule, with the line of what the problem collides with.
    #[must_use]
    pub fn message(&self) -> String {
        let message = &self.problem.message;
        self.beside.map_or_else(|| message.clone(), |line| format!("{message} (line {line})"))
    }
}

impl Problems {
    /// All that are kept, in the order of their places, which are found by walking through the text,
    /// not by searching it.
    #[must_use]
    pub fn placed(&self, text: &str) -> Vec<Placed<'_>> {
        let in_order = self.in_order();
        let mut others: Vec<usize> = in_order.iter().filter_map(|problem| problem.beside).collect();
        others.sort_unstable();
        let mut walk = Walk::through(text);
        let lines: BTreeMap<usize, usize> =
            others.into_iter().map(|offset| (offset, walk.to(offset).line)).collect();
        let mut walk = Walk::through(text);
        let mut place = |problem: &Problem| problem.span.as_ref().map(|span| walk.to(span.start));
        let beside = |problem: &Problem| lines.get(&problem.beside?).copied();
        in_order
            .into_iter()
            .map(|problem| Placed { problem, place: place(problem), beside: beside(problem) })
            .collect()
    }
}

/// A walk through a text that only goes forward.
struct Walk<'t> {
    text: &'t str,
    at: usize,
    place: Place,
}

impl<'t> Walk<'t> {
    fn through(text: &'t str) -> Self {
        // A byte order mark has no width.
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, at, place: Place { line: 1, column: 1 } }
    }

    fn to(&mut self, offset: usize) -> Place {
        let passed = self.text.get(self.at..offset).unwrap_or_default();
        let lines = passed.bytes().filter(|&byte| byte == b'\n').count();
        let last = passed.rsplit('\n').next().unwrap_or_default().chars().count();
        let column = if lines == 0 { self.place.column } else { 1 };
        self.place = Place { line: self.place.line + lines, column: column + last };
        self.at = self.at.max(offset);
        self.place
    }
}
