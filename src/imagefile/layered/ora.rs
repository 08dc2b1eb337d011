//! `OpenRaster`: a zip file with a PNG for each layer and a list of them.
//!
//! Source: freedesktop.org, "`OpenRaster` specification" 0.0.6.

use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
};

use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{EncodeError, LayerMode, LayeredPicture};
use crate::{
    imagefile::encode::encode_png_exact,
    raster::{Image, ResizeMethod, resize},
};

/// The longest side of the small picture.
const THUMBNAIL: usize = 256;

/// `picture` as `OpenRaster`. The same picture gives the same bytes.
pub fn encode_ora(picture: &LayeredPicture) -> Result<Vec<u8>, EncodeError> {
    picture.size()?;
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    put(&mut archive, "mimetype", b"image/openraster")?;
    put(&mut archive, "stack.xml", stack(picture).as_bytes())?;
    for (index, layer) in picture.layers.iter().enumerate() {
        put(&mut archive, &file_of(index), &encode_png_exact(&layer.image, 0, 8)?)?;
    }
    put(&mut archive, "mergedimage.png", &encode_png_exact(&picture.merged, 0, 8)?)?;
    put(&mut archive, "Thumbnails/thumbnail.png", &encode_png_exact(&small(&picture.merged)?, 0, 8)?)?;
    archive.finish().map(Cursor::into_inner).map_err(|error| EncodeError::Encoder(error.to_string()))
}

fn file_of(index: usize) -> String {
    format!("data/layer{index}.png")
}

/// Nothing is packed: PNGs are already, and the first file must not be.
fn put(archive: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, bytes: &[u8]) -> Result<(), EncodeError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    archive.start_file(name, options).map_err(|error| EncodeError::Encoder(error.to_string()))?;
    archive.write_all(bytes).map_err(|error| EncodeError::Encoder(error.to_string()))
}

/// The list of layers, from the top down.
fn stack(picture: &LayeredPicture) -> String {
    let Image { width, height, .. } = picture.merged;
    let mut out = format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n<image version=\"0.0.6\" w=\"{width}\" h=\"{height}\">\n <stack>\n"
    );
    for (index, layer) in picture.layers.iter().enumerate().rev() {
        let (name, file, mode) = (escaped(&layer.name), file_of(index), operation(layer.mode));
        let opacity = layer.opacity;
        let _ = writeln!(
            out,
            "  <layer name=\"{name}\" src=\"{file}\" x=\"0\" y=\"0\" opacity=\"{opacity}\" visibility=\"visible\" \
             composite-op=\"{mode}\"/>"
        );
    }
    out.push_str(" </stack>\n</image>\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The specification has no subtraction; Krita's name for it is what others know, or ignore.
fn operation(mode: LayerMode) -> &'static str {
    match mode {
        LayerMode::Normal => "svg:src-over",
        LayerMode::Screen => "svg:screen",
        LayerMode::Add => "svg:plus",
        LayerMode::Subtract => "krita:subtract",
        LayerMode::Multiply => "svg:multiply",
        LayerMode::Darken => "svg:darken",
        LayerMode::Lighten => "svg:lighten",
        LayerMode::Difference => "svg:difference",
    }
}

fn small(image: &Image) -> Result<Image, EncodeError> {
    let factor = THUMBNAIL as f64 / image.width.max(image.height) as f64;
    if factor >= 1.0 {
        return Ok(image.clone());
    }
    let side = |side: usize| ((side as f64 * factor).round() as usize).max(1);
    resize(image, side(image.width), side(image.height), ResizeMethod::Area)
        .map_err(|error| EncodeError::Encoder(error.to_string()))
}
