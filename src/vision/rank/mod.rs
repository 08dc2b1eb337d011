//! Which of the things that a detector found are meant by a query.
//!
//! Each thing has a factor for the detector and one for every condition of the query: what it is like, where it is, how
//! it stands to others. Their product is its score. An order ("the second from the left") and a number ("two") choose
//! among those that fit; what is left out is taken away before.

mod conditions;
mod geometry;

use std::collections::BTreeSet;

use super::{
    Bounds,
    color::ColorShares,
    query::{Count, Noun, Order, Part, Quality, Query, Rank, Thing},
};
use geometry::order_value;

/// A thing that may be meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What the detector calls it.
    pub label: String,
    /// How likely it is there, 0 to 1.
    pub score: f64,
    /// Where it is, in pixels.
    pub bounds: Bounds,
}

/// What is known of a picture.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// Columns and rows of the picture.
    pub size: (usize, usize),
    /// What was found in it.
    pub candidates: &'a [Candidate],
    /// The colours of a candidate.
    pub colors: &'a dyn Fn(usize) -> ColorShares,
}

/// A thing that is meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// Its number among the candidates.
    pub candidate: usize,
    /// The product of the factors.
    pub score: f64,
    /// What the score is made of, the detector first.
    pub factors: Vec<(String, f64)>,
}

/// What a query finds in a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// What is meant, the best first; in its order where the query has one.
    pub found: Vec<Ranked>,
    /// The best that was not sure enough, where nothing is.
    pub best_refused: Option<Ranked>,
    /// Things of the query that nothing in the picture is.
    pub unseen: BTreeSet<String>,
    /// What the query says and nothing here can judge.
    pub unjudged: BTreeSet<String>,
    /// Where fewer were found than asked for: how many were asked for.
    pub wanted: Option<u32>,
}

/// What share of a box must be the same for two candidates of different labels to be one thing.
const SAME: f64 = 0.75;

/// Least product of the conditions (without the detector) by which a thing is left out.
const LEFT_OUT: f64 = 0.3;

/// What of `scene` is meant by `query`, with a score of at least `least`.
pub fn rank(query: &Query, scene: &Scene<'_>, least: f64) -> Ranking {
    let mut judge = Judge { scene, out: Ranking::default() };
    for part in &query.parts {
        judge.part(part, least);
    }
    if !judge.out.found.is_empty() {
        judge.out.best_refused = None;
    }
    judge.out
}

struct Judge<'a> {
    scene: &'a Scene<'a>,
    out: Ranking,
}

impl Ranked {
    /// The product of the factors but for the detector's.
    fn conditions(&self) -> f64 {
        self.factors.iter().skip(1).map(|(_, factor)| factor).product()
    }

    fn with(mut self, name: String, factor: f64) -> Self {
        self.score *= factor;
        self.factors.push((name, factor));
        self
    }
}

