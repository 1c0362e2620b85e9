use super::{DEEPEST, Span};

/// The place at which a TOML text becomes deeper than anything we read, or `None`.
///
/// Looked for before parsing, so that no text can make a parser climb or a tree fall too deep.
pub(super) fn too_deep(text: &str) -> Option<Span> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut dots) = (0, 0_usize, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        let mut next = at + 1;
        match byte {
            b'"' | b'\'' => next = after_string(bytes, at, byte),
            b'#' => next = find(bytes, at, |b| b == b'\n'),
            b'.' => dots += 1,
            b'[' | b'{' => (depth, dots) = (depth + 1, 0),
            b']' | b'}' => (depth, dots) = (depth.saturating_sub(1), 0),
            b'=' | b',' | b'\n' => dots = 0,
            _ => {}
        }
        if depth > DEEPEST || dots >= DEEPEST {
            return Some(at..at + 1);
        }
        at = next;
    }
    None
}

/// The offset behind a string. One that is not closed ends with its line.
fn after_string(bytes: &[u8], start: usize, quote: u8) -> usize {
    let tail = bytes.get(start..).unwrap_or_default();
    let long = tail.starts_with(&[quote; 3]);
    let mut at = start + if long { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        let tail = bytes.get(at..).unwrap_or_default();
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' if !long => return at,
            _ if byte == quote && !long => return at + 1,
            _ if byte == quote && tail.starts_with(&[quote; 3]) => {
                return find(bytes, at + 3, |b| b != quote);
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn find(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let tail = bytes.get(from..).unwrap_or_default();
    tail.iter().position(|&byte| wanted(byte)).map_or(bytes.len(), |found| from + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_only_where_they_open_something() {
        let deep = format!("a = {}", "[".repeat(33));
        assert_eq!(too_deep(&deep), Some(36..37));
        for text in [
            format!("a = {}", "[".repeat(32)),
            format!("a = \"{}\"", "[".repeat(99)),
            format!("a = '''{}'''", "[\n".repeat(99)),
            format!("a = \"\\\"{}\"", "[".repeat(99)),
            format!("# {}", "[".repeat(99)),
            format!("{}a = 1", "a.".repeat(31)),
            "a = [1]\n".repeat(99),
        ] {
            assert_eq!(too_deep(&text), None, "{text}");
        }
        assert!(too_deep(&format!("{}a = 1", "a.".repeat(32))).is_some());
    }
}
