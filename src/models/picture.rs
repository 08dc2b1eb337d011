//! From a picture to a model's input, and from its output to a mask or scores, as manifests say.

use std::collections::BTreeMap;

use super::ModelError;
use crate::{
    model::{ColorOrder, InputFilter, InputFit, InputScale, ModelInput, ModelManifest, OutputStep},
    raster::{self, Image, Mask, RasterError, ResizeMethod},
    vision,
};

/// Radius of the refinement, in pixels of the model's mask.
const REFINED_PIXELS: f64 = 2.0;

/// Largest radius of the refinement, in pixels of the image.
const MAX_RADIUS: f64 = 64.0;

/// Variance of colour below which the refinement takes a place for flat: steps of 1/50.
const EPSILON: f32 = 4e-4;

/// The values of the input for frame `index` of `image`.
pub(super) fn input(manifest: &ModelManifest, image: &Image, index: usize) -> Result<Vec<f32>, ModelError> {
    let wrong = |error: RasterError| ModelError::Run { name: manifest.name.clone(), reason: error.to_string() };
    let given = &manifest.input;
    let (width, height) = given.size();
    let bytes = rgb_bytes(image, index);
    let old = (image.width, image.height);
    let resize = |size| match given.filter {
        InputFilter::Lanczos => raster::resize_bytes_lanczos(bytes, old, size, 3),
        InputFilter::Bilinear => raster::resize_bytes_bilinear(bytes, old, size, 3),
        InputFilter::Bicubic => raster::resize_bytes_bicubic(bytes, old, size, 3),
    };
    if given.fit == InputFit::Pad {
        let (inner_width, inner_height) = fitted(old, (width, height));
        let bytes = resize((inner_width, inner_height)).map_err(wrong)?;
        return Ok(padded(given, &tensor(manifest, &bytes), (inner_width, inner_height)));
    }
    let bytes = match given.fit {
        InputFit::Stretch | InputFit::Pad => resize((width, height)).map_err(wrong)?,
        InputFit::Middle => {
            let (outer_width, outer_height) = (eight_sevenths(width), eight_sevenths(height));
            let outer = resize((outer_width, outer_height)).map_err(wrong)?;
            middle(&outer, outer_width, outer_height, width, height)
        }
    };
    Ok(tensor(manifest, &bytes))
}

/// The colours of one frame as bytes; values are cut as ComfyUI's `SaveImage` cuts them.
fn rgb_bytes(image: &Image, index: usize) -> Vec<u8> {
    let byte = |value: f32| (255.0 * value).clamp(0.0, 255.0) as u8;
    let mut bytes = Vec::with_capacity(image.width * image.height * 3);
    for pixel in image.frame(index).chunks_exact(image.channels.max(1)) {
        match pixel {
            [r, g, b, ..] => bytes.extend([byte(*r), byte(*g), byte(*b)]),
            _ => bytes.extend([byte(pixel[0]); 3]),
        }
    }
    bytes
}

/// The size of a picture of size `old` whose longer side is that of the input.
pub(super) fn fitted(old: (usize, usize), (width, height): (usize, usize)) -> (usize, usize) {
    let factor = (width as f64 / old.0.max(1) as f64).min(height as f64 / old.1.max(1) as f64);
    let side = |old: usize, most: usize| ((old as f64 * factor + 0.5) as usize).clamp(1, most);
    (side(old.0, width), side(old.1, height))
}

/// `values` of a picture of `inner` pixels at the top left of the input, the rest of which is 0.
fn padded(given: &ModelInput, values: &[f32], inner: (usize, usize)) -> Vec<f32> {
    let (width, height) = given.size();
    // Rows of an image, or rows of each colour.
    let (planes, depth) = if given.channels_last() { (1, 3) } else { (3, 1) };
    let mut all = vec![0.0; planes * height * width * depth];
    for (at, row) in values.chunks_exact((inner.0 * depth).max(1)).enumerate() {
        let (plane, y) = (at / inner.1, at % inner.1);
        all[(plane * height + y) * width * depth..][..row.len()].copy_from_slice(row);
    }
    all
}

fn eight_sevenths(side: usize) -> usize {
    (side * 8).div_ceil(7)
}

fn middle(bytes: &[u8], outer_width: usize, outer_height: usize, width: usize, height: usize) -> Vec<u8> {
    let (left, top) = ((outer_width - width) / 2, (outer_height - height) / 2);
    let rows = bytes.chunks_exact(outer_width * 3).skip(top).take(height);
    rows.flat_map(|row| row[left * 3..(left + width) * 3].iter().copied()).collect()
}

