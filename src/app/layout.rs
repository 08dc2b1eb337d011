//! The canonical layout of a text, in its own format or in the other one.

use std::sync::Arc;

use crate::{
    diagnostic::{Diagnostic, Severity},
    files::{Format, Node, Shape, kdl, toml},
    model::shape_of_name,
    path,
};

/// The text in the canonical layout of `to`. Errors of syntax, or a text that cannot be laid out
/// without changing what it says, give diagnostics.
///
/// Lines end as the first line of the text does, where the format stays the same.
pub fn canonical_text(text: &str, file: &Arc<str>, from: Format, to: Format) -> Result<String, Vec<Diagnostic>> {
    let tree = parse(text, file, from)?;
    let shape = shape_of(&tree);
    let print = |tree: &Node| match to {
        Format::Toml => toml::print(tree, &shape),
        Format::Kdl => kdl::print(tree, &shape),
    };
    let printed = print(&tree);
    let again = parse(&printed, file, to).map_err(|_| not_the_same(file))?;
    if again.to_json() != tree.to_json() || print(&again) != printed {
        return Err(not_the_same(file));
    }
    let has_crlf = from == to && text.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n"));
    Ok(if has_crlf { with_crlf(printed, file, to, &tree) } else { printed })
}

fn parse(text: &str, file: &Arc<str>, format: Format) -> Result<Node, Vec<Diagnostic>> {
    let (tree, diagnostics) = match format {
        Format::Toml => toml::parse(text, file),
        Format::Kdl => kdl::parse(text, file, &shape_of_name),
    };
    let is_wrong = diagnostics.iter().any(|d| d.severity == Severity::Error);
    tree.filter(|_| !is_wrong).ok_or(diagnostics)
}

fn shape_of(tree: &Node) -> Shape {
    shape_of_name(tree.get(&path!["kind"]).and_then(Node::as_str)).unwrap_or(Shape::Any)
}

/// The printed text with CRLF, unless a text of several lines in it would become another one.
fn with_crlf(printed: String, file: &Arc<str>, format: Format, tree: &Node) -> String {
    let text = printed.replace('\n', "\r\n");
    match parse(&text, file, format) {
        Ok(same) if same.to_json() == tree.to_json() => text,
        _ => printed,
    }
}

fn not_the_same(file: &Arc<str>) -> Vec<Diagnostic> {
    let message = "the file cannot be laid out anew without changing what it says";
    vec![Diagnostic::error("no-layout", file, None, message).with_hint("please report this with the file")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(text: &str) -> Result<String, Vec<Diagnostic>> {
        canonical_text(text, &Arc::from("a.toml"), Format::Toml, Format::Toml)
    }

    #[test]
    fn line_ends_stay() {
        assert_eq!(formatted("a=1\r\nb  = 2"), Ok("a = 1\r\nb = 2\r\n".to_owned()));
        assert_eq!(formatted("\u{feff}a=1\n"), Ok("a = 1\n".to_owned()));
    }

    #[test]
    fn wrong_texts_are_left_alone() {
        assert_eq!(formatted("a = \n").unwrap_err()[0].code, "toml-syntax");
        assert!(formatted("a = 1\na = 2\n").is_err());
    }
}
