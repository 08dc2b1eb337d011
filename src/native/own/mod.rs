//! comfywright's own classes, which tasks are lowered to where ComfyUI has none:
//!
//! | class | inputs | outputs |
//! |---|---|---|
//! | `ComfywrightMask` | `image` IMAGE, `layers` list of layers, `detector`, `outliner` models | MASK merged, MASK one for each layer |
//! | `ComfywrightMaskExport` | `image` IMAGE, `mask` MASK, `masks` MASK, `layers`, `path`, `format`, … | none |
//! | `ComfywrightSalient` | `image` IMAGE, `model` name, `refine` | MASK |
//! | `ComfywrightDecontaminate` | `image` IMAGE, `mask` MASK | IMAGE |
//! | `ComfywrightContactSheet` | `images` files or IMAGE, `columns`, `cell`, `labels`, `title`, `background` | IMAGE |
//! | `ComfywrightScore` | `image` IMAGE, `metrics` list of names | IMAGE passed on, a FLOAT for each metric |
//! | `ComfywrightExport` | `images` files, IMAGE or MASK; `path`, `format`, `quality` | none |

mod candidates;
mod contact_sheet;
mod cutout;
mod export;
mod finder;
mod mask;
mod mask_export;
mod mask_layer;
mod mask_things;
mod outline;
mod score;

pub use finder::{DEFAULT_CONFIDENCE, Finder, FoundThing, FoundThings};
pub use mask::{DrawnMask, draw_mask};
pub use mask_export::mask_files;
pub use mask_layer::finished;
pub use outline::cut_out;

use super::step::{Step, StepError, StepOutput};

/// The classes.
pub(super) const CLASSES: &[&str] = &[
    "ComfywrightMask",
    "ComfywrightMaskExport",
    "ComfywrightSalient",
    "ComfywrightDecontaminate",
    "ComfywrightContactSheet",
    "ComfywrightScore",
    "ComfywrightExport",
];

/// Runs a node of one of [`CLASSES`].
pub(super) fn run(step: &mut Step<'_>) -> Result<StepOutput, StepError> {
    match step.class {
        "ComfywrightMask" => mask::run(step),
        "ComfywrightMaskExport" => mask_export::run(step),
        "ComfywrightSalient" => cutout::salient(step),
        "ComfywrightDecontaminate" => cutout::decontaminate(step),
        "ComfywrightContactSheet" => contact_sheet::run(step),
        "ComfywrightScore" => score::run(step),
        _ => export::run(step),
    }
}

/// An upper estimate of the bytes that a node of one of [`CLASSES`] needs beside its inputs.
pub(super) fn bytes(step: &Step<'_>) -> Result<u64, StepError> {
    match step.class {
        "ComfywrightMask" => mask::bytes(step),
        "ComfywrightMaskExport" => mask_export::bytes(step),
        "ComfywrightSalient" => cutout::salient_bytes(step),
        "ComfywrightDecontaminate" => cutout::decontaminate_bytes(step),
        "ComfywrightContactSheet" => contact_sheet::bytes(step),
        // The luma, and the responses of a filter, in `f64`.
        "ComfywrightScore" => Ok(step.inputs.image("image")?.data.len() as u64 * 8),
        _ => export::bytes(step),
    }
}
