//! Judgement of one document, or of a graph in a file of its own: what is wrong with it beyond its form, and what could not be examined.
//!
//! One rule a file, registered in `judge::RULES`. Reads files only through the [`Context`](crate::compile::Context) it is
//! given; renders nothing and knows no command line.

mod ab_test;
mod chain;
mod chain_graphs;
mod edits;
mod export_paths;
mod findings;
mod fixed_seed;
mod graph_file;
mod graph_places;
mod judge;
mod mask_export;
mod mask_layers;
mod node_graph;
mod params;
mod preset_graph;
mod preset_outputs;
mod preset_workflow;
mod routing_tests;
mod shadowed;
mod stand_ins;
mod template_text;
mod unused_vars;
mod unvaried;

pub use ab_test::less_is_better;
pub use graph_file::{GraphFileOutcome, check_graph_file};
pub use judge::{CheckRule, Outcome, RULES, Subject, check, check_with_needs};
