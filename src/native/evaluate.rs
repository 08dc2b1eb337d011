//! Evaluates one item's graph: in topological order, each value handed over to the node that uses it last, which may
//! change it in place. What is to be written is written when everything is computed.
//!
//! Runs on a blocking thread; knows nothing of tasks, slots or futures.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use indexmap::IndexSet;

use super::{
    Inputs, NodeError, NodeValue, files,
    step::{Step, StepError, StepOutput, WrittenFile, decoded_bytes, is_saver},
};
use crate::{
    compile::OutputSpec,
    graph::{BoundFile, Graph, GraphNode, Input, Link, builtin, embed},
    ident::IndexMap,
    imagefile,
    model::ErrorClass,
    models::ModelStore,
    outputs::output_path,
    run::{Fault, Job, Produced, Signal, Signals},
};

/// Bytes of memory that every item is given.
pub(super) const SMALLEST: u64 = 16 << 20;

/// Quality of lossy formats when none is given.
pub(super) const DEFAULT_QUALITY: u8 = 90;

/// Why an evaluation ended early.
pub(super) enum Stop {
    /// The item failed.
    Fault(Fault),
    /// It needs this many bytes, and gets them only by starting again.
    NeedsMemory(u64),
    /// Nobody waits for it any longer.
    Cancelled,
    /// There is no room for its files.
    NoRoom(String),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The memory that an item may use.
pub(super) trait Allowance {
    /// Asks for `bytes` in total. False: not now.
    fn grow_to(&mut self, bytes: u64) -> bool;
    /// The most that any item may ever get.
    fn limit(&self) -> u64;
}

/// What an evaluation needs beside the graph.
pub(super) struct Surroundings<'a> {
    pub(super) root: &'a Path,
    pub(super) limits: &'a imagefile::Limits,
    pub(super) models: &'a ModelStore,
    pub(super) job: &'a Job,
    pub(super) cancelled: &'a AtomicBool,
    pub(super) signals: &'a Signals,
}

fn fault_at(id: &str, class: ErrorClass, message: String) -> Fault {
    Fault::new(class, message).at(id)
}

/// The nodes that reach `outputs`, each after those that it takes values from, in the order of its inputs.
pub(super) fn order<'g>(graph: &'g Graph, outputs: &[OutputSpec]) -> Result<Vec<&'g str>, Fault> {
    let mut done: IndexSet<&str> = IndexSet::new();
    let mut open: IndexSet<&str> = IndexSet::new();
    // (node, whether its sources were visited)
    let mut stack = Vec::new();
    for spec in outputs {
        let (id, _) = graph.nodes.get_key_value(&spec.node).ok_or_else(|| {
            let message =
                format!("output `{}` is to come from node `{}`, which is not in the graph", spec.name, spec.node);
            fault_at(&spec.node, ErrorClass::Error, message)
        })?;
        stack.push((id.as_str(), false));
        while let Some((id, visited)) = stack.pop() {
            if visited {
                open.shift_remove(id);
                done.insert(id);
                continue;
            }
            if done.contains(id) {
                continue;
            }
            open.insert(id);
            stack.push((id, true));
            for link in graph.nodes[id].inputs.values().rev().filter_map(link_of) {
                let (source, _) = graph.nodes.get_key_value(&link.node).ok_or_else(|| {
                    let message = format!("node `{id}` links to node `{}`, which is not in the graph", link.node);
                    fault_at(id, ErrorClass::Error, message)
                })?;
                if open.contains(source.as_str()) {
                    let message = format!("nodes `{id}` and `{source}` take each other's output (a cycle)");
                    return Err(fault_at(id, ErrorClass::Error, message));
                }
                stack.push((source, false));
            }
        }
    }
    Ok(done.into_iter().collect())
}

fn link_of(input: &Input) -> Option<&Link> {
    match input {
        Input::Link(link) => Some(link),
        _ => None,
    }
}

/// A first guess at the bytes that the graph needs: four times what its files take, decoded.
/// Files that cannot be read count nothing; the node that reads them says what is wrong.
fn first_estimate(graph: &Graph, root: &Path, limits: &imagefile::Limits) -> u64 {
    let inputs = graph.nodes.values().flat_map(|node| node.inputs.values());
    let files = inputs.filter_map(|input| match input {
        Input::Files(files) => files.first(),
        _ => None,
    });
    let decoded = files.filter_map(|file| files::read_header(root, &file.path, limits).ok());
    SMALLEST + decoded.map(|header| 4 * decoded_bytes(&header)).sum::<u64>()
}

/// What an item made: nothing of it is on disk.
#[derive(Default)]
pub(super) struct Made {
    files: Vec<MadeFile>,
    metrics: BTreeMap<String, f64>,
}

