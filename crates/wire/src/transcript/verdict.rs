use std::fmt;

use crate::modbus::{Answer, Consequence, Fault, Refusal};

/// What was made of a question and of all that was heard after it.
///
/// In text: `2 registers`, `refused 2`, `silent`, or one of `silent:`, `damaged:` and `lost:` with
/// the label of a fault behind it, as in `damaged: bad_crc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// An answer with so many registers.
    Words(u16),
    /// The meter said no.
    Refused(Refusal),
    /// No answer.
    Failed(Failure),
}

/// Why there is no answer: a fault by its label, without the numbers that go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Failure {
    label: &'static str,
}

impl Failure {
    /// The port could not be used any more while the question was under way.
    pub const PORT_LOST: Self = Self { label: "port_lost" };

    /// The stable name, see [`Fault::label`].
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.label
    }

    /// What the failure says about the meter.
    #[must_use]
    pub fn consequence(self) -> Consequence {
        let fault = FAULTS.into_iter().find(|fault| fault.label() == self.label);
        fault.map_or(Consequence::Line, Fault::consequence)
    }

    /// The failure that has this label.
    fn labelled(label: &str) -> Option<Self> {
        let known = FAULTS.into_iter().map(Self::from).chain([Self::PORT_LOST]);
        known.into_iter().find(|failure| failure.label == label)
    }
}

/// One fault for each label.
const FAULTS: [Fault; 15] = [
    Fault::Silent,
    Fault::EchoOnly,
    Fault::BadCrc { heard: 0, expected: 0 },
    Fault::Truncated,
    Fault::Noise,
    Fault::WrongUnit { heard: 0, expected: 0 },
    Fault::WrongFunction { heard: 0, expected: 0 },
    Fault::WrongByteCount { heard: 0, expected: 0 },
    Fault::WrongLength { heard: 0, expected: 0 },
    Fault::MalformedException,
    Fault::Ambiguous,
    Fault::BadProtocolId { heard: 0 },
    Fault::BadHeaderLength { heard: 0 },
    Fault::WrongTransaction { heard: 0, expected: 0 },
    Fault::Closed,
];

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { label: fault.label() }
    }
}

impl From<Result<Answer<'_>, Fault>> for Verdict {
    fn from(answer: Result<Answer<'_>, Fault>) -> Self {
        match answer {
            Ok(Answer::Words(words)) => Self::Words(words.len().try_into().unwrap_or(u16::MAX)),
            Ok(Answer::Refused(refusal)) => Self::Refused(refusal),
            Err(fault) => Self::Failed(fault.into()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(1) => f.write_str("1 register"),
            Self::Words(count) => write!(f, "{count} registers"),
            Self::Refused(refusal) => write!(f, "refused {}", refusal.0),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.consequence() {
            Consequence::Silent => "silent",
            Consequence::Frame => "damaged",
            Consequence::Line => "lost",
        };
        f.write_str(word)?;
        if *self == Self::from(Fault::Silent) { Ok(()) } else { write!(f, ": {}", self.label) }
    }
}

impl Verdict {
    /// The verdict that a text tells. The label says it all: the word before it is for people, and
    /// may have been another one in an older text.
    pub(super) fn parse(said: &str) -> Option<Self> {
        if let Some((_, label)) = said.split_once(':') {
            return Failure::labelled(label.trim()).map(Self::Failed);
        }
        let mut words = said.split_whitespace();
        let verdict = match (words.next()?, words.next()) {
            ("silent", None) => Self::Failed(Fault::Silent.into()),
            ("refused", Some(code)) => Self::Refused(Refusal(code.parse().ok()?)),
            (count, Some("register" | "registers")) => Self::Words(count.parse().ok()?),
            _ => return None,
        };
        words.next().is_none().then_some(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_read_as_it_is_written() {
        let failed = FAULTS.into_iter().map(Failure::from).chain([Failure::PORT_LOST]);
        let verdicts = [Verdict::Words(1), Verdict::Words(125), Verdict::Refused(Refusal(11))];
        for verdict in failed.map(Verdict::Failed).chain(verdicts) {
            assert_eq!(Verdict::parse(&verdict.to_string()), Some(verdict));
        }
    }

    #[test]
    fn a_verdict_says_what_follows_before_it_says_why() {
        for (fault, text) in [
            (Fault::Silent, "silent"),
            (Fault::EchoOnly, "silent: echo_only"),
            (Fault::BadCrc { heard: 1, expected: 2 }, "damaged: bad_crc"),
            (Fault::Reset, "lost: connection_closed"),
        ] {
            assert_eq!(Verdict::from(Err(fault)).to_string(), text);
        }
        let answer = Ok(Answer::Refused(Refusal(2)));
        assert_eq!(Verdict::from(answer).to_string(), "refused 2");
    }

    #[test]
    fn what_is_no_verdict_is_not_taken_for_one() {
        for text in [
            "",
            "fine",
            "2",
            "2 coils",
            "refused",
            "refused 256",
            "damaged",
            "x: y",
            "1 register 2",
        ] {
            assert_eq!(Verdict::parse(text), None, "{text}");
        }
    }
}
