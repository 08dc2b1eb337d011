//! The editor's format to the API format, as ComfyUI's own frontend converts it, and back.
//!
//! What the frontend sends follows from what it has in memory after it loaded a file, and much
//! happens there: inputs come and go, links are let go, values are rounded. So this loads the file
//! as the frontend does ([`load`], [`settle`]) and then reads the graph off ([`emit`]). The facts
//! are those of ComfyUI's frontend 1.49; `fixtures/convert` has its answers for each of them.
//!
//! Does no I/O and never fails on a strange file without saying where it is strange.

mod build;
mod class_view;
mod configure;
mod dynamic;
mod emit;
mod fault;
mod from_ui;
mod host;
mod js;
mod links;
mod load;
mod primitive;
mod proxy;
mod resolve;
mod settle;
mod spec;
mod state;
mod text;
mod to_ui;
mod types;
mod unique;
mod widgets;

pub(super) use class_view::ClassView;
pub use from_ui::{UiGraph, UiOptions, from_ui};
pub use to_ui::{DrawnGraph, lost_in_drawing, to_ui};
