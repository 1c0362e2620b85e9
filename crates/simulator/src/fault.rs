//! What goes wrong on purpose, by seed or by script.

use serde::Deserialize;

use crate::noise::hash;

/// What a fault does to one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No answer.
    Silent,
    /// The answer comes so many milliseconds later.
    Late(u64),
    /// The answer bears the address of another meter.
    WrongUnit,
    /// The checksum is wrong.
    Crc,
    /// An exception in place of words.
    Exception(u8),
    /// Stray bytes in front of the answer or behind it.
    Garbage(Side),
    /// The question is heard again before the answer.
    Echo,
    /// A rest of so many milliseconds inside the answer.
    Slow(u64),
    /// The second half of the answer is missing.
    Truncated,
    /// A second device answers as well, with another value.
    Duplicate,
    /// The connection is closed in place of an answer.
    Close,
    /// The answer bears the transaction number of another question.
    Transaction,
    /// All words are 0.
    Zeros,
}

/// On which side of an answer stray bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// In front of it.
    #[default]
    Before,
    /// Behind it.
    After,
}

/// One fault of a meter: what, how often, and from which question to which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub kind: Kind,
    /// Millionths of the questions that it strikes.
    pub share: u64,
    /// First question of the meter that it may strike, counted from 1.
    pub from: u64,
    /// First question that it no longer strikes.
    pub until: u64,
}

impl Fault {
    /// Whether it strikes a question, by its number.
    pub(crate) fn strikes(&self, seed: u64, salt: u64, question: u64) -> bool {
        let scripted = (self.from..self.until).contains(&question);
        scripted && hash(seed, salt, question) % 1_000_000 < self.share
    }
}

/// A fault as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultFile {
    kind: Name,
    share: Option<f64>,
    from: Option<u64>,
    until: Option<u64>,
    ms: Option<u64>,
    code: Option<u8>,
    side: Option<Side>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Silent,
    Late,
    WrongUnit,
    Crc,
    Exception,
    Garbage,
    Echo,
    Slow,
    Truncated,
    Duplicate,
    Close,
    Transaction,
    Zeros,
}

/// How frames travel on a bus, as far as faults care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// RTU frames on a pseudo-terminal.
    Pty,
    /// RTU frames over a socket.
    RtuOverTcp,
    /// Modbus TCP.
    Tcp,
}

impl FaultFile {
    /// The fault as meant.
    ///
    /// # Errors
    /// Says what is missing, out of range, or without effect on such a bus.
    pub(crate) fn check(&self, way: Way) -> Result<Fault, &'static str> {
        let ms = |default| self.ms.unwrap_or(default);
        let kind = match self.kind {
            Name::Silent => Kind::Silent,
            Name::Late => Kind::Late(ms(1_500)),
            Name::WrongUnit => Kind::WrongUnit,
            Name::Crc => Kind::Crc,
            Name::Exception => Kind::Exception(self.code.unwrap_or(4)),
            Name::Garbage => Kind::Garbage(self.side.unwrap_or_default()),
            Name::Echo => Kind::Echo,
            Name::Slow => Kind::Slow(ms(30)),
            Name::Truncated => Kind::Truncated,
            Name::Duplicate => Kind::Duplicate,
            Name::Close => Kind::Close,
            Name::Transaction => Kind::Transaction,
            Name::Zeros => Kind::Zeros,
        };
        match (self.kind, way) {
            (Name::Crc | Name::Echo, Way::Tcp) => return Err("Modbus TCP has no such fault"),
            (Name::Close, Way::Pty) => return Err("a serial line cannot be closed"),
            (Name::Transaction, Way::Pty | Way::RtuOverTcp) => {
                return Err("RTU has no transaction numbers");
            }
            _ => {}
        }
        if self.ms.is_some() && !matches!(self.kind, Name::Late | Name::Slow) {
            return Err("only `late` and `slow` have `ms`");
        }
        if self.code.is_some() && self.kind != Name::Exception {
            return Err("only `exception` has a `code`");
        }
        if self.side.is_some() && self.kind != Name::Garbage {
            return Err("only `garbage` has a `side`");
        }
        if ms(0) > 60_000 {
            return Err("`ms` is at most 60000");
        }
        let (from, until) = (self.from.unwrap_or(1), self.until.unwrap_or(u64::MAX));
        if from >= until {
            return Err("`from` is below `until`: the first question struck and the first spared");
        }
        let share = self.share.map_or(Some(1_000_000), millionths).ok_or("`share` is 0 to 1")?;
        Ok(Fault { kind, share, from, until })
    }
}

/// A share between 0 and 1 in millionths.
fn millionths(share: f64) -> Option<u64> {
    let exact: domain::Decimal = share.to_string().parse().ok()?;
    let millionths = u64::try_from(exact.rounded(6)?.mantissa()).ok()?;
    (millionths <= 1_000_000).then_some(millionths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, way: Way) -> Result<Fault, &'static str> {
        toml::from_str::<FaultFile>(text).unwrap().check(way)
    }

    #[test]
    fn a_share_strikes_about_so_often_and_always_the_same_questions() {
        let fault = fault("kind = 'silent'\nshare = 0.05", Way::Pty).unwrap();
        let struck = |seed| -> Vec<u64> {
            (1..=10_000).filter(|&question| fault.strikes(seed, 3, question)).collect()
        };
        assert!((400..600).contains(&struck(7).len()), "{}", struck(7).len());
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
    }

    #[test]
    fn a_script_strikes_from_one_question_to_another() {
        let fault = fault("kind = 'late'\nms = 9\nfrom = 3\nuntil = 5", Way::Tcp).unwrap();
        let struck: Vec<u64> = (1..9).filter(|&question| fault.strikes(7, 3, question)).collect();
        assert_eq!((fault.kind, struck), (Kind::Late(9), vec![3, 4]));
    }

    #[test]
    fn what_would_do_nothing_is_refused() {
        for (text, way) in [
            ("kind = 'crc'", Way::Tcp),
            ("kind = 'echo'", Way::Tcp),
            ("kind = 'close'", Way::Pty),
            ("kind = 'transaction'", Way::RtuOverTcp),
            ("kind = 'silent'\nms = 5", Way::Pty),
            ("kind = 'silent'\ncode = 5", Way::Pty),
            ("kind = 'silent'\nside = 'after'", Way::Pty),
            ("kind = 'silent'\nfrom = 5\nuntil = 5", Way::Pty),
            ("kind = 'silent'\nshare = 1.5", Way::Pty),
            ("kind = 'silent'\nshare = -0.1", Way::Pty),
            ("kind = 'late'\nms = 60001", Way::Pty),
        ] {
            assert!(fault(text, way).is_err(), "{text}");
        }
    }
}
