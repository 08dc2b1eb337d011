//! Which item of an earlier task an item comes from.

use super::planner::Planner;
use crate::plan::{ItemIx, TaskIx};

/// One step up: through a group of parents, or to an item that routes here.
#[derive(Clone, Copy)]
enum Step {
    Group(usize),
    Router(TaskIx),
}

impl Planner {
    /// The item of `task` from which `item` comes: the nearest one above it. None where there is
    /// none, or where several were gathered.
    pub(super) fn corresponding(&self, item: ItemIx, task: TaskIx) -> Option<ItemIx> {
        let path = self.path_up(self.task_of(item.0), task)?;
        path.into_iter().try_fold(item, |item, step| {
            let mut above = match step {
                Step::Group(group) => self.plan.items.parents(item, group).to_vec(),
                Step::Router(router) => self.routers_of(item, router),
            };
            if above.len() == 1 { above.pop() } else { None }
        })
    }

    fn routers_of(&self, item: ItemIx, router: TaskIx) -> Vec<ItemIx> {
        let routers = self.topology.routers.row(item.0).iter();
        routers.filter(|other| self.task_of(**other) == router).map(|other| ItemIx(*other)).collect()
    }

    /// The shortest way from a task up to another; of several the first in written order.
    fn path_up(&self, from: TaskIx, to: TaskIx) -> Option<Vec<Step>> {
        let mut came_by: Vec<Option<(TaskIx, Step)>> = vec![None; self.plan.tasks.len()];
        let mut level = vec![from];
        while came_by[to.0 as usize].is_none() {
            let mut next = Vec::new();
            for task in level {
                for (above, step) in self.steps_up(task) {
                    if above != from && came_by[above.0 as usize].is_none() {
                        came_by[above.0 as usize] = Some((task, step));
                        next.push(above);
                    }
                }
            }
            if next.is_empty() {
                return None;
            }
            level = next;
        }
        let mut path = Vec::new();
        let mut task = to;
        while let Some((below, step)) = came_by[task.0 as usize] {
            path.push(step);
            task = below;
        }
        path.reverse();
        Some(path)
    }

    fn steps_up(&self, task: TaskIx) -> Vec<(TaskIx, Step)> {
        let of = &self.plan.tasks[task.0 as usize];
        let alternatives = of.depends_on.iter().flat_map(|entry| &entry.alternatives).enumerate();
        let groups = alternatives.map(|(group, parent)| (*parent, Step::Group(group)));
        let routers = of.routed_from.iter().filter(|_| self.topology.is_conditional(task));
        groups.chain(routers.map(|router| (*router, Step::Router(*router)))).collect()
    }
}
