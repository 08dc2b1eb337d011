//! Models that are asked with points and boxes: the first makes features of a picture, which are kept, and the second
//! masks of them and of what is asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    ModelError, ModelStore,
    engine::LoadedModel,
    picture,
    ports::{Ports, Values},
    store::Part,
};
use crate::{
    model::{ModelDecoder, ModelManifest, ModelRole},
    raster::{self, Image, Mask, RasterError, ResizeMethod},
    vision::{Bounds, Target},
};

/// Pictures whose features are kept.
const KEPT: usize = 4;

/// A mask that a promptable model made.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptedMask {
    /// Logits, of the size of the model's masks, which cover its whole input.
    pub logits: Mask,
    /// How well the model takes it to fit, about 0 to 1.
    pub score: f64,
}

/// What was made of pictures, by the digest of the model and a hash of what went in; the latest last.
#[derive(Default)]
pub(super) struct FeatureCache {
    kept: Mutex<VecDeque<(String, Features)>>,
}

type Features = Arc<Vec<Vec<f32>>>;

impl FeatureCache {
    fn get(&self, key: &str) -> Option<Features> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == key)?;
        let found = kept.remove(at)?;
        kept.push_back(found.clone());
        Some(found.1)
    }

    fn keep(&self, key: String, features: &Features) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((key, features.clone()));
    }
}

/// Points and a box in pixels of a model's input, as it takes them.
struct Prompt {
    places: Vec<f32>,
    labels: Vec<i64>,
    bounds: Option<[f32; 4]>,
}

impl Prompt {
    fn of(decoder: &ModelDecoder, target: &Target, (x, y): (f64, f64)) -> Self {
        let points = &target.points;
        let mut places: Vec<f32> =
            points.iter().flat_map(|point| [(point.0 * x) as f32, (point.1 * y) as f32]).collect();
        let mut labels: Vec<i64> = points.iter().map(|(_, _, belongs)| i64::from(*belongs)).collect();
        let mut add = |place: [f64; 2], label: i64| {
            places.extend(place.map(|at| at as f32));
            labels.push(label);
        };
        let bounds = target.bounds.map(|bounds| bounds.scaled(x, y));
        match bounds {
            Some(bounds) if decoder.boxes.is_none() => {
                let (x, y) = bounds.middle();
                add([x, y], 1);
            }
            // A point that is none: without it the model would have an input of no values.
            _ if points.is_empty() => add([0.0, 0.0], -1),
            _ => {}
        }
        let sides = |bounds: Bounds| [bounds.left, bounds.top, bounds.right, bounds.bottom].map(|side| side as f32);
        let bounds = decoder.boxes.is_some().then(|| bounds.map_or([0.0; 4], sides));
        Self { places, labels, bounds }
    }
}

impl ModelStore {
    /// The masks that the promptable model `name` makes of what `target` shows in frame `index` of `image`.
    pub fn prompt(
        &self,
        name: &str,
        image: &Image,
        index: usize,
        target: &Target,
    ) -> Result<Vec<PromptedMask>, ModelError> {
        let manifest = self.manifest(name, ModelRole::Promptable)?;
        let input = picture::input(manifest, image, index)?;
        let size = picture::fitted((image.width, image.height), manifest.input.size());
        let scale = (size.0 as f64 / image.width as f64, size.1 as f64 / image.height as f64);
        // A model that takes boxes has no way to be asked without one: the whole picture.
        let takes_boxes = manifest.decoder.as_ref().is_some_and(|decoder| decoder.boxes.is_some());
        let whole = || takes_boxes.then(|| Bounds::of_size(image.width, image.height));
        let target = Target { bounds: target.bounds.or_else(whole), points: target.points.clone() };
        self.prompted(manifest, &input, &target, scale)
    }

    /// What `target` shows: the best of the masks of `name`, of the size of the image.
    pub fn prompted_mask(&self, name: &str, image: &Image, index: usize, target: &Target) -> Result<Mask, ModelError> {
        let manifest = self.manifest(name, ModelRole::Promptable)?;
        let wrong = |error: RasterError| ModelError::Run { name: name.to_owned(), reason: error.to_string() };
        let (width, height) = manifest.input.size();
        let inner = picture::fitted((image.width, image.height), (width, height));
        let mut best: Option<(f64, Mask, usize)> = None;
        for PromptedMask { logits, score } in self.prompt(name, image, index, target)? {
            let cell = width.div_ceil(logits.width.max(1));
            let large = raster::resize_mask(logits, width, height, ResizeMethod::Bilinear).map_err(wrong)?;
            let cut = cropped(&large, inner);
            let in_box = target.bounds.map_or(1.0, |bounds| {
                let (x, y) = (inner.0 as f64 / image.width as f64, inner.1 as f64 / image.height as f64);
                around(&cut).map_or(0.0, |around| around.overlap(&bounds.scaled(x, y)))
            });
            let score = score.max(0.0) * in_box;
            if best.as_ref().is_none_or(|(other, ..)| score > *other) {
                best = Some((score, cut, cell));
            }
        }
        let none = || ModelError::Run { name: name.to_owned(), reason: "it gave no mask".to_owned() };
        let (_, mut mask, cell) = best.ok_or_else(none)?;
        mask.data.iter_mut().for_each(|value| *value = 1.0 / (1.0 + (-*value).exp()));
        let full = picture::full_size(mask, image, index, false).map_err(wrong)?;
        let size = (inner.0.div_ceil(cell), inner.1.div_ceil(cell));
        Ok(picture::refined(full, image, index, size))
    }

