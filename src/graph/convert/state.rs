//! The graph while it is being loaded: what the editor has in memory.
//!
//! A subgraph's definition exists once, however many nodes stand for it, so its nodes and their
//! values are shared by all of these.

use std::{collections::VecDeque, sync::Arc};

use serde_json::Value;

use super::{
    class_view::ClassView,
    spec::{AutogrowSpec, ChoiceSpec, Name, Spec},
};
use crate::{
    graph::{
        object_info::NodeSet,
        ui_format::{NodeId, Properties, RawValues},
    },
    ident::IndexMap,
};

/// Index of a node among all nodes.
pub(super) type NodeIx = usize;

/// Index of a graph; 0 is the outermost one.
pub(super) type NetIx = usize;

/// Everything that is loaded.
pub(super) struct Editor<'a> {
    /// The classes that are known.
    pub(super) classes: &'a NodeSet,
    /// The outermost graph, then the definitions of subgraphs.
    pub(super) nets: Vec<Net>,
    /// Definitions by their id.
    pub(super) net_by_id: IndexMap<Name, NetIx>,
    /// Nodes of all graphs.
    pub(super) nodes: Vec<Node<'a>>,
    /// The largest id that was given to a node.
    pub(super) last_node_id: i64,
    /// The largest id that was given to a link.
    pub(super) last_link_id: i64,
    /// Whether files are still being read, so that links are taken as they are.
    pub(super) configuring: bool,
    /// Whether a node is just being made: some widgets differ when they are added later.
    pub(super) creating: bool,
    /// What is put off until everything is loaded.
    pub(super) later: VecDeque<Later>,
    /// For each node whether it is a reroute whose type is known.
    pub(super) settled: Vec<bool>,
    /// How deep changes of types have gone on from node to node.
    pub(super) depth: usize,
    next_slot: u32,
}

/// What happens when everything is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Later {
    /// The types around an input are made to match.
    Match(NodeIx, usize),
    /// A group of inputs shrinks where one of them is not linked.
    Shrink(NodeIx, usize),
    /// A reroute takes the type of what it passes on.
    Reroute(NodeIx),
}

/// One graph.
#[derive(Debug, Default)]
pub(super) struct Net {
    /// Nodes in their order.
    pub(super) nodes: Vec<NodeIx>,
    /// Nodes by id.
    pub(super) by_id: IndexMap<NodeId, NodeIx>,
    /// Links by id.
    pub(super) links: IndexMap<i64, Link>,
    /// Sockets for what comes in, of a subgraph.
    pub(super) inputs: Vec<Io>,
    /// Sockets for what goes out, of a subgraph.
    pub(super) outputs: Vec<Io>,
    /// Nodes that stand for this subgraph.
    pub(super) hosts: Vec<NodeIx>,
}

/// A socket of a subgraph.
#[derive(Clone, Debug)]
pub(super) struct Io {
    /// What tells it from the others, also when their order changes.
    pub(super) uid: u32,
    /// Its name.
    pub(super) name: Name,
    /// Its type.
    pub(super) kind: Name,
    /// The links inside that end at it.
    pub(super) links: Vec<i64>,
}

/// A link.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The node that it comes from.
    pub(super) origin: NodeId,
    /// The index of that node's output.
    pub(super) origin_slot: usize,
    /// The node that it goes to.
    pub(super) target: NodeId,
    /// The index of that node's input.
    pub(super) target_slot: usize,
}

/// A node.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Its id. Of two nodes with one id the later one is listed under another.
    pub(super) id: NodeId,
    /// The graph it is in.
    pub(super) net: NetIx,
    /// What it is.
    pub(super) kind: Kind<'a>,
    /// Its class as written.
    pub(super) class: Name,
    /// Its title.
    pub(super) title: Name,
    /// Whether it runs.
    pub(super) mode: Mode,
    /// Inputs.
    pub(super) inputs: Vec<Input>,
    /// Outputs.
    pub(super) outputs: Vec<Output>,
    /// Widgets.
    pub(super) widgets: Vec<Widget>,
    /// Values, those of widgets that are gone among them.
    pub(super) cells: Vec<Cell>,
    /// For each name the value that counts.
    pub(super) registered: Vec<(Name, usize)>,
    /// Groups of inputs that grow.
    pub(super) groups: Vec<(Name, Arc<AutogrowSpec>)>,
    /// Inputs whose types follow from each other: template, name, possible types.
    pub(super) matching: Vec<(Name, Name, Name)>,
    /// What happens when a link of an input changes, in this order.
    pub(super) watchers: Vec<Watcher>,
    /// Values that are written in the file and not yet placed.
    pub(super) saved: RawValues,
    /// Of a primitive: what is said of the widget that it is the value of.
    pub(super) primitive: Option<PrimitiveOf>,
    /// Properties.
    pub(super) properties: Properties,
    /// Where it stands in the file: the definition, the index.
    pub(super) place: (Option<usize>, usize),
}

