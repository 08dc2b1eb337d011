//! The texts that steer what is made: which nodes encode the prompt and which the negative one,
//! found by following the links of samplers and guiders backwards.

use std::collections::BTreeSet;

use super::view::{Place, View};
use crate::graph::{InputInfo, InputKind, Link};

/// Names of inputs that take a prompt, where nothing else tells, beside those that end in `_prompt`.
const PROMPTS: [&str; 4] = ["prompt", "prompt_text", "text", "caption"];

/// Names of inputs that do not tell one prompt from another.
const GENERIC: [&str; 7] = ["positive_prompt", "text_prompt", "user_prompt", "string", "value", "string_a", "text_g"];

/// Names of inputs that take conditioning, where a class is not known.
const CONDITIONING: [&str; 4] = ["positive", "negative", "conditioning", "cond"];

/// Words of inputs and titles whose text is no prompt by itself.
const NO_PROMPT: [&str; 9] =
    ["system", "template", "instruction", "negative", "delimiter", "find", "pattern", "replace", "prefix"];

/// What encodes the texts and where they stand.
#[derive(Default)]
pub(super) struct Texts<'a> {
    /// Nodes that encode what is wanted.
    pub(super) positive: Vec<&'a str>,
    /// Nodes that encode what is not.
    pub(super) negative: Vec<&'a str>,
    /// Where the prompts stand.
    pub(super) prompts: Vec<Place<'a>>,
    /// Where the negative prompts stand.
    pub(super) negatives: Vec<Place<'a>>,
}

/// The texts of a graph whose nodes are read in this order.
pub(super) fn texts<'a>(view: &View<'a>, order: &[&'a str]) -> Texts<'a> {
    let mut texts = Texts::default();
    let sinks = order.iter().filter(|id| !gives_conditioning(view, id)).flat_map(|id| conditioning(view, id));
    let (negative, positive): (Vec<_>, Vec<_>) = sinks.partition(|(input, _)| input.starts_with("neg"));
    let links = |found: Vec<(&str, &'a Link)>| found.into_iter().map(|(_, link)| link).collect();
    texts.positive = encoders(view, links(positive));
    texts.negative = encoders(view, links(negative)).into_iter().filter(|id| !texts.positive.contains(id)).collect();
    for (encoders, is_negative) in [(texts.positive.clone(), false), (texts.negative.clone(), true)] {
        for place in encoders.into_iter().flat_map(|id| text_inputs(view, id)) {
            texts.add(view, place, is_negative || is_named_negative(place.1));
        }
    }
    if texts.prompts.is_empty() {
        texts.add_by_name(view, order);
    }
    texts
}

impl<'a> Texts<'a> {
    /// Adds the text that an input holds, or that a link brings to it.
    fn add(&mut self, view: &View<'a>, place: Place<'a>, is_negative: bool) {
        let Some(found) = written_at(view, place) else { return };
        if !self.prompts.contains(&found) && !self.negatives.contains(&found) {
            if is_negative { &mut self.negatives } else { &mut self.prompts }.push(found);
        }
    }

    /// Where nothing is sampled: prompts of partner nodes, else of any node, by the names of inputs.
    fn add_by_name(&mut self, view: &View<'a>, order: &[&'a str]) {
        for only_partners in [true, false] {
            let ids = order.iter().filter(|id| !only_partners || view.class(id).is_some_and(|class| class.api_node));
            for (id, input) in ids.flat_map(|id| view.node(id).inputs.keys().map(move |input| (*id, input.as_str()))) {
                let is_negative = is_named_negative(input);
                if (is_named_prompt(input) || is_negative) && is_text(view, (id, input)) {
                    self.add(view, (id, input), is_negative);
                }
            }
            if !self.prompts.is_empty() {
                return;
            }
        }
    }
}

/// The part of a dotted name that says what it is, without a number at its end.
fn last_part(input: &str) -> &str {
    let last = input.rsplit('.').next().unwrap_or(input);
    last.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_')
}

fn is_named_negative(input: &str) -> bool {
    last_part(input).starts_with("neg")
}

fn is_named_prompt(input: &str) -> bool {
    let last = last_part(input);
    PROMPTS.contains(&last) || (last.ends_with("_prompt") && !says_no_prompt(last))
}

/// Whether the name of an input does not tell one prompt from another.
pub(super) fn is_generic(input: &str) -> bool {
    let last = last_part(input);
    last.is_empty() || PROMPTS.contains(&last) || GENERIC.contains(&last)
}

/// The links of a node that bring conditioning.
fn conditioning<'a>(view: &View<'a>, id: &'a str) -> Vec<(&'a str, &'a Link)> {
    view.links(id).filter(|(input, link)| is_conditioning(view, (id, input), link)).collect()
}

fn is_conditioning(view: &View<'_>, place: Place<'_>, link: &Link) -> bool {
    let given = view.types(link);
    if !given.is_any() {
        return given.contains("CONDITIONING");
    }
    match view.input(place).map(|info| info.kind.link_types()).filter(|types| !types.is_any()) {
        Some(taken) => taken.contains("CONDITIONING"),
        None => CONDITIONING.contains(&last_part(place.1)),
    }
}

