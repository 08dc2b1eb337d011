//! Edits change their bytes and nothing else, in both formats, whatever the line endings.

use super::generate;
use super::support::{canonical, comments, shape_of};
use comfywright::{
    diagnostic::{Span, TextEdit},
    files::{
        Format, Node, NodeKind, Path, Shape, Step,
        edit::{self, EditError, Source},
        toml,
    },
    path,
};
use proptest::prelude::*;

enum Change {
    Set(Path, Node),
    Insert(Path, &'static str, Node),
    Remove(Path),
    Rename(Path, &'static str),
}
use Change::{Insert, Remove, Rename, Set};

fn node(kind: NodeKind) -> Node {
    Node { span: Span::default(), kind }
}

fn text(text: &str) -> Node {
    node(NodeKind::String(text.to_owned()))
}

fn int(value: i64) -> Node {
    node(NodeKind::Int(value))
}

/// A value read from TOML.
fn value(source: &str) -> Node {
    let (tree, diagnostics) = toml::parse(&format!("v = {source}"), &"x.toml".into());
    assert_eq!(diagnostics, []);
    tree.unwrap().get(&path!["v"]).unwrap().clone()
}

fn edited(source: &str, format: Format, change: &Change) -> Result<String, EditError> {
    let shape = shape_of(Some("chain")).unwrap();
    let origin = Source { text: source, format, shape: &shape };
    let edits = match change {
        Set(path, value) => edit::set(&origin, path, value),
        Insert(parent, key, value) => edit::insert(&origin, parent, key, value),
        Remove(path) => edit::remove(&origin, path),
        Rename(path, key) => edit::rename(&origin, path, key),
    }?;
    edit::apply(source, &edits)
}

/// Runs each row as it stands, with CRLF, with a byte order mark, and without the last line end.
fn check(format: Format, rows: &[(&str, Change, &str)]) {
    let mut failures = Vec::new();
    for (before, change, after) in rows {
        let variants: [fn(&str) -> String; 4] = [
            str::to_owned,
            |t| t.replace('\n', "\r\n"),
            |t| format!("\u{feff}{t}"),
            |t| t.strip_suffix('\n').unwrap_or(t).to_owned(),
        ];
        for vary in variants {
            let result = edited(&vary(before), format, change);
            if result.as_deref() != Ok(vary(after).as_str()) {
                failures.push(format!("{:?}\nbecame   {result:?}\nexpected {:?}", vary(before), vary(after)));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn the_first_key_of_an_empty_file() {
    let insert = Insert(path![], "mode", text("fifo"));
    assert_eq!(edited("", Format::Toml, &insert).as_deref(), Ok("mode = \"fifo\"\n"));
    assert_eq!(edited("", Format::Kdl, &insert).as_deref(), Ok("mode fifo\n"));
}

#[test]
fn toml_edits() {
    let rows = [
        ("# c\nmode = 'fifo'   # why\n", Set(path!["mode"], text("smart")), "# c\nmode = \"smart\"   # why\n"),
        ("a = 1\n", Set(path!["b"], int(2)), "a = 1\nb = 2\n"),
        ("# only\n", Set(path!["b"], int(2)), "# only\nb = 2\n"),
        (
            "# s\n\n# t\n[vars]\nx = 1\n",
            Insert(path![], "mode", text("fifo")),
            "# s\n\nmode = \"fifo\"\n\n# t\n[vars]\nx = 1\n",
        ),
        (
            "k = 1 # c\n\n[vars] # d\n  x = 1 # e\n\n[defaults]\n",
            Insert(path!["vars"], "y", int(2)),
            "k = 1 # c\n\n[vars] # d\n  x = 1 # e\n  y = 2\n\n[defaults]\n",
        ),
        ("[vars]\n[defaults]\n", Insert(path!["vars"], "a b", int(2)), "[vars]\n\"a b\" = 2\n[defaults]\n"),
        (
            "[task.a]\nwith.x = 1\ntype = 'load'\n",
            Insert(path!["task", "a", "with"], "y", int(2)),
            "[task.a]\nwith.x = 1\nwith.y = 2\ntype = 'load'\n",
        ),
        (
            "[defaults]\nretry = { max = 2 }\n",
            Insert(path!["defaults", "retry"], "on", text("oom")),
            "[defaults]\nretry = { max = 2, on = \"oom\" }\n",
        ),
        ("vars = {}\n", Insert(path!["vars"], "a", int(1)), "vars = { a = 1 }\n"),
        (
            "[task.a]\ntype = 'load'\n",
            Insert(path!["task"], "b", value("{ type = 'export' }")),
            "[task.a]\ntype = 'load'\n\n[task.b]\ntype = \"export\"\n",
        ),
        (
            "[task.a]\nroute = [\n  # one\n  { to = 'b' }, # c\n  { to = 'c' },\n]\n",
            Set(path!["task", "a", "route", 1, "to"], text("@skip")),
            "[task.a]\nroute = [\n  # one\n  { to = 'b' }, # c\n  { to = \"@skip\" },\n]\n",
        ),
        (
            "[task.a]\nroute = [\n  # one\n  { to = 'b' }, # c\n  { to = 'c' },\n]\n",
            Remove(path!["task", "a", "route", 0]),
            "[task.a]\nroute = [\n  { to = 'c' },\n]\n",
        ),
        ("tags = [1, 2, 3]\n", Remove(path!["tags", 1]), "tags = [1, 3]\n"),
        ("tags = [1, 2, 3]\n", Remove(path!["tags", 2]), "tags = [1, 2]\n"),
        ("tags = [ 1 ]\n", Remove(path!["tags", 0]), "tags = [  ]\n"),
        ("a = 1\n# about b\nb = 2 # two\nc = 3\n", Remove(path!["b"]), "a = 1\nc = 3\n"),
        ("# file\n\na = 1\nb = 2\n", Remove(path!["a"]), "# file\n\nb = 2\n"),
        ("a = { x = 1, y = 2 }\n", Remove(path!["a", "x"]), "a = { y = 2 }\n"),
        ("a = { x = 1, y = 2 }\n", Remove(path!["a", "y"]), "a = { x = 1 }\n"),
        (
            "[task.a]\nx = 1\n[vars]\nz = 1\n[task.a.with]\ny = 1\n[defaults]\n",
            Remove(path!["task", "a"]),
            "[vars]\nz = 1\n[defaults]\n",
        ),
        ("k = 1\n\n# t\n[vars]\nx = 1\n\n# u\n[defaults]\n", Remove(path!["vars"]), "k = 1\n\n# u\n[defaults]\n"),
        (
            "[task.a] # c\nx = 1\n[task.a.with]\n[vars]\n",
            Rename(path!["task", "a"], "b"),
            "[task.b] # c\nx = 1\n[task.b.with]\n[vars]\n",
        ),
        ("a.x = 1\na.y = 2\n", Rename(path!["a"], "b.c"), "\"b.c\".x = 1\n\"b.c\".y = 2\n"),
        ("r = [{ a.b = 1 }]\n", Rename(path!["r", 0, "a", "b"], "c"), "r = [{ a.c = 1 }]\n"),
        ("[[l]]\nx = 1\n[[l]]\nx = 1\n", Set(path!["l", 1, "x"], int(2)), "[[l]]\nx = 1\n[[l]]\nx = 2\n"),
    ];
    check(Format::Toml, &rows);
}

#[test]
fn kdl_edits() {
    let rows = [
        ("// c\nmode \"fifo\" // why\n", Set(path!["mode"], text("smart")), "// c\nmode smart // why\n"),
        ("task a { type load; }\n", Set(path!["task", "a", "type"], text("export")), "task a { type export; }\n"),
        (
            "task a {\n  route to=b /* x */ times=1\n}\n",
            Set(path!["task", "a", "route", 0, "times"], int(2)),
            "task a {\n  route to=b /* x */ times=2\n}\n",
        ),
        (
            "kind chain\ntask a { type load; }\n",
            Insert(path![], "mode", text("fifo")),
            "kind chain\nmode fifo\ntask a { type load; }\n",
        ),
        ("kind chain // c\n", Insert(path![], "mode", text("fifo")), "kind chain // c\nmode fifo\n"),
        (
            "task a { type load; }\nvars a=1\n",
            Insert(path!["task"], "b", value("{ type = 'export' }")),
            "task a { type load; }\ntask b { type export; }\nvars a=1\n",
        ),
        (
            "task a {\n  type load // t\n  // end\n}\n",
            Insert(path!["task", "a"], "preset", text("p@1")),
            "task a {\n  type load // t\n  // end\n  preset \"p@1\"\n}\n",
        ),
        (
            "task a { type load; }\n",
            Insert(path!["task", "a"], "each", node(NodeKind::Bool(true))),
            "task a { type load; each #true; }\n",
        ),
        (
            "task a { type load }\n",
            Insert(path!["task", "a"], "priority", int(1)),
            "task a { type load; priority 1; }\n",
        ),
        ("task a {}\n", Insert(path!["task", "a"], "priority", int(1)), "task a { priority 1; }\n"),
        ("task a type=load\n", Insert(path!["task", "a"], "priority", int(1)), "task a type=load priority=1\n"),
        (
            "task a type=load\n",
            Insert(path!["task", "a"], "depends_on", value("['x', 'y']")),
            "task a type=load {\n    depends_on x y\n}\n",
        ),
        ("kind chain\n// about\nmode fifo // m\nparallel 1\n", Remove(path!["mode"]), "kind chain\nparallel 1\n"),
        ("kind chain; mode fifo; parallel 1\n", Remove(path!["mode"]), "kind chain; parallel 1\n"),
        ("vars a=1 b=2\n", Remove(path!["vars", "a"]), "vars b=2\n"),
        ("vars a=1\n", Remove(path!["vars", "a"]), "vars {}\n"),
        ("task a { depends_on x y; }\n", Remove(path!["task", "a", "depends_on", 0]), "task a { depends_on y; }\n"),
        ("vars { a 1 2; }\n", Remove(path!["vars", "a", 0]), "vars { (list)a 2; }\n"),
        ("task a { type load; }\n// b\ntask b { type load; }\n", Remove(path!["task", "b"]), "task a { type load; }\n"),
        ("task a { route to=b; route to=c; }\n", Remove(path!["task", "a", "route", 0]), "task a { route to=c; }\n"),
        ("task a { type load; }\nvars x=1\ntask b { type load; }\n", Remove(path!["task"]), "vars x=1\n"),
        ("task a { type load; } // c\n", Rename(path!["task", "a"], "b"), "task b { type load; } // c\n"),
        ("vars { a 1; }\n", Rename(path!["vars", "a"], "b.c"), "vars { \"b.c\" 1; }\n"),
        ("vars a=1\n", Rename(path!["vars", "a"], "b"), "vars b=1\n"),
        (
            "task a { node p Blur title=x { r 1; }; }\n",
            Rename(path!["task", "a", "node", "p", "Blur"], "Sharp"),
            "task a { node p Sharp title=x { r 1; }; }\n",
        ),
        (
            "task a {\n  node p Blur {\n    r 1\n  }\n}\n",
            Insert(path!["task", "a", "node", "p", "Blur"], "image", text("@x.IMAGE")),
            "task a {\n  node p Blur {\n    r 1\n    image \"@x.IMAGE\"\n  }\n}\n",
        ),
        (
            "task a { node p Blur { r 1; }; }\n",
            Insert(path!["task", "a", "node", "p"], "title", text("T")),
            "task a { node p Blur title=T { r 1; }; }\n",
        ),
        ("vars { a 1; }\n", Set(path!["vars", "a"], value("[1, 2]")), "vars { a 1 2; }\n"),
        (
            "task a {\n  route to=b // x\n  route to=c\n}\n",
            Set(path!["task", "a", "route", 1], value("{ if = 'x > 1', to = 'd' }")),
            "task a {\n  route to=b // x\n  route if=\"x > 1\" to=d\n}\n",
        ),
    ];
    check(Format::Kdl, &rows);
}

#[test]
fn what_cannot_be_done_in_place_is_refused() {
    let refused = |source: &str, format, change: &Change| edited(source, format, change).unwrap_err();
    assert_eq!(refused("a = 1\n", Format::Toml, &Remove(path!["b"])), EditError::NoSuchPath(path!["b"]));
    assert_eq!(refused("a = 1\n", Format::Toml, &Insert(path![], "a", int(1))), EditError::Exists(path!["a"]));
    assert_eq!(refused("a = 1\n", Format::Toml, &Insert(path!["a"], "b", int(1))), EditError::NotATable(path!["a"]));
    assert_eq!(refused("a = 1\nb = 1\n", Format::Toml, &Rename(path!["a"], "b")), EditError::Exists(path!["b"]));
    assert_eq!(refused("[a]\nb = 1\n", Format::Toml, &Set(path!["a"], int(1))), EditError::NotInPlace(path!["a"]));
    assert!(matches!(refused("a = \n", Format::Toml, &Remove(path!["a"])), EditError::Invalid(_)));
    assert_eq!(
        refused("vars a=1\n", Format::Kdl, &Set(path!["vars", "a"], value("[1]"))),
        EditError::NotInPlace(path!["vars", "a"])
    );
}

#[test]
fn overlapping_edits_are_refused() {
    let edit = |start, end, text: &str| TextEdit { span: Span::new(start, end), text: text.to_owned() };
    assert_eq!(edit::apply("abc", &[edit(2, 3, "X"), edit(0, 1, "Y")]).as_deref(), Ok("YbX"));
    assert_eq!(edit::apply("abc", &[edit(1, 1, "1"), edit(1, 1, "2"), edit(1, 2, "")]).as_deref(), Ok("a12c"));
    assert_eq!(edit::apply("abc", &[edit(0, 2, ""), edit(1, 3, "")]), Err(EditError::Overlap));
    assert_eq!(edit::apply("abc", &[edit(2, 9, "")]), Err(EditError::Overlap));
    assert_eq!(edit::apply("é", &[edit(1, 2, "")]), Err(EditError::Overlap));
}

/// Every path of a tree.
fn paths(node: &Node) -> Vec<Path> {
    let mut all = Vec::new();
    paths_into(node, &Path::default(), &mut all);
    all
}

fn paths_into(node: &Node, at: &Path, all: &mut Vec<Path>) {
    all.push(at.clone());
    match &node.kind {
        NodeKind::Table(table) => table.entries.iter().for_each(|(key, e)| paths_into(&e.node, &at.join(key), all)),
        NodeKind::List(list) => list.iter().enumerate().for_each(|(i, e)| paths_into(&e.node, &at.join(i), all)),
        _ => {}
    }
}

/// The tree with the value at `path` blotted out.
fn without(node: &Node, path: &Path, shape: &Shape) -> String {
    let mut node = node.clone();
    blot(&mut node, &path.0);
    canonical(&node, shape)
}

fn blot(node: &mut Node, steps: &[Step]) {
    let Some((step, rest)) = steps.split_first() else {
        node.kind = NodeKind::Bool(true);
        return;
    };
    match (&mut node.kind, step) {
        (NodeKind::Table(table), Step::Key(key)) => {
            table.entries.get_mut(key.as_str()).into_iter().for_each(|e| blot(&mut e.node, rest));
        }
        (NodeKind::List(list), Step::Index(i)) => list.get_mut(*i).into_iter().for_each(|e| blot(&mut e.node, rest)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Setting a scalar replaces its bytes: the tree differs only there.
    #[test]
    fn setting_a_value_changes_only_that(
        (shape, tree) in generate::document(true),
        at in any::<prop::sample::Index>(),
        crlf in any::<bool>(),
        new in generate::text(),
    ) {
        for format in [Format::Toml, Format::Kdl] {
            let printed = printed(&tree, &shape, format, crlf);
            let before = parsed(&printed, &shape, format);
            let mut all = paths(&before);
            all.retain(|p| before.get(p).is_some_and(Node::is_scalar));
            if all.is_empty() {
                continue;
            }
            let path = at.get(&all);
            let source = Source { text: &printed, format, shape: &shape };
            let edits = edit::set(&source, path, &text(&new));
            let edits = edits.map_err(|e| TestCaseError::fail(format!("{e}: {path} in\n{printed}")))?;
            let span = before.get(path).unwrap().span;
            prop_assert!(edits.iter().all(|e| e.span == span), "{:?} is not {:?}", edits, span);
            let after = parsed(&edit::apply(&printed, &edits).unwrap(), &shape, format);
            prop_assert_eq!(after.get(path).unwrap().as_str(), Some(new.as_str()));
            prop_assert_eq!(without(&after, path, &shape), without(&before, path, &shape));
        }
    }

    /// A key is added to any table, with nothing else changed, or refused.
    #[test]
    fn inserting_a_key((shape, tree) in generate::document(true), at in any::<prop::sample::Index>(), crlf in any::<bool>()) {
        for format in [Format::Toml, Format::Kdl] {
            let printed = printed(&tree, &shape, format, crlf);
            let before = parsed(&printed, &shape, format);
            let mut all = paths(&before);
            all.retain(|p| before.get(p).is_some_and(|n| n.as_table().is_some()));
            let parent = at.get(&all);
            let source = Source { text: &printed, format, shape: &shape };
            let Ok(edits) = edit::insert(&source, parent, "new_key", &int(7)) else { continue };
            let text = edit::apply(&printed, &edits).unwrap();
            let mut after = parsed(&text, &shape, format);
            // An empty document has none.
            let has_crlf = printed.contains("\r\n") && !is_long(&text);
            prop_assert_eq!(has_crlf, text.contains("\r\n"), "line endings stay");
            take(&mut after, &parent.join("new_key").0);
            prop_assert_eq!(canonical(&after, &shape), canonical(&before, &shape));
            prop_assert_eq!(comments(&after), comments(&before));
        }
    }

    /// Removing or renaming is done, with nothing else changed, or refused.
    #[test]
    fn removing_and_renaming((shape, tree) in generate::document(true), at in any::<prop::sample::Index>(), crlf in any::<bool>()) {
        for format in [Format::Toml, Format::Kdl] {
            let printed = printed(&tree, &shape, format, crlf);
            let before = parsed(&printed, &shape, format);
            let all = paths(&before);
            let path = at.get(&all);
            let source = Source { text: &printed, format, shape: &shape };
            if let Ok(edits) = edit::remove(&source, path) {
                let after = parsed(&edit::apply(&printed, &edits).unwrap(), &shape, format);
                for other in kept_paths(&before, path) {
                    prop_assert!(after.get(&other).is_some(), "{} went with {}\n{}", other, path, printed);
                }
            }
            if let Ok(edits) = edit::rename(&source, path, "renamed_key") {
                let mut after = parsed(&edit::apply(&printed, &edits).unwrap(), &shape, format);
                prop_assert!(after.get(path).is_none());
                let mut before = before.clone();
                let parent = Path(path.0[..path.0.len() - 1].to_vec());
                take(&mut after, &parent.join("renamed_key").0);
                take(&mut before, &path.0);
                prop_assert_eq!(canonical(&after, &shape), canonical(&before, &shape));
            }
        }
    }
}

fn printed(tree: &Node, shape: &Shape, format: Format, crlf: bool) -> String {
    let text = format.print(tree, shape);
    if crlf && !is_long(&text) { text.replace('\n', "\r\n") } else { text }
}

/// Whether a text may have values of several lines, which CRLF would change.
fn is_long(text: &str) -> bool {
    text.contains("\"\"\"") || text.contains("'''")
}

fn parsed(text: &str, shape: &Shape, format: Format) -> Node {
    let file = format!("x.{}", format.extension()).into();
    format.parse(text, &file, &|_| Some(shape.clone())).0.unwrap()
}

/// Removes a key from the tree itself.
fn take(node: &mut Node, steps: &[Step]) {
    match (&mut node.kind, steps) {
        (NodeKind::Table(table), [Step::Key(key)]) => {
            table.entries.shift_remove(key.as_str());
        }
        (NodeKind::Table(table), [Step::Key(key), rest @ ..]) => {
            table.entries.get_mut(key.as_str()).into_iter().for_each(|e| take(&mut e.node, rest));
        }
        (NodeKind::List(list), [Step::Index(i), rest @ ..]) => {
            list.get_mut(*i).into_iter().for_each(|e| take(&mut e.node, rest));
        }
        _ => {}
    }
}

/// Scalars that must be there when `gone` is removed: those outside its table or list.
fn kept_paths(tree: &Node, gone: &Path) -> Vec<Path> {
    let mut all = paths(tree);
    let is_index = matches!(gone.0.last(), Some(Step::Index(_)));
    let parent = &gone.0[..gone.0.len().saturating_sub(1)];
    all.retain(|p| {
        let related = p.0.starts_with(&gone.0) || (is_index && p.0.starts_with(parent));
        !related && tree.get(p).is_some_and(Node::is_scalar)
    });
    all
}
