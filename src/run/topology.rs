//! Which item tells which other item when it is settled, and which items a loop may repeat.
//!
//! Fixed for a run: made once from the plan. Knows no states.
//!
//! An *edge* goes from an item to one that needs it (one for each group of the plan's item table)
//! or that it may route to (one for each router of a conditional task). A *loop* belongs to a
//! *head*: a task to which a later task below it, a *tail*, routes back; its *body* is every task
//! on a way from the head to a tail. Loops are nested or apart. A route back to a task that is not
//! above the router is no loop and never followed.

use std::{collections::BTreeMap, ops::Range};

use serde_json::Value;

use super::rows::Rows;
use crate::{
    content_hash::canonical_json,
    plan::{ItemIx, Plan, Target, TaskIx},
};

/// Added to the number of a router in [`Edge::slot`].
const ROUTER: u32 = 1 << 31;

/// From an item to another that waits for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The item that waits.
    pub(crate) child: u32,
    slot: u32,
}

impl Edge {
    /// The child's group that this edge belongs to; none when it is a route.
    pub(crate) fn group(self) -> Option<usize> {
        (self.slot & ROUTER == 0).then_some(self.slot as usize)
    }
}

/// The loop of one head.
#[derive(Debug)]
pub(crate) struct Loop {
    /// For each task whether it is in the body; the head is.
    pub(crate) body: Vec<bool>,
}

/// All edges and loops of a plan.
#[derive(Debug)]
pub(crate) struct Topology {
    /// Edges by the item they start at.
    pub(crate) children: Rows<Edge>,
    /// Items that may route to an item of a conditional task, in the order of the routers.
    pub(crate) routers: Rows<u32>,
    /// For each task whether its items run only when another sends them there.
    conditional: Vec<bool>,
    /// Loops by head task.
    loops: Vec<Option<Loop>>,
    /// For each item in a body, the head items above it, itself included.
    pub(crate) heads: Rows<u32>,
    /// For each head item, the tail items that may come back to it.
    pub(crate) tails: Rows<u32>,
    /// For each tail item, the head items to which it may go back.
    pub(crate) back: Rows<u32>,
}

/// Gives the keys of an item.
pub(crate) type Keys<'a> = &'a dyn Fn(ItemIx) -> Vec<(String, Value)>;

impl Topology {
    /// The edges and loops of `plan`.
    pub(crate) fn new(plan: &Plan, keys: Keys<'_>) -> Self {
        let items = plan.items.len();
        let routes = forward_routes(plan, keys);
        let mut edges = dependency_edges(plan);
        edges.extend(routes.iter().map(|(router, child, slot)| (*router, Edge { child: *child, slot: ROUTER | slot })));
        let children = Rows::from_pairs(items, &edges);
        let by_child: Vec<_> = routes.iter().map(|(router, child, _)| (*child, *router)).collect();
        let loops = find_loops(plan);
        let head_pairs = heads_above(plan, &loops, &children);
        let heads = Rows::from_pairs(if head_pairs.is_empty() { 0 } else { items }, &head_pairs);
        let back_pairs = back_routes(plan, keys, &heads);
        let tail_pairs: Vec<_> = back_pairs.iter().map(|(tail, head)| (*head, *tail)).collect();
        Self {
            routers: Rows::from_pairs(items, &by_child),
            heads,
            tails: Rows::from_pairs(if tail_pairs.is_empty() { 0 } else { items }, &tail_pairs),
            back: Rows::from_pairs(if back_pairs.is_empty() { 0 } else { items }, &back_pairs),
            conditional: tasks(plan).map(|task| is_conditional(plan, task)).collect(),
            children,
            loops,
        }
    }

    /// Whether an item of `task` runs only when another sends it there.
    pub(crate) fn is_conditional(&self, task: TaskIx) -> bool {
        self.conditional[task.0 as usize]
    }

    /// Whether items of `task` are repeated when the loop of `head` comes back.
    pub(crate) fn in_body(&self, head: TaskIx, task: TaskIx) -> bool {
        self.loops[head.0 as usize].as_ref().is_some_and(|l| l.body[task.0 as usize])
    }
}

fn is_conditional(plan: &Plan, task: TaskIx) -> bool {
    let task_of = &plan.tasks[task.0 as usize];
    task_of.conditional && task_of.routed_from.iter().any(|router| routes_to(plan, *router, task, false))
}

/// Whether a rule of `router` names `task`, as a loop or not.
pub(crate) fn routes_to(plan: &Plan, router: TaskIx, task: TaskIx, back: bool) -> bool {
    plan.tasks[router.0 as usize].rules.iter().any(|rule| rule.target == Target::Task(task, back))
}

fn tasks(plan: &Plan) -> impl Iterator<Item = TaskIx> {
    (0..plan.tasks.len() as u32).map(TaskIx)
}

fn items_of(plan: &Plan, task: TaskIx) -> Range<u32> {
    plan.tasks[task.0 as usize].items.clone()
}

fn dependency_edges(plan: &Plan) -> Vec<(u32, Edge)> {
    let table = &plan.items;
    let mut edges = Vec::with_capacity(table.parents.len());
    for child in 0..table.len() as u32 {
        for (group, row) in (table.first_group[child as usize]..table.first_group[child as usize + 1]).enumerate() {
            let parents = table.groups[row as usize] as usize..table.groups[row as usize + 1] as usize;
            edges.extend(table.parents[parents].iter().map(|p| (p.0, Edge { child, slot: group as u32 })));
        }
    }
    edges
}