fn tensor(manifest: &ModelManifest, bytes: &[u8]) -> Vec<f32> {
    let given = &manifest.input;
    let scale = match given.scale {
        InputScale::Unit => 255.0,
        InputScale::Peak => f64::from(bytes.iter().copied().max().unwrap_or(0).max(1)),
        InputScale::None => 1.0,
    };
    let order = if given.colors == ColorOrder::Rgb { [0, 1, 2] } else { [2, 1, 0] };
    let number = |list: &[f64], at: usize, default: f64| list.get(at).copied().unwrap_or(default);
    let value = |byte: u8, at: usize| {
        ((f64::from(byte) / scale - number(&given.mean, at, 0.0)) / number(&given.std, at, 1.0)) as f32
    };
    let pixels = bytes.as_chunks::<3>().0;
    if given.channels_last() {
        pixels.iter().flat_map(|pixel| [0, 1, 2].map(|at| value(pixel[order[at]], at))).collect()
    } else {
        (0..3).flat_map(|at| pixels.iter().map(move |pixel| value(pixel[order[at]], at))).collect()
    }
}

/// Turns an input of the model into that of the mirror image.
pub(super) fn mirror(manifest: &ModelManifest, input: &mut [f32]) {
    let (width, _) = manifest.input.size();
    if manifest.input.channels_last() {
        input.as_chunks_mut::<3>().0.chunks_exact_mut(width).for_each(<[[f32; 3]]>::reverse);
    } else {
        input.chunks_exact_mut(width).for_each(<[f32]>::reverse);
    }
}

fn stepped(manifest: &ModelManifest, mut values: Vec<f32>) -> Vec<f32> {
    for step in &manifest.output.then {
        match step {
            OutputStep::Sigmoid => values.iter_mut().for_each(|value| *value = 1.0 / (1.0 + (-*value).exp())),
            OutputStep::Softmax => {
                let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                values.iter_mut().for_each(|value| *value = (*value - largest).exp());
                let sum: f32 = values.iter().sum();
                values.iter_mut().for_each(|value| *value /= sum);
            }
            OutputStep::Stretch => {
                let low = values.iter().copied().fold(f32::INFINITY, f32::min);
                let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                // A flat answer stays what it is: nothing stands out, or everything.
                if high - low > 1e-6 {
                    values.iter_mut().for_each(|value| *value = (*value - low) / (high - low));
                }
            }
        }
    }
    values
}

/// The mask that the values of an output are, at the model's size.
pub(super) fn mask(manifest: &ModelManifest, values: Vec<f32>) -> Result<Mask, ModelError> {
    let [.., height, width] = manifest.output.shape[..] else {
        return Err(ModelError::Run { name: manifest.name.clone(), reason: "its output is no mask".to_owned() });
    };
    let data: Vec<f32> = stepped(manifest, values).into_iter().map(|value| value.clamp(0.0, 1.0)).collect();
    Ok(Mask { batch: 1, height: height as usize, width: width as usize, data })
}

/// The score of each label.
pub(super) fn scores(manifest: &ModelManifest, values: Vec<f32>) -> BTreeMap<String, f64> {
    manifest.output.labels.iter().cloned().zip(stepped(manifest, values).into_iter().map(f64::from)).collect()
}

/// `coarse` at the size of frame `index` of `image`; with `refine`, its edges follow those of the image.
pub(super) fn full_size(coarse: Mask, image: &Image, index: usize, refine: bool) -> Result<Mask, RasterError> {
    let size = (coarse.width, coarse.height);
    let smaller = image.width <= size.0 && image.height <= size.1;
    let method = if smaller { ResizeMethod::Area } else { ResizeMethod::Bilinear };
    let full = raster::resize_mask(coarse, image.width, image.height, method)?;
    if !refine {
        return Ok(full);
    }
    Ok(refined(full, image, index, size))
}

/// `full` with edges that follow those of frame `index` of `image`, after it was made from one of `size` pixels.
pub(super) fn refined(full: Mask, image: &Image, index: usize, size: (usize, usize)) -> Mask {
    // A pixel of the model covers so many of the image: that far off may an edge be.
    let factor = (image.width as f64 / size.0 as f64).max(image.height as f64 / size.1 as f64);
    let radius = (REFINED_PIXELS * factor).round().clamp(1.0, MAX_RADIUS) as usize;
    vision::refine_edges(image, index, full, radius, EPSILON)
}
