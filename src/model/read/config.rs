//! `comfywright.toml`: names, addresses, secrets, durations.

use std::collections::BTreeSet;

use super::{
    Source,
    values::{check_durations, check_reference, check_secret, check_url, each, matches, matches_with_paths},
};
use crate::{
    diagnostic::Diagnostic,
    files::{NodeKind, Step},
    ident::{is_document_name, is_identifier},
    model::{PREFERENCE, RATING},
    vision,
};

/// Names that mean something else where a server is named.
const RESERVED_SERVERS: [&str; 2] = ["native", "comfy"];

/// What rules read that no external scorer gives.
const RESERVED_METRICS: [&str; 10] =
    ["nsfw", "width", "height", "attempt", "visits", "error", "seconds", "cost", RATING, PREFERENCE];

/// Checks the configuration.
pub(super) fn check(source: &Source<'_>, diagnostics: &mut Vec<Diagnostic>) {
    check_server_names(source, diagnostics);
    check_durations(source, diagnostics);
    for way in [&["server", "*", "url"], &["registry", "*", "url"]] {
        each(source, way, diagnostics, check_url);
    }
    for way in [&["server", "*", "api_key"], &["registry", "*", "token"]] {
        each(source, way, diagnostics, check_secret);
    }
    each(source, &["defaults", "preset"], diagnostics, check_reference);
    check_scorers(source, diagnostics);
}

/// A scorer is started by a command, and every metric has one name and one source.
fn check_scorers(source: &Source<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (list, what) in [("command", "a program and its arguments"), ("metrics", "at least one metric")] {
        for node in matches(source.tree, &["scorer", "*", list]) {
            if matches!(&node.kind, NodeKind::List(items) if items.is_empty()) {
                diagnostics.push(source.error("wrong-length", node.span, format!("`{list}` lists {what}")));
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (_, node) in matches_with_paths(source.tree, &["scorer", "*", "metrics", "*"]) {
        let NodeKind::String(metric) = &node.kind else { continue };
        let wrong = |code, message| source.error(code, node.span, message);
        if !is_identifier(metric) {
            let message = format!("`{metric}` cannot be the name of a metric: letters, digits and `_`");
            diagnostics.push(wrong("invalid-identifier", message));
        } else if vision::KNOWN.iter().any(|known| known.name == metric) || RESERVED_METRICS.contains(&metric.as_str())
        {
            let message = format!("a scorer's metric cannot be called `{metric}`: that is another value already");
            diagnostics.push(wrong("reserved-name", message));
        } else if !seen.insert(metric.clone()) {
            diagnostics.push(wrong("duplicate-name", format!("`{metric}` is given by another scorer already")));
        }
    }
}

fn check_server_names(source: &Source<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (path, _) in matches_with_paths(source.tree, &["server", "*"]) {
        let Some(Step::Key(name)) = path.0.last() else { continue };
        let span = source.tree.key_span_of(&path);
        if RESERVED_SERVERS.contains(&name.as_str()) {
            let message = format!("a server cannot be called `{name}`: `on` and `--server` mean something else by it");
            diagnostics.push(source.error("reserved-name", span, message));
        } else if !is_document_name(&name.replace('_', "-").to_ascii_lowercase()) {
            let message = format!("`{name}` cannot be the name of a server: letters, digits, `-` and `_`");
            diagnostics.push(source.error("invalid-identifier", span, message));
        }
    }
}
