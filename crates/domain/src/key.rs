use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The name by which a file, a topic or a table speaks of a site, bus or meter: `[a-z0-9-]`,
/// 1 to 64 characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No character at all.
    #[error("a key needs at least one character")]
    Empty,
    /// More than [`Key::LONGEST`] characters.
    #[error("a key has at most {} characters", Key::LONGEST)]
    TooLong,
    /// A character that would not fit into topics, file names and labels.
    #[error("{0:?} does not belong into a key: use a-z, 0-9 and -")]
    Character(char),
}

impl Key {
    /// The longest key, in characters.
    pub const LONGEST: usize = 64;

    /// Reads a key.
    ///
    /// # Errors
    /// Says what does not fit.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        match text.chars().find(|&c| !fits(c)) {
            Some(foreign) => Err(KeyError::Character(foreign)),
            None if text.is_empty() => Err(KeyError::Empty),
            None if text.len() > Self::LONGEST => Err(KeyError::TooLong),
            None => Ok(Self(text.into())),
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_of_small_letters_digits_and_hyphens() {
        assert_eq!(Key::new("apt-1-1").map(|key| key.to_string()), Ok("apt-1-1".to_owned()));
        assert_eq!(Key::new(""), Err(KeyError::Empty));
        assert_eq!(Key::new("Apt"), Err(KeyError::Character('A')));
        assert_eq!(Key::new("a/b"), Err(KeyError::Character('/')));
        assert_eq!(Key::new(&"a".repeat(65)), Err(KeyError::TooLong));
    }
}
