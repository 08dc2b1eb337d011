//! Names for the nodes of an imported graph, whose ids are mostly numbers.

use std::collections::HashMap;

use super::{texts::Texts, view::View};
use crate::{
    graph::{ClassInfo, GraphNode},
    ident::{IndexMap, is_identifier},
};

/// Titles that are longer as a name say too much.
const LONGEST: usize = 32;

/// Classes whose names would not tell what they are for.
const WELL_KNOWN: [(&str, &str); 5] = [
    ("SaveImage", "save"),
    ("PreviewImage", "preview"),
    ("UNETLoader", "model"),
    ("KSamplerSelect", "sampler_select"),
    ("ControlNetLoader", "controlnet"),
];

/// Words that say how a class does it, not what it is for.
const BEFORE: [&str; 6] = ["load_", "k_", "vae_decode", "vae_encode", "random_", "basic_"];
const AFTER: [&str; 8] = ["_advanced", "_simple", "_node", "_model_only", "_loader", "_tiled", "_custom", "_multiline"];

/// Gives names that nobody else has.
#[derive(Default)]
pub(super) struct Names {
    taken: HashMap<String, usize>,
}

impl Names {
    /// `name`, or `name_2`, `name_3`, … when it is taken.
    pub(super) fn free(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        while self.taken.contains_key(&free) {
            let count = self.taken.entry(name.to_owned()).or_insert(1);
            *count += 1;
            free = format!("{name}_{count}");
        }
        self.taken.insert(free.clone(), 1);
        free
    }
}

/// A name for every node by its id, in the order of `order`: the id where it is a name already, else
/// what it encodes, else its title, else its class; numbered where two would be the same.
pub(super) fn node_names(view: &View<'_>, order: &[&str], texts: &Texts<'_>) -> IndexMap<String, String> {
    let mut names = Names::default();
    let mut found: IndexMap<String, String> = IndexMap::default();
    for id in order.iter().filter(|id| is_identifier(id)) {
        found.insert((*id).to_owned(), names.free(id));
    }
    // Encoders of a picture without a prompt are called by their classes.
    let positive = texts.positive.iter().filter(|_| !texts.prompts.is_empty()).map(|id| (id, "positive"));
    let encoders = positive.chain(texts.negative.iter().map(|id| (id, "negative")));
    let named = encoders.map(|(id, name)| (id, name.to_owned()));
    let others = order.iter().map(|id| (id, node_name(view.node(id), view.class(id))));
    for (id, wanted) in named.chain(others) {
        if !found.contains_key(*id) {
            found.insert((*id).to_owned(), names.free(&wanted));
        }
    }
    found
}

/// What a node is called by its title, else by its class.
pub(super) fn node_name(node: &GraphNode, class: Option<&ClassInfo>) -> String {
    own_title(node, class).and_then(|title| title_name(title, class)).unwrap_or_else(|| class_name(&node.class))
}

/// The title of a node that somebody wrote: not that of its class.
pub(super) fn own_title<'a>(node: &'a GraphNode, class: Option<&ClassInfo>) -> Option<&'a str> {
    let title = node.title.as_deref()?;
    let is_default = match class {
        Some(class) => title == class.display_name || title == class.name,
        None => says_the_same(title, &node.class),
    };
    (!is_default && !title.trim().is_empty()).then_some(title)
}

/// Whether every word of a title begins a word of the class: "Load Checkpoint" of
/// `CheckpointLoaderSimple`.
fn says_the_same(title: &str, class: &str) -> bool {
    let (title, class) = (snake_case(title), snake_case(class));
    let begins = |word: &str| class.split('_').any(|other| other.starts_with(word));
    title.replace('_', "") == class.replace('_', "") || title.split('_').all(begins)
}

/// The name that a title gives: of "Int (Steps)", where the class is called "Int", what it adds; of
/// "Load Checkpoint - Base" what the class is for, too.
fn title_name(title: &str, class: Option<&ClassInfo>) -> Option<String> {
    let added = title.split_once(['(', '（']).and_then(|(head, rest)| {
        let rest = rest.trim_end().strip_suffix([')', '）'])?;
        let is_class = |class: &ClassInfo| [&class.display_name, &class.name].iter().any(|name| *name == head.trim());
        class.is_some_and(is_class).then_some(rest)
    });
    let follows = |class: &ClassInfo| {
        let rest = title.strip_prefix(class.display_name.as_str())?;
        let more = snake_case(rest);
        (rest.starts_with([' ', '-', ':']) && !more.is_empty()).then(|| format!("{}_{more}", class_name(&class.name)))
    };
    let followed = class.filter(|_| added.is_none()).and_then(follows);
    let name = followed.unwrap_or_else(|| snake_case(added.unwrap_or(title)));
    let name = name.strip_prefix("load_").unwrap_or(&name).to_owned();
    let name = if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name };
    (is_identifier(&name) && name.len() <= LONGEST && name.bytes().any(|b| b.is_ascii_alphabetic())).then_some(name)
}

