//! Scorers: what measures metrics on pictures.
//!
//! [`NativeScorers`] measures in this process; [`ExternalScorers`] asks the programs that
//! `comfywright.toml` names, by lines of JSON; [`Scorers`] has both and knows who measures what. Keeps
//! nothing: what is measured once is remembered by who asks.

mod all;
mod external;
mod native;
mod process;

pub use all::Scorers;
pub use external::{ExternalScorers, prompt_of};
pub use native::{KNOWN, MetricInfo, NativeScorers, metrics, unknown_metric};
