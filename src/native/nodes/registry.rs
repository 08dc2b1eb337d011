//! The table of pure native nodes, dispatch by class, and the bound on the size of results.

use super::{NodeError, adjust, compositing, images, masks, primitives, regexes, resize, strings};
use crate::native::value::{Inputs, NodeValue};

/// Largest result that any node may make: 4 GiB.
pub const MAX_RESULT_BYTES: u64 = 4 << 30;

/// A pure node.
#[derive(Clone, Copy, Debug)]
pub struct NativeNode {
    /// The ComfyUI class.
    pub class: &'static str,
    /// Runs it: the outputs in the order of the signature. What it changes in place it takes out of the inputs.
    pub run: fn(&mut Inputs) -> Result<Vec<NodeValue>, NodeError>,
    /// An upper estimate of the bytes of all outputs; fails like `run` on bad inputs.
    pub bytes: fn(&Inputs) -> Result<u64, NodeError>,
    /// The inputs that decide the size, for the message about a result that is too large.
    pub sized_by: &'static [&'static str],
}

/// Every table of nodes, one a family.
const TABLES: &[&[NativeNode]] = &[
    images::NODES,
    resize::NODES,
    adjust::NODES,
    compositing::NODES,
    masks::NODES,
    primitives::NODES,
    strings::NODES,
    regexes::NODES,
];

/// All classes that [`run`] knows, in the order of the tables.
pub fn classes() -> impl Iterator<Item = &'static str> {
    nodes().map(|node| node.class)
}

/// The node of class `class`.
pub fn find(class: &str) -> Option<&'static NativeNode> {
    nodes().find(|node| node.class == class)
}

/// Runs one node of class `class`. The outputs are in the order of its ComfyUI signature. Refuses
/// results above [`MAX_RESULT_BYTES`] before it allocates anything.
pub fn run(class: &str, mut inputs: Inputs) -> Result<Vec<NodeValue>, NodeError> {
    let node = known(class)?;
    let bytes = (node.bytes)(&inputs)?;
    if bytes > MAX_RESULT_BYTES {
        return Err(NodeError::TooLarge {
            class: class.to_owned(),
            bytes,
            limit: MAX_RESULT_BYTES,
            inputs: node.sized_by.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        });
    }
    (node.run)(&mut inputs)
}

/// An upper estimate of the bytes of all outputs of one node of class `class` with these inputs.
pub fn estimate_bytes(class: &str, inputs: &Inputs) -> Result<u64, NodeError> {
    (known(class)?.bytes)(inputs)
}

fn nodes() -> impl Iterator<Item = &'static NativeNode> {
    TABLES.iter().copied().flatten()
}

fn known(class: &str) -> Result<&'static NativeNode, NodeError> {
    find(class).ok_or_else(|| NodeError::UnknownClass { class: class.to_owned() })
}
