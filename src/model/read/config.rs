//! `comfywright.toml`: names, addresses, secrets, durations.

use super::{
    Source,
    values::{check_durations, check_reference, check_secret, check_url, each, matches_with_paths},
};
use crate::{diagnostic::Diagnostic, files::Step, ident::is_document_name};

/// Names that mean something else where a server is named.
const RESERVED_SERVERS: [&str; 2] = ["native", "comfy"];

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
