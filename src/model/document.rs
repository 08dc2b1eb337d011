//! The five kinds of document and what each may say.
//!
//! Doc comments here become the descriptions in `schemas/` and so the hover texts of editors.

use crate::ident::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{chain::Chain, mask::Mask};

/// Free-form keys and values, in order of appearance.
pub type ValueMap = IndexMap<String, Value>;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A ComfyUI graph with named parameters.
    Preset,
    /// A text with variables.
    Template,
    /// A comparison of variations of a prompt.
    AbTest,
    /// A graph of tasks over many items.
    Chain,
    /// Layers that make a mask.
    Mask,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Preset, Self::Template, Self::AbTest, Self::Chain, Self::Mask];

    /// As written in files: `ab_test`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preset => "preset",
            Self::Template => "template",
            Self::AbTest => "ab_test",
            Self::Chain => "chain",
            Self::Mask => "mask",
        }
    }
}

/// The keys that come first in every document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// What this document is.
    pub kind: Kind,
    /// Version of the file format. Always 1.
    #[schemars(range(min = 1, max = 1))]
    pub format: u32,
    /// Name by which other documents refer to this one: lower case letters, digits and hyphens.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// Semantic version of the content, such as "1.2.0".
    pub version: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is for, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Anything else worth keeping; comfywright does not read it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub metadata: ValueMap,
}

/// A document, typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The common keys.
    pub header: Header,
    /// The keys of its kind.
    pub body: Body,
}

/// The keys of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `kind = "preset"`
    Preset(Preset),
    /// `kind = "template"`
    Template(Template),
    /// `kind = "ab_test"`
    AbTest(AbTest),
    /// `kind = "chain"`
    Chain(Chain),
    /// `kind = "mask"`
    Mask(Mask),
}

/// A ComfyUI graph with named parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preset {
    /// Parameters that a chain, a test or `--set` may give.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub params: IndexMap<String, Param>,
    /// The graph's nodes: `[node.<id>.<Class>]` with the inputs of the class.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub node: IndexMap<String, NodeDef>,
    /// A workflow file kept beside the preset, instead of inline nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<GraphFile>,
    /// What the preset makes: a name and a link such as "@decode.IMAGE".
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub outputs: IndexMap<String, String>,
    /// Where it came from; written by `fork` and `merge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
    /// What changed in which version, and the evidence for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changelog: Vec<ChangelogRow>,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// True or false.
    Bool,
    /// One of `values`.
    Enum,
    /// An image file.
    Image,
    /// A mask file.
    Mask,
    /// A video file.
    Video,
    /// An audio file.
    Audio,
    /// The name of a model file on the server.
    Model,
    /// A seed: 0 to 18446744073709551615 (above 9223372036854775807 as a quoted string).
    Seed,
}

/// A named parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Param {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// What it means to tools that know roles: prompt, negative, seed, steps, cfg, width, height, image, mask, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it must be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Its value when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The permitted values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// Smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Distance between permitted numbers, counted from `min` or 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// A regular expression that the whole text must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Fewest characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// Most characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The input of a kept workflow that this parameter sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind: Option<Bind>,
}

/// Finds one input of a kept workflow by exactly one of `node`, `title` or `class`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bind {
    /// Id of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Title of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Class of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Name of the input.
    pub input: String,
}

/// A workflow file kept beside the preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GraphFile {
    /// Path of a workflow in API or UI format, relative to the document.
    pub workflow: String,
}

/// Where a document came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lineage {
    /// Reference to the parent.
    pub parent: String,
    /// Canonical hash of the common ancestor, `sha256:…` or `blake3:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// One row of a preset's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangelogRow {
    /// The version that this row describes.
    pub version: String,
    /// What changed.
    pub what: String,
    /// Why it is better: a test, a run, a rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// One node of an inline graph.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeDef {
    /// Title in the editor.
    pub title: Option<String>,
    /// Whether the node is passed by: a bool, or an interpolation that gives one.
    pub bypass: Option<Value>,
    /// Place in the editor, in pixels.
    pub pos: Option<[f64; 2]>,
    /// The ComfyUI class.
    pub class: String,
    /// Its inputs: values, or links such as "@checkpoint.CLIP".
    pub inputs: ValueMap,
}

