//! Reads the rules of a task for an item whose try has ended, and follows the one that matches.

use serde_json::Value;

use super::{
    event::{Command, Decision, Values},
    planner::{Planner, class_matches},
    ports::Fault,
    state::{ItemState, Reason},
};
use crate::{
    model::ErrorClass,
    plan::{ItemIx, Plan, PlanRule, Target},
    rules,
};

impl Planner {
    /// Sends `item` where the rules say. `fault` is its error, if the try failed.
    pub(super) fn follow_rules(&mut self, item: u32, fault: Option<&Fault>, values: &Values) {
        let (rule, fault) = match self.first_match(item, fault, values) {
            Ok(rule) => (rule, fault.cloned()),
            // A condition that cannot be told is an error outcome of its own.
            Err(broken) if fault.is_none() => {
                let mut values = values.clone();
                values.insert("error".to_owned(), Value::String("error".to_owned()));
                (self.first_match(item, Some(&broken), &values).unwrap_or(None), Some(broken))
            }
            Err(_) => (None, fault.cloned()),
        };
        self.items[item as usize].has_result = fault.is_none();
        if !self.task(item).rules.is_empty() {
            self.record(item, rule, fault.clone(), values);
        }
        let target = rule.map_or(Target::Continue, |rule| self.task(item).rules[usize::from(rule)].target);
        let reason = rule.map_or(Reason::None, Reason::Rule);
        match target {
            Target::Continue => self.end(item, fault, Reason::None),
            Target::Task(target, false) => {
                self.items[item as usize].target = target.0;
                self.end(item, fault, Reason::None);
            }
            Target::Task(target, true) => {
                let heads = self.open_heads(item, target);
                self.go_back(item, &heads);
            }
            Target::Skip => self.change(item, ItemState::Skipped, reason, fault),
            Target::Fail => self.change(item, ItemState::Failed, reason, fault),
            Target::Hold => self.change(item, ItemState::Held, reason, fault),
            Target::Retry => {
                let rule = rule.unwrap_or_default();
                *self.retries.entry((item, rule)).or_default() += 1;
                self.next_attempt(item, Some(rule));
            }
        }
    }

    /// Ends `item` with its result or its error.
    fn end(&mut self, item: u32, fault: Option<Fault>, reason: Reason) {
        match fault {
            Some(fault) => self.change(item, ItemState::Failed, Reason::Error, Some(fault)),
            None => self.finish(item, reason),
        }
    }

    /// The first rule that matches and can be followed.
    fn first_match(&self, item: u32, fault: Option<&Fault>, values: &Values) -> Result<Option<u16>, Fault> {
        for (number, rule) in self.task(item).rules.iter().enumerate() {
            let number = number as u16;
            if matches_outcome(rule, fault) && self.is_possible(item, number, rule) && holds(rule, values)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Whether a loop has visits left, and a retry attempts.
    fn is_possible(&self, item: u32, number: u16, rule: &PlanRule) -> bool {
        match rule.target {
            Target::Retry => self.retries.get(&(item, number)).copied().unwrap_or(0) < rule.times,
            Target::Task(target, true) => !self.open_heads(item, target).is_empty(),
            _ => true,
        }
    }

    fn record(&mut self, item: u32, rule: Option<u16>, error: Option<Fault>, values: &Values) {
        let found = rule.and_then(|rule| self.task(item).rules.get(usize::from(rule)));
        let (text, target) = match found {
            Some(rule) => (rule.text.clone(), target_name(&self.plan, rule.target)),
            None if error.is_some() => (String::new(), "@fail".to_owned()),
            None => (String::new(), "@continue".to_owned()),
        };
        let id = self.items[item as usize].id;
        let inputs = values.clone();
        self.commands.push(Command::Record(Decision { item: ItemIx(item), id, rule, text, target, inputs, error }));
    }
}

/// A target as it is written in a file.
pub(super) fn target_name(plan: &Plan, target: Target) -> String {
    target.name(plan).to_owned()
}

fn matches_outcome(rule: &PlanRule, fault: Option<&Fault>) -> bool {
    match (rule.on, fault) {
        (None, None) => true,
        (Some(on), Some(fault)) => class_matches(on, fault.class),
        _ => false,
    }
}

fn holds(rule: &PlanRule, values: &Values) -> Result<bool, Fault> {
    let Some(condition) = &rule.condition else { return Ok(true) };
    let values = condition.variables().iter().filter_map(|name| Some((name.clone(), readable(values.get(name)?)?)));
    condition.evaluate(&values.collect()).map_err(|error| Fault::new(ErrorClass::Error, format!("failed to {error}")))
}

/// A JSON value as rules read it; null, lists and tables are absent.
fn readable(value: &Value) -> Option<rules::Value> {
    match value {
        Value::Bool(truth) => Some((*truth).into()),
        Value::Number(number) => number.as_i64().map(rules::Value::from).or(number.as_f64().map(rules::Value::from)),
        Value::String(text) => Some(text.as_str().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
