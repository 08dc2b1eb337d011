//! Inputs that people are likely to set from run to run.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    ExposedInput,
    names::{Names, node_name, own_title, snake_case},
    texts::{Texts, is_generic},
    view::{Place, View, grouped},
};
use crate::{
    graph::{InputKind, Link},
    ident::{IndexMap, is_identifier},
    model::ParamType,
};

/// Longest text of a titled primitive that becomes a parameter: longer ones are set once.
const LONGEST_TEXT: usize = 200;

/// Bounds beyond these say that there are none.
const NO_BOUND: f64 = 1e9;

/// Endings of pictures.
const PICTURES: [&str; 10] = ["png", "jpg", "jpeg", "jfif", "webp", "avif", "gif", "bmp", "tif", "tiff"];

/// Whose inputs of a name are meant.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    /// Nodes that cost nothing.
    Sampling,
    /// Nodes that make the first latent, and partner nodes.
    Canvas,
    /// All.
    Any,
}

/// What is known by the names of inputs.
struct Knob {
    inputs: &'static [&'static str],
    name: &'static str,
    role: &'static str,
    of: Of,
    kind: Option<ParamType>,
}

const fn knob(inputs: &'static [&'static str], name: &'static str, role: &'static str, of: Of) -> Knob {
    Knob { inputs, name, role, of, kind: None }
}

/// In the order in which the parameters stand.
const KNOBS: [Knob; 14] = [
    Knob { kind: Some(ParamType::Model), ..knob(&["ckpt_name"], "checkpoint", "model", Of::Any) },
    Knob { kind: Some(ParamType::Model), ..knob(&["unet_name"], "model", "model", Of::Any) },
    Knob { kind: Some(ParamType::Seed), ..knob(&["seed", "noise_seed"], "seed", "seed", Of::Any) },
    knob(&["steps"], "steps", "steps", Of::Sampling),
    knob(&["cfg"], "cfg", "cfg", Of::Sampling),
    knob(&["guidance"], "guidance", "guidance", Of::Sampling),
    Knob { kind: Some(ParamType::String), ..knob(&["sampler_name"], "sampler", "sampler", Of::Sampling) },
    Knob { kind: Some(ParamType::String), ..knob(&["scheduler"], "scheduler", "scheduler", Of::Sampling) },
    knob(&["denoise"], "denoise", "denoise", Of::Sampling),
    knob(&["width"], "width", "width", Of::Canvas),
    knob(&["height"], "height", "height", Of::Canvas),
    knob(&["length"], "length", "length", Of::Canvas),
    knob(&["seconds"], "seconds", "seconds", Of::Canvas),
    knob(&["batch_size"], "batch_size", "batch_size", Of::Canvas),
];

/// A parameter that may be.
struct Candidate<'a> {
    name: String,
    role: Option<&'static str>,
    kind: Option<ParamType>,
    /// Where it stands among the others.
    rank: usize,
    /// What two candidates must have in common, beside their values, to be one parameter.
    shared: String,
    place: Place<'a>,
    /// The input whose range it keeps.
    taken_by: Place<'a>,
    required: bool,
    help: Option<String>,
}

/// Ranks of what is no knob; those of knobs lie between.
const TEXTS: usize = 0;
const FILES: usize = 2;
const FIRST_KNOB: usize = 3;
const OTHERS: usize = FIRST_KNOB + KNOBS.len() + 1;
/// `LoRA`s stand behind the models.
const LORAS: usize = FIRST_KNOB + 2;

/// The parameters of a graph, by name. Inputs that hold the same for the same purpose become one,
/// unless each parameter is to set one input only.
pub(super) fn likely<'a>(
    view: &View<'a>,
    order: &[&'a str],
    texts: &Texts<'a>,
    names: &IndexMap<String, String>,
    one_input_each: bool,
) -> IndexMap<String, ExposedInput> {
    let mut found: Vec<Candidate<'_>> = of_texts(texts);
    found.extend(order.iter().filter_map(|id| of_file(view, id, &names[*id])));
    found.extend(order.iter().flat_map(|id| of_knobs(view, id)));
    found.extend(order.iter().flat_map(|id| of_lora(view, id)));
    found.extend(order.iter().filter_map(|id| of_primitive(view, id, &names[*id])));
    let mut places = BTreeSet::new();
    let is_set = |place: Place<'_>| view.literal(place).is_some() && !view.is_bypassed(place.0);
    found.retain(|candidate| is_set(candidate.place) && places.insert(candidate.place));
    found.sort_by_key(|candidate| candidate.rank);
    let value = |place| view.literal(place).map(Value::to_string);
    let apart = |place| one_input_each.then_some(place);
    let groups = grouped(found.into_iter().map(|c| ((c.rank, c.shared.clone(), value(c.place), apart(c.place)), c)));
    let (mut free, mut roles) = (Names::default(), BTreeSet::new());
    let exposed = |group: Vec<Candidate<'_>>| exposed(view, &group, &mut free, &mut roles);
    groups.into_values().filter_map(exposed).collect()
}

