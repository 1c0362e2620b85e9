use std::fmt::Write;

use super::{Placed, Problem, Problems, Severity};
use crate::span::Span;

/// Where the message of a problem that takes one line begins.
const MESSAGE_COLUMN: usize = 44;
/// How much of a long line is shown before and behind the place.
const BEFORE: usize = 110;
const BEHIND: usize = 40;

impl Problems {
    /// The report for a person: every problem with file, line and column, the text underlined, the
    /// rule and the remedy, and at the end how many there are.
    ///
    /// `text` is the text that was judged. Empty if there is nothing to say.
    #[must_use]
    pub fn render(&self, file_name: &str, text: &str) -> String {
        let mut report = String::new();
        for placed in self.placed(text) {
            report.push_str(&one(placed, file_name, text));
        }
        if !self.is_empty() {
            report.push_str(&self.summary());
            report.push('\n');
        }
        report
    }

    /// How many problems there are: `4 errors, 1 note; nothing was changed.`
    #[must_use]
    pub fn summary(&self) -> String {
        let counted = |(severity, name): (Severity, &str)| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {name}")),
            more => Some(format!("{more} {name}s")),
        };
        let kinds =
            [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
        let counts: Vec<String> = kinds.into_iter().filter_map(counted).collect();
        let hidden = kinds.iter().any(|(severity, _)| self.count(*severity) > Self::MOST);
        let hidden = if hidden { " (the first of them are shown)" } else { "" };
        let end = if self.is_ok() { "." } else { "; nothing was changed." };
        format!("{}{hidden}{end}", counts.join(", "))
    }
}

impl Problem {
    /// The report of a problem with a file as a whole, which could not be read.
    #[must_use]
    pub fn render_whole(&self, file_name: &str) -> String {
        let placed = Placed { problem: self, place: None, beside: None };
        one(placed, file_name, "").trim_end().to_owned()
    }
}

fn one(placed: Placed<'_>, file_name: &str, text: &str) -> String {
    let Placed { problem, place, .. } = placed;
    let message = placed.message();
    let Problem { severity, code, hint, span, .. } = problem;
    let mut head = format!("{}[{code}] {file_name}", severity.name());
    if let Some(place) = place {
        head = format!("{head}:{}:{}", place.line, place.column);
    }
    let mut written = match (span, place) {
        (Some(span), Some(place)) if *severity != Severity::Note => {
            let (shown, marks) = excerpt(text, span);
            let line = place.line;
            format!("{head}\n{line:>5} | {shown}\n      | {marks} {message}\n")
        }
        _ => format!("{head:<MESSAGE_COLUMN$} {message}\n"),
    };
    if let Some(hint) = hint {
        // Writing into a text cannot fail.
        let _ = writeln!(written, "      = {hint}");
    }
    written
}

/// The line around a place, or a piece of a long one, and the marks that underline the place.
fn excerpt(text: &str, span: &Span) -> (String, String) {
    let start = span.start.min(text.len());
    let head = text.get(..start).unwrap_or_default();
    let tail = text.get(start..).unwrap_or_default();
    let before = head.rsplit('\n').next().unwrap_or_default().trim_start_matches('\u{feff}');
    let behind = tail.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let marked = tail.get(..span.len()).unwrap_or(behind);
    let marked = marked.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let width = marked.chars().take(BEHIND).count().max(1);

    let cut = before.char_indices().rev().nth(BEFORE).map(|(at, _)| at);
    let left = cut.map_or(before, |at| before.get(at..).unwrap_or_default());
    let left = if cut.is_some() { format!("…{left}") } else { left.to_owned() };
    let end = behind.char_indices().nth(BEHIND.max(width) + BEHIND).map(|(at, _)| at);
    let right = end.map_or(behind, |at| behind.get(..at).unwrap_or_default());
    let ellipsis = if end.is_some() { "…" } else { "" };
    let shown = format!("{}{}{ellipsis}", plain(&left), plain(right));
    (shown, format!("{}{}", " ".repeat(left.chars().count()), "^".repeat(width)))
}

/// One column for each character: tabs and control characters as blanks and replacement marks.
fn plain(text: &str) -> String {
    let fit = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(fit).collect()
}
