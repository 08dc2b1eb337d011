//! The layers of a mask: what only the workspace's files or the geometry tell.

use super::judge::Visit;
use crate::{
    compile::WorkspaceFiles,
    files::Path,
    model::{Body, Layer, MaskFormat, Shape, ShapeType},
    path,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::Mask(mask) = &visit.subject.document.body else { return };
    if mask.layer.is_empty() {
        visit.report.error_at_key("no-layers", &path!["layer"], "a mask has at least one layer").hint =
            Some("add one: [[layer]]".to_owned());
    }
    let files = WorkspaceFiles::default();
    for (index, layer) in mask.layer.iter().enumerate() {
        check_layer(visit, layer, &path!["layer", index], &files);
    }
    if mask.export.as_ref().is_some_and(|e| e.format == MaskFormat::Frames) {
        visit.report.error("not-available", &path!["export", "format"], "this version cannot animate masks");
    }
}

fn check_layer(visit: &mut Visit<'_>, layer: &Layer, base: &Path, files: &WorkspaceFiles) {
    // A path with a place to fill is known only when a chain fills it.
    if let Some(file) = layer.file.as_ref().filter(|file| !file.contains('{')) {
        if let Err(error) = files.find(visit.context.world, visit.subject.file, file, false) {
            visit.report.error(error.code, &base.join("file"), error.message).hint = error.hint;
        }
    }
    if let Some(shape) = &layer.shape {
        check_shape(visit, shape, &base.join("shape"));
    }
    if let [left, top, right, bottom] = layer.bounds[..]
        && (left >= right || top >= bottom)
    {
        visit.report.error("empty-shape", &base.join("box"), "the box has no inside").hint =
            Some("write it as [left, top, right, bottom]".to_owned());
    }
    if !layer.keyframes.is_empty() {
        visit.report.error_at_key("not-available", &base.join("keyframes"), "this version cannot animate masks");
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
