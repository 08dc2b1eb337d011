//! Laws of importing: what a preset compiles to becomes the same preset, and no text is taken for
//! something else.

use std::fmt::Write as _;

use comfywright::{
    app::{ImportOptions, JudgedBy, import},
    compile::{Scope, Template, escape_interpolation},
    files::Format,
    graph::{Graph, GraphNode, Input, builtin, escape_literal, parse_link, to_api, unescape_literal},
    ident::IndexMap,
    import::{PresetRequest, preset},
    model::{Body, NodeDef},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    isomorphic::difference,
    workspace::{Workspace, compiled},
};

/// Texts that say something to documents.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("{{a}}".to_owned()),
        Just("{a.b}".to_owned()),
        Just("{hash(a, 1)}".to_owned()),
        Just("{nothing(1)}".to_owned()),
        Just("@".to_owned()),
        Just("@n0.IMAGE".to_owned()),
        Just("\n".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("\\".to_owned()),
        Just("\u{0}".to_owned()),
        Just("\u{feff}".to_owned()),
        "[ -~é日]{0,6}",
    ];
    proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|n: f64| json!(n)),
        Just(json!(u64::MAX)),
        Just(json!(8.0)),
        Just(json!(-0.5e-7)),
    ]
}

/// Any JSON value without null that a document can hold.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![text().prop_map(Value::from), number(), any::<bool>().prop_map(Value::from)];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((text(), inner), 0..4).prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

fn input_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,8}", "[a-z]{1,4}\\.[a-z0-9]{1,4}(\\.[a-z]{1,3})?", text()]
}

/// A graph of custom nodes in the order of `ids`; each may take outputs of those before it.
fn graph(ids: impl Fn(usize) -> String + 'static) -> impl Strategy<Value = Graph> {
    let inputs = proptest::collection::vec((input_name(), value()), 0..4);
    let links = proptest::collection::vec((any::<prop::sample::Index>(), 0..3_usize), 0..3);
    let title = proptest::option::of("[A-Za-z ()日]{0,12}");
    let class = prop_oneof!["[A-Z][A-Za-z0-9]{1,8}", "[A-Za-z] [a-z.]{1,6}\"?"];
    let nodes = proptest::collection::vec((class, title, inputs, links), 1..7);
    nodes.prop_map(move |nodes| {
        let mut graph = Graph::default();
        for (at, (class, title, values, links)) in nodes.into_iter().enumerate() {
            let mut inputs: IndexMap<String, Input> =
                values.into_iter().map(|(name, value)| (name, Input::Value(value))).collect();
            for (number, (source, output)) in links.into_iter().enumerate().filter(|_| at > 0) {
                inputs.insert(format!("link{number}"), Input::link(ids(source.index(at)), output));
            }
            let title = title.filter(|title| !title.trim().is_empty());
            graph.nodes.insert(ids(at), GraphNode { class, title, inputs });
        }
        let last = Input::link(ids(graph.nodes.len() - 1), 0);
        let inputs = [("images".to_owned(), last), ("filename_prefix".to_owned(), Input::value("x"))];
        let save = GraphNode { class: "SaveImage".to_owned(), title: None, inputs: inputs.into_iter().collect() };
        graph.nodes.insert("save".to_owned(), save);
        graph
    })
}

fn request() -> PresetRequest {
    PresetRequest { name: "law".to_owned(), version: "1.0.0".to_owned(), ..PresetRequest::default() }
}

fn nodes_of(graph: &Graph) -> IndexMap<String, NodeDef> {
    match preset(graph, builtin(), &request()).unwrap().body {
        Body::Preset(preset) => preset.node,
        body => panic!("{body:?}"),
    }
}

struct NoNames;

impl Scope for NoNames {
    fn value(&self, _: &[String]) -> Option<Value> {
        None
    }

    fn index(&self, _: &str) -> Option<usize> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever a graph holds: a file of it, imported and compiled, is the graph.
    #[test]
    fn any_graph_survives(graph in graph(|at| (at * 7).to_string()), is_kdl: bool) {
        let api = to_api(&graph, &mut |_| Value::Null).to_string();
        let workspace = Workspace::new();
        let format = if is_kdl { Format::Kdl } else { Format::Toml };
        let imported = workspace.import("law", api.as_bytes(), builtin(), format, false);
        let found = compiled(&workspace.open(None), "law", &imported);
        prop_assert_eq!(difference(&graph, &found, builtin()), None, "{}", imported.preset.text);
    }

    /// What a preset without parameters compiles to becomes its nodes again.
    #[test]
    fn a_compiled_preset_keeps_its_model(graph in graph(|at| format!("n{at}"))) {
        let nodes = nodes_of(&graph);
        let api = to_api(&graph, &mut |_| Value::Null).to_string();
        let workspace = Workspace::new();
        let imported = workspace.import("law", api.as_bytes(), builtin(), Format::Toml, false);
        let again = compiled(&workspace.open(None), "law", &imported);
        prop_assert_eq!(nodes_of(&again), nodes);
    }

    /// An escaped text says what it said, wherever it stands; none is a link.
    #[test]
    fn escaped_texts_say_what_they_said(text in text()) {
        if let Ok(escaped) = escape_interpolation(&text) {
            let written = escape_literal(&escaped);
            prop_assert!(parse_link(&written).is_none());
            let template = Template::parse(unescape_literal(&written)).unwrap();
            prop_assert!(template.is_literal());
            prop_assert_eq!(template.fill(&NoNames), Ok(Value::from(text)));
        }
    }

    /// A file that was damaged on its way becomes a preset or is refused.
    #[test]
    fn damaged_files_never_panic(
        file in proptest::sample::select(samples()),
        damages in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..6_usize), 1..6),
    ) {
        let mut bytes = file;
        for (at, byte, length) in damages {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            let end = (at + length).min(bytes.len());
            // Another byte, bytes that are missing, and bytes that stand there twice.
            match byte % 3 {
                0 => bytes.splice(at..end, [byte]).for_each(drop),
                1 => drop(bytes.drain(at..end)),
                _ => bytes = [&bytes[..end], &bytes[at..]].concat(),
            }
        }
        for keep_workflow in [false, true] {
            let options = ImportOptions { keep_workflow, ..ImportOptions::default() };
            let _ = import("damaged", &bytes, JudgedBy { nodes: builtin(), of_server: false }, &options);
        }
    }

    /// Bytes that are no graph get an answer.
    #[test]
    fn any_bytes_are_read_or_refused(start in proptest::sample::select(starts()), rest in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = comfywright::import::read_source(&[start, rest].concat());
    }
}

/// Files that graphs are imported from.
fn samples() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz/import");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn starts() -> Vec<Vec<u8>> {
    let film = b"\0\0\0\x14ftypisom\0\0\0\0isom\0\0\0\x40moov\0\0\0\x38udta\0\0\0\x30meta".to_vec();
    let matroska = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\x12\x54\xc3\x67\xff".to_vec();
    let mut json = String::new();
    let _ = write!(json, "{{\"1\": {{\"class_type\": \"");
    vec![film, matroska, json.into_bytes(), b"{\"nodes\": [{".to_vec(), b"\x89PNG\r\n\x1a\n".to_vec(), Vec::new()]
}
