//! Text that travels in films: files of the MP4 and of the Matroska family, which `.webm` is of.
//!
//! Looks only at the few boxes and elements that hold tags; whatever is cut off or says a wrong
//! length ends the reading there.

/// The start of a Matroska file: the id of its first element.
const EBML: &[u8] = b"\x1a\x45\xdf\xa3";

/// Ids of Matroska elements.
const SEGMENT: u64 = 0x1853_8067;
const TAGS: u64 = 0x1254_c367;
const TAG: u64 = 0x7373;
const SIMPLE_TAG: u64 = 0x67c8;
const TAG_NAME: u64 = 0x45a3;
const TAG_STRING: u64 = 0x4487;

/// The tags of a film, names in lower case, in order of appearance; none for other bytes.
pub(super) fn tags(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    if bytes.starts_with(EBML) {
        return Some(matroska(bytes));
    }
    (bytes.get(4..8)? == b"ftyp").then(|| mp4(bytes))
}

/// ffmpeg's `use_metadata_tags`, which ComfyUI asks for: `moov/udta/meta` with the names in `keys`
/// and the values in `ilst`, in the same order.
fn mp4(bytes: &[u8]) -> Vec<(String, String)> {
    let moov = boxes(bytes).find(|(kind, _)| kind == b"moov").map_or(&[][..], |(_, data)| data);
    let inner = boxes(moov).filter(|(kind, _)| kind == b"udta").flat_map(|(_, data)| boxes(data));
    inner.chain(boxes(moov)).filter(|(kind, _)| kind == b"meta").flat_map(|(_, data)| meta(data)).collect()
}

fn meta(data: &[u8]) -> Vec<(String, String)> {
    // `.mov` has no version and flags here.
    let data = if data.get(4..8) == Some(b"hdlr") { data } else { data.get(4..).unwrap_or_default() };
    let find = |wanted: &[u8; 4]| boxes(data).find(|(kind, _)| kind == wanted).map(|(_, data)| data);
    let keys: Vec<String> = find(b"keys").map(keys).unwrap_or_default();
    let items = boxes(find(b"ilst").unwrap_or_default());
    let name = |kind: [u8; 4]| match &kind {
        b"\xa9cmt" => Some("comment".to_owned()),
        _ => keys.get((u32::from_be_bytes(kind) as usize).checked_sub(1)?).cloned(),
    };
    items.filter_map(|(kind, item)| Some((name(kind)?, value(item)?))).collect()
}

/// The names: a length that counts itself, a name space, the name.
fn keys(data: &[u8]) -> Vec<String> {
    boxes(data.get(8..).unwrap_or_default()).map(|(_, name)| text(name).to_lowercase()).collect()
}

/// The text of an item: a `data` box, whose value follows its type and locale.
fn value(item: &[u8]) -> Option<String> {
    let (_, data) = boxes(item).find(|(kind, _)| kind == b"data")?;
    Some(text(data.get(8..)?))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The boxes that stand one after the other: kind and content. A length of 1 is followed by the
/// real one, 0 means the rest.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let (length, head) = match u32::from_be_bytes(*length) {
            0 => (rest.len(), 8),
            1 => (usize::try_from(u64::from_be_bytes(*after.first_chunk::<8>()?)).ok()?, 16),
            length => (length as usize, 8),
        };
        let data = rest.get(head..length)?;
        rest = &rest[length..];
        Some((*kind, data))
    })
}

fn matroska(bytes: &[u8]) -> Vec<(String, String)> {
    let within = |id: u64, data| elements(data).filter(move |(found, _)| *found == id).map(|(_, data)| data);
    let tags = within(SEGMENT, bytes).flat_map(|d| within(TAGS, d)).flat_map(|d| within(TAG, d));
    let pair = |tag| Some((text(within(TAG_NAME, tag).next()?).to_lowercase(), text(within(TAG_STRING, tag).next()?)));
    tags.flat_map(|d| within(SIMPLE_TAG, d)).filter_map(pair).collect()
}

