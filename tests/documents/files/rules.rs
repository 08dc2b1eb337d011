//! One row for each sentence of the rules about reading both formats.

use std::sync::Arc;

use super::support::shape_of;
use comfywright::{
    diagnostic::Diagnostic,
    files::{Node, Shape, edit, kdl, toml, validate},
};
use serde_json::{Value, json};

fn read_kdl(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    kdl::parse(text, &Arc::from("x.kdl"), &shape_of)
}

fn read_toml(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    toml::parse(text, &Arc::from("x.toml"))
}

/// What a KDL text says, which must be without errors.
fn kdl_json(text: &str) -> Value {
    let (node, diagnostics) = read_kdl(text);
    assert_eq!(diagnostics, [], "{text}");
    node.unwrap().to_json()
}

/// What a fragment says within a chain; `at` is a JSON pointer.
fn in_chain(text: &str, at: &str) -> Value {
    let json = kdl_json(&format!("kind chain\n{text}\n"));
    json.pointer(at).unwrap_or_else(|| panic!("{at} in {json}")).clone()
}

#[test]
fn kdl_is_read_by_shape() {
    let rows: &[(&str, &str, Value)] = &[
        // A map of tables once for each entry with its key.
        (
            "task a { type load; }\ntask b { type export; }",
            "/task",
            json!({"a": {"type": "load"}, "b": {"type": "export"}}),
        ),
        (
            "task { a { type load; }; b { type export; }; }",
            "/task",
            json!({"a": {"type": "load"}, "b": {"type": "export"}}),
        ),
        ("task {}", "/task", json!({})),
        // A list of tables once for each row; one row is a list too.
        (
            "task a { route to=b; route if=\"x > 1\" to=c; }",
            "/task/a/route",
            json!([{"to": "b"}, {"if": "x > 1", "to": "c"}]),
        ),
        ("task a { route to=b; }", "/task/a/route", json!([{"to": "b"}])),
        (
            "task a { route to=\"@retry\" { with seed=1; }; }",
            "/task/a/route",
            json!([{"to": "@retry", "with": {"seed": 1}}]),
        ),
        ("task a { (list)route; }", "/task/a/route", json!([])),
        ("task a { route { - to=b; - { to c; }; }; }", "/task/a/route", json!([{"to": "b"}, {"to": "c"}])),
        // A table as a block, as properties, or both.
        ("defaults { retry { max 2; on oom; }; }", "/defaults/retry", json!({"max": 2, "on": "oom"})),
        ("defaults { retry max=2 on=oom; }", "/defaults/retry", json!({"max": 2, "on": "oom"})),
        ("defaults { retry max=2 { on oom; }; }", "/defaults/retry", json!({"max": 2, "on": "oom"})),
        // Where the schema knows the type, it decides whether one argument is a list.
        ("task a { depends_on b; }", "/task/a/depends_on", json!(["b"])),
        ("task a { depends_on b c; }", "/task/a/depends_on", json!(["b", "c"])),
        ("task a { (list)depends_on; }", "/task/a/depends_on", json!([])),
        ("task a { depends_on; }", "/task/a/depends_on", json!([])),
        ("task a { type load; }", "/task/a/type", json!("load")),
        ("task a depends_on=b {}", "/task/a/depends_on", json!(["b"])),
        // Foreach values: arguments are a list, properties or a block a table.
        ("task a { foreach { k x; }; }", "/task/a/foreach/k", json!(["x"])),
        ("task a { foreach { k x 1 #true 2.5; }; }", "/task/a/foreach/k", json!(["x", 1, true, 2.5])),
        ("task a { foreach { k from=1 to=3; }; }", "/task/a/foreach/k", json!({"from": 1, "to": 3})),
        ("task a { foreach { k { glob \"*.png\"; }; }; }", "/task/a/foreach/k", json!({"glob": "*.png"})),
        (
            "task a { foreach { k csv=\"a.csv\" { columns x; }; }; }",
            "/task/a/foreach/k",
            json!({"csv": "a.csv", "columns": ["x"]}),
        ),
        (
            "task a { foreach { k a; include k=b; include k=c; }; }",
            "/task/a/foreach/include",
            json!([{"k": "b"}, {"k": "c"}]),
        ),
        // In free-form places one argument is a scalar, several are a list.
        ("vars { a 1; }", "/vars/a", json!(1)),
        ("vars { a 1 2; }", "/vars/a", json!([1, 2])),
        // A list of none or one is `(list)key …`.
        ("vars { (list)a 1; }", "/vars/a", json!([1])),
        ("vars { (list)a; }", "/vars/a", json!([])),
        // Nested lists and tables are `-` children.
        (
            "vars { a { - 1; - 2 3; - x=1; - { y 2; }; - { - 4; }; }; }",
            "/vars/a",
            json!([1, [2, 3], {"x": 1}, {"y": 2}, [4]]),
        ),
        ("vars { a { (list)- 1; (list)-; }; }", "/vars/a", json!([[1], []])),
        ("vars { a {}; b x=1; c { \"-\" 1; }; }", "/vars", json!({"a": {}, "b": {"x": 1}, "c": {"-": 1}})),
        // Strings, numbers and bools.
        (
            "vars { a #true; b #false; c -1_000; d 0x1F; e 1.0; f 1e3; g -0.5; }",
            "/vars",
            json!({"a": true, "b": false, "c": -1000, "d": 31, "e": 1.0, "f": 1000.0, "g": -0.5}),
        ),
        (
            "vars { a \"x\\ty\\u{e9}\"; b #\"\\d\"#; c \"a \\\n   b\"; }",
            "/vars",
            json!({"a": "x\tyé", "b": "\\d", "c": "a b"}),
        ),
        ("vars {\n    a \"\"\"\n      one\n        two\n      \"\"\"\n}", "/vars/a", json!("one\n  two")),
        ("vars { a@b.c 1; - 2; a|b @x.y; }", "/vars", json!({"a@b.c": 1, "-": 2, "a|b": "@x.y"})),
        // A node goes on behind a backslash at the end of its line.
        ("vars a=1 \\ // more\n  b=2", "/vars", json!({"a": 1, "b": 2})),
        // What is commented out says nothing.
        ("/-vars a=1\nvars b=2 /-c=3 /-{ d 4; }\n/* x /* y */ */", "/vars", json!({"b": 2})),
    ];
    for (text, at, expected) in rows {
        assert_eq!(&in_chain(text, at), expected, "{text}");
    }
}

