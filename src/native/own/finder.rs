//! Things found by words: a detector gives candidates, the query chooses among them, and each that is meant is cut out.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    model::ModelRole,
    models::{ModelError, ModelStore},
    raster::{Image, Mask},
    vision::{
        self, Bounds, ColorShares, CutHints,
        query::{self, Query, QueryError, Vocabulary},
        rank::{Candidate, Ranked, Ranking, Scene, rank},
    },
};

/// Least score that counts where none is given.
pub const DEFAULT_CONFIDENCE: f64 = 0.3;

/// Score of the detector below which nothing is a candidate.
const LEAST_SCORE: f64 = 0.15;

/// Pixels whose colours are looked at.
const COLOR_SAMPLES: usize = 4096;

/// How often a mask fits its thing when its box does, with a model that helps and without: an estimate from the few labelled
/// masks of `benches/semantic.py`.
const OUTLINE_WITH_MODEL: f64 = 0.8;
const OUTLINE_WITHOUT: f64 = 0.7;

/// How things are found.
#[derive(Clone, Copy, Debug)]
pub struct Finder<'a> {
    models: &'a ModelStore,
    detector: &'a str,
    outliner: Option<&'a str>,
    least: f64,
}

/// A thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundThing {
    /// What it is called.
    pub label: String,
    /// How sure that it is what was meant, 0 to 1: the product of the factors.
    pub score: f64,
    /// What the score is made of.
    pub factors: Vec<(String, f64)>,
    /// The box that it was found in, in pixels.
    pub bounds: Bounds,
    /// Its mask, of the size of the image.
    pub mask: Mask,
}

/// What was found in a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundThings {
    /// What is meant, the best first or in the order of the query.
    pub things: Vec<FoundThing>,
    /// What else is to be said: what is not in the picture, cannot be judged, or was not sure enough.
    pub notes: Vec<String>,
}

impl<'a> Finder<'a> {
    /// Finds with the model `detector`, and cuts out with the help of `outliner`, a model of what stands out.
    pub fn new(models: &'a ModelStore, detector: &'a str, outliner: Option<&'a str>, least: Option<f64>) -> Self {
        Self { models, detector, outliner, least: least.unwrap_or(DEFAULT_CONFIDENCE) }
    }

    /// The query that `text` is, for the names that the detector knows.
    pub fn query(&self, text: &str) -> Result<Result<Query, QueryError>, ModelError> {
        let manifest = self.models.manifest(self.detector, ModelRole::Detector)?;
        let vocabulary = Vocabulary::of(manifest.output.labels.iter().map(String::as_str));
        Ok(query::parse(text, &vocabulary))
    }

    /// What `query` means in frame `index` of `image`.
    pub fn find(&self, image: &Image, index: usize, query: &Query) -> Result<FoundThings, ModelError> {
        let candidates = self.candidates(image, index)?;
        let colors = Colors { image, index, candidates: &candidates, known: RefCell::default() };
        let scene = Scene { size: (image.width, image.height), candidates: &candidates, colors: &|at| colors.of(at) };
        let outline = if self.outliner.is_some() { OUTLINE_WITH_MODEL } else { OUTLINE_WITHOUT };
        let ranking = rank(query, &scene, self.least / outline);
        let notes = notes(&ranking, &candidates, self.least);
        let mut things = Vec::new();
        for one in ranking.found {
            let Candidate { label, bounds, .. } = &candidates[one.candidate];
            let mask = cut_out(self.models, image, index, Some(*bounds), &[], self.outliner)?;
            let Ranked { score, mut factors, .. } = one;
            factors.push(("outline".to_owned(), outline));
            things.push(FoundThing { label: label.clone(), score: score * outline, factors, bounds: *bounds, mask });
        }
        Ok(FoundThings { things, notes })
    }

    fn candidates(&self, image: &Image, index: usize) -> Result<Vec<Candidate>, ModelError> {
        let manifest = self.models.manifest(self.detector, ModelRole::Detector)?;
        let trust = |score: f64| manifest.detect.as_ref().map_or(score, |detect| detect.likelihood(score));
        let found = self.models.detect(self.detector, image, index, LEAST_SCORE)?;
        let label = |at: usize| manifest.output.labels.get(at).cloned().unwrap_or_default();
        Ok(found
            .into_iter()
            .map(|one| Candidate { label: label(one.label), score: trust(one.score), bounds: one.bounds })
            .collect())
    }
}

