//! From documents to items and graphs.

mod interpolate;

pub use interpolate::{InterpolationError, ROW_KEY, Scope, Template, to_text};
