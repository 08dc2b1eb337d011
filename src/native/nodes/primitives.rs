//! `PrimitiveString`, `PrimitiveStringMultiline`, `PrimitiveInt`, `PrimitiveFloat`,
//! `PrimitiveBoolean`: pass a value on, as its type.

use super::{NativeNode, NodeError};
use crate::native::value::{Inputs, NodeValue};

pub(super) const NODES: &[NativeNode] = &[
    NativeNode { class: "PrimitiveString", run: string, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "PrimitiveStringMultiline", run: string, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "PrimitiveInt", run: int, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "PrimitiveFloat", run: float, bytes: |_| Ok(0), sized_by: &[] },
    NativeNode { class: "PrimitiveBoolean", run: boolean, bytes: |_| Ok(0), sized_by: &[] },
];

fn string(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    Ok(vec![NodeValue::String(inputs.string("value")?)])
}

fn int(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    Ok(vec![NodeValue::Int(inputs.int_in("value", -i64::MAX..=i64::MAX)?)])
}

fn float(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    // ComfyUI compares with the integer, which no float is equal to.
    let largest = (i64::MAX as f64).next_down();
    Ok(vec![NodeValue::Float(inputs.float_in("value", -largest..=largest)?)])
}

fn boolean(inputs: &mut Inputs) -> Result<Vec<NodeValue>, NodeError> {
    Ok(vec![NodeValue::Bool(inputs.bool("value")?)])
}
