//! A file becomes a graph in memory: definitions of subgraphs first, those that need no others
//! before those that do, then the outermost graph.

use super::{
    fault::Fault,
    spec::Name,
    state::{Editor, Io, Kind, Link, Mode, NetIx, Node, NodeIx, Output},
    unique::make_unique,
};
use crate::{
    graph::{
        object_info::NodeSet,
        ui_format::{
            FaultPlace, NodeId, Place, RawIo, RawLink, RawNode, RawSubgraph, RawValues, RawWorkflow, check_size,
        },
    },
    ident::IndexMap,
};

/// Nodes that only give a link a name.
const SETTERS: [&str; 2] = ["SetNode", "easy setNode"];

/// Nodes that take a link by its name.
const GETTERS: [&str; 2] = ["GetNode", "easy getNode"];

/// Nodes that only turn a link.
const REROUTES: [&str; 2] = ["Reroute", "Reroute (rgthree)"];

/// Nodes of the editor and of known extensions that never run.
const NOTES: [&str; 13] = [
    "Note",
    "MarkdownNote",
    "Note Plus (mtb)",
    "Label (rgthree)",
    "Bookmark (rgthree)",
    "Fast Muter (rgthree)",
    "Fast Bypasser (rgthree)",
    "Fast Groups Muter (rgthree)",
    "Fast Groups Bypasser (rgthree)",
    "Fast Actions Button (rgthree)",
    "Mute / Bypass Relay (rgthree)",
    "Mute / Bypass Repeater (rgthree)",
    "Random Unmuter (rgthree)",
];

/// The graph that `raw` describes, or why it cannot be one.
pub(super) fn load<'a>(mut raw: RawWorkflow<'_>, classes: &'a NodeSet) -> Result<Editor<'a>, Vec<Fault>> {
    let mut editor = Editor::new(classes);
    editor.last_node_id = raw.last_node_id();
    let mut subgraphs = raw.take_subgraphs();
    let faults = unreadable(&mut raw, &subgraphs);
    if !faults.is_empty() {
        return Err(faults);
    }
    make_unique(raw.nodes_mut(), &mut subgraphs, &mut editor.last_node_id);
    for subgraph in &subgraphs {
        let net = editor.nets.len();
        editor.nets.push(super::state::Net::default());
        editor.net_by_id.insert(Name::from(subgraph.id()), net);
    }
    let order = reading_order(raw.nodes_mut(), &subgraphs)?;
    let mut subgraphs: Vec<Option<RawSubgraph<'_>>> = subgraphs.into_iter().map(Some).collect();
    editor.last_link_id = largest_link(&raw.links, &subgraphs);
    for (at, subgraph) in subgraphs.iter().enumerate() {
        let Some(subgraph) = subgraph else { continue };
        editor.nets[at + 1].inputs = subgraph.inputs.iter().map(|io| editor_io(&mut 0, io)).collect();
        editor.nets[at + 1].outputs = subgraph.outputs.iter().map(|io| editor_io(&mut 0, io)).collect();
        editor.number_sockets(at + 1);
    }
    for at in order {
        let Some(subgraph) = subgraphs[at].take() else { continue };
        editor.configure_net(at + 1, subgraph.nodes, &subgraph.links);
        editor.restore_sockets(at + 1, &subgraph.inputs, &subgraph.outputs);
        editor.tell_hosts(at + 1);
    }
    let nodes = std::mem::take(raw.nodes_mut());
    editor.configure_net(0, nodes, &raw.links);
    Ok(editor)
}

fn editor_io(uid: &mut u32, raw: &RawIo<'_>) -> Io {
    Io { uid: *uid, name: Name::from(raw.name()), kind: Name::from(raw.kind()), links: raw.links() }
}

/// Nodes without what every node has, graphs that are too large.
fn unreadable(raw: &mut RawWorkflow<'_>, subgraphs: &[RawSubgraph<'_>]) -> Vec<Fault> {
    let mut faults = Vec::new();
    if raw.has_group_nodes() {
        let is_group = |node: &RawNode<'_>| {
            node.class().is_some_and(|class| class.starts_with("workflow>") || class.starts_with("workflow/"))
        };
        if let Some(at) = raw.nodes_mut().iter().position(is_group) {
            let message = "the node is a group of nodes as early versions of the editor made them";
            let hint = "open the workflow in a newer ComfyUI, which makes a subgraph of it, and save it again";
            faults.push(Fault::error("group-node", Place::Node(None, at), message).hint(hint));
        }
    }
    for (at, node) in raw.nodes_mut().iter().enumerate() {
        faults.extend(node_fault(node, Place::Node(None, at)));
    }
    for (index, subgraph) in subgraphs.iter().enumerate() {
        if let Err(fault) = check_size(subgraph.nodes.len(), Place::Subgraph(index)) {
            let FaultPlace::Part(place) = fault.at else { continue };
            faults.push(Fault::error(fault.code, place, fault.message));
        }
        for (at, node) in subgraph.nodes.iter().enumerate() {
            faults.extend(node_fault(node, Place::Node(Some(index), at)));
        }
    }
    faults
}

