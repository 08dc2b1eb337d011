//! What must hold for any bytes: no panic, and a few laws that are cheap to ask after.
//!
//! One function for each target. The same file is part of `tests/documents/fuzz_corpus.rs`, which replays
//! the small corpus without a fuzzer.

use std::{
    io::Cursor,
    sync::{Arc, OnceLock},
};

use comfywright::{
    app::{self, ImportOptions, JudgedBy},
    diagnostic::{Diagnostic, Span},
    files::{self, Format, Node, NodeKind, Shape, edit},
    graph::{self, NodeSet, UiOptions, builtin},
    imagefile,
    import::read_source,
    model,
    rules::{self, Rule, Value, Values, Variables},
};

/// Any text is a TOML tree or a list of errors; what is printed of the tree says the same, and so
/// does its conversion to KDL.
pub fn toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (tree, diagnostics) = parse(text, Format::Toml);
    places_are_in(text, tree.as_ref(), &diagnostics);
    let _ = model::read_document(text, &name(Format::Toml), Format::Toml);
    let _ = model::read_config(text, &name(Format::Toml));
    if let Some(tree) = tree.filter(|_| diagnostics.is_empty()) {
        printing_keeps(&tree, Format::Toml);
        renaming_keeps(text, &tree, Format::Toml);
    }
}

/// The same for KDL, read by the shape that its `kind` chooses.
pub fn kdl(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (tree, diagnostics) = parse(text, Format::Kdl);
    places_are_in(text, tree.as_ref(), &diagnostics);
    let _ = model::read_document(text, &name(Format::Kdl), Format::Kdl);
    if let Some(tree) = tree.filter(|_| diagnostics.is_empty()) {
        printing_keeps(&tree, Format::Kdl);
        renaming_keeps(text, &tree, Format::Kdl);
    }
}

/// Any text is a rule, which then has an answer or an error, or an error.
pub fn rules(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(rule) = Rule::compile(text, variables()) else { return };
    assert_eq!(rule.text(), text);
    let _ = rule.evaluate(&Values::new());
    let answer = rule.evaluate(values());
    assert_eq!(format!("{answer:?}"), format!("{:?}", rule.evaluate(values())));
}

/// Any bytes are an image of the size that the header says, or an error.
pub fn image(bytes: &[u8]) {
    let limits = imagefile::Limits { max_side: 2048, max_bytes: 8 << 20 };
    let header = imagefile::header(Cursor::new(bytes));
    let _ = imagefile::metadata(bytes);
    let Ok(decoded) = imagefile::decode(bytes, &limits) else { return };
    let header = header.expect("what was decoded has a header");
    let image = &decoded.image;
    // Whether an animation is transparent anywhere is known only once it is decoded.
    assert_eq!(decoded.header.format, header.format);
    assert_eq!((image.width, image.height), (header.width as usize, header.height as usize));
    assert_eq!(image.data.len(), image.batch * image.height * image.width * image.channels);
    assert!(image.data.iter().all(|value| (0.0..=1.0).contains(value)));
    if let Some(mask) = &decoded.mask {
        assert_eq!((mask.width, mask.height), (image.width, image.height));
        assert_eq!(mask.data.len(), mask.batch * mask.height * mask.width);
    }
}

/// Any bytes are a workflow or a graph, or there is a reason; what is converted can be sent, drawn and
/// made a preset.
pub fn workflow(bytes: &[u8]) {
    let nodes = classes();
    if let Ok(text) = std::str::from_utf8(bytes) {
        for keep_bypassed in [false, true] {
            match graph::from_ui(&Arc::from("fuzz.json"), text, nodes, UiOptions { keep_bypassed }) {
                Ok(converted) => {
                    places_of_findings_are_in(text, &converted.warnings);
                    let sent = graph::to_api(&converted.graph, &mut |_| serde_json::Value::Null);
                    graph::from_api(&sent).expect("what is sent is a graph");
                }
                Err(found) => {
                    assert!(!found.is_empty(), "no graph and no reason");
                    places_of_findings_are_in(text, &found);
                }
            }
        }
    }
    let prompt = read_source(bytes).ok().and_then(|source| source.prompt);
    if let Some(graph) = prompt.and_then(|prompt| graph::from_api(&prompt).ok()) {
        let drawn = graph::to_ui(&graph, nodes, &[], &mut |_| serde_json::Value::Null);
        let _ = graph::lost_in_drawing(&graph, &drawn, nodes, &[]);
        let _ = graph::check_graph(&graph, nodes);
    }
    let _ = app::import("fuzz.json", bytes, JudgedBy { nodes, of_server: true }, &ImportOptions::default());
}

