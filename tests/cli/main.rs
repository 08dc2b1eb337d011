//! The real program in folders of its own.

mod check;
mod convert;
mod doctor;
mod envelope;
mod explain;
mod fix;
mod fmt;
mod graph_files;
mod init;
mod support;