fn node_fault(node: &RawNode<'_>, place: Place) -> Option<Fault> {
    let lacks = if node.id.is_none() {
        "id"
    } else if node.class().is_none() {
        "type"
    } else {
        return None;
    };
    Some(Fault::error("not-a-workflow", place, format!("the node has no {lacks}")))
}

fn largest_link(links: &[RawLink], subgraphs: &[Option<RawSubgraph<'_>>]) -> i64 {
    let inner = subgraphs.iter().flatten().flat_map(|subgraph| &subgraph.links);
    links.iter().chain(inner).filter_map(|link| link.id).max().unwrap_or(0)
}

/// The order in which the definitions are read. A subgraph that holds itself is an error if the
/// workflow uses it.
fn reading_order(root: &[RawNode<'_>], subgraphs: &[RawSubgraph<'_>]) -> Result<Vec<usize>, Vec<Fault>> {
    let by_id: IndexMap<&str, usize> = subgraphs.iter().enumerate().map(|(at, s)| (s.id(), at)).collect();
    let uses = |nodes: &[RawNode<'_>]| -> Vec<(usize, usize)> {
        let class = |(at, node): (usize, &RawNode<'_>)| Some((*by_id.get(node.class()?)?, at));
        nodes.iter().enumerate().filter_map(class).collect()
    };
    let inner: Vec<Vec<(usize, usize)>> = subgraphs.iter().map(|subgraph| uses(&subgraph.nodes)).collect();
    let (order, waiting) = leaves_first(&inner, true);
    if order.len() < subgraphs.len() {
        let circles = circles_in_use(uses(root), &inner, &waiting);
        if !circles.is_empty() {
            return Err(circles);
        }
    }
    // The editor takes a subgraph that is held twice off its list once, so that its holder seems to
    // wait for ever; then it reads all of them as they are written.
    let (order, _) = leaves_first(&inner, false);
    Ok(if order.len() == subgraphs.len() { order } else { (0..subgraphs.len()).collect() })
}

/// What is held before what holds it; and for each definition what it still waits for, which is
/// nothing where there is no circle. `each` says whether a subgraph that is held several times is
/// waited for as often.
fn leaves_first(inner: &[Vec<(usize, usize)>], each: bool) -> (Vec<usize>, Vec<usize>) {
    let mut waiting: Vec<usize> = inner.iter().map(Vec::len).collect();
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); inner.len()];
    for (holder, used) in inner.iter().enumerate() {
        for (held, _) in used {
            if each || holders[*held].last() != Some(&holder) {
                holders[*held].push(holder);
            }
        }
    }
    let mut order: Vec<usize> = (0..inner.len()).filter(|at| waiting[*at] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        for holder in &holders[order[next]] {
            waiting[*holder] -= 1;
            if waiting[*holder] == 0 {
                order.push(*holder);
            }
        }
        next += 1;
    }
    (order, waiting)
}

/// Nodes by which a subgraph that the workflow uses comes to hold itself. `waiting` counts for each
/// definition what it still waits for: nothing where there is no circle.
fn circles_in_use(root: Vec<(usize, usize)>, inner: &[Vec<(usize, usize)>], waiting: &[usize]) -> Vec<Fault> {
    let mut seen = vec![false; inner.len()];
    let mut open: Vec<usize> = root.into_iter().map(|(held, _)| held).collect();
    let mut faults = Vec::new();
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut seen[at], true) || waiting[at] == 0 {
            continue;
        }
        for (held, node) in &inner[at] {
            if waiting[*held] > 0 && reaches(*held, at, inner) {
                let message = "the subgraph holds itself by way of this node";
                faults.push(Fault::error("recursive-subgraph", Place::Node(Some(at), *node), message));
            }
            open.push(*held);
        }
    }
    faults
}

fn reaches(from: usize, to: usize, inner: &[Vec<(usize, usize)>]) -> bool {
    let mut seen = vec![false; inner.len()];
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(inner[at].iter().map(|(held, _)| *held));
        }
    }
    false
}

impl<'a> Editor<'a> {
    fn number_sockets(&mut self, net: NetIx) {
        for at in 0..self.nets[net].inputs.len() {
            self.nets[net].inputs[at].uid = self.uid();
        }
        for at in 0..self.nets[net].outputs.len() {
            self.nets[net].outputs[at].uid = self.uid();
        }
    }

