//! EXIF data that carries text the way ComfyUI writes it: `name:value` in ASCII fields of the
//! first directory, `prompt` in Model (0x0110), the others below it from Make (0x010f) downwards.
//! Savers around ComfyUI use the user's comment, too.

use std::io::Cursor;

use exif::{Context, Field, In, Tag, Value, experimental::Writer};

use super::metadata::{comment, named};

/// The tag of the first text; each further one is one lower.
const FIRST_TAG: u16 = 0x0110;
const LAST_TAG: u16 = 0x0104;

/// The texts of a file's EXIF data, from the highest tag down; empty when there is none.
pub(super) fn read(bytes: &[u8]) -> Vec<(String, String)> {
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    let found = match webp_chunk(bytes) {
        Some(data) => reader.read_raw(data.to_vec()),
        None => reader.read_from_container(&mut Cursor::new(bytes)),
    };
    let Ok(data) = found.or_else(|error| error.distill_partial_result(|_| ())) else { return Vec::new() };
    let mut fields: Vec<_> =
        data.fields().filter(|f| f.ifd_num == In::PRIMARY && f.tag.context() == Context::Tiff).collect();
    fields.sort_by_key(|field| std::cmp::Reverse(field.tag.number()));
    let of_field = |field: &Field| match &field.value {
        Value::Ascii(lines) => named(&String::from_utf8_lossy(&lines.join(&b'\n'))),
        _ => None,
    };
    let own = data.get_field(Tag::UserComment, In::PRIMARY).map(|field| match &field.value {
        // Undefined by the standard; Pillow writes bytes.
        Value::Undefined(bytes, _) | Value::Byte(bytes) => comment(&comment_text(bytes)),
        _ => Vec::new(),
    });
    fields.into_iter().filter_map(of_field).chain(own.unwrap_or_default()).collect()
}

/// The EXIF data of a WebP. Pillow begins it as in a JPEG when the picture is animated.
fn webp_chunk(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBP")?;
    loop {
        let (kind, after) = rest.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let data = after.get(..length)?;
        if kind == b"EXIF" {
            return Some(data.strip_prefix(b"Exif\0\0").unwrap_or(data));
        }
        // Chunks begin at even places.
        rest = after.get(length + length % 2..)?;
    }
}

/// A user's comment: eight bytes that name its character set, then the text. Of the two orders of
/// bytes of UTF-16, which nothing tells, the one that gives more letters of ASCII.
fn comment_text(bytes: &[u8]) -> String {
    let Some((set, text)) = bytes.split_first_chunk::<8>() else { return String::new() };
    if set != b"UNICODE\0" {
        return String::from_utf8_lossy(text).trim_matches('\0').to_owned();
    }
    let zeros = |at: usize| text.iter().skip(at).step_by(2).filter(|byte| **byte == 0).count();
    let unit = if zeros(0) >= zeros(1) { u16::from_be_bytes } else { u16::from_le_bytes };
    let units: Vec<u16> = text.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).trim_start_matches('\u{feff}').trim_matches('\0').to_owned()
}

/// EXIF data with `texts`, or none when there are none or they are longer than `max` bytes; then
/// the longest ones are left out first.
pub(super) fn write(texts: &[(&str, &str)], max: usize) -> Option<Vec<u8>> {
    let mut kept: Vec<_> = texts.iter().take(usize::from(FIRST_TAG - LAST_TAG) + 1).copied().collect();
    while !kept.is_empty() {
        let data = encode(&kept)?;
        if data.len() <= max {
            return Some(data);
        }
        let longest = kept.iter().enumerate().max_by_key(|(_, (_, value))| value.len())?.0;
        kept.remove(longest);
    }
    None
}

fn encode(texts: &[(&str, &str)]) -> Option<Vec<u8>> {
    let fields: Vec<_> = (LAST_TAG..=FIRST_TAG)
        .rev()
        .zip(texts)
        .map(|(tag, (name, value))| Field {
            tag: Tag(Context::Tiff, tag),
            ifd_num: In::PRIMARY,
            value: Value::Ascii(vec![format!("{name}:{value}").into_bytes()]),
        })
        .collect();
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut out = Cursor::new(Vec::new());
    writer.write(&mut out, true).ok()?;
    Some(out.into_inner())
}