/// Router item, target item, number of the router among its task's `routed_from`.
fn forward_routes(plan: &Plan, keys: Keys<'_>) -> Vec<(u32, u32, u32)> {
    let mut routes = Vec::new();
    for task in tasks(plan).filter(|task| is_conditional(plan, *task)) {
        for (number, router) in plan.tasks[task.0 as usize].routed_from.iter().enumerate() {
            if routes_to(plan, *router, task, false) {
                let pairs = with_the_same_keys(plan, keys, *router, task);
                routes.extend(pairs.into_iter().map(|(router, child)| (router, child, number as u32)));
            }
        }
    }
    routes
}

/// Tail item and head item: the head items above a tail item that agree with it in their keys.
fn back_routes(plan: &Plan, keys: Keys<'_>, heads: &Rows<u32>) -> Vec<(u32, u32)> {
    let mut edges = back_edges(plan);
    edges.sort_unstable_by_key(|(tail, head)| (*head, *tail));
    edges.dedup();
    let pairs = edges.into_iter().flat_map(|(tail, head)| with_the_same_keys(plan, keys, tail, head));
    pairs.filter(|(tail, head)| heads.row(*tail).contains(head)).collect()
}

/// Pairs of items of two tasks that agree in all the keys that both tasks have.
fn with_the_same_keys(plan: &Plan, keys: Keys<'_>, from: TaskIx, to: TaskIx) -> Vec<(u32, u32)> {
    let names = |task: TaskIx| &plan.tasks[task.0 as usize].keys;
    let shared: Vec<&String> = names(from).iter().filter(|name| names(to).contains(name)).collect();
    let identity = |item: u32| -> String {
        let keys = keys(ItemIx(item));
        let values =
            shared.iter().map(|name| keys.iter().find(|(key, _)| key == *name).map(|(_, value)| value.clone()));
        canonical_json(&Value::Array(values.map(|value| value.unwrap_or(Value::Null)).collect()))
    };
    let mut targets: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for item in items_of(plan, to) {
        targets.entry(identity(item)).or_default().push(item);
    }
    let mut pairs = Vec::new();
    for item in items_of(plan, from) {
        pairs.extend(targets.get(&identity(item)).into_iter().flatten().map(|target| (item, *target)));
    }
    pairs
}

/// For each task the tasks that wait for it or to which it may send items onwards.
fn successors(plan: &Plan) -> Vec<Vec<u32>> {
    let mut successors = vec![Vec::new(); plan.tasks.len()];
    for task in tasks(plan) {
        let task_of = &plan.tasks[task.0 as usize];
        for parent in task_of.depends_on.iter().flat_map(|entry| &entry.alternatives) {
            successors[parent.0 as usize].push(task.0);
        }
        for rule in &task_of.rules {
            if let Target::Task(target, false) = rule.target {
                successors[task.0 as usize].push(target.0);
            }
        }
    }
    successors
}

/// Which tasks can be reached from `start`, itself included.
fn reachable(edges: &[Vec<u32>], start: TaskIx) -> Vec<bool> {
    let mut seen = vec![false; edges.len()];
    let mut open = vec![start.0];
    while let Some(task) = open.pop() {
        if !std::mem::replace(&mut seen[task as usize], true) {
            open.extend(&edges[task as usize]);
        }
    }
    seen
}

/// Routes back, as pairs of tail and head.
fn back_edges(plan: &Plan) -> Vec<(TaskIx, TaskIx)> {
    let of_tail = |tail: TaskIx| {
        let rules = plan.tasks[tail.0 as usize].rules.iter();
        rules.filter_map(move |rule| match rule.target {
            Target::Task(head, true) => Some((tail, head)),
            _ => None,
        })
    };
    tasks(plan).flat_map(of_tail).collect()
}

/// The loop of each head: what is strongly connected with it when routes back to earlier heads are
/// left out. So loops are nested or apart, however routes cross.
fn find_loops(plan: &Plan) -> Vec<Option<Loop>> {
    let forward = successors(plan);
    let back = back_edges(plan);
    let of_head = |head: TaskIx| {
        let mut below = forward.clone();
        for (tail, other) in back.iter().filter(|(_, other)| *other >= head) {
            below[tail.0 as usize].push(other.0);
        }
        let mut above = vec![Vec::new(); below.len()];
        for (task, targets) in below.iter().enumerate() {
            for target in targets {
                above[*target as usize].push(task as u32);
            }
        }
        let (reached, reaching) = (reachable(&below, head), reachable(&above, head));
        let body: Vec<bool> = reached.iter().zip(&reaching).map(|(a, b)| *a && *b).collect();
        let comes_back = back.iter().any(|(tail, other)| *other == head && body[tail.0 as usize]);
        comes_back.then_some(Loop { body })
    };
    tasks(plan).map(of_head).collect()
}

/// Pairs of an item and a head item above it in the head's body.
fn heads_above(plan: &Plan, loops: &[Option<Loop>], children: &Rows<Edge>) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for head in tasks(plan) {
        let Some(Loop { body }) = &loops[head.0 as usize] else { continue };
        let mut heads: BTreeMap<u32, Vec<u32>> = items_of(plan, head).map(|item| (item, vec![item])).collect();
        for task in tasks(plan).filter(|task| body[task.0 as usize]) {
            for item in items_of(plan, task) {
                let Some(mut own) = heads.remove(&item) else { continue };
                own.sort_unstable();
                own.dedup();
                for edge in children.row(item).iter().filter(|e| body[plan.items.task[e.child as usize].0 as usize]) {
                    heads.entry(edge.child).or_default().extend(&own);
                }
                pairs.extend(own.into_iter().map(|head| (item, head)));
            }
        }
    }
    pairs
}
