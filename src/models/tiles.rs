//! The tiles of Winograd's F(4 x 4, 3 x 3): how cells, kernels and products go into the space where a convolution is a product,
//! and back. Numbers only.

#![expect(clippy::many_single_char_names, reason = "the six cells of a tile along one axis, and what becomes of them")]

use std::array;

/// Cells of a side that come out of one tile.
pub(super) const STEP: usize = 4;
/// Cells of a side that go into one tile.
pub(super) const SIDE: usize = 6;
/// Places of a tile.
pub(super) const PLACES: usize = SIDE * SIDE;
/// The kernel, along one axis.
const KERNEL: [[f32; 3]; SIDE] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// Six lines of cells, four at a time, with nothing at both ends.
pub(super) struct Lines(pub(super) [Vec<[f32; STEP]>; SIDE]);

impl Lines {
    /// Lines of so many times four cells.
    pub(super) fn new(quads: usize) -> Self {
        Self(array::from_fn(|_| vec![[0.0; STEP]; quads]))
    }
}

/// `length` values from `at` on of each of six parts that follow each other.
pub(super) fn parts(values: &mut [f32], each: usize, at: usize, length: usize) -> [&mut [f32]; SIDE] {
    let mut parts = values.chunks_exact_mut(each);
    array::from_fn(|_| parts.next().map_or(&mut [][..], |part| &mut part[at..][..length]))
}

/// The kernel's transform.
pub(super) fn spread_kernel(cells: [[f32; 3]; 3]) -> [[f32; SIDE]; SIDE] {
    let along = |row: [f32; 3], cells: [f32; 3]| row[0] * cells[0] + row[1] * cells[1] + row[2] * cells[2];
    let across = cells.map(|cells| KERNEL.map(|row| along(row, cells)));
    KERNEL.map(|row| array::from_fn(|x| along(row, across.map(|cells| cells[x]))))
}

/// The input's transform along one axis.
#[inline]
fn spread([a, b, c, d, e, f]: [f32; SIDE]) -> [f32; SIDE] {
    let (even, odd) = (e - 4.0 * c, d - 4.0 * b);
    let (narrow, wide) = (e - c, 2.0 * (d - b));
    [4.0 * a - 5.0 * c + e, even + odd, even - odd, narrow + wide, narrow - wide, 4.0 * b - 5.0 * d + f]
}

/// The output's transform along one axis.
#[inline]
fn gather([a, b, c, d, e, f]: [f32; SIDE]) -> [f32; STEP] {
    let (near, far) = (b + c, d + e);
    let (less, least) = (b - c, d - e);
    [a + near + far, less + 2.0 * least, near + 4.0 * far, less + 8.0 * least + f]
}

/// Down the columns of six rows of cells, which begin `left` cells into the lines.
pub(super) fn spread_down(cells: [&[f32]; SIDE], left: usize, lines: &mut Lines) {
    let [a, b, c, d, e, f] = cells;
    let [u, v, w, x, y, z] = lines.0.each_mut().map(|line| &mut line.as_flattened_mut()[left..]);
    let length = a.len().min(u.len());
    let (b, c, d, e, f) = (&b[..length], &c[..length], &d[..length], &e[..length], &f[..length]);
    let (u, v, w) = (&mut u[..length], &mut v[..length], &mut w[..length]);
    let (x, y, z) = (&mut x[..length], &mut y[..length], &mut z[..length]);
    for at in 0..length {
        [u[at], v[at], w[at], x[at], y[at], z[at]] = spread([a[at], b[at], c[at], d[at], e[at], f[at]]);
    }
}

/// Across one line, into the values of six places for all tiles.
pub(super) fn spread_across(line: &[[f32; STEP]], [u, v, w, x, y, z]: [&mut [f32]; SIDE]) {
    let length = line.len() - 1;
    let (u, v, w) = (&mut u[..length], &mut v[..length], &mut w[..length]);
    let (x, y, z) = (&mut x[..length], &mut y[..length], &mut z[..length]);
    for at in 0..length {
        let ([a, b, c, d], [e, f, ..]) = (line[at], line[at + 1]);
        [u[at], v[at], w[at], x[at], y[at], z[at]] = spread([a, b, c, d, e, f]);
    }
}

/// Down the columns of a row of tiles, which begins `from` tiles into the block: four lines with six places of each tile.
pub(super) fn gather_down(tiles: &[f32], count: usize, from: usize, lines: &mut [f32], wide: usize) {
    let place = |y: usize, x: usize| &tiles[(y * SIDE + x) * count + from..][..wide];
    let mut lines = lines.chunks_exact_mut(SIDE * wide);
    let mut lines: [&mut [f32]; STEP] = array::from_fn(|_| lines.next().unwrap_or_default());
    for x in 0..SIDE {
        let [a, b, c, d, e, f] = array::from_fn(|y| place(y, x));
        let [u, v, w, z] = lines.each_mut().map(|line| &mut line[x * wide..][..wide]);
        for at in 0..wide {
            [u[at], v[at], w[at], z[at]] = gather([a[at], b[at], c[at], d[at], e[at], f[at]]);
        }
    }
}

/// Across one line.
pub(super) fn gather_across(line: &[f32], bias: f32, floor: f32, cells: &mut [[f32; STEP]]) {
    let wide = cells.len();
    let [a, b, c, d, e, f]: [&[f32]; SIDE] = array::from_fn(|x| &line[x * wide..][..wide]);
    for (at, cells) in cells.iter_mut().enumerate() {
        *cells = gather([a[at], b[at], c[at], d[at], e[at], f[at]]);
        // A closure for each of the four would be called, not inlined.
        for value in cells {
            *value = (*value + bias).max(floor);
        }
    }
}