#[test]
fn kdl_entries_with_two_keys() {
    let node = |text: &str| kdl_json(&format!("kind preset\n{text}\n"))["node"].clone();
    let expected = json!({"p": {"title": "T", "Enc": {"clip": "@c.CLIP", "sizes": [1, 2]}}});
    assert_eq!(node("node p Enc title=T { clip \"@c.CLIP\"; sizes 1 2; }"), expected);
    assert_eq!(node("node p title=T { Enc { clip \"@c.CLIP\"; sizes 1 2; }; }"), expected);
    assert_eq!(node("node p Enc"), json!({"p": {"Enc": {}}}));
    assert_eq!(
        node("node p { pos 1 2.5; \"Save Video\" \"format.codec\"=h264; }")["p"]["Save Video"],
        json!({"format.codec": "h264"})
    );
}

/// Texts and the code of the one diagnostic they get, with the marked text and the fixed text.
#[test]
fn kdl_diagnostics() {
    let rows: &[(&str, &str, &str, &str)] = &[
        ("kind template\ntext {subject}", "kdl-bare-brace", "{subject}", "kind template\ntext \"{subject}\""),
        (
            "kind template\ntext portrait of {subject}",
            "kdl-bare-brace",
            "portrait of {subject}",
            "kind template\ntext \"portrait of {subject}\"",
        ),
        ("kind chain\nvars { a {style}; }", "kdl-bare-brace", "{style}", "kind chain\nvars { a \"{style}\"; }"),
        ("kind chain\nvars a={style}", "kdl-bare-brace", "{style}", "kind chain\nvars a=\"{style}\""),
        ("kind chain\ntask a { each true; }", "kdl-v1", "true", "kind chain\ntask a { each #true; }"),
        ("kind chain\ntask a each=false", "kdl-v1", "false", "kind chain\ntask a each=#false"),
        ("kind chain\nvars { a null; }", "kdl-v1", "null", "kind chain\nvars { a \"null\"; }"),
        ("kind chain\nvars { a r\"\\d\"; }", "kdl-v1", "r\"\\d\"", "kind chain\nvars { a #\"\\d\"#; }"),
        ("kind chain\nvars { a r#\"x\"y\"#; }", "kdl-v1", "r#\"x\"y\"#", "kind chain\nvars { a #\"x\"y\"#; }"),
        ("kind chain\nvars { a #null; }", "null-value", "#null", ""),
        ("kind chain\nvars { a #inf; }", "not-finite", "#inf", "kind chain\nvars { a \"#inf\"; }"),
        ("kind chain\nvars { a #nan; }", "not-finite", "#nan", "kind chain\nvars { a \"#nan\"; }"),
        (
            "kind chain\nvars { a 18446744073709551615; }",
            "integer-range",
            "18446744073709551615",
            "kind chain\nvars { a \"18446744073709551615\"; }",
        ),
        ("kind chain\nmode smart\nmode fifo", "duplicate-key", "mode", ""),
        ("kind chain\nvars a=1 a=2", "duplicate-key", "a", ""),
        ("kind chain\ntask a {}\ntask a {}", "duplicate-key", "a", ""),
        ("kind chain\nvars { a 1 { b 2; }; }", "kdl-mixed", "1", ""),
        ("kind chain\nvars { a; }", "kdl-no-value", "a", ""),
        ("kind chain\ntask a b {}", "kdl-argument", "b", ""),
        ("kind chain\ntask 1 {}", "kdl-argument", "1", ""),
        ("kind chain\ntask a { route b; }", "kdl-argument", "b", ""),
        ("kind chain\nvars { (u8)a 1; }", "kdl-annotation", "(u8)", "kind chain\nvars { a 1; }"),
        ("kind chain\nvars { a (u8)1; }", "kdl-annotation", "(u8)", "kind chain\nvars { a 1; }"),
        ("kind = chain", "kdl-syntax", "=", "kind chain"),
        ("kind chain\nvars { a [1]; }", "kdl-syntax", "[", ""),
        ("kind chain\nvars { a 1, ; }", "kdl-syntax", "1,", ""),
        ("kind chain\nvars {", "kdl-syntax", "{", ""),
        ("kind chain\n}", "kdl-syntax", "}", ""),
        ("kind chain\ntitle \"x", "kdl-syntax", "\"x", ""),
        ("kind chain\n/* x", "kdl-syntax", "/*", ""),
    ];
    for (text, code, marked, fixed) in rows {
        let (_, diagnostics) = read_kdl(text);
        let first = diagnostics.first().unwrap_or_else(|| panic!("no diagnostic: {text}"));
        assert_eq!((first.code, &text[first.span.unwrap().range()]), (*code, *marked), "{text}\n{diagnostics:#?}");
        if !fixed.is_empty() {
            let fix = first.fix.as_ref().unwrap_or_else(|| panic!("no fix: {text}"));
            assert_eq!(&edit::apply(text, &fix.edits).unwrap(), fixed);
            assert_eq!(diagnostics.len(), 1, "{text}\n{diagnostics:#?}");
            assert_eq!(read_kdl(fixed).1, [], "{fixed}");
        }
    }
}

