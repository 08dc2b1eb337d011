//! The editor's own format: what ComfyUI's editor saves and what travels in a picture as `workflow`.
//!
//! Only reads. Takes both schema versions (0.4 with links as lists, 1 with links as objects) as the
//! editor does: what is missing has a default, what is unknown is passed over, and what cannot be
//! meant is refused with its place. What the file means is [`super::convert`]'s part.

mod node_id;
mod place;
mod properties;
mod raw;
mod read;
mod scalar;

pub(super) use node_id::NodeId;
pub(super) use place::{Place, span_of};
pub(super) use properties::Properties;
pub(super) use raw::{RawInput, RawIo, RawLink, RawNode, RawOutput, RawSubgraph, RawValues, RawWorkflow};
pub(super) use read::{FaultPlace, FileFault, check_size, read};
