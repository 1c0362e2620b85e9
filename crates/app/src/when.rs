//! Instants and periods as people type them: `2026-11-14`, `-24h`, `yesterday`,
//! `2025-07-01..2026-06-30`. Civil days are those of the site's zone.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// A half-open period; an end that is `None` is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub until: Option<Timestamp>,
}

/// Reads a period. A single day means the whole day; `-24h` the time from then until now.
///
/// # Errors
/// A sentence that names the forms.
pub fn period(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Period, String> {
    if let Some((from, until)) = text.split_once("..") {
        let from = if from.is_empty() { None } else { start(from, zone, now)?.from };
        let until = if until.is_empty() { None } else { start(until, zone, now)?.until };
        return Ok(Period { from, until });
    }
    start(text, zone, now)
}

/// Reads one instant: the start of a day, or an instant as written.
///
/// # Errors
/// A sentence that names the forms.
pub fn instant(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, String> {
    start(text, zone, now)?.from.ok_or_else(|| unreadable(text))
}

fn start(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Period, String> {
    let today = now.to_zoned(zone.clone()).date();
    if let Some(back) = text.strip_prefix('-').and_then(duration) {
        return Ok(Period { from: now.checked_sub(back).ok(), until: None });
    }
    match text {
        "now" => return Ok(Period { from: Some(now), until: Some(now) }),
        "today" => return day(today, zone),
        "yesterday" => return day(today.yesterday().map_err(|e| e.to_string())?, zone),
        _ => {}
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Period { from: Some(at), until: Some(at) });
    }
    if let Ok(civil) = text.parse::<DateTime>()
        && text.contains(['T', ' '])
    {
        return civil_instant(civil, zone);
    }
    // As the table of readings prints it.
    for form in ["%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M"] {
        if let Ok(civil) = DateTime::strptime(form, text) {
            return civil_instant(civil, zone);
        }
    }
    let date = text.parse::<Date>().or_else(|_| Date::strptime("%d.%m.%Y", text));
    day(date.map_err(|_| unreadable(text))?, zone)
}

fn civil_instant(civil: DateTime, zone: &TimeZone) -> Result<Period, String> {
    let at = civil.to_zoned(zone.clone()).map_err(|e| e.to_string())?.timestamp();
    Ok(Period { from: Some(at), until: Some(at) })
}

fn day(date: Date, zone: &TimeZone) -> Result<Period, String> {
    let midnight = |date: Date| {
        date.to_zoned(zone.clone()).map(|start| start.timestamp()).map_err(|e| e.to_string())
    };
    let next = date.checked_add(1.day()).map_err(|e| e.to_string())?;
    Ok(Period { from: Some(midnight(date)?), until: Some(midnight(next)?) })
}

/// `10s`, `15m`, `24h`, `7d`.
#[must_use]
pub fn duration(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 = number.parse().ok().filter(|number| *number >= 0)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(SignedDuration::from_secs)
}

/// The duration of a flag that may be absent.
///
/// # Errors
/// A sentence that names the flag and the forms.
pub fn optional_duration(flag: &str, text: Option<&str>) -> Result<Option<Duration>, String> {
    let Some(text) = text else { return Ok(None) };
    let read = duration(text).and_then(|period| Duration::try_from(period).ok());
    read.map(Some)
        .ok_or_else(|| format!("{flag} {text}: use a number with a unit, such as 30s, 5m or 24h"))
}

/// A duration in its largest whole unit: `90s`, `15m`, `1d`.
#[must_use]
pub fn in_words(period: Duration) -> String {
    match period.as_secs() {
        0 => "0s".to_owned(),
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// How long ago something was, in the largest whole unit: `58 s`, `3 min`, `2 h`, `9 d`.
#[must_use]
pub fn ago(period: Duration) -> String {
    match period.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Passes after the period, or never without one.
pub async fn pass(period: Option<Duration>) {
    match period {
        Some(period) => tokio::time::sleep(period).await,
        None => std::future::pending().await,
    }
}

fn unreadable(text: &str) -> String {
    format!(
        "{text:?} is no time: use 2026-11-14, 2026-11-14T14:05, -24h, today, yesterday \
         or a period such as 2026-07-01..2026-07-31"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let now = "2026-11-14T14:05:00Z".parse().unwrap();
        let show = |at: Option<Timestamp>| at.map_or("open".to_owned(), |at| at.to_string());
        match period(text, &zone, now) {
            Ok(Period { from, until }) => format!("{} {}", show(from), show(until)),
            Err(error) => error,
        }
    }

    #[test]
    fn times_are_read_as_people_type_them() {
        for (text, meant) in [
            ("2026-11-14", "2026-11-13T23:00:00Z 2026-11-14T23:00:00Z"),
            ("14.11.2026", "2026-11-13T23:00:00Z 2026-11-14T23:00:00Z"),
            ("14.11.2026 12:00:30..", "2026-11-14T11:00:30Z open"),
            ("yesterday", "2026-11-12T23:00:00Z 2026-11-13T23:00:00Z"),
            ("-24h", "2026-11-13T14:05:00Z open"),
            ("2026-10-25", "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z"), // 25 hours
            ("2025-07-01..2026-06-30", "2025-06-30T22:00:00Z 2026-06-30T22:00:00Z"),
            ("2026-11-14T12:00..", "2026-11-14T11:00:00Z open"),
        ] {
            assert_eq!(read(text), meant, "{text}");
        }
        assert!(read("soon").contains("is no time"));
    }

    #[test]
    fn durations_have_one_unit() {
        assert_eq!(duration("15m"), Some(SignedDuration::from_mins(15)));
        for text in ["", "m", "15", "-1m", "1w"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