#[test]
fn all_errors_of_a_kdl_file_at_once() {
    let text = "kind chain\nparallel = 8\nvars { a true; }\ntask a { each #tru; }\ntitle \"open\nmode ) smart\n";
    let codes: Vec<&str> = read_kdl(text).1.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["kdl-syntax", "kdl-v1", "kdl-syntax", "kdl-syntax", "kdl-syntax"]);
}

#[test]
fn toml_diagnostics() {
    let rows: &[(&str, &str, &str, &str)] = &[
        ("a = 1979-05-27\n", "date-value", "1979-05-27", "a = \"1979-05-27\"\n"),
        ("a = 07:32:00\n", "date-value", "07:32:00", "a = \"07:32:00\"\n"),
        ("a = inf\n", "not-finite", "inf", "a = \"inf\"\n"),
        ("a = -nan\n", "not-finite", "-nan", "a = \"-nan\"\n"),
        ("a = 1e999\n", "not-finite", "1e999", "a = \"1e999\"\n"),
        (
            "a = 18_446_744_073_709_551_615\n",
            "integer-range",
            "18_446_744_073_709_551_615",
            "a = \"18446744073709551615\"\n",
        ),
        ("a = 0xffffffffffffffff\n", "integer-range", "0xffffffffffffffff", "a = \"18446744073709551615\"\n"),
        ("a = text\n", "toml-syntax", "text", "a = \"text\"\n"),
        ("a = True\n", "toml-syntax", "True", "a = true\n"),
        ("a = 1\na = 2\n", "duplicate-key", "a", ""),
        ("a.b = 1\n[a]\nc = 1\n", "duplicate-key", "a", ""),
        ("[a]\n[a]\n", "duplicate-key", "a", ""),
        ("a = {}\n[a.b]\n", "duplicate-key", "a", ""),
        ("a = []\n[[a]]\n", "duplicate-key", "a", ""),
        ("[a\nb = 1\n", "toml-syntax", "", ""),
        ("[a.]\nb = 1\n", "toml-syntax", "", ""),
        ("a. = 1\n", "toml-syntax", "", ""),
        ("= 1\n", "toml-syntax", "", ""),
        ("a = \n", "toml-syntax", "", ""),
        ("a = \"x\nb = 1\n", "toml-syntax", "", ""),
    ];
    for (text, code, marked, fixed) in rows {
        let (_, diagnostics) = read_toml(text);
        let first = diagnostics.first().unwrap_or_else(|| panic!("no diagnostic: {text}"));
        assert_eq!(first.code, *code, "{text}\n{diagnostics:#?}");
        if !marked.is_empty() {
            assert_eq!(&text[first.span.unwrap().range()], *marked, "{text}");
        }
        if !fixed.is_empty() {
            assert_eq!(&edit::apply(text, &first.fix.as_ref().unwrap().edits).unwrap(), fixed);
            assert_eq!(diagnostics.len(), 1, "{text}\n{diagnostics:#?}");
        }
    }
}

