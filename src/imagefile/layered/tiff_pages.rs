//! TIFF with a page for each layer: its name in `PageName`, its weight and mode as JSON in `ImageDescription`.

use std::io::Cursor;

use serde_json::json;
use tiff::{
    encoder::{Compression, DeflateLevel, TiffEncoder, colortype},
    tags::{ExtraSamples, Tag},
};

use super::{EncodeError, LayeredPicture};
use crate::{
    imagefile::encode::{nearest_bytes, nearest_words, sides},
    raster::Image,
};

const PAGE_NAME: Tag = Tag::Unknown(285);
const PAGE_NUMBER: Tag = Tag::Unknown(297);

/// One page of several.
const PAGE: u32 = 2;

/// The layers of `picture`, from the bottom up, as pages of 8 or 16 bits a sample; then, as the last one, what they
/// make together, named `merged`.
pub fn encode_tiff_pages(picture: &LayeredPicture, bits: u8) -> Result<Vec<u8>, EncodeError> {
    picture.size()?;
    let layers = picture.layers.iter().map(|layer| {
        let about = json!({ "layer": layer.name, "opacity": layer.opacity, "blend": layer.mode.name() });
        (layer.name.as_str(), &layer.image, about)
    });
    let merged = ("merged", &picture.merged, json!({ "merged": true }));
    pages(&layers.chain([merged]).collect::<Vec<_>>(), bits)
}

/// One picture of 8 or 16 bits a sample.
pub fn encode_tiff_page(image: &Image, bits: u8) -> Result<Vec<u8>, EncodeError> {
    if image.frame_len() == 0 || image.data.len() < image.frame_len() {
        return Err(EncodeError::Frame(0));
    }
    pages(&[("mask", image, json!({}))], bits)
}

fn pages(pages: &[(&str, &Image, serde_json::Value)], bits: u8) -> Result<Vec<u8>, EncodeError> {
    let mut out = Cursor::new(Vec::new());
    let failed = |error: tiff::TiffError| EncodeError::Encoder(error.to_string());
    let mut encoder =
        TiffEncoder::new(&mut out).map_err(failed)?.with_compression(Compression::Deflate(DeflateLevel::Balanced));
    for (number, (name, image, about)) in pages.iter().enumerate() {
        let (width, height) = sides(image)?;
        let about = about.to_string();
        let numbers = [number as u16, pages.len() as u16];
        macro_rules! page {
            ($color:ty, $samples:expr, $alpha:expr) => {{
                let mut page = encoder.new_image::<$color>(width, height).map_err(failed)?;
                if $alpha {
                    page.extra_samples(&[ExtraSamples::UnassociatedAlpha]).map_err(failed)?;
                }
                let directory = page.encoder();
                directory.write_tag(Tag::NewSubfileType, PAGE).map_err(failed)?;
                directory.write_tag(PAGE_NAME, *name).map_err(failed)?;
                directory.write_tag(PAGE_NUMBER, &numbers[..]).map_err(failed)?;
                directory.write_tag(Tag::ImageDescription, about.as_str()).map_err(failed)?;
                page.write_data(&$samples).map_err(failed)?;
            }};
        }
        match (image.channels, bits) {
            (1, 16) => page!(colortype::Gray16, nearest_words(&image.data), false),
            (3, 16) => page!(colortype::RGB16, nearest_words(&image.data), false),
            (4, 16) => page!(colortype::RGB16, nearest_words(&image.data), true),
            (1, _) => page!(colortype::Gray8, nearest_bytes(&image.data), false),
            (3, _) => page!(colortype::RGB8, nearest_bytes(&image.data), false),
            (4, _) => page!(colortype::RGB8, nearest_bytes(&image.data), true),
            (other, _) => return Err(EncodeError::Channels(other)),
        }
    }
    Ok(out.into_inner())
}
