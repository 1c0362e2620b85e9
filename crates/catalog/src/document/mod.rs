//! What is written, before anybody asks what it means: a tree in which every key and every value
//! knows its place, the same for TOML and JSON.

mod amount;
mod depth;
mod json;
mod toml;

use crate::problem::{Code, Problem};
pub use amount::Amount;
pub use json::{LONGEST_JSON, parse_json};
pub use toml::parse_toml;

/// The deepest nesting of lists and tables, and the longest dotted key, in parts.
pub const DEEPEST: usize = 32;

pub use crate::span::Span;

/// The text of a file, if it is no longer than `longest` bytes and UTF-8.
///
/// # Errors
/// `too_large` or `not_utf8`.
pub fn text_of(bytes: &[u8], longest: usize) -> Result<&str, Problem> {
    if bytes.len() > longest {
        let rule = format!("{} bytes: such a file has at most {longest}", bytes.len());
        return Err(Problem::error(Code::TooLarge, "", rule));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let start = error.valid_up_to();
        Problem::error(Code::NotUtf8, "", "files are UTF-8; these bytes are not")
            .at(start..start + 1)
            .hint("save the file as UTF-8, without byte order mark")
    })
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands. A table that has a header stands at its header.
    pub span: Span,
    /// What is written there.
    pub value: Value,
}

/// A value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, escapes resolved.
    Text(String),
    /// A number.
    Number(Amount),
    /// `true` or `false`.
    Flag(bool),
    /// `null`, which only JSON has.
    Nothing,
    /// A date or a time, which only TOML has.
    Moment,
    /// Values in brackets, or tables under the same `[[header]]`.
    List(Vec<Node>),
    /// Keys with their values.
    Table(Table),
}

/// Keys with their values, in the order of their places. No key stands twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    fields: Vec<Field>,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The key, escapes resolved.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Its value.
    pub node: Node,
}

impl Value {
    /// What it is, in the words of a message: `a number`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Nothing => "nothing (null)",
            Self::Moment => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Table {
    fn of(mut fields: Vec<Field>) -> Self {
        fields.sort_by_key(|field| field.key_span.start);
        Self { fields }
    }

    /// All keys with their values, in the order of their places.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of a key, exact spelling.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// Whether nothing is written in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}
