//! Small plans for unit tests.

use super::{ItemTable, Kinds, Placement, Plan, PlanTask, TaskIx};
use crate::{
    content_hash::ContentHash,
    model::{Mode, TaskType},
};

/// A plan of tasks without dependencies: how many items each has, and where it runs.
pub(super) fn plan_of(tasks: &[(u32, Placement)]) -> Plan {
    let mut items = ItemTable { groups: vec![0], ..ItemTable::default() };
    let mut plan_tasks = Vec::new();
    for (number, (count, placement)) in tasks.iter().enumerate() {
        let start = items.task.len() as u32;
        for _ in 0..*count {
            items.task.push(TaskIx(number as u32));
            items.first_group.push(0);
        }
        plan_tasks.push(PlanTask {
            name: format!("t{number}"),
            kind: TaskType::Adjust,
            items: start..start + count,
            keys: Vec::new(),
            depends_on: Vec::new(),
            routed_from: Vec::new(),
            conditional: false,
            allow_failed: false,
            rules: Vec::new(),
            retry: None,
            timeout: None,
            max_visits: 1,
            scores: Vec::new(),
            priority: 0,
            placement: placement.clone(),
        });
    }
    items.first_group.push(0);
    let mut plan = Plan {
        document: "test".to_owned(),
        version: "1.0.0".to_owned(),
        hash: ContentHash::of_bytes(b"test"),
        mode: Mode::Smart,
        prefer: None,
        parallel: None,
        tasks: plan_tasks,
        items,
        kinds: Kinds::new(),
        trial: None,
    };
    plan.kinds = Kinds::by_task(&plan);
    plan
}
