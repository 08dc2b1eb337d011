//! What is done with one item when its time comes: its settings filled, its files bound, its graph
//! lowered, its fingerprint taken.

use std::sync::Arc;

use serde_json::{Value, json};

use super::model::{ItemIx, ItemResult, OutputFile, Placement, Plan, Prepared, Upstream, Visit};
use crate::{
    compile::{
        self, DataInput, LowerError, Program, ValueIx, WorkspaceFiles, escape_interpolation, plain, to_text,
        used_template,
    },
    files::World,
    graph::{BoundFile, Graph, Input, NodeSet, builtin, escape_literal},
    model::{Body, Preset, TaskType, ValueMap},
};

/// Prepares the items of one plan.
pub struct Preparation {
    plan: Arc<Plan>,
    program: Arc<Program>,
    nodes: Arc<NodeSet>,
    world: Arc<dyn World>,
    executor_versions: [String; 2],
    files: WorkspaceFiles,
}

impl Preparation {
    /// Prepares the items of `plan`, which was built from `program`. `native_version` is the
    /// version of the in-process implementation; it is part of fingerprints.
    pub fn new(
        plan: Arc<Plan>,
        program: Arc<Program>,
        nodes: Arc<NodeSet>,
        world: Arc<dyn World>,
        native_version: u32,
    ) -> Self {
        Self {
            plan,
            program,
            nodes,
            world,
            executor_versions: [format!("native {native_version}"), "comfy".to_owned()],
            files: WorkspaceFiles::default(),
        }
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The classes of what runs on servers.
    pub fn nodes(&self) -> &NodeSet {
        &self.nodes
    }

    /// The compiled document.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// `generate[sku=A1,angle=front]`.
    pub fn address(&self, item: ItemIx) -> String {
        let (number, row) = self.row(item);
        self.program.address(number, row)
    }

    /// Adds the address of `item` to `text`.
    pub fn push_address(&self, text: &mut String, item: ItemIx) {
        let (number, row) = self.row(item);
        self.program.push_address(text, number, row);
    }

    /// The item at `address`, if there is one.
    pub fn find(&self, address: &str) -> Option<ItemIx> {
        let name = address.split('[').next().unwrap_or(address);
        let task = self.plan.tasks.iter().find(|t| t.name == name)?;
        task.items.clone().map(ItemIx).find(|item| self.address(*item) == address)
    }

    /// Keys and values of an item; a row is its key.
    pub fn keys(&self, item: ItemIx) -> Vec<(String, Value)> {
        let (number, row) = self.row(item);
        let expansion = &self.program.expansion;
        let columns = expansion.items[number].keys.iter().zip(row);
        columns.map(|(k, v)| (expansion.keys.name(*k).to_owned(), plain(expansion.keys.get(*k, *v)).clone())).collect()
    }

    /// Whether `item` only has what it gets measured, and that is not what any number of items made.
    pub fn is_light(&self, item: ItemIx) -> bool {
        let task = &self.plan.tasks[self.plan.items.task[item.0 as usize].0 as usize];
        task.kind == TaskType::Score && task.depends_on.iter().all(|entry| !entry.gathered)
    }

    /// What is done with `item` in this visit.
    pub fn prepare(&self, item: ItemIx, visit: &Visit, upstream: &dyn Upstream) -> Result<Prepared, LowerError> {
        let (number, row) = self.row(item);
        let task = &self.program.tasks[number];
        let parts = &self.program.structure.tasks[number];
        let plan_task = &self.plan.tasks[self.plan.items.task[item.0 as usize].0 as usize];
        let mut files = crate::ident::IndexMap::default();
        let mut sources = crate::ident::IndexMap::default();
        for data in &parts.data {
            let delivered = self.delivered(item, number, data, visit, upstream)?;
            files.insert(data.input.clone(), delivered.iter().map(|(bound, _)| bound.clone()).collect::<Vec<_>>());
            sources.extend(delivered.into_iter().map(|(bound, file)| (bound.path.clone(), file)));
        }
        let find = |document: &str, path: &str| self.files.find(self.world.as_ref(), document, path, true);
        let passes = (visit.attempt, visit.visits);
        // What runs here does so by the signatures that are built in, whatever a server says of its own.
        let nodes: &NodeSet = if plan_task.placement == Placement::Native { builtin() } else { &self.nodes };
        let (with, lowered) = self.program.lower_item(number, row, passes, &visit.with, files, nodes, &find)?;
        let executor = match plan_task.placement {
            Placement::Native => &self.executor_versions[0],
            Placement::Comfy(_) => &self.executor_versions[1],
        };
        let fingerprint = compile::fingerprint(&lowered, nodes, executor);
        let provenance = self.provenance(item, &fingerprint.hash.to_string(), &with, &lowered.graph);
        let reusable = plan_task.kind != TaskType::Export;
        let passed_on = lowered.passed_on.iter().flat_map(|(name, bound)| {
            bound.iter().enumerate().filter_map(|(index, b)| {
                let file: &OutputFile = sources.get(&b.path)?;
                Some(OutputFile { output: name.clone(), index: index as u32, ..file.clone() })
            })
        });
        Ok(Prepared {
            fingerprint: fingerprint.hash,
            parts: fingerprint.parts,
            primary: task.outputs.first().map(|(name, _)| name.clone()).unwrap_or_default(),
            passed_on: passed_on.collect(),
            graph: lowered.graph,
            outputs: lowered.outputs,
            placement: plan_task.placement.clone(),
            scores: task.scores.clone(),
            provenance,
            reusable,
        })
    }

    /// The task's number in the program, and the item's row.
    fn row(&self, item: ItemIx) -> (usize, &[ValueIx]) {
        let task = self.plan.items.task[item.0 as usize].0 as usize;
        let number = self.program.structure.order[task];
        let index = item.0 - self.plan.tasks[task].items.start;
        (number, self.program.expansion.items[number].row(index as usize))
    }

    /// The files that an input takes from its source.
    fn delivered(
        &self,
        item: ItemIx,
        number: usize,
        data: &DataInput,
        visit: &Visit,
        upstream: &dyn Upstream,
    ) -> Result<Vec<(BoundFile, OutputFile)>, LowerError> {
        let parts = &self.program.structure.tasks[number];
        let is_primary = parts.data.first() == Some(data) && data.output.is_none();
        let from_router = visit.routed_from.filter(|_| data.entry.is_none() || is_primary);
        let parents: Vec<ItemIx> = match (from_router, data.entry) {
            (Some(router), _) => vec![router],
            (None, None) => Vec::new(),
            (None, Some(entry)) => {
                let before: usize = parts.entries[..entry].iter().map(|e| e.alternatives.len()).sum();
                let group = before + visit.chosen.get(entry).copied().unwrap_or(0);
                self.plan.items.parents(item, group).to_vec()
            }
        };
        let mut out = Vec::new();
        for parent in parents.iter().filter(|p| !visit.absent.contains(p)) {
            let missing =
                || LowerError::at("missing-input", &data.input, format!("{} left no result", self.address(*parent)));
            let result = upstream.result(*parent).ok_or_else(missing)?;
            out.extend(self.files_of(*parent, &result, data.output.as_deref(), number));
        }
        Ok(out)
    }

    fn files_of(
        &self,
        parent: ItemIx,
        result: &ItemResult,
        output: Option<&str>,
        reader: usize,
    ) -> Vec<(BoundFile, OutputFile)> {
        let (source, _) = self.row(parent);
        let task = &self.program.tasks[source];
        let primary = task.outputs.first().map_or("image", |(name, _)| name.as_str());
        let wanted = output.unwrap_or(primary);
        let label = self.label(parent, reader);
        let bound = |file: &OutputFile| BoundFile {
            path: file.path.clone(),
            identity: format!("{}/{}/{}", result.fingerprint, file.output, file.index),
            label: label.clone(),
            width: file.width,
            height: file.height,
            alpha: task.alpha && wanted == primary,
        };
        result.files.iter().filter(|f| f.output == wanted).map(|f| (bound(f), f.clone())).collect()
    }

    /// The keys that tell an item from the others that its reader gathers; all of them when it
    /// gathers none.
    fn label(&self, item: ItemIx, reader: usize) -> String {
        let gathered = &self.program.expansion.gathered[reader];
        let names: Vec<&str> = gathered.iter().map(|k| self.program.expansion.keys.name(*k)).collect();
        let keys = self.keys(item);
        let told = keys.iter().filter(|(name, _)| names.is_empty() || names.contains(&name.as_str()));
        told.map(|(_, value)| short_name(&to_text(value).unwrap_or_default())).collect::<Vec<_>>().join(", ")
    }

    /// What every file of the item carries: who made it, and the preset with the values that it was
    /// given, so that `import` gives the preset back wherever the file is.
    fn provenance(&self, item: ItemIx, fingerprint: &str, with: &ValueMap, graph: &Graph) -> Value {
        let mut record = json!({
            "format": 1,
            "document": self.plan.document,
            "version": self.plan.version,
            "item": self.address(item),
            "fingerprint": fingerprint,
        });
        let task = &self.program.tasks[self.row(item).0];
        if let Some((document, Body::Preset(preset))) = task.preset.as_ref().map(|d| (&d.document, &d.document.body)) {
            record["preset"] = document.to_exact_json();
            write_out_templates(&mut record["preset"], preset, graph);
            record["with"] = with
                .iter()
                .filter(|(name, _)| preset.params.contains_key(*name))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            if let Some(workflow) = &task.workflow {
                record["workflow"] = workflow.clone();
            }
            let seed = preset.params.iter().find(|(_, p)| p.role.as_deref() == Some("seed"));
            if let Some(value) = seed.and_then(|(name, p)| with.get(name).or(p.default.as_ref())) {
                record["seed"] = value.clone();
            }
        }
        record
    }
}

/// Puts what templates made into the inputs of `record`, a preset, that use them: it is complete without them.
fn write_out_templates(record: &mut Value, preset: &Preset, graph: &Graph) {
    for (id, node) in &preset.node {
        let uses = node.inputs.iter().filter(|(_, v)| v.as_object().is_some_and(|map| used_template(map).is_some()));
        for (name, _) in uses {
            let made = graph.nodes.get(id).and_then(|node| node.inputs.get(name));
            if let Some(Input::Value(Value::String(text))) = made
                && let Ok(text) = escape_interpolation(&escape_literal(text))
            {
                record["node"][id][&node.class][name] = Value::from(text);
            }
        }
    }
}

/// A path's file name without its ending; any other text as it is.
fn short_name(text: &str) -> String {
    match text.rsplit_once('/') {
        Some((_, name)) => name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned(),
        None => text.to_owned(),
    }
}
