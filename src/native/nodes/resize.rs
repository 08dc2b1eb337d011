//! `ImageScale`, `ImageScaleBy`, `ImageScaleToTotalPixels`.

use std::sync::Arc;

use super::{MAX_SIDE, NativeNode, NodeError, image_bytes, unfit};
use crate::{
    native::value::{Inputs, NodeValue},
    raster::{Image, RasterError, ResizeMethod, resize, resize_center},
};

pub(super) const NODES: &[NativeNode] = &[
    NativeNode { class: "ImageScale", run: scale, bytes: scale_bytes, sized_by: &["width", "height", "image"] },
    NativeNode { class: "ImageScaleBy", run: scale_by, bytes: scale_by_bytes, sized_by: &["scale_by", "image"] },
    NativeNode {
        class: "ImageScaleToTotalPixels",
        run: scale_to_pixels,
        bytes: scale_to_pixels_bytes,
        sized_by: &["megapixels", "image"],
    },
];

const METHODS: &[(&str, ResizeMethod)] = &[
    ("nearest-exact", ResizeMethod::NearestExact),
    ("bilinear", ResizeMethod::Bilinear),
    ("area", ResizeMethod::Area),
    ("bicubic", ResizeMethod::Bicubic),
    ("lanczos", ResizeMethod::Lanczos),
];

type Resize = fn(&Image, usize, usize, ResizeMethod) -> Result<Image, RasterError>;

fn scale(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let crop = inputs.choice("crop", &[("disabled", resize as Resize), ("center", resize_center as Resize)])?;
    let method = inputs.choice("upscale_method", METHODS)?;
    match scale_size(inputs)? {
        None => Ok(vec![NodeValue::Image(Arc::clone(inputs.image("image")?))]),
        Some(size) => resized(inputs, size, method, crop, "width"),
    }
}

fn scale_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let image = inputs.image("image")?;
    let (width, height) = scale_size(inputs)?.unwrap_or((image.width, image.height));
    Ok(image_bytes(image.batch, height, width, image.channels))
}

/// A side of 0 follows from the other one and the aspect ratio; none when both are 0.
fn scale_size(inputs: &Inputs) -> Result<Option<(usize, usize)>, NodeError> {
    let image = inputs.image("image")?;
    let (width, height) = (inputs.size_in("width", 0..=MAX_SIDE)?, inputs.size_in("height", 0..=MAX_SIDE)?);
    let follow = |side: usize, given: usize, other: usize| {
        ((side * given) as f64 / other as f64).round_ties_even().max(1.0) as usize
    };
    Ok(match (width, height) {
        (0, 0) => None,
        (0, height) => Some((follow(image.width, height, image.height), height)),
        (width, 0) => Some((width, follow(image.height, width, image.width))),
        both => Some(both),
    })
}

fn scale_by(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let method = inputs.choice("upscale_method", METHODS)?;
    resized(inputs, scale_by_size(inputs)?, method, resize, "scale_by")
}

fn scale_by_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let image = inputs.image("image")?;
    let (width, height) = scale_by_size(inputs)?;
    Ok(image_bytes(image.batch, height, width, image.channels))
}

fn scale_by_size(inputs: &Inputs) -> Result<(usize, usize), NodeError> {
    let factor = inputs.float_in("scale_by", 0.01..=8.0)?;
    Ok(scaled(inputs.image("image")?, factor))
}

fn scale_to_pixels(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let method = inputs.choice("upscale_method", METHODS)?;
    resized(inputs, scale_to_pixels_size(inputs)?, method, resize, "megapixels")
}

fn scale_to_pixels_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let image = inputs.image("image")?;
    let (width, height) = scale_to_pixels_size(inputs)?;
    Ok(image_bytes(image.batch, height, width, image.channels))
}

/// A megapixel has 1024 * 1024 pixels.
fn scale_to_pixels_size(inputs: &Inputs) -> Result<(usize, usize), NodeError> {
    let image = inputs.image("image")?;
    let pixels = (inputs.float_in("megapixels", 0.01..=16.0)? * 1024.0 * 1024.0).trunc();
    Ok(scaled(image, (pixels / (image.width * image.height) as f64).sqrt()))
}

fn scaled(image: &Image, factor: f64) -> (usize, usize) {
    let side = |size: usize| (size as f64 * factor).round_ties_even() as usize;
    (side(image.width), side(image.height))
}

fn resized(
    inputs: &Inputs,
    (width, height): (usize, usize),
    method: ResizeMethod,
    resize: Resize,
    sized_by: &'static str,
) -> Result<Vec<NodeValue>, NodeError> {
    let image = inputs.image("image")?;
    Ok(vec![resize(image, width, height, method).map_err(unfit(sized_by))?.into()])
}
