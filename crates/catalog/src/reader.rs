//! Reading a table key by key: every rule about a single value, with its message, in one place.

use domain::Decimal;

use crate::document::{Amount, Field, Node, Span, Table, Value};
use crate::nearest::nearest;
use crate::problem::{Code, Problem, Problems, shortened};

/// A table under judgement: what is in it, where it begins, how its keys are called from outside.
#[derive(Debug)]
pub struct Reader<'a, 'p> {
    /// What is in it.
    pub table: &'a Table,
    /// The header, brace or entry a missing key should be in.
    pub place: Span,
    /// `meter[1].registers[0].`, or nothing for the outermost table.
    pub prefix: String,
    /// Where complaints go.
    pub problems: &'p mut Problems,
}

/// A rule about a number: the smallest, the largest, and the rule in words.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The smallest, included.
    pub low: u32,
    /// The largest, included.
    pub high: u32,
    /// What a message says of both.
    pub rule: &'static str,
}

impl Bounds {
    /// Judges a number that stands at `path`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn judge(self, node: &Node, path: &str) -> Result<u128, Problem> {
        let Self { low, high, rule } = self;
        whole(node, path, Whole { low: low.into(), high: high.into(), rule })
    }
}

impl<'a, 'p> Reader<'a, 'p> {
    /// A reader of a value that stands alone, not in a site; `None`, told, if it is no table.
    pub(crate) fn alone(node: &'a Node, problems: &'p mut Problems) -> Option<Self> {
        let place = node.span.clone();
        let Value::Table(table) = &node.value else {
            let rule = format!("keys with values belong here, not {}", node.value.kind());
            problems.push(Problem::error(Code::WrongType, "", rule).at(place));
            return None;
        };
        Some(Self { table, place, prefix: String::new(), problems })
    }
}

