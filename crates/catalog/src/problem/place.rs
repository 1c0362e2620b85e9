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
}

impl Problems {
    /// All that are kept, in the order of their places, which are found in one walk through the
    /// text.
    #[must_use]
    pub fn placed(&self, text: &str) -> Vec<Placed<'_>> {
        let mut walk = Walk::through(text);
        let mut place = |problem: &Problem| problem.span.as_ref().map(|span| walk.to(span.start));
        let in_order = self.in_order().into_iter();
        in_order.map(|problem| Placed { problem, place: place(problem) }).collect()
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
