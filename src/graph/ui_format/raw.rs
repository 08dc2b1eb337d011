//! The file as it is written: nodes, links, subgraphs.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{
    NodeId, Properties,
    scalar::{SocketType, Text, Whole, or_default},
};

/// A whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a workflow")]
pub(crate) struct RawWorkflow<'a> {
    /// The schema's version: 0.4 or 1.
    #[serde(default)]
    pub(super) version: Option<Value>,
    #[serde(default)]
    last_node_id: Whole,
    #[serde(default, deserialize_with = "or_default")]
    state: RawState,
    /// Nodes of the outermost graph; none when the file has no such list.
    #[serde(borrow, default)]
    pub(super) nodes: Option<Vec<RawNode<'a>>>,
    /// Its links.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) links: Vec<RawLink>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    definitions: RawDefinitions<'a>,
    #[serde(default, deserialize_with = "or_default")]
    extra: RawExtra,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "the state of a graph")]
struct RawState {
    #[serde(default, rename = "lastNodeId")]
    last_node_id: Whole,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "definitions")]
struct RawDefinitions<'a> {
    #[serde(borrow, default, deserialize_with = "or_default")]
    subgraphs: Vec<RawSubgraph<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "what extensions keep")]
struct RawExtra {
    #[serde(default, rename = "groupNodes")]
    group_nodes: Option<IgnoredAny>,
}

/// The definition of a subgraph.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a subgraph")]
pub(crate) struct RawSubgraph<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    /// Its sockets for what comes in.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(crate) inputs: Vec<RawIo<'a>>,
    /// Its sockets for what goes out.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(crate) outputs: Vec<RawIo<'a>>,
    /// Its nodes.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(crate) nodes: Vec<RawNode<'a>>,
    /// Its links.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) links: Vec<RawLink>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    definitions: RawDefinitions<'a>,
}

/// A socket of a subgraph.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a socket of a subgraph")]
pub(crate) struct RawIo<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: SocketType<'a>,
    #[serde(default, rename = "linkIds", deserialize_with = "or_default")]
    link_ids: Vec<Whole>,
}

/// A node.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a node")]
pub(crate) struct RawNode<'a> {
    /// Its id.
    #[serde(default)]
    pub(crate) id: Option<NodeId>,
    #[serde(borrow, default, rename = "type")]
    class: Option<Text<'a>>,
    #[serde(borrow, default)]
    title: Option<Text<'a>>,
    #[serde(default)]
    mode: Whole,
    /// Its sockets for links that come in.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(crate) inputs: Vec<RawInput<'a>>,
    /// Its sockets for links that go out.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(crate) outputs: Vec<RawOutput<'a>>,
    /// Values of its widgets.
    #[serde(default, rename = "widgets_values")]
    pub(crate) values: RawValues,
    /// What changes the graph among its properties.
    #[serde(default)]
    pub(crate) properties: Properties,
}

/// An input of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an input")]
pub(crate) struct RawInput<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: SocketType<'a>,
    #[serde(default)]
    link: Whole,
    #[serde(borrow, default)]
    widget: Option<RawWidget<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "the widget of an input")]
struct RawWidget<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
}

/// An output of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an output")]
pub(crate) struct RawOutput<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: SocketType<'a>,
    #[serde(default, deserialize_with = "or_default")]
    links: Vec<Whole>,
}

/// Values of widgets: in their order, or by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum RawValues {
    /// None are written.
    #[default]
    None,
    /// In the order of the widgets.
    List(Vec<Value>),
    /// By the names of the widgets.
    Map(Map<String, Value>),
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawLink {
    /// Its id; none when it is broken.
    pub(crate) id: Option<i64>,
    /// The node that it comes from.
    pub(crate) origin: NodeId,
    /// The index of that node's output.
    pub(crate) origin_slot: i64,
    /// The node that it goes to.
    pub(crate) target: NodeId,
    /// The index of that node's input.
    pub(crate) target_slot: i64,
}

impl<'a> RawWorkflow<'a> {
    /// The largest id that was ever given to a node.
    pub(crate) fn last_node_id(&self) -> i64 {
        self.last_node_id.0.or(self.state.last_node_id.0).unwrap_or(0)
    }

