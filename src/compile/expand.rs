//! Items: every combination of a task's keys, and the parents of each.
//!
//! The items of a task are the natural join of its dependencies' items, times its own `foreach`.

use serde_json::Value;

use super::{
    foreach::{self, Tables},
    interpolate::ROW_KEY,
    relation::{JoinProblem, KeyIx, KeyTable, Relation, ValueIx},
    report::Report,
    structure::{Structure, TaskStructure},
};
use crate::{
    files::Path,
    ident::{HashMap, did_you_mean},
    model::{Chain, Join, Task},
    path,
};

/// Most items of one task.
const MOST_ITEMS: usize = 5_000_000;

/// The items of all tasks.
#[derive(Debug, Default)]
pub struct Expansion {
    /// Keys and their values.
    pub keys: KeyTable,
    /// Items of each task, by the task's number.
    pub items: Vec<Relation>,
    /// For each task, which keys it gathered.
    pub gathered: Vec<Vec<KeyIx>>,
}

/// The parents of one item within one alternative, as numbers of the parent's rows.
pub type Parents = HashMap<Box<[ValueIx]>, Vec<u32>>;

/// Expands all tasks of `chain`; problems go to `report`. A task whose items cannot be had has none.
pub fn expand(chain: &Chain, structure: &Structure, tables: &Tables<'_>, report: &mut Report<'_>) -> Expansion {
    let count = structure.tasks.len();
    let mut out = Expansion {
        keys: KeyTable::default(),
        items: vec![Relation::default(); count],
        gathered: vec![Vec::new(); count],
    };
    let mut broken = vec![false; count];
    for number in structure.order.iter().copied() {
        let parts = &structure.tasks[number];
        let task = &chain.task[parts.name.as_str()];
        let needs = parts.entries.iter().flat_map(|e| &e.alternatives).chain(&parts.routers);
        if needs.into_iter().any(|t| broken[*t]) {
            broken[number] = true;
            continue;
        }
        match items(task, parts, &mut out, number, tables, report) {
            Some(relation) => out.items[number] = relation,
            None => broken[number] = true,
        }
    }
    out
}

fn items(
    task: &Task,
    parts: &TaskStructure,
    out: &mut Expansion,
    number: usize,
    tables: &Tables<'_>,
    report: &mut Report<'_>,
) -> Option<Relation> {
    let base = path!["task", &parts.name];
    let gather = gathered_keys(task, parts, out, &base, report)?;
    let mut joined = Relation::unit();
    let mut sources: Vec<(&[usize], &Path)> = parts.entries.iter().map(|e| (&e.alternatives[..], &e.path)).collect();
    if sources.is_empty() && !parts.routers.is_empty() {
        sources.push((&parts.routers, &base));
    }
    for (alternatives, path) in sources {
        let entry = entry_relation(alternatives, &gather, out, path, report)?;
        let (product, inner) = (task.join == Some(Join::Product), task.join == Some(Join::Inner));
        joined = joined
            .join(&entry, product, inner)
            .map_err(|problem| report_join(&problem, &joined, &entry, out, path, report))
            .ok()?;
    }
    out.gathered[number] = gather;
    let own = own_keys(task, &joined, out, &base, report, tables)?;
    if joined.len().saturating_mul(own.len()) > MOST_ITEMS {
        let message = format!("task `{}` has more than {MOST_ITEMS} items", parts.name);
        report.error_at_key("too-many-items", &base, message);
        return None;
    }
    let mut items = joined.join(&own, true, false).ok()?;
    exclude(task, &mut items, out, &base, report)?;
    if items.is_empty() {
        report.error_at_key("no-items", &base, format!("task `{}` has no items", parts.name)).hint =
            Some("nothing is left after `join` and `exclude`".to_owned());
        return None;
    }
    Some(items)
}

