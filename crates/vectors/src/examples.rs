/// Good texts, and the pieces that such texts are made of or broken by.
///
/// Bytes alone seldom reach past the first line of a parser. Read as changes to a good text they
/// do, and whoever drives a target by its bytes, a generator or a fuzzer, drives this as well.
#[derive(Debug, Clone)]
pub struct Examples {
    texts: Vec<Vec<u8>>,
    pieces: Vec<Vec<u8>>,
}

/// The most changes to one text: more leave nothing of it.
const MOST: u8 = 7;

impl Examples {
    /// Keeps the texts that change, and the pieces that are put in.
    #[must_use]
    pub fn of<T: Into<Vec<u8>>, P: AsRef<[u8]>>(
        texts: impl IntoIterator<Item = T>,
        pieces: &[P],
    ) -> Self {
        let pieces = pieces.iter().map(|piece| piece.as_ref().to_vec()).collect();
        Self { texts: texts.into_iter().map(Into::into).collect(), pieces }
    }

    /// One of the texts with 0 to 7 changes, or in one of eight cases the bytes as they are.
    ///
    /// Three bytes choose the text and how many changes there are, each of which takes five: its
    /// place (two), how much goes, what comes instead, and a byte. With fewer than three there is
    /// nothing to choose, and they are the text.
    #[must_use]
    pub fn changed(&self, data: &[u8]) -> Vec<u8> {
        let Some((&[high, low, how], changes)) = data.split_first_chunk() else {
            return data.to_vec();
        };
        let example = pick(&self.texts, u16::from_be_bytes([high, low]));
        let Some(example) = example.filter(|_| how < 224) else { return changes.to_vec() };
        let mut text = example.clone();
        for change in changes.chunks_exact(5).take(usize::from(how & MOST)) {
            if let &[high, low, gone, choice, byte] = change {
                let start = usize::from(u16::from_be_bytes([high, low])) % (text.len() + 1);
                let end = text.len().min(start + usize::from(gone & 15));
                // Every second time the byte itself, and in one of sixteen cases many of them.
                let piece = pick(&self.pieces, u16::from(choice >> 1)).filter(|_| choice & 1 == 0);
                let times = if gone >= 240 { usize::from(byte) } else { 1 };
                let instead = piece.map_or(&[byte][..], Vec::as_slice).repeat(times);
                text.splice(start..end, instead);
            }
        }
        text
    }
}

fn pick<T>(list: &[T], number: u16) -> Option<&T> {
    list.get(usize::from(number).checked_rem(list.len())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_choose_a_text_and_its_changes() {
        let examples = Examples::of(["one two", "three"], &["[[", "\""]);
        for (data, text) in [
            (&[][..], ""),
            (b"ab", "ab"),                                         // nothing to choose
            (&[0, 0, 0], "one two"),                               // no change
            (&[0, 3, 1], "three"),                                 // a change without its bytes
            (&[0, 0, 255, b'x'], "x"),                             // as they are
            (&[0, 0, 1, 0, 3, 1, 0, 0], "one[[two"),               // a piece for a letter
            (&[0, 0, 1, 0, 3, 0, 1, b'-'], "one- two"),            // a byte put in
            (&[0, 1, 2, 0, 0, 15, 1, b'a', 0, 1, 0, 2, 0], "a\""), // two changes
            (&[0, 1, 1, 0, 5, 240, 1, 3], "three\u{3}\u{3}\u{3}"), // many of them
            (&[0, 1, 0, 0, 5, 0, 1, 3], "three"),                  // more than asked for
        ] {
            assert_eq!(String::from_utf8_lossy(&examples.changed(data)), text, "{data:?}");
        }
        assert_eq!(Examples::of([""; 0], &[""; 0]).changed(&[0, 0, 1, 7]), [7]);
    }
}
