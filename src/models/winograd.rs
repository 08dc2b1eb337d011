//! Convolutions of 3 x 3 by Winograd's F(4 x 4, 3 x 3): 36 multiplications where a convolution has 144. Knows tract alone.
//!
//! A block of tiles at a time goes into the space where a convolution is a product of matrices, one for each of the 36
//! places of a tile, and back. The block is small enough to stay in the second cache. (Lavin and Gray, *Fast Algorithms for
//! Convolutional Neural Networks*, 2015.)

use std::{array, sync::Arc};

use tract_onnx::{
    prelude::*,
    tract_core::{
        internal::{EvalContext, EvalOp, StaticName, Validation, as_op, op_as_typed_op, op_out_of_plan},
        ops::{
            binary::TypedBinOp,
            cnn::{Conv, KernelFormat},
            einsum::EinSum,
            math::Max,
        },
        tract_linalg::multithread::par_chunks_mut,
    },
};

use super::tiles::{
    Lines, PLACES, SIDE, STEP, gather_across, gather_down, parts, spread_across, spread_down, spread_kernel,
};

/// Bytes of the tiles of one block, about.
const BLOCK: usize = 1 << 19;
/// Products of fewer tiles are too thin.
const FEWEST_IN_A_BLOCK: usize = 48;
/// Fewer tiles than this do not pay for weights that are four times as large.
const FEWEST_TILES: usize = 128;
/// Fewer channels than this make products too thin.
const FEWEST_CHANNELS: usize = 16;

/// A convolution with what follows it: bias, and a floor where it ends in a rectifier.
#[derive(Clone, Debug)]
struct Winograd {
    input: Plane,
    output: Plane,
    output_shape: TVec<usize>,
    /// Cells of nothing above and to the left.
    before: [usize; 2],
    /// Rows of tiles in a block.
    rows: usize,
    bias: Arc<Tensor>,
    floor: f32,
    product: Arc<TypedRunnableModel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plane {
    channels: usize,
    height: usize,
    width: usize,
}

impl Plane {
    fn cells(self) -> usize {
        self.height * self.width
    }
}

/// The convolution of `node`, and of the rectifier after it, by Winograd's way, where that is faster.
pub(super) fn rewrite(model: &TypedModel, node: &TypedNode, conv: &Conv) -> TractResult<Option<TypedModelPatch>> {
    let Some(mut op) = Winograd::of(model, node, conv)? else { return Ok(None) };
    let rectifier = model.single_succ(node.id)?.filter(|next| is_rectifier(model, next, node.id));
    op.floor = if rectifier.is_some() { 0.0 } else { f32::NEG_INFINITY };
    let mut patch = TypedModelPatch::default();
    let input = patch.tap_model(model, node.inputs[0])?;
    let output = patch.wire_node(&node.name, op, &[input])?[0];
    patch.shunt_outside(model, rectifier.unwrap_or(node).id.into(), output)?;
    Ok(Some(patch))
}

fn is_rectifier(model: &TypedModel, node: &TypedNode, of: usize) -> bool {
    let is_zero = |input: &OutletId| {
        let fact = model.outlet_fact(*input).ok();
        let value = fact.and_then(|fact| fact.konst.as_ref());
        input.node == of || value.is_some_and(|value| value.len() == 1 && value.is_all_zero().unwrap_or(false))
    };
    node.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<Max>() && op.1.is_none()) && node.inputs.iter().all(is_zero)
}

