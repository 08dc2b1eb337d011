//! What each item of a run waited for, found again by the keys in the addresses.

use std::collections::{BTreeSet, HashMap};

use super::address::parts_of;
use crate::{
    ledger::{DecisionRow, ItemRow},
    plan::{Outline, Waits},
};

/// The items of each task, by position in a list of items.
struct Table {
    keys: Vec<String>,
    rows: Vec<(u32, Vec<String>)>,
}

/// What each of `items` waited for, as positions in `items`, which are in the order of the plan. A
/// rule's target waited for the items that were sent to it.
pub fn waits(items: &[ItemRow], outline: &Outline, decisions: &[DecisionRow]) -> Waits {
    let tables = tables(items, outline);
    let sent: BTreeSet<(u32, &str)> =
        decisions.iter().map(|row| (row.decision.item.0, row.decision.target.as_str())).collect();
    let mut parents: Vec<Vec<u32>> = vec![Vec::new(); items.len()];
    for (number, task) in outline.tasks.iter().enumerate() {
        for parent in task.parents() {
            let Some(table) = tables.get(parent as usize) else { continue };
            join(&tables[number], table, &mut parents, |_| true);
        }
        let routers = outline.tasks.iter().take(number).enumerate().filter(|(_, router)| {
            task.conditional && router.rules.iter().any(|rule| rule.task == Some(number as u32) && !rule.back)
        });
        for (router, _) in routers {
            let was_sent = |position: u32| sent.contains(&(items[position as usize].item, task.name.as_str()));
            join(&tables[number], &tables[router], &mut parents, was_sent);
        }
    }
    Waits::from_rows(parents.into_iter().map(|mut row| {
        row.sort_unstable();
        row.dedup();
        row
    }))
}

fn tables(items: &[ItemRow], outline: &Outline) -> Vec<Table> {
    let by_name: HashMap<&str, usize> = outline.tasks.iter().enumerate().map(|(n, t)| (t.name.as_str(), n)).collect();
    let mut tables: Vec<Table> =
        outline.tasks.iter().map(|task| Table { keys: task.keys.clone(), rows: Vec::new() }).collect();
    for (position, item) in items.iter().enumerate() {
        let (task, keys) = parts_of(&item.address);
        if let Some(number) = by_name.get(task) {
            tables[*number].rows.push((position as u32, keys.into_iter().map(|(_, value)| value).collect()));
        }
    }
    tables
}

/// Adds, for every row of `child`, the rows of `parent` that agree with it in the keys of both.
fn join(child: &Table, parent: &Table, parents: &mut [Vec<u32>], wanted: impl Fn(u32) -> bool) {
    let shared: Vec<(usize, usize)> = child
        .keys
        .iter()
        .enumerate()
        .filter_map(|(own, key)| parent.keys.iter().position(|other| other == key).map(|other| (own, other)))
        .collect();
    let mut found: HashMap<Vec<&str>, Vec<u32>> = HashMap::new();
    for (position, values) in parent.rows.iter().filter(|(position, _)| wanted(*position)) {
        let key = shared.iter().map(|(_, other)| values.get(*other).map_or("", String::as_str)).collect();
        found.entry(key).or_default().push(*position);
    }
    for (position, values) in &child.rows {
        let key: Vec<&str> = shared.iter().map(|(own, _)| values.get(*own).map_or("", String::as_str)).collect();
        parents[*position as usize].extend(found.get(&key).into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{ItemIx, OutlineEntry, OutlineRule, OutlineTask},
        run::{AttemptId, Decision, ItemState},
    };

    fn item(number: u32, address: &str) -> ItemRow {
        ItemRow {
            item: number,
            address: address.to_owned(),
            state: ItemState::Done,
            reason: None,
            visits: 1,
            attempt: 1,
            epoch: 0,
            prompt_id: None,
            executor: None,
            fingerprint: None,
            parts: std::collections::BTreeMap::new(),
            started_ns: None,
            finished_ns: None,
            result: None,
        }
    }

    fn task(name: &str, keys: &[&str], depends_on: &[u32]) -> OutlineTask {
        let entry = |task: &u32| OutlineEntry { alternatives: vec![*task], gathered: false };
        OutlineTask {
            name: name.to_owned(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            depends_on: depends_on.iter().map(entry).collect(),
            ..OutlineTask::default()
        }
    }

    #[test]
    fn items_are_joined_by_the_keys_of_both() {
        let rule = OutlineRule { task: Some(2), target: "mend".to_owned(), ..OutlineRule::default() };
        let outline = Outline {
            slots: None,
            tasks: vec![
                task("photo", &["p"], &[]),
                OutlineTask { rules: vec![rule], ..task("scene", &["p", "c"], &[0]) },
                OutlineTask { conditional: true, ..task("mend", &["p", "c"], &[]) },
                task("sheet", &["c"], &[1]),
            ],
        };
        let addresses = ["photo[p=1]", "photo[p=2]", "scene[p=1,c=x]", "scene[p=2,c=x]", "mend[p=2,c=x]", "sheet[c=x]"];
        // The second photograph is number 7: what nothing has happened to has no row.
        let items: Vec<ItemRow> = addresses.iter().zip([0, 7, 10, 11, 21, 30]).map(|(a, n)| item(n, a)).collect();
        let id = AttemptId { visits: 1, attempt: 1, epoch: 0 };
        let decision = Decision {
            item: ItemIx(11),
            id,
            rule: Some(0),
            text: String::new(),
            target: "mend".to_owned(),
            inputs: std::collections::BTreeMap::new(),
            error: None,
        };
        let found = waits(&items, &outline, &[DecisionRow { time_ns: 0, decision }]);
        let rows: Vec<&[u32]> = (0..6).map(|item| found.of_item(item)).collect();
        assert_eq!(rows, [&[][..], &[], &[0], &[1], &[3], &[2, 3]]);
    }
}
