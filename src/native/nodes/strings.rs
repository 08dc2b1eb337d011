//! String nodes without patterns, with Python's meaning of letters, white space and positions
//! (Unicode code points): `StringConcatenate`, `StringSubstring`, `StringLength`, `CaseConverter`,
//! `StringTrim`, `StringReplace`, `StringContains`, `StringCompare`.

use super::{NativeNode, NodeError};
use crate::native::value::{Inputs, NodeValue};

pub(super) const NODES: &[NativeNode] = &[
    NativeNode { class: "StringConcatenate", run: concatenate, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "StringSubstring", run: substring, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "StringLength", run: length, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "CaseConverter", run: convert_case, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "StringTrim", run: trim, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "StringReplace", run: replace, bytes: replace_bytes, sized_by: &["string", "replace"] },
    NativeNode { class: "StringContains", run: contains, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "StringCompare", run: compare, bytes: |_| Ok(0), sized_by: &[] },
];

/// A choice and what it does.
type Mode<F> = (&'static str, F);
type Convert = fn(&str) -> String;
type Trim = fn(&str) -> &str;
type Compare = fn(&str, &str) -> bool;

fn text(text: impl Into<String>) -> Vec<NodeValue> {
    vec![NodeValue::String(text.into())]
}

fn concatenate(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let parts = [inputs.string("string_a")?, inputs.string("string_b")?];
    Ok(text(parts.join(&inputs.string("delimiter")?)))
}

fn substring(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let string = inputs.string("string")?;
    let count = string.chars().count();
    let (start, end) = (slice_position(inputs.int("start")?, count), slice_position(inputs.int("end")?, count));
    Ok(text(string.chars().skip(start).take(end.saturating_sub(start)).collect::<String>()))
}

/// Where a position of a Python slice lies: negative ones count from the end.
fn slice_position(position: i64, count: usize) -> usize {
    let size = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
    if position < 0 { count.saturating_sub(size) } else { size.min(count) }
}

fn length(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    Ok(vec![NodeValue::Int(inputs.string("string")?.chars().count() as i64)])
}

fn convert_case(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let modes: [Mode<Convert>; 4] = [
        ("UPPERCASE", |string| string.to_uppercase()),
        ("lowercase", |string| string.to_lowercase()),
        ("Capitalize", capitalize),
        ("Title Case", title_case),
    ];
    Ok(text(inputs.choice("mode", &modes)?(&inputs.string("string")?)))
}

/// Python's `str.capitalize`.
fn capitalize(string: &str) -> String {
    let mut chars = string.chars();
    match chars.next() {
        Some(first) => title_char(first) + &string.to_lowercase()[lower_len(first)..],
        None => String::new(),
    }
}

/// Python's `str.title`: the first of every run of letters that have case.
fn title_case(string: &str) -> String {
    let lower = string.to_lowercase();
    let mut out = String::with_capacity(lower.len());
    let mut rest = lower.as_str();
    let mut in_word = false;
    for char in string.chars() {
        let (same, after) = rest.split_at(lower_len(char));
        if is_cased(char) && !in_word {
            out += &title_char(char);
        } else {
            out += same;
        }
        rest = after;
        in_word = is_cased(char);
    }
    out
}

/// Bytes of the lower case of `char`. A final sigma is as long as any other.
fn lower_len(char: char) -> usize {
    char.to_lowercase().map(char::len_utf8).sum()
}

fn is_cased(char: char) -> bool {
    char.is_lowercase() || char.is_uppercase() || matches!(char, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ')
}

/// Title case of one letter: upper case, but of what becomes several letters only the first.
fn title_char(char: char) -> String {
    match char {
        'Ǆ' | 'ǅ' | 'ǆ' => "ǅ".to_owned(),
        'Ǉ' | 'ǈ' | 'ǉ' => "ǈ".to_owned(),
        'Ǌ' | 'ǋ' | 'ǌ' => "ǋ".to_owned(),
        'Ǳ' | 'ǲ' | 'ǳ' => "ǲ".to_owned(),
        // Georgian letters have no title case.
        '\u{10d0}'..='\u{10ff}' => char.to_string(),
        _ => {
            let mut upper = char.to_uppercase();
            upper.next().into_iter().chain(upper.flat_map(char::to_lowercase)).collect()
        }
    }
}

fn trim(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let string = inputs.string("string")?;
    let modes: [Mode<Trim>; 3] = [
        ("Both", |string| string.trim_matches(is_python_space)),
        ("Left", |string| string.trim_start_matches(is_python_space)),
        ("Right", |string| string.trim_end_matches(is_python_space)),
    ];
    Ok(text(inputs.choice("mode", &modes)?(&string)))
}

/// What Python's `str.isspace` calls white space.
fn is_python_space(char: char) -> bool {
    char.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&char)
}

fn replace(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let string = inputs.string("string")?;
    Ok(text(string.replace(&inputs.string("find")?, &inputs.string("replace")?)))
}

fn replace_bytes(inputs: &Inputs) -> Result<u64, NodeError> {
    let (string, find, new) = (inputs.string("string")?, inputs.string("find")?, inputs.string("replace")?);
    let most = (string.len() / find.len().max(1) + 1) as u64;
    Ok(most.saturating_mul(new.len() as u64).saturating_add(string.len() as u64))
}

fn contains(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let (string, part) = both(inputs, "string", "substring")?;
    Ok(vec![NodeValue::Bool(string.contains(&part))])
}

fn compare(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let modes: [Mode<Compare>; 3] =
        [("Starts With", |a, b| a.starts_with(b)), ("Ends With", |a, b| a.ends_with(b)), ("Equal", |a, b| a == b)];
    let (a, b) = both(inputs, "string_a", "string_b")?;
    Ok(vec![NodeValue::Bool(inputs.choice("mode", &modes)?(&a, &b))])
}

/// Two string inputs, in lower case unless `case_sensitive`.
fn both(inputs: &Inputs, first: &str, second: &str) -> Result<(String, String), NodeError> {
    let (first, second) = (inputs.string(first)?, inputs.string(second)?);
    if inputs.bool("case_sensitive")? { Ok((first, second)) } else { Ok((first.to_lowercase(), second.to_lowercase())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_python_slices() {
        let positions = [0, 2, -1, -9, 9].map(|position| slice_position(position, 4));
        assert_eq!(positions, [0, 2, 3, 0, 4]);
    }

    #[test]
    fn titles_are_python_titles() {
        assert_eq!(title_case("they're ßtrange ǆ 3ab ΟΔΟΣ"), "They'Re Sstrange ǅ 3Ab Οδος");
        assert_eq!(capitalize("ßA ΟΔΟΣ"), "Ssa οδος");
    }
}
