//! EXIF data that carries text the way ComfyUI writes it: `name:value` in ASCII fields of the
//! first directory, `prompt` in Model (0x0110), the others below it from Make (0x010f) downwards.

use std::io::{BufRead, Cursor, Seek};

use exif::{Context, Field, In, Tag, Value, experimental::Writer};

/// The tag of the first text; each further one is one lower.
const FIRST_TAG: u16 = 0x0110;
const LAST_TAG: u16 = 0x0104;

/// The texts of a file's EXIF data, from the highest tag down; empty when there is none.
pub(super) fn read(reader: &mut (impl BufRead + Seek)) -> Vec<(String, String)> {
    let Ok(data) = exif::Reader::new()
        .continue_on_error(true)
        .read_from_container(reader)
        .or_else(|error| error.distill_partial_result(|_| ()))
    else {
        return Vec::new();
    };
    let mut fields: Vec<_> =
        data.fields().filter(|f| f.ifd_num == In::PRIMARY && f.tag.context() == Context::Tiff).collect();
    fields.sort_by_key(|field| std::cmp::Reverse(field.tag.number()));
    fields
        .into_iter()
        .filter_map(|field| match &field.value {
            Value::Ascii(lines) => Some(String::from_utf8_lossy(&lines.join(&b'\n')).into_owned()),
            _ => None,
        })
        .filter_map(|text| text.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .filter(|(name, _)| crate::ident::is_identifier(name))
        .collect()
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
