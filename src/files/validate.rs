//! Compares a tree with a shape: unknown keys, wrong types, values outside lists and ranges,
//! missing keys.
//!
//! Knows structure only; what values mean is checked above.

use std::sync::Arc;

use super::{
    findings::WithFixQuoting as _,
    format::Format,
    literal::{key_literal, text_literal},
    shape::{Pattern, Shape, TableShape},
    tree::{Entry, KeyText, Node, NodeKind, Table},
};
use crate::{
    diagnostic::{Diagnostic, Span},
    ident::did_you_mean,
};

/// Everything in which `node` differs from `shape`, in order of position.
///
/// Codes: `unknown-key`, `missing-key`, `wrong-type`, `not-in-list`, `out-of-range`,
/// `bad-pattern`. Fixes are given where they are certain. What the whole file misses is reported
/// at its beginning.
pub fn validate(node: &Node, shape: &Shape, file: &Arc<str>) -> Vec<Diagnostic> {
    if fits(node, shape) {
        return Vec::new();
    }
    let format = Format::of_path(file).unwrap_or(Format::Toml);
    let mut checker = Checker { file, format, found: Vec::new() };
    checker.check(node, shape, None);
    checker.found.sort_by_key(|d| d.span);
    checker.found
}

struct Checker<'a> {
    file: &'a Arc<str>,
    format: Format,
    found: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn report(&mut self, code: &'static str, span: Span, message: String) -> &mut Diagnostic {
        self.found.push(Diagnostic::error(code, self.file, span, message));
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Checks a value; `key` is the name that messages call it by.
    fn check(&mut self, node: &Node, shape: &Shape, key: Option<&str>) {
        match (shape, &node.kind) {
            (Shape::Any, _) | (Shape::Bool, NodeKind::Bool(_)) => {}
            (Shape::Int { min, max }, NodeKind::Int(value)) => {
                let outside = min.is_some_and(|m| *value < m) || max.is_some_and(|m| *value > m);
                self.check_range(outside, node, key, min.map(|m| m.to_string()), max.map(|m| m.to_string()));
            }
            (Shape::Float { min, max }, NodeKind::Int(_) | NodeKind::Float(_)) => {
                let value = as_float(&node.kind);
                let outside = min.is_some_and(|m| value < m) || max.is_some_and(|m| value > m);
                self.check_range(outside, node, key, min.map(|m| m.to_string()), max.map(|m| m.to_string()));
            }
            (Shape::String { values, pattern }, NodeKind::String(text)) => {
                if let Some(values) = values {
                    self.check_listed(node, text, values, key);
                }
                if let Some(pattern) = pattern {
                    self.check_pattern(node, text, pattern, key);
                }
            }
            (Shape::List(element), NodeKind::List(elements)) => {
                for e in elements {
                    self.check(&e.node, element, key);
                }
            }
            (Shape::Table(shape), NodeKind::Table(table)) => self.check_table(node, table, shape, key),
            (Shape::OneOf(variants), _) => self.check_variants(node, variants, key),
            _ => self.wrong_type(node, shape, key),
        }
    }

    fn check_table(&mut self, node: &Node, table: &Table, shape: &TableShape, name: Option<&str>) {
        for (key, entry) in &table.entries {
            match (shape.fields.get(key), &shape.rest) {
                (Some(field), _) => self.check(&entry.node, &field.shape, Some(key)),
                (None, Some(rest)) => self.check(&entry.node, rest, Some(key)),
                (None, None) => self.unknown_key(key, entry, table, shape),
            }
        }
        for (key, field) in &shape.fields {
            if field.required && !table.entries.contains_key(key) {
                let place = name.map_or_else(String::new, |name| format!(" in `{name}`"));
                let hint = format!("add `{key}`, {}", describe(&field.shape));
                let span = if name.is_some() { node.span } else { Span::new(node.span.start, node.span.start) };
                let diagnostic = self.report("missing-key", span, format!("`{key}` is missing{place}"));
                diagnostic.hint = Some(hint);
            }
        }
    }

    /// Reports an unknown key; of the keys it may have been meant as, one that its value fits is
    /// preferred.
    fn unknown_key(&mut self, key: &str, entry: &Entry, table: &Table, shape: &TableShape) {
        let free = || shape.fields.iter().filter(|(name, _)| !table.entries.contains_key(*name));
        let fitting = free().filter(|(_, field)| fits(&entry.node, &field.shape)).map(|(name, _)| name.as_str());
        let meant = did_you_mean(key, fitting).or_else(|| did_you_mean(key, free().map(|(name, _)| name.as_str())));
        let span = entry.key_span;
        let known: Vec<&str> = shape.fields.keys().map(KeyText::as_str).collect();
        let diagnostic = Diagnostic::error("unknown-key", self.file, span, format!("there is no key `{key}` here"));
        self.found.push(match meant {
            Some(meant) => diagnostic.with_hint(format!("did you mean `{meant}`?")).with_fix(
                format!("rename to `{meant}`"),
                span,
                key_literal(meant, self.format),
            ),
            None if known.is_empty() => diagnostic,
            None => diagnostic.with_hint(format!("known keys: {}", known.join(", "))),
        });
    }

    fn check_range(&mut self, outside: bool, node: &Node, key: Option<&str>, min: Option<String>, max: Option<String>) {
        if !outside {
            return;
        }
        let range = match (min, max) {
            (Some(min), Some(max)) if min == max => min,
            (Some(min), Some(max)) => format!("between {min} and {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, max) => format!("at most {}", max.unwrap_or_default()),
        };
        self.report("out-of-range", node.span, format!("{} must be {range}", subject(key)));
    }

    fn check_listed(&mut self, node: &Node, text: &str, values: &[String], key: Option<&str>) {
        if values.iter().any(|v| v == text) {
            return;
        }
        let message = format!("`{text}` is not a value of {}", subject(key));
        let diagnostic = Diagnostic::error("not-in-list", self.file, node.span, message);
        let meant = did_you_mean(text, values.iter().map(String::as_str));
        self.found.push(match meant {
            Some(meant) => diagnostic.with_hint(format!("did you mean `{meant}`?")).with_fix(
                format!("write `{meant}`"),
                node.span,
                text_literal(meant, self.format),
            ),
            None => diagnostic.with_hint(format!("one of: {}", values.join(", "))),
        });
    }

    fn check_pattern(&mut self, node: &Node, text: &str, pattern: &Pattern, key: Option<&str>) {
        if !pattern.matches(text) {
            let message = format!("`{text}` does not have the form of {}", subject(key));
            self.report("bad-pattern", node.span, message).hint = Some(format!("it must match {}", pattern.as_str()));
        }
    }

    /// Reports what is wrong with the variant that fits best.
    fn check_variants(&mut self, node: &Node, variants: &[Shape], key: Option<&str>) {
        if variants.iter().any(|variant| fits(node, variant)) {
            return;
        }
        let mut best: Option<(usize, Vec<Diagnostic>)> = None;
        for variant in variants {
            let mut attempt = Checker { file: self.file, format: self.format, found: Vec::new() };
            attempt.check(node, variant, key);
            let distance = misfit(node, variant, &attempt.found);
            if best.as_ref().is_none_or(|(least, _)| distance < *least) {
                best = Some((distance, attempt.found));
            }
        }
        match best {
            Some((distance, found)) if distance < NOT_THE_SAME_KIND => self.found.extend(found),
            _ => self.wrong_type(node, &Shape::OneOf(variants.to_vec()), key),
        }
    }

    fn wrong_type(&mut self, node: &Node, shape: &Shape, key: Option<&str>) {
        let message = format!("{} must be {}, not {}", subject(key), describe(shape), node.describe());
        let diagnostic = Diagnostic::error("wrong-type", self.file, node.span, message);
        let diagnostic = match (shape, &node.kind) {
            (Shape::String { values: None, .. }, NodeKind::Int(_) | NodeKind::Float(_)) => {
                diagnostic.with_fix_quoting(node.span)
            }
            (Shape::String { values: None, .. }, NodeKind::Bool(value)) => {
                diagnostic.with_fix("quote it", node.span, format!("\"{value}\""))
            }
            (Shape::Int { .. }, NodeKind::String(text)) if text.parse::<i64>().is_ok() => {
                unquoted(diagnostic, node.span, text)
            }
            (Shape::Float { .. }, NodeKind::String(text)) if is_number(text) => unquoted(diagnostic, node.span, text),
            (Shape::Bool, NodeKind::String(text)) if text == "true" || text == "false" => {
                let mark = if self.format == Format::Kdl { "#" } else { "" };
                unquoted(diagnostic, node.span, &format!("{mark}{text}"))
            }
            (Shape::Int { .. }, NodeKind::Float(value)) if value.fract() == 0.0 && value.abs() < 1e15 => {
                let whole = format!("{value:.0}");
                diagnostic.with_fix(format!("write {whole}"), node.span, whole)
            }
            (Shape::List(element), NodeKind::String(_)) if self.format == Format::Toml && element.takes_scalar() => {
                bracketed(diagnostic, node.span)
            }
            _ => diagnostic,
        };
        self.found.push(diagnostic);
    }
}

/// Whether a checker finds nothing; finds it out without writing a word.
fn fits(node: &Node, shape: &Shape) -> bool {
    match (shape, &node.kind) {
        (Shape::Any, _) | (Shape::Bool, NodeKind::Bool(_)) => true,
        (Shape::Int { min, max }, NodeKind::Int(value)) => {
            min.is_none_or(|m| *value >= m) && max.is_none_or(|m| *value <= m)
        }
        (Shape::Float { min, max }, NodeKind::Int(_) | NodeKind::Float(_)) => {
            let value = as_float(&node.kind);
            min.is_none_or(|m| value >= m) && max.is_none_or(|m| value <= m)
        }
        (Shape::String { values, pattern }, NodeKind::String(text)) => {
            values.as_ref().is_none_or(|values| values.contains(text))
                && pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        }
        (Shape::List(element), NodeKind::List(elements)) => elements.iter().all(|e| fits(&e.node, element)),
        (Shape::Table(shape), NodeKind::Table(table)) => table_fits(table, shape),
        (Shape::OneOf(variants), _) => variants.iter().any(|variant| fits(node, variant)),
        _ => false,
    }
}

fn table_fits(table: &Table, shape: &TableShape) -> bool {
    let known = |(key, entry): (&KeyText, &Entry)| match (shape.fields.get(key), &shape.rest) {
        (Some(field), _) => fits(&entry.node, &field.shape),
        (None, Some(rest)) => fits(&entry.node, rest),
        (None, None) => false,
    };
    table.entries.iter().all(known)
        && shape.fields.iter().all(|(key, field)| !field.required || table.entries.contains_key(key))
}

/// A misfit from which on a value is not even of the variant's kind.
const NOT_THE_SAME_KIND: usize = 1000;

/// How far a value is from a variant: first whether it is of its kind, then whether it has keys
/// of the variant, then how much is wrong.
fn misfit(node: &Node, variant: &Shape, found: &[Diagnostic]) -> usize {
    let same_kind = match (&node.kind, variant) {
        (NodeKind::Table(table), Shape::Table(shape)) => {
            let shared = table.entries.keys().filter(|k| shape.fields.contains_key(*k)).count();
            return found.len() + if shared == 0 { NOT_THE_SAME_KIND / 2 } else { 0 };
        }
        (NodeKind::List(_), Shape::List(_))
        | (NodeKind::String(_), Shape::String { .. })
        | (NodeKind::Int(_), Shape::Int { .. })
        | (NodeKind::Int(_) | NodeKind::Float(_), Shape::Float { .. })
        | (NodeKind::Bool(_), Shape::Bool) => true,
        _ => false,
    };
    found.len() + if same_kind { 0 } else { NOT_THE_SAME_KIND }
}

fn subject(key: Option<&str>) -> String {
    key.map_or_else(|| "the value".to_owned(), |key| format!("`{key}`"))
}

/// What a shape wants, for people: "a string", "one of: a, b".
fn describe(shape: &Shape) -> String {
    match shape {
        Shape::Any => "any value".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Int { .. } => "a whole number".to_owned(),
        Shape::Float { .. } => "a number".to_owned(),
        Shape::String { values: Some(values), .. } => format!("one of: {}", values.join(", ")),
        Shape::String { .. } => "a string".to_owned(),
        Shape::List(element) => match element.as_ref() {
            Shape::Table(_) => "a list of tables".to_owned(),
            Shape::String { .. } => "a list of strings".to_owned(),
            Shape::Int { .. } | Shape::Float { .. } => "a list of numbers".to_owned(),
            _ => "a list".to_owned(),
        },
        Shape::Table(_) => "a table".to_owned(),
        Shape::OneOf(variants) => {
            let mut names: Vec<String> = Vec::new();
            for name in variants.iter().map(describe) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names.join(" or ")
        }
    }
}

fn as_float(kind: &NodeKind) -> f64 {
    match kind {
        NodeKind::Int(value) => *value as f64,
        NodeKind::Float(value) => *value,
        _ => f64::NAN,
    }
}

/// Whether both formats would read `text` as a finite number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let parts: Vec<&str> = digits.split('.').collect();
    parts.len() <= 2
        && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
        && (parts[0] == "0" || !parts[0].starts_with('0'))
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn unquoted(diagnostic: Diagnostic, span: Span, text: &str) -> Diagnostic {
    diagnostic.with_fix("remove the quotes", span, text)
}

fn bracketed(mut diagnostic: Diagnostic, span: Span) -> Diagnostic {
    diagnostic = diagnostic.with_fix_quoting(span);
    if let Some(fix) = &mut diagnostic.fix {
        "put it into a list".clone_into(&mut fix.title);
        for (edit, bracket) in fix.edits.iter_mut().zip(["[", "]"]) {
            bracket.clone_into(&mut edit.text);
        }
    }
    diagnostic
}
