//! The real program in folders of its own.

mod browser;
mod check;
mod convert;
mod doctor;
mod envelope;
mod fix;
mod fmt;
mod graph;
mod import;
mod init;
mod pages;
mod plan;
mod runs;
mod support;
mod trace;
