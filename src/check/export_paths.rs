//! Two items that export to the same place: the later one replaces what the earlier one wrote.

use std::collections::HashMap;

use super::judge::Visit;
use crate::{compile::Program, diagnostic::Diagnostic, model::TaskType};

const CODE: &str = "same-export-path";

/// Most items of a task that are compared.
const COMPARED: usize = 10_000;

pub(super) fn check(visit: &mut Visit<'_>) {
    let Some(program) = visit.program.take() else { return };
    let mut first: HashMap<String, (usize, usize)> = HashMap::new();
    for number in 0..program.tasks.len() {
        if program.chain_task(number).kind == TaskType::Export {
            check_task(visit, &program, number, &mut first);
        }
    }
    visit.program = Some(program);
}

/// Reports the first item of a task whose path another item has.
fn check_task(visit: &mut Visit<'_>, program: &Program, number: usize, first: &mut HashMap<String, (usize, usize)>) {
    let Some(setting) = program.tasks[number].settings.get("path") else { return };
    let items = &program.expansion.items[number];
    let mut found = None;
    for index in 0..items.len().min(COMPARED) {
        let filled = setting.fill(&program.scope(number, items.row(index), 1, 1)).ok();
        let Some(path) = filled.as_ref().and_then(|value| value.as_str()) else { continue };
        match first.get(path) {
            Some(other) if found.is_none() => found = Some((path.to_owned(), *other, (number, index))),
            Some(_) => {}
            None => drop(first.insert(path.to_owned(), (number, index))),
        }
    }
    let Some((path, one, other)) = found else { return };
    let address = |(task, index): (usize, usize)| program.address(task, program.expansion.items[task].row(index));
    let (one, other) = (address(one), address(other));
    let span = visit.subject.tree.span_of(&program.place(number, Some("path")));
    let message = format!("{one} and {other} both write \"{path}\"");
    let warning = Diagnostic::warning(CODE, visit.subject.file, span, message);
    visit.report.push(warning.with_hint("insert what tells the items apart: a key such as {sku}"));
}
