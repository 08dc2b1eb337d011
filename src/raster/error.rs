//! Why an operation on images is impossible.

/// Why an operation on images is impossible. The texts stand alone after "because".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RasterError {
    /// A result would have no pixels.
    #[error("the result would have no pixels ({width}x{height})")]
    Empty {
        /// Columns of the result.
        width: usize,
        /// Rows of the result.
        height: usize,
    },
    /// A part that is to be kept lies outside, or cropping to an aspect ratio leaves nothing.
    #[error("nothing is left of an image of {width}x{height} pixels")]
    NothingLeft {
        /// Columns of the source.
        width: usize,
        /// Rows of the source.
        height: usize,
    },
    /// The reflected border is wider than the image.
    #[error("a radius of {radius} must be smaller than the width and the height of the image, {width}x{height}")]
    RadiusTooLarge {
        /// Pixels on every side.
        radius: usize,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// Images do not have the channels that the operation needs.
    #[error("it has {found} channels where {expected} are needed")]
    Channels {
        /// What is needed: `3`, `3 or 4`.
        expected: String,
        /// What is there.
        found: usize,
    },
    /// Batches that cannot be combined: neither is 1 and they differ.
    #[error("batches of {left} and {right} cannot be combined")]
    Batches {
        /// Number of images in the first batch.
        left: usize,
        /// Number of images in the second batch.
        right: usize,
    },
}