#[test]
fn all_errors_of_a_toml_file_at_once() {
    let text = "a = inf\nb = text\n[c\nd = 1979-05-27\ne = [1, 2\n";
    let lines: Vec<usize> =
        read_toml(text).1.iter().map(|d| comfywright::diagnostic::position(text, d.span.unwrap().start).line).collect();
    for line in 1..=5 {
        assert!(lines.contains(&line), "line {line} of {lines:?}");
    }
}

#[test]
fn places_and_comments_of_toml() {
    let text = "\u{feff}# file\r\n\r\n# a key\r\nkey = 1 # one\r\n[t.u] # head\r\nx.y = [ # in\r\n  1, # first\r\n  # second\r\n  2\r\n]\r\n# end\r\n";
    let (node, diagnostics) = read_toml(text);
    assert_eq!(diagnostics, []);
    let node = node.unwrap();
    let root = node.as_table().unwrap();
    let key = &root.entries["key"];
    assert_eq!(key.comments.above, [" file", "", " a key"]);
    assert_eq!(key.comments.trailing.as_deref(), Some(" one"));
    assert_eq!(&text[key.key_span.range()], "key");
    assert_eq!(root.dangling, [" end"]);
    let slice = |path: &comfywright::files::Path| &text[node.span_of(path).range()];
    assert_eq!(slice(&comfywright::path!["t", "u"]), "[t.u]");
    assert_eq!(slice(&comfywright::path!["t", "u", "x", "y", 1]), "2");
    assert_eq!(&text[node.key_span_of(&comfywright::path!["t", "u", "x", "y"]).range()], "y");
    let elements = node.get(&comfywright::path!["t", "u", "x", "y"]).unwrap();
    let comfywright::files::NodeKind::List(elements) = &elements.kind else { panic!("a list") };
    assert_eq!(elements[0].comments.above, [" in"]);
    assert_eq!(elements[0].comments.trailing.as_deref(), Some(" first"));
    assert_eq!(elements[1].comments.above, [" second"]);
}

