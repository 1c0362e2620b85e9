use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::{Amount, DEEPEST, Field, Node, Span, Table, Value, depth};
use crate::problem::{Code, Problem, shortened};

/// Reads a TOML text (version 1.1).
///
/// # Errors
/// One problem, the first in the text: `too_deep`, `duplicate_key` or `malformed_toml`.
pub fn parse_toml(text: &str) -> Result<Table, Problem> {
    if let Some(span) = depth::too_deep(text) {
        let rule = format!("nothing is nested deeper than {DEEPEST} brackets or parts of a key");
        return Err(Problem::error(Code::TooDeep, "", rule).at(span));
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let root = table(document.get_ref());
    let first = errors.into_iter().min_by_key(|error| error.span().map(|span| span.start));
    match first {
        None => Ok(root),
        Some(error) => Err(explain(text, &root, &error)),
    }
}

fn table(written: &DeTable<'_>) -> Table {
    let field = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key_span = key.span();
        Field {
            key: String::from(AsRef::<str>::as_ref(key.get_ref())),
            key_span,
            node: node(value),
        }
    };
    Table::of(written.iter().map(field).collect())
}

fn node(written: &Spanned<DeValue<'_>>) -> Node {
    let value = match written.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str();
            let bare = digits.strip_prefix(['+', '-']).unwrap_or(digits);
            Value::Number(Amount::whole(bare, number.radix(), digits.starts_with('-')))
        }
        DeValue::Float(number) if number.as_str().contains(['i', 'n']) => {
            Value::Number(Amount::NotFinite)
        }
        DeValue::Float(number) => Value::Number(Amount::decimal(number.as_str())),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Moment,
        DeValue::Array(list) => Value::List(list.iter().map(node).collect()),
        DeValue::Table(inner) => Value::Table(table(inner)),
    };
    Node { span: written.span(), value }
}

fn explain(text: &str, root: &Table, error: &Error) -> Problem {
    let span = error.span().unwrap_or(text.len()..text.len());
    if error.message().starts_with("duplicate key") {
        return twice(root, span, text);
    }
    let problem =
        Problem::error(Code::MalformedToml, "", in_our_words(error.message())).at(span.clone());
    match remedy(text, &span, error.message()) {
        Some(remedy) => problem.hint(remedy),
        None => problem,
    }
}

/// A key that stands twice: which one, and where it stood before.
fn twice(root: &Table, span: Span, text: &str) -> Problem {
    let written = text.get(span.clone()).unwrap_or_default();
    let key = unescaped(written);
    let mut before = None;
    search(root, "", &mut |path, field| {
        let start = field.key_span.start;
        let nearer = before.as_ref().is_none_or(|&(_, best)| start > best);
        if field.key == key && start <= span.start && nearer {
            before = Some((path.to_owned(), start));
        }
    });
    let (path, start) = before.unwrap_or((String::new(), span.start));
    let said = format!("`{}` stands twice", shortened(&key));
    let hint = "say it once: nobody can know which of the two is meant";
    let problem = Problem::error(Code::DuplicateKey, path, said).hint(hint);
    let problem = if start < span.start { problem.beside(start) } else { problem };
    problem.at(span)
}

/// The key that is meant by a bare, quoted or escaped spelling.
fn unescaped(written: &str) -> String {
    let line = format!("{written} = 0");
    let (document, _) = DeTable::parse_recoverable(&line);
    let first = document.get_ref().keys().next().map(|key| key.get_ref().to_string());
    first.unwrap_or_else(|| written.to_owned())
}

fn search(table: &Table, prefix: &str, found: &mut impl FnMut(&str, &Field)) {
    for field in table.fields() {
        let path = format!("{prefix}{}", field.key);
        found(&path, field);
        descend(&field.node, &path, found);
    }
}

fn descend(node: &Node, path: &str, found: &mut impl FnMut(&str, &Field)) {
    match &node.value {
        Value::Table(table) => search(table, &format!("{path}."), found),
        Value::List(items) => {
            for (k, item) in items.iter().enumerate() {
                descend(item, &format!("{path}[{k}]"), found);
            }
        }
        _ => {}
    }
}

fn in_our_words(message: &str) -> String {
    format!("this is no TOML: {message}")
}

/// What the writer most likely meant.
fn remedy(text: &str, span: &Span, message: &str) -> Option<String> {
    const BLANKS: [char; 3] = [' ', '\t', '\r'];
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..)?.lines().next()?.trim_matches(BLANKS);
    let at_key = text.get(start..span.start)?.trim_matches(BLANKS).is_empty();
    if let Some(other) = other_language(text, line) {
        return Some(other.to_owned());
    }
    let written = text.get(span.start..)?;
    for (python, plain) in [("True", "true"), ("False", "false"), ("None", "nothing at all")] {
        if written.starts_with(python) {
            return Some(format!("did you mean {plain}?"));
        }
    }
    if message.starts_with("unexpected key or value") {
        let before = text.get(start..span.start)?;
        let comma = before.ends_with(|c: char| c.is_ascii_digit()) && written.starts_with(',');
        let told = if comma { "a decimal point, not a comma" } else { "one setting a line" };
        return Some(told.to_owned());
    }
    if message.starts_with("carriage return") {
        return Some("lines end with LF, or CR LF".to_owned());
    }
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim_matches(BLANKS), value.trim_matches(BLANKS));
    if at_key && message.starts_with("string values must be quoted") {
        return Some("is the list before it closed with a bracket?".to_owned());
    }
    let word = value.split([' ', ',', '#']).next().unwrap_or_default();
    let bare = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    if !key.is_empty() && !word.is_empty() && word.chars().all(bare) {
        return bare_word(key, word);
    }
    value.is_empty().then(|| format!("say what `{key}` is, or take the line away"))
}

/// What looks like another language, another version or another program.
fn other_language(text: &str, line: &str) -> Option<&'static str> {
    let first = text.trim_start_matches('\u{feff}').trim_start();
    let quotes = ['\u{201c}', '\u{201d}', '\u{201e}', '\u{ab}', '\u{2018}', '\u{2019}'];
    if first.starts_with('{') {
        Some("files are TOML: this looks like JSON")
    } else if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|mark| line.starts_with(mark)) {
        Some("a mark of an unfinished merge: keep one of the two versions")
    } else if line.contains(quotes) {
        Some("typographic quotes: use plain ones, \"…\"")
    } else if line.contains('\u{a0}') {
        Some("a no-break space: use a plain one")
    } else if !line.contains('=') && (line.ends_with(':') || line.contains(": ")) {
        Some("files are TOML, not YAML: `key = value` under `[table]`")
    } else {
        None
    }
}

/// The right spelling of a word that stands without quotes, or of a number with a leading zero.
fn bare_word(key: &str, word: &str) -> Option<String> {
    let digits = word.trim_start_matches('0');
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        let plain = if digits.is_empty() { "0" } else { digits };
        return (plain != word).then(|| format!("numbers have no leading zero: {key} = {plain}"));
    }
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        .then(|| format!("text stands in quotes: {key} = \"{}\"", shortened(word)))
}