/// What a class is for: `checkpoint` of `CheckpointLoaderSimple`.
fn class_name(class: &str) -> String {
    if let Some((_, name)) = WELL_KNOWN.iter().find(|(known, _)| *known == class) {
        return (*name).to_owned();
    }
    let full = snake_case(class);
    if full.starts_with("empty_") && full.contains("latent") {
        return "latent".to_owned();
    }
    let mut name = full.as_str();
    while let Some(shorter) = AFTER.iter().find_map(|word| name.strip_suffix(word)) {
        name = shorter;
    }
    let name = match BEFORE.iter().find(|word| name.starts_with(**word)) {
        Some(word) if word.ends_with('_') => &name[word.len()..],
        Some(word) => word.trim_start_matches("vae_"),
        None => name,
    };
    if is_identifier(name) { name.to_owned() } else { "node".to_owned() }
}

/// `clip_text_encode` of `CLIPTextEncode`, `positive_prompt` of `Positive prompt`.
pub(super) fn snake_case(text: &str) -> String {
    // The one word that everybody writes with a capital inside.
    let letters: Vec<char> = text.replace("LoRA", "Lora").chars().collect();
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
            && (before.is_some_and(|b| b.is_ascii_lowercase())
                || before.is_some_and(|b| b.is_ascii_alphanumeric()) && after.is_some_and(char::is_ascii_lowercase));
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
    fn words_of_titles_and_classes() {
        for (text, expected) in [
            ("CLIPTextEncode", "clip_text_encode"),
            ("VAEDecode", "vae_decode"),
            ("Positive prompt (SDXL)", "positive_prompt_sdxl"),
            ("CheckpointLoaderSimple", "checkpoint_loader_simple"),
            ("Preview3D", "preview3d"),
            ("Enable LoRA?", "enable_lora"),
            ("日本", ""),
        ] {
            assert_eq!(snake_case(text), expected);
        }
    }

    #[test]
    fn classes_say_what_they_are_for() {
        for (class, expected) in [
            ("CheckpointLoaderSimple", "checkpoint"),
            ("LoraLoaderModelOnly", "lora"),
            ("DualCLIPLoader", "dual_clip"),
            ("KSampler", "sampler"),
            ("KSamplerAdvanced", "sampler"),
            ("SamplerCustomAdvanced", "sampler"),
            ("VAEDecode", "decode"),
            ("VAEDecodeTiled", "decode"),
            ("VAEEncodeForInpaint", "encode"),
            ("EmptySD3LatentImage", "latent"),
            ("LoadImage", "image"),
            ("GeminiImage2Node", "gemini_image2"),
            ("RandomNoise", "noise"),
            ("SaveImage", "save"),
            ("SaveVideo", "save_video"),
            ("ModelSamplingSD3", "model_sampling_sd3"),
            ("3D", "node"),
            ("视频", "node"),
        ] {
            assert_eq!(class_name(class), expected);
        }
    }

    #[test]
    fn titles_that_somebody_wrote_are_names() {
        let int = ClassInfo { name: "PrimitiveInt".to_owned(), display_name: "Int".to_owned(), ..ClassInfo::default() };
        let name = |title: &str, class: Option<&ClassInfo>| {
            let name = class.map_or("CheckpointLoaderSimple", |class| &class.name).to_owned();
            node_name(&GraphNode { class: name, title: Some(title.to_owned()), inputs: IndexMap::default() }, class)
        };
        for (title, expected) in [
            ("Int", "primitive_int"),
            ("Int (Steps)", "steps"),
            ("Int - Base", "primitive_int_base"),
            ("Integer", "integer"),
            ("Split (Steps)", "split_steps"),
            ("4 steps?", "_4_steps"),
            ("Load Steps", "steps"),
            ("日本", "primitive_int"),
            ("7", "primitive_int"),
            ("../../etc/passwd", "etc_passwd"),
            ("A title that says everything there is to say", "primitive_int"),
        ] {
            assert_eq!(name(title, Some(&int)), expected, "{title}");
        }
        assert_eq!(name("Load Checkpoint", None), "checkpoint");
        assert_eq!(name("Base", None), "base");
    }

    #[test]
    fn taken_names_are_numbered() {
        let mut names = Names::default();
        let given: Vec<String> = ["a", "a_2", "a", "a", "b"].iter().map(|name| names.free(name)).collect();
        assert_eq!(given, ["a", "a_2", "a_3", "a_4", "b"]);
    }
}
