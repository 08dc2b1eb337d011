//! Small pictures of large ones, to look at.

use super::{EncodeError, Limits, decode, encode_jpeg, encode_webp};
use crate::raster::{Image, ResizeMethod, resize};

/// A small picture, as WebP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The file.
    pub bytes: Vec<u8>,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Columns and rows of the original.
    pub original: (usize, usize),
}

/// The first frame of an image file in a square of `sides[0]` pixels, never enlarged; in that of a
/// later one of `sides` when the file would have more than `most_bytes`. The last one is taken
/// however large it is.
///
/// # Errors
/// When the file is no image, or larger than `limits`; says "failed to …".
pub fn thumbnail(bytes: &[u8], limits: &Limits, sides: &[usize], most_bytes: usize) -> Result<Thumbnail, String> {
    let decoded = decode(bytes, limits).map_err(|e| format!("failed to {e}"))?.into_image();
    let original = (decoded.width, decoded.height);
    let mut image = first_frame(decoded);
    let mut found = None;
    for side in sides {
        image = within(image, *side)?;
        let bytes = encode_webp(&image, 0, &[]).map_err(|e| format!("failed to {e}"))?;
        let fits = bytes.len() <= most_bytes;
        found = Some(Thumbnail { bytes, width: image.width, height: image.height, original });
        if fits {
            break;
        }
    }
    found.ok_or_else(|| "failed to make a thumbnail of no size".to_owned())
}

/// A small picture in whichever format it is smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallPicture {
    /// `image/webp` or `image/jpeg`.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Quality of small pictures as JPEG.
const SMALL_QUALITY: u8 = 74;

/// As [`thumbnail`], as WebP or, where nothing of it is transparent, as JPEG: photographs are
/// smaller so, and drawings the other way.
///
/// # Errors
/// When the file is no image, or larger than `limits`; says "failed to …".
pub fn small_picture(
    bytes: &[u8],
    limits: &Limits,
    sides: &[usize],
    most_bytes: usize,
) -> Result<SmallPicture, String> {
    let mut image = first_frame(decode(bytes, limits).map_err(|e| format!("failed to {e}"))?.into_image());
    let mut found = None;
    for side in sides {
        image = within(image, *side)?;
        let picture = smallest(&image).map_err(|e| format!("failed to {e}"))?;
        let fits = picture.bytes.len() <= most_bytes;
        found = Some(picture);
        if fits {
            break;
        }
    }
    found.ok_or_else(|| "failed to make a picture of no size".to_owned())
}

fn smallest(image: &Image) -> Result<SmallPicture, EncodeError> {
    let lossless = SmallPicture { media_type: "image/webp", bytes: encode_webp(image, 0, &[])? };
    let is_opaque = image.channels != 4 || image.data.chunks_exact(4).all(|pixel| pixel[3] >= 1.0);
    if !is_opaque {
        return Ok(lossless);
    }
    let lossy = SmallPicture { media_type: "image/jpeg", bytes: encode_jpeg(image, 0, SMALL_QUALITY, &[])? };
    Ok(if lossy.bytes.len() < lossless.bytes.len() { lossy } else { lossless })
}

fn first_frame(image: Image) -> Image {
    let length = image.frame_len();
    let mut data = image.data;
    data.truncate(length);
    Image { batch: 1, data, ..image }
}

fn within(image: Image, side: usize) -> Result<Image, String> {
    let longest = image.width.max(image.height);
    if longest <= side {
        return Ok(image);
    }
    let scaled = |pixels: usize| (pixels * side + longest / 2).checked_div(longest).unwrap_or(0).max(1);
    resize(&image, scaled(image.width), scaled(image.height), ResizeMethod::Area).map_err(|e| format!("failed to {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imagefile::{encode_png, size};

    fn noise(width: usize, height: usize) -> Vec<u8> {
        let data = (0..width * height * 3).map(|i| ((i * 2_654_435_761) % 256) as f32 / 255.0).collect();
        encode_png(&Image { batch: 1, height, width, channels: 3, data }, 0, &[]).unwrap()
    }

    #[test]
    fn sides_shrink_until_the_file_is_small_enough() {
        let picture = noise(600, 300);
        let made = |most| thumbnail(&picture, &Limits::default(), &[512, 64], most).unwrap();
        let large = made(usize::MAX);
        assert_eq!((large.width, large.height, large.original), (512, 256, (600, 300)));
        assert_eq!(size(&large.bytes).unwrap(), (512, 256));
        assert_eq!((made(20_000).width, made(20_000).height), (64, 32));
        assert_eq!(made(1).width, 64, "the last one is taken in any case");
    }

    #[test]
    fn photographs_become_jpeg_and_the_rest_webp() {
        let small = |bytes: &[u8]| small_picture(bytes, &Limits::default(), &[64, 32], usize::MAX).unwrap();
        let photo = small(&noise(600, 300));
        assert_eq!((photo.media_type, size(&photo.bytes).unwrap()), ("image/jpeg", (64, 32)));
        let one_colour = |channels: usize, value: f32| {
            let image = Image { batch: 1, height: 40, width: 40, channels, data: vec![value; 40 * 40 * channels] };
            encode_png(&image, 0, &[]).unwrap()
        };
        assert_eq!(small(&one_colour(3, 0.5)).media_type, "image/webp");
        assert_eq!(small(&one_colour(4, 0.5)).media_type, "image/webp");
        let shrunk = small_picture(&noise(600, 300), &Limits::default(), &[64, 32], 500).unwrap();
        assert_eq!(size(&shrunk.bytes).unwrap(), (32, 16));
    }

    #[test]
    fn small_pictures_stay_and_broken_ones_are_told() {
        let made = thumbnail(&noise(3, 700), &Limits::default(), &[512], usize::MAX).unwrap();
        assert_eq!((made.width, made.height), (2, 512));
        assert_eq!(thumbnail(&noise(5, 4), &Limits::default(), &[512], usize::MAX).unwrap().width, 5);
        assert!(thumbnail(b"no image", &Limits::default(), &[512], 9).unwrap_err().starts_with("failed to"));
    }
}