/// The keys that `gather` removes; each must be a key of some dependency.
fn gathered_keys(
    task: &Task,
    parts: &TaskStructure,
    out: &Expansion,
    base: &Path,
    report: &mut Report<'_>,
) -> Option<Vec<KeyIx>> {
    let inherited: Vec<KeyIx> = parts
        .entries
        .iter()
        .flat_map(|e| &e.alternatives)
        .chain(&parts.routers)
        .flat_map(|t| out.items[*t].keys.iter().copied())
        .collect();
    let mut keys = Vec::new();
    for (index, name) in task.gather.iter().enumerate() {
        let Some(key) = out.keys.find_key(name).filter(|k| inherited.contains(k)) else {
            let names: Vec<&str> = inherited.iter().map(|k| out.keys.name(*k)).collect();
            let near = did_you_mean(name, names.iter().copied());
            let message = format!("no dependency has the key `{name}`");
            report.error("unknown-key-to-gather", &base.join("gather").join(index), message).hint =
                near.map(|near| format!("did you mean `{near}`?"));
            return None;
        };
        keys.push(key);
    }
    Some(keys)
}

/// The items of one entry: those of its alternatives, less the gathered keys.
fn entry_relation(
    alternatives: &[usize],
    gather: &[KeyIx],
    out: &Expansion,
    path: &Path,
    report: &mut Report<'_>,
) -> Option<Relation> {
    let kept = |t: usize| out.items[t].keys.iter().filter(|k| !gather.contains(k)).copied().collect::<Vec<_>>();
    let most = alternatives.iter().map(|t| kept(*t)).max_by_key(Vec::len)?;
    let mut joined: Option<Relation> = None;
    for task in alternatives {
        let keys = kept(*task);
        if !keys.iter().all(|k| most.contains(k)) {
            report.error("disjoint-keys", path, "the alternatives have different keys").hint =
                Some("alternatives stand for each other, so their items need the same keys".to_owned());
            return None;
        }
        if keys.len() == most.len() {
            let rows = out.items[*task].project(&most);
            joined = Some(match joined {
                Some(joined) => joined.union(&rows),
                None => rows,
            });
        }
    }
    joined
}

fn report_join(
    problem: &JoinProblem,
    left: &Relation,
    right: &Relation,
    out: &Expansion,
    path: &Path,
    report: &mut Report<'_>,
) {
    let names = |r: &Relation| r.keys.iter().map(|k| out.keys.name(*k)).collect::<Vec<_>>().join(", ");
    match problem {
        JoinProblem::Disjoint => {
            let message = format!("the dependencies have no key in common: {} and {}", names(left), names(right));
            report.error("disjoint-keys", path, message).hint =
                Some("write join = \"product\" for every combination, or gather the keys first".to_owned());
        }
        JoinProblem::Unmatched(is_left, rows) => {
            let relation = if *is_left { left } else { right };
            let shown: Vec<String> =
                rows.iter().take(3).map(|r| format!("[{}]", row_text(relation, r, &out.keys))).collect();
            let more = if rows.len() > 3 { format!(" and {} more", rows.len() - 3) } else { String::new() };
            let message = format!("items without a counterpart: {}{more}", shown.join(", "));
            report.error("unmatched-items", path, message).hint =
                Some("write join = \"inner\" to leave them out".to_owned());
        }
    }
}

/// `key=value,key=value` of a row; values with punctuation of addresses are quoted.
pub fn row_text(relation: &Relation, row: &[ValueIx], keys: &KeyTable) -> String {
    let mut text = String::new();
    push_row(&mut text, relation, row, keys);
    text
}

/// Adds the text of a row to `text`.
pub fn push_row(text: &mut String, relation: &Relation, row: &[ValueIx], keys: &KeyTable) {
    for (column, (key, value)) in relation.keys.iter().zip(row).enumerate() {
        if column > 0 {
            text.push(',');
        }
        text.push_str(keys.name(*key));
        text.push('=');
        let identity = keys.identity(*key, *value);
        if identity.bytes().any(|byte| matches!(byte, b',' | b'=' | b'[' | b']' | b'"')) {
            text.push_str(&Value::from(identity).to_string());
        } else {
            text.push_str(identity);
        }
    }
}

