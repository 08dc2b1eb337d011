//! The two file formats.

use std::sync::Arc;

use super::{kdl, shape::Shape, toml, tree::Node};
use crate::diagnostic::Diagnostic;

/// A format that documents are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML, `.toml`.
    Toml,
    /// KDL 2.0, `.kdl`.
    Kdl,
}

impl Format {
    /// The format of a file by the ending of its name; none when it is neither.
    pub fn of_path(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "kdl" => Some(Self::Kdl),
            _ => None,
        }
    }

    /// The ending of file names, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Toml => "toml",
            Self::Kdl => "kdl",
        }
    }

    /// Reads a text; see [`toml::parse`] and [`kdl::parse`]. `shape_of` gives the shape for a
    /// `kind`, or, without one, for the workspace's configuration.
    pub fn parse(
        self,
        text: &str,
        file: &Arc<str>,
        shape_of: &dyn Fn(Option<&str>) -> Option<Shape>,
    ) -> (Option<Node>, Vec<Diagnostic>) {
        match self {
            Self::Toml => toml::parse(text, file),
            Self::Kdl => kdl::parse(text, file, shape_of),
        }
    }

    /// Prints a document in the canonical layout, with line feeds.
    pub fn print(self, node: &Node, shape: &Shape) -> String {
        match self {
            Self::Toml => toml::print(node, shape),
            Self::Kdl => kdl::print(node, shape),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_file_name() {
        assert_eq!(Format::of_path("pipelines/a.toml"), Some(Format::Toml));
        assert_eq!(Format::of_path("a.b.KDL"), Some(Format::Kdl));
        assert_eq!(Format::of_path("toml"), None);
        assert_eq!(Format::of_path("a.json"), None);
    }
}