impl Judge<'_> {
    fn part(&mut self, part: &Part, least: f64) {
        let all: Vec<usize> = (0..self.scene.candidates.len()).collect();
        let judged = self.judged(&part.thing, &all);
        let mut fitting: Vec<Ranked> = judged.iter().filter(|one| one.score >= least).cloned().collect();
        for thing in &part.except {
            let among: Vec<usize> = fitting.iter().map(|one| one.candidate).collect();
            let left_out = self.left_out(thing, &among);
            fitting.retain(|one| !left_out.contains(&one.candidate));
        }
        let chosen = self.chosen(&part.thing, fitting);
        if let Count::Exactly(wanted) = part.thing.count
            && (chosen.len() as u32) < wanted
        {
            self.out.wanted = Some(wanted);
        }
        if chosen.is_empty() && self.out.best_refused.is_none() {
            self.out.best_refused = judged.into_iter().next();
        }
        for one in chosen {
            if self.out.found.iter().all(|other| other.candidate != one.candidate) {
                self.out.found.push(one);
            }
        }
    }

    /// The candidates of the kind of `thing` among `among`, with their factors, the best first.
    fn judged(&mut self, thing: &Thing, among: &[usize]) -> Vec<Ranked> {
        let kind = self.of_kind(&thing.noun, among);
        if kind.is_empty() {
            self.out.unseen.insert(Thing::of(thing.noun.clone()).to_string());
        }
        let mut judged: Vec<Ranked> = kind.iter().map(|candidate| self.detected(*candidate)).collect();
        for attribute in &thing.attributes {
            let Quality::Material(material) = attribute.quality else {
                let factors = self.attribute(*attribute, &kind);
                judged = with_each(judged, &attribute.to_string(), &factors);
                continue;
            };
            self.out.unjudged.insert(material.name().to_owned());
        }
        for placed in &thing.places {
            let factors = self.place(*placed, thing.count, &kind);
            judged = with_each(judged, &placed.to_string(), &factors);
        }
        for relation in &thing.relations {
            let others = self.meant(&relation.to);
            let factors = self.relation(relation, &kind, &others);
            judged = with_each(judged, &relation.to_string(), &factors);
        }
        judged.sort_by(|a, b| b.score.total_cmp(&a.score));
        judged
    }

    /// What is of a kind. Of things of whatever kind, what is called by two names is one thing.
    fn of_kind(&self, noun: &Noun, among: &[usize]) -> Vec<usize> {
        let candidates = self.scene.candidates;
        let Noun::Label(label) = noun else {
            let mut by_score = among.to_vec();
            by_score.sort_by(|a, b| candidates[*b].score.total_cmp(&candidates[*a].score));
            let mut kept: Vec<usize> = Vec::new();
            for one in by_score {
                if kept.iter().all(|other| !self.is_same(*other, one)) {
                    kept.push(one);
                }
            }
            return kept;
        };
        among.iter().copied().filter(|candidate| candidates[*candidate].label == *label).collect()
    }

    fn is_same(&self, a: usize, b: usize) -> bool {
        a == b || self.scene.candidates[a].bounds.overlap(&self.scene.candidates[b].bounds) > SAME
    }

    fn detected(&self, candidate: usize) -> Ranked {
        let score = self.scene.candidates[candidate].score;
        Ranked { candidate, score, factors: vec![("detector".to_owned(), score)] }
    }

    /// Those of `fitting` that the order and the number of `thing` choose.
    fn chosen(&self, thing: &Thing, mut fitting: Vec<Ranked>) -> Vec<Ranked> {
        let most = match thing.count {
            Count::One => 1,
            Count::Exactly(count) => count as usize,
            Count::All => fitting.len(),
        };
        if let Some(rank) = thing.rank {
            fitting = self.ordered(rank, fitting);
        }
        fitting.truncate(most);
        fitting
    }

    /// `fitting` in the order of `rank`, from its number on; how clear the order is is a factor.
    fn ordered(&self, rank: Rank, fitting: Vec<Ranked>) -> Vec<Ranked> {
        let value = |one: &Ranked| order_value(self.scene, rank.by, one.candidate);
        let mut by_order: Vec<(f64, Ranked)> = fitting.into_iter().map(|one| (value(&one), one)).collect();
        by_order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let values: Vec<f64> = by_order.iter().map(|(value, _)| *value).collect();
        let clear = |at: usize| {
            let near = [at.checked_sub(1), Some(at + 1)].into_iter().flatten().filter_map(|near| values.get(near));
            let margin = near.map(|near| (near - values[at]).abs()).fold(f64::INFINITY, f64::min);
            0.5 + 0.5 * (margin / 0.05).min(1.0)
        };
        let name = order_name(rank.by);
        let numbered = by_order.into_iter().enumerate().skip(rank.number.saturating_sub(1) as usize);
        numbered.map(|(at, (_, one))| one.with(name.to_owned(), clear(at))).collect()
    }

    /// What a thing that others are told by is: each with a weight, 1 for the one that fits best.
    fn meant(&mut self, thing: &Thing) -> Vec<(usize, f64)> {
        let all: Vec<usize> = (0..self.scene.candidates.len()).collect();
        let judged = self.judged(thing, &all);
        let best = judged.first().map_or(1.0, |one| one.score.max(1e-9));
        if thing.rank.is_some() {
            let fitting = judged.into_iter().filter(|one| one.score >= 0.5 * best).collect();
            return self.chosen(thing, fitting).into_iter().map(|one| (one.candidate, 1.0)).collect();
        }
        judged.into_iter().map(|one| (one.candidate, one.score / best)).collect()
    }

    /// Which of `among` are left out by `thing`, with what is the same as they are.
    fn left_out(&mut self, thing: &Thing, among: &[usize]) -> Vec<usize> {
        let mut judged = self.judged(thing, among);
        judged.retain(|one| one.conditions() >= LEFT_OUT);
        judged.sort_by(|a, b| b.conditions().total_cmp(&a.conditions()));
        let chosen = self.chosen(thing, judged);
        among.iter().copied().filter(|one| chosen.iter().any(|out| self.is_same(out.candidate, *one))).collect()
    }
}

fn with_each(judged: Vec<Ranked>, name: &str, factors: &[f64]) -> Vec<Ranked> {
    judged.into_iter().zip(factors).map(|(one, factor)| one.with(name.to_owned(), *factor)).collect()
}

fn order_name(order: Order) -> &'static str {
    match order {
        Order::Left => "from the left",
        Order::Right => "from the right",
        Order::Top => "from the top",
        Order::Bottom => "from the bottom",
        Order::Largest => "largest",
        Order::Smallest => "smallest",
        Order::Nearest => "nearest",
        Order::Farthest => "farthest",
    }
}

#[cfg(test)]
mod tests;
