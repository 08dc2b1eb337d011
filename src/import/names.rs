//! Names for the nodes of an imported graph, whose ids are mostly numbers.

use std::collections::BTreeSet;

use crate::{
    graph::{Graph, GraphNode},
    ident::{IndexMap, is_identifier},
};

/// A name for every node, by its id: the id where it is a name already, else the title, else the
/// class; numbered where two would be the same.
pub(super) fn node_names(graph: &Graph) -> IndexMap<String, String> {
    let mut taken: BTreeSet<String> = graph.nodes.keys().filter(|id| is_identifier(id)).cloned().collect();
    let name = |(id, node): (&String, &GraphNode)| {
        let name = if is_identifier(id) { id.clone() } else { free_name(&wanted(node), &mut taken) };
        (id.clone(), name)
    };
    graph.nodes.iter().map(name).collect()
}

fn wanted(node: &GraphNode) -> String {
    let titled = node.title.as_deref().map(snake_case).filter(|name| is_identifier(name));
    let named = titled.or_else(|| Some(snake_case(&node.class)).filter(|name| is_identifier(name)));
    named.unwrap_or_else(|| "node".to_owned())
}

/// `name`, or `name_2`, `name_3`, … when it is taken.
pub(super) fn free_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    let mut all = std::iter::once(name.to_owned()).chain(numbered);
    let free = all.find(|candidate| !taken.contains(candidate)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

/// `clip_text_encode` of `CLIPTextEncode`, `positive_prompt` of `Positive prompt`.
fn snake_case(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            continue;
        }
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let is_start = letter.is_ascii_uppercase()
            && (before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                || before.is_some_and(|b| b.is_ascii_uppercase()) && after.is_some_and(char::is_ascii_lowercase));
        if is_start && !out.ends_with('_') {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_off_titles_and_classes() {
        for (text, expected) in [
            ("CLIPTextEncode", "clip_text_encode"),
            ("VAEDecode", "vae_decode"),
            ("Positive prompt (SDXL)", "positive_prompt_sdxl"),
            ("CheckpointLoaderSimple", "checkpoint_loader_simple"),
            ("日本", ""),
        ] {
            assert_eq!(snake_case(text), expected);
        }
        let mut graph = Graph::default();
        for id in ["3", "save_image", "9", "10"] {
            graph.add(id, "SaveImage", []);
        }
        graph.nodes["10"].title = Some("Last one".to_owned());
        let names: Vec<String> = node_names(&graph).into_values().collect();
        assert_eq!(names, ["save_image_2", "save_image", "save_image_3", "last_one"]);
    }
}
