//! Lowers items with stand-ins for the files that other tasks will deliver, so that what is wrong
//! with any of them is known before the first one runs.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::{
    fill::fill_all,
    lower::{LowerError, LowerInput, Lowered, lower},
    program::{Context, Program},
    relation::ValueIx,
    report::Report,
    workspace_files::WorkspaceFiles,
};
use crate::{
    files::{Path, World},
    graph::{BoundFile, NodeSet, builtin},
    model::{Task, ValueMap},
    path,
};

/// Most items of a task that are lowered.
const MOST_SAMPLES: usize = 500;

/// Side of the images that stand in for results, in pixels.
const SIDE: u32 = 512;

impl Program {
    /// Settings filled and graph lowered for one item of task `number`. `files` is what links
    /// deliver, `changes` what a retry changes.
    #[expect(
        clippy::too_many_arguments,
        reason = "each says another thing about one item; a struct would only rename them"
    )]
    pub fn lower_item(
        &self,
        number: usize,
        row: &[ValueIx],
        (attempt, visits): (u32, u32),
        changes: &ValueMap,
        files: IndexMap<String, Vec<BoundFile>>,
        nodes: &NodeSet,
        find: &dyn Fn(&str, &str) -> Result<BoundFile, LowerError>,
    ) -> Result<(ValueMap, Lowered), LowerError> {
        let task = &self.tasks[number];
        let chain_task = self.chain_task(number);
        let scope = self.scope(number, row, attempt, visits);
        let bad = |key: &str, e: super::InterpolationError| LowerError::at("bad-interpolation", key, e.message);
        let mut with = fill_all(&task.settings, &scope).map_err(|(key, e)| bad(&key, e))?;
        for (key, value) in changes {
            let filled = super::Fillable::read(value).and_then(|f| f.fill(&scope)).map_err(|e| bad(key, e))?;
            with.insert(key.clone(), filled);
        }
        with.retain(|key, _| !files.contains_key(key));
        let lowered = lower(&LowerInput {
            kind: chain_task.kind,
            with: with.clone(),
            files,
            wanted: &task.wanted,
            each: chain_task.each,
            preset: task.preset.as_ref(),
            workflow: task.workflow.as_ref(),
            mask: task.mask.as_ref(),
            inline: Some((&chain_task.node, &chain_task.outputs)),
            scope: &scope,
            nodes,
            document: &self.file,
            file: find,
        })?;
        Ok((with, lowered))
    }

    /// The task with this number as the file has it.
    pub fn chain_task(&self, number: usize) -> &Task {
        &self.chain.task[self.structure.tasks[number].name.as_str()]
    }

    /// Lowers samples of all tasks; what is wrong goes to `report`.
    pub(super) fn sample(&mut self, context: Context<'_>, report: &mut Report<'_>) {
        let files = WorkspaceFiles::default();
        for number in self.structure.order.clone() {
            let mut seen = BTreeSet::new();
            let count = self.expansion.items[number].len();
            for index in 0..count.min(MOST_SAMPLES) {
                let lowered = self.sample_item(number, index, context.world, context.nodes, &files);
                if let Ok(lowered) = &lowered {
                    self.tasks[number].needs.add(&lowered.graph, context.nodes);
                }
                match lowered {
                    Ok(lowered) if index == 0 => {
                        let needs_server = lowered.graph.nodes.values().any(|n| !builtin().contains(&n.class));
                        self.tasks[number].needs_server = needs_server;
                        self.tasks[number].sample_files = file_counts(&lowered);
                        self.tasks[number].sample = Some(lowered.graph);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        if seen.insert((error.key.clone(), error.message.clone())) && seen.len() <= 20 {
                            let place = self.place(number, error.key.as_deref());
                            let item = self.address(number, self.expansion.items[number].row(index));
                            let message = if count > 1 { format!("{item}: {}", error.message) } else { error.message };
                            report.error(error.code, &place, message).hint = error.hint;
                        }
                    }
                }
            }
        }
    }

    fn sample_item(
        &self,
        number: usize,
        index: usize,
        world: &dyn World,
        nodes: &NodeSet,
        files: &WorkspaceFiles,
    ) -> Result<Lowered, LowerError> {
        let row = self.expansion.items[number].row(index);
        let delivered = self.structure.tasks[number].data.iter().map(|data| {
            let entry = data.entry.map_or(&self.structure.tasks[number].routers, |e| {
                &self.structure.tasks[number].entries[e].alternatives
            });
            let alpha = data.output.is_none() && entry.iter().any(|t| self.tasks[*t].alpha);
            let file = BoundFile {
                path: format!("<{}>", data.input),
                width: SIDE,
                height: SIDE,
                alpha,
                ..BoundFile::default()
            };
            (data.input.clone(), vec![file; self.sample_count(number, entry, data.output.as_deref())])
        });
        let find = |document: &str, path: &str| files.find(world, document, path, false);
        let delivered = delivered.collect();
        self.lower_item(number, row, (1, 1), &ValueMap::new(), delivered, nodes, &find).map(|(_, lowered)| lowered)
    }

    /// How many files one of `sources` delivers to an item of task `number`: more than one when it
    /// makes several, or when items are gathered.
    fn sample_count(&self, number: usize, sources: &[usize], output: Option<&str>) -> usize {
        let gathered = &self.expansion.gathered[number];
        let gathers = |source: &usize| {
            let items = &self.expansion.items[*source];
            items.keys.iter().any(|k| gathered.contains(k)) && items.len() > self.expansion.items[number].len()
        };
        let made = |source: &usize| {
            let task = &self.tasks[*source];
            let name = output.or(task.outputs.first().map(|(name, _)| name.as_str()));
            name.and_then(|name| task.sample_files.get(name)).copied().unwrap_or(1)
        };
        sources.iter().map(|source| made(source).max(if gathers(source) { 2 } else { 1 })).max().unwrap_or(1)
    }

    /// Where setting or input `key` of a task stands; the task when it is not written.
    pub fn place(&self, number: usize, key: Option<&str>) -> Path {
        let task = self.chain_task(number);
        let base = path!["task", &self.structure.tasks[number].name];
        let Some(key) = key else { return base };
        if let Some(place) = self.tasks[number].places.get(key) {
            return place.clone();
        }
        if let Some(data) = self.structure.tasks[number].data.iter().find(|d| d.input == key) {
            return data.path.clone();
        }
        if let Some(output) = key.strip_prefix("outputs.") {
            return base.join("outputs").join(output);
        }
        match key.split_once('.').and_then(|(id, input)| Some((id, task.node.get(id)?, input))) {
            Some((id, node, "bypass")) if node.bypass.is_some() => base.join("node").join(id).join("bypass"),
            Some((id, node, input)) => base.join("node").join(id).join(&node.class).join(input),
            None => base,
        }
    }
}

/// How many files there are of each output.
fn file_counts(lowered: &Lowered) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for output in &lowered.outputs {
        *counts.entry(output.name.clone()).or_insert(0) += 1;
    }
    counts.extend(lowered.passed_on.iter().map(|(name, files)| (name.clone(), files.len())));
    counts
}
