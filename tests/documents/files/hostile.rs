//! No input makes the readers panic or hang, and what they accept is what the crates accept.

use std::{fs, path::Path, sync::Arc};

use super::support::shape_of;
use comfywright::{
    diagnostic::Diagnostic,
    files::{NodeKind, kdl, toml, validate},
};
use proptest::{prelude::*, sample::select};

/// Documents of `fixtures/files/canonical` in one format.
fn documents(name: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/files/canonical");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    cases.into_iter().map(|case| fs::read_to_string(case.join(name)).unwrap()).collect()
}

/// A document with a few pieces cut out, doubled or put in.
fn mutated(name: &str) -> impl Strategy<Value = String> {
    let pieces = vec![
        "\"",
        "'",
        "'''",
        "\"\"\"",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "(",
        ")",
        "=",
        ".",
        ",",
        ";",
        "#",
        "//",
        "/*",
        "*/",
        "/-",
        "\\",
        "\n",
        "\r\n",
        "\r",
        "\t",
        " ",
        "1",
        "-",
        "true",
        "#true",
        "nan",
        "1979-05-27",
        "9223372036854775808",
        "0x",
        "_",
        "é",
        "\u{feff}",
        "r\"",
        "(list)",
        "- ",
        "[a]\n",
        "[[task]]\n",
        "kind = 1\n",
        "\u{0}",
        "\u{2028}",
        "a.b.c = 1\n",
        "kind x\n",
    ];
    let change = (any::<prop::sample::Index>(), 0_usize..30, 0..3, select(pieces));
    (select(documents(name)), prop::collection::vec(change, 0..4)).prop_map(|(mut text, changes)| {
        for (at, length, how, piece) in changes {
            let boundary = |mut at: usize| {
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let start = boundary(at.index(text.len() + 1));
            let end = boundary((start + length).min(text.len()));
            match how {
                0 => text.replace_range(start..end, ""),
                1 => {
                    let copy = text[start..end].to_owned();
                    text.insert_str(start, &copy);
                }
                _ => text.insert_str(start, piece),
            }
        }
        text
    })
}

/// Spans lie in the text, on the boundaries of characters; fixes can be applied.
fn check_spans(text: &str, diagnostics: &[Diagnostic]) -> Result<(), TestCaseError> {
    for diagnostic in diagnostics {
        let span = diagnostic.span.unwrap();
        prop_assert!(text.get(span.range()).is_some(), "{diagnostic:?} in {text:?}");
        if let Some(fix) = &diagnostic.fix {
            prop_assert!(comfywright::files::edit::apply(text, &fix.edits).is_ok(), "{diagnostic:?}");
        }
    }
    Ok(())
}

fn examine_toml(text: &str) -> Result<Vec<Diagnostic>, TestCaseError> {
    let file = Arc::from("x.toml");
    let (node, mut diagnostics) = toml::parse(text, &file);
    prop_assert!(node.is_some() || !diagnostics.is_empty());
    if let Some(node) = node {
        diagnostics.extend(validate(&node, &shape_of(Some("chain")).unwrap(), &file));
        let _ = toml::print(&node, &shape_of(Some("chain")).unwrap());
    }
    check_spans(text, &diagnostics)?;
    Ok(diagnostics)
}

fn examine_kdl(text: &str) -> Result<Vec<Diagnostic>, TestCaseError> {
    let file = Arc::from("x.kdl");
    let (node, mut diagnostics) = kdl::parse(text, &file, &shape_of);
    prop_assert!(node.is_some() || !diagnostics.is_empty());
    if let Some(node) = node {
        diagnostics.extend(validate(&node, &shape_of(Some("chain")).unwrap(), &file));
        let _ = kdl::print(&node, &shape_of(Some("chain")).unwrap());
    }
    check_spans(text, &diagnostics)?;
    Ok(diagnostics)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "(?s).{0,60}") {
        examine_toml(&text)?;
        examine_kdl(&text)?;
    }

    #[test]
    fn any_punctuation(text in r#"[\[\]{}()=.,;#'"/*\\a1 \n-]{0,60}"#) {
        examine_toml(&text)?;
        examine_kdl(&text)?;
    }

    #[test]
    fn mutated_toml_is_accepted_as_by_the_crate(text in mutated("document.toml")) {
        let diagnostics = examine_toml(&text)?;
        let refused = diagnostics.iter().any(|d| matches!(d.code, "toml-syntax" | "duplicate-key"));
        let crate_result = text.parse::<::toml::Table>();
        let special = diagnostics.iter().any(|d| matches!(d.code, "integer-range" | "date-value" | "not-finite"));
        prop_assert!(special || refused == crate_result.is_err(), "{crate_result:?}\n{diagnostics:#?}\n{text}");
        if let (false, false, Ok(table)) = (refused, special, crate_result) {
            let (node, _) = toml::parse(&text, &Arc::from("x.toml"));
            prop_assert_eq!(node.unwrap().to_json(), serde_json::to_value(table).unwrap());
        }
    }

    #[test]
    fn mutated_kdl_is_accepted_as_by_the_crate(text in mutated("document.kdl")) {
        let diagnostics = examine_kdl(&text)?;
        // The crate refuses `;` behind what `/-` comments out, which the grammar allows.
        prop_assume!(!text.contains("/-"));
        let is_syntax = |d: &Diagnostic| matches!(d.code, "kdl-syntax" | "kdl-v1") || d.message.starts_with("text with braces must be quoted") && !d.message.contains("read as");
        let refused: Vec<_> = diagnostics.into_iter().filter(is_syntax).collect();
        let crate_result = ::kdl::KdlDocument::parse_v2(&text);
        prop_assert_eq!(!refused.is_empty(), crate_result.is_err(), "{:#?}\n{:#?}", refused, crate_result.err().map(|e| e.diagnostics.iter().map(|d| format!("{:?} {} {:?}", d.message, d.span.offset(), text.get(d.span.offset().saturating_sub(20)..d.span.offset()+20))).collect::<Vec<_>>()));
    }
}

