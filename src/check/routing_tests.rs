//! The routing tests of a chain: its rules decide as the file says they do.

use serde_json::Value;

use super::judge::Visit;
use crate::{
    compile::{Program, TaskRule},
    files::Path,
    ident::did_you_mean,
    model::{Body, ErrorClass, RoutingTest},
    path, rules,
    rules::{EvaluationError, Kind, Values, Variables},
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::Chain(chain) = &visit.subject.document.body else { return };
    let Some(program) = visit.program.take() else { return };
    // A rule that does not compile has been reported and decides nothing.
    let sound = |number: usize| {
        let rules = &program.tasks[number].rules;
        rules
            .iter()
            .zip(&program.chain_task(number).route)
            .all(|(rule, route)| rule.condition.is_some() == route.condition.is_some())
    };
    for (index, test) in chain.routing_test.iter().enumerate() {
        let base = path!["routing_test", index];
        let names = || chain.task.keys().map(String::as_str);
        let Some(number) = names().position(|name| name == test.task) else {
            let near = did_you_mean(&test.task, names());
            let message = format!("there is no task `{}`", test.task);
            visit.report.error("unknown-task", &base.join("task"), message).hint =
                near.map(|near| format!("did you mean `{near}`?"));
            continue;
        };
        if sound(number) {
            check_test(visit, &program, number, test, &base);
        }
    }
    visit.program = Some(program);
}

fn check_test(visit: &mut Visit<'_>, program: &Program, number: usize, test: &RoutingTest, base: &Path) {
    let task = &program.tasks[number];
    let mut targets: Vec<&str> = task.rules.iter().map(|rule| rule.to.as_str()).collect();
    targets.extend(["@continue", "@fail"]);
    if !targets.contains(&test.expect.as_str()) {
        let near = did_you_mean(&test.expect, targets.iter().copied());
        let message = format!("no rule of `{}` leads to \"{}\"", test.task, test.expect);
        visit.report.error("routing-test-failed", &base.join("expect"), message).hint =
            near.map(|near| format!("did you mean \"{near}\"?"));
        return;
    }
    let Some(values) = values(visit, &task.variables, test, base) else { return };
    let (decided, why) = match decide(program, &task.rules, test.error, &values) {
        Ok(Some(rule)) => (rule.to.as_str(), format!("the rule `{}` decides", rule.text)),
        Ok(None) if test.error.is_some() => ("@fail", "no rule matches the error".to_owned()),
        Ok(None) => ("@continue", "no rule matches".to_owned()),
        Err(error) => {
            let message = format!("failed to {error}");
            visit.report.error("routing-test-failed", base, message).hint =
                Some("give a value for every variable that the rules read".to_owned());
            return;
        }
    };
    if decided != test.expect {
        let message = format!("the item goes to \"{decided}\", not to \"{}\": {why}", test.expect);
        visit.report.error("routing-test-failed", &base.join("expect"), message);
    }
}

/// The first rule that matches, as the engine reads them.
fn decide<'p>(
    program: &Program,
    rules: &'p [TaskRule],
    error: Option<ErrorClass>,
    values: &Values,
) -> Result<Option<&'p TaskRule>, EvaluationError> {
    let count = |name: &str| match values.get(name) {
        Some(rules::Value::Integer(number)) => *number,
        _ => 1,
    };
    for rule in rules {
        let matches_outcome = match (rule.on, error) {
            (None, None) => true,
            (Some(on), Some(error)) => on == ErrorClass::Error || on == error,
            _ => false,
        };
        let exhausted = match rule.task {
            Some((target, true)) => count("visits") >= i64::from(program.chain_task(target).max_visits.unwrap_or(1)),
            _ => rule.to == "@retry" && count("attempt") > i64::from(rule.times),
        };
        let holds = |rule: &TaskRule| rule.condition.as_ref().map_or(Ok(true), |c| c.evaluate(values));
        if matches_outcome && !exhausted && holds(rule)? {
            return Ok(Some(rule));
        }
    }
    Ok(None)
}

/// The given values in the types of their variables; the first attempt and visit where nothing
/// else is given.
fn values(visit: &mut Visit<'_>, variables: &Variables, test: &RoutingTest, base: &Path) -> Option<Values> {
    let error = test.error.map_or("", crate::compile::error_name);
    let mut out = Values::from([
        ("attempt".to_owned(), 1_i64.into()),
        ("visits".to_owned(), 1_i64.into()),
        ("error".to_owned(), error.into()),
    ]);
    let mut ok = true;
    for (name, value, path) in flattened(test, variables, &base.join("given")) {
        let Some(kind) = variables.kind(&name) else {
            let near = did_you_mean(&name, variables.names());
            let message = format!("rules of `{}` cannot read `{name}`", test.task);
            visit.report.error_at_key("unknown-variable", &path, message).hint =
                near.map(|near| format!("did you mean `{near}`?"));
            ok = false;
            continue;
        };
        if let Some(value) = typed(kind, &value) {
            out.insert(name, value);
        } else {
            visit.report.error("wrong-type", &path, format!("`{name}` is {}", kind.describe()));
            ok = false;
        }
    }
    ok.then_some(out)
}

/// Names and values; those of other tasks may be written as a table: `cutout = { quality = 1 }`.
fn flattened(test: &RoutingTest, variables: &Variables, base: &Path) -> Vec<(String, Value, Path)> {
    let mut out = Vec::new();
    for (name, value) in &test.given {
        match value {
            Value::Object(table) if variables.kind(name).is_none() => {
                out.extend(table.iter().map(|(k, v)| (format!("{name}.{k}"), v.clone(), base.join(name).join(k))));
            }
            other => out.push((name.clone(), other.clone(), base.join(name))),
        }
    }
    out
}

fn typed(kind: Kind, value: &Value) -> Option<rules::Value> {
    match kind {
        Kind::Number => value.as_f64().map(Into::into),
        Kind::Integer => value.as_i64().map(Into::into),
        Kind::Text => value.as_str().map(Into::into),
        Kind::Bool => value.as_bool().map(Into::into),
    }
}
