//! `link-type-mismatch`: an output that is linked to an input of another type.

use super::{GraphProblem, inspection::Inspection, sites::Site};
use crate::graph::{
    class::{ClassInfo, ComboForm, InputKind, OutputInfo, Types},
    ir::{Input, Link},
};

pub(super) const CODE: &str = "link-type-mismatch";

/// The class that turns the first type into the second.
const CONVERSIONS: [(&str, &str, &str); 2] = [("MASK", "IMAGE", "MaskToImage"), ("IMAGE", "MASK", "ImageToMask")];

pub(super) fn look(inspection: &Inspection<'_>, site: &Site<'_>) -> Option<GraphProblem> {
    let Some(Input::Link(link)) = site.input else { return None };
    let class = inspection.source_class(link)?;
    let output = class.outputs.get(link.output)?;
    let (wanted, received) = (site.info.kind.link_types(), inspection.types_of(link, output));
    let name = &site.name;
    let source = || format!("output \"{}\" of node \"{}\"", label(output, link.output), link.node);
    if let InputKind::Combo { options, form: ComboForm::List, .. } = &site.info.kind {
        if received.is_any() || output.values.as_ref() == Some(options) {
            return None;
        }
        let message = format!("input \"{name}\" takes one of a list of values, but {} is {received}", source());
        return Some(
            GraphProblem::new(site.at.id, Some(name), CODE, message).hint("write the value itself".to_owned()),
        );
    }
    if wanted.accepts(&received) {
        return None;
    }
    let message = format!("input \"{name}\" takes {wanted}, but {} is {received}", source());
    let (hint, suggestion) = mend(link, class, &wanted, &received);
    Some(GraphProblem { hint, suggestion, ..GraphProblem::new(site.at.id, Some(name), CODE, message) })
}

fn label(output: &OutputInfo, index: usize) -> String {
    if output.name.is_empty() { index.to_string() } else { output.name.clone() }
}

/// Another output of the same node that fits, or a class that converts.
fn mend(link: &Link, class: &ClassInfo, wanted: &Types, received: &Types) -> (Option<String>, Option<String>) {
    let fitting = |output: &OutputInfo| output.match_template.is_none() && wanted.accepts(&output.types);
    let mut others = class.outputs.iter().enumerate().filter(|(_, output)| fitting(output));
    if let (Some((index, output)), None) = (others.next(), others.next()) {
        let unique = class.outputs.iter().filter(|o| o.name == output.name).count() == 1;
        let part = if unique && !output.name.is_empty() { output.name.clone() } else { index.to_string() };
        let text = format!("@{}.{part}", link.node);
        return (Some(format!("did you mean \"{text}\"?")), Some(text));
    }
    let converts = |(from, to, _): &&(&str, &str, &str)| received.contains(from) && wanted.contains(to);
    let conversion = CONVERSIONS.iter().find(converts);
    (conversion.map(|(_, to, class)| format!("put {class} between them, which makes {to} of it")), None)
}
