//! What the items of a task have in common as far as it decides where they run and how long they take:
//! the models that they load, the shape of their work, and the nodes whose results they share.
//!
//! Not every item is lowered for that. One is, and then again with another value for one thing at a time
//! (a key, a field of a row, a position): the nodes whose hashes change depend on that thing. So the items
//! fall into groups by the values of few things, and one item of each group is lowered.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::{
    expand::plain,
    interpolate::{ROW_KEY, Scope},
    lower::{LowerError, Lowered},
    merkle::{links, merkle},
    models::{Model, is_loader, models},
    program::{ItemScope, Program},
    relation::ValueIx,
    template_text::TemplateText,
    workspace_files::WorkspaceFiles,
};
use crate::{
    content_hash::{ContentHash, canonical_json},
    files::World,
    graph::{BoundFile, ClassInfo, Graph, GraphNeeds, GraphNode, Input, InputKind, NodeSet, is_model_file},
    ident::IndexMap,
    model::ValueMap,
};

/// Most groups of which one item is lowered each.
const MOST_GROUPS: usize = 2000;

/// So many other values of a thing are tried.
const OTHER_VALUES: usize = 3;

/// A prefix that saves less than this share of the work is none.
const LEAST_SAVING: f64 = 0.02;

/// One kind of items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KindOf {
    /// Identity of the shape: the classes and the constants that decide how much work it is.
    pub shape: String,
    /// Identity of the family: the classes alone.
    pub family: String,
    /// Models by name.
    pub models: BTreeMap<String, Model>,
    /// Identity of what it shares with others.
    pub prefix: Option<String>,
    /// The share of its time that a cached prefix saves, as far as the graph tells.
    pub prefix_share: f64,
    /// What it needs of a server.
    pub needs: GraphNeeds,
}

/// The kinds of the items of one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Likeness {
    /// The kinds.
    pub kinds: Vec<KindOf>,
    /// For each row of the task's items the number of its kind.
    pub of_row: Vec<u32>,
}

/// Something in which items differ.
#[derive(Clone, Debug, PartialEq)]
enum Thing {
    /// The value of the key in this column.
    Value(usize),
    /// A field of the row in this column.
    Field(usize, String),
    /// The position of the value of the key in this column.
    Position(usize),
    /// The file that a link delivers: the number of the data input.
    File(usize),
}

impl Program {
    /// The kinds of the items of task `number`. What runs in this process has one kind.
    pub fn likeness(&self, number: usize, is_native: bool, nodes: &NodeSet, world: &dyn World) -> Likeness {
        let count = self.expansion.items[number].len();
        let files = WorkspaceFiles::default();
        let find = |document: &str, path: &str| files.find(world, document, path, false);
        let lowering = Lowering { program: self, number, nodes, find: &find, delivered: self.stand_ins(number) };
        let first = if count == 0 { None } else { lowering.item(0) };
        let Some(first) = first else {
            let name = format!("{}/{}", self.header.name, self.structure.tasks[number].name);
            let kind = KindOf { shape: name.clone(), family: name, ..KindOf::default() };
            return Likeness { kinds: vec![kind], of_row: vec![0; count] };
        };
        if is_native || count == 1 {
            let mut kind = kind_of(&first, nodes);
            if is_native {
                (kind.models, kind.needs) = (BTreeMap::new(), GraphNeeds::default());
            }
            return Likeness { kinds: vec![kind], of_row: vec![0; count] };
        }
        Differences::find(&lowering, &first).group(&lowering, &first)
    }
}

/// What lowering an item takes.
struct Lowering<'a> {
    program: &'a Program,
    number: usize,
    nodes: &'a NodeSet,
    find: &'a dyn Fn(&str, &str) -> Result<BoundFile, LowerError>,
    delivered: IndexMap<String, Vec<BoundFile>>,
}