impl Winograd {
    /// Of a convolution that it is faster than.
    fn of(model: &TypedModel, node: &TypedNode, conv: &Conv) -> TractResult<Option<Self>> {
        let fact = model.outlet_fact(node.inputs[0])?;
        let pool = &conv.pool_spec;
        let (Some(shape), Some(kernel), Some(bias)) = (
            fact.shape.as_concrete(),
            model.outlet_fact(node.inputs[1])?.konst.clone(),
            model.outlet_fact(node.inputs[2])?.konst.clone(),
        ) else {
            return Ok(None);
        };
        let is_ours = fact.datum_type == f32::datum_type()
            && kernel.datum_type() == f32::datum_type()
            && conv.q_params.is_none()
            && conv.group == 1
            && conv.kernel_fmt == KernelFormat::OIHW
            && pool.kernel_shape.as_slice() == [3, 3]
            && pool.strides().iter().chain(&*pool.dilations()).all(|step| *step == 1)
            && !pool.data_format.c_is_last();
        if !is_ours {
            return Ok(None);
        }
        let (from, to) = (pool.data_format.shape(shape)?, pool.output_shape(shape)?);
        let plane = |channels: usize, sides: &[usize]| Plane { channels, height: sides[0], width: sides[1] };
        let (input, output) = (plane(*from.c(), from.hw_dims()), plane(*to.c(), to.hw_dims()));
        let tiles = output.height.div_ceil(STEP) * output.width.div_ceil(STEP);
        let is_worth_it = tiles >= FEWEST_TILES && input.channels.min(output.channels) >= FEWEST_CHANNELS;
        if from.n().is_some_and(|count| *count != 1) || !is_worth_it {
            return Ok(None);
        }
        let padding = pool.computed_padding(from.hw_dims());
        let before = [padding[0].pad_before, padding[1].pad_before];
        Self::new(input, output, to.shape.clone(), before, &kernel, &bias).map(Some)
    }

    fn new(
        input: Plane,
        output: Plane,
        output_shape: TVec<usize>,
        before: [usize; 2],
        kernel: &Tensor,
        bias: &Tensor,
    ) -> TractResult<Self> {
        let (high, wide) = (output.height.div_ceil(STEP), output.width.div_ceil(STEP));
        let bytes = PLACES * size_of::<f32>() * input.channels.max(output.channels) * wide;
        let rows = (BLOCK / bytes).max(FEWEST_IN_A_BLOCK.div_ceil(wide)).min(high);
        let product = product(input.channels, output.channels, rows * wide, kernel)?;
        let bias = bias
            .broadcast_scalar_to_shape(&[output.channels])
            .or_else(|_| bias.clone().into_shape(&[output.channels]))?;
        let floor = f32::NEG_INFINITY;
        Ok(Self { input, output, output_shape, before, rows, bias: bias.into_arc_tensor(), floor, product })
    }

    /// Tiles in a row.
    fn wide(&self) -> usize {
        self.output.width.div_ceil(STEP)
    }

    /// Writes the tiles of the block that begins with row `first` of tiles: for each channel and each place of a tile the
    /// values of all tiles.
    fn spread(&self, input: &[f32], first: usize, tiles: &mut [f32]) -> TractResult<()> {
        let count = self.rows * self.wide();
        let total = tiles.len();
        par_chunks_mut(tiles, PLACES * count, total, |begin, channels| {
            let mut lines = Lines::new(self.wide() + 1);
            let nothing = vec![0.0; self.input.width];
            for (at, tiles) in channels.chunks_exact_mut(PLACES * count).enumerate() {
                let plane = &input[(begin + at) * self.input.cells()..][..self.input.cells()];
                for row in 0..self.rows {
                    let top = (first + row) * STEP;
                    if top >= self.output.height {
                        break;
                    }
                    let cells = array::from_fn(|y| {
                        let y = (top + y).checked_sub(self.before[0]).filter(|y| *y < self.input.height);
                        y.map_or(&*nothing, |y| &plane[y * self.input.width..][..self.input.width])
                    });
                    spread_down(cells, self.before[1], &mut lines);
                    for (line, places) in lines.0.iter().zip(tiles.chunks_exact_mut(SIDE * count)) {
                        spread_across(line, parts(places, count, row * self.wide(), self.wide()));
                    }
                }
            }
            Ok(())
        })
    }

    /// Writes the cells of the block that begins with row `first` of tiles, from the values of all tiles for each
    /// channel and place.
    fn gather(&self, tiles: &[f32], first: usize, output: &mut [f32]) -> TractResult<()> {
        let count = self.rows * self.wide();
        let bias = self.bias.try_as_plain_ram()?;
        let bias = bias.as_slice::<f32>()?;
        par_chunks_mut(output, self.output.cells(), tiles.len(), |begin, channels| {
            let mut lines = vec![0.0; STEP * SIDE * self.wide()];
            let mut cells = vec![[0.0; STEP]; self.wide()];
            for (at, plane) in channels.chunks_exact_mut(self.output.cells()).enumerate() {
                let tiles = &tiles[(begin + at) * PLACES * count..][..PLACES * count];
                for (row, plane) in plane.chunks_mut(STEP * self.output.width).skip(first).take(self.rows).enumerate() {
                    gather_down(tiles, count, row * self.wide(), &mut lines, self.wide());
                    for (line, to) in
                        lines.chunks_exact(SIDE * self.wide()).zip(plane.chunks_exact_mut(self.output.width))
                    {
                        gather_across(line, bias[begin + at], self.floor, &mut cells);
                        to.copy_from_slice(&cells.as_flattened()[..self.output.width]);
                    }
                }
            }
            Ok(())
        })
    }
}

