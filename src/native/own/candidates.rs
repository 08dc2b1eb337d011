//! What may be meant in a picture: candidates from a detector's boxes or from the parts of a segmenter's masks.

use std::{cell::OnceCell, collections::BTreeSet};

use crate::{
    model::{ModelManifest, ModelRole, Sentence},
    models::{ModelError, ModelStore},
    raster::{Image, Mask},
    vision::{self, ColorShares, Cutout, Detection, Target, rank::Candidate},
};

/// Score of the detector below which nothing is a candidate.
const LEAST_SCORE: f64 = 0.15;

/// The same of a detector of any word, whose scores are smaller.
const LEAST_SCORE_OF_WORDS: f64 = 0.03;

/// What the odds of the surest box of a label are multiplied by, where the model is not asked in words: what is asked for is
/// mostly there, and then it is where the model is surest. Measured with `NanoDet` (`docs/masks.md`).
const SUREST: f64 = 4.0;

/// Pixels whose colours are looked at.
const COLOR_SAMPLES: usize = 4096;

/// Things that may be meant; for each its mask, of the size of the model, where it was found by one.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub(super) list: Vec<Candidate>,
    pub(super) masks: Vec<Option<Mask>>,
}

impl Candidates {
    /// What the model of `manifest` finds in frame `index` of `image`; one that is asked in words is asked for `labels`.
    pub(super) fn found(
        models: &ModelStore,
        manifest: &ModelManifest,
        image: &Image,
        index: usize,
        labels: &[&str],
    ) -> Result<Self, ModelError> {
        let mut out = Self::default();
        if manifest.role == ModelRole::Segmenter {
            for label in labels {
                out.add_parts(label, &models.segment(&manifest.name, image, index, label)?, manifest, image);
            }
            return Ok(out);
        }
        if manifest.text.is_some() {
            for label in labels {
                let found = models.detect_words(&manifest.name, image, index, label, LEAST_SCORE_OF_WORDS)?;
                out.add_boxes(manifest, found, |_| (*label).to_owned());
            }
            return Ok(out);
        }
        let named = |label: usize| manifest.output.labels.get(label).cloned().unwrap_or_default();
        out.add_boxes(manifest, models.detect_both_ways(&manifest.name, image, index, LEAST_SCORE)?, named);
        Ok(out)
    }

    /// Adds `found`, the surest first.
    fn add_boxes(&mut self, manifest: &ModelManifest, found: Vec<Detection>, named: impl Fn(usize) -> String) {
        let mut seen = BTreeSet::new();
        for one in found {
            let likely = manifest.detect.as_ref().map_or(one.score, |detect| detect.likelihood(one.score));
            let is_surest = seen.insert(one.label) && manifest.text.is_none();
            let odds = if is_surest { SUREST } else { 1.0 };
            let score = odds * likely / (1.0 + (odds - 1.0) * likely);
            self.list.push(Candidate { label: named(one.label), score, bounds: one.bounds });
            self.masks.push(None);
        }
    }

    /// What the segmenter of `manifest` answers to `sentences`.
    pub(super) fn answers(
        models: &ModelStore,
        manifest: &ModelManifest,
        image: &Image,
        index: usize,
        sentences: &[Sentence],
    ) -> Result<Self, ModelError> {
        let mut out = Self::default();
        let is_there = |text: &String| -> Result<bool, ModelError> {
            let found = models.segment(&manifest.name, image, index, text)?;
            Ok(!vision::parts(&found, manifest.output.threshold()).is_empty())
        };
        for sentence in sentences {
            if sentence.needs.iter().map(is_there).collect::<Result<Vec<_>, _>>()?.contains(&false) {
                continue;
            }
            let mut whole = models.segment(&manifest.name, image, index, &sentence.text)?;
            for text in &sentence.except {
                let left_out = models.segment(&manifest.name, image, index, text)?;
                whole.data.iter_mut().zip(&left_out.data).for_each(|(value, other)| *value = value.min(1.0 - other));
            }
            out.add_parts(&sentence.to_string(), &whole, manifest, image);
        }
        Ok(out)
    }

