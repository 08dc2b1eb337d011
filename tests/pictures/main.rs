//! Pictures: read and written, made by nodes in this process, and measured.

mod imagefile;
mod metrics;
mod native_executor;
mod native_nodes;
mod scorers;
