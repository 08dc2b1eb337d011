//! Where a part of the file stands. Nothing is remembered while reading: the place is looked for
//! when something is wrong there.

use serde_json::value::RawValue;

use crate::{diagnostic::Span, ident::IndexMap};

/// A part of a workflow file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The file as a whole.
    Whole,
    /// The value of a key of the file.
    Key(&'static str),
    /// A definition of a subgraph, by its index among all.
    Subgraph(usize),
    /// A node of the outermost graph, or of a subgraph, by its index.
    Node(Option<usize>, usize),
    /// An input of a node.
    Input(Option<usize>, usize, usize),
}

/// The bytes of `text` where `place` stands; none when there is no such place.
pub(crate) fn span_of(text: &str, place: Place) -> Option<Span> {
    let base = text.as_ptr() as usize;
    let part = find(text, place)?;
    let start = part.as_ptr() as usize - base;
    Some(Span::new(start, start + part.len()))
}

fn find(text: &str, place: Place) -> Option<&str> {
    let whole = text.trim_start_matches('\u{feff}').trim();
    match place {
        Place::Whole => None,
        Place::Key(key) => member(whole, key),
        Place::Subgraph(index) => subgraph(whole, index),
        Place::Node(graph, node) => {
            let graph = graph.map_or(Some(whole), |index| subgraph(whole, index))?;
            element(member(graph, "nodes")?, node)
        }
        Place::Input(graph, node, input) => {
            let node = find(text, Place::Node(graph, node))?;
            element(member(node, "inputs")?, input)
        }
    }
}

/// Definitions are numbered as [`super::RawWorkflow::take_subgraphs`] lists them.
fn subgraph(whole: &str, index: usize) -> Option<&str> {
    let mut all = definitions(whole);
    let mut next = 0;
    while next < all.len() && all.len() <= index {
        all.extend(definitions(all[next]));
        next += 1;
    }
    all.get(index).copied()
}

fn definitions(graph: &str) -> Vec<&str> {
    member(graph, "definitions").and_then(|part| member(part, "subgraphs")).map(elements).unwrap_or_default()
}

fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let members: IndexMap<String, &'a RawValue> = serde_json::from_str(object).ok()?;
    members.get(key).map(|value| value.get())
}

fn elements(list: &str) -> Vec<&str> {
    let elements: Vec<&RawValue> = serde_json::from_str(list).unwrap_or_default();
    elements.into_iter().map(RawValue::get).collect()
}

fn element(list: &str, index: usize) -> Option<&str> {
    elements(list).get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_found() {
        let text = "\u{feff}{\"nodes\": [{}, {\"inputs\": [{\"name\": \"a\"}]}], \"version\": 7,
            \"definitions\": {\"subgraphs\": [
                {\"id\": \"x\", \"nodes\": [], \"definitions\": {\"subgraphs\": [{\"id\": \"y\", \"nodes\": [{\"id\": 1}]}]}},
                {\"id\": \"z\"}]}}";
        let found = |place| span_of(text, place).map(|span| &text[span.range()]);
        assert_eq!(found(Place::Key("version")), Some("7"));
        assert_eq!(found(Place::Input(None, 1, 0)), Some("{\"name\": \"a\"}"));
        assert_eq!(found(Place::Subgraph(1)), Some("{\"id\": \"z\"}"));
        assert_eq!(found(Place::Node(Some(2), 0)), Some("{\"id\": 1}"));
        assert_eq!(found(Place::Node(Some(3), 0)), None);
        assert_eq!(found(Place::Node(None, 9)), None);
        assert_eq!(found(Place::Whole), None);
    }
}
