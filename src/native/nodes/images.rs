//! Nodes that make, cut, turn and collect images: `EmptyImage`, `ImageCrop`,
//! `ImagePadForOutpaint`, `ImageBatch`, `RepeatImageBatch`, `ImageFromBatch`, `GetImageSize`,
//! `ImageFlip`, `ImageRotate`.

use super::{MAX_SIDE, NativeNode, NodeError, as_large_as, image_bytes, mask_bytes, unfit};
use crate::{
    native::value::{Inputs, NodeValue},
    raster::{Image, append, crop, flip_columns, flip_rows, pad_for_outpaint, repeat, rotate, select},
};

pub(super) const NODES: &[NativeNode] = &[
    NativeNode { class: "EmptyImage", run: empty, bytes: empty_bytes, sized_by: &["width", "height", "batch_size"] },
    NativeNode { class: "ImageCrop", run: crop_image, bytes: as_large_as_image, sized_by: &["image"] },
    NativeNode {
        class: "ImagePadForOutpaint",
        run: pad,
        bytes: pad_bytes,
        sized_by: &["left", "top", "right", "bottom", "image"],
    },
    NativeNode { class: "ImageBatch", run: batch, bytes: batch_bytes, sized_by: &["image1", "image2"] },
    NativeNode { class: "RepeatImageBatch", run: repeat_batch, bytes: repeat_bytes, sized_by: &["amount", "image"] },
    NativeNode { class: "ImageFromBatch", run: from_batch, bytes: as_large_as_image, sized_by: &["image"] },
    NativeNode { class: "GetImageSize", run: size, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "ImageFlip", run: flip, bytes: as_large_as_image, sized_by: &["image"] },
    NativeNode { class: "ImageRotate", run: rotate_image, bytes: as_large_as_image, sized_by: &["image"] },
];

fn as_large_as_image(inputs: &Inputs) -> Result<u64, NodeError> {
    as_large_as(inputs, "image")
}

fn empty(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let (width, height, batch) = empty_size(inputs)?;
    let color = inputs.int_in("color", 0..=0xff_ff_ff)?;
    let channel = |shift: u32| ((color >> shift & 0xff) as f64 / 255.0) as f32;
    let data = [channel(16), channel(8), channel(0)].repeat(batch * height * width);
    Ok(vec![Image { batch, height, width, channels: 3, data }.into()])
}

fn empty_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let (width, height, batch) = empty_size(inputs)?;
    Ok(image_bytes(batch, height, width, 3))
}

fn empty_size(inputs: &Inputs) -> Result<(usize, usize, usize), NodeError> {
    let (width, height) = (inputs.size_in("width", 1..=MAX_SIDE)?, inputs.size_in("height", 1..=MAX_SIDE)?);
    Ok((width, height, inputs.size_in("batch_size", 1..=4096)?))
}

fn crop_image(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let image = inputs.image("image")?;
    let (width, height) = (inputs.size_in("width", 1..=MAX_SIDE)?, inputs.size_in("height", 1..=MAX_SIDE)?);
    let x = inputs.size_in("x", 0..=MAX_SIDE)?.min(image.width - 1);
    let y = inputs.size_in("y", 0..=MAX_SIDE)?.min(image.height - 1);
    Ok(vec![crop(image, x, y, width, height).map_err(unfit("image"))?.into()])
}

fn pad(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let feathering = inputs.size_in("feathering", 0..=MAX_SIDE)?;
    let (image, mask) = pad_for_outpaint(inputs.image("image")?, margins(inputs)?, feathering);
    Ok(vec![image.into(), mask.into()])
}

fn pad_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let image = inputs.image("image")?;
    let [left, top, right, bottom] = margins(inputs)?;
    let (width, height) = (image.width + left + right, image.height + top + bottom);
    Ok(image_bytes(image.batch, height, width, image.channels).saturating_add(mask_bytes(1, height, width)))
}

/// The inputs `left`, `top`, `right` and `bottom`.
pub(super) fn margins(inputs: &Inputs) -> Result<[usize; 4], NodeError> {
    let mut margins = [0; 4];
    for (margin, name) in margins.iter_mut().zip(["left", "top", "right", "bottom"]) {
        *margin = inputs.size_in(name, 0..=MAX_SIDE)?;
    }
    Ok(margins)
}

fn batch(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let batch = append(inputs.image("image1")?, inputs.image("image2")?);
    Ok(vec![batch.map_err(unfit("image2"))?.into()])
}

fn batch_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let (first, second) = (inputs.image("image1")?, inputs.image("image2")?);
    let channels = first.channels.max(second.channels);
    Ok(image_bytes(first.batch + second.batch, first.height, first.width, channels))
}

fn repeat_batch(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    Ok(vec![repeat(inputs.image("image")?, inputs.size_in("amount", 1..=4096)?).into()])
}

fn repeat_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let amount = inputs.int_in("amount", 1..=4096)?;
    Ok(as_large_as_image(inputs)?.saturating_mul(amount.unsigned_abs()))
}

fn from_batch(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let (first, length) = (inputs.size_in("batch_index", 0..=4095)?, inputs.size_in("length", 1..=4096)?);
    Ok(vec![select(inputs.image("image")?, first, length).into()])
}

fn size(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let image = inputs.image("image")?;
    Ok([image.width, image.height, image.batch].map(|size| NodeValue::Int(size as i64)).to_vec())
}

fn flip(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let flip = inputs.choice(
        "flip_method",
        &[
            ("x-axis: vertically", flip_rows as fn(&Image) -> Image),
            ("y-axis: horizontally", flip_columns as fn(&Image) -> Image),
        ],
    )?;
    Ok(vec![flip(inputs.image("image")?).into()])
}

fn rotate_image(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let turns = [("none", 0), ("90 degrees", 1), ("180 degrees", 2), ("270 degrees", 3)];
    Ok(vec![rotate(inputs.image("image")?, inputs.choice("rotation", &turns)?).into()])
}
