//! Things found by words: a model gives candidates, the query chooses among them, and each that is meant is cut out.

use super::{
    candidates::{Candidates, Cuts},
    outline::{by_model, is_promptable},
};
use crate::{
    model::{ModelManifest, ModelRole, Sentence, TextAsks, Words},
    models::{ModelError, ModelStore},
    raster::{Image, Mask},
    vision::{
        Bounds, Target,
        query::{Query, QueryError},
        rank::{Candidate, Ranked, Ranking, Scene, rank},
    },
};

/// Least score that counts where none is given.
pub const DEFAULT_CONFIDENCE: f64 = 0.3;

/// How often a mask fits its thing when its box does (both by one half), with a model that helps and without: measured with
/// U²-Net on the boxes that `NanoDet` finds in 128 labelled photographs (`docs/masks.md`).
const OUTLINE_WITH_MODEL: f64 = 0.87;
const OUTLINE_WITHOUT: f64 = 0.8;

/// How things are found.
#[derive(Clone, Copy, Debug)]
pub struct Finder<'a> {
    models: &'a ModelStore,
    model: &'a str,
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
    /// Finds with `model`, a detector or a segmenter, and cuts out of boxes with the help of `outliner`, a model of what
    /// stands out.
    pub fn new(models: &'a ModelStore, model: &'a str, outliner: Option<&'a str>, least: Option<f64>) -> Self {
        Self { models, model, outliner, least: least.unwrap_or(DEFAULT_CONFIDENCE) }
    }

    /// What `text` means to the model.
    pub fn words(&self, text: &str) -> Result<Result<Words, QueryError>, ModelError> {
        Ok(self.models.manifest_by_words(self.model)?.words(text))
    }

    /// What `words` mean in frame `index` of `image`.
    pub fn find(&self, image: &Image, index: usize, words: &Words) -> Result<FoundThings, ModelError> {
        let manifest = self.models.manifest_by_words(self.model)?;
        match words {
            Words::Query(query) => self.chosen(manifest, image, index, query),
            Words::Sentences(sentences) => self.answered(manifest, image, index, sentences),
        }
    }

    /// What the query chooses among the things of its labels.
    fn chosen(
        &self,
        manifest: &ModelManifest,
        image: &Image,
        index: usize,
        query: &Query,
    ) -> Result<FoundThings, ModelError> {
        let candidates = Candidates::found(self.models, manifest, image, index, &query.labels())?;
        let cuts = Cuts::new(image, index, &candidates);
        let colors = |candidate: usize| cuts.colors(candidate).clone();
        let scene = Scene { size: (image.width, image.height), candidates: &candidates.list, colors: &colors };
        let is_cut = self.is_cut(manifest);
        let ranking = rank(query, &scene, self.least / if is_cut { self.outline() } else { 1.0 });
        let notes = notes(&ranking, &candidates.list, self.least);
        let things = ranking.found.into_iter().map(|one| self.drawn(manifest, &cuts, one));
        Ok(FoundThings { things: things.collect::<Result<_, _>>()?, notes })
    }

    /// What the model finds for each whole sentence.
    fn answered(
        &self,
        manifest: &ModelManifest,
        image: &Image,
        index: usize,
        sentences: &[Sentence],
    ) -> Result<FoundThings, ModelError> {
        let candidates = Candidates::answers(self.models, manifest, image, index, sentences)?;
        let judged = |(candidate, found): (usize, &Candidate)| {
            let factors = vec![("detector".to_owned(), found.score)];
            Ranked { candidate, score: found.score, factors }
        };
        let mut ranking =
            Ranking { found: candidates.list.iter().enumerate().map(judged).collect(), ..Ranking::default() };
        ranking.found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let is_seen = |sentence: &String| candidates.list.iter().any(|found| found.label == *sentence);
        ranking.unseen.extend(sentences.iter().map(Sentence::to_string).filter(|sentence| !is_seen(sentence)));
        ranking.best_refused = ranking.found.first().filter(|best| best.score < self.least).cloned();
        ranking.found.retain(|one| one.score >= self.least);
        let notes = notes(&ranking, &candidates.list, self.least);
        let cuts = Cuts::new(image, index, &candidates);
        let things = ranking.found.into_iter().map(|one| self.drawn(manifest, &cuts, one));
        Ok(FoundThings { things: things.collect::<Result<_, _>>()?, notes })
    }

    /// Whether things that the model of `manifest` finds are cut out of their boxes. A promptable model cuts out whatever
    /// was found by its name.
    fn is_cut(&self, manifest: &ModelManifest) -> bool {
        let asks_names = manifest.text.as_ref().is_none_or(|text| text.asks == TextAsks::Name);
        let has_promptable = || self.outliner.is_some_and(|name| is_promptable(self.models, name));
        manifest.role == ModelRole::Detector || asks_names && has_promptable()
    }

    /// How often a mask fits where a box does.
    fn outline(&self) -> f64 {
        if self.outliner.is_some() { OUTLINE_WITH_MODEL } else { OUTLINE_WITHOUT }
    }

    /// The mask of a thing: its own at the size of the image, else cut out of its box.
    fn drawn(&self, manifest: &ModelManifest, cuts: &Cuts<'_>, one: Ranked) -> Result<FoundThing, ModelError> {
        let Cuts { image, index, candidates, .. } = *cuts;
        let Candidate { label, bounds, .. } = candidates.list[one.candidate].clone();
        let Ranked { mut score, mut factors, candidate } = one;
        let mask = if let Some(own) = candidates.masks[candidate].as_ref().filter(|_| !self.is_cut(manifest)) {
            ModelStore::enlarged(&manifest.name, own.clone(), image, index)?
        } else {
            score *= self.outline();
            factors.push(("outline".to_owned(), self.outline()));
            let helped = by_model(self.models, image, index, &Target::within(bounds), self.outliner)?;
            helped.unwrap_or_else(|| cuts.by_colors(candidate).mask(image, index))
        };
        Ok(FoundThing { label, score, factors, bounds, mask })
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