#[test]
fn deep_nesting_is_an_error_not_a_crash() {
    let deep = [
        ("a = ".to_owned() + "[".repeat(5000).as_str() + "]".repeat(5000).as_str(), "x.toml"),
        ("a = ".to_owned() + "{ a = ".repeat(5000).as_str(), "x.toml"),
        (format!("[{}]", vec!["a"; 5000].join(".")), "x.toml"),
        (format!("{} = 1", vec!["a"; 5000].join(".")), "x.toml"),
        ("a {".repeat(5000), "x.kdl"),
        ("a {".repeat(5000) + "}".repeat(5000).as_str(), "x.kdl"),
    ];
    for (text, file) in deep {
        let file = Arc::from(file);
        let (node, diagnostics) = if text.contains('=') || text.starts_with('[') {
            toml::parse(&text, &file)
        } else {
            kdl::parse(&text, &file, &shape_of)
        };
        assert!(node.is_none());
        assert_eq!(diagnostics.iter().filter(|d| d.code == "too-deep").count(), 1, "{diagnostics:?}");
    }
}

#[test]
fn long_rows_of_marks_end_quickly() {
    let file = Arc::from("x.kdl");
    for text in ["}", "a)", "/*", "*/", "a /-{", "/-", "\"", "#", "\\\n", "((", "a=", "[", "r\"", "a;", "/*/"] {
        let _ = kdl::parse(&text.repeat(20_000), &file, &shape_of);
        let _ = toml::parse(&text.repeat(20_000), &file);
    }
    let stars = format!("/*{}*/ a 1", "*".repeat(100_000));
    let (node, diagnostics) = kdl::parse(&stars, &file, &shape_of);
    assert!(diagnostics.is_empty() && matches!(node.unwrap().kind, NodeKind::Table(_)));
}
