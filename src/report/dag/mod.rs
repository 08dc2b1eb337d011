//! The graph of a chain to look at: one box for each task, with the number of its items; a box that
//! is opened shows items.
//!
//! [`dag`] makes the graph of an outline; `svg`, `mermaid`, `dot` and `page` write it.

mod dot;
mod layout;
mod mermaid;
mod page;
mod svg;

pub use dot::dot;
pub use mermaid::mermaid;
pub use page::{PageDag, page};
pub use svg::svg;
pub(super) use svg::{STYLE, fragment_closed as fragment};

use crate::plan::{Outline, OutlineTask};

/// Most characters of a condition beside its edge.
const LONGEST_LABEL: usize = 56;

/// Most rules that lead to no other task and are told in a box.
const MOST_RULES: usize = 3;

/// A graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dag {
    /// What it is of.
    pub title: String,
    /// The boxes, in the order of the plan.
    pub nodes: Vec<DagNode>,
    /// The edges.
    pub edges: Vec<DagEdge>,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DagNode {
    /// Its name.
    pub name: String,
    /// How many items it has.
    pub items: u32,
    /// What it does and where: `resize · native`.
    pub about: String,
    /// Whether it runs on servers.
    pub on_servers: bool,
    /// Further lines.
    pub notes: Vec<String>,
    /// Whether it is on the critical path.
    pub critical: bool,
    /// Whether it runs only for items that a rule sends to it.
    pub conditional: bool,
    /// Items that are shown.
    pub rows: Vec<DagRow>,
    /// How many items are not shown although some are.
    pub more: u32,
}

/// An item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DagRow {
    /// Its number.
    pub item: u32,
    /// Its keys, as short as they tell it from others.
    pub label: String,
    /// Its address.
    pub full: String,
    /// What else is said of it.
    pub note: String,
    /// Whether it is on the critical path.
    pub critical: bool,
    /// Numbers of the items it waits for.
    pub parents: Vec<u32>,
}

/// What an edge means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeKind {
    /// One waits for the other.
    Needs,
    /// One waits for all items of the other that belong to it.
    Gathers,
    /// One waits for the first of several.
    OneOf,
    /// A rule sends items.
    Routes,
    /// A rule sends items back.
    Back,
}

/// From one task to another.
#[derive(Clone, Debug, PartialEq)]
pub struct DagEdge {
    /// Number of the box where it begins.
    pub from: usize,
    /// Number of the box where it ends.
    pub to: usize,
    /// What it means.
    pub kind: EdgeKind,
    /// Its conditions in full, or which keys are gathered.
    pub label: Option<String>,
    /// Whether it is on the critical path.
    pub critical: bool,
}

/// What is known of a task beyond the outline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskMarks {
    /// Further lines for its box.
    pub notes: Vec<String>,
    /// Whether it is on the critical path.
    pub critical: bool,
    /// Items to show.
    pub rows: Vec<DagRow>,
    /// How many items are not shown although some are.
    pub more: u32,
}

/// The graph of `outline`. `marks` has what is known of each task; `taken` how many items followed
/// a rule, by task and rule, once that is known.
pub fn dag(title: &str, outline: &Outline, marks: &[TaskMarks], taken: &dyn Fn(usize, usize) -> Option<u32>) -> Dag {
    let nodes: Vec<DagNode> = outline
        .tasks
        .iter()
        .enumerate()
        .map(|(number, task)| node(number, task, marks.get(number).cloned().unwrap_or_default(), taken))
        .collect();
    let mut edges = Vec::new();
    for (number, task) in outline.tasks.iter().enumerate() {
        routes(number, task, outline, taken, &mut edges);
    }
    for (number, task) in outline.tasks.iter().enumerate() {
        needs(number, task, outline, &mut edges);
    }
    edges.sort_by_key(|edge| (edge.from.max(edge.to), edge.from.min(edge.to), edge.kind == EdgeKind::Back));
    for edge in &mut edges {
        edge.critical = nodes[edge.from].critical && nodes[edge.to].critical && edge.kind != EdgeKind::Back;
    }
    keep_last_critical(&mut edges);
    Dag { title: title.to_owned(), nodes, edges }
}

