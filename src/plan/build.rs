//! From a compiled chain to a plan: tasks in order, items in columns.

use std::time::Duration;

use super::{
    kind::Kinds,
    model::{DependsEntry, ItemIx, ItemTable, Placement, Plan, PlanRule, PlanTask, RetryPolicy, Target, TaskIx},
};
use crate::{
    compile::Program,
    graph::own_classes,
    model::{ConfigDefaults, Retry, Task, TaskType, parse_backoff, parse_duration},
};

/// What the caller decides about a run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Servers by name, `native` among them; empty for the rule of the project: what can run
    /// in-process does.
    pub servers: Vec<String>,
}

/// Builds the plan of `program`. Tasks are numbered in running order; the items of a task are of one
/// kind.
pub fn build(program: &Program, defaults: &ConfigDefaults, options: &Options) -> Plan {
    let order = &program.structure.order;
    let mut number_of = vec![0u32; order.len()];
    for (position, task) in order.iter().enumerate() {
        number_of[*task] = position as u32;
    }
    let ix = |task: usize| TaskIx(number_of[task]);
    let mut first_item = vec![0u32; order.len() + 1];
    for (position, task) in order.iter().enumerate() {
        first_item[position + 1] = first_item[position] + program.expansion.items[*task].len() as u32;
    }
    let tasks = order
        .iter()
        .enumerate()
        .map(|(position, task)| {
            let items = first_item[position]..first_item[position + 1];
            plan_task(program, *task, items, &ix, defaults, options)
        })
        .collect();
    let mut plan = Plan {
        document: program.header.name.clone(),
        version: program.header.version.clone(),
        hash: program.document_hash(),
        mode: program.chain.mode,
        prefer: program.chain.prefer,
        parallel: program.chain.parallel,
        tasks,
        items: item_table(program, &number_of, &first_item),
        kinds: Kinds::new(),
        trial: None,
    };
    plan.kinds = Kinds::by_task(&plan);
    plan
}

fn plan_task(
    program: &Program,
    number: usize,
    items: std::ops::Range<u32>,
    ix: &dyn Fn(usize) -> TaskIx,
    defaults: &ConfigDefaults,
    options: &Options,
) -> PlanTask {
    let parts = &program.structure.tasks[number];
    let task = &program.chain.task[parts.name.as_str()];
    let keys = &program.expansion.items[number].keys;
    let gathered = &program.expansion.gathered[number];
    let rules = program.tasks[number].rules.iter().enumerate().map(|(index, rule)| PlanRule {
        text: rule.text.clone(),
        on: rule.on,
        condition: rule.condition.clone(),
        target: match (rule.task, rule.to.as_str()) {
            (Some((target, back)), _) => Target::Task(ix(target), back),
            (None, "@skip") => Target::Skip,
            (None, "@fail") => Target::Fail,
            (None, "@hold") => Target::Hold,
            (None, "@retry") => Target::Retry,
            (None, _) => Target::Continue,
        },
        times: rule.times,
        with: task.route[index].with.clone(),
    });
    let timeout = task.timeout.as_ref().or(program.chain.defaults.timeout.as_ref()).or(defaults.timeout.as_ref());
    let retry = task.retry.as_ref().or(program.chain.defaults.retry.as_ref()).or(defaults.retry.as_ref());
    PlanTask {
        name: parts.name.clone(),
        kind: task.kind,
        items,
        keys: keys.iter().map(|k| program.expansion.keys.name(*k).to_owned()).collect(),
        depends_on: parts
            .entries
            .iter()
            .map(|e| DependsEntry {
                alternatives: e.alternatives.iter().map(|t| ix(*t)).collect(),
                gathered: e
                    .alternatives
                    .iter()
                    .any(|t| program.expansion.items[*t].keys.iter().any(|k| gathered.contains(k))),
            })
            .collect(),
        routed_from: parts.routers.iter().chain(&parts.loops_from).map(|t| ix(*t)).collect(),
        conditional: parts.is_conditional(),
        allow_failed: task.allow_failed,
        rules: rules.collect(),
        retry: retry.map(retry_policy),
        timeout: timeout.and_then(|t| parse_duration(t).ok()),
        max_visits: if parts.loops_from.is_empty() { 1 } else { task.max_visits.unwrap_or(1) },
        scores: program.tasks[number].scores.clone(),
        priority: task.priority.unwrap_or(0),
        placement: placement(task, program, number, options),
    }
}

fn retry_policy(retry: &Retry) -> RetryPolicy {
    let default = (Duration::from_secs(5), Duration::from_mins(2));
    let (first, longest) = retry.backoff.as_deref().and_then(|b| parse_backoff(b).ok()).unwrap_or(default);
    RetryPolicy { max: retry.max, on: retry.on, first, longest }
}

/// Where a task runs: where it says, else where the caller says, else in-process when it can.
fn placement(task: &Task, program: &Program, number: usize, options: &Options) -> Placement {
    let only_native = matches!(task.kind, TaskType::Mask | TaskType::Score | TaskType::ContactSheet | TaskType::Export);
    if only_native {
        return Placement::Native;
    }
    let needs_server = program.tasks[number].needs_server;
    let named: Vec<String> = options.servers.iter().filter(|s| *s != "native").cloned().collect();
    // Classes of our own are known to no server.
    let has_own_class =
        program.tasks[number].sample.iter().flat_map(|g| g.nodes.values()).any(|n| own_classes().contains(&n.class));
    match task.on.as_deref() {
        Some("native") => Placement::Native,
        Some("comfy") => Placement::Comfy(named),
        Some(server) => Placement::Comfy(vec![server.to_owned()]),
        None if has_own_class && !needs_server => Placement::Native,
        None => {
            if needs_server || !named.is_empty() {
                Placement::Comfy(named)
            } else {
                Placement::Native
            }
        }
    }
}

/// Numbers of parents by item, entry and alternative.
fn item_table(program: &Program, number_of: &[u32], first_item: &[u32]) -> ItemTable {
    let mut table = ItemTable::default();
    let mut key = Vec::new();
    for (position, task) in program.structure.order.iter().enumerate() {
        let parts = &program.structure.tasks[*task];
        let lookups: Vec<_> = parts
            .entries
            .iter()
            .flat_map(|e| &e.alternatives)
            .map(|parent| (*parent, program.expansion.parents(*task, *parent)))
            .collect();
        for row in program.expansion.items[*task].rows() {
            table.task.push(TaskIx(position as u32));
            table.first_group.push(table.groups.len() as u32);
            for (parent, (columns, rows)) in &lookups {
                table.groups.push(table.parents.len() as u32);
                key.clear();
                key.extend(columns.iter().map(|c| row[*c]));
                let base = first_item[number_of[*parent] as usize];
                table.parents.extend(rows.get(key.as_slice()).into_iter().flatten().map(|r| ItemIx(base + r)));
            }
        }
    }
    table.first_group.push(table.groups.len() as u32);
    table.groups.push(table.parents.len() as u32);
    table
}
