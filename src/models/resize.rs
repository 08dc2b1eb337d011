//! Bilinear resizing in one pass: each line is stretched across once, and lines are mixed down into the output. Knows tract
//! alone.

use tract_onnx::{
    prelude::*,
    tract_core::{
        internal::{EvalContext, EvalOp, StaticName, Validation, as_op, op_as_typed_op, op_out_of_plan},
        ops::nn::resize::{Interpolator, Resize},
        tract_linalg::multithread::par_chunks_mut,
    },
};

/// Resizes the two innermost axes.
#[derive(Clone, Debug, PartialEq)]
struct Bilinear {
    width: usize,
    height: usize,
    output_shape: TVec<usize>,
    across: Vec<Mix>,
    down: Vec<Mix>,
}

/// What one place along an axis is mixed of: two neighbours, or one twice.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mix {
    at: [usize; 2],
    weights: [f32; 2],
}

impl Eq for Bilinear {}

/// The resizing of `node` in one pass, where it is bilinear and of planes.
pub(super) fn rewrite(model: &TypedModel, node: &TypedNode, resize: &Resize) -> TractResult<Option<TypedModelPatch>> {
    let Some(op) = Bilinear::of(model, node, resize)? else { return Ok(None) };
    TypedModelPatch::replace_single_op(model, node, &node.inputs[..1], op).map(Some)
}

impl Bilinear {
    fn of(model: &TypedModel, node: &TypedNode, resize: &Resize) -> TractResult<Option<Self>> {
        let (input, output) = (model.outlet_fact(node.inputs[0])?, model.outlet_fact(node.id.into())?);
        let (Some(from), Some(to)) = (input.shape.as_concrete(), output.shape.as_concrete()) else { return Ok(None) };
        let Some(outer) = from.len().checked_sub(2) else { return Ok(None) };
        let is_ours = resize.interpolator == Interpolator::Linear && input.datum_type == f32::datum_type();
        if !is_ours || from[..outer] != to[..outer] || from.contains(&0) || to.contains(&0) {
            return Ok(None);
        }
        let given = resize.optional_scales_input.and_then(|at| node.inputs.get(at));
        let mut scales: TVec<f32> = to.iter().zip(from).map(|(to, from)| *to as f32 / *from as f32).collect();
        if let Some(given) = given {
            let Some(given) = model.outlet_fact(*given)?.konst.clone() else { return Ok(None) };
            if given.len() == from.len() {
                scales = given.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.into();
            }
        }
        if !scales[..outer].iter().copied().all(is_one) {
            return Ok(None);
        }
        let along = |axis: usize| mixes(resize, scales[axis], from[axis], to[axis]);
        let (Some(down), Some(across)) = (along(outer), along(outer + 1)) else { return Ok(None) };
        Ok(Some(Self { width: from[outer + 1], height: from[outer], output_shape: to.into(), across, down }))
    }

    fn plane(&self, input: &[f32], output: &mut [f32], lines: &mut Lines) {
        lines.held = [None; 2];
        for (mix, to) in self.down.iter().zip(output.chunks_exact_mut(self.across.len())) {
            for row in mix.at {
                lines.hold(row, &input[row * self.width..][..self.width], &self.across);
            }
            let [first, second] = mix.at.map(|row| &lines.values[row % 2]);
            for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
                *to = mix.weights[0] * first + mix.weights[1] * second;
            }
        }
    }
}

fn is_one(scale: f32) -> bool {
    (scale - 1.0).abs() < f32::EPSILON
}

/// What the places along an axis are mixed of; nothing if one is mixed of others than two neighbours.
fn mixes(resize: &Resize, scale: f32, from: usize, to: usize) -> Option<Vec<Mix>> {
    if from == to && is_one(scale) {
        return Some((0..to).map(|at| Mix { at: [at; 2], weights: [1.0, 0.0] }).collect());
    }
    let plan = resize.plan_axis(scale, from, to);
    let (indices, weights) = (plan.indices.as_chunks::<2>().0, plan.weights.as_chunks::<2>().0);
    let is_plain = plan.window == 2 && !plan.extrapolated.contains(&true);
    let is_near = indices.iter().all(|[first, second]| second - first < 2);
    let mix = |(at, weights): (&[usize; 2], &[f32; 2])| Mix { at: *at, weights: *weights };
    (is_plain && is_near).then(|| indices.iter().zip(weights).map(mix).collect())
}

/// Two stretched lines: of an even row and of an odd one.
struct Lines {
    held: [Option<usize>; 2],
    values: [Vec<f32>; 2],
}

impl Lines {
    fn new(width: usize) -> Self {
        Self { held: [None; 2], values: [vec![0.0; width], vec![0.0; width]] }
    }

    /// Stretches row `at`, unless it is held.
    fn hold(&mut self, at: usize, row: &[f32], across: &[Mix]) {
        if self.held[at % 2].replace(at) == Some(at) {
            return;
        }
        for (to, mix) in self.values[at % 2].iter_mut().zip(across) {
            *to = mix.weights[0] * row[mix.at[0]] + mix.weights[1] * row[mix.at[1]];
        }
    }
}