/// What a node is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    /// A node of a class that the server knows.
    Class(&'a ClassView),
    /// A node of a class that nobody knows.
    Unknown,
    /// A node that stands for a subgraph.
    Host(NetIx),
    /// A value that widgets of other nodes take.
    Primitive,
    /// A corner of a link.
    Reroute,
    /// Gives a link a name.
    Set,
    /// Takes a link by its name.
    Get,
    /// Nothing that runs: a note, a switch of the editor.
    Note,
}

/// Whether a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It runs.
    Active,
    /// It does not, and neither does what needs it.
    Muted,
    /// It does not; what needs it takes its inputs.
    Bypassed,
}

/// Who watches the links of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watcher {
    /// Groups grow and shrink.
    Autogrow,
    /// Types follow.
    MatchType,
}

/// An input.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// What tells it from the others, also when their order changes.
    pub(super) uid: u32,
    /// Its name.
    pub(super) name: Name,
    /// Its type.
    pub(super) kind: Name,
    /// The link that ends at it.
    pub(super) link: Option<i64>,
    /// The name of the widget that it stands for.
    pub(super) widget: Option<Name>,
    /// What the class says of that widget.
    pub(super) config: Option<Config>,
    /// Of a node that stands for a subgraph: the socket inside.
    pub(super) io: Option<u32>,
    /// Of a node that stands for a subgraph: the value that goes in when nothing is linked.
    pub(super) promoted: Option<usize>,
}

/// What a primitive is the value of.
#[derive(Clone, Debug)]
pub(super) struct PrimitiveOf {
    /// The first of the widgets.
    pub(super) config: Config,
    /// All of them joined.
    pub(super) joined: Option<Config>,
}

/// What a class says of a widget.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// The input as the class has it.
    pub(super) spec: Arc<Spec>,
    /// The name it was made with, while it was made and not read from a file: names are compared
    /// then when two are joined.
    pub(super) made_as: Option<Name>,
}

/// An output.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// Its type.
    pub(super) kind: Name,
    /// The links that begin at it.
    pub(super) links: Vec<i64>,
}

/// A widget.
#[derive(Clone, Debug)]
pub(super) struct Widget {
    /// Its name.
    pub(super) name: Name,
    /// What the editor calls its kind.
    pub(super) kind: &'static str,
    /// Index of its value.
    pub(super) cell: usize,
    /// Whether its value is among those of the file.
    pub(super) saved: bool,
    /// Whether its value is sent to the server.
    pub(super) sent: bool,
    /// What setting its value does.
    pub(super) role: Role,
    /// What is sent of its value.
    pub(super) sends: Sends,
    /// Bounds and steps of a number, values of a list.
    pub(super) limits: Limits,
}

/// What setting the value of a widget does.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// It has the value.
    Plain,
    /// A text of several lines, which is never nothing.
    Area,
    /// Further inputs come and go.
    Choice(Arc<ChoiceSpec>),
    /// Nothing: its value follows from others.
    Index,
    /// A value of a list that is written in the editor: a further one appears.
    OwnOption,
    /// Nothing: it has no value.
    Fixed,
}

/// What is sent of a widget's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sends {
    /// The value.
    Value,
    /// The text with its choices made and its comments dropped.
    Prompt,
    /// The text with widgets of other nodes quoted.
    FileName,
    /// Something that is made while the editor runs.
    Unknown,
    /// Nothing.
    Nothing,
}