/// Whether a node passes conditioning on. Of a class that is not known its takers tell.
fn gives_conditioning(view: &View<'_>, id: &str) -> bool {
    let taken = || {
        view.takers(id).iter().any(|(_, (taker, input))| {
            view.links(taker).any(|(name, link)| name == *input && is_conditioning(view, (taker, name), link))
        })
    };
    view.gives(id, "CONDITIONING") || taken()
}

/// The nodes in which the conditioning of `links` begins, in order.
fn encoders<'a>(view: &View<'a>, links: Vec<&'a Link>) -> Vec<&'a str> {
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    let mut stack: Vec<&Link> = links.into_iter().rev().collect();
    while let Some(link) = stack.pop() {
        let id = view.source(link);
        if !seen.insert((id, link.output)) || view.node(id).class == "ConditioningZeroOut" {
            continue;
        }
        let sources = passed_on(view, id, link.output);
        if sources.is_empty() && !found.contains(&id) {
            found.push(id);
        }
        stack.extend(sources.into_iter().rev());
    }
    found
}

/// The conditioning that an output of a node is made of. A node that takes both and gives both
/// (`ControlNetApplyAdvanced`) keeps them apart.
fn passed_on<'a>(view: &View<'a>, id: &'a str, output: usize) -> Vec<&'a Link> {
    let all = conditioning(view, id);
    let of = |name: &str| all.iter().find(|(input, _)| *input == name).map(|(_, link)| *link);
    if let (Some(positive), Some(negative)) = (of("positive"), of("negative")) {
        let name = view.class(id).and_then(|class| class.outputs.get(output)).map(|output| output.name.to_lowercase());
        let is_negative = name.map_or(output == 1, |name| name == "negative");
        return vec![if is_negative { negative } else { positive }];
    }
    all.into_iter().map(|(_, link)| link).collect()
}

/// The inputs of an encoder that take its text.
fn text_inputs<'a>(view: &View<'a>, id: &'a str) -> Vec<Place<'a>> {
    let places = || view.node(id).inputs.keys().map(|input| (id, input.as_str()));
    let is_prompt = |place: &Place<'_>| is_text(view, *place) && !says_no_prompt(place.1);
    let long = |place: &Place<'_>| view.input(*place).is_none_or(is_multiline);
    let found: Vec<Place<'_>> = places().filter(|place| is_prompt(place) || is_named_negative(place.1)).collect();
    let texts: Vec<Place<'_>> = found.iter().copied().filter(|p| is_text(view, *p) && long(p)).collect();
    if texts.is_empty() { found.into_iter().filter(|p| is_text(view, *p)).collect() } else { texts }
}

fn is_multiline(info: &InputInfo) -> bool {
    matches!(info.kind, InputKind::String { multiline: true })
}

fn is_string(info: &InputInfo) -> bool {
    matches!(info.kind, InputKind::String { .. })
}

/// Whether an input takes a text: as its class says, else by what it holds and its name.
fn is_text(view: &View<'_>, place: Place<'_>) -> bool {
    let by_name = || {
        let is_named = is_named_prompt(place.1) || is_named_negative(place.1);
        is_named && view.literal(place).is_none_or(serde_json::Value::is_string)
    };
    view.input(place).map_or_else(by_name, is_string)
}

fn says_no_prompt(text: &str) -> bool {
    let text = text.to_lowercase();
    NO_PROMPT.iter().any(|word| text.contains(word))
}

/// Where the text of an input is written: there, or in the nodes that are linked to it. Of several
/// the one that most looks like a prompt.
fn written_at<'a>(view: &View<'a>, place: Place<'a>) -> Option<Place<'a>> {
    if view.literal(place).is_some() {
        return Some(place);
    }
    let link = view.links(place.0).find(|(input, _)| *input == place.1)?.1;
    let (mut seen, mut best) = (BTreeSet::new(), None);
    let mut stack = vec![link];
    while let Some(link) = stack.pop() {
        let id = view.source(link);
        let types = view.types(link);
        if !(types.is_any() || types.contains("STRING")) || !seen.insert(id) {
            continue;
        }
        for input in view.node(id).inputs.keys() {
            let score = likeness(view, (id, input));
            if score > best.map_or(0, |(score, _)| score) {
                best = Some((score, (id, input.as_str())));
            }
        }
        let sources: Vec<&Link> = view.links(id).map(|(_, link)| link).collect();
        stack.extend(sources.into_iter().rev());
    }
    best.map(|(_, place)| place)
}

/// How much a literal looks like a prompt; 0 for what is none.
fn likeness(view: &View<'_>, place: Place<'_>) -> u32 {
    let Some(text) = view.literal(place).and_then(serde_json::Value::as_str) else { return 0 };
    let node = view.node(place.0);
    let info = view.input(place);
    if says_no_prompt(place.1) || !info.map_or(node.class.contains("Primitive") || is_text(view, place), is_string) {
        return 0;
    }
    let titled = node.title.as_deref().unwrap_or_default().to_lowercase();
    let is_prompt = titled.contains("prompt") || place.1.contains("prompt");
    let is_other = says_no_prompt(&titled) && !titled.contains("user");
    let points = [(info.is_none_or(is_multiline), 1), (is_prompt, 2), (!text.trim().is_empty(), 2), (!is_other, 5)];
    1 + points.iter().filter(|(holds, _)| *holds).map(|(_, points)| points).sum::<u32>()
}