impl Lowering<'_> {
    fn row(&self, index: usize) -> &[ValueIx] {
        self.program.expansion.items[self.number].row(index)
    }

    fn scope(&self, index: usize) -> ItemScope<'_> {
        self.program.scope(self.number, self.row(index), 1, 1)
    }

    fn item(&self, index: usize) -> Option<Lowered> {
        self.lowered(&self.scope(index))
    }

    fn lowered(&self, scope: &dyn Scope) -> Option<Lowered> {
        let (nothing, files) = (ValueMap::default(), self.delivered.clone());
        self.program
            .lower_in(self.number, scope, &nothing, files, self.nodes, self.find)
            .ok()
            .map(|(_, lowered)| lowered)
    }

    /// The value of the key in a column.
    fn value(&self, index: usize, column: usize) -> &Value {
        let expansion = &self.program.expansion;
        expansion.keys.get(expansion.items[self.number].keys[column], self.row(index)[column])
    }

    fn key_name(&self, column: usize) -> &str {
        let expansion = &self.program.expansion;
        expansion.keys.name(expansion.items[self.number].keys[column])
    }

    /// Everything in which items may differ.
    fn things(&self) -> Vec<Thing> {
        let mut things = Vec::new();
        for column in 0..self.program.expansion.items[self.number].keys.len() {
            things.extend([Thing::Value(column), Thing::Position(column)]);
            if let Value::Object(fields) = self.value(0, column) {
                things.extend(fields.keys().filter(|f| *f != ROW_KEY).map(|f| Thing::Field(column, f.clone())));
            }
        }
        things.extend((0..self.program.structure.tasks[self.number].data.len()).map(Thing::File));
        things
    }

    /// Names as the first item has them, but for one thing, which is as item `other` has it.
    fn scope_with<'a>(&'a self, thing: &'a Thing, other: usize) -> Option<Changed<'a>> {
        let (column, part) = match thing {
            Thing::Value(column) => (*column, Part::Whole(self.value(other, *column))),
            Thing::Position(column) => (*column, Part::Position(self.row(other)[*column] as usize)),
            Thing::Field(column, field) => (*column, Part::Field(field, self.value(other, *column).get(field)?)),
            Thing::File(_) => return None,
        };
        Some(Changed { inner: self.scope(0), key: self.key_name(column), part })
    }

    /// For each row a number that says which value of a thing it has.
    fn values(&self, thing: &Thing) -> Vec<u32> {
        let items = &self.program.expansion.items[self.number];
        match thing {
            Thing::Value(column) | Thing::Position(column) => items.rows().map(|row| row[*column]).collect(),
            Thing::Field(column, field) => {
                let mut numbers: IndexMap<String, ()> = IndexMap::default();
                let mut known: HashMap<ValueIx, u32> = HashMap::new();
                let mut number = |index: usize, value: ValueIx| {
                    *known.entry(value).or_insert_with(|| {
                        let text = self.value(index, *column).get(field).map(canonical_json).unwrap_or_default();
                        numbers.insert_full(text, ()).0 as u32
                    })
                };
                items.rows().enumerate().map(|(index, row)| number(index, row[*column])).collect()
            }
            Thing::File(input) => self.parents(*input),
        }
    }

    /// For each row the item whose file an input takes; a number of its own where that is not known before.
    fn parents(&self, input: usize) -> Vec<u32> {
        let parts = &self.program.structure.tasks[self.number];
        let items = &self.program.expansion.items[self.number];
        let alternatives = parts.data[input].entry.map_or(&[][..], |entry| &parts.entries[entry].alternatives);
        let [parent] = alternatives else { return (0..items.len() as u32).collect() };
        let (columns, rows) = self.program.expansion.parents(self.number, *parent);
        let parent_of = |(index, row): (usize, &[ValueIx])| {
            let key: Vec<ValueIx> = columns.iter().map(|column| row[*column]).collect();
            match rows.get(key.as_slice()).map(Vec::as_slice) {
                Some([one]) => *one,
                _ => u32::MAX - index as u32,
            }
        };
        items.rows().enumerate().map(parent_of).collect()
    }
}

/// The names of an item with one thing changed.
struct Changed<'a> {
    inner: ItemScope<'a>,
    key: &'a str,
    part: Part<'a>,
}

enum Part<'a> {
    /// The value itself, not the fields of a row.
    Whole(&'a Value),
    Field(&'a str, &'a Value),
    Position(usize),
}