/// The product of each place's weights with its values of `count` tiles.
fn product(input: usize, output: usize, count: usize, kernel: &Tensor) -> TractResult<Arc<TypedRunnableModel>> {
    let mut model = TypedModel::default();
    let tiles = model.add_source("tiles", f32::fact([input, PLACES, count]))?;
    let weights = model.add_const("weights", weights(kernel, output, input)?)?;
    let op = EinSum::new("pok,kpn->opn".parse()?, f32::datum_type());
    let product = model.wire_node("product", op, &[weights, tiles])?;
    model.select_output_outlets(&product)?;
    model.into_optimized()?.into_runnable()
}

/// The kernels in the space of the products: for each place a matrix of outputs and inputs.
fn weights(kernel: &Tensor, output: usize, input: usize) -> TractResult<Tensor> {
    let kernel = kernel.try_as_plain_ram()?;
    let mut weights = Tensor::zero::<f32>(&[PLACES, output, input])?;
    let mut plain = weights.try_as_plain_ram_mut()?;
    let values = plain.as_slice_mut::<f32>()?;
    let mut places = vec![0.0; PLACES * input];
    for (at, kernels) in kernel.as_slice::<f32>()?.chunks_exact(9 * input).enumerate() {
        for (channel, cells) in kernels.as_chunks::<3>().0.chunks_exact(3).enumerate() {
            let values = spread_kernel([cells[0], cells[1], cells[2]]);
            values
                .as_flattened()
                .iter()
                .enumerate()
                .for_each(|(place, value)| places[place * input + channel] = *value);
        }
        for (place, places) in places.chunks_exact(input).enumerate() {
            values[(place * output + at) * input..][..input].copy_from_slice(places);
        }
    }
    Ok(weights)
}

impl PartialEq for Winograd {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.product, &other.product) && self.before == other.before && self.bias == other.bias
    }
}

impl Eq for Winograd {}

impl Op for Winograd {
    fn name(&self) -> StaticName {
        "Winograd".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{:?} -> {:?} by {} rows", self.input, self.output, self.rows)])
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Winograd {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = inputs[0].try_as_plain_ram()?;
        let input = input.as_slice::<f32>()?;
        let mut tiles = Arc::new(Tensor::zero::<f32>(&[self.input.channels, PLACES, self.rows * self.wide()])?);
        let mut output = Tensor::zero::<f32>(&self.output_shape)?;
        let mut product = self.product.spawn()?;
        for first in (0..self.output.height.div_ceil(STEP)).step_by(self.rows) {
            self.spread(input, first, Arc::make_mut(&mut tiles).try_as_plain_ram_mut()?.as_slice_mut()?)?;
            let done = product.run(tvec!(tiles.clone().into_tvalue()))?;
            self.gather(
                done[0].try_as_plain_ram()?.as_slice()?,
                first,
                output.try_as_plain_ram_mut()?.as_slice_mut()?,
            )?;
        }
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Winograd {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&*self.output_shape)))
    }

    as_op!();
}

#[cfg(test)]
mod tests {
    use tract_onnx::tract_core::ops::{
        cnn::{PaddingSpec, PoolSpec},
        math::max,
        nn::DataFormat,
    };

    use super::*;

    struct Case {
        channels: [usize; 2],
        sides: [usize; 2],
        padding: PaddingSpec,
        dilation: usize,
        stride: usize,
        format: DataFormat,
        floor: Option<f32>,
    }

    const PLAIN: Case = Case {
        channels: [16, 16],
        sides: [48, 48],
        padding: PaddingSpec::SameUpper,
        dilation: 1,
        stride: 1,
        format: DataFormat::NCHW,
        floor: None,
    };

    fn values(shape: &[usize]) -> Tensor {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
        Tensor::from_shape(shape, &values).unwrap()
    }

    fn input(case: &Case) -> Tensor {
        let shape = [1, case.channels[0], case.sides[0], case.sides[1]];
        values(if case.format.has_n() { &shape } else { &shape[1..] })
    }

