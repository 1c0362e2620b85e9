//! A fault as written in a house file, and what it means there.

use std::ops::Range;
use std::time::Duration;

use domain::Decimal;
use serde::Deserialize;

use crate::fault::{Fault, Kind, Script, Side, Trouble, Way, When};

/// A fault as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultFile {
    kind: Name,
    share: Option<f64>,
    from: Option<u64>,
    until: Option<u64>,
    from_s: Option<f64>,
    until_s: Option<f64>,
    ms: Option<u64>,
    s: Option<f64>,
    code: Option<u8>,
    side: Option<Side>,
    index: Option<f64>,
}

/// What a fault strikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Struck {
    /// The answers of a meter.
    Meter(Fault<Kind>),
    /// The bus itself.
    Bus(Fault<Trouble>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Silent,
    Dead,
    SlowDevice,
    Late,
    WrongUnit,
    Crc,
    Exception,
    Garbage,
    Stray,
    Echo,
    Slow,
    Truncated,
    Duplicate,
    Collision,
    Close,
    Transaction,
    Zeros,
    Exchange,
    Freeze,
    Babble,
    IdleClose,
    Reboot,
    Unplug,
    HalfOpen,
    WrongFraming,
    RepliesZero,
    RepliesException,
    Foreign,
}

/// Longest time of a fault, and of its script: a year is forever.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// After how long a converter answers for a silent meter.
const GIVES_UP_MS: u64 = 288;