/// Bounds and steps of a number, values of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Limits {
    /// Smallest value.
    pub(super) min: Option<f64>,
    /// Largest value.
    pub(super) max: Option<f64>,
    /// Distance between values.
    pub(super) step: Option<f64>,
    /// What a value is rounded to.
    pub(super) round: Option<f64>,
    /// Digits after the point.
    pub(super) precision: Option<f64>,
    /// Whether values are rounded as whole numbers, or as others.
    pub(super) rounding: Rounding,
    /// The values of a list.
    pub(super) values: Option<Arc<[Value]>>,
}

/// How a number is rounded when another node sets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rounding {
    /// Not at all.
    #[default]
    None,
    /// To whole steps.
    Whole,
    /// To digits after the point.
    Decimal,
}

/// A value; none is not even nothing.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// The kind of the widget it belongs to.
    pub(super) kind: &'static str,
    /// The value.
    pub(super) value: Option<Value>,
    /// The limits of the widget.
    pub(super) limits: Limits,
}

impl<'a> Editor<'a> {
    /// An editor with an empty graph.
    pub(super) fn new(classes: &'a NodeSet) -> Self {
        Self {
            classes,
            nets: vec![Net::default()],
            net_by_id: IndexMap::default(),
            nodes: Vec::new(),
            last_node_id: 0,
            last_link_id: 0,
            configuring: true,
            creating: false,
            later: VecDeque::new(),
            settled: Vec::new(),
            depth: 0,
            next_slot: 0,
        }
    }

    /// A number that no other socket has.
    pub(super) fn uid(&mut self) -> u32 {
        self.next_slot += 1;
        self.next_slot
    }

    /// A node by its id.
    pub(super) fn node_by_id(&self, net: NetIx, id: &NodeId) -> Option<NodeIx> {
        self.nets[net].by_id.get(id).copied()
    }

    /// The link that ends at an input.
    pub(super) fn input_link(&self, node: NodeIx, slot: usize) -> Option<&Link> {
        let node = &self.nodes[node];
        self.nets[node.net].links.get(&node.inputs.get(slot)?.link?)
    }
}

impl<'a> Node<'a> {
    /// A node that has nothing yet.
    pub(super) fn new(
        id: NodeId,
        net: NetIx,
        kind: Kind<'a>,
        class: Name,
        title: Name,
        mode: Mode,
        place: (Option<usize>, usize),
    ) -> Self {
        Self {
            id,
            net,
            kind,
            class,
            title,
            mode,
            inputs: Vec::new(),
            outputs: Vec::new(),
            widgets: Vec::new(),
            cells: Vec::new(),
            registered: Vec::new(),
            groups: Vec::new(),
            matching: Vec::new(),
            watchers: Vec::new(),
            saved: RawValues::None,
            primitive: None,
            properties: Properties::default(),
            place,
        }
    }

    /// Whether it is only there for the editor.
    pub(super) fn is_virtual(&self) -> bool {
        !matches!(self.kind, Kind::Class(_) | Kind::Unknown)
    }

    /// The name that a node gives a link, or asks for.
    pub(super) fn given_name(&self) -> Option<&str> {
        let name = match &self.saved {
            RawValues::List(values) => values.first(),
            RawValues::Map(values) => values.get("Constant"),
            RawValues::None => None,
        };
        name.and_then(Value::as_str).filter(|name| !name.is_empty())
    }

    /// The value of a cell; a widget that has the same name may have taken its place.
    pub(super) fn value(&self, widget: &Widget) -> Option<Value> {
        let value = self.cells[widget.cell].value.as_ref();
        match (&widget.role, value) {
            (Role::Fixed, _) | (Role::Area, Some(Value::Null)) => Some(Value::from("")),
            (Role::Area, None) => Some(Value::from("undefined")),
            (Role::Index, _) => Some(Value::from(self.index_of_choice())),
            (_, value) => value.cloned(),
        }
    }

    /// Of a list that is written in the editor: the place of what is chosen; -1 when it is not there.
    fn index_of_choice(&self) -> i64 {
        let chosen = self.widgets.first().and_then(|widget| self.cells[widget.cell].value.as_ref());
        let options = self.widgets.iter().skip(2).map(|widget| self.cells[widget.cell].value.as_ref());
        options.into_iter().position(|value| value == chosen).map_or(-1, |index| index as i64)
    }
}

impl Mode {
    /// The mode that the editor numbers so.
    pub(super) fn of_number(number: i64) -> Self {
        match number {
            2 => Self::Muted,
            4 => Self::Bypassed,
            _ => Self::Active,
        }
    }
}
