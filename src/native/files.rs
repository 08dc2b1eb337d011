//! What native nodes read from disk: images, and the frames that savers write.
//!
//! Knows paths and file formats; knows neither graphs nor what an item is.

use std::{fs, io, path::Path, sync::Arc};

use super::{Inputs, NodeError, NodeValue};
pub use crate::outputs::{FileError, inside, read, record, write};
use crate::{
    imagefile::{self, Decoded, Header},
    raster::{Image, Mask},
};

/// Reads and decodes the image at `relative`.
pub fn read_image(root: &Path, relative: &str, limits: &imagefile::Limits) -> Result<Decoded, FileError> {
    let bytes = read(root, relative)?;
    imagefile::decode(&bytes, limits).map_err(|source| FileError::Image { path: relative.to_owned(), source })
}

/// Reads the header of the image at `relative` and compares it with `limits`.
pub fn read_header(root: &Path, relative: &str, limits: &imagefile::Limits) -> Result<Header, FileError> {
    let io = |source| FileError::Io { action: "read", path: relative.to_owned(), source };
    let file = fs::File::open(inside(root, relative)?).map_err(io)?;
    imagefile::header(io::BufReader::new(file))
        .and_then(|header| header.within(limits).map(|()| header))
        .map_err(|source| FileError::Image { path: relative.to_owned(), source })
}

/// `LoadImage`: IMAGE, and MASK = 1 - alpha; 64 x 64 zeros for each frame when there is no alpha.
pub fn load_image(decoded: Decoded) -> Vec<NodeValue> {
    let batch = decoded.image.batch;
    let mask = decoded.mask.filter(|_| !decoded.keyed).unwrap_or_else(|| Mask::filled(batch, 64, 64, 0.0));
    vec![decoded.image.into(), mask.into()]
}

/// `LoadImageMask`: one channel of the first frame; `alpha` gives 1 - alpha, zeros of the image's
/// size when it has none.
pub fn load_image_mask(decoded: Decoded, inputs: &Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let channel = inputs.choice("channel", &[("alpha", 3), ("red", 0), ("green", 1), ("blue", 2)])?;
    let Image { height, width, channels, data, .. } = decoded.image;
    let pixels = height * width;
    let data = match (channel, decoded.mask) {
        (3, Some(mask)) => mask.data[..pixels].to_vec(),
        (3, None) => vec![0.0; pixels],
        _ => data.chunks_exact(channels).take(pixels).map(|pixel| pixel[channel]).collect(),
    };
    Ok(vec![Mask { batch: 1, height, width, data }.into()])
}

/// The images that a saver writes, in order: every frame of an IMAGE, of a MASK (as grey), of each
/// value of a list.
pub fn frames_to_save(value: &NodeValue) -> Result<Vec<(Arc<Image>, usize)>, NodeError> {
    match value {
        NodeValue::Image(image) => Ok((0..image.batch).map(|frame| (Arc::clone(image), frame)).collect()),
        NodeValue::Mask(mask) => {
            let grey = Arc::new(mask_as_image(mask));
            Ok((0..grey.batch).map(|frame| (Arc::clone(&grey), frame)).collect())
        }
        NodeValue::List(list) => {
            list.iter().map(frames_to_save).collect::<Result<Vec<_>, _>>().map(|lists| lists.concat())
        }
        other => Err(NodeError::WrongType {
            input: "images".to_owned(),
            expected: "IMAGE",
            found: other.type_name().to_owned(),
        }),
    }
}

fn mask_as_image(mask: &Mask) -> Image {
    let data = mask.data.iter().flat_map(|value| [*value; 3]).collect();
    Image { batch: mask.batch, height: mask.height, width: mask.width, channels: 3, data }
}