    fn model(case: &Case) -> TractResult<TypedModel> {
        let [from, to] = case.channels;
        let mut model = TypedModel::default();
        let picture = model.add_source("picture", f32::fact(input(case).shape()))?;
        let kernel = model.add_const("kernel", values(&[to, from, 3, 3]))?;
        let bias = model.add_const("bias", values(&[to]))?;
        let pool_spec = PoolSpec {
            data_format: case.format,
            kernel_shape: tvec![3, 3],
            padding: case.padding.clone(),
            dilations: Some(tvec![case.dilation; 2]),
            strides: Some(tvec![case.stride; 2]),
            input_channels: from,
            output_channels: to,
        };
        let conv = Conv { pool_spec, kernel_fmt: KernelFormat::OIHW, group: 1, q_params: None };
        let mut output = model.wire_node("conv", conv, &[picture, kernel, bias])?;
        if let Some(floor) = case.floor {
            let shape = vec![1; model.outlet_fact(output[0])?.rank()];
            let floor = model.add_const("floor", tensor0(floor).into_shape(&shape)?)?;
            output = model.wire_node("max", max(), &[output[0], floor])?;
        }
        model.select_output_outlets(&output)?;
        Ok(model)
    }

    fn rewritten(model: &TypedModel) -> Option<TypedModel> {
        let node = model.nodes().iter().find(|node| node.op_is::<Conv>()).unwrap();
        let patch = rewrite(model, node, node.op_as::<Conv>().unwrap()).unwrap()?;
        let mut model = model.clone();
        patch.apply(&mut model).unwrap();
        model.compact().unwrap();
        Some(model)
    }

    #[test]
    fn it_gives_what_a_convolution_gives() {
        use PaddingSpec::{Explicit, SameLower, SameUpper, Valid};
        let by_one = || Explicit(tvec![1, 1], tvec![1, 1]);
        for case in [
            PLAIN,
            Case { channels: [64, 33], sides: [45, 47], padding: by_one(), ..PLAIN },
            Case { channels: [17, 70], sides: [71, 38], padding: Valid, floor: Some(0.0), ..PLAIN },
            Case { sides: [50, 51], padding: Explicit(tvec![0, 2], tvec![1, 0]), ..PLAIN },
            Case { sides: [4, 509], padding: SameLower, floor: Some(0.0), ..PLAIN },
            Case { sides: [600, 1], padding: SameUpper, ..PLAIN },
            Case { format: DataFormat::CHW, floor: Some(0.0), ..PLAIN },
            Case { floor: Some(0.5), ..PLAIN },
        ] {
            let model = model(&case).unwrap();
            let input = input(&case).into_tvalue();
            let new = rewritten(&model).unwrap();
            let expected = if case.floor.is_some_and(|floor| floor != 0.0) { 2 } else { 1 };
            let computing = new.nodes().iter().filter(|node| node.op_is::<Winograd>() || node.op_is::<TypedBinOp>());
            assert_eq!(computing.count(), expected, "only a rectifier is part of it");
            let wanted = model.into_runnable().unwrap().run(tvec!(input.clone())).unwrap();
            let got = new.into_optimized().unwrap().into_runnable().unwrap().run(tvec!(input)).unwrap();
            let (wanted, got) = (wanted[0].try_as_plain_ram().unwrap(), got[0].try_as_plain_ram().unwrap());
            let (wanted, got) = (wanted.as_slice::<f32>().unwrap(), got.as_slice::<f32>().unwrap());
            let largest = wanted.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            let is_near = |(wanted, got): (&f32, &f32)| (wanted - got).abs() <= 1e-5 * largest;
            assert_eq!(wanted.len(), got.len());
            assert!(wanted.iter().zip(got).all(is_near), "{:?} -> {:?}", case.sides, case.channels);
        }
    }

    #[test]
    fn other_convolutions_stay_as_they_are() {
        for case in [
            Case { dilation: 2, ..PLAIN },
            Case { stride: 2, ..PLAIN },
            Case { channels: [3, 16], ..PLAIN },
            Case { sides: [44, 44], ..PLAIN },
            Case { channels: [48, 48], format: DataFormat::NHWC, ..PLAIN },
        ] {
            assert!(model(&case).is_ok_and(|model| rewritten(&model).is_none()));
        }
    }
}
