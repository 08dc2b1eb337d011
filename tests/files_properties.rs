//! Laws of the `files` layer, on arbitrary documents of every kind.

mod files_support;

use std::sync::Arc;

use comfywright::files::{Node, Shape, kdl, toml};
use files_support::{canonical, comments, generate, shape_of};
use proptest::prelude::*;

const KINDS: [Option<&str>; 6] = [Some("chain"), Some("preset"), Some("mask"), Some("ab_test"), Some("template"), None];

fn document(commented: bool) -> impl Strategy<Value = (Shape, Node)> {
    (0..KINDS.len()).prop_flat_map(move |kind| {
        let shape = shape_of(KINDS[kind]).unwrap();
        (Just(shape.clone()), generate::tree(&shape, commented))
    })
}

fn read_toml(text: &str) -> Result<Node, TestCaseError> {
    let (node, diagnostics) = toml::parse(text, &Arc::from("x.toml"));
    prop_assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
    Ok(node.unwrap())
}

fn read_kdl(text: &str, shape: &Shape) -> Result<Node, TestCaseError> {
    let (node, diagnostics) = kdl::parse(text, &Arc::from("x.kdl"), &|_| Some(shape.clone()));
    prop_assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
    Ok(node.unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn toml_says_what_was_printed((shape, tree) in document(false)) {
        let text = toml::print(&tree, &shape);
        prop_assert_eq!(canonical(&read_toml(&text)?, &shape), canonical(&tree, &shape), "{}", text);
    }

    #[test]
    fn kdl_says_what_was_printed((shape, tree) in document(false)) {
        let text = kdl::print(&tree, &shape);
        prop_assert_eq!(canonical(&read_kdl(&text, &shape)?, &shape), canonical(&tree, &shape), "{}", text);
    }

    #[test]
    fn printing_twice_changes_nothing((shape, tree) in document(true)) {
        let toml_text = toml::print(&tree, &shape);
        let tree_of_toml = read_toml(&toml_text)?;
        prop_assert_eq!(toml::print(&tree_of_toml, &shape), toml_text);
        let kdl_text = kdl::print(&tree, &shape);
        prop_assert_eq!(kdl::print(&read_kdl(&kdl_text, &shape)?, &shape), kdl_text);
    }

    #[test]
    fn toml_through_kdl_keeps_values_order_and_comments((shape, tree) in document(true)) {
        let first = read_toml(&toml::print(&tree, &shape))?;
        let through = read_kdl(&kdl::print(&first, &shape), &shape)?;
        let back = read_toml(&toml::print(&through, &shape))?;
        prop_assert_eq!(canonical(&back, &shape), canonical(&first, &shape));
        let (mut before, mut after) = (comments(&first), comments(&back));
        before.sort();
        after.sort();
        prop_assert_eq!(before, after, "{}\n--\n{}\n--\n{}", toml::print(&first, &shape), kdl::print(&first, &shape), toml::print(&back, &shape));
    }
}
