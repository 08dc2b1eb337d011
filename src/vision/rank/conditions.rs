//! The factors of the conditions of a query: 1 where a candidate is as it says, near 0 where it is not.

use super::{
    Judge,
    geometry::{place_value, relation_value, rising},
};
use crate::vision::query::{Attribute, Count, Placed, Quality, Relation, Size};

/// No condition is so surely missed that nothing else counts.
const FLOOR: f64 = 0.02;

/// The share of a thing that has a colour from which on it is of that colour: the rest is windows, wheels, shadow.
const COLORED: f64 = 0.35;

/// What is left where the thing that it is told by was not found.
const WITHOUT_OTHER: f64 = 0.15;

impl Judge<'_> {
    /// The factor of each of `kind`, which is not of a material.
    pub(super) fn attribute(&self, attribute: Attribute, kind: &[usize]) -> Vec<f64> {
        let factor = |candidate: usize| match attribute.quality {
            Quality::Color(color) => {
                let share = (self.scene.colors)(candidate).share(color);
                (share / COLORED).min(1.0).powf(0.8)
            }
            Quality::Size(size) => self.size(size, candidate, kind),
            Quality::Material(_) => 1.0,
        };
        kind.iter().map(|candidate| said(factor(*candidate), attribute.negated)).collect()
    }

    /// Beside others of its kind; alone, beside the picture.
    fn size(&self, size: Size, candidate: usize, kind: &[usize]) -> f64 {
        let area = |at: usize| self.scene.candidates[at].bounds.area().max(1.0);
        let larger =
            self.among(candidate, kind, |a, b| rising((area(a) / area(b)).ln(), 0.0, 0.2)).unwrap_or_else(|| {
                let picture = (self.scene.size.0 * self.scene.size.1).max(1) as f64;
                rising((area(candidate) / picture).ln(), 0.05_f64.ln(), 0.7)
            });
        match size {
            Size::Large => larger,
            Size::Small => 1.0 - larger,
        }
    }

    /// How often `candidate` is before another one of `kind`, by how likely these are; none without others.
    fn among(&self, candidate: usize, kind: &[usize], before: impl Fn(usize, usize) -> f64) -> Option<f64> {
        let others = kind.iter().copied().filter(|other| !self.is_same(*other, candidate));
        let weight = |other: usize| self.scene.candidates[other].score;
        let (sum, all) = others.fold((0.0, 0.0), |(sum, all), other| {
            (sum + weight(other) * before(candidate, other), all + weight(other))
        });
        (all > 0.0).then(|| sum / all)
    }

    /// How surely `candidate` is before every other one of `kind` that is likely there; none without others.
    fn against_all(&self, candidate: usize, kind: &[usize], before: impl Fn(usize, usize) -> f64) -> Option<f64> {
        let others = kind.iter().copied().filter(|other| !self.is_same(*other, candidate));
        let chance = |other: usize| 1.0 - self.scene.candidates[other].score * (1.0 - before(candidate, other));
        others
            .map(chance)
            .fold(None, |least: Option<f64>, chance| Some(least.map_or(chance, |least| least.min(chance))))
    }

    /// Where it is in the picture; of a certain number also: beside the others of its kind.
    pub(super) fn place(&self, placed: Placed, count: Count, kind: &[usize]) -> Vec<f64> {
        let value = |candidate: usize| place_value(self.scene, placed.place, candidate);
        let factor = |candidate: usize| {
            let in_picture = rising(value(candidate), 0.5, 0.06);
            let among = match count {
                Count::All => return in_picture,
                // The one on the left is left of every other one that is likely there.
                Count::One => self.against_all(candidate, kind, |a, b| rising(value(a) - value(b), 0.0, 0.015)),
                Count::Exactly(_) => self.among(candidate, kind, |a, b| rising(value(a) - value(b), 0.0, 0.03)),
            };
            // All may be on the right, and one of them farther left than the others.
            among.map_or(0.25 + 0.75 * in_picture, |among| 0.25 * in_picture * among + 0.75 * among)
        };
        kind.iter().map(|candidate| said(factor(*candidate), placed.negated)).collect()
    }

    /// How it stands to the one of `others` (with their weights) that fits best.
    pub(super) fn relation(&self, relation: &Relation, kind: &[usize], others: &[(usize, f64)]) -> Vec<f64> {
        let bounds = |at: usize| &self.scene.candidates[at].bounds;
        let factor = |candidate: usize| {
            let others = others.iter().filter(|(other, _)| !self.is_same(*other, candidate));
            let values = others.map(|(other, weight)| {
                weight * relation_value(relation.kind, bounds(candidate), bounds(*other), self.scene.size)
            });
            values.fold(None, |best: Option<f64>, value| Some(best.map_or(value, |best| best.max(value))))
        };
        kind.iter().map(|candidate| said(factor(*candidate).unwrap_or(WITHOUT_OTHER), relation.negated)).collect()
    }
}

fn said(factor: f64, negated: bool) -> f64 {
    let factor = if negated { 1.0 - factor } else { factor };
    factor.clamp(FLOOR, 1.0)
}
