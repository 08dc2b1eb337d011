//! What a graph makes: its savers and previews, and what a preset calls them.

use std::borrow::Cow;

use super::{names::Names, view::View};
use crate::{
    graph::{Link, Types},
    ident::IndexMap,
};

/// Types of files that savers and previews leave, and what an output of each is called.
const KINDS: [(&str, &str); 6] = [
    ("IMAGE", "image"),
    ("MASK", "mask"),
    ("VIDEO", "video"),
    ("AUDIO", "audio"),
    ("LATENT", "latent"),
    ("MESH", "model"),
];

/// The outputs of a graph, by name: nodes that save, then those that preview; without any, what no
/// node takes. Each is a node's id with the index of its output, none for what the node itself saves.
pub(super) fn outputs<'a>(view: &View<'a>, order: &[&'a str]) -> IndexMap<String, (&'a str, Option<usize>)> {
    let mut names = Names::default();
    let ends: Vec<&str> = order.iter().copied().filter(|id| view.ends(id)).collect();
    // Who is shown a text, or gives something on, may leave no file.
    let leaves = |id: &&&str| view.takers(id).is_empty() && kind(view, id).is_some();
    let files: Vec<&str> = ends.iter().filter(leaves).copied().collect();
    let mut found = if files.is_empty() { ends } else { files };
    found.sort_by_key(|id| is_preview(view, id));
    let name = |id: &str| if is_preview(view, id) { "preview" } else { kind(view, id).unwrap_or("file") };
    let saved: IndexMap<_, _> = found.into_iter().map(|id| (names.free(name(id)), (id, None))).collect();
    if saved.is_empty() { untaken(view, order) } else { saved }
}

fn is_preview(view: &View<'_>, id: &str) -> bool {
    view.node(id).class.contains("Preview")
}

/// What a saver leaves, by what is linked to it; of a class that is not known, by its name.
fn kind(view: &View<'_>, id: &str) -> Option<&'static str> {
    let types: Vec<Cow<'_, Types>> = view.links(id).map(|(_, link)| view.types(link)).collect();
    let by_type =
        |(type_name, _): &&(&str, &str)| types.iter().any(|types| !types.is_any() && types.contains(type_name));
    if let Some((_, name)) = KINDS.iter().find(by_type) {
        return Some(name);
    }
    let class = view.node(id).class.to_uppercase();
    let known = KINDS.iter().find(|(word, _)| class.contains(word)).map(|(_, name)| *name);
    known.or_else(|| class.contains("SAVE").then_some("file"))
}

/// Outputs of nodes from which nobody takes anything.
fn untaken<'a>(view: &View<'a>, order: &[&'a str]) -> IndexMap<String, (&'a str, Option<usize>)> {
    let mut names = Names::default();
    let last = order.iter().filter(|id| view.takers(id).is_empty());
    let found = last.filter_map(|id| {
        let outputs = 0..view.class(id)?.outputs.len();
        let named = |output: usize| {
            let types = view.types(&Link { node: (*id).to_owned(), output });
            KINDS[..4].iter().find(|(type_name, _)| types.contains(type_name)).map(|(_, name)| (*name, output))
        };
        outputs.into_iter().find_map(named).map(|(name, output)| (name, (*id, Some(output))))
    });
    found.map(|(name, output)| (names.free(name), output)).collect()
}
