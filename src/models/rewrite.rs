//! What makes a loaded model faster before it is optimised: parts of it are computed in another way, with the same results but
//! for rounding. Nothing of it is kept on the disk. Knows tract alone.

use tract_onnx::{
    prelude::*,
    tract_core::{
        model::Rewriter,
        ops::{cnn::Conv, nn::Softmax},
    },
};

use super::{attention, winograd};

/// `model`, optimised, with its convolutions and attention in the ways that are fastest.
pub(super) fn optimised(model: TypedModel) -> TractResult<TypedModel> {
    let mut model = model.into_decluttered()?;
    Rewriter::default()
        .with_rule_for("winograd", |(), model, node, _, conv: &Conv| winograd::rewrite(model, node, conv))
        .with_rule_for("attention", |(), model, node, _, _: &Softmax| attention::rewrite(model, node, attention::BLOCK))
        .rewrite(&(), &mut model)?;
    model.optimize()?;
    Ok(model)
}
