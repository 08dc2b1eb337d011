//! Counts and tables of a run: which way its items went, what was measured, what failed.

use std::collections::{BTreeMap, BTreeSet};

use super::{address::parts_of, course::median};
use crate::{
    ident::IndexMap,
    ledger::{DecisionRow, ItemRow, TryEnd, TryRow},
    plan::Outline,
    run::ItemState,
};

/// How many items followed one rule of a task, or none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteCount {
    /// Position of the task.
    pub task: usize,
    /// Position of the rule; none for the items that no rule matched.
    pub rule: Option<usize>,
    /// The rule as it stands in the file; empty when none matched.
    pub text: String,
    /// Where it leads.
    pub target: String,
    /// Items that went this way, each once.
    pub items: u32,
}

/// Counts the items of each branch: rule by rule, then those that no rule matched. Rules that
/// nobody followed count 0.
pub fn route_counts(outline: &Outline, items: &[ItemRow], decisions: &[DecisionRow]) -> Vec<RouteCount> {
    let address: BTreeMap<u32, &str> = items.iter().map(|item| (item.item, item.address.as_str())).collect();
    let mut taken: BTreeMap<(usize, Option<usize>, &str), BTreeSet<u32>> = BTreeMap::new();
    for row in decisions {
        let decision = &row.decision;
        let task = address.get(&decision.item.0).and_then(|address| outline.find(parts_of(address).0));
        if let Some(task) = task {
            let way = (task, decision.rule.map(usize::from), decision.target.as_str());
            taken.entry(way).or_default().insert(decision.item.0);
        }
    }
    let mut counts = Vec::new();
    for (number, task) in outline.tasks.iter().enumerate().filter(|(_, task)| !task.rules.is_empty()) {
        for (position, rule) in task.rules.iter().enumerate() {
            let items =
                taken.get(&(number, Some(position), rule.target.as_str())).map_or(0, |items| items.len() as u32);
            let (text, target) = (rule.text.clone(), rule.target.clone());
            counts.push(RouteCount { task: number, rule: Some(position), text, target, items });
        }
        let others = taken.iter().filter(|((task, rule, _), _)| *task == number && rule.is_none());
        counts.extend(others.map(|((_, _, target), items)| RouteCount {
            task: number,
            rule: None,
            text: String::new(),
            target: (*target).to_owned(),
            items: items.len() as u32,
        }));
    }
    counts
}

/// A metric of the items of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow {
    /// The task.
    pub task: String,
    /// The metric.
    pub name: String,
    /// How many items have it.
    pub count: usize,
    /// The smallest value.
    pub least: f64,
    /// The middle value.
    pub median: f64,
    /// The mean.
    pub mean: f64,
    /// The largest value.
    pub most: f64,
}

/// Sizes and times are no measures of quality.
const NOT_MEASURED: [&str; 4] = ["width", "height", "seconds", "cost"];

/// The metrics of each task, in the order of the tasks.
pub fn metric_rows(items: &[ItemRow]) -> Vec<MetricRow> {
    let mut values: IndexMap<(&str, &str), Vec<f64>> = IndexMap::default();
    for item in items {
        let metrics = item.result.iter().flat_map(|result| &result.metrics);
        for (name, value) in metrics.filter(|(name, _)| !NOT_MEASURED.contains(&name.as_str())) {
            values.entry((parts_of(&item.address).0, name)).or_default().push(*value);
        }
    }
    let row = |((task, name), values): ((&str, &str), Vec<f64>)| MetricRow {
        task: task.to_owned(),
        name: name.to_owned(),
        count: values.len(),
        least: values.iter().copied().fold(f64::INFINITY, f64::min),
        mean: values.iter().sum::<f64>() / values.len() as f64,
        most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        median: median(values),
    };
    values.into_iter().map(row).collect()
}

/// Items of one task that ended badly for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureGroup {
    /// The task.
    pub task: String,
    /// How they ended.
    pub state: ItemState,
    /// Why.
    pub message: String,
    /// Positions of the items.
    pub items: Vec<usize>,
}

/// What failed, what nobody knows of, what waits for a person, and what that kept from running;
/// failures first.
pub fn failures(items: &[ItemRow]) -> Vec<FailureGroup> {
    let mut groups: IndexMap<(ItemState, &str, &str), Vec<usize>> = IndexMap::default();
    let told = |state: ItemState| state == ItemState::Held || state.is_failure() && state != ItemState::Cancelled;
    for (position, item) in items.iter().enumerate().filter(|(_, item)| told(item.state)) {
        let key = (item.state, parts_of(&item.address).0, item.reason.as_deref().unwrap_or("no reason was given"));
        groups.entry(key).or_default().push(position);
    }
    let mut groups: Vec<FailureGroup> = groups
        .into_iter()
        .map(|((state, task, message), items)| FailureGroup {
            task: task.to_owned(),
            state,
            message: message.to_owned(),
            items,
        })
        .collect();
    let rank = |state: ItemState| match state {
        ItemState::Failed => 0,
        ItemState::NeedsReview => 1,
        ItemState::Held => 2,
        _ => 3,
    };
    groups.sort_by_key(|group| (rank(group.state), std::cmp::Reverse(group.items.len())));
    groups
}

/// An item that was tried more than once in one visit.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryRow {
    /// Position of the item.
    pub item: usize,
    /// How many tries there were.
    pub tries: u32,
    /// The errors in their order: class and message.
    pub errors: Vec<(String, String)>,
}

/// Items with more tries than visits, those with most first.
pub fn retries(tries: &[TryRow], items: &[ItemRow]) -> Vec<RetryRow> {
    let mut by_item: BTreeMap<u32, Vec<&TryRow>> = BTreeMap::new();
    for row in tries {
        by_item.entry(row.item).or_default().push(row);
    }
    let mut rows = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let Some(tries) = by_item.get(&item.item) else { continue };
        let visits: BTreeSet<u16> = tries.iter().map(|row| row.id.visits).collect();
        if tries.len() <= visits.len() {
            continue;
        }
        let errors = tries.iter().filter_map(|row| match &row.end {
            TryEnd::Failed(fault) => Some((crate::compile::error_name(fault.class).to_owned(), fault.message.clone())),
            TryEnd::Unknown(message) => Some(("unknown".to_owned(), message.clone())),
            TryEnd::GivenUp => Some(("given up".to_owned(), "its process ended".to_owned())),
            TryEnd::Finished | TryEnd::Open => None,
        });
        rows.push(RetryRow { item: position, tries: tries.len() as u32, errors: errors.collect() });
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.tries));
    rows
}
