//! How long the longest path below each item takes.

use super::topology::Topology;
use crate::plan::{Estimates, Placement, Plan};

/// For each item the estimated seconds from its start to the end of the longest path below it. A path
/// follows dependencies and routes, but no route back.
pub(crate) fn ranks(plan: &Plan, topology: &Topology, estimates: &Estimates) -> Vec<f32> {
    let mut ranks = vec![0.0_f32; plan.items.len()];
    for item in (0..plan.items.len() as u32).rev() {
        let children = topology.children.row(item).iter();
        let below = children.map(|edge| ranks[edge.child as usize]).fold(0.0, f32::max);
        let task = plan.items.task[item as usize];
        let on_server = matches!(plan.tasks[task.0 as usize].placement, Placement::Comfy(_));
        ranks[item as usize] = below + estimates.usual(plan.kinds.of(item), on_server) as f32;
    }
    ranks
}
