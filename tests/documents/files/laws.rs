//! Laws of the `files` layer, on arbitrary documents of every kind.

use std::sync::Arc;

use super::generate;
use super::support::{canonical, comments};
use comfywright::files::{Node, Shape, kdl, toml};
use proptest::prelude::*;

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
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn toml_says_what_was_printed((shape, tree) in generate::document(false)) {
        let text = toml::print(&tree, &shape);
        prop_assert_eq!(canonical(&read_toml(&text)?, &shape), canonical(&tree, &shape), "{}", text);
    }

    #[test]
    fn kdl_says_what_was_printed((shape, tree) in generate::document(false)) {
        let text = kdl::print(&tree, &shape);
        prop_assert_eq!(canonical(&read_kdl(&text, &shape)?, &shape), canonical(&tree, &shape), "{}", text);
    }

    #[test]
    fn printing_twice_changes_nothing((shape, tree) in generate::document(true)) {
        let toml_text = toml::print(&tree, &shape);
        let tree_of_toml = read_toml(&toml_text)?;
        prop_assert_eq!(toml::print(&tree_of_toml, &shape), toml_text);
        let kdl_text = kdl::print(&tree, &shape);
        prop_assert_eq!(kdl::print(&read_kdl(&kdl_text, &shape)?, &shape), kdl_text);
    }

    #[test]
    fn toml_through_kdl_keeps_values_order_and_comments((shape, tree) in generate::document(true)) {
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