/// The elements that stand one after the other: id and content. One of unknown length, as live
/// streams have it, is the rest.
fn elements(mut rest: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let (id, after) = number(rest, false)?;
        let (length, after) = number(after, true)?;
        let is_unknown = (1..=8).any(|bytes| length == (1 << (7 * bytes)) - 1);
        let length =
            if is_unknown && length > after.len() as u64 { after.len() } else { usize::try_from(length).ok()? };
        let (data, after) = after.split_at_checked(length)?;
        rest = after;
        Some((id, data))
    })
}

/// A number whose length is told by the zeros before its first bit, which belongs to an id and not
/// to a length.
fn number(bytes: &[u8], is_length: bool) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let count = first.leading_zeros() as usize + 1;
    let (digits, rest) = bytes.split_at_checked(count).filter(|_| count <= 8)?;
    let whole = digits.iter().fold(0, |whole, byte| whole << 8 | u64::from(*byte));
    let marker = if is_length { 1 << (7 * count) } else { 0 };
    Some((whole & !marker, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        [&(data.len() as u32 + 8).to_be_bytes(), &kind[..], data].concat()
    }

    /// A film with one tag, as ffmpeg writes it.
    fn film() -> Vec<u8> {
        let keys = [&[0, 0, 0, 0, 0, 0, 0, 1], &boxed(*b"mdta", b"prompt")[..]].concat();
        let data = [&[0, 0, 0, 1, 0, 0, 0, 0], &b"{}"[..]].concat();
        let item = boxed([0, 0, 0, 1], &boxed(*b"data", &data));
        let meta = [&[0; 4][..], &boxed(*b"hdlr", &[0; 24]), &boxed(*b"keys", &keys), &boxed(*b"ilst", &item)].concat();
        let moov = boxed(*b"moov", &boxed(*b"udta", &boxed(*b"meta", &meta)));
        [boxed(*b"ftyp", b"isom"), boxed(*b"mdat", &[7; 9]), moov].concat()
    }

    #[test]
    fn tags_of_a_film() {
        let expected = vec![("prompt".to_owned(), "{}".to_owned())];
        assert_eq!(tags(&film()), Some(expected));
        assert_eq!(tags(b"\x89PNG\r\n\x1a\n"), None);
    }

    #[test]
    fn wrong_lengths_end_the_reading() {
        let film = film();
        for at in 0..film.len() {
            for byte in [0, 1, 0xff] {
                let mut broken = film.clone();
                broken[at] = byte;
                let _ = tags(&broken);
            }
            let _ = tags(&film[..at]);
        }
        // Lengths shorter than their own head, and longer than there can be.
        for length in [2_u64, 15, u64::MAX] {
            let head = [&1_u32.to_be_bytes()[..], b"moov", &length.to_be_bytes()].concat();
            assert_eq!(tags(&[boxed(*b"ftyp", b""), head].concat()), Some(Vec::new()));
        }
    }

    #[test]
    fn elements_of_every_length() {
        assert_eq!(number(&[0x81, 9], true), Some((1, &[9][..])));
        assert_eq!(number(&[0x40, 0xec], true), Some((0xec, &[][..])));
        assert_eq!(number(&[0x45, 0xa3], false), Some((TAG_NAME, &[][..])));
        assert_eq!(number(&[0, 1, 2], true), None);
        // A segment of unknown length.
        let name = [&[0x45, 0xa3, 0x81][..], b"A"].concat();
        let value = [&[0x44, 0x87, 0x81][..], b"b"].concat();
        let simple = [&[0x67, 0xc8, 0x88][..], &name, &value].concat();
        let tag = [&[0x73, 0x73, 0x80 | simple.len() as u8][..], &simple].concat();
        let all = [&[0x12, 0x54, 0xc3, 0x67, 0x80 | tag.len() as u8][..], &tag].concat();
        let file = [EBML, &[0x80], &[0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255], &all].concat();
        assert_eq!(tags(&file), Some(vec![("a".to_owned(), "b".to_owned())]));
    }
}