/// What is in the box and where the points are, as a mask of the size of the image; `outliner` helps to find what is in
/// the box.
pub fn cut_out(
    models: &ModelStore,
    image: &Image,
    index: usize,
    bounds: Option<Bounds>,
    points: &[(f64, f64, bool)],
    outliner: Option<&str>,
) -> Result<Mask, ModelError> {
    let likely = match (outliner, bounds) {
        (Some(name), Some(bounds)) => likely(models, name, image, index, &bounds)?,
        _ => None,
    };
    let hints = CutHints { bounds, likely: likely.as_ref(), points: points.to_vec() };
    Ok(vision::cut_out(image, index, &hints))
}

/// How far around a box the model of what stands out looks, as shares of the box: close by, and at more of what is
/// around. The mean of both is right more often than either.
const LOOKS: [f64; 2] = [0.1, 0.35];

/// What stands out in the surroundings of the box, by the model `name`; 0 elsewhere.
fn likely(
    models: &ModelStore,
    name: &str,
    image: &Image,
    index: usize,
    bounds: &Bounds,
) -> Result<Option<Mask>, ModelError> {
    let mut mask = Mask::filled(1, image.height, image.width, 0.0);
    for look in LOOKS {
        let around = bounds.padded(look * bounds.width().max(bounds.height()) + 2.0);
        let Some([left, top, right, bottom]) = around.pixels(image.width, image.height) else { return Ok(None) };
        let rows = image.frame(index).chunks_exact((image.width * image.channels).max(1)).take(bottom).skip(top);
        let data = rows.flat_map(|row| row[left * image.channels..right * image.channels].iter().copied()).collect();
        let (width, height) = (right - left, bottom - top);
        let part = models.salient(name, &Image { batch: 1, height, width, channels: image.channels, data }, false)?;
        for (y, row) in part.data.chunks_exact(width).enumerate() {
            let target = &mut mask.data[(top + y) * image.width + left..][..width];
            target.iter_mut().zip(row).for_each(|(value, part)| *value += part / LOOKS.len() as f32);
        }
    }
    Ok(Some(mask))
}

/// The colours of candidates, each looked at once.
struct Colors<'a> {
    image: &'a Image,
    index: usize,
    candidates: &'a [Candidate],
    known: RefCell<BTreeMap<usize, ColorShares>>,
}

impl Colors<'_> {
    fn of(&self, candidate: usize) -> ColorShares {
        self.known.borrow_mut().entry(candidate).or_insert_with(|| self.seen(candidate)).clone()
    }

    fn seen(&self, candidate: usize) -> ColorShares {
        let bounds = self.candidates[candidate].bounds;
        let hints = CutHints { bounds: Some(bounds), ..CutHints::default() };
        let mask = vision::cut_out(self.image, self.index, &hints);
        let channels = self.image.channels.max(1);
        let step = (bounds.area() as usize / COLOR_SAMPLES).max(1);
        let pixels = self.image.frame(self.index).chunks_exact(channels).zip(&mask.data);
        let inside = pixels.filter(|(_, value)| **value >= 0.5).step_by(step);
        ColorShares::of(
            inside.map(|(pixel, value)| ([0, 1, 2].map(|c| pixel[if channels < 3 { 0 } else { c }]), *value)),
        )
    }
}

fn notes(ranking: &Ranking, candidates: &[Candidate], least: f64) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    notes.extend(ranking.unseen.iter().map(|thing| format!("{thing} is not in the picture")));
    let materials = ranking.unjudged.iter();
    notes.extend(materials.map(|word| format!("no model here can tell whether a thing is {word}: it was not judged")));
    if let Some(wanted) = ranking.wanted {
        notes.push(format!("{} of {wanted} were found", ranking.found.len()));
    }
    if let Some(best) = &ranking.best_refused {
        let factors: Vec<String> = best.factors.iter().map(|(name, factor)| format!("{name} {factor:.2}")).collect();
        let Candidate { label, bounds, .. } = &candidates[best.candidate];
        let place = format!("{:.0}, {:.0} to {:.0}, {:.0}", bounds.left, bounds.top, bounds.right, bounds.bottom);
        notes.push(format!(
            "the best candidate, a {label} at {place}, has a score of {:.2}, and {least:.2} is needed: {}",
            best.score,
            factors.join(", ")
        ));
    }
    notes
}
