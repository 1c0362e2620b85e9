//! What goes wrong on purpose, by seed or by script.

use std::ops::Range;
use std::time::Duration;

use domain::Decimal;
use serde::Deserialize;

use crate::noise::hash;

/// What a fault does to one answer of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No answer.
    Silent,
    /// No answer any more, once it was struck.
    Dead,
    /// No answer to a question sooner than this after the last answer.
    SlowDevice(Duration),
    /// The answer comes so much later.
    Late(Duration),
    /// The answer bears the address of another meter.
    WrongUnit,
    /// The checksum is wrong.
    Crc,
    /// An exception in place of words.
    Exception(u8),
    /// Stray bytes in front of the answer or behind it.
    Garbage(Side),
    /// One stray byte, 00 or FF, before the answer if the line had been quiet for so long.
    Stray(Duration),
    /// The question is heard again before the answer.
    Echo,
    /// A rest inside the answer.
    Slow(Duration),
    /// The second half of the answer is missing.
    Truncated,
    /// A second device answers as well, with another value.
    Duplicate,
    /// A second device answers in the same instant: a bit is 1 where both say so.
    Collision,
    /// The connection is closed in place of an answer.
    Close,
    /// The answer bears the transaction number of another question.
    Transaction,
    /// All words are 0.
    Zeros,
    /// From now on it is another meter, whose index stood here.
    Exchange(Decimal),
    /// The indexes stand still while power flows.
    Freeze,
}

/// What a fault does to a whole bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Bytes without end, for so long.
    Babble(Duration),
    /// A connection on which nothing was heard for so long is closed.
    IdleClose(Duration),
    /// For so long nobody is there: connections are reset, new ones refused.
    Reboot(Duration),
    /// The terminal goes away for so long, and comes back under another number.
    Unplug(Duration),
    /// A connection swallows everything from now on.
    HalfOpen,
    /// A connection speaks RTU in place of Modbus TCP, or the reverse.
    WrongFraming,
    /// Where a meter is silent, the converter says zeros after a while.
    RepliesZero(Duration),
    /// Where a meter is silent, the converter says an exception after a while.
    RepliesException(u8, Duration),
    /// An answer to another client comes first.
    Foreign,
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

/// One fault: what, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault<K> {
    pub kind: K,
    pub when: When,
}

/// How often a fault strikes, and from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    /// Millionths of the questions that it strikes.
    pub share: u64,
    pub script: Script,
}

/// The questions that a fault may strike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Script {
    /// By their number, counted from 1.
    Numbers(Range<u64>),
    /// By the time since the house started.
    Time(Range<Duration>),
}

impl When {
    /// All of them.
    pub(crate) const EVER: u64 = 1_000_000;

    /// Whether it strikes, by number and time.
    pub(crate) fn strikes(&self, (seed, salt): (u64, u64), number: u64, passed: Duration) -> bool {
        self.covers(number, passed) && hash(seed, salt, number) % Self::EVER < self.share
    }

    /// Whether the script has begun and not ended.
    pub(crate) fn covers(&self, number: u64, passed: Duration) -> bool {
        match &self.script {
            Script::Numbers(numbers) => numbers.contains(&number),
            Script::Time(time) => time.contains(&passed),
        }
    }

    /// The time that it fills from beginning to end, if it is scripted so.
    pub(crate) fn fills(&self) -> Option<&Range<Duration>> {
        match &self.script {
            Script::Time(time) if self.share == Self::EVER => Some(time),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(share: u64, script: Script) -> When {
        When { share, script }
    }

    #[test]
    fn a_share_strikes_about_so_often_and_always_the_same_questions() {
        let when = when(50_000, Script::Numbers(1..u64::MAX));
        let struck = |seed| -> Vec<u64> {
            let strikes = |n: &u64| when.strikes((seed, 3), *n, Duration::ZERO);
            (1..=10_000).filter(strikes).collect()
        };
        assert!((400..600).contains(&struck(7).len()), "{}", struck(7).len());
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
    }

    #[test]
    fn a_script_strikes_from_one_question_to_another_or_for_a_time() {
        let numbers = when(When::EVER, Script::Numbers(3..5));
        let struck = |n: &u64| numbers.strikes((7, 3), *n, Duration::ZERO);
        assert_eq!((1..9).filter(struck).collect::<Vec<u64>>(), [3, 4]);
        let seconds = Duration::from_secs(2)..Duration::from_secs(4);
        let time = when(When::EVER, Script::Time(seconds.clone()));
        let struck = |s: &u64| time.strikes((7, 3), 1, Duration::from_secs(*s));
        assert_eq!((1..9).filter(struck).collect::<Vec<u64>>(), [2, 3]);
        assert_eq!((numbers.fills(), time.fills()), (None, Some(&seconds)));
    }
}
