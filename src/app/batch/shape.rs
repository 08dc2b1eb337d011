//! How a batch is made: which tasks can run together, which path takes longest, and what holds it
//! up.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// Share of the work that makes a task a bottleneck.
const MUCH: f64 = 0.3;

/// A task as far as the shape of its batch depends on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShapedTask {
    /// Its id.
    pub id: String,
    /// Ids of the tasks that it waits for, or that send items to it.
    pub needs: Vec<String>,
    /// How many items it has.
    pub items: usize,
    /// Expected seconds of one item.
    pub seconds: f64,
}

/// The shape of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Tasks that need nothing of one another, wave by wave.
    pub waves: Vec<Vec<String>>,
    /// The path that takes longest.
    pub critical_path: Vec<String>,
    /// What holds the batch up, the worst first.
    pub bottlenecks: Vec<Bottleneck>,
}

/// Something that holds a batch up.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Bottleneck {
    /// The task.
    pub task: String,
    /// Why.
    pub reason: String,
}

/// The shape of `tasks`. What leads back is left out.
pub fn shape(tasks: &[ShapedTask]) -> Shape {
    let tasks = in_order(tasks);
    let number: BTreeMap<&str, usize> = tasks.iter().enumerate().map(|(n, task)| (task.id.as_str(), n)).collect();
    let (mut wave, mut until, mut before) = (vec![0; tasks.len()], vec![0.0_f64; tasks.len()], vec![None; tasks.len()]);
    for (at, task) in tasks.iter().enumerate() {
        let needs = task.needs.iter().filter_map(|id| number.get(id.as_str()).copied()).filter(|need| *need < at);
        let needs: Vec<usize> = needs.collect();
        wave[at] = needs.iter().map(|need| wave[*need] + 1).max().unwrap_or(0);
        before[at] = needs.into_iter().max_by(|a, b| until[*a].total_cmp(&until[*b]));
        until[at] = task.seconds + before[at].map_or(0.0, |need: usize| until[need]);
    }
    let mut waves = vec![Vec::new(); wave.iter().max().map_or(0, |last| last + 1)];
    for (task, wave) in tasks.iter().zip(&wave) {
        waves[*wave].push(task.id.clone());
    }
    let last = (0..tasks.len()).max_by(|a, b| until[*a].total_cmp(&until[*b]));
    let mut path: Vec<usize> = std::iter::successors(last, |at| before[*at]).collect();
    path.reverse();
    let critical_path = path.iter().map(|at| tasks[*at].id.clone()).collect();
    Shape { bottlenecks: bottlenecks(&tasks, &waves), waves, critical_path }
}

/// The tasks, each after those that it needs, otherwise as they stand.
fn in_order(tasks: &[ShapedTask]) -> Vec<&ShapedTask> {
    let mut rest: Vec<&ShapedTask> = tasks.iter().collect();
    let mut out = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let is_free =
            |task: &&ShapedTask| !rest.iter().any(|other| other.id != task.id && task.needs.contains(&other.id));
        // In a loop the first begins.
        let next = rest.iter().position(is_free).unwrap_or(0);
        out.push(rest.remove(next));
    }
    out
}

fn bottlenecks(tasks: &[&ShapedTask], waves: &[Vec<String>]) -> Vec<Bottleneck> {
    let work = |task: &ShapedTask| task.items as f64 * task.seconds;
    let all: f64 = tasks.iter().map(|task| work(task)).sum();
    let is_heavy = |task: &&&ShapedTask| tasks.len() > 1 && work(task) >= MUCH * all;
    let mut heavy: Vec<&ShapedTask> = tasks.iter().filter(is_heavy).copied().collect();
    heavy.sort_by(|a, b| work(b).total_cmp(&work(a)));
    let mut found: Vec<Bottleneck> = heavy
        .into_iter()
        .map(|task| {
            let reason =
                format!("{:.0} % of the work ({} x {:.1} s)", work(task) / all * 100.0, task.items, task.seconds);
            Bottleneck { task: task.id.clone(), reason }
        })
        .collect();
    for (number, wave) in waves.iter().enumerate() {
        let (Some(earlier), [id]) = (number.checked_sub(1).map(|n| &waves[n]), wave.as_slice()) else { continue };
        let task = tasks.iter().find(|task| task.id == *id);
        let waits_for_all =
            task.is_some_and(|task| earlier.len() > 1 && earlier.iter().all(|e| task.needs.contains(e)));
        if waits_for_all {
            let reason = format!("waits for all of {}", earlier.join(", "));
            found.push(Bottleneck { task: id.clone(), reason });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, needs: &[&str], items: usize, seconds: f64) -> ShapedTask {
        ShapedTask { id: id.to_owned(), needs: needs.iter().map(|n| (*n).to_owned()).collect(), items, seconds }
    }

    #[test]
    fn a_diamond() {
        let tasks = [
            task("a", &[], 4, 1.0),
            task("b", &["a"], 4, 6.0),
            task("c", &["a"], 4, 2.0),
            task("d", &["b", "c"], 1, 1.0),
        ];
        let tasks = [3, 0, 1, 2].map(|at: usize| tasks[at].clone());
        let shape = shape(&tasks);
        assert_eq!(shape.waves, [vec!["a"], vec!["b", "c"], vec!["d"]]);
        assert_eq!(shape.critical_path, ["a", "b", "d"]);
        let told: Vec<String> = shape.bottlenecks.iter().map(|b| format!("{}: {}", b.task, b.reason)).collect();
        assert_eq!(told, ["b: 65 % of the work (4 x 6.0 s)", "d: waits for all of b, c"]);
        assert_eq!(super::shape(&[]), Shape::default());
    }
}
