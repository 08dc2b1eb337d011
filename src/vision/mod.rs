//! Looking at pictures without a model: metrics of their quality, the operations that masks are
//! made of, what is to be found in words, which of the things that a detector found that is, and objects cut out.
//!
//! Pure functions on [`crate::raster`] values; knows neither files nor nodes.

mod areas;
mod blend;
mod color;
mod cut;
mod decontaminate;
mod detection;
mod feather;
mod guided;
mod mask_sources;
mod metrics;
mod morphology;
mod motion;
mod parts;
mod quality;
pub mod query;
pub mod rank;
mod target;
mod tiles;

pub use blend::{BlendMode, Sheet, blend, compose};
pub use color::{ColorShares, color_name, oklab};
pub use cut::Cutout;
pub use decontaminate::decontaminate;
pub use detection::{Bounds, Detection, GridHead, agreed, decode_grid, decode_proposals, suppress};
pub use feather::feather;
pub use guided::refine_edges;
pub use mask_sources::{Outline, draw_outline, luminance, near_color};
pub use metrics::{
    KNOWN, MetricInfo, alpha_coverage, blockiness, clipping, colorfulness, contrast, luma, measure, noise, sharpness,
};
pub use morphology::grow;
pub use motion::{Placement, place};
pub use parts::{Part, parts};
pub use quality::{blur, quality};
pub use target::Target;
pub use tiles::waiting_bytes;
