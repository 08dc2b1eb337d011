//! Nodes that stand in a document: values put in, links resolved, everything judged by the
//! signatures of the classes, and all faults found at once.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
};

use serde_json::Value;

use super::{edits, judge::Visit, stand_ins::some_file};
use crate::{
    compile::{Fillable, Scope, check_param, is_plain, pass_by},
    files::Path,
    graph::{
        CoerceError, Graph, GraphNode, GraphProblem, Input, InputInfo, InputKind, LinkText, OutputError, check_nodes,
        coerce_value, output_index, parse_link,
    },
    ident::{IndexMap, IndexSet, did_you_mean},
    model::{NodeDef, Param, ParamType},
    path,
};

/// What is found of a value, and says nothing when nobody chose the value.
pub(super) const OF_VALUES: [&str; 6] =
    ["out-of-range", "off-step", "not-in-list", "missing-model", "missing-lora", "missing-image"];

/// What the nodes may insert.
pub(super) trait NodeValues: Scope {
    /// Whether the value of `name` is not one that somebody chose.
    fn is_invented(&self, name: &str) -> bool;

    /// Whether `name` takes a file.
    fn is_file(&self, name: &str) -> bool;
}

/// What a link to something that is none of the nodes means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlinked {
    /// A slip of the pen.
    IsWrong,
    /// Another task, which is judged elsewhere.
    IsAnotherTask,
}

/// Nodes of a document on their way to becoming a graph.
pub(super) struct NodeGraph<'v, 'a> {
    visit: &'v mut Visit<'a>,
    nodes: &'v IndexMap<String, NodeDef>,
    base: Path,
    params: &'v IndexMap<String, Param>,
    outputs: &'v IndexMap<String, String>,
    values: &'v dyn NodeValues,
    unlinked: Unlinked,
    /// Inputs about which everything has been said, as node and input.
    settled: HashSet<(String, String)>,
    /// Inputs whose value is not one that somebody chose.
    invented: IndexSet<(String, String)>,
    used: BTreeSet<String>,
    /// Whether every text could be read, so that all names in them are known.
    is_readable: bool,
}

impl<'v, 'a> NodeGraph<'v, 'a> {
    /// The nodes that stand at `base`, into which `values` are put. `params` are the declared
    /// parameters among them, `outputs` what is kept of the nodes.
    pub(super) fn new(
        visit: &'v mut Visit<'a>,
        (nodes, outputs): (&'v IndexMap<String, NodeDef>, &'v IndexMap<String, String>),
        base: Path,
        params: &'v IndexMap<String, Param>,
        values: &'v dyn NodeValues,
        unlinked: Unlinked,
    ) -> Self {
        Self {
            visit,
            nodes,
            base,
            params,
            outputs,
            values,
            unlinked,
            settled: HashSet::new(),
            invented: IndexSet::default(),
            used: BTreeSet::new(),
            is_readable: true,
        }
    }

    /// Reports everything that is wrong with them.
    pub(super) fn check(&mut self) {
        let mut graph = self.graph();
        let bypassed: BTreeSet<&str> = self.bypassed().collect();
        let problems = if bypassed.is_empty() { self.problems(&graph) } else { self.pass_by(&mut graph, &bypassed) };
        self.judge(problems);
        // What nobody chose is not needed.
        for (id, input) in &self.invented {
            if let Some(node) = graph.nodes.get_mut(id) {
                node.inputs.shift_remove(input);
            }
        }
        self.visit.need(&graph);
    }

    /// The names that they insert, if all their texts can be read.
    pub(super) fn used(self) -> Option<BTreeSet<String>> {
        self.is_readable.then_some(self.used)
    }

    fn graph(&mut self) -> Graph {
        let mut graph = Graph::default();
        graph.nodes.reserve(self.nodes.len());
        for (id, node) in self.nodes {
            if self.visit.context.nodes.contains(&node.class) {
                self.visit.known_nodes += 1;
            } else if !self.visit.knows_all_classes {
                self.visit.unknown_class(&node.class, &self.base.join(id).join(&node.class));
            }
            let inputs = node.inputs.iter().map(|(name, value)| (name.clone(), self.input(id, node, name, value)));
            let inputs = inputs.collect();
            if let Some(value) = &node.bypass {
                self.bypass(value, &self.base.join(id).join("bypass"));
            }
            graph.nodes.insert(id.clone(), GraphNode { class: node.class.clone(), title: node.title.clone(), inputs });
        }
        graph
    }

