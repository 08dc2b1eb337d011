//! The real program in folders of its own.

mod check;
mod convert;
mod doctor;
mod envelope;
mod fix;
mod fmt;
mod init;
mod mask;
mod models;
mod support;