fn exposed(
    view: &View<'_>,
    group: &[Candidate<'_>],
    free: &mut Names,
    roles: &mut BTreeSet<&'static str>,
) -> Option<(String, ExposedInput)> {
    let (first, others) = group.split_first()?;
    let owned = |(id, input): Place<'_>| (id.to_owned(), input.to_owned());
    let (node, input) = owned(first.place);
    let role = first.role.filter(|role| roles.insert(role)).map(str::to_owned);
    let input = ExposedInput {
        node,
        input,
        also: others.iter().map(|other| owned(other.place)).collect(),
        kind: first.kind.or_else(|| number_kind(view, first.taken_by)),
        role,
        required: first.required,
        help: first.help.clone(),
        range: if first.kind == Some(ParamType::Seed) { Range::default() } else { range(view, first) },
    };
    Some((free.free(&first.name), input))
}

/// The type of numbers that an input takes. Whether the editor counts them up means nothing here.
fn number_kind(view: &View<'_>, place: Place<'_>) -> Option<ParamType> {
    match view.input(place)?.kind {
        InputKind::Int { .. } => Some(ParamType::Int),
        InputKind::Float { .. } => Some(ParamType::Float),
        _ => None,
    }
}

/// The smallest and the largest number that an input takes, and the distance between sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The distance.
    pub step: Option<f64>,
}

fn range(view: &View<'_>, candidate: &Candidate<'_>) -> Range {
    let (min, max, step) = match view.input(candidate.taken_by).map(|info| &info.kind) {
        Some(InputKind::Int { min, max, step }) => {
            let number = |bound: &Option<i128>| bound.map(|bound| bound as f64);
            (number(min), number(max), number(step))
        }
        Some(InputKind::Float { min, max, .. }) => (*min, *max, None),
        _ => return Range::default(),
    };
    let is_size = matches!(candidate.role, Some("width" | "height" | "length"));
    let bound = |bound: Option<f64>| bound.filter(|bound| bound.abs() <= NO_BOUND);
    let range = Range { min: bound(min), max: bound(max), step: step.filter(|step| is_size && *step > 1.0) };
    // What the graph holds is right, whatever the class says.
    let value = view.literal(candidate.place).and_then(Value::as_f64).unwrap_or_default();
    let is_off = |step: f64| ((value - range.min.unwrap_or(0.0)) / step).fract() != 0.0;
    Range {
        min: range.min.filter(|min| *min <= value),
        max: range.max.filter(|max| *max >= value),
        step: range.step.filter(|step| !is_off(*step)),
    }
}

fn candidate<'a>(name: &str, rank: usize, place: Place<'a>) -> Candidate<'a> {
    Candidate {
        name: name.to_owned(),
        role: None,
        kind: None,
        rank,
        shared: name.to_owned(),
        place,
        taken_by: place,
        required: false,
        help: None,
    }
}

fn of_texts<'a>(texts: &Texts<'a>) -> Vec<Candidate<'a>> {
    let text = |name: &'static str, rank, place: Place<'a>, is_first: bool| {
        let last = snake_case(last_part(place.1));
        let own = if is_first || is_generic(place.1) || !is_identifier(&last) { name } else { &last };
        let role = Some(name).filter(|_| own == name);
        Candidate { role, kind: Some(ParamType::String), shared: name.to_owned(), ..candidate(own, rank, place) }
    };
    let prompts = texts.prompts.iter().enumerate().map(|(i, place)| text("prompt", TEXTS, *place, i == 0));
    let negatives = texts.negatives.iter().map(|place| text("negative", TEXTS + 1, *place, true));
    prompts.chain(negatives).collect()
}

/// What a loader reads. The file is on the server that made the graph, so another one must be given.
fn of_file<'a>(view: &View<'a>, id: &'a str, name: &str) -> Option<Candidate<'a>> {
    let node = view.node(id);
    let is_named = |input: &str| ["image", "mask", "video", "audio", "file"].contains(&input);
    let is_file = |input: &&String| view.input((id, input)).map_or(is_named(input), |info| info.takes_files);
    let input = node.inputs.keys().find(is_file)?;
    let file = node.text(input)?;
    let is_picture = || {
        let plain = file.split(" [").next().unwrap_or(file);
        let ending = plain.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        ending.is_some_and(|ending| PICTURES.contains(&ending.as_str()))
    };
    let is = |word| node.class.contains(word);
    let (kind, role) = match () {
        // What the server has made is not given to it.
        () if !is("Load") || is("Output") => return None,
        () if is("Mask") => (ParamType::Mask, "mask"),
        () if is("Video") => (ParamType::Video, "video"),
        () if is("Audio") => (ParamType::Audio, "audio"),
        () if is_picture() => (ParamType::Image, "image"),
        () => return None,
    };
    let help = Some(format!("The graph was made with {}.", file.split_whitespace().collect::<Vec<_>>().join(" ")));
    let found = candidate(own_title(node, view.class(id)).map_or(role, |_| name), FILES, (id, input));
    Some(Candidate { role: Some(role), kind: Some(kind), shared: id.to_owned(), required: true, help, ..found })
}

