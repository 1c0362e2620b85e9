use std::fmt;

use thiserror::Error;

/// A mistake in a model file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ModelError {
    /// The model, `maker/model`.
    pub model: String,
    /// Line of the mistake, from 1.
    pub line: usize,
    /// Column of the mistake in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, line, column, message, .. } = self;
        write!(f, "{model}, line {line}, column {column}: {message}")?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// A mistake before its place is known as line and column.
#[derive(Debug)]
pub(super) struct Mistake {
    /// Byte in the text.
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Mistake {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn in_text(self, model: &str, text: &str) -> ModelError {
        let before = text.get(..self.at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        ModelError {
            model: model.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message: self.message,
            hint: self.hint,
        }
    }
}
