//! What must hold for any bytes: no panic, and a few laws that are cheap to ask after.
//!
//! One function for each target. The same file is part of `tests/fuzz_corpus.rs`, which replays
//! the small corpus without a fuzzer.

use std::{
    io::Cursor,
    sync::{Arc, OnceLock},
};

use comfywright::{
    diagnostic::{Diagnostic, Span},
    files::{self, Node, NodeKind, Shape},
    imagefile,
    model::{Kind, schema},
    rules::{self, Rule, Variables},
};

/// Any text is a TOML tree or a list of errors.
pub fn toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (tree, diagnostics) = files::toml::parse(text, &Arc::from("fuzz.toml"));
    places_are_in(text, tree.as_ref(), &diagnostics);
}

/// Any text is a KDL tree or a list of errors, read by the shape that its `kind` chooses.
pub fn kdl(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (tree, diagnostics) = files::kdl::parse(text, &Arc::from("fuzz.kdl"), &shape_of);
    places_are_in(text, tree.as_ref(), &diagnostics);
}

/// Any text is a rule or an error.
pub fn rules(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Rule::compile(text, variables());
}

/// Any bytes are an image of the size that the header says, or an error.
pub fn image(bytes: &[u8]) {
    let limits = imagefile::Limits { max_side: 2048, max_bytes: 8 << 20 };
    let header = imagefile::header(Cursor::new(bytes));
    let _ = imagefile::metadata(bytes);
    let Ok(decoded) = imagefile::decode(bytes, &limits) else { return };
    let header = header.expect("what was decoded has a header");
    let image = &decoded.image;
    assert_eq!(decoded.header, header);
    assert_eq!((image.width, image.height), (header.width as usize, header.height as usize));
    assert_eq!(image.data.len(), image.batch * image.height * image.width * image.channels);
    assert!(image.data.iter().all(|value| (0.0..=1.0).contains(value)));
    if let Some(mask) = &decoded.mask {
        assert_eq!((mask.width, mask.height), (image.width, image.height));
        assert_eq!(mask.data.len(), mask.batch * mask.height * mask.width);
    }
}

fn shape_of(kind: Option<&str>) -> Option<Shape> {
    static SHAPES: OnceLock<Vec<(Option<&str>, Shape)>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        let of_kind = |kind: &Kind| (Some(kind.as_str()), Shape::from_schema(&schema::for_kind(*kind)));
        let of_config = (None, Shape::from_schema(&schema::for_config()));
        Kind::ALL.iter().map(of_kind).chain([of_config]).collect()
    });
    shapes.iter().find(|(name, _)| *name == kind).map(|(_, shape)| shape.clone())
}

fn variables() -> &'static Variables {
    static VARIABLES: OnceLock<Variables> = OnceLock::new();
    VARIABLES.get_or_init(|| {
        Variables::new()
            .with("nsfw", rules::Kind::Number)
            .with("cutout.quality", rules::Kind::Number)
            .with("width", rules::Kind::Integer)
            .with("attempt", rules::Kind::Integer)
            .with("sku", rules::Kind::Text)
            .with("error", rules::Kind::Text)
            .with("keep", rules::Kind::Bool)
    })
}

/// Every place names characters of the text, and what has no tree has a reason.
fn places_are_in(text: &str, tree: Option<&Node>, diagnostics: &[Diagnostic]) {
    let fixes = diagnostics.iter().filter_map(|found| found.fix.as_ref());
    fixes.flat_map(|fix| &fix.edits).for_each(|edit| is_in(text, edit.span));
    diagnostics.iter().filter_map(|found| found.span).for_each(|span| is_in(text, span));
    match tree {
        Some(tree) => nodes_are_in(text, tree),
        None => assert!(!diagnostics.is_empty(), "no tree and no reason"),
    }
}

fn nodes_are_in(text: &str, node: &Node) {
    is_in(text, node.span);
    match &node.kind {
        NodeKind::List(elements) => elements.iter().for_each(|element| nodes_are_in(text, &element.node)),
        NodeKind::Table(table) => table.entries.values().for_each(|entry| {
            is_in(text, entry.key_span);
            nodes_are_in(text, &entry.node);
        }),
        _ => {}
    }
}

fn is_in(text: &str, span: Span) {
    assert!(text.get(span.range()).is_some(), "{span:?} is not in the text of {} bytes", text.len());
}
