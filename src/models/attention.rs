//! Attention in blocks: the scores of all pairs are never in memory at once. Knows tract alone.
//!
//! Every query has its own scores, so the part of a model between queries and what is mixed for them gives the same for some
//! of them as for all. It runs as a model of its own, for so many that the scores stay in the processor's caches.

use std::{ops::Range, sync::Arc};

use tract_onnx::{
    prelude::*,
    tract_core::{
        internal::{
            DimLike, EvalContext, EvalOp, InOut, StaticName, TractErrorContext, Validation, as_op, op_as_typed_op,
            op_out_of_plan,
        },
        ops::{binary::TypedBinOp, einsum::EinSum, nn::Softmax},
    },
};

/// Bytes of the scores of a block, at most. In smaller ones keys and values are packed too often.
pub(super) const BLOCK: usize = 1 << 22;

/// Part of a model which goes through the values along some axes in blocks.
#[derive(Clone, Debug)]
struct Blocks {
    splits: Vec<Split>,
    output_shape: TVec<usize>,
    part: Arc<TypedRunnableModel>,
}

/// How one axis is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Split {
    length: usize,
    block: usize,
    /// Where the axis is in each input that has it.
    inputs: Vec<Option<usize>>,
    output: usize,
}

/// Scores, what is added to them or multiplies them, the softmax and the product with values.
struct Attention<'a> {
    scores: &'a TypedNode,
    /// Between scores and softmax.
    between: Vec<&'a TypedNode>,
    softmax: &'a TypedNode,
    mix: &'a TypedNode,
}

/// The attention around `softmax` in blocks of so many bytes of scores, where they are more than two.
pub(super) fn rewrite(model: &TypedModel, softmax: &TypedNode, block: usize) -> TractResult<Option<TypedModelPatch>> {
    let Some(found) = Attention::around(model, softmax)? else { return Ok(None) };
    let Some(splits) = found.splits(model, block)? else { return Ok(None) };
    let Some(output_shape) = concrete(model, found.mix.id.into())? else { return Ok(None) };
    let part = found.part(model, &splits)?;
    let mut patch = TypedModelPatch::default();
    let inputs = patch.taps(model, &found.inputs())?;
    let output = patch.wire_node(&found.mix.name, Blocks { splits, output_shape, part }, &inputs)?[0];
    patch.shunt_outside(model, found.mix.id.into(), output)?;
    Ok(Some(patch))
}

fn concrete(model: &TypedModel, outlet: OutletId) -> TractResult<Option<TVec<usize>>> {
    Ok(model.outlet_fact(outlet)?.shape.as_concrete().map(Into::into))
}

fn bytes(shape: &[usize]) -> usize {
    shape.iter().product::<usize>() * size_of::<f32>()
}

impl<'a> Attention<'a> {
    /// What is around `softmax`, if it is attention.
    fn around(model: &'a TypedModel, softmax: &'a TypedNode) -> TractResult<Option<Self>> {
        let (mut between, mut at) = (Vec::new(), softmax);
        let scores = loop {
            let before = model.node(at.inputs[0].node);
            if follower(model, before)?.is_none() {
                return Ok(None);
            }
            if is_product(model, before)? {
                break before;
            }
            let rank = model.outlet_fact(before.id.into())?.rank();
            let is_even =
                before.inputs.iter().all(|input| model.outlet_fact(*input).is_ok_and(|fact| fact.rank() == rank));
            if !(before.op_is::<TypedBinOp>() && is_even) {
                return Ok(None);
            }
            between.insert(0, before);
            at = before;
        };
        let mix = follower(model, softmax)?.filter(|next| next.inputs[0].node == softmax.id);
        let Some(mix) = mix.filter(|next| is_product(model, next).unwrap_or(false)) else { return Ok(None) };
        Ok(Some(Self { scores, between, softmax, mix }))
    }

    /// What goes in: of the first product, of what is between, and the values.
    fn inputs(&self) -> Vec<OutletId> {
        let between = self.between.iter().map(|node| node.inputs[1]);
        self.scores.inputs.iter().copied().chain(between).chain([self.mix.inputs[1]]).collect()
    }

