//! What is wrong with something written: where, which rule, and how to mend it.

mod code;
mod place;
mod render;

use std::borrow::Cow;

pub use code::{Code, Severity};
pub use place::{Place, Placed};

use crate::span::Span;

/// One thing that is wrong, doubtful or worth saying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How much it weighs.
    pub severity: Severity,
    /// What it is, as one word.
    pub code: Code,
    /// What it is about: `meter[1].registers[0].unit`. Empty for the whole.
    pub path: String,
    /// Where it stands, if it stands anywhere: byte offsets into the text.
    pub span: Option<Span>,
    /// Where the thing begins that it collides with, if there is one.
    pub beside: Option<usize>,
    /// The rule, for people.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Problem {
    /// Something that must be mended.
    #[must_use]
    pub fn error(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, path.into(), message.into())
    }

    /// Something a person should look at.
    #[must_use]
    pub fn warning(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, path.into(), message.into())
    }

    /// Something said for the record.
    #[must_use]
    pub fn note(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, path.into(), message.into())
    }

    fn new(severity: Severity, code: Code, path: String, message: String) -> Self {
        Self { severity, code, path, span: None, beside: None, message, hint: None }
    }

    /// The same problem with its place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// The same problem with the place of what it collides with.
    #[must_use]
    pub fn beside(mut self, start: usize) -> Self {
        self.beside = Some(start);
        self
    }

    /// Rule and remedy in one line.
    #[must_use]
    pub fn message_with_hint(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// The same problem with a way to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// All that is wrong with one text.
///
/// Keeps the first [`Problems::MOST`] of each severity and counts the others: a hostile text costs
/// no more than a bad one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    counts: [usize; 3],
}

impl Problems {
    /// The most problems of one severity that are kept.
    pub const MOST: usize = 1_000;

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        if let Some(count) = self.counts.get_mut(index(problem.severity)) {
            *count += 1;
            if *count <= Self::MOST {
                self.list.push(problem);
            }
        }
    }

    /// Whether further errors are only counted, so that nobody needs to think up advice for them.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count(Severity::Error) >= Self::MOST
    }

    /// Whether there is no error.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// Whether there is nothing to say at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many of a severity there are, kept or not.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.counts.get(index(severity)).copied().unwrap_or_default()
    }

    /// All that are kept, in the order of their places; those without a place come last.
    #[must_use]
    pub fn in_order(&self) -> Vec<&Problem> {
        let mut list: Vec<&Problem> = self.list.iter().collect();
        list.sort_by_key(|problem| problem.span.as_ref().map_or(usize::MAX, |span| span.start));
        list
    }

    /// The errors that are kept, in the order of their places.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.of(Severity::Error)
    }

    /// The warnings that are kept, in the order of their places.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.of(Severity::Warning)
    }

    /// All that are kept of a severity, in the order of their places.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Problem> {
        self.in_order().into_iter().filter(move |problem| problem.severity == severity)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        let mut problems = Self::default();
        problems.push(problem);
        problems
    }
}

const fn index(severity: Severity) -> usize {
    match severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Note => 2,
    }
}

/// A text fit to be repeated in a message: short, and without control characters.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 40;
    let cut = text.char_indices().nth(LONGEST).map(|(at, _)| at);
    let start = cut.map_or(text, |at| text.get(..at).unwrap_or_default());
    if cut.is_none() && !start.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let plain = start.replace(char::is_control, "\u{fffd}");
    Cow::Owned(if cut.is_some() { format!("{plain}…") } else { plain })
}
