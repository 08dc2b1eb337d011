//! Where the nodes of a graph stand in its JSON text, and their inputs.

use serde_json::value::RawValue;

use crate::{diagnostic::Span, ident::IndexMap};

/// The places of all nodes.
#[derive(Debug, Default)]
pub(super) struct GraphPlaces {
    nodes: IndexMap<String, NodePlaces>,
}

/// The places of one node.
#[derive(Debug)]
struct NodePlaces {
    key: Span,
    class: Option<Span>,
    inputs: IndexMap<String, KeyAndValue>,
}

/// Where a key stands, and its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyAndValue {
    pub(super) key: Span,
    pub(super) value: Span,
}

type Raw<'t> = IndexMap<String, &'t RawValue>;

impl GraphPlaces {
    /// The places in `text`; none of what is not as it should be.
    pub(super) fn of(text: &str) -> Self {
        let nodes = entries(text, text).into_iter().map(|(id, place)| {
            let inside = entries(text, &text[place.value.range()]);
            let inputs = inside.get("inputs").map(|inputs| entries(text, &text[inputs.value.range()]));
            let class = inside.get("class_type").map(|class| class.value);
            (id, NodePlaces { key: place.key, class, inputs: inputs.unwrap_or_default() })
        });
        Self { nodes: nodes.collect() }
    }

    /// Where a node stands: its class, or else its id.
    pub(super) fn node(&self, id: &str) -> Option<Span> {
        self.nodes.get(id).map(|node| node.class.unwrap_or(node.key))
    }

    /// Where an input stands.
    pub(super) fn input(&self, id: &str, name: &str) -> Option<KeyAndValue> {
        self.nodes.get(id)?.inputs.get(name).copied()
    }
}

/// The keys and values of `object`, a part of `text`.
fn entries(text: &str, object: &str) -> IndexMap<String, KeyAndValue> {
    let raw: Raw<'_> = serde_json::from_str(object.trim_start_matches('\u{feff}')).unwrap_or_default();
    let place = |(key, value): (String, &RawValue)| {
        let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
        Some((key, KeyAndValue { key: key_before(text, start)?, value: Span::new(start, start + value.get().len()) }))
    };
    raw.into_iter().filter_map(place).collect()
}

/// The key of the value that begins at `start`, with its quotes.
fn key_before(text: &str, start: usize) -> Option<Span> {
    let before = text[..start].trim_end().strip_suffix(':')?.trim_end();
    let inside = before.strip_suffix('"')?;
    let is_escaped = |at: usize| inside[..at].bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
    let open = inside.rmatch_indices('"').map(|(at, _)| at).find(|at| !is_escaped(*at))?;
    Some(Span::new(open, before.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bytes_of_the_text() {
        let text = "\u{feff}{ \"é\\\"1\" : {\"class_type\":\n\"X\", \"inputs\": {\"a\" : [ \"b\", 0 ], \"t\\\\\":\"\\\"\"}},\n\"2\": 5, \"3\": {\"inputs\": 7}}";
        let places = GraphPlaces::of(text);
        let shown = |span: Option<Span>| span.map(|span| &text[span.range()]);
        assert_eq!(shown(places.node("é\"1")), Some("\"X\""));
        assert_eq!(shown(places.input("é\"1", "a").map(|i| i.key)), Some("\"a\""));
        assert_eq!(shown(places.input("é\"1", "a").map(|i| i.value)), Some("[ \"b\", 0 ]"));
        assert_eq!(shown(places.input("é\"1", "t\\").map(|i| i.key)), Some("\"t\\\\\""));
        assert_eq!(shown(places.input("é\"1", "t\\").map(|i| i.value)), Some("\"\\\"\""));
        assert_eq!(shown(places.node("2")), Some("\"2\""));
        assert_eq!(shown(places.node("3")), Some("\"3\""));
        assert!(places.input("3", "a").is_none() && places.node("4").is_none());
        assert!(GraphPlaces::of("[1]").node("1").is_none());
    }
}
