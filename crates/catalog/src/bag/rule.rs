use std::collections::{BTreeMap, BTreeSet};

use domain::Medium;

use crate::document::Field;
use crate::nearest::nearest;
use crate::problem::{Code, Problem, shortened};
use crate::reader::Reader;

/// A correction rule: the meters whose readings are added and subtracted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The terms, in the order written; the first is added.
    pub terms: Vec<Term>,
}

/// One meter in a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Whether it is subtracted.
    pub minus: bool,
    /// A meter's key, or the 24 hexadecimal digits of an imported one.
    pub meter: String,
}

/// What a rule is judged against: the meter that carries it, and those it may name.
#[derive(Debug, Clone)]
pub struct RuleContext {
    /// The meter that carries the rule.
    pub meter: String,
    /// What flows through it.
    pub medium: Medium,
    /// The meters of the site and the imported ones.
    pub meters: BTreeMap<String, Medium>,
    /// Meters that count for themselves and may be in no rule.
    pub stand_alone: BTreeSet<String>,
    /// The rules of others: meter to the meters it is computed from.
    pub rules: BTreeMap<String, Vec<String>>,
}

impl Rule {
    /// Reads `main + pv - apt-1-1`: keys, between them `+` or `-` with blanks around.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let key = |word: &str| {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            word != "-" && word.chars().all(fits)
        };
        let (first, rest) = words.split_first()?;
        let mut terms = vec![Term { minus: false, meter: (*first).to_owned() }];
        for pair in rest.chunks(2) {
            let [sign @ ("+" | "-"), meter] = *pair else { return None };
            terms.push(Term { minus: sign == "-", meter: meter.to_owned() });
        }
        (terms.len() > 1 && terms.iter().all(|term| key(&term.meter))).then_some(Self { terms })
    }

    /// The meters it is computed from.
    pub(crate) fn meters(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().map(|term| term.meter.as_str())
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (k, term) in self.terms.iter().enumerate() {
            let sign = match (k, term.minus) {
                (0, _) => "",
                (_, true) => " - ",
                (_, false) => " + ",
            };
            write!(f, "{sign}{}", term.meter)?;
        }
        Ok(())
    }
}

impl RuleContext {
    /// Whether the meter would be computed from itself, directly or by way of others.
    fn is_circular(&self, rule: &Rule) -> bool {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = rule.meters().collect();
        while let Some(meter) = open.pop() {
            if reached.insert(meter) {
                open.extend(self.rules.get(meter).into_iter().flatten().map(String::as_str));
            }
        }
        reached.contains(self.meter.as_str())
    }
}

/// Checks the grammar of a rule, and its meaning where a context is known.
pub(super) fn check(
    reader: &mut Reader<'_, '_>,
    field: &Field,
    context: Option<&RuleContext>,
) -> Option<Rule> {
    let crate::document::Value::Text(text) = &field.node.value else {
        reader.wrong_type(field, "text as \"main - apt-1-1\"");
        return None;
    };
    let Some(rule) = Rule::parse(text) else {
        let said = format!("\"{}\" is no rule", shortened(text));
        let hint =
            "meter keys with + or - between them, blanks around: \"main - apt-1-1 - apt-1-2\"";
        let problem = reader.about(Code::MalformedRule, field, said).hint(hint);
        reader.problems.push(problem);
        return None;
    };
    if let Some(context) = context {
        let known = Known {
            medium: context.medium,
            circular: context.is_circular(&rule),
            meters: &|key| {
                let own = (context.meter == key).then_some(context.medium);
                let medium = own.or_else(|| context.meters.get(key).copied())?;
                Some((medium, context.stand_alone.contains(key)))
            },
        };
        if let Some((code, said)) = known.judge(&rule) {
            let near = nearest_meter(&rule, &known, context.meters.keys().map(String::as_str));
            let problem = reader.about(code, field, said);
            reader.problems.push(hinted(problem, code, near));
            return None;
        }
    }
    Some(rule)
}

/// What is known when the meaning of a rule is judged.
pub(crate) struct Known<'k> {
    /// What flows through the meter that carries the rule.
    pub(crate) medium: Medium,
    /// Whether the meter would be computed from itself.
    pub(crate) circular: bool,
    /// The medium of a meter, and whether it stands alone.
    pub(crate) meters: &'k dyn Fn(&str) -> Option<(Medium, bool)>,
}

impl Known<'_> {
    /// What is wrong with the meaning of a rule, if anything.
    pub(crate) fn judge(&self, rule: &Rule) -> Option<(Code, String)> {
        if let Some(unknown) = rule.meters().find(|meter| (self.meters)(meter).is_none()) {
            let said = format!("there is no meter \"{}\"", shortened(unknown));
            return Some((Code::UnknownReference, said));
        }
        if self.circular {
            let said = "the meter would be computed from itself".to_owned();
            return Some((Code::CircularRule, said));
        }
        for meter in rule.meters() {
            let (medium, alone) = (self.meters)(meter)?;
            if medium != self.medium || alone {
                let said = match alone {
                    true => format!("`{meter}` stands alone: it belongs into no rule"),
                    false => format!("`{meter}` measures {medium}, this meter {}", self.medium),
                };
                return Some((Code::NotForRule, said));
            }
        }
        None
    }
}

fn nearest_meter<'k>(
    rule: &Rule,
    known: &Known<'_>,
    keys: impl Iterator<Item = &'k str>,
) -> Option<&'k str> {
    let unknown = rule.meters().find(|meter| (known.meters)(meter).is_none())?;
    nearest(unknown, keys)
}

fn hinted(problem: Problem, code: Code, near: Option<&str>) -> Problem {
    match near.filter(|_| code == Code::UnknownReference) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}