impl Scope for Changed<'_> {
    fn value(&self, path: &[String]) -> Option<Value> {
        let value = match (&self.part, path) {
            (Part::Whole(value), [key]) if key == self.key => Some((*value, &[][..])),
            (Part::Field(field, value), [key, name, rest @ ..]) if key == self.key && name == field => {
                Some((*value, rest))
            }
            _ => None,
        };
        match value {
            Some((value, rest)) => rest.iter().try_fold(value, |v, key| v.get(key)).cloned(),
            None => self.inner.value(path),
        }
    }

    fn index(&self, key: &str) -> Option<usize> {
        match self.part {
            Part::Position(position) if key == self.key => Some(position),
            _ => self.inner.index(key),
        }
    }

    fn names(&self) -> Vec<String> {
        self.inner.names()
    }

    fn template(&self, reference: &str) -> Option<&TemplateText> {
        self.inner.template(reference)
    }
}

/// Which things matter to what.
struct Differences {
    things: Vec<Thing>,
    /// Things that change the shape or the models.
    shape: BTreeSet<usize>,
    /// Things that change the models.
    models: BTreeSet<usize>,
    /// Things that change each node of the first item's graph.
    nodes: BTreeMap<String, BTreeSet<usize>>,
}

impl Differences {
    fn find(lowering: &Lowering<'_>, first: &Lowered) -> Self {
        let things = lowering.things();
        let base = kind_of(first, lowering.nodes);
        let hashes = node_hashes(&first.graph);
        let mut found = Self {
            shape: BTreeSet::new(),
            models: BTreeSet::new(),
            nodes: hashes.keys().map(|id| ((*id).to_owned(), BTreeSet::new())).collect(),
            things,
        };
        for (number, thing) in found.things.iter().enumerate() {
            if let Thing::File(input) = thing {
                let input = &lowering.program.structure.tasks[lowering.number].data[*input].input;
                for node in below_file(&first.graph, input) {
                    found.nodes.entry(node).or_default().insert(number);
                }
                continue;
            }
            for other in others(&lowering.values(thing)) {
                let scope = lowering.scope_with(thing, other);
                let Some(changed) = scope.and_then(|scope| lowering.lowered(&scope)) else { continue };
                let kind = kind_of(&changed, lowering.nodes);
                if kind.models != base.models {
                    found.models.insert(number);
                }
                if kind.models != base.models || kind.shape != base.shape {
                    found.shape.insert(number);
                }
                let other_hashes = node_hashes(&changed.graph);
                for (id, things) in &mut found.nodes {
                    if hashes.get(id.as_str()) != other_hashes.get(id.as_str()) {
                        things.insert(number);
                    }
                }
            }
        }
        found
    }

    /// The kinds of all items.
    fn group(&self, lowering: &Lowering<'_>, first: &Lowered) -> Likeness {
        let values: Vec<Vec<u32>> = self.things.iter().map(|thing| lowering.values(thing)).collect();
        let mut shapes = Groups::by(&values, &self.shape);
        let has_many_shapes = shapes.firsts.len() > MOST_GROUPS;
        if has_many_shapes {
            shapes = Groups::by(&values, &self.models);
        }
        if shapes.firsts.len() > MOST_GROUPS {
            // There is nothing in common.
            let kind = kind_of(first, lowering.nodes);
            let kind = KindOf { models: BTreeMap::new(), needs: GraphNeeds::default(), ..kind };
            return Likeness { kinds: vec![kind], of_row: vec![0; shapes.of_row.len()] };
        }
        let prefix = self.prefix(&values, &first.graph, lowering.nodes);
        let shared =
            prefix.as_ref().map_or_else(|| Groups::one(shapes.of_row.len()), |p| Groups::by(&values, &p.things));
        let both = Groups::of_both(&shapes, &shared);
        let task = &lowering.program.structure.tasks[lowering.number].name;
        let mut of_shape: HashMap<u32, Option<KindOf>> = HashMap::new();
        let kinds = both.firsts.iter().map(|index| {
            let (shape, group) = (shapes.of_row[*index], shared.of_row[*index]);
            let is_few = both.firsts.len() <= MOST_GROUPS;
            let lowered = if is_few { lowering.item(*index) } else { None };
            let known = of_shape.entry(shape).or_insert_with(|| {
                let lowered = lowering.item(shapes.firsts[shape as usize]);
                lowered.map(|lowered| kind_of(&lowered, lowering.nodes))
            });
            let mut kind = known.clone().unwrap_or_else(|| kind_of(first, lowering.nodes));
            if has_many_shapes {
                let models: Vec<&String> = kind.models.keys().collect();
                kind.shape = ContentHash::of_json(&json!([kind.family, models])).to_string();
            }
            if let Some(prefix) = &prefix {
                // Of very many, the number alone tells them apart within the task.
                let hash = lowered.map(|lowered| prefix.hash(&lowered.graph));
                kind.prefix = Some(hash.unwrap_or_else(|| format!("{}/{task}/{group}", lowering.program.header.name)));
                kind.prefix_share = prefix.share;
            }
            kind
        });
        Likeness { kinds: kinds.collect(), of_row: both.of_row }
    }

