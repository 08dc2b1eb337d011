//! Looking at pictures without a model: metrics of their quality, and the operations that masks are
//! made of.
//!
//! Pure functions on [`crate::raster`] values; knows neither files nor nodes.

mod decontaminate;
mod guided;
mod mask_sources;
mod metrics;
mod morphology;
mod quality;
mod tiles;

pub use decontaminate::decontaminate;
pub use guided::refine_edges;
pub use mask_sources::{BlendMode, Outline, blend, draw_outline, luminance, near_color};
pub use metrics::{
    KNOWN, MetricInfo, alpha_coverage, blockiness, clipping, colorfulness, contrast, luma, measure, noise, sharpness,
};
pub use morphology::{feather, grow};
pub use quality::{blur, quality};
