//! Batches as clients describe them, tasks by id and rules in words, made chains that people can
//! review.

mod chain;
mod chain_shape;
mod routing;
mod shape;

pub use chain::{BatchTask, ChainFile, ChainRequest, document_name, existing_chain, tasks_text, write_chain};
pub use chain_shape::{ChainShape, chain_shape};
pub use routing::{Routed, TranslatedRule, route_tasks};
pub use shape::{Bottleneck, Shape, ShapedTask};