    /// The nodes that are worth most when a server still has their results.
    fn prefix(&self, values: &[Vec<u32>], graph: &Graph, nodes: &NodeSet) -> Option<Prefix> {
        let weight = |id: &String| graph.nodes.get(id).map_or(0.0, |node| work(node, nodes.class(&node.class)));
        let total: f64 = self.nodes.keys().map(weight).sum();
        let candidates: BTreeSet<&BTreeSet<usize>> =
            self.nodes.iter().filter(|(id, _)| weight(id) > 0.0).map(|(_, things)| things).collect();
        let judged = candidates.into_iter().filter_map(|things| {
            let groups = Groups::by(values, things);
            let inside: Vec<&String> =
                self.nodes.iter().filter(|(_, own)| own.is_subset(things)).map(|(id, _)| id).collect();
            let share = inside.iter().map(|id| weight(id)).sum::<f64>() / total.max(1e-9);
            let again = 1.0 - groups.firsts.len() as f64 / groups.of_row.len().max(1) as f64;
            (share * again >= LEAST_SAVING).then_some((share * again, things, inside, share))
        });
        let best = judged.max_by(|a, b| a.0.total_cmp(&b.0))?;
        let (_, things, inside, share) = best;
        Some(Prefix { things: things.clone(), nodes: inside.into_iter().cloned().collect(), share })
    }
}

/// Nodes that many items share.
struct Prefix {
    things: BTreeSet<usize>,
    nodes: BTreeSet<String>,
    share: f64,
}

impl Prefix {
    fn hash(&self, graph: &Graph) -> String {
        let hashes = node_hashes(graph);
        let shared: BTreeSet<&String> = self.nodes.iter().filter_map(|id| hashes.get(id.as_str())).collect();
        ContentHash::of_json(&json!(shared)).to_string()
    }
}

/// Rows that agree in some things.
struct Groups {
    of_row: Vec<u32>,
    /// The first row of each group.
    firsts: Vec<usize>,
}

impl Groups {
    fn one(rows: usize) -> Self {
        Self { of_row: vec![0; rows], firsts: vec![0] }
    }

    fn by(values: &[Vec<u32>], things: &BTreeSet<usize>) -> Self {
        let rows = values.first().map_or(0, Vec::len);
        Self::collect(rows, |row| things.iter().map(|thing| values[*thing][row]).collect())
    }

    fn of_both(one: &Self, other: &Self) -> Self {
        Self::collect(one.of_row.len(), |row| vec![one.of_row[row], other.of_row[row]])
    }

    fn collect(rows: usize, key: impl Fn(usize) -> Vec<u32>) -> Self {
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let (mut of_row, mut firsts) = (Vec::with_capacity(rows), Vec::new());
        for row in 0..rows {
            let group = *known.entry(key(row)).or_insert_with(|| {
                firsts.push(row);
                firsts.len() as u32 - 1
            });
            of_row.push(group);
        }
        Self { of_row, firsts }
    }
}

/// A few rows whose value differs from the first row's, each with another value.
fn others(values: &[u32]) -> Vec<usize> {
    let mut seen = BTreeSet::from([values.first().copied().unwrap_or_default()]);
    let mut found = Vec::new();
    for (index, value) in values.iter().enumerate() {
        if found.len() == OTHER_VALUES {
            break;
        }
        if seen.insert(*value) {
            found.push(index);
        }
    }
    found
}