fn node(number: usize, task: &OutlineTask, marks: TaskMarks, taken: &dyn Fn(usize, usize) -> Option<u32>) -> DagNode {
    let ending: Vec<(usize, &str)> = task
        .rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.task.is_none_or(|target| target as usize == number))
        .map(|(n, rule)| (n, rule.text.as_str()))
        .collect();
    let told = |(rule, text): &(usize, &str)| with_count(&text.replace(" -> ", " → "), taken(number, *rule));
    let mut notes = marks.notes;
    notes.extend(ending.iter().take(MOST_RULES).map(told));
    if ending.len() > MOST_RULES {
        notes.push(format!("and {} more rules", ending.len() - MOST_RULES));
    }
    DagNode {
        name: task.name.clone(),
        items: task.items,
        about: format!("{} · {}", task.kind, task.executor),
        on_servers: task.executor != "native",
        notes,
        critical: marks.critical,
        conditional: task.conditional,
        rows: marks.rows,
        more: marks.more,
    }
}

fn with_count(text: &str, count: Option<u32>) -> String {
    count.map_or_else(|| text.to_owned(), |count| format!("{text} · {count}"))
}

/// The edges of the rules of a task, one for each task that they lead to.
fn routes(
    number: usize,
    task: &OutlineTask,
    outline: &Outline,
    taken: &dyn Fn(usize, usize) -> Option<u32>,
    edges: &mut Vec<DagEdge>,
) {
    for (position, rule) in task.rules.iter().enumerate() {
        let Some(target) = rule.task.map(|target| target as usize).filter(|target| *target != number) else { continue };
        let condition = rule.text.split(" -> ").next().unwrap_or_default();
        let kind = if rule.back { EdgeKind::Back } else { EdgeKind::Routes };
        let condition = if rule.back {
            format!("{condition}, at most {} visits", outline.tasks[target].max_visits)
        } else {
            condition.to_owned()
        };
        let text = with_count(&condition, taken(number, position));
        match edges.iter_mut().find(|edge| (edge.from, edge.to, edge.kind) == (number, target, kind)) {
            Some(edge) => edge.label = edge.label.take().map(|label| format!("{label} / {text}")),
            None => edges.push(DagEdge { from: number, to: target, kind, label: Some(text), critical: false }),
        }
    }
}

/// The edges of what a task waits for. A router that it lists has one already.
fn needs(number: usize, task: &OutlineTask, outline: &Outline, edges: &mut Vec<DagEdge>) {
    for entry in &task.depends_on {
        for parent in entry.alternatives.iter().map(|parent| *parent as usize) {
            if edges.iter().any(|edge| (edge.from, edge.to) == (parent, number)) {
                continue;
            }
            let gathered: Vec<&str> = outline.tasks[parent]
                .keys
                .iter()
                .filter(|key| entry.gathered && !task.keys.contains(key))
                .map(String::as_str)
                .collect();
            let kind = match (gathered.is_empty(), entry.alternatives.len()) {
                (false, _) => EdgeKind::Gathers,
                (true, 1) => EdgeKind::Needs,
                (true, _) => EdgeKind::OneOf,
            };
            let label = (!gathered.is_empty()).then(|| format!("every {}", gathered.join(", ")));
            edges.push(DagEdge { from: parent, to: number, kind, label, critical: false });
        }
    }
}

/// Of the critical edges to a box only those from the last critical box before it are on the path:
/// the others are short cuts.
fn keep_last_critical(edges: &mut [DagEdge]) {
    let last = |edges: &[DagEdge], to: usize| edges.iter().filter(|e| e.critical && e.to == to).map(|e| e.from).max();
    for number in 0..edges.len() {
        let last = last(edges, edges[number].to);
        edges[number].critical &= Some(edges[number].from) == last;
    }
}

impl DagEdge {
    /// The label in at most as many characters as fit beside an edge.
    fn short_label(&self) -> Option<String> {
        let label = self.label.as_deref()?;
        if label.chars().count() <= LONGEST_LABEL {
            return Some(label.to_owned());
        }
        let kept: String = label.chars().take(LONGEST_LABEL - 1).collect();
        Some(format!("{}…", kept.trim_end()))
    }
}

impl DagNode {
    /// `generate ×600`
    fn headline(&self) -> String {
        format!("{} ×{}", self.name, self.items)
    }
}

/// Numbers of the shown rows of `node` by item.
fn row_of(node: &DagNode, item: u32) -> Option<usize> {
    node.rows.iter().position(|row| row.item == item)
}

/// The shown items of `edge` that wait for one another: row of the one box, row of the other.
fn row_links(dag: &Dag, edge: &DagEdge) -> Vec<(usize, usize)> {
    let (from, to) = (&dag.nodes[edge.from], &dag.nodes[edge.to]);
    let links = to.rows.iter().enumerate().flat_map(|(row, item)| {
        item.parents.iter().filter_map(move |parent| row_of(from, *parent)).map(move |parent| (parent, row))
    });
    if edge.kind == EdgeKind::Back || from.rows.is_empty() { Vec::new() } else { links.collect() }
}
