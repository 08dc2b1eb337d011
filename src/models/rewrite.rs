//! What makes a loaded model faster before it is optimised: parts of it are computed in another way, with the same results but
//! for rounding. Nothing of it is kept on the disk. Knows tract alone.

use tract_onnx::{
    prelude::*,
    tract_core::{
        model::Rewriter,
        ops::cnn::Conv,
    },
};

use super::winograd;

/// `model`, optimised, with its convolutions in the way that is fastest.
pub(super) fn optimised(model: TypedModel) -> TractResult<TypedModel> {
    let mut model = model.into_decluttered()?;
    Rewriter::default()
        .with_rule_for("winograd", |(), model, node, _, conv: &Conv| winograd::rewrite(model, node, conv))
        .rewrite(&(), &mut model)?;
    model.optimize()?;
    Ok(model)
}