/// What one item is.
fn kind_of(lowered: &Lowered, nodes: &NodeSet) -> KindOf {
    let graph = &lowered.graph;
    let hash = |own: &dyn Fn(&GraphNode) -> Value| {
        let hashes = merkle(graph, own);
        let ends: Vec<&String> = lowered.outputs.iter().filter_map(|output| hashes.get(output.node.as_str())).collect();
        ContentHash::of_json(&json!(ends)).to_string().chars().take(24).collect::<String>()
    };
    let mut needs = GraphNeeds::default();
    needs.add(graph, nodes);
    KindOf {
        shape: hash(&|node| json!([node.class, weighty(node, nodes.class(&node.class))])),
        family: hash(&|node| json!(node.class)),
        models: models(graph, nodes),
        needs,
        ..KindOf::default()
    }
}

/// The constants of a node that decide how much work it is: numbers and choices, no texts and no seeds.
fn weighty(node: &GraphNode, class: Option<&ClassInfo>) -> BTreeMap<String, Value> {
    let counts = |name: &str, value: &Value| {
        let info = class.and_then(|class| class.input(name));
        let is_seed = name.contains("seed") || info.is_some_and(|info| info.control_after_generate);
        let is_text = match info.map(|info| &info.kind) {
            Some(InputKind::String { .. }) => true,
            Some(_) => false,
            None => value.is_string() && !is_model_file(value),
        };
        !is_seed && !is_text
    };
    let constants = node.inputs.iter().filter_map(|(name, input)| match input {
        Input::Value(value) if counts(name, value) => Some((name.clone(), value.clone())),
        _ => None,
    });
    constants.collect()
}

/// How much work a node is beside others, as far as its inputs tell. Loading is no part of it.
fn work(node: &GraphNode, class: Option<&ClassInfo>) -> f64 {
    if is_loader(node, class) || class.is_some_and(|class| class.output_node) {
        return 0.0;
    }
    let Some(class) = class else { return 1.0 };
    let takes = |name: &str| {
        let of_type = |kind: &InputKind| matches!(kind, InputKind::Link { types, .. } if types.contains(name));
        class.inputs.iter().any(|input| of_type(&input.kind))
    };
    let makes_model = class.outputs.iter().any(|output| output.types.contains("MODEL"));
    match () {
        () if makes_model => 0.0,
        () if class.input("steps").is_some() || takes("SAMPLER") => 20.0,
        () if takes("MODEL") || takes("UPSCALE_MODEL") => 10.0,
        () if takes("VAE") => 2.0,
        () if takes("CLIP") => 1.0,
        () => 0.2,
    }
}

/// Hashes of all nodes with all their constants.
fn node_hashes(graph: &Graph) -> BTreeMap<&str, String> {
    merkle(graph, &|node| {
        let constants: BTreeMap<&String, Value> = node
            .inputs
            .iter()
            .filter_map(|(name, input)| match input {
                Input::Value(value) => Some((name, plain(value).clone())),
                Input::Files(files) => Some((name, json!(files.iter().map(|f| &f.path).collect::<Vec<_>>()))),
                Input::Link(_) => None,
            })
            .collect();
        json!([node.class, constants])
    })
}

/// The nodes that a delivered file reaches.
fn below_file(graph: &Graph, input: &str) -> Vec<String> {
    let stand_in = format!("<{input}>");
    let reads = |node: &GraphNode| {
        node.inputs.values().any(|i| matches!(i, Input::Files(files) if files.iter().any(|f| f.path == stand_in)))
    };
    let mut below: BTreeSet<&str> =
        graph.nodes.iter().filter(|(_, node)| reads(node)).map(|(id, _)| id.as_str()).collect();
    loop {
        let more: Vec<&str> = graph
            .nodes
            .iter()
            .filter(|(id, node)| {
                !below.contains(id.as_str()) && links(node).any(|(_, source, _)| below.contains(source))
            })
            .map(|(id, _)| id.as_str())
            .collect();
        if more.is_empty() {
            return below.into_iter().map(str::to_owned).collect();
        }
        below.extend(more);
    }
}
