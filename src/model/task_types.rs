//! The table of task types. Data only; `settings` says what its columns mean.

use super::{
    chain::TaskType,
    document::Kind,
    settings::{
        DataKind::{Any, File, Image, Mask},
        InputInfo, OutputInfo, SettingInfo,
        SettingShape::{
            self, Bool, Choice, Color, Document, Float, Int, LayerKey, LayerList, Layers, List, OneOf, Path, Table,
            Text,
        },
        TaskTypeInfo,
    },
};

/// One row of the table.
#[derive(Debug)]
pub(super) struct TaskTypeEntry {
    /// The type.
    pub(super) kind: TaskType,
    /// Its name in files.
    pub(super) name: &'static str,
    /// What it takes, says and makes.
    pub(super) info: TaskTypeInfo,
}

const fn setting(name: &'static str, shape: SettingShape, description: &'static str) -> SettingInfo {
    SettingInfo { name, shape, description, interpolated: true }
}

const fn reference(name: &'static str, kind: Kind, description: &'static str) -> SettingInfo {
    SettingInfo { name, shape: Document(kind), description, interpolated: false }
}

const fn input(name: &'static str, kind: super::settings::DataKind, description: &'static str) -> InputInfo {
    InputInfo { name, kind, list: false, literal: None, description }
}

const fn output(name: &'static str, kind: super::settings::DataKind) -> OutputInfo {
    OutputInfo { name, kind }
}

const IMAGE_INPUT: InputInfo =
    input("image", Image, "The picture: a link such as \"@cutout.image\", or the path of a file.");
const IMAGE_OUTPUT: OutputInfo = output("image", Image);
const MASK_OUTPUT: OutputInfo = output("mask", Mask);

