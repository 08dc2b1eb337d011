//! Arbitrary trees that conform to a shape.

use super::support::shape_of;
use comfywright::{
    diagnostic::Span,
    files::{Comments, Element, Entry, Node, NodeKind, Shape, Table, TableShape},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

const KINDS: [Option<&str>; 6] = [Some("chain"), Some("preset"), Some("mask"), Some("ab_test"), Some("template"), None];

/// Documents of every kind with their shape, with comments where `commented`.
pub(crate) fn document(commented: bool) -> impl Strategy<Value = (Shape, Node)> {
    let shapes: Vec<Shape> = KINDS.iter().map(|kind| shape_of(*kind).unwrap()).collect();
    select(shapes).prop_flat_map(move |shape| (Just(shape.clone()), value(&shape, commented, 6)))
}

/// Texts that are easy and hard to write down.
pub(crate) fn text() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[a-z]{1,6}(-[a-z]{1,3})?",
        1 => select(vec!["true", "null", "-", "", " ", "1", "1.5", "@a.IMAGE", "{a}", "a|b", "\"", "\"\"", "'", "\\", "\"#",
            "a\nb", "\n", "a\r\nb", "\r", "'''", "\"\"\"", "a \\ \"b\"\n'c'", "  x\n y\n", "\u{85}", "\u{1}\u{7f}", "\u{feff}",
            "日本 é", "nan", "-inf", "/- x", "// x", "# x", "\t", " \n ", "x\n\n", "\u{2028}", "r", "(list)"]).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
        1 => "(?s).{0,8}",
    ]
    .boxed()
}

fn key() -> BoxedStrategy<String> {
    prop_oneof![
        8 => "[a-z_][a-z0-9_]{0,5}",
        1 => select(vec!["format.codec", "-", "", "a b", "true", "é", "\"", "1", "list", "title", "kind"]).prop_map(str::to_owned),
    ]
    .boxed()
}

fn node(kind: NodeKind) -> Node {
    Node { span: Span::default(), kind }
}

fn scalar() -> BoxedStrategy<Node> {
    prop_oneof![
        text().prop_map(NodeKind::String),
        any::<i64>().prop_map(NodeKind::Int),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(NodeKind::Float),
        any::<bool>().prop_map(NodeKind::Bool),
    ]
    .prop_map(node)
    .boxed()
}

fn comments(commented: bool) -> BoxedStrategy<Comments> {
    if !commented {
        return Just(Comments::default()).boxed();
    }
    let line =
        prop_oneof![" [a-z]{1,5}", Just(" ".to_owned()), Just(":schema x".to_owned()), Just(" \"{ // # /*".to_owned())];
    prop_oneof![
        6 => Just(Comments::default()),
        1 => vec(line.clone(), 1..3).prop_map(Comments::above),
        1 => line.prop_map(|line| {
            let mut comments = Comments::default();
            comments.trailing = Some(line);
            comments
        }),
    ]
    .boxed()
}

fn value(shape: &Shape, commented: bool, depth: u32) -> BoxedStrategy<Node> {
    match shape {
        Shape::Any if depth == 0 => scalar(),
        Shape::Any => {
            let free = Shape::Table(TableShape { rest: Some(Box::new(Shape::Any)), ..TableShape::default() });
            prop_oneof![
                4 => scalar(),
                1 => list(&Shape::Any, commented, depth - 1),
                1 => value(&free, commented, depth - 1),
            ]
            .boxed()
        }
        Shape::Bool => any::<bool>().prop_map(|b| node(NodeKind::Bool(b))).boxed(),
        Shape::Int { .. } => any::<i64>().prop_map(|i| node(NodeKind::Int(i))).boxed(),
        Shape::Float { .. } => (-1e9..1e9).prop_map(|f| node(NodeKind::Float(f))).boxed(),
        Shape::String { values: Some(values), .. } => {
            select(values.clone()).prop_map(|s| node(NodeKind::String(s))).boxed()
        }
        Shape::String { .. } => text().prop_map(|s| node(NodeKind::String(s))).boxed(),
        Shape::List(element) => list(element, commented, depth.saturating_sub(1)),
        Shape::Table(table) => self::table(table, commented, depth.saturating_sub(1)),
        Shape::OneOf(variants) => {
            let strategies: Vec<_> = variants.iter().map(|v| value(v, commented, depth)).collect();
            proptest::strategy::Union::new(strategies).boxed()
        }
    }
}

fn list(element: &Shape, commented: bool, depth: u32) -> BoxedStrategy<Node> {
    vec((value(element, commented, depth), comments(commented)), 0..4)
        .prop_map(|elements| {
            let elements = elements.into_iter().map(|(node, comments)| Element { node, comments });
            node(NodeKind::List(elements.collect()))
        })
        .boxed()
}

fn table(shape: &TableShape, commented: bool, depth: u32) -> BoxedStrategy<Node> {
    let mut known: BoxedStrategy<Vec<Option<(String, Node, Comments)>>> = Just(Vec::new()).boxed();
    for (name, field) in &shape.fields {
        let name = name.to_string();
        let field = (value(&field.shape, commented, depth), comments(commented));
        let entry = option::weighted(0.5, field).prop_map(move |e| e.map(|(node, c)| (name.clone(), node, c)));
        known = (known, entry)
            .prop_map(|(mut all, one)| {
                all.push(one);
                all
            })
            .boxed();
    }
    let rest = match &shape.rest {
        Some(rest) => vec((key(), value(rest, commented, depth), comments(commented)), 0..4).boxed(),
        None => Just(Vec::new()).boxed(),
    };
    let known_names: Vec<String> = shape.fields.keys().map(ToString::to_string).collect();
    (known, rest)
        .prop_map(move |(known, rest)| {
            let mut table = Table::default();
            let rest = rest.into_iter().filter(|(key, ..)| !known_names.contains(key));
            for (key, node, comments) in known.into_iter().flatten().chain(rest) {
                table.entries.insert(key.into(), Entry { key_span: Span::default(), node, comments });
            }
            node(table.into())
        })
        .boxed()
}
