//! Whether a graph fits the signatures of its nodes' classes.
//!
//! One rule a file, registered in `rules::GRAPH_RULES`. An error is what a ComfyUI server refuses, or
//! what it accepts and breaks off on; a warning is what it runs, probably not as meant. Knows no
//! files: rules name nodes and inputs, the caller knows where they stand.

mod api_form;
mod bad_link;
mod cycle;
mod deprecated;
mod duplicate_prefix;
mod experimental;
mod files;
mod inspection;
mod link_type;
mod literal_for_link;
mod missing_image;
mod missing_input;
mod missing_lora;
mod missing_model;
mod no_output;
mod not_in_list;
mod off_step;
mod out_of_range;
mod output_types;
mod paid;
mod preview_output;
mod problem;
mod rules;
mod self_link;
mod sites;
mod unknown_class;
mod unknown_input;
mod unreachable;
mod values;
mod wrong_type;

pub use api_form::{ApiCheck, check_api};
pub use output_types::OutputTypes;
pub use preview_output::is_preview;
pub use problem::GraphProblem;
pub use rules::{GRAPH_RULES, GraphRule, check_graph, check_nodes};
