//! Nodes on masks alone: `SolidMask`, `InvertMask`, `CropMask`, `MaskComposite`, `FeatherMask`,
//! `GrowMask`, `ThresholdMask`.

use super::{MAX_SIDE, NativeNode, NodeError, as_large_as, images::margins, mask_bytes, unfit};
use crate::{
    native::value::{Inputs, NodeValue},
    raster::{Mask, MaskOperation, composite_masks, crop_mask, feather_mask, grow_mask, invert_mask, threshold_mask},
};

pub(super) const NODES: &[NativeNode] = &[
    NativeNode { class: "SolidMask", run: solid, bytes: solid_bytes, sized_by: &["width", "height"] },
    NativeNode { class: "InvertMask", run: invert, bytes: as_large_as_mask, sized_by: &["mask"] },
    NativeNode { class: "CropMask", run: crop, bytes: as_large_as_mask, sized_by: &["mask"] },
    NativeNode {
        class: "MaskComposite",
        run: composite,
        bytes: |inputs| as_large_as(inputs, "destination"),
        sized_by: &["destination"],
    },
    NativeNode { class: "FeatherMask", run: feather, bytes: as_large_as_mask, sized_by: &["mask"] },
    NativeNode { class: "GrowMask", run: grow, bytes: as_large_as_mask, sized_by: &["mask"] },
    NativeNode { class: "ThresholdMask", run: threshold, bytes: as_large_as_mask, sized_by: &["mask"] },
];

const OPERATIONS: &[(&str, MaskOperation)] = &[
    ("multiply", MaskOperation::Multiply),
    ("add", MaskOperation::Add),
    ("subtract", MaskOperation::Subtract),
    ("and", MaskOperation::And),
    ("or", MaskOperation::Or),
    ("xor", MaskOperation::Xor),
];

fn as_large_as_mask(inputs: &Inputs) -> Result<u64, NodeError> {
    as_large_as(inputs, "mask")
}

fn solid(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let (width, height) = solid_size(inputs)?;
    let value = inputs.float_in("value", 0.0..=1.0)? as f32;
    Ok(vec![Mask::filled(1, height, width, value).into()])
}

fn solid_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let (width, height) = solid_size(inputs)?;
    Ok(mask_bytes(1, height, width))
}

fn solid_size(inputs: &Inputs) -> Result<(usize, usize), NodeError> {
    Ok((inputs.size_in("width", 1..=MAX_SIDE)?, inputs.size_in("height", 1..=MAX_SIDE)?))
}

fn invert(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    Ok(vec![invert_mask(inputs.take_mask("mask")?).into()])
}

fn crop(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let (x, y) = (inputs.size_in("x", 0..=MAX_SIDE)?, inputs.size_in("y", 0..=MAX_SIDE)?);
    let (width, height) = solid_size(inputs)?;
    let mask = inputs.mask("mask")?;
    let outside = if x < mask.width { "y" } else { "x" };
    Ok(vec![crop_mask(mask, x, y, width, height).map_err(unfit(outside))?.into()])
}

fn composite(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let at = (inputs.size_in("x", 0..=MAX_SIDE)?, inputs.size_in("y", 0..=MAX_SIDE)?);
    let operation = inputs.choice("operation", OPERATIONS)?;
    let combined = composite_masks(inputs.mask("destination")?, inputs.mask("source")?, at, operation);
    Ok(vec![combined.map_err(unfit("source"))?.into()])
}

fn feather(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let margins = margins(inputs)?;
    Ok(vec![feather_mask(inputs.take_mask("mask")?, margins).into()])
}

fn grow(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let expand = inputs.int_in("expand", -MAX_SIDE..=MAX_SIDE)?;
    Ok(vec![grow_mask(inputs.mask("mask")?, expand, inputs.bool("tapered_corners")?).into()])
}

fn threshold(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let threshold = inputs.float_in("value", 0.0..=1.0)?;
    Ok(vec![threshold_mask(inputs.take_mask("mask")?, threshold).into()])
}
