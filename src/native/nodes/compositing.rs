//! Nodes that combine images, alpha and masks: `ImageCompositeMasked`, `PorterDuffImageComposite`,
//! `JoinImageWithAlpha`, `SplitImageWithAlpha`, `MaskToImage`, `ImageToMask`, `ImageColorToMask`.

use super::{MAX_SIDE, NativeNode, NodeError, as_large_as, image_bytes, mask_bytes, unfit};
use crate::{
    native::value::{Inputs, NodeValue},
    raster::{
        PorterDuffMode, color_to_mask, composite_masked, from_mask, join_alpha, porter_duff, split_alpha, to_mask,
    },
};

pub(super) const NODES: &[NativeNode] = &[
    NativeNode {
        class: "ImageCompositeMasked",
        run: composite,
        bytes: |inputs| as_large_as(inputs, "destination"),
        sized_by: &["destination"],
    },
    NativeNode {
        class: "PorterDuffImageComposite",
        run: porter_duff_images,
        bytes: porter_duff_bytes,
        sized_by: &["destination"],
    },
    NativeNode { class: "JoinImageWithAlpha", run: join, bytes: join_bytes, sized_by: &["image"] },
    NativeNode {
        class: "SplitImageWithAlpha",
        run: split,
        bytes: |inputs| Ok(as_large_as(inputs, "image")?.saturating_add(single_channel_bytes(inputs)?)),
        sized_by: &["image"],
    },
    NativeNode {
        class: "MaskToImage",
        run: mask_to_image,
        bytes: |inputs| Ok(as_large_as(inputs, "mask")?.saturating_mul(3)),
        sized_by: &["mask"],
    },
    NativeNode { class: "ImageToMask", run: image_to_mask, bytes: single_channel_bytes, sized_by: &["image"] },
    NativeNode {
        class: "ImageColorToMask",
        run: image_color_to_mask,
        bytes: single_channel_bytes,
        sized_by: &["image"],
    },
];

const PORTER_DUFF_MODES: &[(&str, PorterDuffMode)] = &[
    ("ADD", PorterDuffMode::Add),
    ("CLEAR", PorterDuffMode::Clear),
    ("DARKEN", PorterDuffMode::Darken),
    ("DST", PorterDuffMode::Dst),
    ("DST_ATOP", PorterDuffMode::DstAtop),
    ("DST_IN", PorterDuffMode::DstIn),
    ("DST_OUT", PorterDuffMode::DstOut),
    ("DST_OVER", PorterDuffMode::DstOver),
    ("LIGHTEN", PorterDuffMode::Lighten),
    ("MULTIPLY", PorterDuffMode::Multiply),
    ("OVERLAY", PorterDuffMode::Overlay),
    ("SCREEN", PorterDuffMode::Screen),
    ("SRC", PorterDuffMode::Src),
    ("SRC_ATOP", PorterDuffMode::SrcAtop),
    ("SRC_IN", PorterDuffMode::SrcIn),
    ("SRC_OUT", PorterDuffMode::SrcOut),
    ("SRC_OVER", PorterDuffMode::SrcOver),
    ("XOR", PorterDuffMode::Xor),
];

fn composite(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let at = (inputs.size_in("x", 0..=MAX_SIDE)?, inputs.size_in("y", 0..=MAX_SIDE)?);
    let mask = inputs.optional_mask("mask")?.map(AsRef::as_ref);
    let (destination, source) = (inputs.image("destination")?, inputs.image("source")?);
    let pasted = composite_masked(destination, source, mask, at, inputs.bool("resize_source")?);
    Ok(vec![pasted.map_err(unfit("source"))?.into()])
}

fn porter_duff_images(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let mode = inputs.choice("mode", PORTER_DUFF_MODES)?;
    let source = (&**inputs.image("source")?, &**inputs.mask("source_alpha")?);
    let destination = (&**inputs.image("destination")?, &**inputs.mask("destination_alpha")?);
    let (image, mask) = porter_duff(source, destination, mode).map_err(unfit("source"))?;
    Ok(vec![image.into(), mask.into()])
}

fn porter_duff_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let image = inputs.image("destination")?;
    Ok(image_bytes(image.batch, image.height, image.width, image.channels + 1))
}

fn join(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let joined = join_alpha(inputs.take_image("image")?, inputs.take_mask("alpha")?);
    Ok(vec![joined.map_err(unfit("alpha"))?.into()])
}

fn join_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let image = inputs.image("image")?;
    Ok(image_bytes(image.batch, image.height, image.width, image.channels.min(3) + 1))
}

fn split(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let (image, mask) = split_alpha(inputs.image("image")?);
    Ok(vec![image.into(), mask.into()])
}

fn single_channel_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let image = inputs.image("image")?;
    Ok(mask_bytes(image.batch, image.height, image.width))
}

fn mask_to_image(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    Ok(vec![from_mask(inputs.mask("mask")?).into()])
}

fn image_to_mask(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let channel = inputs.choice("channel", &[("red", 0), ("green", 1), ("blue", 2), ("alpha", 3)])?;
    Ok(vec![to_mask(inputs.image("image")?, channel).map_err(unfit("image"))?.into()])
}

fn image_color_to_mask(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let color = inputs.int_in("color", 0..=0xff_ff_ff)?;
    Ok(vec![color_to_mask(inputs.image("image")?, color as u32).map_err(unfit("image"))?.into()])
}
