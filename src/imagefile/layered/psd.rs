//! Photoshop's own format: 8 bits, grey or RGB, rows packed with `PackBits`.
//!
//! Source: Adobe, "Photoshop File Formats Specification" (2019).

use super::{EncodeError, LayerMode, LayeredPicture, PictureLayer, opacity_byte};
use crate::{
    imagefile::encode::{nearest_bytes, png_color},
    raster::Image,
};

/// The longest side that the format knows.
const LONGEST_SIDE: usize = 30_000;

/// Rows are packed.
const PACK_BITS: u16 = 1;

/// `picture` as PSD. Grey layers make a grey document, others an RGB one; a fourth channel is transparency.
pub fn encode_psd(picture: &LayeredPicture) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = picture.size()?;
    if width.max(height) > LONGEST_SIDE {
        let message = format!("a PSD has at most {LONGEST_SIDE} pixels a side, not {width} x {height}");
        return Err(EncodeError::Encoder(message));
    }
    picture
        .layers
        .iter()
        .map(|layer| &layer.image)
        .chain([&picture.merged])
        .try_for_each(|image| png_color(image.channels).map(drop))?;
    let merged = planes(&picture.merged);
    let is_grey = picture.merged.channels == 1;
    let mut out = b"8BPS\0\x01\0\0\0\0\0\0".to_vec();
    put16(&mut out, merged.len() as u16);
    put32(&mut out, height as u32);
    put32(&mut out, width as u32);
    put16(&mut out, 8);
    put16(&mut out, if is_grey { 1 } else { 3 });
    // No palette, no resources.
    put32(&mut out, 0);
    put32(&mut out, 0);
    let info = layer_info(picture, is_grey);
    put32(&mut out, info.len() as u32 + 8);
    put32(&mut out, info.len() as u32);
    out.extend_from_slice(&info);
    // No mask over all layers.
    put32(&mut out, 0);
    put16(&mut out, PACK_BITS);
    let packed: Vec<Vec<Vec<u8>>> = merged.iter().map(|plane| packed_rows(plane, width)).collect();
    packed.iter().flatten().for_each(|row| put16(&mut out, row.len() as u16));
    packed.iter().flatten().for_each(|row| out.extend_from_slice(row));
    Ok(out)
}

/// The records of all layers, then their pixels; a multiple of four bytes.
fn layer_info(picture: &LayeredPicture, is_grey: bool) -> Vec<u8> {
    let mut out = Vec::new();
    // Negative: the first channel of what they make together beyond the colours is its transparency.
    let count = picture.layers.len() as i16;
    put16(&mut out, if picture.merged.channels == 4 { -count } else { count } as u16);
    let pixels: Vec<Vec<(i16, Vec<u8>)>> = picture.layers.iter().map(|layer| channels(layer, is_grey)).collect();
    for (layer, pixels) in picture.layers.iter().zip(&pixels) {
        record(&mut out, layer, pixels);
    }
    pixels.iter().flatten().for_each(|(_, data)| out.extend_from_slice(data));
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn record(out: &mut Vec<u8>, layer: &PictureLayer, pixels: &[(i16, Vec<u8>)]) {
    for edge in [0, 0, layer.image.height, layer.image.width] {
        put32(out, edge as u32);
    }
    put16(out, pixels.len() as u16);
    for (id, data) in pixels {
        put16(out, *id as u16);
        put32(out, data.len() as u32);
    }
    out.extend_from_slice(b"8BIM");
    out.extend_from_slice(key(layer.mode));
    // Not clipped; visible, and the bit that says so counts.
    out.extend_from_slice(&[opacity_byte(layer.opacity), 0, 0x08, 0]);
    let mut extra = vec![0; 8];
    let short: Vec<u8> = layer.name.bytes().filter(u8::is_ascii).take(255).collect();
    extra.push(short.len() as u8);
    extra.extend_from_slice(&short);
    extra.resize(extra.len().next_multiple_of(4), 0);
    unicode_name(&mut extra, &layer.name);
    put32(out, extra.len() as u32);
    out.extend_from_slice(&extra);
}

/// The name that programs show.
fn unicode_name(out: &mut Vec<u8>, name: &str) {
    let units: Vec<u16> = name.encode_utf16().collect();
    let mut data = Vec::new();
    put32(&mut data, units.len() as u32);
    units.iter().for_each(|unit| put16(&mut data, *unit));
    data.resize(data.len().next_multiple_of(4), 0);
    out.extend_from_slice(b"8BIMluni");
    put32(out, data.len() as u32);
    out.extend_from_slice(&data);
}

fn key(mode: LayerMode) -> &'static [u8; 4] {
    match mode {
        LayerMode::Normal => b"norm",
        LayerMode::Screen => b"scrn",
        LayerMode::Add => b"lddg",
        LayerMode::Subtract => b"fsub",
        LayerMode::Multiply => b"mul ",
        LayerMode::Darken => b"dark",
        LayerMode::Lighten => b"lite",
        LayerMode::Difference => b"diff",
    }
}

