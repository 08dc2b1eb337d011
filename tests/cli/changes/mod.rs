//! Snapshots, locks and differences: the program in workspaces of its own, with and without a server.

mod diff;
mod lock;
mod snapshot;
mod support;

use super::comfyui;
