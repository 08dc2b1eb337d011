//! How keys, texts and numbers are written in either format.

use toml_writer::{ToTomlKey as _, ToTomlValue as _, TomlKeyBuilder, TomlStringBuilder};

use super::{Format, tree::NodeKind};

/// A key as it is written: bare where it is a plain word.
pub(super) fn key_literal(key: &str, format: Format) -> String {
    match format {
        Format::Toml => TomlKeyBuilder::new(key).as_default().to_toml_key(),
        Format::Kdl => kdl_word(key),
    }
}

/// A text on one line in quotes.
pub(super) fn text_literal(text: &str, format: Format) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    text.chars().for_each(|c| push_escaped(&mut literal, c, format));
    literal.push('"');
    literal
}

/// A scalar on one line; none for lists and tables.
pub(super) fn scalar_literal(kind: &NodeKind, format: Format) -> Option<String> {
    Some(match kind {
        NodeKind::Bool(value) if format == Format::Kdl => format!("#{value}"),
        NodeKind::Bool(value) => value.to_string(),
        NodeKind::Int(value) => value.to_string(),
        NodeKind::Float(value) => format!("{value:?}"),
        NodeKind::String(text) if format == Format::Kdl => kdl_text(text),
        NodeKind::String(text) => toml_text(text),
        NodeKind::List(_) | NodeKind::Table(_) => return None,
    })
}

/// A text on as many lines as it has; none when it has one, or when that would not keep it.
/// `indent` stands before every line in KDL.
pub(super) fn long_text_literal(text: &str, format: Format, indent: &str) -> Option<String> {
    if !text.contains('\n') || text.chars().any(|c| c != '\n' && needs_escape(c)) {
        return None;
    }
    match format {
        Format::Toml => {
            let builder = TomlStringBuilder::new(text);
            if text.contains(['\\', '"']) {
                return builder.as_ml_literal().map(|literal| literal.to_toml_value());
            }
            Some(builder.as_ml_basic().to_toml_value())
        }
        Format::Kdl => {
            let raw = text.contains(['\\', '"']);
            let marks = if raw { raw_marks(text) } else { String::new() };
            let mut literal = format!("{marks}\"\"\"\n");
            for line in text.split('\n') {
                if !line.is_empty() {
                    // A line of blanks alone would be read as empty.
                    if line.trim().is_empty() {
                        return None;
                    }
                    literal.push_str(indent);
                    literal.push_str(line);
                }
                literal.push('\n');
            }
            literal.push_str(indent);
            literal.push_str("\"\"\"");
            literal.push_str(&marks);
            Some(literal)
        }
    }
}

/// Whether `text` may stand without quotes in KDL, and then as a key in TOML, too.
pub(super) fn is_plain_word(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && !matches!(text, "true" | "false" | "null" | "inf" | "nan")
}

fn kdl_word(text: &str) -> String {
    if is_plain_word(text) { text.to_owned() } else { text_literal(text, Format::Kdl) }
}

fn kdl_text(text: &str) -> String {
    if text.contains(['\\', '"']) && !text.chars().any(needs_escape) && text != "\"" && !text.starts_with("\"\"") {
        let marks = raw_marks(text);
        return format!("{marks}\"{text}\"{marks}");
    }
    kdl_word(text)
}

/// As many `#` as keep `text` from closing its raw string.
fn raw_marks(text: &str) -> String {
    let mut marks = "#".to_owned();
    while text.contains(&format!("\"{marks}")) {
        marks.push('#');
    }
    marks
}

fn toml_text(text: &str) -> String {
    let builder = TomlStringBuilder::new(text);
    if text.contains(['\\', '"']) && !text.chars().any(needs_escape) {
        return builder
            .as_literal()
            .map_or_else(|| text_literal(text, Format::Toml), |literal| literal.to_toml_value());
    }
    text_literal(text, Format::Toml)
}

/// Whether a character must be written as an escape in one of the formats.
fn needs_escape(c: char) -> bool {
    c.is_control() && c != '\t'
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn push_escaped(literal: &mut String, c: char, format: Format) {
    match c {
        '"' => literal.push_str("\\\""),
        '\\' => literal.push_str("\\\\"),
        '\n' => literal.push_str("\\n"),
        '\r' => literal.push_str("\\r"),
        '\t' => literal.push_str("\\t"),
        _ if !needs_escape(c) => literal.push(c),
        _ if format == Format::Toml => literal.extend(format!("\\u{:04X}", u32::from(c)).chars()),
        _ => literal.extend(format!("\\u{{{:x}}}", u32::from(c)).chars()),
    }
}
