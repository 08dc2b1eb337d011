//! Nodes that change values: `ImageInvert`, `ImageBlend`, `ImageBlur`, `ImageSharpen`,
//! `ImageQuantize`.

use super::{NativeNode, NodeError, as_large_as, image_bytes, unfit};
use crate::{
    native::value::{Inputs, NodeValue},
    raster::{BlendMode, Dither, blend, blur, invert, quantize, sharpen},
};

pub(super) const NODES: &[NativeNode] = &[
    NativeNode { class: "ImageInvert", run: invert_image, bytes: as_large_as_image, sized_by: &["image"] },
    NativeNode { class: "ImageBlend", run: blend_images, bytes: blend_bytes, sized_by: &["image1", "image2"] },
    NativeNode { class: "ImageBlur", run: blur_image, bytes: as_large_as_image, sized_by: &["image"] },
    NativeNode { class: "ImageSharpen", run: sharpen_image, bytes: as_large_as_image, sized_by: &["image"] },
    NativeNode { class: "ImageQuantize", run: quantize_image, bytes: as_large_as_image, sized_by: &["image"] },
];

const BLEND_MODES: &[(&str, BlendMode)] = &[
    ("normal", BlendMode::Normal),
    ("multiply", BlendMode::Multiply),
    ("screen", BlendMode::Screen),
    ("overlay", BlendMode::Overlay),
    ("soft_light", BlendMode::SoftLight),
    ("difference", BlendMode::Difference),
];

const DITHERS: &[(&str, Dither)] = &[
    ("none", Dither::None),
    ("floyd-steinberg", Dither::FloydSteinberg),
    ("bayer-2", Dither::Bayer(2)),
    ("bayer-4", Dither::Bayer(4)),
    ("bayer-8", Dither::Bayer(8)),
    ("bayer-16", Dither::Bayer(16)),
];

fn as_large_as_image(inputs: &Inputs) -> Result<u64, NodeError> {
    as_large_as(inputs, "image")
}

fn invert_image(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    Ok(vec![invert(inputs.take_image("image")?).into()])
}

fn blend_images(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let factor = inputs.float_in("blend_factor", 0.0..=1.0)?;
    let mode = inputs.choice("blend_mode", BLEND_MODES)?;
    let blended = blend(inputs.image("image1")?, inputs.image("image2")?, factor, mode);
    Ok(vec![blended.map_err(unfit("image2"))?.into()])
}

fn blend_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let (first, second) = (inputs.image("image1")?, inputs.image("image2")?);
    Ok(image_bytes(first.batch.max(second.batch), first.height, first.width, first.channels))
}

fn blur_image(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let (radius, sigma) = (inputs.size_in("blur_radius", 1..=31)?, inputs.float_in("sigma", 0.1..=10.0)?);
    Ok(vec![blur(inputs.image("image")?, radius, sigma).map_err(unfit("blur_radius"))?.into()])
}

fn sharpen_image(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let (radius, sigma) = (inputs.size_in("sharpen_radius", 1..=31)?, inputs.float_in("sigma", 0.1..=10.0)?);
    let alpha = inputs.float_in("alpha", 0.0..=5.0)?;
    Ok(vec![sharpen(inputs.image("image")?, radius, sigma, alpha).map_err(unfit("sharpen_radius"))?.into()])
}

fn quantize_image(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let (colors, dither) = (inputs.size_in("colors", 1..=256)?, inputs.choice("dither", DITHERS)?);
    Ok(vec![quantize(inputs.image("image")?, colors, dither).map_err(unfit("image"))?.into()])
}
