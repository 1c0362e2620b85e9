//! Chance that is no chance: the same seed and place always give the same number.

/// A number that depends on all three arguments and on nothing else.
pub(crate) const fn hash(seed: u64, salt: u64, n: u64) -> u64 {
    let mixed = seed ^ salt.rotate_left(24) ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    scramble(scramble(mixed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ salt)
}

/// A number between 0 and 1000, as even as a die.
pub(crate) fn per_mille(seed: u64, salt: u64, n: i64) -> i64 {
    i64::try_from(hash(seed, salt, n.cast_unsigned()) % 1_001).unwrap_or_default()
}

/// A number between 0 and 1000 that moves smoothly from one whole `n` to the next, where
/// `at` counts in steps of `width`.
pub(crate) fn smooth(seed: u64, salt: u64, at: i64, width: i64) -> i64 {
    let (n, rest) = (at.div_euclid(width), at.rem_euclid(width));
    let (from, to) = (per_mille(seed, salt, n), per_mille(seed, salt, n + 1));
    from + (to - from) * rest / width
}

/// A number that stands for a name.
pub(crate) fn salt_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The sine of an angle in hundredths of a degree, in millionths. Whole numbers only, so that
/// every machine draws the same day; wrong by at most 0.2 %.
pub(crate) fn sine(angle: i64) -> i64 {
    let angle = angle.rem_euclid(36_000);
    let (half, sign) = if angle < 18_000 { (angle, 1) } else { (angle - 18_000, -1) };
    let bow = half * (18_000 - half);
    sign * 4 * bow * 1_000_000 / (405_000_000 - bow)
}

const fn scramble(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_is_right_where_it_is_known() {
        for (degrees, millionths) in [(0, 0), (90, 1_000_000), (180, 0), (270, -1_000_000)] {
            assert_eq!(sine(degrees * 100), millionths, "{degrees}");
        }
        assert!((sine(3_000) - 500_000).abs() < 2_000);
    }

    #[test]
    fn chance_is_even_and_repeatable() {
        let sum: i64 = (0..10_000).map(|n| per_mille(7, 1, n)).sum();
        assert!((4_900_000..5_100_000).contains(&sum), "{sum}");
        assert_eq!(hash(7, 1, 3), hash(7, 1, 3));
        assert_ne!(hash(7, 1, 3), hash(8, 1, 3));
        assert_ne!(hash(7, 1, 3), hash(7, 2, 3));
    }

    #[test]
    fn smooth_noise_never_jumps() {
        for at in 0..1_000 {
            let step = smooth(7, 1, at + 1, 50) - smooth(7, 1, at, 50);
            assert!(step.abs() <= 21, "{at}: {step}");
        }
    }
}
