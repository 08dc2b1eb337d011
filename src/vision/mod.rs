//! Looking at pictures without a model: metrics of their quality, the operations that masks are
//! made of, and what is to be found in words.
//!
//! Pure functions on [`crate::raster`] values; knows neither files nor nodes.

mod blend;
mod decontaminate;
mod feather;
mod guided;
mod mask_sources;
mod metrics;
mod morphology;
mod motion;
mod quality;
pub mod query;
mod tiles;

pub use blend::{BlendMode, Sheet, blend, compose};
pub use decontaminate::decontaminate;
pub use feather::feather;
pub use guided::refine_edges;
pub use mask_sources::{Outline, draw_outline, luminance, near_color};
pub use metrics::{
    KNOWN, MetricInfo, alpha_coverage, blockiness, clipping, colorfulness, contrast, luma, measure, noise, sharpness,
};
pub use morphology::grow;
pub use motion::{Placement, place};
pub use quality::{blur, quality};
