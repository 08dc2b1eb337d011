//! ComfyUI graphs and the signatures of their nodes.
//!
//! Knows ComfyUI's formats; knows neither documents nor executors.

mod ir;

pub use ir::{BoundFile, FileInput, Graph, GraphNode, Input, Link};
