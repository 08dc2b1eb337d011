//! Masks: layers, each from one source, blended in order.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{mask_export::MaskExport, mask_motion::Keyframe};

/// Layers that make a mask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mask {
    /// The image that it is for when it runs by itself, relative to the document; a task gives its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Width and height in pixels when it runs by itself and is for no image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 2, max = 2), inner(range(min = 1, max = 16_384)))]
    pub size: Vec<u32>,
    /// The layers, from the bottom up.
    pub layer: Vec<Layer>,
    /// What is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<MaskExport>,
}

/// One layer: exactly one source, then threshold, grow, feather, invert, and its blend with the
/// layers below.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// Name of the layer.
    pub name: String,
    /// Source: what to find, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semantic: Option<String>,
    /// `semantic`: the model that finds it, a detector or a segmenter; the workspace's own choice without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `semantic`: least score, 0 to 1, of what counts; 0.3 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub confidence: Option<f64>,
    /// Source: the salient object; true, or the name of a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "true_or_text")]
    pub salient: Option<Value>,
    /// Source: points `[x, y]` or `[x, y, 0]` (0 = not this), in fractions of width and height.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 2, max = 3)))]
    pub points: Vec<Vec<f64>>,
    /// Source: what is inside the box `[left, top, right, bottom]`, in fractions.
    #[serde(default, rename = "box", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 4, max = 4))]
    pub bounds: Vec<f64>,
    /// Source: an image file; its alpha where it has one, else its luminance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Source: pixels near this colour, `#rrggbb`; `tolerance` says how near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$"))]
    pub color: Option<String>,
    /// How far from `color` a pixel may be on every channel, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub tolerance: Option<f64>,
    /// Source: a drawn shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Makes the layer hard: 1 where it is at least this, else 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f64>,
    /// Pixels to grow (or, negative, to shrink) by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grow: Option<i32>,
    /// Radius of a soft edge in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1024.0))]
    pub feather: Option<f64>,
    /// Swaps inside and outside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invert: bool,
    /// How it joins the layers below.
    #[serde(default)]
    pub blend: Blend,
    /// Weight of the layer, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub opacity: Option<f64>,
    /// Changes over time, in the order of their frames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyframes: Vec<Keyframe>,
}

fn true_or_text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "boolean" }, { "type": "string" }] })
}

/// A drawn shape, in fractions of width and height.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shape {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ShapeType,
    /// Left edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// Top edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<f64>,
    /// Width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    /// Height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<f64>,
    /// `rectangle`: radius of the corners, as a fraction of the shorter side of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
    /// `polygon`: the corners `[x, y]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<[f64; 2]>,
}

/// Kinds of shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShapeType {
    /// A rectangle, with `radius` for rounded corners.
    Rectangle,
    /// An ellipse that touches all four edges of its box.
    Ellipse,
    /// A filled polygon.
    Polygon,
}

/// How a layer joins the layers below (a: below, b: this layer).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Blend {
    /// b over a: 1 - (1 - a)(1 - b).
    #[default]
    Normal,
    /// a + b.
    Add,
    /// a - b.
    Subtract,
    /// a * b.
    Multiply,
    /// The smaller of both, and nothing where either is 0.
    Intersect,
    /// The larger of both.
    Max,
    /// The smaller of both.
    Min,
    /// The distance of both.
    Difference,
}
