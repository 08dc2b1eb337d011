//! `missing-lora`: a LoRA that the server does not list.

use super::{GraphProblem, files, inspection::Inspection, sites::Site};

pub(super) const CODE: &str = "missing-lora";

pub(super) fn look(_: &Inspection<'_>, site: &Site<'_>) -> Option<GraphProblem> {
    if files::is_lora(site) { files::missing(site, CODE, "a LoRA") } else { None }
}
