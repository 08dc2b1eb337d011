//! The export of a mask document: what contradicts itself, its layers, or what a file can hold.

use super::judge::Visit;
use crate::{
    files::join_relative,
    model::{Body, Mask, MaskExport, MaskFormat},
    path,
};

pub(super) fn check(visit: &mut Visit<'_>) {
    let Body::Mask(mask) = &visit.subject.document.body else { return };
    let Some(export) = &mask.export else { return };
    let wrong = export.file().err().into_iter().chain(export.contradictions());
    for wrong in wrong {
        let place = path!["export", wrong.key];
        visit.report.error_at_key("wrong-export", &place, wrong.message).hint = Some(wrong.hint);
    }
    if let Some(path) = &export.path
        && let Err(error) = join_relative(visit.subject.file, path)
    {
        visit.report.error(error.code(), &path!["export", "path"], error.to_string());
    }
    check_motion(visit, mask, export);
    if export.alpha && mask.image.is_none() && !mask.size.is_empty() {
        let message = "there is no picture whose transparency the mask could be";
        visit.report.error_at_key("wrong-export", &path!["export", "alpha"], message).hint =
            Some("give the document an image in place of its size".to_owned());
    }
}

/// Keyframes that nothing shows, and frames that are never reached.
fn check_motion(visit: &mut Visit<'_>, mask: &Mask, export: &MaskExport) {
    let moving = mask.layer.iter().position(|layer| !layer.keyframes.is_empty());
    if let Some(index) = moving.filter(|_| export.format != MaskFormat::Frames) {
        let message = format!("nothing moves in a mask of format \"{}\"", export.format.name());
        visit.report.error_at_key("wrong-export", &path!["layer", index, "keyframes"], message).hint =
            Some("write format = \"frames\" in the export, or leave the keyframes out".to_owned());
    }
    let last = mask.layer.iter().map(crate::model::Layer::frame_count).max().unwrap_or(1);
    if let Some(frames) = export.frames.filter(|frames| *frames < last) {
        let message = format!("there are {frames} frames, and the last keyframe is number {}", last - 1);
        visit.report.warning("unreached-keyframe", &path!["export", "frames"], message);
    }
}