    fn add_parts(&mut self, label: &str, whole: &Mask, manifest: &ModelManifest, image: &Image) {
        let (x, y) = (image.width as f64 / whole.width as f64, image.height as f64 / whole.height as f64);
        for part in vision::parts(whole, manifest.output.threshold()) {
            let bounds = part.bounds.scaled(x, y);
            self.list.push(Candidate { label: label.to_owned(), score: part.score, bounds });
            self.masks.push(Some(part.mask));
        }
    }
}

/// Candidates cut out by their colours, and what colours they have: each is looked at once.
pub(super) struct Cuts<'a> {
    pub(super) image: &'a Image,
    pub(super) index: usize,
    pub(super) candidates: &'a Candidates,
    by_colors: Vec<OnceCell<Cutout>>,
    colors: Vec<OnceCell<ColorShares>>,
}

impl<'a> Cuts<'a> {
    pub(super) fn new(image: &'a Image, index: usize, candidates: &'a Candidates) -> Self {
        let count = candidates.list.len();
        Self { image, index, candidates, by_colors: vec![OnceCell::new(); count], colors: vec![OnceCell::new(); count] }
    }

    /// The candidate cut out of its box by its colours.
    pub(super) fn by_colors(&self, candidate: usize) -> &Cutout {
        let target = || Target::within(self.candidates.list[candidate].bounds);
        self.by_colors[candidate].get_or_init(|| Cutout::of(self.image, self.index, &target(), None))
    }

    /// The colours of what is inside the candidate's own mask, else of what its colours cut out.
    pub(super) fn colors(&self, candidate: usize) -> &ColorShares {
        self.colors[candidate].get_or_init(|| {
            let (width, height) = (self.image.width, self.image.height);
            if let Some(mask) = &self.candidates.masks[candidate] {
                let value =
                    |x: usize, y: usize| mask.data[y * mask.height / height * mask.width + x * mask.width / width];
                self.seen(candidate, value)
            } else {
                let cutout = self.by_colors(candidate);
                self.seen(candidate, |x, y| if cutout.has(x, y) { 1.0 } else { 0.0 })
            }
        })
    }

    /// The colours where `inside`, a share of each pixel of the image, is at least one half.
    fn seen(&self, candidate: usize, inside: impl Fn(usize, usize) -> f32) -> ColorShares {
        let step = (self.candidates.list[candidate].bounds.area() as usize / COLOR_SAMPLES).max(1);
        let (width, channels) = (self.image.width.max(1), self.image.channels.max(1));
        let pixels = self.image.frame(self.index).chunks_exact(channels).enumerate();
        let valued = pixels.map(|(at, pixel)| (pixel, inside(at % width, at / width)));
        let counted = valued.filter(|(_, value)| *value >= 0.5).step_by(step);
        ColorShares::of(
            counted.map(|(pixel, value)| ([0, 1, 2].map(|c| pixel[if channels < 3 { 0 } else { c }]), value)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::KnownModels, vision::Bounds};

    /// Odds of 1 become 4, odds of a quarter 1; what is not the surest stays.
    #[test]
    fn the_surest_box_of_a_label_counts_more() {
        let manifest = &KnownModels::built_in().get("u2net").unwrap().manifest;
        let found = |label, score| Detection { label, score, bounds: Bounds::new(0.0, 0.0, 1.0, 1.0) };
        let mut out = Candidates::default();
        out.add_boxes(manifest, vec![found(0, 0.5), found(0, 0.5), found(1, 0.2)], |label| label.to_string());
        let scores: Vec<f64> = out.list.iter().map(|one| one.score).collect();
        assert!(scores.iter().zip([0.8, 0.5, 0.5]).all(|(score, wanted)| (score - wanted).abs() < 1e-12), "{scores:?}");
    }
}
