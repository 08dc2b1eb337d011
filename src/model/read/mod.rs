//! Reading documents: bytes -> text -> tree -> checked against the shape of its kind -> typed.
//!
//! Reports every fault of a file at once. Judges what a document says by itself; whether what it
//! refers to exists is for `check`.

mod chain;
mod config;
mod header;
mod manifest;
mod moves;
mod names;
mod nodes;
mod settings;
mod sources;
mod values;

pub use values::setting_path;

use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use super::{
    chain::Chain,
    config::Config,
    document::{Body, Document, Header, Kind},
    manifest::ModelManifest,
    schema,
};
use crate::{
    diagnostic::{Diagnostic, Severity, Span, position},
    files::{self, Format, Node, Path, Shape, Step},
    path,
};

/// Most bytes of a document.
pub const MAX_DOCUMENT_BYTES: u64 = 4 * 1024 * 1024;

/// What came of reading a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed<T> {
    /// The meaning; none when there is an error.
    pub value: Option<T>,
    /// The tree with places; none when the text is not even TOML or KDL.
    pub tree: Option<Node>,
    /// All errors and warnings, by place.
    pub diagnostics: Vec<Diagnostic>,
}

impl<T> Parsed<T> {
    fn failed(diagnostic: Diagnostic) -> Self {
        Self { value: None, tree: None, diagnostics: vec![diagnostic] }
    }

    /// Whether there is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// The text of a file, or why it is none.
pub fn read_bytes(bytes: &[u8], file: &Arc<str>) -> Result<Arc<str>, Box<Diagnostic>> {
    if bytes.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(Box::new(file_too_large(file)));
    }
    decoded(bytes, file)
}

/// The text that `bytes` are, or why they are none.
pub fn decoded(bytes: &[u8], file: &Arc<str>) -> Result<Arc<str>, Box<Diagnostic>> {
    std::str::from_utf8(bytes).map(Arc::from).map_err(|error| {
        let before = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let line = position(before, before.len()).line;
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let message = format!("the file is not UTF-8: byte 0x{byte:02x} in line {line}");
        Box::new(Diagnostic::error("not-utf8", file, None, message).with_hint("save it as UTF-8"))
    })
}

/// The finding that `file` is larger than a document may be.
pub fn file_too_large(file: &Arc<str>) -> Diagnostic {
    let message = format!("the file is larger than {} MiB", MAX_DOCUMENT_BYTES / (1024 * 1024));
    Diagnostic::error("file-too-large", file, None, message).with_hint("keep data in files of its own, such as CSV")
}

/// Reads a document. `file` is its path, for diagnostics.
pub fn read_document(text: &str, file: &Arc<str>, format: Format) -> Parsed<Arc<Document>> {
    if text.len() as u64 > MAX_DOCUMENT_BYTES {
        return Parsed::failed(file_too_large(file));
    }
    let (tree, mut diagnostics) = parse(text, file, format);
    let Some(tree) = tree else { return Parsed { value: None, tree: None, diagnostics } };
    let source = Source { text, file, format, tree: &tree };
    let Some(kind) = header::check(&source, &mut diagnostics) else {
        return Parsed { value: None, tree: Some(tree), diagnostics: sorted(diagnostics) };
    };
    names::check(&source, kind, &mut diagnostics);
    nodes::check(&source, &mut diagnostics);
    values::check_document(&source, kind, &mut diagnostics);
    match kind {
        Kind::Chain => {
            chain::check(&source, &mut diagnostics);
            sources::check_layers(&source, &["task", "*", "layer", "*"], &mut diagnostics);
            sources::check_layers(&source, &["task", "*", "with", "layer", "*"], &mut diagnostics);
        }
        Kind::Mask => sources::check_layers(&source, &["layer", "*"], &mut diagnostics),
        Kind::Preset | Kind::Template | Kind::AbTest => {}
    }
    add_unless_covered(&mut diagnostics, files::validate(&tree, shape_of(kind), file));
    let value = typed_unless_wrong(&source, &mut diagnostics, || typed_document(&tree, kind).map(Arc::new));
    Parsed { value, tree: Some(tree), diagnostics: sorted(diagnostics) }
}

/// Reads `comfywright.toml`.
pub fn read_config(text: &str, file: &Arc<str>) -> Parsed<Config> {
    let (tree, mut diagnostics) = files::toml::parse(text, file);
    let Some(tree) = tree else { return Parsed { value: None, tree: None, diagnostics } };
    let source = Source { text, file, format: Format::Toml, tree: &tree };
    config::check(&source, &mut diagnostics);
    add_unless_covered(&mut diagnostics, files::validate(&tree, config_shape(), file));
    let value = typed_unless_wrong(&source, &mut diagnostics, || typed(&tree));
    Parsed { value, tree: Some(tree), diagnostics: sorted(diagnostics) }
}