const SCALING_METHODS: SettingShape = Choice(&["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]);
const SIDE: SettingShape = Int(1, 16_384);
const RADIUS: SettingInfo = setting("radius", Int(1, 31), "Radius of the kernel in pixels.");
const SIGMA: SettingInfo = setting("sigma", Float(0.1, 10.0), "Width of the bell curve in pixels.");

const ANCHORS: SettingShape =
    Choice(&["center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"]);

const GRADIENT: &[SettingInfo] = &[
    setting("from", Color, "Colour at the start."),
    setting("to", Color, "Colour at the end."),
    setting(
        "angle",
        Float(-360.0, 360.0),
        "Direction in degrees: 0 runs from left to right, 90 (without it) from top to bottom.",
    ),
];

const BACKGROUND_INPUT: InputInfo = InputInfo {
    name: "bg",
    kind: Image,
    list: false,
    literal: Some(OneOf(&[Color, Path, Table(GRADIENT)])),
    description: "The background: a link, a colour \"#rrggbb\", a gradient { from, to, angle }, or the path of a picture.",
};

/// The inputs of a `generate` task are the parameters of its preset; this table has none for it.
pub(super) static TASK_TYPES: [TaskTypeEntry; 13] = [
    TaskTypeEntry {
        kind: TaskType::Load,
        name: "load",
        info: TaskTypeInfo {
            primary: None,
            inputs: &[],
            settings: &[
                setting(
                    "path",
                    Path,
                    "Path of the picture, relative to the document; often a foreach key over a glob: \"{photo}\".",
                ),
                setting("files", List(&Path), "Paths of several pictures, relative to the document."),
            ],
            outputs: &[IMAGE_OUTPUT, MASK_OUTPUT],
            open: false,
        },
    },
    TaskTypeEntry {
        kind: TaskType::Generate,
        name: "generate",
        info: TaskTypeInfo { primary: None, inputs: &[], settings: &[], outputs: &[], open: true },
    },
    TaskTypeEntry {
        kind: TaskType::Graph,
        name: "graph",
        info: TaskTypeInfo { primary: None, inputs: &[], settings: &[], outputs: &[], open: true },
    },
    TaskTypeEntry {
        kind: TaskType::Mask,
        name: "mask",
        info: TaskTypeInfo {
            primary: Some("image"),
            inputs: &[IMAGE_INPUT],
            settings: &[
                reference("mask", Kind::Mask, "The mask document, such as \"product-mask@1\"."),
                setting("layer", Layers, "The layers themselves, as the [[layer]] rows of a mask document."),
                setting("semantic", LayerKey, "One source: what to find, in words."),
                setting(
                    "model",
                    LayerKey,
                    "Of `semantic`: the model that finds it; the workspace's own choice without it.",
                ),
                setting("confidence", LayerKey, "Of `semantic`: least score, 0 to 1, of what counts."),
                setting("salient", LayerKey, "One source: the salient object; true, or the name of a model."),
                setting(
                    "points",
                    LayerList,
                    "One source: points [x, y] or [x, y, 0] (0 = not this), in fractions of width and height.",
                ),
                setting(
                    "box",
                    LayerList,
                    "One source: what is inside the box [left, top, right, bottom], in fractions.",
                ),
                setting("file", LayerKey, "One source: an image file; its alpha where it has one, else its luminance."),
                setting("color", LayerKey, "One source: pixels near this colour, \"#rrggbb\"."),
                setting("tolerance", LayerKey, "How far from `color` a pixel may be on every channel, 0 to 1."),
                setting("shape", LayerKey, "One source: a drawn shape."),
                setting("threshold", LayerKey, "Makes the mask hard: 1 where it is at least this, else 0."),
                setting("grow", LayerKey, "Pixels to grow (or, negative, to shrink) by."),
                setting("feather", LayerKey, "Radius of a soft edge in pixels."),
                setting("invert", LayerKey, "Swaps inside and outside."),
            ],
            outputs: &[IMAGE_OUTPUT, MASK_OUTPUT, output("layers", Mask), output("file", File)],
            open: false,
        },
    },
    TaskTypeEntry {
        kind: TaskType::RemoveBg,
        name: "remove_bg",
        info: TaskTypeInfo {
            primary: Some("image"),
            inputs: &[IMAGE_INPUT, input("mask", Mask, "What to keep; the salient object without it.")],
            settings: &[
                setting("model", Text, "Model that finds the salient object when no mask is given."),
                setting("decontaminate", Bool, "Removes the colour of the old background from soft edges."),
            ],
            outputs: &[IMAGE_OUTPUT, MASK_OUTPUT],
            open: false,
        },
    },
    TaskTypeEntry {
        kind: TaskType::Composite,
        name: "composite",
        info: TaskTypeInfo {
            primary: Some("fg"),
            inputs: &[
                input("fg", Image, "The foreground; its alpha counts."),
                BACKGROUND_INPUT,
                input("mask", Mask, "Where the foreground shows, beside its alpha."),
            ],
            settings: &[
                setting("anchor", ANCHORS, "Where on the background the foreground stands; \"center\" without it."),
                setting("offset", List(&Float(-16_384.0, 16_384.0)), "Pixels [right, down] to move it from there."),
                setting("scale", Float(0.01, 100.0), "Size of the foreground; 1 without it."),
                setting(
                    "blend",
                    Choice(&["normal", "multiply", "screen", "overlay", "soft_light", "difference"]),
                    "How colours join; \"normal\" without it.",
                ),
            ],
            outputs: &[IMAGE_OUTPUT],
            open: false,
        },
    },
    TaskTypeEntry {
        kind: TaskType::Resize,
        name: "resize",
        info: TaskTypeInfo {
            primary: Some("image"),
            inputs: &[IMAGE_INPUT],
            settings: &[
                setting("width", SIDE, "Width in pixels; with only one of both, the other follows."),
                setting("height", SIDE, "Height in pixels; with only one of both, the other follows."),
                setting(
                    "fit",
                    Choice(&["contain", "cover", "stretch", "inside"]),
                    "How a picture of other proportions fits: \"contain\" pads, \"cover\" crops, \"stretch\" distorts, \"inside\" (without it) makes it smaller only.",
                ),
                setting("method", SCALING_METHODS, "Filter; \"lanczos\" without it."),
                setting(
                    "megapixels",
                    Float(0.01, 256.0),
                    "Instead of width and height: the size in megapixels, proportions kept.",
                ),
            ],
            outputs: &[IMAGE_OUTPUT],
            open: false,
        },
    },
    TaskTypeEntry {
        kind: TaskType::Adjust,
        name: "adjust",
        info: TaskTypeInfo {
            primary: Some("image"),
            inputs: &[IMAGE_INPUT],
            settings: &[
                setting(
                    "sharpen",
                    OneOf(&[
                        Bool,
                        Float(0.0, 5.0),
                        Table(&[RADIUS, SIGMA, setting("amount", Float(0.0, 5.0), "Strength.")]),
                    ]),
                    "Sharpens first: true, a strength, or { radius, sigma, amount }.",
                ),
                setting(
                    "blur",
                    OneOf(&[Bool, Int(1, 31), Table(&[RADIUS, SIGMA])]),
                    "Then blurs: true, a radius in pixels, or { radius, sigma }.",
                ),
                setting("invert", Bool, "Then swaps every colour for its opposite."),
                setting(
                    "quantize",
                    OneOf(&[
                        Int(1, 256),
                        Table(&[
                            setting("colors", Int(1, 256), "Number of colours."),
                            setting(
                                "dither",
                                Choice(&["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"]),
                                "How missing colours are imitated; \"none\" without it.",
                            ),
                        ]),
                    ]),
                    "Then reduces the colours: their number, or { colors, dither }.",
                ),
            ],
            outputs: &[IMAGE_OUTPUT],
            open: false,
        },
    },
    TaskTypeEntry {
        kind: TaskType::Upscale,
        name: "upscale",
        info: TaskTypeInfo {
            primary: Some("image"),
            inputs: &[IMAGE_INPUT],
            settings: &[
                setting("scale", Float(0.01, 16.0), "Factor for width and height."),
                setting("method", SCALING_METHODS, "Filter when no model is given; \"lanczos\" without it."),
                setting("model", Text, "Upscale model of the server, such as \"4x-UltraSharp.pth\"."),
            ],
            outputs: &[IMAGE_OUTPUT],
            open: false,
        },
    },
    TaskTypeEntry {
        kind: TaskType::Enhance,
        name: "enhance",
        info: TaskTypeInfo {
            primary: Some("image"),
            inputs: &[IMAGE_INPUT],
            settings: &[setting("amount", Float(0.0, 5.0), "Strength of the sharpening when no preset is given.")],
            outputs: &[IMAGE_OUTPUT],
            open: true,
        },
    },
    TaskTypeEntry {
        kind: TaskType::Score,
        name: "score",
        info: TaskTypeInfo {
            primary: Some("image"),
            inputs: &[IMAGE_INPUT],
            settings: &[setting(
                "scorers",
                List(&Text),
                "What to measure: names of metrics or of scorers of comfywright.toml.",
            )],
            outputs: &[IMAGE_OUTPUT],
            open: false,
        },
    },
    TaskTypeEntry {
        kind: TaskType::ContactSheet,
        name: "contact_sheet",
        info: TaskTypeInfo {
            primary: Some("images"),
            inputs: &[InputInfo { list: true, ..input("images", Image, "The pictures, in the order of foreach.") }],
            settings: &[
                setting("columns", Int(1, 1000), "Pictures in a row; about square without it."),
                setting(
                    "labels",
                    OneOf(&[Bool, Text]),
                    "What stands under each picture: true for the keys of its item, false for nothing.",
                ),
                setting("cell", Int(16, 4096), "Longest side of each picture on the sheet, in pixels."),
                setting("background", Color, "Colour of the sheet."),
                setting("title", Text, "Heading of the sheet; only in `with`."),
            ],
            outputs: &[IMAGE_OUTPUT],
            open: false,
        },
    },
    TaskTypeEntry {
        kind: TaskType::Export,
        name: "export",
        info: TaskTypeInfo {
            primary: Some("file"),
            inputs: &[InputInfo { list: true, ..input("file", Any, "What to write: a link to any output.") }],
            settings: &[
                setting("path", Path, "Where to, relative to the workspace's outputs: \"{sku}/{angle}.png\"."),
                setting(
                    "format",
                    Choice(&["png", "jpeg", "webp", "tiff"]),
                    "Format; from the ending of the path without it.",
                ),
                setting("quality", Int(1, 100), "Quality of lossy formats; 90 without it."),
            ],
            outputs: &[output("file", File)],
            open: false,
        },
    },
];