    /// The nodes of the outermost graph.
    pub(crate) fn nodes_mut(&mut self) -> &mut Vec<RawNode<'a>> {
        self.nodes.get_or_insert_default()
    }

    /// Whether nodes were once joined to one with the means of early versions.
    pub(crate) fn has_group_nodes(&self) -> bool {
        self.extra.group_nodes.is_some()
    }

    /// All definitions of subgraphs, those inside others after the ones that hold them.
    pub(crate) fn take_subgraphs(&mut self) -> Vec<RawSubgraph<'a>> {
        let mut all = std::mem::take(&mut self.definitions.subgraphs);
        let mut next = 0;
        while next < all.len() {
            let inner = std::mem::take(&mut all[next].definitions.subgraphs);
            all.extend(inner);
            next += 1;
        }
        all
    }
}

impl RawSubgraph<'_> {
    /// Its id, which is the class of the nodes that stand for it.
    pub(crate) fn id(&self) -> &str {
        &self.id.0
    }
}

impl RawIo<'_> {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name.0
    }

    /// Its type.
    pub(crate) fn kind(&self) -> &str {
        &self.kind.0
    }

    /// The links inside that end at it.
    pub(crate) fn links(&self) -> Vec<i64> {
        self.link_ids.iter().filter_map(|id| id.0).collect()
    }
}

impl RawNode<'_> {
    /// Its class.
    pub(crate) fn class(&self) -> Option<&str> {
        self.class.as_ref().map(|class| &*class.0)
    }

    /// Its title, if somebody gave it one.
    pub(crate) fn title(&self) -> Option<&str> {
        self.title.as_ref().map(|title| &*title.0).filter(|title| !title.is_empty())
    }

    /// The number of its mode; 0 is the ordinary one.
    pub(crate) fn mode(&self) -> i64 {
        self.mode.0.unwrap_or(0)
    }
}

impl RawInput<'_> {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name.0
    }

    /// Its type.
    pub(crate) fn kind(&self) -> &str {
        &self.kind.0
    }

    /// The link that ends at it.
    pub(crate) fn link(&self) -> Option<i64> {
        self.link.0
    }

    /// The name of the widget that it stands for.
    pub(crate) fn widget(&self) -> Option<&str> {
        self.widget.as_ref().map(|widget| &*widget.name.0)
    }
}

impl RawOutput<'_> {
    /// Its type.
    pub(crate) fn kind(&self) -> &str {
        &self.kind.0
    }

    /// The links that begin at it.
    pub(crate) fn links(&self) -> Vec<i64> {
        self.links.iter().filter_map(|id| id.0).collect()
    }
}

impl<'de> Deserialize<'de> for RawValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Array(list) => Self::List(list),
            Value::Object(map) => Self::Map(map),
            _ => Self::None,
        })
    }
}

impl<'de> Deserialize<'de> for RawLink {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LinkVisitor)
    }
}

struct LinkVisitor;

impl LinkVisitor {
    fn broken() -> RawLink {
        RawLink { id: None, origin: NodeId::NOWHERE, origin_slot: -1, target: NodeId::NOWHERE, target_slot: -1 }
    }
}

impl<'de> Visitor<'de> for LinkVisitor {
    type Value = RawLink;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a link: a list of id, origin, slot, target, slot, type, or an object of the same")
    }

    fn visit_unit<E>(self) -> Result<RawLink, E> {
        Ok(Self::broken())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawLink, A::Error> {
        let mut link = Self::broken();
        link.id = list.next_element::<Whole>()?.and_then(|id| id.0);
        link.origin = list.next_element::<Option<NodeId>>()?.flatten().unwrap_or(NodeId::NOWHERE);
        link.origin_slot = list.next_element::<Whole>()?.and_then(|slot| slot.0).unwrap_or(-1);
        link.target = list.next_element::<Option<NodeId>>()?.flatten().unwrap_or(NodeId::NOWHERE);
        link.target_slot = list.next_element::<Whole>()?.and_then(|slot| slot.0).unwrap_or(-1);
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(link)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawLink, A::Error> {
        let mut link = Self::broken();
        while let Some(key) = map.next_key::<Text>()? {
            match &*key.0 {
                "id" => link.id = map.next_value::<Whole>()?.0,
                "origin_id" => link.origin = map.next_value::<Option<NodeId>>()?.unwrap_or(NodeId::NOWHERE),
                "origin_slot" => link.origin_slot = map.next_value::<Whole>()?.0.unwrap_or(-1),
                "target_id" => link.target = map.next_value::<Option<NodeId>>()?.unwrap_or(NodeId::NOWHERE),
                "target_slot" => link.target_slot = map.next_value::<Whole>()?.0.unwrap_or(-1),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(link)
    }
}