    /// The value of an input; what is wrong with how it is written is reported here.
    fn input(&mut self, id: &str, node: &NodeDef, name: &str, value: &Value) -> Input {
        if is_plain(value) {
            return self.literal(node, name, Cow::Borrowed(value));
        }
        let key = || (id.to_owned(), name.to_owned());
        if let Some(link) = value.as_str().and_then(parse_link) {
            return match self.link(link) {
                Ok(input) => input,
                Err(broken) => {
                    let path = self.base.join(id).join(&node.class).join(name);
                    self.report_link(link, broken, &path);
                    self.settle(key(), value)
                }
            };
        }
        let (path, key) = (self.base.join(id).join(&node.class).join(name), key());
        let before = self.visit.report.count();
        let fillable = Fillable::parse(value, &path, &mut self.visit.report);
        if let Some(param) = fillable.sole_name().filter(|param| self.values.is_file(param)) {
            self.use_name(param);
            return self.file_input(node, name, key);
        }
        self.is_readable &= self.visit.report.count() == before;
        fillable.check(self.values, &path, &mut self.visit.report);
        let filled = fillable.fill(self.values);
        for used in fillable.names() {
            if self.values.is_invented(used) {
                self.invented.insert(key.clone());
            }
            self.use_name(used);
        }
        match filled {
            Ok(filled) if self.visit.report.count() == before => {
                if let Some(param) = fillable.sole_name() {
                    self.check_choices(node, name, param);
                }
                self.literal(node, name, Cow::Owned(filled))
            }
            _ => self.settle(key, value),
        }
    }

    fn use_name(&mut self, name: &str) {
        if !self.used.contains(name) {
            self.used.insert(name.to_owned());
        }
    }

    /// A value in the form in which it is sent.
    fn literal(&self, node: &NodeDef, name: &str, value: Cow<'_, Value>) -> Input {
        let info = self.visit.context.nodes.class(&node.class).and_then(|c| c.input(name));
        Input::Value(info.and_then(|info| coerce_value(&info.kind, &value).ok()).unwrap_or_else(|| value.into_owned()))
    }

    fn settle(&mut self, key: (String, String), value: &Value) -> Input {
        self.settled.insert(key);
        Input::Value(value.clone())
    }

    /// An input that takes a file which the caller gives: read by the class, or through a loader.
    fn file_input(&mut self, node: &NodeDef, name: &str, key: (String, String)) -> Input {
        let info = self.visit.context.nodes.class(&node.class).and_then(|c| c.input(name));
        if info.is_some_and(is_filled_by_loader) {
            self.settled.insert(key);
        }
        Input::Files(vec![some_file()])
    }

    fn link(&self, link: LinkText<'_>) -> Result<Input, BrokenLink> {
        let target = self.nodes.get(link.node).ok_or(BrokenLink::NoNode)?;
        let output = link.output.unwrap_or("0");
        match self.visit.context.nodes.class(&target.class) {
            Some(class) => output_index(class, output).map_err(BrokenLink::NoOutput),
            None => Ok(output.parse().unwrap_or(0)),
        }
        .map(|index| Input::link(link.node, index))
    }