    /// The outermost axes of the scores are cut, until a block of them is small enough; what a softmax sums up is not.
    fn splits(&self, model: &TypedModel, block: usize) -> TractResult<Option<Vec<Split>>> {
        let (Some(mut shape), Some(softmax)) =
            (concrete(model, self.scores.id.into())?, self.softmax.op_as::<Softmax>())
        else {
            return Ok(None);
        };
        if bytes(&shape) <= 2 * block {
            return Ok(None);
        }
        let mut splits = Vec::new();
        for axis in 0..shape.len() {
            let bytes = bytes(&shape);
            if bytes <= block {
                break;
            }
            if shape[axis] == 1 || softmax.axes.contains(&axis) {
                continue;
            }
            let Some(mut split) = self.split(model, axis)? else { return Ok(None) };
            split.block = (block * split.length / bytes).max(1);
            shape[axis] = split.block;
            splits.push(split);
        }
        Ok(Some(splits).filter(|splits| !splits.is_empty()))
    }

    /// Where axis `axis` of the scores is in what goes in and comes out; nothing if it does not come out.
    fn split(&self, model: &TypedModel, axis: usize) -> TractResult<Option<Split>> {
        let (Some(before), Some(after)) = (self.scores.op_as::<EinSum>(), self.mix.op_as::<EinSum>()) else {
            return Ok(None);
        };
        let (first, last) = (before.axes.axis((InOut::Out(0), axis))?, after.axes.axis((InOut::In(0), axis))?);
        let [output] = *last.outputs[0] else { return Ok(None) };
        let length = model.outlet_fact(self.scores.id.into())?.shape[axis].to_usize()?;
        let mut inputs: Vec<_> = first.inputs.iter().map(|at| at.first().copied()).collect();
        for node in &self.between {
            inputs.push((!model.outlet_fact(node.inputs[1])?.shape[axis].is_one()).then_some(axis));
        }
        inputs.push(last.inputs[1].first().copied());
        Ok(Some(Split { length, block: length, inputs, output }))
    }

    /// The same for one block.
    fn part(&self, model: &TypedModel, splits: &[Split]) -> TractResult<Arc<TypedRunnableModel>> {
        let mut part = TypedModel::default();
        let mut sources = Vec::new();
        for (at, input) in self.inputs().into_iter().enumerate() {
            let mut fact = model.outlet_fact(input)?.without_value();
            for split in splits {
                if let Some(axis) = split.inputs[at] {
                    fact.shape.set(axis, split.block.to_dim());
                }
            }
            sources.push(part.add_source(format!("input{at}"), fact)?);
        }
        let mut sources = sources.into_iter();
        let mut next = || sources.next().context("an input for each operand");
        let mut wire = part.wire_node(&self.scores.name, self.scores.op.clone(), &[next()?, next()?])?;
        for node in &self.between {
            wire = part.wire_node(&node.name, node.op.clone(), &[wire[0], next()?])?;
        }
        wire = part.wire_node(&self.softmax.name, self.softmax.op.clone(), &wire)?;
        wire = part.wire_node(&self.mix.name, self.mix.op.clone(), &[wire[0], next()?])?;
        part.select_output_outlets(&wire)?;
        part.into_optimized()?.into_runnable()
    }
}

/// The only one that uses what `node` gives.
fn follower<'a>(model: &'a TypedModel, node: &TypedNode) -> TractResult<Option<&'a TypedNode>> {
    if model.outputs.contains(&node.id.into()) { Ok(None) } else { model.single_succ(node.id) }
}

/// A product of two matrices of floats, neither of which is known.
fn is_product(model: &TypedModel, node: &TypedNode) -> TractResult<bool> {
    let is_plain =
        node.op_as::<EinSum>().is_some_and(|op| op.q_params.is_none() && op.operating_dt == f32::datum_type());
    let mut known = false;
    for input in &node.inputs {
        known |= model.outlet_fact(*input)?.konst.is_some();
    }
    Ok(is_plain && !known && node.inputs.len() == 2)
}

/// What comes out of `shape`, cut along `splits` from the first on.
fn run(splits: &[Split], shape: &[usize], inputs: &[TValue], state: &mut TypedSimpleState) -> TractResult<TValue> {
    let [split, inner @ ..] = splits else { return Ok(state.run(inputs.iter().cloned().collect())?.remove(0)) };
    let mut output = Tensor::zero::<f32>(shape)?;
    let mut shape = TVec::from_slice(shape);
    shape[split.output] = split.block;
    for block in split.blocks() {
        let inputs = inputs.iter().zip(&split.inputs).map(|(input, axis)| match axis {
            Some(axis) => input.slice(*axis, block.start, block.end).map(IntoTValue::into_tvalue),
            None => Ok(input.clone()),
        });
        let inputs: TVec<TValue> = inputs.collect::<TractResult<_>>()?;
        let done = run(inner, &shape, &inputs, state)?;
        output.assign_slice(block, &done, 0..split.block, split.output)?;
    }
    Ok(output.into_tvalue())
}

