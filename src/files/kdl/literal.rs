//! The literals of KDL: where a string ends, and what strings, numbers and keywords say.

use std::sync::Arc;

use kdl::{KdlEntry, KdlValue};

use crate::{
    diagnostic::{Diagnostic, Span},
    files::{findings::WithFixQuoting as _, tree::NodeKind},
};

/// Whether `c` may stand in a bare word.
pub(super) fn is_word_char(c: char) -> bool {
    !matches!(c, '\\' | '/' | '(' | ')' | '{' | '}' | '[' | ']' | ';' | '"' | '#' | '=')
        && !is_space(c)
        && !is_newline(c)
        && !is_disallowed(c)
}

/// Whether `c` is a blank within a line.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Whether `c` ends a line.
pub(super) fn is_newline(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{b}' | '\u{c}' | '\u{2028}' | '\u{2029}')
}

/// Whether `c` may not stand in a text except escaped.
pub(super) fn is_disallowed(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Where a quoted string that begins at the start of `rest` ends: its length in bytes, or, when
/// it is not closed, the length of what can be taken as the string.
pub(super) fn quoted_length(rest: &str) -> Result<usize, usize> {
    let (open, multi_line) = if rest.starts_with("\"\"\"") { (3, true) } else { (1, false) };
    let close = &rest[..open];
    let mut escape = Escape::None;
    for (at, c) in rest.char_indices().skip(open) {
        escape = match escape {
            Escape::Begun | Escape::Blanks if is_space(c) || is_newline(c) => Escape::Blanks,
            Escape::Begun => Escape::None,
            _ if c == '\\' => Escape::Begun,
            _ if rest[at..].starts_with(close) => return Ok(at + open),
            _ if is_newline(c) && !multi_line => return Err(at),
            _ => Escape::None,
        };
    }
    if multi_line { Err(rest.find(is_newline).unwrap_or(rest.len())) } else { Err(rest.len()) }
}

/// Where in an escape a character stands; `\\` with blanks behind it stands for nothing, over the
/// end of the line.
#[derive(Clone, Copy)]
enum Escape {
    None,
    Begun,
    Blanks,
}

/// The same for a raw string, which begins with `hashes` times `#` and a quote.
pub(super) fn raw_length(rest: &str, hashes: usize) -> Result<usize, usize> {
    let multi_line = rest[hashes..].starts_with("\"\"\"");
    let quotes = if multi_line { 3 } else { 1 };
    let close = format!("{}{}", "\"".repeat(quotes), "#".repeat(hashes));
    let body = hashes + quotes;
    let end = rest[body..].find(&close).map(|at| body + at + close.len());
    let line_end = rest.find(is_newline).unwrap_or(rest.len());
    match end {
        Some(end) if multi_line || end <= line_end => Ok(end),
        _ => Err(line_end),
    }
}

/// The text of a string literal.
pub(super) fn string(literal: &str, span: Span, file: &Arc<str>, diagnostics: &mut Vec<Diagnostic>) -> String {
    if let Some(plain) = literal.strip_prefix('"').and_then(|l| l.strip_suffix('"'))
        && !plain.contains(|c: char| c == '\\' || c == '"' || is_newline(c) || is_disallowed(c))
    {
        return plain.to_owned();
    }
    match KdlEntry::parse_literal(literal) {
        Ok(KdlValue::String(text)) => text,
        Ok(_) => literal.to_owned(),
        Err(messages) => {
            diagnostics.extend(messages.into_iter().map(|(message, help)| {
                let diagnostic = Diagnostic::error("kdl-syntax", file, span, message);
                if let Some(help) = help { diagnostic.with_hint(help) } else { diagnostic }
            }));
            literal.to_owned()
        }
    }
}

/// The value of a word that looks like a number.
pub(super) fn number(word: &str, span: Span, file: &Arc<str>, diagnostics: &mut Vec<Diagnostic>) -> NodeKind {
    if let Ok(value) = word.parse::<i64>()
        && word.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    {
        return NodeKind::Int(value);
    }
    let diagnostic = match KdlEntry::parse_literal(word) {
        Ok(KdlValue::Integer(value)) => match i64::try_from(value) {
            Ok(value) => return NodeKind::Int(value),
            Err(_) => out_of_range(Some(value), span, file),
        },
        Ok(KdlValue::Float(value)) if value.is_finite() => return NodeKind::Float(value),
        Ok(KdlValue::Float(_)) => not_finite(word, span, file),
        _ if is_integer(word) => out_of_range(None, span, file),
        _ => Diagnostic::error("kdl-syntax", file, span, format!("`{word}` is not a number"))
            .with_hint("quote it if it is text; values are separated by blanks")
            .with_fix_quoting(span),
    };
    diagnostics.push(diagnostic);
    NodeKind::String(word.to_owned())
}

/// The value of `#true`, `#false` and the keywords that are no values here.
pub(super) fn keyword(word: &str, span: Span, file: &Arc<str>, diagnostics: &mut Vec<Diagnostic>) -> NodeKind {
    let diagnostic = match word {
        "#true" => return NodeKind::Bool(true),
        "#false" => return NodeKind::Bool(false),
        "#null" => Diagnostic::error("null-value", file, span, "there is no null")
            .with_hint("leave the key out to say nothing about it"),
        "#inf" | "#-inf" | "#nan" => not_finite(word, span, file),
        _ => Diagnostic::error("kdl-syntax", file, span, format!("`{word}` is not a keyword"))
            .with_hint("there are #true and #false; comments begin with //"),
    };
    diagnostics.push(diagnostic);
    NodeKind::String(word.to_owned())
}

fn not_finite(word: &str, span: Span, file: &Arc<str>) -> Diagnostic {
    Diagnostic::error("not-finite", file, span, format!("`{word}` is not a finite number"))
        .with_hint("write a finite number, or quote it if it is text")
        .with_fix_quoting(span)
}

fn out_of_range(value: Option<i128>, span: Span, file: &Arc<str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("integer-range", file, span, "whole numbers must fit into 64 bits, signed")
        .with_hint("quote it: inputs that take larger numbers take their digits as text");
    match value {
        Some(value) => diagnostic.with_fix(format!("write \"{value}\""), span, format!("\"{value}\"")),
        None => diagnostic,
    }
}

fn is_integer(word: &str) -> bool {
    let digits = word.trim_start_matches(['+', '-']);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// Decodes one literal with the crate.
trait ParseLiteral {
    fn parse_literal(literal: &str) -> Result<KdlValue, Vec<(String, Option<String>)>>;
}

impl ParseLiteral for KdlEntry {
    fn parse_literal(literal: &str) -> Result<KdlValue, Vec<(String, Option<String>)>> {
        match Self::parse(literal) {
            Ok(entry) => Ok(entry.value().clone()),
            Err(error) => Err(error
                .diagnostics
                .into_iter()
                .map(|d| (lower_first(&d.message.unwrap_or_else(|| "invalid value".to_owned())), d.help))
                .collect()),
        }
    }
}

/// The crate's messages begin in upper case.
fn lower_first(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