    /// Whether both models of `manifest` load and work.
    pub(super) fn verify_prompts(&self, manifest: &ModelManifest) -> Result<(), ModelError> {
        let values: u32 = manifest.input.shape.iter().product();
        let (width, height) = manifest.input.size();
        let middle = (width as f64 / 2.0, height as f64 / 2.0, true);
        let target = Target { bounds: Some(Bounds::of_size(width, height)), points: vec![middle] };
        self.prompted(manifest, &vec![0.0; values as usize], &target, (1.0, 1.0)).map(drop)
    }

    fn prompted(
        &self,
        manifest: &ModelManifest,
        input: &[f32],
        target: &Target,
        scale: (f64, f64),
    ) -> Result<Vec<PromptedMask>, ModelError> {
        let wrong = |what: &str| ModelError::Interface { name: manifest.name.clone(), what: what.to_owned() };
        let decoder = manifest.decoder.as_ref().ok_or_else(|| wrong("its manifest names no decoder"))?;
        let first = self.loaded_part(manifest, &Part::whole(manifest))?;
        let features = self.features(manifest, &first, input)?;
        let prompt = Prompt::of(decoder, target, scale);
        let second = self.loaded_part(manifest, &decoder_part(manifest, decoder, &first, prompt.labels.len())?)?;
        let mut inputs = vec![Values::Real(&prompt.places), Values::Whole(&prompt.labels)];
        inputs.extend(prompt.bounds.iter().map(|bounds| Values::Real(bounds)));
        inputs.extend(features.iter().map(|values| Values::Real(values)));
        let outputs = self.inferred(manifest, |threads| second.run(&inputs, threads))?;
        let shapes = second.output_shapes()?;
        let ([masks, scores], [.., height, width]) = (&outputs[..], &shapes[0][..]) else {
            return Err(wrong("its decoder gives no masks"));
        };
        if masks.len() != scores.len() * height * width || masks.is_empty() {
            return Err(wrong(&format!("its decoder gives {} scores for masks of {:?}", scores.len(), shapes[0])));
        }
        let mask = |values: &[f32]| Mask { batch: 1, height: *height, width: *width, data: values.to_vec() };
        let masks = masks.chunks_exact(height * width).zip(scores);
        Ok(masks.map(|(values, score)| PromptedMask { logits: mask(values), score: f64::from(*score) }).collect())
    }

    /// What the first model makes of a picture, made once for each of the last few.
    fn features(&self, manifest: &ModelManifest, first: &LoadedModel, input: &[f32]) -> Result<Features, ModelError> {
        let bytes: Vec<u8> = input.iter().flat_map(|value| value.to_le_bytes()).collect();
        let key = format!("{} {}", manifest.digest(), blake3::hash(&bytes));
        let cache = self.feature_cache();
        if let Some(features) = cache.get(&key) {
            return Ok(features);
        }
        let features = Arc::new(self.infer_all(first, input, None)?);
        cache.keep(key, &features);
        Ok(features)
    }
}

fn decoder_part(
    manifest: &ModelManifest,
    decoder: &ModelDecoder,
    first: &LoadedModel,
    points: usize,
) -> Result<Part, ModelError> {
    let missing =
        || ModelError::Interface { name: manifest.name.clone(), what: format!("it has no file `{}`", decoder.file) };
    let file = manifest.decoder_file().ok_or_else(missing)?;
    let ports = Ports::of_decoder(decoder, &first.output_shapes()?, points);
    Ok(Part { file, suffix: format!("-decoder-{points}"), ports })
}

/// The top left of `mask`.
fn cropped(mask: &Mask, (width, height): (usize, usize)) -> Mask {
    let rows = mask.data.chunks_exact(mask.width.max(1)).take(height);
    Mask { batch: 1, height, width, data: rows.flat_map(|row| row[..width].iter().copied()).collect() }
}

/// The box around what is inside by its logits.
fn around(mask: &Mask) -> Option<Bounds> {
    let mut found: Option<Bounds> = None;
    for (y, row) in mask.data.chunks_exact(mask.width.max(1)).enumerate() {
        let Some(left) = row.iter().position(|value| *value > 0.0) else { continue };
        let right = row.iter().rposition(|value| *value > 0.0).unwrap_or(left) + 1;
        let row = Bounds::new(left as f64, y as f64, right as f64, (y + 1) as f64);
        found = Some(found.map_or(row, |all| {
            Bounds::new(all.left.min(row.left), all.top.min(row.top), all.right.max(row.right), row.bottom)
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_in_pixels_of_the_input() {
        let mut decoder = ModelDecoder::of_file("decoder.onnx");
        let bounds = Some(Bounds::new(10.0, 20.0, 30.0, 60.0));
        let target = Target { bounds, points: vec![(5.0, 6.0, false)] };
        let asked = Prompt::of(&decoder, &target, (2.0, 0.5));
        assert_eq!((asked.places, asked.labels, asked.bounds), (vec![10.0, 3.0, 40.0, 20.0], vec![0, 1], None));
        decoder.boxes = Some("input_boxes".to_owned());
        let asked = Prompt::of(&decoder, &Target { points: Vec::new(), ..target }, (2.0, 0.5));
        assert_eq!((asked.places, asked.labels), (vec![0.0, 0.0], vec![-1]));
        assert_eq!(asked.bounds, Some([20.0, 10.0, 60.0, 30.0]));
    }

    #[test]
    fn the_box_around_a_mask() {
        let mut mask = Mask::filled(1, 4, 5, -1.0);
        assert_eq!(around(&mask), None);
        [6, 12].into_iter().for_each(|at| mask.data[at] = 2.0);
        assert_eq!(around(&mask), Some(Bounds::new(1.0, 1.0, 3.0, 3.0)));
        assert_eq!(cropped(&mask, (2, 3)).data, [-1.0, -1.0, -1.0, 2.0, -1.0, -1.0]);
    }
}
