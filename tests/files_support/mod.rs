//! What the tests of the `files` layer share.

use comfywright::{files::Shape, model};
use schemars::{JsonSchema, schema_for};

/// The shape of a document of `kind`; of the configuration without one.
pub fn shape_of(kind: Option<&str>) -> Option<Shape> {
    Some(match kind {
        Some("preset") => document::<model::Preset>(),
        Some("template") => document::<model::Template>(),
        Some("ab_test") => document::<model::AbTest>(),
        Some("chain") => document::<model::Chain>(),
        Some("mask") => document::<model::Mask>(),
        None => shape::<model::Config>(),
        Some(_) => return None,
    })
}

fn shape<T: JsonSchema>() -> Shape {
    Shape::from_schema(schema_for!(T).as_value())
}

fn document<T: JsonSchema>() -> Shape {
    let (Shape::Table(mut header), Shape::Table(body)) = (shape::<model::Header>(), shape::<T>()) else {
        panic!("documents are tables")
    };
    header.fields.extend(body.fields);
    Shape::Table(header)
}
