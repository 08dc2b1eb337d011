//! Masks of things: found by words, or in a box and where points are.

use super::{Drawn, MaskRequest, failed};
use crate::{
    app::{AppError, Session, model_store},
    compile::finds,
    ident::IndexMap,
    model::{KnownModel, Layer},
    native::{Finder, FoundThing, StepError, cut_out, finished},
    raster::{Image, Mask},
    vision::{Bounds, Target},
};

/// What to find in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WordsSource {
    /// The words.
    pub text: String,
    /// The model that finds, a detector or a segmenter; the workspace's own choice without it.
    pub model: Option<String>,
    /// Least score of what counts, 0 to 1.
    pub confidence: Option<f64>,
}

/// A box and points, in fractions of width and height when all numbers are at most 1, else in pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HintsSource {
    /// Left, top, right, bottom; the whole image without it.
    pub bounds: Option<[f64; 4]>,
    /// x, y, and whether the point belongs to what is meant.
    pub points: Vec<(f64, f64, bool)>,
    /// The model that finds the outline, a promptable one or one of what stands out in the box; the workspace's own choice
    /// without it.
    pub model: Option<String>,
}

/// A mask for each thing that is meant, and what else is to be said.
pub(super) fn by_words(
    session: &Session,
    image: &Image,
    source: &WordsSource,
    request: &MaskRequest,
) -> Result<(Vec<Drawn>, Vec<String>), AppError> {
    if source.confidence.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
        return Err(AppError::usage("the confidence must be 0 to 1"));
    }
    let detector = detector(session, source)?;
    let outliner = outliner(session, None)?;
    let models = model_store(session);
    let finder = Finder::new(&models, &detector, outliner.as_deref(), source.confidence);
    let wrong = |error| failed(&StepError::Model(error));
    let words = finder.words(&source.text).map_err(wrong)?;
    let words = words.map_err(|error| AppError::usage(error.to_string()))?;
    let found = finder.find(image, 0, &words).map_err(wrong)?;
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut drawn = Vec::new();
    for FoundThing { label, score, factors, bounds, mask } in found.things {
        let count = counts.entry(label.clone()).or_insert(0);
        *count += 1;
        let name = format!("{}-{count}", label.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        let mask = with_edges(mask, request)?;
        let detected = Some([bounds.left, bounds.top, bounds.right, bounds.bottom]);
        drawn.push(Drawn { name, label, score, factors: IndexMap::from_iter(factors), detected, mask });
    }
    Ok((drawn, found.notes))
}

/// The mask of what is in a box and where points are.
pub(super) fn by_hints(
    session: &Session,
    image: &Image,
    source: &HintsSource,
    request: &MaskRequest,
) -> Result<Drawn, AppError> {
    let (width, height) = (image.width as f64, image.height as f64);
    let numbers = source.bounds.iter().flatten().copied().chain(source.points.iter().flat_map(|(x, y, _)| [*x, *y]));
    let in_fractions = numbers.clone().all(|number| number <= 1.0);
    let (x, y) = if in_fractions { (width, height) } else { (1.0, 1.0) };
    let is_inside = |px: f64, py: f64| (0.0..=width).contains(&(px * x)) && (0.0..=height).contains(&(py * y));
    let bounds = match source.bounds {
        Some([left, top, right, bottom]) if left < right && top < bottom && is_inside(left, top) => {
            Some(Bounds::new(left, top, right, bottom).scaled(x, y))
        }
        Some(_) => {
            return Err(AppError::usage("a box is LEFT,TOP,RIGHT,BOTTOM within the image")
                .with_hint("in pixels, or in fractions of width and height when all numbers are at most 1"));
        }
        None => None,
    };
    if let Some((px, py, _)) = source.points.iter().find(|(px, py, _)| !is_inside(*px, *py)) {
        return Err(AppError::usage(format!("the point {px}, {py} is not in the image of {width} x {height} pixels")));
    }
    let points = source.points.iter().map(|(px, py, belongs)| (px * x, py * y, *belongs)).collect();
    let target = Target { bounds, points };
    let outliner = outliner(session, source.model.as_deref())?;
    let mask = cut_out(&model_store(session), image, 0, &target, outliner.as_deref());
    let mask = mask.map_err(|error| failed(&StepError::Model(error)))?;
    let name = if bounds.is_some() { "box" } else { "points" };
    let layer = Layer { name: name.to_owned(), ..Layer::default() };
    Ok(super::judged(&layer, with_edges(mask, request)?))
}

fn with_edges(mask: Mask, request: &MaskRequest) -> Result<Mask, AppError> {
    let mut layer = Layer { name: "mask".to_owned(), ..Layer::default() };
    request.shape(&mut layer);
    finished(mask, &layer).map_err(|error| AppError::usage(format!("failed to {error}")))
}

/// The model that is meant, which is here and understands the words.
fn detector(session: &Session, source: &WordsSource) -> Result<String, AppError> {
    let chosen = finds(&source.text, source.model.as_deref(), &session.models);
    let chosen = chosen.map_err(|error| {
        let message = AppError::usage(error.message);
        if let Some(hint) = error.hint { message.with_hint(hint) } else { message }
    })?;
    here(chosen)
}

/// The model that helps to find outlines: `given` or the workspace's choice, which must be here, else one that is here.
fn outliner(session: &Session, given: Option<&str>) -> Result<Option<String>, AppError> {
    let found = session.models.outliner(given);
    let found = found.map_err(|error| AppError::usage(error.message).with_hint(error.hint))?;
    found.map(here).transpose()
}

/// The name of a model that is on this machine.
pub(super) fn here(model: &KnownModel) -> Result<String, AppError> {
    let name = &model.manifest.name;
    if model.is_here {
        return Ok(name.clone());
    }
    let hint = if model.manifest.file.iter().any(|file| !file.source.is_empty()) {
        format!("fetch it: comfywright models pull {name}")
    } else {
        format!(
            "its manifest names no source: add its file again with comfywright models add, or name one in models/{name}.toml"
        )
    };
    Err(AppError::environment(format!("it needs the model {name}, which is not on this machine")).with_hint(hint))
}
