//! `missing-model`: a model file that the server does not list.

use super::{GraphProblem, files, inspection::Inspection, sites::Site, values::ValueFault};

pub(super) const CODE: &str = "missing-model";

pub(super) fn look(_: &Inspection<'_>, site: &Site<'_>, fault: &ValueFault) -> Option<GraphProblem> {
    files::missing(site, fault, CODE, "a model file").filter(|_| !files::is_lora(site))
}