struct MadeFile {
    node: String,
    /// The output that it belongs to, and its place there.
    output: String,
    index: u32,
    file: WrittenFile,
}

/// Evaluates the graph of `around.job`.
pub(super) fn evaluate(around: &Surroundings<'_>, allowance: &mut dyn Allowance) -> Result<Made, Stop> {
    let prepared = &around.job.prepared;
    let graph = &prepared.graph;
    let Surroundings { root, limits, models, .. } = around;
    let first = first_estimate(graph, root, limits).min(allowance.limit());
    if !allowance.grow_to(first) {
        return Err(Stop::NeedsMemory(first));
    }
    let order = order(graph, &prepared.outputs)?;
    let mut sockets = sockets(graph, &order);
    let mut made = Made::default();
    for (at, id) in order.iter().enumerate() {
        if around.cancelled.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        let node = &graph.nodes[*id];
        let (inputs, files) = inputs_of(id, node, &sockets)?;
        let live = sockets.values().filter_map(|socket| socket.value.as_ref()).map(NodeValue::pixel_bytes).sum();
        // The inputs alone hold what is used for the last time.
        sockets.values_mut().filter(|socket| socket.last_use == at).for_each(|socket| socket.value = None);
        let step = Step { class: &node.class, inputs, files: &files, root, limits, models };
        for (output, value) in run_node(around, id, step, live, allowance, &mut made)?.into_iter().enumerate() {
            if let Some(socket) = sockets.get_mut(&Link { node: (*id).to_owned(), output }) {
                socket.value = Some(value);
            }
        }
        (around.signals)(Signal::Share((at + 1) as f32 / order.len() as f32));
    }
    Ok(made)
}

/// Writes the files of `made`, and records them.
pub(super) fn write(around: &Surroundings<'_>, made: Made) -> Result<Produced, Stop> {
    let graph = &around.job.prepared.graph;
    let mut produced = Produced { metrics: made.metrics, ..Produced::default() };
    for MadeFile { node, output, index, file: WrittenFile { path, bytes, size } } in made.files {
        let written = files::write(around.root, &path, &bytes)
            .and_then(|()| files::record(around.root, path, &bytes, &output, index, size));
        produced.files.push(written.map_err(|error| failed(&node, &graph.nodes[&node], &error.into()))?);
    }
    sort_files(&mut produced, &around.job.prepared.outputs);
    Ok(produced)
}

/// An output that somebody takes.
struct Socket {
    /// There from when its node has run until its last use.
    value: Option<NodeValue>,
    /// Position of the last node that takes it.
    last_use: usize,
}

type Sockets<'g> = IndexMap<&'g Link, Socket>;

fn sockets<'g>(graph: &'g Graph, order: &[&str]) -> Sockets<'g> {
    let uses = order.iter().enumerate().flat_map(|(last_use, id)| {
        let links = graph.nodes[*id].inputs.values().filter_map(link_of);
        links.map(move |link| (link, Socket { value: None, last_use }))
    });
    uses.collect()
}

fn run_node(
    around: &Surroundings<'_>,
    id: &str,
    step: Step<'_>,
    live: u64,
    allowance: &mut dyn Allowance,
    made: &mut Made,
) -> Result<Vec<NodeValue>, Stop> {
    let node = &around.job.prepared.graph.nodes[id];
    let failed = |error: StepError| failed(id, node, &error);
    reserve(id, node, live + step.bytes().map_err(failed)?, allowance)?;
    if is_saver(&node.class) {
        save(around, id, step.inputs, made).map_err(failed)?;
        return Ok(Vec::new());
    }
    let StepOutput { values, metrics, written } = step.run().map_err(failed)?;
    made.metrics.extend(metrics);
    keep(around, id, written, made);
    Ok(values)
}

/// Why an item did not get past node `id`.
fn failed(id: &str, node: &GraphNode, error: &StepError) -> Stop {
    if let StepError::File(error) = error
        && error.is_for_want_of_room()
    {
        return Stop::NoRoom(format!("failed to {error}"));
    }
    let class = match error {
        StepError::Node(NodeError::TooLarge { .. }) => ErrorClass::Oom,
        _ => ErrorClass::Error,
    };
    Stop::Fault(fault_at(id, class, format!("node `{id}` ({}) failed to {error}", node.class)))
}

fn reserve(id: &str, node: &GraphNode, bytes: u64, allowance: &mut dyn Allowance) -> Result<(), Stop> {
    if bytes > allowance.limit() {
        let message = format!(
            "node `{id}` ({}) needs about {} MiB of memory, more than the {} MiB allowed by `limits.memory_mib`",
            node.class,
            bytes.div_ceil(1 << 20),
            allowance.limit() >> 20
        );
        return Err(fault_at(id, ErrorClass::Oom, message).into());
    }
    if allowance.grow_to(bytes) { Ok(()) } else { Err(Stop::NeedsMemory(bytes)) }
}

