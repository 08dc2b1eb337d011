//! What makes a loaded model faster before it is optimised: parts of it are computed in another way, with the same results but
//! for rounding. Nothing of it is kept on the disk. Knows tract alone.

use tract_onnx::{
    prelude::*,
    tract_core::{
        model::Rewriter,
        ops::{
            cnn::Conv,
            nn::{Softmax, resize::Resize},
        },
    },
};

use super::{attention, resize, winograd};

/// `model`, optimised, with its convolutions, attention and resizing in the ways that are fastest.
pub(super) fn optimised(model: TypedModel) -> TractResult<TypedModel> {
    let mut model = model.into_decluttered()?;
    Rewriter::default()
        .with_rule_for("winograd", |(), model, node, _, conv: &Conv| winograd::rewrite(model, node, conv))
        .with_rule_for("attention", |(), model, node, _, _: &Softmax| attention::rewrite(model, node, attention::BLOCK))
        .with_rule_for("resize", |(), model, node, _, op: &Resize| resize::rewrite(model, node, op))
        .rewrite(&(), &mut model)?;
    model.optimize()?;
    Ok(model)
}