impl<'a> Reader<'a, '_> {
    /// The path of a key: `meter[1].address`.
    #[must_use]
    pub fn path(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The field of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Field> {
        self.table.get(key)
    }

    /// Something is wrong with the value of a field.
    pub fn wrong(&mut self, code: Code, field: &Field, rule: impl Into<String>) {
        self.problems.push(self.about(code, field, rule));
    }

    /// An error about the value of a field, to be completed with a hint.
    #[must_use]
    pub fn about(&self, code: Code, field: &Field, rule: impl Into<String>) -> Problem {
        Problem::error(code, self.path(&field.key), rule).at(field.node.span.clone())
    }

    /// Something is doubtful with the value of a field.
    pub fn warn(&mut self, code: Code, field: &Field, rule: impl Into<String>) {
        let path = self.path(&field.key);
        self.problems.push(Problem::warning(code, path, rule).at(field.node.span.clone()));
    }

    /// Something else belongs where a value stands.
    pub fn wrong_type(&mut self, field: &Field, wanted: &str) {
        let problem = wrong_type(&field.node, &self.path(&field.key), wanted);
        self.problems.push(problem);
    }

    /// A key is not there.
    pub fn missing(&mut self, key: &str, rule: &str) {
        let problem = Problem::error(Code::Missing, self.path(key), rule);
        self.problems.push(problem.at(self.place.clone()));
    }

    /// The field of a key that must be there.
    pub fn required(&mut self, key: &str, rule: &str) -> Option<&'a Field> {
        let field = self.get(key);
        if field.is_none() {
            self.missing(key, rule);
        }
        field
    }

    /// Refuses every key that is not known. `remedy` may know more than the nearest word.
    pub fn only(&mut self, known: &[&str], remedy: impl Fn(&Field) -> Option<String>) {
        for field in self.table.fields() {
            if known.contains(&field.key.as_str()) {
                continue;
            }
            if self.problems.is_full() {
                self.problems.push(Problem::error(Code::UnknownKey, "", ""));
                continue;
            }
            let path = self.path(&shortened(&field.key));
            let problem = match (remedy(field), nearest(&field.key, known.iter().copied())) {
                (Some(remedy), _) => Problem::error(Code::UnknownKey, path, remedy),
                (None, Some(near)) => {
                    Problem::error(Code::UnknownKey, path, format!("did you mean `{near}`?"))
                }
                (None, None) => Problem::error(Code::UnknownKey, path, "no such key")
                    .hint(format!("known here: {}", known.join(", "))),
            };
            self.problems.push(problem.at(field.key_span.clone()));
        }
    }

    /// The known word nearest to a misspelt one, as long as anybody reads the advice.
    pub(crate) fn nearest<'k>(
        &self,
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<&'k str> {
        if self.problems.is_full() { None } else { nearest(word, known) }
    }

    /// Text, or `None` after a complaint.
    pub fn text(&mut self, field: &'a Field) -> Option<&'a str> {
        match &field.node.value {
            Value::Text(text) => Some(text),
            _ => {
                self.wrong_type(field, "text in quotes");
                None
            }
        }
    }

    /// Text that is one of a list, compared exactly.
    pub fn one_of(&mut self, field: &'a Field, known: &[&'static str]) -> Option<&'static str> {
        let text = self.text(field)?;
        let found = known.iter().copied().find(|known| *known == text);
        if found.is_none() {
            let rule = format!("\"{}\" is none of {}", shortened(text), known.join(", "));
            let problem = self.about(Code::UnknownValue, field, rule);
            let near = nearest(text, known.iter().copied());
            self.problems.push(match near {
                Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
                None => problem,
            });
        }
        found
    }

    /// `true` or `false`, or 1 or 0 as the reference page has it.
    pub fn flag(&mut self, field: &Field) -> Option<bool> {
        match &field.node.value {
            Value::Flag(flag) => Some(*flag),
            Value::Number(Amount::Whole { magnitude: 0, .. }) => Some(false),
            Value::Number(Amount::Whole { negative: false, magnitude: 1 }) => Some(true),
            Value::Number(Amount::Whole { .. } | Amount::Beyond) => {
                self.wrong(Code::OutOfRange, field, "true, false, 1 or 0");
                None
            }
            _ => {
                self.wrong_type(field, "true, false, 1 or 0");
                None
            }
        }
    }

    /// A whole number within limits.
    pub fn whole<T: TryFrom<u128>>(&mut self, field: &Field, limits: Bounds) -> Option<T> {
        let path = self.path(&field.key);
        match limits.judge(&field.node, &path) {
            Ok(number) => T::try_from(number).ok(),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// A time in seconds, from a smallest to a largest.
    pub fn seconds(&mut self, field: &Field, limits: (Decimal, Decimal)) -> Option<Decimal> {
        let Value::Number(amount) = field.node.value else {
            self.wrong_type(field, "a number of seconds");
            return None;
        };
        let within = |seconds: &Decimal| {
            seconds.cmp_value(limits.0).is_ge() && seconds.cmp_value(limits.1).is_le()
        };
        let seconds = amount.to_decimal().filter(within);
        if seconds.is_none() {
            let rule = format!("{} counts seconds: {} to {}", field.key, limits.0, limits.1);
            let problem = self.about(Code::OutOfRange, field, rule);
            let thousandth = amount.to_decimal().and_then(|ms| ms.times(Decimal::new(1, 3)));
            self.problems.push(match thousandth.filter(within) {
                Some(meant) => problem.hint(format!("did you mean {}?", meant.shortened())),
                None => problem,
            });
        }
        seconds
    }
}

/// A rule about a number that may be as large as eight registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole<'r> {
    pub(crate) low: u128,
    pub(crate) high: u128,
    pub(crate) rule: &'r str,
}

/// A whole number within limits, or what is wrong with it.
pub(crate) fn whole(node: &Node, path: &str, limits: Whole<'_>) -> Result<u128, Problem> {
    let refuse = |code, rule: String| Err(Problem::error(code, path, rule).at(node.span.clone()));
    let Value::Number(amount) = node.value else {
        return Err(wrong_type(node, path, "a whole number"));
    };
    if !amount.is_whole() {
        return refuse(Code::NotInteger, format!("no digits behind the point: {}", limits.rule));
    }
    match amount.unsigned() {
        Some(number) if (limits.low..=limits.high).contains(&number) => Ok(number),
        _ => refuse(Code::OutOfRange, limits.rule.to_owned()),
    }
}

/// Something else belongs where a value stands; text that is only quoted too much says so.
fn wrong_type(node: &Node, path: &str, wanted: &str) -> Problem {
    let rule = format!("{wanted} belongs here, not {}", node.value.kind());
    let problem = Problem::error(Code::WrongType, path, rule).at(node.span.clone());
    let Value::Text(text) = &node.value else { return problem };
    let bare = match text.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok().map(|number| number.to_string()),
        None if matches!(text.as_str(), "true" | "false") => Some(text.clone()),
        None => text.replace(',', ".").parse::<Decimal>().ok().map(|number| number.to_string()),
    };
    match bare.filter(|_| !wanted.starts_with("text")) {
        Some(bare) => problem.hint(format!("without quotes: {}", shortened(&bare))),
        None => problem,
    }
}