type NodeInputs = (Inputs, IndexMap<String, Vec<BoundFile>>);

fn inputs_of(id: &str, node: &GraphNode, sockets: &Sockets<'_>) -> Result<NodeInputs, Fault> {
    let (mut inputs, mut files) = (Inputs::new(), IndexMap::default());
    for (name, input) in &node.inputs {
        match input {
            Input::Value(value) => inputs.set(name, NodeValue::from(value)),
            Input::Files(found) => {
                files.insert(name.clone(), found.clone());
            }
            Input::Link(link) => {
                let value = sockets.get(link).and_then(|socket| socket.value.as_ref());
                let value = value.ok_or_else(|| {
                    let message = format!(
                        "node `{id}`: input `{name}` takes output {} of node `{}`, which has none",
                        link.output, link.node
                    );
                    fault_at(id, ErrorClass::Error, message)
                })?;
                inputs.set(name, value.clone());
            }
        }
    }
    Ok((inputs, files))
}

/// Encodes what a saver was given, to be written as `<stem>[.<output>][.<index>].png`: the first output has no
/// name in it, a single file no index. A dot parts them, which no stem has, so that two items of one
/// folder never meet.
fn save(around: &Surroundings<'_>, id: &str, inputs: Inputs, made: &mut Made) -> Result<(), StepError> {
    let prepared = &around.job.prepared;
    let frames = files::frames_to_save(inputs.value("images")?)?;
    drop(inputs);
    let texts = [
        ("prompt", embed::ascii_json(&embed::api_format(&prepared.graph))),
        ("workflow", embed::ascii_json(&embed::ui_format(&prepared.graph, builtin()))),
        ("comfywright", embed::ascii_json(&prepared.provenance)),
    ];
    let texts = texts.each_ref().map(|(key, text)| (*key, text.as_str()));
    let Some(spec) = prepared.outputs.iter().find(|spec| spec.node == id) else { return Ok(()) };
    // Several savers may write one output, a list of files, one after the other.
    let savers = prepared.outputs.iter().filter(|other| other.name == spec.name).count();
    let earlier = made.files.iter().filter(|file| file.output == spec.name).count();
    let count = frames.len().max(savers);
    for (index, (image, frame)) in (earlier..).zip(frames) {
        let (pixels, shape) = (imagefile::to_bytes(&image, frame)?, image.shape());
        // The last one of its images leaves room for the file.
        drop(image);
        let bytes = imagefile::encode_png_bytes(&pixels, &shape, &texts)?;
        let path = output_path(around.job, spec, index, count, "png");
        let size = (shape.width as u32, shape.height as u32);
        made.add(id, &spec.name, index, WrittenFile { path, bytes, size });
    }
    Ok(())
}

/// Keeps the files that a node of ours made for a place of its own.
fn keep(around: &Surroundings<'_>, id: &str, written: Vec<WrittenFile>, made: &mut Made) {
    let name =
        around.job.prepared.outputs.iter().find(|spec| spec.node == id).map_or("file", |spec| spec.name.as_str());
    for (index, file) in written.into_iter().enumerate() {
        made.add(id, name, index, file);
    }
}

impl Made {
    fn add(&mut self, node: &str, output: &str, index: usize, file: WrittenFile) {
        self.files.push(MadeFile { node: node.to_owned(), output: output.to_owned(), index: index as u32, file });
    }
}

/// `path` itself for a single file, else with `.1`, `.2`, … before its ending.
pub(super) fn numbered(path: &str, index: usize, count: usize) -> String {
    let name_at = path.rfind('/').map_or(0, |at| at + 1);
    match path[name_at..].rfind('.').filter(|dot| *dot > 0) {
        _ if count == 1 => path.to_owned(),
        Some(dot) => format!("{}.{}{}", &path[..name_at + dot], index + 1, &path[name_at + dot..]),
        None => format!("{path}.{}", index + 1),
    }
}

/// By output in the order of the outputs, then by index.
fn sort_files(produced: &mut Produced, outputs: &[OutputSpec]) {
    let place = |name: &str| outputs.iter().position(|spec| spec.name == name);
    produced.files.sort_by_key(|file| (place(&file.output), file.index));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_before_the_ending() {
        assert_eq!(numbered("a/b.c/d.e.png", 0, 1), "a/b.c/d.e.png");
        assert_eq!(numbered("a/b.c/d.e.png", 1, 3), "a/b.c/d.e.2.png");
        assert_eq!(numbered("a.b/c", 0, 2), "a.b/c.1");
        assert_eq!(numbered(".hidden", 0, 2), ".hidden.1");
    }
}