/// Reads the manifest of a model.
pub fn read_manifest(text: &str, file: &Arc<str>) -> Parsed<ModelManifest> {
    let (tree, mut diagnostics) = files::toml::parse(text, file);
    let Some(tree) = tree else { return Parsed { value: None, tree: None, diagnostics } };
    let source = Source { text, file, format: Format::Toml, tree: &tree };
    manifest::check(&source, &mut diagnostics);
    diagnostics.extend(manifest::check_name(&source, tree.get(&path!["name"])));
    add_unless_covered(&mut diagnostics, files::validate(&tree, manifest_shape(), file));
    let value: Option<ModelManifest> = typed_unless_wrong(&source, &mut diagnostics, || typed(&tree));
    let found = value.as_ref().map(|manifest| manifest::check_typed(&source, manifest)).unwrap_or_default();
    let value = value.filter(|_| found.is_empty());
    diagnostics.extend(found);
    Parsed { value, tree: Some(tree), diagnostics: sorted(diagnostics) }
}

/// The shape of documents of `kind`: what the readers of KDL and the printers go by.
pub fn shape_of(kind: Kind) -> &'static Shape {
    static SHAPES: [OnceLock<Shape>; 5] = [const { OnceLock::new() }; 5];
    SHAPES[kind as usize].get_or_init(|| Shape::from_schema(&schema::for_kind(kind)))
}

/// The shape of `comfywright.toml`.
pub fn config_shape() -> &'static Shape {
    static SHAPE: OnceLock<Shape> = OnceLock::new();
    SHAPE.get_or_init(|| Shape::from_schema(&schema::for_config()))
}

/// The shape of the manifest of a model.
pub fn manifest_shape() -> &'static Shape {
    static SHAPE: OnceLock<Shape> = OnceLock::new();
    SHAPE.get_or_init(|| Shape::from_schema(&schema::for_manifest()))
}

/// A file that is being read.
struct Source<'a> {
    text: &'a str,
    file: &'a Arc<str>,
    format: Format,
    tree: &'a Node,
}

impl Source<'_> {
    fn error(&self, code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.file, span, message)
    }

    /// `key = "value"` or `key value`, as this format writes it.
    fn write_pair(&self, key: &str, value: &str) -> String {
        match self.format {
            Format::Toml => format!("{key} = \"{value}\""),
            Format::Kdl => format!("{key} \"{value}\""),
        }
    }
}

/// The tree of a document's text.
pub(super) fn parse(text: &str, file: &Arc<str>, format: Format) -> (Option<Node>, Vec<Diagnostic>) {
    match format {
        Format::Toml => files::toml::parse(text, file),
        Format::Kdl => files::kdl::parse(text, file, &shape_of_name),
    }
}

/// The shape for a document's `kind`, or, without one, for the configuration: as the printers and
/// the reader of KDL ask for it.
pub fn shape_of_name(kind: Option<&str>) -> Option<Shape> {
    let Some(name) = kind else { return Some(config_shape().clone()) };
    Kind::ALL.into_iter().find(|kind| kind.as_str() == name).map(|kind| shape_of(kind).clone())
}

/// What the shape finds, but for what a rule has said better already about the same text.
fn add_unless_covered(diagnostics: &mut Vec<Diagnostic>, found: Vec<Diagnostic>) {
    let covered: Vec<Span> = diagnostics.iter().filter_map(|d| d.span).collect();
    let overlap = |a: Span, b: Span| a.start < b.end && b.start < a.end;
    diagnostics.extend(found.into_iter().filter(|d| {
        // A missing key is reported at the table around it, which may hold other faults.
        d.code == "missing-key" || !d.span.is_some_and(|span| covered.iter().any(|other| overlap(span, *other)))
    }));
}

fn typed_unless_wrong<T>(
    source: &Source<'_>,
    diagnostics: &mut Vec<Diagnostic>,
    read: impl FnOnce() -> Result<T, Mismatch>,
) -> Option<T> {
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return None;
    }
    read()
        .map_err(|mismatch| {
            let span = source.tree.span_of(&mismatch.path);
            diagnostics.push(source.error("invalid-value", span, mismatch.message));
        })
        .ok()
}

/// A value that the shape lets pass and the model does not.
struct Mismatch {
    path: Path,
    message: String,
}

fn typed_document(tree: &Node, kind: Kind) -> Result<Document, Mismatch> {
    let header: Header = typed(tree)?;
    let body = match kind {
        Kind::Preset => Body::Preset(typed(tree)?),
        Kind::Template => Body::Template(typed(tree)?),
        Kind::AbTest => Body::AbTest(typed(tree)?),
        Kind::Mask => Body::Mask(typed(tree)?),
        Kind::Chain => {
            let mut chain: Chain = typed(tree)?;
            chain.task.values_mut().for_each(|task| task.with.append(&mut task.settings));
            Body::Chain(chain)
        }
    };
    Ok(Document { header, body })
}

fn typed<'de, T: Deserialize<'de>>(tree: &'de Node) -> Result<T, Mismatch> {
    // Following the way to every value costs more than reading it, and only a fault needs it.
    T::deserialize(tree).or_else(|_| serde_path_to_error::deserialize(tree)).map_err(|error| {
        let steps = error.path().iter().filter_map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
            serde_path_to_error::Segment::Map { key } => Some(Step::from(key)),
            _ => None,
        });
        Mismatch { path: Path(steps.collect()), message: error.inner().to_string() }
    })
}

fn sorted(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|d| d.span);
    diagnostics
}