impl FaultFile {
    /// The fault as meant.
    ///
    /// # Errors
    /// Says what is missing, out of range, or without effect on such a bus.
    pub(crate) fn check(&self, way: Way) -> Result<Struck, &'static str> {
        self.keys_fit()?;
        self.name_fits(way)?;
        let when = self.when()?;
        Ok(match self.trouble()? {
            Some(kind) => Struck::Bus(Fault { kind, when }),
            None => Struck::Meter(Fault { kind: self.kind()?, when }),
        })
    }

    fn kind(&self) -> Result<Kind, &'static str> {
        Ok(match self.kind {
            Name::Dead => Kind::Dead,
            Name::SlowDevice => Kind::SlowDevice(self.millis(300)?),
            Name::Late => Kind::Late(self.millis(1_500)?),
            Name::WrongUnit => Kind::WrongUnit,
            Name::Crc => Kind::Crc,
            Name::Exception => Kind::Exception(self.code.unwrap_or(4)),
            Name::Garbage => Kind::Garbage(self.side.unwrap_or_default()),
            Name::Stray => Kind::Stray(self.seconds(3.0)?),
            Name::Echo => Kind::Echo,
            Name::Slow => Kind::Slow(self.millis(30)?),
            Name::Truncated => Kind::Truncated,
            Name::Duplicate => Kind::Duplicate,
            Name::Collision => Kind::Collision,
            Name::Close => Kind::Close,
            Name::Transaction => Kind::Transaction,
            Name::Zeros => Kind::Zeros,
            Name::Exchange => {
                let index = self.index.map_or(Some(Decimal::ZERO), exact);
                Kind::Exchange(index.ok_or("`index` is a number from 0 up")?)
            }
            Name::Freeze => Kind::Freeze,
            _ => Kind::Silent,
        })
    }

    fn trouble(&self) -> Result<Option<Trouble>, &'static str> {
        Ok(Some(match self.kind {
            Name::Babble => Trouble::Babble(self.seconds(5.0)?),
            Name::IdleClose => Trouble::IdleClose(self.seconds(30.0)?),
            Name::Reboot => Trouble::Reboot(self.seconds(5.0)?),
            Name::Unplug => Trouble::Unplug(self.seconds(5.0)?),
            Name::HalfOpen => Trouble::HalfOpen,
            Name::WrongFraming => Trouble::WrongFraming,
            Name::RepliesZero => Trouble::RepliesZero(self.millis(GIVES_UP_MS)?),
            Name::RepliesException => {
                let code = self.code.unwrap_or(11);
                Trouble::RepliesException(code, self.millis(GIVES_UP_MS)?)
            }
            Name::Foreign => Trouble::Foreign,
            _ => return Ok(None),
        }))
    }

    fn when(&self) -> Result<When, &'static str> {
        let share = self.share.map_or(Some(When::EVER), millionths).ok_or("`share` is 0 to 1")?;
        let by_number = self.from.is_some() || self.until.is_some();
        let by_time = self.from_s.is_some() || self.until_s.is_some();
        let script = match (by_number, by_time) {
            (true, true) => return Err("`from` counts questions and `from_s` seconds: take one"),
            (_, false) => {
                let numbers = self.from.unwrap_or(1)..self.until.unwrap_or(u64::MAX);
                Script::Numbers(fitting(numbers)?)
            }
            (false, true) => {
                let from = time(self.from_s.unwrap_or_default())?;
                let until = self.until_s.map_or(Ok(LONGEST), time)?;
                Script::Time(fitting(from..until)?)
            }
        };
        Ok(When { share, script })
    }

    fn keys_fit(&self) -> Result<(), &'static str> {
        use Name::{
            Babble, Exception, Exchange, Garbage, IdleClose, Late, Reboot, RepliesException,
            RepliesZero, Slow, SlowDevice, Stray, Unplug,
        };
        let only = |written: bool, names: &[Name], why| {
            if written && !names.contains(&self.kind) { Err(why) } else { Ok(()) }
        };
        only(
            self.ms.is_some(),
            &[Late, Slow, SlowDevice, RepliesZero, RepliesException],
            "only `late`, `slow`, `slow_device` and `replies_..` have `ms`",
        )?;
        only(
            self.s.is_some(),
            &[Stray, Babble, IdleClose, Reboot, Unplug],
            "only `stray`, `babble`, `idle_close`, `reboot` and `unplug` have `s`",
        )?;
        only(
            self.code.is_some(),
            &[Exception, RepliesException],
            "only `exception` and `replies_exception` have a `code`",
        )?;
        only(self.side.is_some(), &[Garbage], "only `garbage` has a `side`")?;
        only(self.index.is_some(), &[Exchange], "only `exchange` has an `index`")
    }

    fn name_fits(&self, way: Way) -> Result<(), &'static str> {
        match (self.kind, way) {
            (Name::Crc | Name::Echo | Name::Stray | Name::Collision | Name::Babble, Way::Tcp) => {
                Err("Modbus TCP has no such fault")
            }
            (Name::Close | Name::IdleClose | Name::HalfOpen, Way::Pty) => {
                Err("a serial line cannot be closed")
            }
            (Name::Reboot | Name::WrongFraming, Way::Pty) => Err("a serial line has no converter"),
            (Name::Unplug, Way::RtuOverTcp | Way::Tcp) => {
                Err("only a serial line can be unplugged: take `reboot`")
            }
            (Name::Transaction | Name::Foreign, Way::Pty | Way::RtuOverTcp) => {
                Err("RTU has no transaction numbers")
            }
            (Name::RepliesZero | Name::RepliesException, Way::Pty | Way::RtuOverTcp) => {
                Err("only a converter that speaks Modbus TCP replies for a silent meter")
            }
            _ => Ok(()),
        }
    }

    fn millis(&self, usual: u64) -> Result<Duration, &'static str> {
        let ms = self.ms.unwrap_or(usual);
        if ms > 60_000 { Err("`ms` is at most 60000") } else { Ok(Duration::from_millis(ms)) }
    }

    fn seconds(&self, usual: f64) -> Result<Duration, &'static str> {
        time(self.s.unwrap_or(usual))
    }
}

fn fitting<T: PartialOrd>(range: Range<T>) -> Result<Range<T>, &'static str> {
    if range.start < range.end {
        return Ok(range);
    }
    Err("a script begins below its end: the first question struck and the first spared")
}