/// The channels of a layer: number (-1 is transparency), and its data.
fn channels(layer: &PictureLayer, is_grey: bool) -> Vec<(i16, Vec<u8>)> {
    let mut planes = planes(&layer.image);
    let transparency = (layer.image.channels == 4).then(|| planes.pop()).flatten();
    if planes.len() == 1 && !is_grey {
        planes = vec![planes[0].clone(), planes[0].clone(), planes[0].clone()];
    }
    let opaque = || vec![255; layer.image.width * layer.image.height];
    let numbered = std::iter::once((-1, transparency.unwrap_or_else(opaque))).chain((0_i16..).zip(planes));
    numbered.map(|(id, plane)| (id, packed_channel(&plane, layer.image.width))).collect()
}

fn packed_channel(plane: &[u8], width: usize) -> Vec<u8> {
    let rows = packed_rows(plane, width);
    let mut out = Vec::new();
    put16(&mut out, PACK_BITS);
    rows.iter().for_each(|row| put16(&mut out, row.len() as u16));
    rows.iter().for_each(|row| out.extend_from_slice(row));
    out
}

/// Each channel apart.
fn planes(image: &Image) -> Vec<Vec<u8>> {
    let bytes = nearest_bytes(&image.data);
    (0..image.channels).map(|c| bytes.iter().skip(c).step_by(image.channels).copied().collect()).collect()
}

fn packed_rows(plane: &[u8], width: usize) -> Vec<Vec<u8>> {
    plane.chunks_exact(width).map(pack_bits).collect()
}

/// Runs of 3 to 128 equal bytes as two bytes, others as they are with their number before them.
fn pack_bits(row: &[u8]) -> Vec<u8> {
    let run_at = |at: usize| row[at..].iter().take(128).take_while(|byte| **byte == row[at]).count();
    let mut out = Vec::new();
    let mut at = 0;
    while at < row.len() {
        let run = run_at(at);
        if run >= 3 {
            out.extend_from_slice(&[(257 - run) as u8, row[at]]);
            at += run;
            continue;
        }
        let start = at;
        while at < row.len() && at - start < 128 && run_at(at) < 3 {
            at += 1;
        }
        out.push((at - start - 1) as u8);
        out.extend_from_slice(&row[start..at]);
    }
    out
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the format says that it is unpacked.
    fn unpack(mut packed: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some((head, rest)) = packed.split_first() {
            let count = usize::from(*head);
            if count < 128 {
                out.extend_from_slice(&rest[..=count]);
                packed = &rest[count + 1..];
            } else {
                out.extend(std::iter::repeat_n(rest[0], 257 - count));
                packed = &rest[1..];
            }
        }
        out
    }

    proptest! {
        #[test]
        fn packed_rows_can_be_unpacked(row in prop::collection::vec(0_u8..4, 0..700)) {
            let packed = pack_bits(&row);
            prop_assert_eq!(unpack(&packed), row.clone());
            prop_assert!(packed.len() <= row.len() + row.len().div_ceil(128));
        }
    }

    #[test]
    fn too_long_a_side_is_refused() {
        let image = Image::filled(1, 1, 30_001, 1, 0.0);
        let layer = PictureLayer { name: "a".to_owned(), image: image.clone(), opacity: 1.0, mode: LayerMode::Normal };
        let picture = LayeredPicture { layers: vec![layer], merged: image };
        assert!(encode_psd(&picture).unwrap_err().to_string().contains("30000"));
    }
}