#[test]
fn order_of_appearance_is_kept_in_toml() {
    let (node, _) = read_toml("z.b = 1\na = 1\nz.a = 2\n[m.q]\n[k]\n[m.c]\n[[l]]\nx = 1\n[k2]\n[[l]]\n");
    let json = node.unwrap().to_json();
    assert_eq!(json.to_string(), r#"{"z":{"b":1,"a":2},"a":1,"m":{"q":{},"c":{}},"k":{},"l":[{"x":1},{}],"k2":{}}"#);
}

#[test]
fn structure_is_compared_with_the_shape() {
    let chain = "kind = \"chain\"\nformat = 1\nname = \"x\"\nversion = \"1.0.0\"\n";
    let rows: &[(&str, &str, &str, &str)] = &[
        ("[task.a]\ntype = \"load\"\ndepend_on = [\"b\"]\n", "unknown-key", "depend_on", "depends_on = [\"b\"]"),
        ("[task.a]\ntype = \"lod\"\n", "not-in-list", "\"lod\"", "type = \"load\""),
        ("parallel = 0\n[task]\n", "out-of-range", "0", ""),
        ("parallel = \"8\"\n[task]\n", "wrong-type", "\"8\"", "parallel = 8"),
        ("parallel = 8.0\n[task]\n", "wrong-type", "8.0", "parallel = 8\n"),
        ("title = 12\n[task]\n", "wrong-type", "12", "title = \"12\""),
        ("tags = \"a\"\n[task]\n", "wrong-type", "\"a\"", "tags = [\"a\"]"),
        ("[task.a]\ntype = \"load\"\neach = \"true\"\n", "wrong-type", "\"true\"", "each = true"),
        ("[task.a]\n", "missing-key", "[task.a]", ""),
        (
            "[task.a]\ntype = \"load\"\nforeach.k = { csv = \"a.csv\", colums = [\"x\"] }\n",
            "unknown-key",
            "colums",
            "columns = ",
        ),
        ("[task.a]\ntype = \"load\"\nforeach.k = { from = \"1\", to = 2 }\n", "wrong-type", "\"1\"", "from = 1"),
        ("[task.a]\ntype = \"load\"\nforeach.k = 3\n", "wrong-type", "3", ""),
    ];
    let shape = shape_of(Some("chain")).unwrap();
    for (body, code, marked, fixed) in rows {
        let text = format!("{chain}{body}");
        let (node, diagnostics) = read_toml(&text);
        assert_eq!(diagnostics, []);
        let found = validate(&node.unwrap(), &shape, &Arc::from("x.toml"));
        assert_eq!(found.len(), 1, "{text}\n{found:#?}");
        assert_eq!((found[0].code, &text[found[0].span.unwrap().range()]), (*code, *marked), "{text}");
        if !fixed.is_empty() {
            let text = edit::apply(&text, &found[0].fix.as_ref().unwrap().edits).unwrap();
            assert!(text.contains(fixed), "{text}");
        }
    }
    let (node, _) = read_toml("kind = \"chain\"\nformat = 1\nname = \"X Y\"\nversion = 1\n");
    let codes: Vec<&str> = validate(&node.unwrap(), &shape, &Arc::from("x.toml")).iter().map(|d| d.code).collect();
    assert_eq!(codes, ["missing-key", "bad-pattern", "wrong-type"], "the header's pattern, its type, and no tasks");
}

#[test]
fn fixes_speak_the_language_of_the_file() {
    let shape = shape_of(Some("chain")).unwrap();
    let text = "kind chain\nformat 1\nname x\nversion \"1.0.0\"\ntask a { type load; each \"true\"; max_visits \"2\"; title #true; }\n";
    let (node, diagnostics) = read_kdl(text);
    assert_eq!(diagnostics, []);
    let found = validate(&node.unwrap(), &shape, &Arc::from("x.kdl"));
    let edits: Vec<_> = found.iter().flat_map(|d| d.fix.clone().unwrap().edits).collect();
    let fixed = edit::apply(text, &edits).unwrap();
    assert!(fixed.contains("each #true; max_visits 2; title \"true\";"), "{fixed}");
}

#[test]
fn a_slip_in_a_key_does_not_change_how_the_rest_is_read() {
    let (node, diagnostics) = read_kdl("kind chain\nformat 1\nname x\nversion \"1.0.0\"\ntsak a { type load; }\n");
    assert_eq!(diagnostics, []);
    let found = validate(&node.unwrap(), &shape_of(Some("chain")).unwrap(), &Arc::from("x.kdl"));
    let codes: Vec<&str> = found.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["missing-key", "unknown-key"]);
}

#[test]
fn commented_out_nodes_stay_commented_out() {
    let text = "kind chain\n// one\n/-task a {\n    type load\n}\ntask b { type load; }  // b\n// end\n";
    let (node, _) = read_kdl(text);
    let shape: Shape = shape_of(Some("chain")).unwrap();
    let node = node.unwrap();
    assert_eq!(kdl::print(&node, &shape), text.replace("// end", "\n// end"));
    let toml_text = toml::print(&node, &shape);
    assert!(toml_text.contains("# one\n#/-task a {\n#    type load\n#}\n[task.b]  # b\n"), "{toml_text}");
}