    fn report_link(&mut self, link: LinkText<'_>, broken: BrokenLink, path: &Path) {
        let (message, hint, meant) = match broken {
            BrokenLink::NoNode if self.unlinked == Unlinked::IsAnotherTask => return,
            BrokenLink::NoNode => {
                let near = did_you_mean(link.node, self.nodes.keys().map(String::as_str));
                let hint = near.map_or_else(
                    || "a text that begins with @ is a link; write @@ for a plain @".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("there is no node `{}`", link.node);
                (message, Some(hint), near.map(|near| written(near, link.output)))
            }
            BrokenLink::NoOutput(error) => {
                let meant = match &error {
                    OutputError::Unknown { suggestion: Some(near), .. } => Some(written(link.node, Some(near))),
                    _ => None,
                };
                (error.to_string(), error.hint(), meant)
            }
        };
        let tree = self.visit.subject.tree;
        let diagnostic = self.visit.report.error("bad-link", path, message);
        diagnostic.hint = hint;
        if let Some(meant) = meant {
            edits::replace_text(diagnostic, tree, path, &meant);
        }
    }

    /// Every permitted value of a parameter that is put into an input as it is must fit there.
    fn check_choices(&mut self, node: &NodeDef, name: &str, param_name: &str) {
        let Some(param) = self.params.get(param_name).filter(|param| !param.values.is_empty()) else { return };
        let Some(info) = self.visit.context.nodes.class(&node.class).and_then(|c| c.input(name)) else { return };
        let free = Param { values: Vec::new(), kind: free_kind(param.kind), ..param.clone() };
        for (index, choice) in param.values.iter().enumerate() {
            // One that the parameter itself does not take is reported there.
            let Ok(choice) = check_param(&free, choice) else { continue };
            let Err(error) = coerce_value(&info.kind, &choice) else { continue };
            let place = path!["params", param_name, "values", index];
            let message = format!("input \"{name}\" of {} does not take it: {error}", node.class);
            // Which files a server has is not the document's business.
            if matches!(error, CoerceError::NotInList { of_files: true, .. }) {
                self.visit.report.warning("missing-model", &place, message);
            } else {
                self.visit.report.error("bad-parameter", &place, message);
            }
        }
    }

    fn bypass(&mut self, value: &Value, path: &Path) {
        let before = self.visit.report.count();
        let fillable = Fillable::parse(value, path, &mut self.visit.report);
        self.is_readable &= self.visit.report.count() == before;
        fillable.check(self.values, path, &mut self.visit.report);
        fillable.names().for_each(|name| self.use_name(name));
        let filled = fillable.fill(self.values);
        let Ok(filled) = filled else { return };
        if self.visit.report.count() == before && coerce_value(&InputKind::Bool, &filled).is_err() {
            let message = format!("`bypass` is true or false, not {filled}");
            self.visit.report.error("wrong-type", path, message);
        }
    }

    /// The nodes that are passed by, whatever the parameters.
    fn bypassed(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        let nodes = self.nodes;
        nodes.iter().filter(|(_, node)| node.bypass == Some(Value::Bool(true))).map(|(id, _)| id.as_str())
    }

    /// Passes by what is bypassed, and what is wrong then: what is passed by may lack inputs and files, but is
    /// written right.
    fn pass_by(&self, graph: &mut Graph, bypassed: &BTreeSet<&str>) -> Vec<GraphProblem> {
        let drawn = self.problems(graph);
        bypassed.iter().for_each(|id| pass_by(graph, id, self.visit.context.nodes));
        let of_bypassed =
            |p: &GraphProblem| bypassed.contains(p.node.as_str()) && p.code != "missing-input" && !p.of_files;
        let mut problems = self.problems(graph);
        problems.extend(drawn.into_iter().filter(of_bypassed));
        problems
    }

    /// What is wrong with `graph`, of which the named outputs are kept.
    fn problems(&self, graph: &Graph) -> Vec<GraphProblem> {
        let links = self.outputs.values().filter_map(|text| parse_link(text));
        let kept: Vec<&str> = links.map(|link| link.node).collect();
        check_nodes(graph, self.visit.context.nodes, &kept)
    }

    fn judge(&mut self, problems: Vec<GraphProblem>) {
        for problem in problems {
            let Some(node) = self.nodes.get(&problem.node) else {
                // The savers of its outputs are added later.
                continue;
            };
            if !self.is_settled(&problem) {
                let path = self.base.join(&problem.node).join(&node.class);
                self.visit.node_problem(&problem, &path);
            }
        }
    }

    fn is_settled(&self, problem: &GraphProblem) -> bool {
        if problem.code == "unknown-class" && !self.visit.knows_all_classes {
            return true;
        }
        let Some(input) = &problem.input else { return false };
        let key = (problem.node.clone(), input.clone());
        let of_value = OF_VALUES.contains(&problem.code);
        // That no parameter's file fits an input is known; everything else about settled inputs
        // has been said, and that a class has no such input has not.
        (self.settled.contains(&key) && problem.code != "unknown-input") || (of_value && self.invented.contains(&key))
    }
}

/// Whether a file for this input goes through a loader that is added.
pub(super) fn is_filled_by_loader(input: &InputInfo) -> bool {
    match &input.kind {
        InputKind::Link { types, .. } => types.is_any() || types.contains("IMAGE") || types.contains("MASK"),
        _ => false,
    }
}

/// Why a link leads nowhere.
enum BrokenLink {
    NoNode,
    NoOutput(OutputError),
}

/// The type of single values of a parameter of type `kind`.
fn free_kind(kind: ParamType) -> ParamType {
    if kind == ParamType::Enum { ParamType::String } else { kind }
}

/// A link as it is written.
pub(super) fn written(node: &str, output: Option<&str>) -> String {
    output.map_or_else(|| format!("@{node}"), |output| format!("@{node}.{output}"))
}
