//! Text that travels in image files: workflows, prompts, provenance.

use std::io::Read;

use flate2::read::ZlibDecoder;

use serde_json::Value;

use super::{exif, film};
use crate::ident::is_identifier;

/// Longest text that a compressed chunk may grow to.
const MAX_INFLATED: u64 = 32 << 20;

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Names under which ComfyUI and savers around it keep a graph.
const GRAPHS: [&str; 2] = ["prompt", "workflow"];

/// The text chunks of a PNG in order of appearance: tEXt, zTXt, iTXt, and ComfyUI's own comf, which
/// it writes into animations. Empty for other bytes.
///
/// Text is read as UTF-8 where it is UTF-8, else as Latin-1. Compressed text that is broken or
/// longer than 32 MiB is left out.
pub fn text_chunks(bytes: &[u8]) -> Vec<(String, String)> {
    chunks(bytes)
        .filter_map(|(kind, data)| match &kind {
            b"tEXt" | b"comf" => plain(data),
            b"zTXt" => compressed(data),
            b"iTXt" => international(data),
            _ => None,
        })
        .collect()
}

/// Everything that ComfyUI and its savers write into a file: the text chunks of a PNG; from the
/// EXIF data of a WebP or JPEG every text `name:value` of its first directory, where ComfyUI puts
/// `prompt:{…}` and `workflow:{…}`, and of the user's comment; the tags of films. A comment that holds both graphs as one JSON object gives them by their names.
pub fn metadata(bytes: &[u8]) -> Vec<(String, String)> {
    if bytes.starts_with(PNG_SIGNATURE) {
        return text_chunks(bytes);
    }
    let Some(tags) = film::tags(bytes) else { return exif::read(bytes) };
    let is_comment = |name: &str| name == "comment";
    let texts = tags
        .into_iter()
        .flat_map(|(name, value)| if is_comment(&name) { comment(&value) } else { vec![(name, value)] });
    texts.collect()
}

/// What a comment says: graphs in one JSON object, or one text `name:value`.
pub(super) fn comment(text: &str) -> Vec<(String, String)> {
    if let Ok(Value::Object(both)) = serde_json::from_str(text) {
        let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return GRAPHS.iter().filter_map(|name| Some(((*name).to_owned(), value(both.get(*name)?)))).collect();
    }
    named(text).into_iter().collect()
}

/// The text `name:value` in its parts.
pub(super) fn named(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':').filter(|(name, _)| is_identifier(name))?;
    let known = GRAPHS.iter().find(|known| known.eq_ignore_ascii_case(name));
    Some((known.map_or(name, |known| *known).to_owned(), value.to_owned()))
}

/// The chunks of a PNG: type and data. Ends at the first one that is cut off.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes.strip_prefix(PNG_SIGNATURE).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let data = after.get(..u32::from_be_bytes(*length) as usize)?;
        rest = after.get(data.len() + 4..).unwrap_or_default();
        Some((*kind, data))
    })
}

fn split_at_zero(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = data.iter().position(|b| *b == 0)?;
    Some((&data[..at], &data[at + 1..]))
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

fn inflated(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    ZlibDecoder::new(data).take(MAX_INFLATED + 1).read_to_end(&mut out).ok()?;
    (out.len() as u64 <= MAX_INFLATED).then_some(out)
}

fn plain(data: &[u8]) -> Option<(String, String)> {
    let (key, value) = split_at_zero(data)?;
    Some((text(key), text(value)))
}

fn compressed(data: &[u8]) -> Option<(String, String)> {
    let (key, rest) = split_at_zero(data)?;
    let (0, data) = rest.split_first()? else { return None };
    Some((text(key), text(&inflated(data)?)))
}

fn international(data: &[u8]) -> Option<(String, String)> {
    let (key, rest) = split_at_zero(data)?;
    let ([flag, _method], rest) = rest.split_first_chunk::<2>()?;
    let (_language, rest) = split_at_zero(rest)?;
    let (_translated, value) = split_at_zero(rest)?;
    let value = if *flag == 0 { text(value) } else { text(&inflated(value)?) };
    Some((text(key), value))
}
