//! A conversation on a line as text, so that a problem in the field and a test look the same.
//!
//! One line a thing that happened. A number in front is the time in milliseconds since the
//! beginning, with up to three digits behind the point. Blank lines mean nothing, and `#` begins a
//! comment.
//!
//! | mark | means |
//! | --- | --- |
//! | `>` | these bytes were sent |
//! | `<` | these bytes were heard |
//! | `=` | what was made of it, see [`Verdict`] |
//! | `@` | what holds from here on: `rtu 9600 8N1`, `rtu+tcp`, `tcp`, `patience 1000`, `listen 5` |
//! | `@ at` | when it began, by the clock on the wall; before everything else |
//!
//! ```text
//! @ at 2026-11-24T15:20:03.114Z
//! @ rtu 9600 8N1
//! @ patience 1000
//! # the energy of an SDM630
//!      0 > 01 04 00 48 00 02 F1 DD
//!     42.137 < 01 04 04 43 9A 46 66 7C 65
//!     46.211 = 2 registers
//! ```

mod parse;
mod verdict;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::Line;
use crate::hex::Hex;

pub use parse::{Malformed, Problem};
pub use verdict::{Failure, Verdict};

/// A conversation, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// The instant from which the times of the entries count, if known.
    pub began_at: Option<Timestamp>,
    /// Its lines, without comments.
    pub entries: Vec<Entry>,
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, in whole microseconds since the beginning, if known.
    pub at: Option<Duration>,
    /// What happened.
    pub event: Event,
}

/// What one line of a transcript tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `@ rtu ..`, `@ rtu+tcp`, `@ tcp`: how frames are told apart from here on.
    Framing(Framing),
    /// `@ patience ..`: how long an answer to the questions from here on is waited for, in whole
    /// microseconds.
    Patience(Duration),
    /// `@ listen ..`: how long is listened after an answer for a second one, in whole microseconds;
    /// none where nothing is said.
    Listen(Duration),
    /// `>`: sent by the gateway.
    Sent(Vec<u8>),
    /// `<`: heard by the gateway; no bytes on a line that only says that nothing was heard.
    Heard(Vec<u8>),
    /// `=`: what was made of the last question.
    Judged(Verdict),
}

/// How frames are told apart on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Frames end by silence, and silence is owed before each question.
    Serial(Line),
    /// Frames carry their length and a transaction number.
    Tcp,
    /// Serial frames on a socket: somebody else keeps the silence.
    RtuOverTcp,
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(began_at) = self.began_at {
            writeln!(f, "@ at {began_at}")?;
        }
        self.entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            let Millis { whole, micros } = Millis::of(at);
            write!(f, "{whole:>6}")?;
            if micros > 0 {
                write!(f, ".{micros:03}")?;
            }
            f.write_str(" ")?;
        }
        match &self.event {
            Event::Framing(framing) => write!(f, "@ {framing}"),
            Event::Patience(patience) => write!(f, "@ patience {}", Millis::of(*patience)),
            Event::Listen(listen) => write!(f, "@ listen {}", Millis::of(*listen)),
            Event::Sent(bytes) => frame(f, '>', bytes),
            Event::Heard(bytes) => frame(f, '<', bytes),
            Event::Judged(verdict) => write!(f, "= {verdict}"),
        }
    }
}

fn frame(f: &mut fmt::Formatter<'_>, way: char, bytes: &[u8]) -> fmt::Result {
    if bytes.is_empty() { write!(f, "{way}") } else { write!(f, "{way} {}", Hex(bytes)) }
}

impl fmt::Display for Framing {
    /// As in `@ rtu 9600 8N1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(line) => write!(f, "rtu {line}"),
            Self::Tcp => f.write_str("tcp"),
            Self::RtuOverTcp => f.write_str("rtu+tcp"),
        }
    }
}

/// A span of time as a transcript writes it: milliseconds, with a fraction where there is one.
struct Millis {
    whole: u128,
    micros: u32,
}

impl Millis {
    fn of(span: Duration) -> Self {
        Self { whole: span.as_millis(), micros: span.subsec_micros() % 1_000 }
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.micros {
            0 => write!(f, "{}", self.whole),
            micros => write!(f, "{}.{micros:03}", self.whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
@ at 2026-11-24T15:20:03.114Z
@ rtu 19200 8E1
@ patience 1000
     0 > 01 04 00 48 00 02 F1 DD
    42.137 < 01 04 04
< 43 9A
<
    70 = damaged: truncated
   170 @ rtu 9600 8N1
   171 @ patience 250.500
@ listen 5
   200 > 02 04 00 48 00 01 B1 EF
   450.500 = silent
";

    #[test]
    fn a_transcript_survives_reading_and_writing() {
        let transcript: Transcript = TEXT.parse().unwrap();
        assert_eq!(transcript.entries.len(), 12);
        assert_eq!(transcript.entries[3].at, Some(Duration::from_micros(42_137)));
        assert_eq!(transcript.to_string(), TEXT);
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        let transcript: Transcript = "# a\n\n >0104 # asked\r\n".parse().unwrap();
        let asked = Entry { at: None, event: Event::Sent(vec![1, 4]) };
        assert_eq!(transcript.entries, [asked]);
    }

    #[test]
    fn every_way_of_framing_has_a_name() {
        for text in ["rtu 300 7O2", "rtu 9600 8N1", "rtu+tcp", "tcp"] {
            let transcript: Transcript = format!("@ {text}").parse().unwrap();
            let Event::Framing(framing) = &transcript.entries[0].event else { panic!("{text}") };
            assert_eq!(framing.to_string(), text);
        }
    }
}
