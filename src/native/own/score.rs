//! `ComfywrightScore`: measures metrics of an image that pass on with the item.

use std::sync::Arc;

use crate::{
    models::NSFW,
    native::{
        NodeError, NodeValue,
        step::{Step, StepError, StepOutput},
    },
    raster::Image,
    vision::{self, KNOWN},
};

/// Measures `metrics` (a list of names, or one name) on the first frame of `image`.
pub(super) fn run(step: &Step<'_>) -> Result<StepOutput, StepError> {
    let image = step.inputs.image("image")?;
    let names = names(step.inputs.value("metrics")?)?;
    let metrics: Vec<(String, f64)> =
        names.into_iter().map(|name| measured(step, name, image)).collect::<Result<_, _>>()?;
    let mut values = vec![NodeValue::Image(Arc::clone(image))];
    values.extend(metrics.iter().map(|(_, value)| NodeValue::Float(*value)));
    Ok(StepOutput { values, metrics, ..StepOutput::default() })
}

fn measured(step: &Step<'_>, name: String, image: &Image) -> Result<(String, f64), StepError> {
    if name == NSFW {
        return Ok((name, step.models.nsfw(image)?));
    }
    match vision::measure(&name, image) {
        Some(value) => Ok((name, value)),
        None => Err(NodeError::NotInList {
            input: "metrics".to_owned(),
            value: name,
            choices: KNOWN.iter().map(|known| known.name).chain([NSFW]).collect::<Vec<_>>().join(", "),
        }
        .into()),
    }
}

fn names(value: &NodeValue) -> Result<Vec<String>, NodeError> {
    match value {
        NodeValue::String(name) => Ok(vec![name.clone()]),
        NodeValue::List(list) => list.iter().map(names).collect::<Result<Vec<_>, _>>().map(|names| names.concat()),
        other => Err(NodeError::WrongType {
            input: "metrics".to_owned(),
            expected: "a list of names",
            found: other.type_name().to_owned(),
        }),
    }
}
