//! Why an item went the way it went: every decision with its inputs, all rules in their order, which
//! of them matched, and why the others did not.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::address::{address_of, parts_of};
use crate::{
    compile::error_name,
    ledger::{DecisionRow, ItemRow},
    model::ErrorClass,
    plan::{Outline, OutlineRule},
    rules::{self, Kind, Rule, Variables},
    run::{Decision, Fault},
};

/// One decision, explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TracedDecision {
    /// Nanoseconds since 1970.
    pub time_ns: i64,
    /// How many times the item had passed its task.
    pub visit: u16,
    /// Attempts that rules had asked for in this visit.
    pub attempt: u16,
    /// Tries of this attempt, those that a retry policy asked for included.
    pub tries: u16,
    /// The class of the error about which was decided.
    pub error: Option<&'static str>,
    /// What the error says.
    pub message: Option<String>,
    /// The variables that the rules read, and their values.
    pub inputs: BTreeMap<String, Value>,
    /// The rules in their order.
    pub rules: Vec<TracedRule>,
    /// Where the item went: a task, or `@continue` and so on.
    pub target: String,
    /// What that meant.
    pub next: String,
    /// The item that came next, when another one did.
    pub next_item: Option<String>,
}

/// One rule in a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TracedRule {
    /// As it stands in the file.
    pub rule: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why.
    pub why: String,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It decided.
    Matched,
    /// It did not apply.
    PassedOver,
    /// One before it decided.
    NotReached,
}

/// Explains the decisions about `item`, in their order. Without an outline only the rules that
/// matched are known.
pub fn trace(item: &ItemRow, decisions: &[DecisionRow], outline: Option<&Outline>) -> Vec<TracedDecision> {
    let (task, keys) = parts_of(&item.address);
    let rules = outline.and_then(|outline| outline.tasks.get(outline.find(task)?)).map(|task| task.rules.as_slice());
    let explained = |row: &DecisionRow| {
        let decision = &row.decision;
        let about = About { decision, keys: &keys, outline, rules };
        let next_item = next_item(decision, &keys, outline);
        TracedDecision {
            time_ns: row.time_ns,
            visit: decision.id.visits,
            attempt: decision.id.attempt,
            tries: decision.id.epoch + 1,
            error: decision.error.as_ref().map(|fault| error_name(fault.class)),
            message: decision.error.as_ref().map(|fault| fault.message.clone()),
            inputs: decision.inputs.clone(),
            rules: about.rules(),
            target: decision.target.clone(),
            next: about.next(next_item.as_deref()),
            next_item,
        }
    };
    decisions.iter().map(explained).collect()
}

struct About<'a> {
    decision: &'a Decision,
    keys: &'a [(&'a str, String)],
    outline: Option<&'a Outline>,
    /// Those of the item's task, where they are known.
    rules: Option<&'a [OutlineRule]>,
}