    /// Makes the nodes and links of one graph.
    fn configure_net(&mut self, net: NetIx, nodes: Vec<RawNode<'_>>, links: &[RawLink]) {
        for link in links {
            let Some(id) = link.id else { continue };
            let slot = |slot: i64| usize::try_from(slot).unwrap_or(usize::MAX);
            let (origin_slot, target_slot) = (slot(link.origin_slot), slot(link.target_slot));
            let (origin, target) = (link.origin.clone(), link.target.clone());
            self.nets[net].links.insert(id, Link { origin, origin_slot, target, target_slot });
        }
        let made: Vec<NodeIx> = nodes.iter().enumerate().map(|(at, raw)| self.make_node(net, at, raw)).collect();
        for (ix, raw) in made.iter().zip(nodes) {
            let proxies = raw.properties.proxy_widgets.is_some();
            let values = if proxies { raw.values.clone() } else { RawValues::None };
            self.configure_node(*ix, raw);
            if proxies {
                self.nodes[*ix].saved = values;
            }
        }
        self.drop_repeated_links(net);
        for ix in made {
            if matches!(self.nodes[ix].kind, Kind::Host(_)) && self.nodes[ix].properties.proxy_widgets.is_some() {
                let values = std::mem::take(&mut self.nodes[ix].saved);
                self.migrate_proxies(ix, &values);
            }
        }
    }

    fn make_node(&mut self, net: NetIx, at: usize, raw: &RawNode<'_>) -> NodeIx {
        let id = raw.id.clone().unwrap_or(NodeId::NOWHERE);
        let (class, mode) = (raw.class().unwrap_or_default(), Mode::of_number(raw.mode()));
        self.new_node(net, id, class, raw.title(), mode, (net.checked_sub(1), at))
    }

    /// Makes a node that has nothing yet but what its class gives it. `place` is where it stands in
    /// the file.
    pub(super) fn new_node(
        &mut self,
        net: NetIx,
        id: NodeId,
        class: &str,
        title: Option<&str>,
        mode: Mode,
        place: (Option<usize>, usize),
    ) -> NodeIx {
        let kind = self.kind_of(class);
        let title = match (title, &kind) {
            (Some(title), _) => Name::from(title),
            (None, Kind::Class(view)) => view.title.clone(),
            (None, Kind::Primitive) => Name::from("Primitive"),
            (None, _) => Name::from(class),
        };
        let ix = self.nodes.len();
        self.nodes.push(Node::new(id.clone(), net, kind, Name::from(class), title, mode, place));
        match kind {
            Kind::Class(view) => self.build(ix, view),
            Kind::Host(inner) => self.build_host(ix, inner),
            Kind::Primitive => self.nodes[ix].outputs.push(any_output()),
            Kind::Reroute => {
                self.push_input(ix, &Name::from(""), &Name::from("*"), None);
                self.nodes[ix].outputs.push(any_output());
            }
            Kind::Unknown | Kind::Set | Kind::Get | Kind::Note => {}
        }
        self.list_node(net, id, ix);
        ix
    }

    /// Lists a node under its id, or under the next free one when that is taken.
    fn list_node(&mut self, net: NetIx, id: NodeId, ix: NodeIx) {
        let listed_as = if self.nets[net].by_id.contains_key(&id) {
            self.last_node_id = self.last_node_id.saturating_add(1);
            NodeId::Number(self.last_node_id)
        } else {
            self.last_node_id = self.last_node_id.max(id.number().unwrap_or(0));
            id
        };
        self.nets[net].by_id.insert(listed_as, ix);
        self.nets[net].nodes.push(ix);
    }

    fn kind_of(&self, class: &str) -> Kind<'a> {
        if let Some(net) = self.net_by_id.get(class) {
            return Kind::Host(*net);
        }
        if let Some(view) = self.classes.view(class) {
            return Kind::Class(view);
        }
        match class {
            "PrimitiveNode" => Kind::Primitive,
            class if REROUTES.contains(&class) => Kind::Reroute,
            class if SETTERS.contains(&class) => Kind::Set,
            class if GETTERS.contains(&class) => Kind::Get,
            class if NOTES.contains(&class) => Kind::Note,
            _ => Kind::Unknown,
        }
    }

    /// Sockets keep the links that the file names, whatever happened to them meanwhile; one that is
    /// gone is replaced by another that ends there.
    fn restore_sockets(&mut self, net: NetIx, inputs: &[RawIo<'_>], outputs: &[RawIo<'_>]) {
        let Self { nets, .. } = self;
        let net = &mut nets[net];
        for (sockets, raw, end) in
            [(&mut net.inputs, inputs, NodeId::SUBGRAPH_INPUT), (&mut net.outputs, outputs, NodeId::SUBGRAPH_OUTPUT)]
        {
            for (slot, (io, raw)) in sockets.iter_mut().zip(raw).enumerate() {
                let ends_here = |link: &Link| {
                    (link.origin == end && link.origin_slot == slot) || (link.target == end && link.target_slot == slot)
                };
                let replace = |id: i64| {
                    if net.links.contains_key(&id) {
                        return id;
                    }
                    net.links.iter().find(|(_, link)| ends_here(link)).map_or(id, |(other, _)| *other)
                };
                io.links = raw.links().into_iter().map(replace).collect();
            }
        }
    }
}

/// The output of a node that takes anything.
pub(super) fn any_output() -> Output {
    Output { kind: Name::from("*"), links: Vec::new() }
}
