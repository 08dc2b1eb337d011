//! The scalars of TOML: what a token says, and what is wrong with it.

use std::{borrow::Cow, sync::Arc};

use toml_parser::{
    ParseError, Raw, Span as RawSpan,
    decoder::{Encoding, ScalarKind},
};

use crate::{
    diagnostic::{Diagnostic, Span},
    files::{
        findings::{WithFixQuoting as _, too_deep},
        tree::NodeKind,
    },
};

/// Reads a scalar. What cannot be a value of a document is reported and read as its text.
pub(super) fn read(
    raw: &str,
    encoding: Option<Encoding>,
    span: Span,
    file: &Arc<str>,
    diagnostics: &mut Vec<Diagnostic>,
) -> NodeKind {
    let mut text = Cow::Borrowed("");
    let mut errors: Vec<ParseError> = Vec::new();
    let token = Raw::new_unchecked(raw, encoding, RawSpan::new_unchecked(span.start, span.end));
    let kind = token.decode_scalar(&mut text, &mut errors);
    if !errors.is_empty() {
        diagnostics.extend(errors.iter().map(|error| scalar_error(error, raw, encoding, span, file)));
        return NodeKind::String(raw.to_owned());
    }
    let number = match kind {
        ScalarKind::String => return NodeKind::String(text.into_owned()),
        ScalarKind::Boolean(value) => return NodeKind::Bool(value),
        ScalarKind::Integer(radix) => match i64::from_str_radix(&text, radix.value()) {
            Ok(value) => Ok(NodeKind::Int(value)),
            Err(_) => Err(integer_error(&text, radix.value(), span, file)),
        },
        ScalarKind::Float => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(NodeKind::Float(value)),
            _ => Err(Diagnostic::error("not-finite", file, span, format!("`{raw}` is not a finite number"))
                .with_hint("write a finite number, or quote it if it is text")
                .with_fix_quoting(span)),
        },
        ScalarKind::DateTime => Err(Diagnostic::error("date-value", file, span, "dates are not values here")
            .with_hint("quote it to make it text")
            .with_fix_quoting(span)),
    };
    number.unwrap_or_else(|diagnostic| {
        diagnostics.push(diagnostic);
        NodeKind::String(raw.to_owned())
    })
}

/// Turns an error of the crate into a diagnostic; `fallback` is meant when it names no place.
pub(super) fn syntax_error(error: &ParseError, fallback: Span, file: &Arc<str>) -> Diagnostic {
    let place = error.unexpected().or_else(|| error.context());
    let span = place.map_or(fallback, |s| Span::new(s.start(), s.end()));
    if error.description().contains("recurse") {
        return too_deep(span, file);
    }
    let diagnostic = Diagnostic::error("toml-syntax", file, span, error.description());
    let expected: Vec<String> = error.expected().unwrap_or_default().iter().filter_map(describe).collect();
    if expected.is_empty() {
        return diagnostic;
    }
    diagnostic.with_hint(format!("expected {}", expected.join(" or ")))
}

fn describe(expected: &toml_parser::Expected) -> Option<String> {
    match expected {
        toml_parser::Expected::Literal("\n") => Some("the end of the line".to_owned()),
        toml_parser::Expected::Literal(text) => Some(format!("`{text}`")),
        toml_parser::Expected::Description(text) => Some((*text).to_owned()),
        _ => None,
    }
}

fn scalar_error(error: &ParseError, raw: &str, encoding: Option<Encoding>, span: Span, file: &Arc<str>) -> Diagnostic {
    let bare_word = encoding.is_none() && raw.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '@' | '{'));
    match raw {
        "True" | "TRUE" | "False" | "FALSE" => {
            let lower = raw.to_lowercase();
            Diagnostic::error("toml-syntax", file, span, format!("`{raw}` is written `{lower}`")).with_fix(
                format!("write {lower}"),
                span,
                lower,
            )
        }
        _ if bare_word && !raw.contains(['"', '\'', '\\']) => {
            Diagnostic::error("toml-syntax", file, span, "text must be quoted").with_fix_quoting(span)
        }
        _ => syntax_error(error, span, file),
    }
}

fn integer_error(digits: &str, radix: u32, span: Span, file: &Arc<str>) -> Diagnostic {
    let decimal = i128::from_str_radix(digits, radix).map(|n| n.to_string());
    let diagnostic = Diagnostic::error("integer-range", file, span, "whole numbers must fit into 64 bits, signed")
        .with_hint("quote it: inputs that take larger numbers take their digits as text");
    match decimal {
        Ok(decimal) => diagnostic.with_fix(format!("write \"{decimal}\""), span, format!("\"{decimal}\"")),
        Err(_) => diagnostic,
    }
}