impl About<'_> {
    fn only_match(&self) -> Vec<TracedRule> {
        let why = self.values_text(&self.decision.inputs.keys().map(String::as_str).collect::<Vec<_>>());
        let matched =
            self.decision.rule.map(|_| TracedRule { rule: self.decision.text.clone(), verdict: Verdict::Matched, why });
        matched.into_iter().collect()
    }

    fn rules(&self) -> Vec<TracedRule> {
        let Some(rules) = self.rules else { return self.only_match() };
        let matched = self.decision.rule.map(usize::from);
        let traced = |(number, rule): (usize, &OutlineRule)| {
            let (verdict, why) = match matched {
                Some(matched) if number == matched => (Verdict::Matched, self.why_matched(rule)),
                Some(matched) if number > matched => (Verdict::NotReached, "a rule before it decided".to_owned()),
                _ => (Verdict::PassedOver, self.why_not(rule)),
            };
            TracedRule { rule: rule.text.clone(), verdict, why }
        };
        rules.iter().enumerate().map(traced).collect()
    }

    fn why_matched(&self, rule: &OutlineRule) -> String {
        let error = self.decision.error.as_ref().filter(|_| rule.on.is_some());
        let error = error.map(|fault| format!("the error was {}", class_text(fault.class)));
        let values = rule.condition.as_deref().map(|condition| self.values_text(&names(condition)));
        error.into_iter().chain(values.filter(|text| !text.is_empty())).collect::<Vec<_>>().join(", ")
    }

    /// Why a rule that was looked at did not decide.
    fn why_not(&self, rule: &OutlineRule) -> String {
        if let Some(why) = self.wrong_outcome(rule) {
            return why;
        }
        let told = rule.condition.as_deref().map(|condition| (condition, self.holds(condition)));
        match told {
            Some((condition, Ok(false))) => self.values_text(&names(condition)),
            Some((_, Err(why))) => why,
            Some((_, Ok(true))) | None => self.why_used_up(rule),
        }
    }

    /// That a rule is about errors and there was none, or the other way, or about other errors.
    fn wrong_outcome(&self, rule: &OutlineRule) -> Option<String> {
        match (rule.on, self.decision.error.as_ref().map(|fault: &Fault| fault.class)) {
            (None, None) | (Some(ErrorClass::Error), Some(_)) => None,
            (Some(_), None) => Some("there was no error".to_owned()),
            (None, Some(class)) => {
                // A condition that could not be told made the error.
                let untold = rule.condition.as_deref().and_then(|condition| self.holds(condition).err());
                Some(
                    untold.unwrap_or_else(|| {
                        format!("it is about results, and there was an error ({})", error_name(class))
                    }),
                )
            }
            (Some(wanted), Some(class)) if wanted == class => None,
            (Some(_), Some(class)) => Some(format!("the error was {}", class_text(class))),
        }
    }

    fn why_used_up(&self, rule: &OutlineRule) -> String {
        if rule.target == "@retry" {
            return format!("it held, but it had been followed {} times already", rule.times);
        }
        let visits = rule.task.and_then(|task| self.outline?.tasks.get(task as usize)).map(|task| task.max_visits);
        match visits.filter(|_| rule.back) {
            Some(visits) => format!("it held, but {} had had its {visits} visits", rule.target),
            None => "it could not be followed".to_owned(),
        }
    }

    /// Whether a condition is true of the inputs, or why that cannot be told.
    fn holds(&self, condition: &str) -> Result<bool, String> {
        let mut variables = Variables::new();
        let mut values = rules::Values::new();
        for name in names(condition) {
            let Some(value) = self.decision.inputs.get(name) else {
                variables.declare(name, Kind::Number);
                continue;
            };
            let is_key = self.keys.iter().any(|(key, _)| name.split('.').next() == Some(key));
            let (kind, value) = match value {
                Value::Bool(truth) => (Kind::Bool, rules::Value::from(*truth)),
                Value::String(text) => (Kind::Text, rules::Value::from(text.as_str())),
                Value::Number(number) => match number.as_i64().filter(|_| !is_key) {
                    Some(whole) => (Kind::Integer, rules::Value::from(whole)),
                    None => (Kind::Number, rules::Value::from(number.as_f64().unwrap_or(f64::NAN))),
                },
                _ => continue,
            };
            variables.declare(name, kind);
            values.insert(name.to_owned(), value);
        }
        if let Some(absent) = names(condition).into_iter().find(|name| !self.decision.inputs.contains_key(*name)) {
            return Err(format!("`{absent}` had no value, which is an error"));
        }
        let rule = Rule::compile(condition, &variables).map_err(|error| error.to_string())?;
        rule.evaluate(&values).map_err(|error| format!("failed to {error}"))
    }

    /// `sharpness = 0.31, attempt = 2`
    fn values_text(&self, names: &[&str]) -> String {
        let mut told = Vec::new();
        for name in names {
            let text = self.decision.inputs.get(*name).map(|value| format!("{name} = {}", value_text(value)));
            if let Some(text) = text.filter(|text| !told.contains(text)) {
                told.push(text);
            }
        }
        told.join(", ")
    }

    fn next(&self, item: Option<&str>) -> String {
        let id = self.decision.id;
        match (self.decision.target.as_str(), item) {
            ("@continue", _) if self.decision.error.is_some() => "failed: its rules let the error stand".to_owned(),
            ("@continue", _) => "on to what depends on it".to_owned(),
            ("@skip", _) => "skipped, with what needs it".to_owned(),
            ("@fail", _) => "failed, and blocked what needs it".to_owned(),
            ("@hold", _) => "waited for a person".to_owned(),
            ("@retry", _) => format!("attempt {}", id.attempt + 1),
            (task, None) => format!("sent to {task}"),
            (_, Some(item)) if self.goes_back() => format!("back to {item}, visit {}", id.visits + 1),
            (_, Some(item)) => format!("sent to {item}"),
        }
    }

    fn goes_back(&self) -> bool {
        let rule = self.decision.rule.and_then(|rule| self.rules?.get(usize::from(rule)));
        rule.is_some_and(|rule| rule.back)
    }
}

