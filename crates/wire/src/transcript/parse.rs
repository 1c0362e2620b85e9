use std::str::FromStr;
use std::time::Duration;

use super::{Entry, Event, Framing, Transcript, Verdict};
use crate::{Line, Parity, hex};

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
    /// None of the four marks.
    #[error("expected > (sent), < (heard), = (judged) or @ (from here on)")]
    NoMark,
    /// What stands in front of the mark is no time.
    #[error("{0:?} is no time in milliseconds, with three digits behind the point at most")]
    NoTime(String),
    /// What stands behind the arrow is no sequence of bytes.
    #[error("behind the arrow, {0}")]
    NoBytes(#[from] hex::Malformed),
    /// What stands behind `=` is no verdict.
    #[error("{0:?} is no verdict such as `2 registers`, `refused 2`, `silent`, `damaged: bad_crc`")]
    NoVerdict(String),
    /// What stands behind `@` is no setting.
    #[error(
        "{0:?} is no setting such as `rtu 9600 8N1`, `rtu+tcp`, `tcp`, `patience 1000`, `listen 5`"
    )]
    NoSetting(String),
    /// `@ at` stands behind something else, or a second time.
    #[error("`@ at` stands once, before everything else, without a time")]
    LateStart,
}

impl FromStr for Transcript {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut transcript = Self::default();
        for (n, line) in text.lines().enumerate() {
            let said = line.split_once('#').map_or(line, |(said, _)| said).trim();
            if !said.is_empty() {
                let taken = transcript.take(said);
                taken.map_err(|problem| Malformed { line: n + 1, problem })?;
            }
        }
        Ok(transcript)
    }
}

impl Transcript {
    /// Takes one line more, which is not empty.
    fn take(&mut self, said: &str) -> Result<(), Problem> {
        let mark = said.find(['>', '<', '=', '@']).ok_or(Problem::NoMark)?;
        let (time, rest) = said.split_at(mark);
        let (mark, rest) = rest.split_at(1);
        let (time, bytes, rest) = (time.trim(), rest, rest.trim());
        let at = match time {
            "" => None,
            _ => Some(millis(time).ok_or_else(|| Problem::NoTime(time.to_owned()))?),
        };
        let event = match mark {
            ">" => Event::Sent(hex::parse(bytes)?),
            "<" => Event::Heard(hex::parse(bytes)?),
            "=" => {
                let verdict = Verdict::parse(rest);
                Event::Judged(verdict.ok_or_else(|| Problem::NoVerdict(rest.to_owned()))?)
            }
            _ => match rest.split_once(' ') {
                Some(("at", instant)) => return self.begin(at, instant.trim()),
                _ => setting(rest).ok_or_else(|| Problem::NoSetting(rest.to_owned()))?,
            },
        };
        self.entries.push(Entry { at, event });
        Ok(())
    }

    fn begin(&mut self, at: Option<Duration>, instant: &str) -> Result<(), Problem> {
        if at.is_some() || self.began_at.is_some() || !self.entries.is_empty() {
            return Err(Problem::LateStart);
        }
        let began_at = instant.parse().map_err(|_| Problem::NoSetting(format!("at {instant}")))?;
        self.began_at = Some(began_at);
        Ok(())
    }
}

fn setting(said: &str) -> Option<Event> {
    let mut words = said.split_whitespace();
    let event = match (words.next()?, words.next(), words.next()) {
        ("rtu", Some(baud), Some(character)) => {
            Event::Framing(Framing::Serial(line(baud, character)?))
        }
        ("rtu+tcp", None, None) => Event::Framing(Framing::RtuOverTcp),
        ("tcp", None, None) => Event::Framing(Framing::Tcp),
        ("patience", Some(span), None) => Event::Patience(millis(span)?),
        ("listen", Some(span), None) => Event::Listen(millis(span)?),
        _ => return None,
    };
    words.next().is_none().then_some(event)
}

/// A line from its two words, as in `9600 8N1`.
fn line(baud: &str, character: &str) -> Option<Line> {
    let &[data_bits, parity, stop_bits] = character.as_bytes() else { return None };
    Some(Line {
        baud: baud.parse().ok().filter(|baud| *baud > 0)?,
        parity: match parity {
            b'N' => Parity::None,
            b'E' => Parity::Even,
            b'O' => Parity::Odd,
            _ => return None,
        },
        data_bits: Some(data_bits.wrapping_sub(b'0')).filter(|bits| matches!(bits, 7 | 8))?,
        stop_bits: Some(stop_bits.wrapping_sub(b'0')).filter(|bits| matches!(bits, 1 | 2))?,
    })
}

/// A span of time in milliseconds, as in `42` and `42.137`.
fn millis(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let micros: u64 = format!("{fraction:0<3}").parse().ok().filter(|_| !fraction.is_empty())?;
    Some(Duration::from_millis(whole.parse().ok()?) + Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_line_is_named() {
        for (text, message) in [
            ("\n01 04", "line 2: expected > (sent), < (heard), = (judged) or @ (from here on)"),
            (
                "soon > 01",
                "line 1: \"soon\" is no time in milliseconds, with three digits behind the point \
                 at most",
            ),
            (
                "> 01 0",
                "line 1: behind the arrow, the digit at character 5 stands alone, a byte has two",
            ),
            (
                "> 01\n= fine",
                "line 2: \"fine\" is no verdict such as `2 registers`, `refused 2`, `silent`, \
                 `damaged: bad_crc`",
            ),
            (
                "@ rtu 9600 9N1",
                "line 1: \"rtu 9600 9N1\" is no setting such as `rtu 9600 8N1`, `rtu+tcp`, `tcp`, \
                 `patience 1000`, `listen 5`",
            ),
            (
                "@ tcp\n@ at 2026-11-24T15:20:03Z",
                "line 2: `@ at` stands once, before everything else, without a time",
            ),
        ] {
            assert_eq!(text.parse::<Transcript>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_time_has_three_digits_behind_the_point_at_most() {
        for (text, micros) in [("0", 0), ("42.1", 42_100), ("42.137", 42_137), ("7.05", 7_050)] {
            assert_eq!(millis(text), Some(Duration::from_micros(micros)), "{text}");
        }
        for text in ["", ".5", "5.", "1.2345", "-1", "+1", "1e3", "1.-1", "99999999999999999999"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
