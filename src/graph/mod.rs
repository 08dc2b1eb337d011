//! ComfyUI graphs and the signatures of their nodes.
//!
//! Knows ComfyUI's formats; knows neither documents nor executors.

mod api;
mod builtin;
mod check;
mod class;
mod class_reader;
mod coerce;
mod convert;
pub mod embed;
mod ir;
mod layout;
mod link;
mod needs;
mod object_info;
mod outline;
mod snapshot;
mod ui_format;

pub use api::{ApiError, from_api, to_api};
pub use builtin::{builtin, own_classes};
pub use check::{
    ApiCheck, GRAPH_RULES, GraphProblem, GraphRule, OutputTypes, check_api, check_graph, check_nodes, is_preview,
};
pub use class::{ClassInfo, ComboForm, ComboSource, DynamicOption, InputInfo, InputKind, OutputInfo, Types};
pub use coerce::{CoerceError, coerce_value, is_model_file};
pub use convert::{DrawnGraph, UiGraph, UiOptions, from_ui, lost_in_drawing, to_ui};
pub use ir::{BoundFile, Graph, GraphNode, Input, Link};
pub use link::{LinkText, OutputError, escape_literal, output_index, parse_link, unescape_literal};
pub use needs::{GraphNeeds, Lack, NeededFile};
pub use object_info::{NodeSet, ObjectInfoError};
pub use outline::{ClassChange, ClassOutline, InputOutline};
pub use snapshot::{ModelFolders, SNAPSHOT_FORMAT, Snapshot, SnapshotParts, Versions, write_snapshot};
