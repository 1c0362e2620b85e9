use std::time::Duration;

/// The longest interval: 31 days.
pub(crate) const LONGEST: Duration = Duration::from_secs(31 * 86_400);

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads `0s`, `10s`, `15m`, `1h`, `1d`: a whole number and a unit.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| unit.starts_with(*name))?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More than can be counted is more than is allowed.
    let count: u64 = digits.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(count.saturating_mul(seconds)))
}

/// The shortest spelling: 60 s is `1m`.
pub(crate) fn spelling(interval: Duration) -> String {
    let seconds = interval.as_secs();
    let fits = |&(_, unit): &(char, u64)| seconds > 0 && seconds.is_multiple_of(unit);
    let (name, unit) = UNITS.into_iter().find(fits).unwrap_or(('s', 1));
    format!("{}{name}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_whole_number_with_a_unit() {
        for (written, seconds, shortest) in [
            ("0s", 0, "0s"),
            ("10s", 10, "10s"),
            ("60s", 60, "1m"),
            ("15m", 900, "15m"),
            ("24h", 86_400, "1d"),
        ] {
            assert_eq!(parse(written), Some(Duration::from_secs(seconds)), "{written}");
            assert_eq!(spelling(Duration::from_secs(seconds)), shortest);
        }
        for written in ["", "s", "10", "1.5h", "-1s", "1 m", "1M", "1w", "é"] {
            assert_eq!(parse(written), None, "{written}");
        }
        assert!(parse("99999999999999999999d").unwrap() > LONGEST);
    }
}