/// A text with variables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Template {
    /// The text; `{name}` inserts a variable.
    pub text: String,
    /// Whether the text draws: `{red|blue}` gives one of them, `{3::red|blue}` red three times as often, and
    /// `__colours__` a line of wildcards/colours.txt, each by the `seed` that the template is given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub choices: bool,
    /// The variables.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub params: IndexMap<String, Param>,
    /// Values for the variables that `check` renders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<ValueMap>,
}

/// A comparison of variations of a prompt, with the same seeds for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AbTest {
    /// The preset to generate with; without it, the default preset of comfywright.toml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The prompt; `{name}` inserts a key of the variation or of the block.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base_prompt: String,
    /// A template that makes the prompt, in place of `base_prompt`: keys of the variation and of the block are its
    /// variables, and what it draws it draws from the sample's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The preset's parameter that takes the prompt; without it, the one with role "prompt".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_param: Option<String>,
    /// Most samples for each variation; the plan may stop earlier.
    #[schemars(range(min = 4, max = 100_000))]
    pub samples_per_variation: u32,
    /// The seeds, the same for every variation.
    #[serde(default)]
    pub seeds: Seeds,
    /// The variations: a name and its keys each.
    pub variations: IndexMap<String, ValueMap>,
    /// Other things that vary from block to block, equally for all variations.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub blocks: IndexMap<String, Vec<Value>>,
    /// Parameters of the preset that are the same for all.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub with: ValueMap,
    /// How the test is decided.
    #[serde(default)]
    pub decision: Decision,
}

/// The seeds of a test: consecutive numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seeds {
    /// The first seed.
    pub from: u32,
}

impl Default for Seeds {
    fn default() -> Self {
        Self { from: 1 }
    }
}

/// The rule that decides a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DecisionPlan {
    /// Group-sequential, for a fixed largest number of samples.
    #[default]
    Horizon,
    /// Anytime-valid: look and extend at will.
    Open,
    /// Anytime-valid without an assumption of symmetry.
    Strict,
}

/// The metric that is the mean of what people give a picture, from 1 to 5.
pub const RATING: &str = "rating";

/// The metric that is the share of comparisons with pictures of the same seed that a picture wins.
pub const PREFERENCE: &str = "preference";

/// The metrics that the engine takes of every sample.
pub const TAKEN: [&str; 2] = ["seconds", "cost"];

/// Whether somebody measures `metric` on the picture of a sample: the engine does not take it anyway, and nobody is
/// asked.
pub fn is_measured(metric: &str) -> bool {
    !TAKEN.contains(&metric) && ![RATING, PREFERENCE].contains(&metric)
}

/// Which values of a metric are the better ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// The higher, the better.
    #[default]
    Higher,
    /// The lower, the better.
    Lower,
}

impl Better {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_higher(&self) -> bool {
        *self == Self::Higher
    }
}

/// How a test is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// The metric that decides: one that is measured, "seconds" or "cost" of a sample, or what people say of its
    /// picture: "rating" or "preference".
    #[serde(default = "Decision::default_metric")]
    pub metric: String,
    /// Which values are better: "higher" or "lower".
    #[serde(default, skip_serializing_if = "Better::is_higher")]
    pub better: Better,
    /// Smallest and largest value that make a difference; values beyond count as these. From 0 to 1 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// The rule.
    #[serde(default)]
    pub plan: DecisionPlan,
    /// Probability of a false winner that is accepted.
    #[serde(default = "Decision::default_alpha")]
    #[schemars(range(min = 0.0001, max = 0.5))]
    pub alpha: f64,
    /// Differences up to this count as none; of a metric with another range than 0 to 1, a share of that range.
    #[serde(default = "Decision::default_equivalence")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub equivalence: f64,
    /// Whether the plan "horizon" stops when a winner is no longer likely.
    #[serde(default = "Decision::default_futility", skip_serializing_if = "Clone::clone")]
    pub futility: bool,
}

impl Decision {
    fn default_metric() -> String {
        "quality".to_owned()
    }

    fn default_alpha() -> f64 {
        0.05
    }

    fn default_equivalence() -> f64 {
        0.02
    }

    fn default_futility() -> bool {
        true
    }
}

impl Default for Decision {
    fn default() -> Self {
        Self {
            metric: Self::default_metric(),
            better: Better::default(),
            range: None,
            plan: DecisionPlan::default(),
            alpha: Self::default_alpha(),
            equivalence: Self::default_equivalence(),
            futility: Self::default_futility(),
        }
    }
}

/// The word for `value` in files, such as `horizon`; empty for what is no word there.
pub fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
