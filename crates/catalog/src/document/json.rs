use super::{Amount, DEEPEST, Field, Node, Table, Value};
use crate::problem::{Code, Problem};

/// The longest JSON text that is read, in bytes: 1 MiB.
pub const LONGEST_JSON: usize = 1 << 20;

/// Reads a JSON text, strictly: no comment, no comma at an end, no key twice.
///
/// # Errors
/// One problem, the first in the text: `malformed_json`, whose hint shows the corrected text where
/// the mistake is a usual one, `duplicate_key`, `too_deep` or `too_large`.
pub fn parse_json(text: &str) -> Result<Node, Problem> {
    if text.len() > LONGEST_JSON {
        let rule = format!("{} bytes: parameters have at most {LONGEST_JSON}", text.len());
        return Err(Problem::error(Code::TooLarge, "", rule));
    }
    let mut reader = Reader { text, at: 0, depth: 0 };
    let whole = reader.value("").and_then(|node| {
        reader.skip_blanks();
        match reader.peek() {
            None => Ok(node),
            Some(_) => Err(reader.malformed("one JSON value was read; nothing may follow it")),
        }
    });
    whole.map_err(|problem| corrected(text, problem))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Read<T> = Result<T, Problem>;

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    /// Takes a token, if it is next after blanks.
    fn take(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let taken = self.rest().starts_with(token);
        self.at += if taken { token.len() } else { 0 };
        taken
    }

    fn malformed(&self, rule: &str) -> Problem {
        let width = self.peek().map_or(0, char::len_utf8);
        Problem::error(Code::MalformedJson, "", rule).at(self.at..self.at + width)
    }

    fn value(&mut self, path: &str) -> Read<Node> {
        self.skip_blanks();
        let start = self.at;
        let value = match self.peek() {
            Some('{') => self.deeper(|reader| reader.table(path))?,
            Some('[') => self.deeper(|reader| reader.list(path))?,
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => Value::Number(self.number()?),
            Some(_) if self.take("true") => Value::Flag(true),
            Some(_) if self.take("false") => Value::Flag(false),
            Some(_) if self.take("null") => Value::Nothing,
            Some(_) => return Err(self.malformed("no JSON value starts like this")),
            None => return Err(self.malformed("the text ends where a value should be")),
        };
        Ok(Node { span: start..self.at, value })
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Read<Value>) -> Read<Value> {
        if self.depth == DEEPEST {
            let rule = format!("nothing is nested deeper than {DEEPEST} brackets");
            return Err(Problem::error(Code::TooDeep, "", rule).at(self.at..self.at + 1));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn table(&mut self, path: &str) -> Read<Value> {
        let mut fields = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        if self.take("}") {
            return Ok(Value::Table(Table::default()));
        }
        loop {
            self.skip_blanks();
            let start = self.at;
            if self.peek() != Some('"') {
                return Err(self.malformed("a key in double quotes should stand here"));
            }
            let key = self.string()?;
            let key_span = start..self.at;
            let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if !seen.insert(key.clone()) {
                let rule = "this key stands already in the same object";
                return Err(Problem::error(Code::DuplicateKey, inner, rule).at(key_span));
            }
            if !self.take(":") {
                return Err(self.malformed("a colon should stand between key and value"));
            }
            let node = self.value(&inner)?;
            fields.push(Field { key, key_span, node });
            if self.take("}") {
                return Ok(Value::Table(Table::of(fields)));
            }
            if !self.take(",") {
                return Err(self.malformed("a comma or `}` should stand here"));
            }
        }
    }

    fn list(&mut self, path: &str) -> Read<Value> {
        let mut items = Vec::new();
        if self.take("]") {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(&format!("{path}[{}]", items.len()))?);
            if self.take("]") {
                return Ok(Value::List(items));
            }
            if !self.take(",") {
                return Err(self.malformed("a comma or `]` should stand here"));
            }
        }
    }

    fn string(&mut self) -> Read<String> {
        let mut escaped = false;
        let body = self.rest().get(1..).unwrap_or_default();
        let end = body.char_indices().find(|&(_, c)| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let Some((length, _)) = end else {
            return Err(self.malformed("this text is not closed"));
        };
        let written = self.rest().get(..length + 2).unwrap_or_default();
        let Ok(text) = serde_json::from_str::<String>(written) else {
            return Err(
                self.malformed("this text holds a line end or an escape JSON does not know")
            );
        };
        self.at += written.len();
        Ok(text)
    }

    fn number(&mut self) -> Read<Amount> {
        let belongs = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let written = rest.get(..length).unwrap_or_default();
        if !is_number(written) {
            return Err(self.malformed("no JSON number: decimal digits, no leading zero, no 0x"));
        }
        self.at += length;
        Ok(Amount::decimal(written))
    }
}

fn is_number(written: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = written.strip_prefix('-').unwrap_or(written);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

/// Adds the corrected text, where Python's spelling or one comma too many is all that is wrong.
fn corrected(text: &str, problem: Problem) -> Problem {
    const LONGEST: usize = 2_000;
    if problem.code != Code::MalformedJson || text.len() > LONGEST {
        return problem;
    }
    if text.starts_with('\u{feff}') {
        return problem.hint("the text begins with a byte order mark: save it without");
    }
    if text.trim().is_empty() {
        return problem.hint("an object in braces is meant, at least {}");
    }
    let plain = in_plain_json(text);
    let mut reader = Reader { text: &plain, at: 0, depth: 0 };
    let good = plain != text && reader.value("").is_ok() && reader.rest().trim().is_empty();
    if good { problem.hint(format!("did you mean {}?", plain.trim())) } else { problem }
}

/// The text with Python's words and quotes and the last commas replaced, outside of JSON strings.
fn in_plain_json(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let mut length = next.len_utf8();
        let body = rest.get(length..).unwrap_or_default();
        let words = [("True", "true"), ("False", "false"), ("None", "null")];
        if next == '"' || next == '\'' {
            let inner = body.find(next).unwrap_or(body.len());
            let string = body.get(..inner).unwrap_or_default();
            plain = plain + "\"" + string + "\"";
            length = (2 + inner).min(rest.len());
        } else if let Some((python, json)) = words.iter().find(|(word, _)| rest.starts_with(word)) {
            plain.push_str(json);
            length = python.len();
        } else if next == ',' && body.trim_start().starts_with(['}', ']']) {
            // the comma is left out
        } else {
            plain.push(next);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_spellings_are_refused_with_the_corrected_text() {
        for (written, meant) in [
            ("{'reg': 40}", "did you mean {\"reg\": 40}?"),
            ("{\"swap_words\": True}", "did you mean {\"swap_words\": true}?"),
            ("{\"reg\": 40, }", "did you mean {\"reg\": 40 }?"),
        ] {
            let problem = parse_json(written).unwrap_err();
            assert_eq!((problem.code, problem.hint.as_deref()), (Code::MalformedJson, Some(meant)));
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        let node = parse_json("[0.1, -5, 1e-3, 340282366920938463463374607431768211455]").unwrap();
        let Value::List(items) = node.value else { panic!("a list") };
        let texts: Vec<_> = items
            .iter()
            .map(|item| match item.value {
                Value::Number(Amount::Whole { magnitude, .. }) => magnitude.to_string(),
                Value::Number(amount) => amount.to_decimal().unwrap().to_string(),
                _ => panic!("a number"),
            })
            .collect();
        assert_eq!(texts, ["0.1", "5", "0.001", "340282366920938463463374607431768211455"]);
    }
}
