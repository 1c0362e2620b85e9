//! The word that was meant.

/// Longer words are not compared: nobody misspells forty letters.
const LONGEST: usize = 40;

/// More words are not looked at: advice must stay cheap.
const MOST: usize = 1_000;

/// What other programs and other habits call our keys.
const ELSEWHERE: &[(&str, &str)] = &[
    ("address", "reg"),
    ("register", "reg"),
    ("offset", "reg"),
    ("quantity", "unit"),
    ("name", "unit"),
    ("length", "size"),
    ("count", "size"),
    ("words", "size"),
    ("scale", "factor"),
    ("multiplier", "factor"),
    ("ratio", "factor"),
    ("sleep", "pause"),
    ("delay", "pause"),
    ("fc", "function_code"),
    ("function", "function_code"),
    ("digits", "round"),
    ("decimals", "round"),
    ("precision", "round"),
    ("word_swap", "swap_words"),
    ("word_order", "swap_words"),
    ("byte_swap", "swap_bytes"),
    ("byte_order", "swap_bytes"),
    ("type", "data_type"),
    ("sentinel", "unavailable"),
    ("baud", "baudrate"),
    ("bytesize", "data_bits"),
    ("databits", "data_bits"),
    ("stopbits", "stop_bits"),
    ("slave", "address"),
    ("slave_id", "address"),
    ("unit_id", "address"),
    ("id", "address"),
    ("device", "port"),
    ("url", "port"),
    ("host", "port"),
    ("label", "name"),
    ("timezone", "time_zone"),
    ("tz", "time_zone"),
    ("meters", "meter"),
    ("buses", "bus"),
    ("sites", "site"),
];

/// The known word a misspelt one is nearest to, or `None` when none is near.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let wanted = word.to_ascii_lowercase().replace([' ', '-'], "_");
    let known: Vec<&str> = known.into_iter().take(MOST).collect();
    let elsewhere = ELSEWHERE.iter().filter(|(theirs, _)| *theirs == wanted).map(|(_, ours)| *ours);
    for ours in elsewhere {
        if let Some(found) = known.iter().find(|known| **known == ours) {
            return Some(found);
        }
    }
    let typed = word.to_ascii_lowercase();
    let far = |known: &&str| {
        let known = known.to_ascii_lowercase();
        domain::distance(&wanted, &known).min(domain::distance(&typed, &known))
    };
    // Of two that are equally near, the one with the same letters was meant: digits get swapped.
    let letters = |word: &str| {
        let mut letters = word.to_ascii_lowercase().into_bytes();
        letters.sort_unstable();
        letters
    };
    let meant = letters(word);
    let order = |known: &&str| (far(known), letters(known) != meant);
    known.iter().copied().min_by_key(order).filter(|best| far(best) <= 1 + wanted.len() / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_digits_lead_to_the_word_that_has_them() {
        let known = ["sdm120", "sdm230", "sdm630", "sdm72"];
        assert_eq!(nearest("sdm360", known), Some("sdm630"));
    }

    #[test]
    fn misspelt_words_and_words_of_others_lead_to_ours() {
        let known = ["reg", "swap_words", "swap_bytes", "baudrate", "stop_bits", "apt-1-1"];
        for (written, meant) in [
            ("swap_word", Some("swap_words")),
            ("Reg", Some("reg")),
            ("register", Some("reg")),
            ("byte_swap", Some("swap_bytes")),
            ("baud", Some("baudrate")),
            ("stopbits", Some("stop_bits")),
            ("swap-words", Some("swap_words")),
            ("apt-1-2", Some("apt-1-1")),
            ("weather", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
    }
}
