//! A conversation on a line as text, so that a problem in the field and a test look the same.
//!
//! One line a frame: `>` was sent, `<` was heard, then the bytes. A number in front is the time in
//! milliseconds. Blank lines mean nothing, and `#` begins a comment.
//!
//! ```text
//! # the energy of an SDM630
//!      0 > 01 04 00 48 00 02 F1 DD
//!     42 < 01 04 04 43 9A 46 66 7C 65
//! ```

use std::fmt;
use std::str::FromStr;

use crate::hex::{self, Hex};

/// Which way bytes went, seen from the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// `>`: sent by the gateway.
    Sent,
    /// `<`: heard by the gateway.
    Heard,
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, in milliseconds since any beginning, if known.
    pub at_ms: Option<u64>,
    /// Which way.
    pub way: Way,
    /// The bytes; none on a line that only says that nothing was heard.
    pub bytes: Vec<u8>,
}

/// A conversation, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// Its lines, without comments.
    pub entries: Vec<Entry>,
}

/// Why a text is no transcript.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Malformed {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Neither `>` nor `<`.
    #[error("expected > (sent) or < (heard)")]
    NoWay,
    /// What stands in front of the arrow is no time.
    #[error("{0:?} is no time in whole milliseconds")]
    NoTime(String),
    /// What stands behind the arrow is no sequence of bytes.
    #[error("behind the arrow, {0}")]
    NoBytes(#[from] hex::Malformed),
}

impl FromStr for Transcript {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut entries = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let said = line.split_once('#').map_or(line, |(said, _)| said).trim();
            if !said.is_empty() {
                entries.push(entry(said).map_err(|problem| Malformed { line: n + 1, problem })?);
            }
        }
        Ok(Self { entries })
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at_ms) = self.at_ms {
            write!(f, "{at_ms:>6} ")?;
        }
        f.write_str(match self.way {
            Way::Sent => ">",
            Way::Heard => "<",
        })?;
        if self.bytes.is_empty() { Ok(()) } else { write!(f, " {}", Hex(&self.bytes)) }
    }
}

fn entry(said: &str) -> Result<Entry, Problem> {
    let arrow = said.find(['>', '<']).ok_or(Problem::NoWay)?;
    let (time, rest) = said.split_at(arrow);
    let way = if rest.starts_with('>') { Way::Sent } else { Way::Heard };
    let time = time.trim();
    let at_ms = match time {
        "" => None,
        _ => Some(time.parse().map_err(|_| Problem::NoTime(time.to_owned()))?),
    };
    let bytes = hex::parse(rest.get(1..).unwrap_or_default())?;
    Ok(Entry { at_ms, way, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "     0 > 01 04 00 48 00 02 F1 DD\n    42 < 01 04 04\n< 43 9A\n<\n";

    #[test]
    fn a_transcript_survives_reading_and_writing() {
        let transcript: Transcript = TEXT.parse().unwrap();
        assert_eq!(transcript.entries.len(), 4);
        assert_eq!(transcript.entries[1].at_ms, Some(42));
        assert_eq!(transcript.to_string(), TEXT);
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        let transcript: Transcript = "# a\n\n >0104 # asked\r\n".parse().unwrap();
        let asked = Entry { at_ms: None, way: Way::Sent, bytes: vec![1, 4] };
        assert_eq!(transcript.entries, [asked]);
    }

    #[test]
    fn a_malformed_line_is_named() {
        for (text, message) in [
            ("\n01 04", "line 2: expected > (sent) or < (heard)"),
            ("soon > 01", "line 1: \"soon\" is no time in whole milliseconds"),
            (
                "> 01 0",
                "line 1: behind the arrow, the digit at character 5 stands alone, a byte has two",
            ),
        ] {
            assert_eq!(text.parse::<Transcript>().unwrap_err().to_string(), message);
        }
    }
}
