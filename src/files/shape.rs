//! The shape a document may have: which keys hold which kinds of values.
//!
//! A shape is read from a JSON schema, so that the schema that editors use, the reading of KDL
//! and the checking of structure have one source. Knows no document itself.

use indexmap::IndexMap;

/// What may stand at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Anything, written free-form.
    Any,
    /// True or false.
    Bool,
    /// A whole number in a range.
    Int {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
    /// A number in a range.
    Float {
        /// Smallest value.
        min: Option<f64>,
        /// Largest value.
        max: Option<f64>,
    },
    /// Text; with the permitted values when they are a closed list.
    String {
        /// The closed list.
        values: Option<Vec<String>>,
        /// A regular expression that the text matches.
        pattern: Option<String>,
    },
    /// A list of one kind of value.
    List(Box<Shape>),
    /// A table.
    Table(TableShape),
    /// One of several; the first that fits counts.
    OneOf(Vec<Shape>),
}

/// The keys of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableShape {
    /// Keys that are known by name.
    pub fields: IndexMap<String, Field>,
    /// What every other key holds; none when other keys are errors.
    pub rest: Option<Box<Shape>>,
}

/// One known key.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}
