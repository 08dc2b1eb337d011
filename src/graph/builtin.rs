//! The built-in snapshot: classes that comfywright runs by itself, without a server.
//!
//! Data, not code: `native_nodes.json` has ComfyUI's own classes (made by
//! `tests/tools/extract_native_nodes.py`), `own_nodes.json` those that only comfywright has.

use std::sync::LazyLock;

use super::object_info::NodeSet;

static OWN: LazyLock<NodeSet> = LazyLock::new(|| parse(include_str!("own_nodes.json")));

static BUILTIN: LazyLock<NodeSet> = LazyLock::new(|| {
    let mut nodes = parse(include_str!("native_nodes.json"));
    nodes.add_missing(&OWN);
    nodes
});

/// Every class that the native executor runs.
pub fn builtin() -> &'static NodeSet {
    &BUILTIN
}

/// The classes that only comfywright has. They never go to a server; add them to a server's set
/// (with [`NodeSet::add_missing`]) before checking a document that may use both.
pub fn own_classes() -> &'static NodeSet {
    &OWN
}

fn parse(text: &'static str) -> NodeSet {
    // A test asserts that both files parse.
    NodeSet::parse(text).unwrap_or_default()
}
