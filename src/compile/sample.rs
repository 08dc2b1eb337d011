//! Lowers items with stand-ins for the files that other tasks will deliver, so that what is wrong
//! with any of them is known before the first one runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    fill::{Fillable, fill_all},
    interpolate::InterpolationError,
    lower::{LowerError, LowerInput, Lowered, check_values, lower},
    program::{Context, ItemScope, Program},
    relation::ValueIx,
    report::Report,
    workspace_files::WorkspaceFiles,
};
use crate::{
    files::{Path, World},
    graph::{BoundFile, GraphNeeds, NodeSet, builtin},
    ident::IndexMap,
    model::{Task, TaskType, ValueMap},
    path,
};

/// Most items of a task that are lowered.
const MOST_SAMPLES: usize = 500;

/// Most faults of one task that are reported.
const MOST_FAULTS: usize = 20;

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
        let scope = self.scope(number, row, attempt, visits);
        let mut with = self.fill(number, &scope, &files)?;
        for (key, value) in changes {
            let filled = Fillable::read(value).and_then(|f| f.fill(&scope)).map_err(|e| bad_text(key, e))?;
            with.insert(key.clone(), filled);
        }
        with.retain(|key, _| !files.contains_key(key));
        let lowered = lower(&self.input(number, with.clone(), files, &scope, nodes, find))?;
        Ok((with, lowered))
    }

    /// The graph of one item of task `number`, with stand-ins for the files of other tasks. Bypassed nodes stay in
    /// it when `keeps_bypassed`.
    pub fn example(
        &self,
        number: usize,
        row: &[ValueIx],
        nodes: &NodeSet,
        world: &dyn World,
        keeps_bypassed: bool,
    ) -> Result<Lowered, LowerError> {
        let files = WorkspaceFiles::default();
        let find = |document: &str, path: &str| files.find(world, document, path, false);
        let (scope, delivered) = (self.scope(number, row, 1, 1), self.stand_ins(number));
        let with = self.fill(number, &scope, &delivered)?;
        let input = self.input(number, with, delivered, &scope, nodes, &find);
        lower(&LowerInput { keeps_bypassed, ..input })
    }

    /// The settings of one item of task `number`, but for those that links deliver.
    fn fill(
        &self,
        number: usize,
        scope: &ItemScope<'_>,
        files: &IndexMap<String, Vec<BoundFile>>,
    ) -> Result<ValueMap, LowerError> {
        let mut with = fill_all(&self.tasks[number].settings, scope).map_err(|(key, e)| bad_text(&key, e))?;
        with.retain(|key, _| !files.contains_key(key));
        Ok(with)
    }

    fn input<'a>(
        &'a self,
        number: usize,
        with: ValueMap,
        files: IndexMap<String, Vec<BoundFile>>,
        scope: &'a ItemScope<'_>,
        nodes: &'a NodeSet,
        find: &'a dyn Fn(&str, &str) -> Result<BoundFile, LowerError>,
    ) -> LowerInput<'a> {
        let task = &self.tasks[number];
        let chain_task = self.chain_task(number);
        LowerInput {
            kind: chain_task.kind,
            with,
            files,
            wanted: &task.wanted,
            each: chain_task.each,
            preset: task.preset.as_ref(),
            workflow: task.workflow.as_ref(),
            mask: task.mask.as_ref(),
            inline: Some((&chain_task.node, &chain_task.outputs)),
            scope,
            nodes,
            keeps_bypassed: false,
            document: &self.file,
            file: find,
        }
    }

    /// The task with this number as the file has it.
    pub fn chain_task(&self, number: usize) -> &Task {
        &self.chain.task[self.structure.tasks[number].name.as_str()]
    }

    /// Lowers samples of all tasks; what is wrong goes to `report`.
    pub(super) fn sample(&mut self, context: Context<'_>, report: &mut Report<'_>) {
        let files = WorkspaceFiles::default();
        let find = |document: &str, path: &str| files.find(context.world, document, path, false);
        for number in self.structure.order.clone() {
            let count = self.expansion.items[number].len();
            if count == 0 {
                continue;
            }
            let delivered = self.stand_ins(number);
            let (mut faults, mut first) = (Faults::default(), None);
            let row = self.expansion.items[number].row(0);
            match self.lower_item(number, row, (1, 1), &ValueMap::default(), delivered.clone(), context.nodes, &find) {
                Ok((with, lowered)) => {
                    first = Some(with);
                    let needs_server = lowered.graph.nodes.values().any(|n| !builtin().contains(&n.class));
                    self.tasks[number].needs_server = needs_server;
                    self.tasks[number].sample_files = file_counts(&lowered);
                    self.tasks[number].sample = Some(lowered.graph);
                }
                Err(error) => faults.add(self, number, 0, error, report),
            }
            if first.is_some() && self.items_are_alike(number) {
                continue;
            }
            for index in 1..count.min(MOST_SAMPLES) {
                let row = self.expansion.items[number].row(index);
                let scope = self.scope(number, row, 1, 1);
                let checked = self.fill(number, &scope, &delivered).and_then(|with| {
                    if first.as_ref() == Some(&with) && self.chain_task(number).kind != TaskType::Graph {
                        return Ok(());
                    }
                    check_values(&self.input(number, with, delivered.clone(), &scope, context.nodes, &find))
                });
                if let Err(error) = checked {
                    faults.add(self, number, index, error, report);
                }
            }
        }
    }

    /// What the graphs of all items of all tasks need of a server, with stand-ins for the files of other tasks.
    pub fn needs(&self, context: Context<'_>) -> GraphNeeds {
        let files = WorkspaceFiles::default();
        let find = |document: &str, path: &str| files.find(context.world, document, path, false);
        let mut needs = GraphNeeds::default();
        for number in (0..self.tasks.len()).filter(|number| self.tasks[*number].needs_server) {
            let delivered = self.stand_ins(number);
            let count = if self.items_are_alike(number) { 1 } else { self.expansion.items[number].len() };
            for row in self.expansion.items[number].rows().take(count.min(MOST_SAMPLES)) {
                let (nothing, delivered) = (ValueMap::default(), delivered.clone());
                let lowered = self.lower_item(number, row, (1, 1), &nothing, delivered, context.nodes, &find);
                if let Ok((_, lowered)) = lowered {
                    needs.add(&lowered.graph, context.nodes);
                }
            }
        }
        needs
    }

    /// Whether nothing that the file says of task `number` depends on the item.
    fn items_are_alike(&self, number: usize) -> bool {
        let is_literal = |setting: &Fillable| matches!(setting, Fillable::Literal(_));
        self.chain_task(number).kind != TaskType::Graph && self.tasks[number].settings.values().all(is_literal)
    }

    /// What links will deliver to the items of task `number`.
    fn stand_ins(&self, number: usize) -> IndexMap<String, Vec<BoundFile>> {
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
        delivered.collect()
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

/// What is wrong with the items of one task: each fault once.
#[derive(Default)]
struct Faults {
    seen: BTreeSet<(Option<String>, String)>,
}

impl Faults {
    fn add(&mut self, program: &Program, number: usize, index: usize, error: LowerError, report: &mut Report<'_>) {
        if self.seen.len() == MOST_FAULTS || !self.seen.insert((error.key.clone(), error.message.clone())) {
            return;
        }
        let items = &program.expansion.items[number];
        let item = program.address(number, items.row(index));
        let message = if items.len() > 1 { format!("{item}: {}", error.message) } else { error.message };
        report.error(error.code, &program.place(number, error.key.as_deref()), message).hint = error.hint;
    }
}

fn bad_text(key: &str, error: InterpolationError) -> LowerError {
    LowerError::at("bad-interpolation", key, error.message)
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