impl Split {
    /// The blocks, all of the same length: the last one begins in the one before it where they do not fill the axis evenly.
    fn blocks(&self) -> impl Iterator<Item = Range<usize>> {
        let last = self.length - self.block;
        (0..self.length).step_by(self.block).map(move |at| at.min(last)..at.min(last) + self.block)
    }
}

impl PartialEq for Blocks {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.part, &other.part) && self.splits == other.splits
    }
}

impl Eq for Blocks {}

impl Op for Blocks {
    fn name(&self) -> StaticName {
        "Blocks".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(self.splits.iter().map(|split| format!("{} of {}", split.block, split.length)).collect())
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Blocks {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        Ok(tvec!(run(&self.splits, &self.output_shape, &inputs, &mut self.part.spawn()?)?))
    }
}

impl TypedOp for Blocks {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&*self.output_shape)))
    }

    as_op!();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tract_onnx::tract_core::internal::Approximation;

    use super::*;

    /// Scores of queries [head, query, value] and keys, with a bias, and what is mixed for each query.
    fn model(heads: usize, queries: usize, keys: usize, scale: bool) -> TractResult<TypedModel> {
        let mut model = TypedModel::default();
        let query = model.add_source("query", f32::fact([queries, heads, 5]))?;
        let key = model.add_source("key", f32::fact([keys, heads, 5]))?;
        let value = model.add_source("value", f32::fact([keys, heads, 3]))?;
        let bias = model.add_source("bias", f32::fact([1, queries, keys]))?;
        let product = |axes: &str| axes.parse().map(|axes| EinSum::new(axes, f32::datum_type()));
        let mut scores = model.wire_node("scores", product("mbk,nbk->bmn")?, &[query, key])?[0];
        if scale {
            let by = model.add_const("by", tensor3(&[[[0.5_f32]]]))?;
            scores = model.wire_node("scaled", tract_onnx::tract_core::ops::math::mul(), &[scores, by])?[0];
        }
        let biased = model.wire_node("biased", tract_onnx::tract_core::ops::math::add(), &[scores, bias])?[0];
        let weights = model.wire_node("weights", Softmax { axes: tvec![2], ..Softmax::default() }, &[biased])?[0];
        let mixed = model.wire_node("mixed", product("bmn,nbk->mbk")?, &[weights, value])?;
        model.select_output_outlets(&mixed)?;
        Ok(model)
    }

    fn values(shape: &[usize]) -> TValue {
        let count = shape.iter().product::<usize>();
        let values: Vec<f32> = (0..count).map(|at| ((at * 37 + count) % 101) as f32 / 25.0 - 2.0).collect();
        Tensor::from_shape(shape, &values).unwrap().into_tvalue()
    }

    fn in_blocks(model: &TypedModel, block: usize) -> Option<TypedModel> {
        let node = model.nodes().iter().find(|node| node.op_is::<Softmax>()).unwrap();
        let patch = rewrite(model, node, block).unwrap()?;
        let mut model = model.clone();
        patch.apply(&mut model).unwrap();
        Some(model)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn blocks_give_what_the_whole_gives(heads in 1_usize..4, queries in 2_usize..20, keys in 1_usize..9, scale: bool, share in 3_usize..40) {
            let model = model(heads, queries, keys, scale).unwrap();
            let inputs: TVec<_> = [&[queries, heads, 5][..], &[keys, heads, 5], &[keys, heads, 3], &[1, queries, keys]].map(values).into_iter().collect();
            let blocks = in_blocks(&model, heads * queries * keys * 4 / share).unwrap();
            prop_assert!(blocks.nodes().iter().any(TypedNode::op_is::<Blocks>));
            let whole = model.into_runnable().unwrap().run(inputs.clone()).unwrap();
            let blocks = blocks.into_optimized().unwrap().into_runnable().unwrap().run(inputs).unwrap();
            whole[0].close_enough(&blocks[0], Approximation::Approximate).unwrap();
        }
    }

    #[test]
    fn few_scores_stay_as_they_are() {
        let model = model(2, 10, 10, true).unwrap();
        assert!(in_blocks(&model, 400).is_none());
        assert!(in_blocks(&model, 399).is_some());
    }

    #[test]
    fn scores_that_are_asked_for_themselves_stay_as_they_are() {
        let mut model = model(2, 10, 10, false).unwrap();
        let weights = model.nodes().iter().find(|node| node.op_is::<Softmax>()).unwrap().id;
        let outputs = [model.outputs[0], weights.into()];
        model.select_output_outlets(&outputs).unwrap();
        assert!(in_blocks(&model, 10).is_none());
    }
}
