//! The layers of masks: what only the workspace's files or the geometry tell. Of masks within
//! tasks only the geometry; their files are looked for when the task is compiled.

use serde_json::{Value, json};

use super::judge::Visit;
use crate::{
    compile::{WorkspaceFiles, finds},
    files::Path,
    model::{Body, Chain, Layer, Mask, Shape, ShapeType, TaskType},
    path,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let mask = match &visit.subject.document.body {
        Body::Mask(mask) => mask,
        Body::Chain(chain) => return check_tasks(visit, chain),
        _ => return,
    };
    if mask.layer.is_empty() {
        visit.report.error_at_key("no-layers", &path!["layer"], "a mask has at least one layer").hint =
            Some("add one: [[layer]]".to_owned());
    }
    let files = WorkspaceFiles::default();
    for (index, layer) in mask.layer.iter().enumerate() {
        let base = path!["layer", index];
        check_file(visit, layer, &base, &files);
        check_words(visit, layer, &base);
        check_layer(visit, layer, &base);
    }
    check_image(visit, mask, &files);
}

/// The image that a mask is for, or its size: not both.
fn check_image(visit: &mut Visit<'_>, mask: &Mask, files: &WorkspaceFiles) {
    let Some(image) = &mask.image else { return };
    if !mask.size.is_empty() {
        let message = "a mask has the size of its image, and `image` is given already";
        visit.report.error_at_key("two-sources", &path!["size"], message).hint =
            Some("leave out `image` or `size`".to_owned());
    }
    if let Err(error) = files.find(visit.context.world, visit.subject.file, image, false) {
        visit.report.error(error.code, &path!["image"], error.message).hint = error.hint;
    }
}

/// Checks the layers that stand in tasks of type `mask`: rows, or one source.
fn check_tasks(visit: &mut Visit<'_>, chain: &Chain) {
    let masks = chain.task.iter().filter(|(_, task)| task.kind == TaskType::Mask);
    for (name, task) in masks {
        // A setting may stand in `with` or on the task itself.
        let on_task = path!["task", name];
        let place = |key: &str| {
            let in_with = on_task.join("with");
            if visit.subject.tree.get(&in_with.join(key)).is_some() { in_with } else { on_task.clone() }
        };
        let mut layers = Vec::new();
        if let Some(Value::Array(rows)) = task.with.get("layer") {
            let base = place("layer").join("layer");
            layers.extend(rows.iter().enumerate().map(|(index, row)| (row.clone(), base.join(index))));
        }
        for key in ["shape", "box"] {
            if let Some(source) = task.with.get(key) {
                layers.push((json!({ "name": "mask", key: source }), place(key)));
            }
        }
        for (row, base) in layers {
            // One whose values are still to be inserted is judged when they are.
            if let Ok(layer) = serde_json::from_value::<Layer>(row) {
                check_layer(visit, &layer, &base);
            }
        }
    }
}

fn check_file(visit: &mut Visit<'_>, layer: &Layer, base: &Path, files: &WorkspaceFiles) {
    // A path with a place to fill is known only when a chain fills it.
    if let Some(file) = layer.file.as_ref().filter(|file| !file.contains('{'))
        && let Err(error) = files.find(visit.context.world, visit.subject.file, file, false)
    {
        visit.report.error(error.code, &base.join("file"), error.message).hint = error.hint;
    }
}

/// The words of a layer must be understood, and the model that finds them should be here.
fn check_words(visit: &mut Visit<'_>, layer: &Layer, base: &Path) {
    let Some(text) = layer.semantic.as_ref().filter(|text| !text.contains('{')) else { return };
    let place = base.join("semantic");
    match finds(text, layer.model.as_deref(), visit.context.models) {
        Ok(model) if !model.is_here => {
            let name = &model.manifest.name;
            let message = format!("it is found by the model \"{name}\", which is not on this machine");
            visit.report.warning("absent-model", &place, message).hint =
                Some(format!("fetch it: comfywright models pull {name}"));
        }
        Ok(_) => {}
        Err(error) => {
            let place = if error.code == "bad-query" || layer.model.is_none() { place } else { base.join("model") };
            visit.report.error(error.code, &place, error.message).hint = error.hint;
        }
    }
}

fn check_layer(visit: &mut Visit<'_>, layer: &Layer, base: &Path) {
    if let Some(shape) = &layer.shape {
        check_shape(visit, shape, &base.join("shape"));
    }
    if let [left, top, right, bottom] = layer.bounds[..]
        && (left >= right || top >= bottom)
    {
        visit.report.error("empty-shape", &base.join("box"), "the box has no inside").hint =
            Some("write it as [left, top, right, bottom]".to_owned());
    }
    let later = layer.keyframes.windows(2).position(|pair| pair[0].frame >= pair[1].frame);
    if let Some(index) = later.map(|index| index + 1) {
        let (frame, before) = (layer.keyframes[index].frame, layer.keyframes[index - 1].frame);
        let message = format!("frame {frame} comes after frame {before}");
        visit.report.error("keyframe-order", &base.join("keyframes").join(index).join("frame"), message).hint =
            Some("write keyframes in the order of their frames, one for each frame".to_owned());
    }
}

fn check_shape(visit: &mut Visit<'_>, shape: &Shape, path: &Path) {
    if shape.kind == ShapeType::Polygon {
        if shape.points.len() < 3 {
            let message = format!("a polygon has at least 3 corners, not {}", shape.points.len());
            visit.report.error("empty-shape", path, message).hint =
                Some("write them as points = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]".to_owned());
        }
        return;
    }
    for (name, side) in [("width", shape.width), ("height", shape.height)] {
        if side.is_some_and(|side| side <= 0.0) {
            visit.report.error("empty-shape", &path.join(name), format!("a shape of no {name} has no inside"));
        }
    }
}
