//! Snapshots, locks and differences: the program in workspaces of its own, with and without a server.

#[path = "../support/comfyui.rs"]
mod comfyui;

mod diff;
mod lock;
mod snapshot;
mod support;
