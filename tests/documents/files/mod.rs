//! Tests of the `files` layer.

mod canonical;
mod edits;
mod generate;
mod hostile;
mod laws;
mod rules;
mod support;