fn of_knobs<'a>(view: &View<'a>, id: &'a str) -> Vec<Candidate<'a>> {
    let node = view.node(id);
    let is_partner = view.class(id).is_some_and(|class| class.api_node);
    let is_canvas = || {
        let is_latent = |(_, link): (&str, &Link)| view.types(link).contains("LATENT");
        let gives = view.gives(id, "LATENT") || (view.class(id).is_none() && node.class.contains("Latent"));
        gives && !view.links(id).any(is_latent)
    };
    let fits = |of: Of| match of {
        Of::Any => true,
        Of::Sampling => !is_partner,
        Of::Canvas => is_partner || is_canvas(),
    };
    let candidates = KNOBS.iter().enumerate().flat_map(|(rank, knob)| {
        let inputs = node.inputs.keys().filter(|input| knob.inputs.contains(&last_part(input)));
        inputs.map(move |input| (rank, knob, (id, input.as_str())))
    });
    let candidates =
        candidates.filter(|(_, knob, _)| fits(knob.of) && !(knob.name == "seed" && is_without_noise(view, id)));
    let found = candidates.filter_map(|(rank, knob, taken_by)| {
        let place = literal_behind(view, taken_by)?;
        let value = view.literal(place)?;
        let fits = match knob.kind {
            Some(ParamType::Model | ParamType::String) => value.is_string(),
            _ => value.is_number() && !(knob.name == "denoise" && value.as_f64() == Some(1.0)),
        };
        let rank = FIRST_KNOB + rank + usize::from(FIRST_KNOB + rank >= LORAS);
        let found = Candidate { role: Some(knob.role), kind: knob.kind, taken_by, ..candidate(knob.name, rank, place) };
        fits.then_some(found)
    });
    found.collect()
}

fn last_part(input: &str) -> &str {
    input.rsplit('.').next().unwrap_or(input)
}

/// Whether a sampler goes on with the noise of another one, so that its seed says nothing.
fn is_without_noise(view: &View<'_>, id: &str) -> bool {
    view.node(id).text("add_noise") == Some("disable")
}

/// Where a value is written: in the input, or in the primitive that is linked to it.
fn literal_behind<'a>(view: &View<'a>, place: Place<'a>) -> Option<Place<'a>> {
    if view.literal(place).is_some() {
        return Some(place);
    }
    let (_, link) = view.links(place.0).find(|(input, _)| *input == place.1)?;
    let source = view.source(link);
    let mut inputs = view.node(source).inputs.keys();
    match (inputs.next(), inputs.next()) {
        (Some(only), None) => Some((source, only.as_str())).filter(|place| view.literal(*place).is_some()),
        _ => None,
    }
}

/// The file of a `LoRA` and its strength; files that are the same are one parameter.
fn of_lora<'a>(view: &View<'a>, id: &'a str) -> Vec<Candidate<'a>> {
    let Some(file) = view.node(id).text("lora_name") else { return Vec::new() };
    let inputs = view.node(id).inputs.keys().map(String::as_str);
    let strengths = inputs.clone().filter(|input| input.starts_with("strength"));
    let strength = |input: &'a str| Candidate {
        shared: format!("{file} strength"),
        role: Some("strength"),
        ..candidate("lora_strength", LORAS, (id, input))
    };
    let files = inputs.filter(|input| *input == "lora_name");
    let name = |input| Candidate { kind: Some(ParamType::Model), ..candidate("lora", LORAS, (id, input)) };
    files.map(name).chain(strengths.map(strength)).collect()
}

/// A primitive that somebody gave a title: it was made to be set. Those of one title and value are
/// set together.
fn of_primitive<'a>(view: &View<'a>, id: &'a str, name: &str) -> Option<Candidate<'a>> {
    let node = view.node(id);
    let (input, _) = node.inputs.get_key_value("value").filter(|_| node.class.starts_with("Primitive"))?;
    own_title(node, view.class(id))?;
    let is_long =
        view.literal((id, input))?.as_str().is_some_and(|text| text.len() > LONGEST_TEXT || text.contains('\n'));
    let plain = node_name(node, view.class(id));
    let known = KNOBS.iter().position(|knob| knob.name == plain && knob.kind.is_none());
    let rank = known.map_or(OTHERS, |at| FIRST_KNOB + 1 + at);
    let role = known.map(|at| KNOBS[at].role);
    let name = if known.is_some() { &plain } else { name };
    let found = Candidate { role, shared: plain.clone(), ..candidate(name, rank, (id, input)) };
    (!is_long && !view.takers(id).is_empty()).then_some(found)
}