/// The combinations of the task's own foreach keys, with `include`.
fn own_keys(
    task: &Task,
    inherited: &Relation,
    out: &mut Expansion,
    base: &Path,
    report: &mut Report<'_>,
    tables: &Tables<'_>,
) -> Option<Relation> {
    let Some(foreach) = &task.foreach else { return Some(Relation::unit()) };
    let base = base.join("foreach");
    let document = report.file().clone();
    let mut own = Relation::unit();
    let mut ok = true;
    for (name, values) in &foreach.keys {
        let path = base.join(name);
        let key = out.keys.key(name);
        if inherited.keys.contains(&key) {
            report.error_at_key("duplicate-key", &path, format!("the dependencies have a key `{name}` already")).hint =
                Some("choose another name; the items have the dependencies' keys anyway".to_owned());
            ok = false;
            continue;
        }
        match foreach::load(values, &document, tables) {
            Ok(values) => {
                let mut axis = Relation::empty(vec![key]);
                for value in values {
                    axis.push(&[out.keys.value(key, value)]);
                }
                if own.len().saturating_mul(axis.len()) > MOST_ITEMS {
                    report.error("too-many-items", &path, format!("more than {MOST_ITEMS} combinations"));
                    return None;
                }
                own = own.join(&axis, true, false).ok()?;
            }
            Err(error) => {
                let at = error.field.map_or_else(|| path.clone(), |field| path.join(field));
                report.error(error.code, &at, &error.message).hint = error.hint;
                ok = false;
            }
        }
    }
    for (index, row) in foreach.include.iter().enumerate() {
        let path = base.join("include").join(index);
        let missing = own.keys.iter().map(|k| out.keys.name(*k).to_owned()).find(|name| !row.contains_key(name));
        let unknown = row.keys().find(|name| !foreach.keys.contains_key(*name));
        if let Some(name) = missing.or_else(|| unknown.cloned()) {
            report
                .error("bad-include", &path, format!("`{name}` does not fit: a row names every key of foreach"))
                .hint = Some(format!("the keys are {}", foreach.keys.keys().cloned().collect::<Vec<_>>().join(", ")));
            ok = false;
            continue;
        }
        let added: Vec<ValueIx> = own
            .keys
            .clone()
            .iter()
            .map(|k| {
                let value = row[out.keys.name(*k)].clone();
                out.keys.value(*k, value)
            })
            .collect();
        if own.rows().any(|r| r == added) {
            report.error("duplicate-item-key", &path, "this combination is there already");
            ok = false;
        } else {
            own.push(&added);
        }
    }
    ok.then_some(own)
}

/// Leaves out what `exclude` names.
fn exclude(task: &Task, items: &mut Relation, out: &Expansion, base: &Path, report: &mut Report<'_>) -> Option<()> {
    let Some(foreach) = &task.foreach else { return Some(()) };
    for (index, row) in foreach.exclude.iter().enumerate() {
        let path = base.join("foreach").join("exclude").join(index);
        let mut wanted = Vec::new();
        for (name, value) in row {
            let Some(column) = out.keys.find_key(name).and_then(|k| items.keys.iter().position(|own| *own == k)) else {
                let names: Vec<&str> = items.keys.iter().map(|k| out.keys.name(*k)).collect();
                report.error_at_key("unknown-key", &path.join(name), format!("the items have no key `{name}`")).hint =
                    did_you_mean(name, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                return None;
            };
            wanted.push((column, out.keys.find(items.keys[column], value)));
        }
        let before = items.len();
        items.retain(|r| !wanted.iter().all(|(column, value)| Some(r[*column]) == *value));
        if items.len() == before {
            report.warning("useless-exclude", &path, "this leaves nothing out");
        }
    }
    Some(())
}

impl Expansion {
    /// For task `number` and its dependency `parent`, the parent's rows by the values that an item
    /// of the task shares with them; the columns of the task's rows that hold those values.
    pub fn parents(&self, number: usize, parent: usize) -> (Vec<usize>, Parents) {
        let gather = &self.gathered[number];
        let shared: Vec<KeyIx> = self.items[parent].keys.iter().filter(|k| !gather.contains(k)).copied().collect();
        (self.items[number].columns(&shared), self.items[parent].index_by(&shared))
    }

    /// The value of key `name` in `row` of task `number`: a scalar, or a row of fields.
    pub fn value(&self, number: usize, row: &[ValueIx], name: &str) -> Option<&Value> {
        let key = self.keys.find_key(name)?;
        let column = self.items[number].keys.iter().position(|k| *k == key)?;
        Some(self.keys.get(key, row[column]))
    }
}

/// A key's value without the mark of rows, for people and rules: the row's key.
pub fn plain(value: &Value) -> &Value {
    value.as_object().and_then(|row| row.get(ROW_KEY)).unwrap_or(value)
}