fn time(seconds: f64) -> Result<Duration, &'static str> {
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= LONGEST);
    time.ok_or("seconds are 0 to a year")
}

fn exact(number: f64) -> Option<Decimal> {
    let exact: Decimal = number.to_string().parse().ok()?;
    (!exact.is_negative() && exact.rounded(9).is_some()).then_some(exact)
}

/// A share between 0 and 1 in millionths.
fn millionths(share: f64) -> Option<u64> {
    let exact: Decimal = share.to_string().parse().ok()?;
    let millionths = u64::try_from(exact.rounded(6)?.mantissa()).ok()?;
    (millionths <= When::EVER).then_some(millionths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, way: Way) -> Result<Struck, &'static str> {
        toml::from_str::<FaultFile>(text).unwrap().check(way)
    }

    #[test]
    fn what_is_written_is_meant() {
        let ever = |script| When { share: When::EVER, script };
        let late =
            Fault { kind: Kind::Late(Duration::from_millis(9)), when: ever(Script::Numbers(3..5)) };
        let found = fault("kind = 'late'\nms = 9\nfrom = 3\nuntil = 5", Way::Tcp);
        assert_eq!(found, Ok(Struck::Meter(late)));
        let seconds = Duration::from_millis(1_500)..Duration::from_secs(3);
        let reboot = Fault {
            kind: Trouble::Reboot(Duration::from_secs(60)),
            when: When { share: 10_000, script: Script::Time(seconds) },
        };
        let text = "kind = 'reboot'\ns = 60\nshare = 0.01\nfrom_s = 1.5\nuntil_s = 3";
        assert_eq!(fault(text, Way::Tcp), Ok(Struck::Bus(reboot)));
    }

    #[test]
    fn what_would_do_nothing_is_refused() {
        for (text, way) in [
            ("kind = 'crc'", Way::Tcp),
            ("kind = 'echo'", Way::Tcp),
            ("kind = 'stray'", Way::Tcp),
            ("kind = 'collision'", Way::Tcp),
            ("kind = 'babble'", Way::Tcp),
            ("kind = 'close'", Way::Pty),
            ("kind = 'idle_close'", Way::Pty),
            ("kind = 'half_open'", Way::Pty),
            ("kind = 'reboot'", Way::Pty),
            ("kind = 'wrong_framing'", Way::Pty),
            ("kind = 'unplug'", Way::RtuOverTcp),
            ("kind = 'transaction'", Way::RtuOverTcp),
            ("kind = 'foreign'", Way::RtuOverTcp),
            ("kind = 'replies_zero'", Way::RtuOverTcp),
            ("kind = 'replies_exception'", Way::Pty),
            ("kind = 'silent'\nms = 5", Way::Pty),
            ("kind = 'silent'\ns = 5", Way::Pty),
            ("kind = 'silent'\ncode = 5", Way::Pty),
            ("kind = 'silent'\nside = 'after'", Way::Pty),
            ("kind = 'silent'\nindex = 5", Way::Pty),
            ("kind = 'exchange'\nindex = -5", Way::Pty),
            ("kind = 'silent'\nfrom = 5\nuntil = 5", Way::Pty),
            ("kind = 'silent'\nfrom_s = 5\nuntil_s = 4.9", Way::Pty),
            ("kind = 'silent'\nfrom = 5\nuntil_s = 60", Way::Pty),
            ("kind = 'silent'\nfrom_s = -1", Way::Pty),
            ("kind = 'silent'\nshare = 1.5", Way::Pty),
            ("kind = 'silent'\nshare = -0.1", Way::Pty),
            ("kind = 'late'\nms = 60001", Way::Pty),
            ("kind = 'babble'\ns = 1e9", Way::Pty),
        ] {
            assert!(fault(text, way).is_err(), "{text}");
        }
    }
}