impl Op for Bilinear {
    fn name(&self) -> StaticName {
        "Bilinear".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{} x {} -> {} x {}", self.width, self.height, self.across.len(), self.down.len())])
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Bilinear {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = inputs[0].try_as_plain_ram()?;
        let input = input.as_slice::<f32>()?;
        let mut output = Tensor::zero::<f32>(&self.output_shape)?;
        let mut plain = output.try_as_plain_ram_mut()?;
        let values = plain.as_slice_mut::<f32>()?;
        let (from, to, total) = (self.width * self.height, self.across.len() * self.down.len(), values.len());
        par_chunks_mut(values, to, total, |begin, planes| {
            let mut lines = Lines::new(self.across.len());
            for (at, plane) in planes.chunks_exact_mut(to).enumerate() {
                self.plane(&input[(begin + at) * from..][..from], plane, &mut lines);
            }
            Ok(())
        })?;
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Bilinear {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&*self.output_shape)))
    }

    as_op!();
}

#[cfg(test)]
mod tests {
    use tract_onnx::tract_core::ops::nn::resize::{CoordTransformer, Nearest};

    use super::*;

    const LINEAR: Resize = Resize {
        coord_transformer: CoordTransformer::PytorchHalfPixel,
        interpolator: Interpolator::Linear,
        nearest: Nearest::Floor,
        optional_scales_input: None,
        optional_sizes_input: Some(1),
    };

    fn model(resize: &Resize, from: &[usize], sizes: &Tensor) -> TypedModel {
        let mut model = TypedModel::default();
        let picture = model.add_source("picture", f32::fact(from)).unwrap();
        let sizes = model.add_const("sizes", sizes.clone()).unwrap();
        let output = model.wire_node("resize", resize.clone(), &[picture, sizes]).unwrap();
        model.select_output_outlets(&output).unwrap();
        model
    }

    fn rewritten(model: &TypedModel) -> Option<TypedModel> {
        let node = model.nodes().iter().find(|node| node.op_is::<Resize>()).unwrap();
        let patch = rewrite(model, node, node.op_as::<Resize>().unwrap()).unwrap()?;
        let mut model = model.clone();
        patch.apply(&mut model).unwrap();
        model.compact().unwrap();
        Some(model)
    }

    fn output(model: TypedModel, from: &[usize]) -> Vec<f32> {
        let values: Vec<f32> = (0..from.iter().product()).map(|at: usize| (at * 37 % 101) as f32 / 50.0).collect();
        let input = Tensor::from_shape(from, &values).unwrap().into_tvalue();
        let output = model.into_optimized().unwrap().into_runnable().unwrap().run(tvec!(input)).unwrap();
        output[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
    }

    #[test]
    fn it_gives_what_resizing_gives() {
        use CoordTransformer::{AlignCorners, Asymmetric, HalfPixel, HalfPixelSymmetric, PytorchHalfPixel};
        for transformer in [AlignCorners, Asymmetric, HalfPixel, HalfPixelSymmetric, PytorchHalfPixel] {
            for (from, to) in [
                ([1, 3, 10, 12], [20, 24]),
                ([2, 2, 7, 5], [19, 5]),
                ([1, 1, 9, 16], [4, 33]),
                ([1, 2, 1, 1], [6, 3]),
                ([1, 2, 5, 4], [1, 1]),
                ([1, 2, 5, 4], [5, 4]),
            ] {
                let resize = Resize { coord_transformer: transformer.clone(), ..LINEAR };
                let sizes = tensor1(&[from[0] as i64, from[1] as i64, to[0], to[1]]);
                let model = model(&resize, &from, &sizes);
                let new = rewritten(&model).unwrap();
                assert!(new.nodes().iter().any(Node::op_is::<Bilinear>));
                let (wanted, got) = (output(model, &from), output(new, &from));
                assert_eq!(wanted.len(), got.len());
                let is_near = |(wanted, got): (&f32, &f32)| (wanted - got).abs() < 1e-5;
                assert!(wanted.iter().zip(&got).all(is_near), "{transformer:?} {from:?} -> {to:?}");
            }
        }
    }

    #[test]
    fn scales_count_where_they_are_given() {
        let resize = Resize { optional_scales_input: Some(1), optional_sizes_input: None, ..LINEAR };
        let (from, scales) = ([1, 2, 5, 7], tensor1(&[1.0_f32, 1.0, 2.5, 1.7]));
        let model = model(&resize, &from, &scales);
        let new = rewritten(&model).unwrap();
        let (wanted, got) = (output(model, &from), output(new, &from));
        assert_eq!(wanted.len(), 2 * 12 * 11);
        assert!(wanted.iter().zip(&got).all(|(wanted, got)| (wanted - got).abs() < 1e-5));
    }

    #[test]
    fn other_resizing_stays_as_it_is() {
        let sizes = tensor1(&[1_i64, 2, 10, 14]);
        for interpolator in [Interpolator::Cubic, Interpolator::Nearest] {
            assert!(rewritten(&model(&Resize { interpolator, ..LINEAR }, &[1, 2, 5, 7], &sizes)).is_none());
        }
        assert!(rewritten(&model(&LINEAR, &[1, 1, 5, 7], &sizes)).is_none(), "channels are not mixed");
    }
}
