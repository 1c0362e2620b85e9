use std::fmt;

/// The registers of an answer, in the order received; borrowed, and cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// Words over the data bytes of an answer, high byte first.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// How many registers: in an answer exactly as many as were asked for.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len() / 2
    }

    /// Whether there is none, as in an empty slice.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The register at `n`, counted from the first one asked for.
    #[must_use]
    pub fn get(self, n: usize) -> Option<u16> {
        self.iter().nth(n)
    }

    /// The registers one after the other.
    pub fn iter(self) -> impl ExactSizeIterator<Item = u16> + 'a {
        let (pairs, _) = self.0.as_chunks::<2>();
        pairs.iter().map(|pair| u16::from_be_bytes(*pair))
    }

    /// `len` registers from `offset` on, or `None` when the answer does not hold all of them.
    #[must_use]
    pub fn slice(self, offset: usize, len: usize) -> Option<Self> {
        let from = offset.checked_mul(2)?;
        let to = from.checked_add(len.checked_mul(2)?)?;
        self.0.get(from..to).map(Self)
    }
}

impl fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|word| format!("{word:04X}"))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_high_byte_first() {
        let words = Words::new(&[0x43, 0x9a, 0x46, 0x66, 0, 1]);
        assert_eq!(words.len(), 3);
        assert_eq!(words.iter().collect::<Vec<_>>(), [0x439a, 0x4666, 1]);
        assert_eq!((words.get(1), words.get(3)), (Some(0x4666), None));
    }

    #[test]
    fn a_slice_holds_all_it_promises_or_is_none() {
        let words = Words::new(&[0, 1, 0, 2, 0, 3]);
        assert_eq!(words.slice(1, 2), Some(Words::new(&[0, 2, 0, 3])));
        assert_eq!(words.slice(3, 0).map(Words::is_empty), Some(true));
        assert_eq!(words.slice(2, 2), None);
        assert_eq!(words.slice(usize::MAX, 1), None);
        assert_eq!(words.slice(1, usize::MAX), None);
    }
}