/// The item of the target task with the same keys, where the target has no others.
fn next_item(decision: &Decision, keys: &[(&str, String)], outline: Option<&Outline>) -> Option<String> {
    let task = outline?.tasks.get(outline?.find(&decision.target)?)?;
    let own = |name: &String| keys.iter().find(|(key, _)| key == name).cloned();
    let keys: Option<Vec<(&str, String)>> = task.keys.iter().map(own).collect();
    keys.map(|keys| address_of(&task.name, &keys))
}

fn class_text(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Error => "an ordinary one",
        ErrorClass::Transient => "a transient one",
        ErrorClass::Oom => "out of memory",
        ErrorClass::Timeout => "a timeout",
    }
}

/// A number as short as it tells enough; other values as JSON.
fn value_text(value: &Value) -> String {
    match value.as_f64().filter(|_| value.is_f64()) {
        Some(number) => ((number * 1e4).round() / 1e4).to_string(),
        None => value.to_string(),
    }
}

/// Words that functions and truths use.
const NO_VARIABLES: [&str; 13] = [
    "true",
    "false",
    "in",
    "abs",
    "min",
    "max",
    "floor",
    "ceiling",
    "round",
    "len",
    "contains",
    "starts_with",
    "ends_with",
];

/// The variables that a condition names, in their order: words with dots, outside texts.
fn names(condition: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut quote: Option<char> = None;
    let mut start: Option<usize> = None;
    for (at, c) in condition.char_indices().chain([(condition.len(), ' ')]) {
        let is_word = quote.is_none() && (c.is_ascii_alphanumeric() || c == '_' || c == '.');
        match (start, is_word) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                found.push(&condition[from..at]);
                start = None;
            }
            _ => {}
        }
        match (quote, c) {
            (None, '"' | '`') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let words = found.into_iter().filter(is_name).filter(|word| !NO_VARIABLES.contains(word));
    words.map(without_method).collect()
}