fn classes() -> &'static NodeSet {
    static CLASSES: OnceLock<NodeSet> = OnceLock::new();
    let text = include_str!("../../fixtures/convert/object_info.json");
    CLASSES.get_or_init(|| NodeSet::parse(text.to_owned()).expect("the classes of the fixtures"))
}

fn places_of_findings_are_in(text: &str, diagnostics: &[Diagnostic]) {
    diagnostics.iter().filter_map(|found| found.span).for_each(|span| is_in(text, span));
}

/// Any bytes become a preset, whose text then says what it says, or the reason is said; with the graph
/// kept as a file, too.
pub fn import(bytes: &[u8]) {
    let by = JudgedBy { nodes: builtin(), of_server: true };
    for (keep_workflow, format) in [(false, Format::Toml), (false, Format::Kdl), (true, Format::Toml)] {
        let options = ImportOptions { name: Some("fuzz".to_owned()), keep_workflow, format: Some(format) };
        match app::import("fuzz", bytes, by, &options) {
            Ok(imported) => {
                assert!(imported.preset.params().all(|(_, param)| param.required || param.default.is_some()));
            }
            Err(error) => assert!(!app::error_findings(&error, &app::Sources::default()).is_empty()),
        }
    }
}

fn name(format: Format) -> Arc<str> {
    Arc::from(format!("fuzz.{}", format.extension()))
}

fn parse(text: &str, format: Format) -> (Option<Node>, Vec<Diagnostic>) {
    match format {
        Format::Toml => files::toml::parse(text, &name(format)),
        Format::Kdl => files::kdl::parse(text, &name(format), &model::shape_of_name),
    }
}

fn print(tree: &Node, format: Format, shape: &Shape) -> String {
    match format {
        Format::Toml => files::toml::print(tree, shape),
        Format::Kdl => files::kdl::print(tree, shape),
    }
}

/// A tree that fits its shape is printed in its format, and printed again the same, without a
/// change of meaning.
fn printing_keeps(tree: &Node, format: Format) {
    let json = tree.to_json();
    let Some(shape) = model::shape_of_name(json.get("kind").and_then(|kind| kind.as_str())) else { return };
    if !files::validate(tree, &shape, &name(format)).is_empty() {
        return;
    }
    let other = if format == Format::Toml { Format::Kdl } else { Format::Toml };
    for target in [format, other] {
        let printed = print(tree, target, &shape);
        let (again, diagnostics) = parse(&printed, target);
        let again =
            again.unwrap_or_else(|| panic!("{target:?} does not read what it printed:\n{printed}\n{diagnostics:#?}"));
        assert_eq!(again.to_json(), json, "{target:?} changed the meaning:\n{printed}");
        assert_eq!(print(&again, target, &shape), printed, "{target:?} prints its own output in another way");
    }
}

/// Every key of the top level can be renamed, or the reason is said.
fn renaming_keeps(text: &str, tree: &Node, format: Format) {
    const NEW_KEY: &str = "renamed key";
    let Some(table) = tree.as_table() else { return };
    let kind = table.entries.get("kind").and_then(|entry| entry.node.as_str());
    let shape = model::shape_of_name(kind).unwrap_or(Shape::Any);
    let source = edit::Source { text, format, shape: &shape };
    for key in table.entries.keys().take(8) {
        let path = files::Path(vec![key.into()]);
        let Ok(edits) = edit::rename(&source, &path, NEW_KEY) else { continue };
        for edit in &edits {
            is_in(text, edit.span);
        }
        edit::apply(text, &edits).expect("edits of the same text");
    }
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

fn values() -> &'static Values {
    static VALUES: OnceLock<Values> = OnceLock::new();
    VALUES.get_or_init(|| {
        let value = |name: &str, value: Value| (name.to_owned(), value);
        Values::from([
            value("nsfw", 0.1.into()),
            value("cutout.quality", 0.9.into()),
            value("width", i64::MAX.into()),
            value("attempt", 1_i64.into()),
            value("sku", "A-1".into()),
            value("error", "oom".into()),
            value("keep", true.into()),
        ])
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