/// What a method is called on: `name` of `name.contains`.
fn without_method(word: &str) -> &str {
    let called = word.rsplit_once('.').filter(|(_, method)| NO_VARIABLES.contains(method));
    called.map_or(word, |(on, _)| on)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        plan::{ItemIx, OutlineTask},
        run::{AttemptId, ItemState},
    };

    fn rule(on: Option<ErrorClass>, condition: Option<&str>, target: &str) -> OutlineRule {
        OutlineRule {
            text: format!("{condition:?} -> {target}"),
            on,
            condition: condition.map(str::to_owned),
            target: target.to_owned(),
            task: None,
            back: false,
            times: 2,
        }
    }

    fn outline(rules: Vec<OutlineRule>) -> Outline {
        let keys = || vec!["sku".to_owned()];
        let task = |name: &str, rules| OutlineTask {
            name: name.to_owned(),
            keys: keys(),
            rules,
            max_visits: 3,
            ..OutlineTask::default()
        };
        Outline { tasks: vec![task("look", rules), task("mend", Vec::new())], slots: None }
    }

    fn traced(rules: Vec<OutlineRule>, matched: Option<u16>, inputs: Value, error: Option<Fault>) -> TracedDecision {
        let item = ItemRow {
            item: 0,
            address: "look[sku=7]".to_owned(),
            state: ItemState::Done,
            reason: None,
            visits: 1,
            attempt: 1,
            epoch: 0,
            prompt_id: None,
            executor: None,
            fingerprint: None,
            parts: BTreeMap::new(),
            started_ns: None,
            finished_ns: None,
            result: None,
        };
        let outline = outline(rules);
        let found = matched.map(|number| &outline.tasks[0].rules[usize::from(number)]);
        let decision = Decision {
            item: ItemIx(0),
            id: AttemptId { visits: 1, attempt: 1, epoch: 0 },
            rule: matched,
            text: found.map(|rule| rule.text.clone()).unwrap_or_default(),
            target: found.map_or_else(|| "@continue".to_owned(), |rule| rule.target.clone()),
            inputs: serde_json::from_value(inputs).unwrap(),
            error,
        };
        trace(&item, &[DecisionRow { time_ns: 1, decision }], Some(&outline)).remove(0)
    }

    #[test]
    fn every_rule_says_why() {
        let rules = vec![
            rule(Some(ErrorClass::Oom), None, "@retry"),
            rule(None, Some("quality < 0.3 && width > 10"), "@skip"),
            rule(None, Some("quality < 0.8"), "mend"),
            rule(None, Some("quality < 0.9"), "@hold"),
        ];
        let found = traced(rules, Some(2), json!({"quality": 0.512_345, "width": 64}), None);
        let told: Vec<_> = found.rules.iter().map(|rule| (rule.verdict, rule.why.as_str())).collect();
        let expected = [
            (Verdict::PassedOver, "there was no error"),
            (Verdict::PassedOver, "quality = 0.5123, width = 64"),
            (Verdict::Matched, "quality = 0.5123"),
            (Verdict::NotReached, "a rule before it decided"),
        ];
        assert_eq!(told, expected);
        assert_eq!((found.next.as_str(), found.next_item.as_deref()), ("sent to mend[sku=7]", Some("mend[sku=7]")));
    }

    #[test]
    fn errors_attempts_and_visits() {
        let back = OutlineRule { back: true, task: Some(1), ..rule(Some(ErrorClass::Error), None, "mend") };
        let rules = vec![
            rule(None, Some("quality < 0.3"), "@skip"),
            rule(Some(ErrorClass::Timeout), None, "@fail"),
            rule(Some(ErrorClass::Oom), Some("attempt < 5"), "@retry"),
            back,
        ];
        let fault = Fault::new(ErrorClass::Oom, "no room");
        let found = traced(rules, None, json!({"attempt": 3, "quality": 0.1}), Some(fault));
        let told: Vec<_> = found.rules.iter().map(|rule| rule.why.as_str()).collect();
        let expected = [
            "it is about results, and there was an error (oom)",
            "the error was out of memory",
            "it held, but it had been followed 2 times already",
            "it held, but mend had had its 3 visits",
        ];
        assert_eq!(told, expected);
        assert_eq!((found.error, found.message.as_deref()), (Some("oom"), Some("no room")));
    }

    #[test]
    fn what_was_not_measured_is_told() {
        let rules = vec![rule(None, Some("quality < 0.3"), "@skip"), rule(Some(ErrorClass::Error), None, "@hold")];
        let fault = Fault::new(ErrorClass::Error, "failed to read `quality`");
        let found = traced(rules, Some(1), json!({}), Some(fault));
        assert_eq!(found.rules[0].why, "`quality` had no value, which is an error");
        assert_eq!(found.rules[1].why, "the error was an ordinary one");
        assert_eq!(found.next, "waited for a person");
    }

    #[test]
    fn variables_are_found_outside_texts() {
        let found = |condition| names(condition).join(" ");
        assert_eq!(found(r#"cutout.quality < 0.5 && name != "a.b c" || abs(x) > 1e3"#), "cutout.quality name x");
        assert_eq!(found("name.starts_with(`q`) && !is_final"), "name is_final");
    }
}
