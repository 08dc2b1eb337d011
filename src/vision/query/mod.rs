//! What to find, in words: "the red car on the left side" as a typed tree.
//!
//! A closed grammar, read without a model: a noun with attributes, a place, a rank and relations to other things, how
//! many of it, and what is left out. A word that is not known is an error with the nearest known ones, never a guess;
//! so is a query that nothing could satisfy. Knows no pictures.

mod contradictions;
mod parse;
mod print;
mod tokens;
mod words;

use std::{collections::BTreeSet, ops::Range};

pub use parse::parse;
pub use tokens::sentence;
pub use words::{Vocabulary, coco, coco_labels, nearest};

/// What to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What is found together is all of these.
    pub parts: Vec<Part>,
}

/// Things, and which of them are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The things.
    pub thing: Thing,
    /// What is left out of them.
    pub except: Vec<Thing>,
}

/// Things of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// What they are.
    pub noun: Noun,
    /// How many.
    pub count: Count,
    /// What they are like.
    pub attributes: BTreeSet<Attribute>,
    /// Where they are.
    pub places: BTreeSet<Placed>,
    /// Which of several, counted in some order.
    pub rank: Option<Rank>,
    /// How they stand to other things.
    pub relations: Vec<Relation>,
}

/// The kind of a thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noun {
    /// A thing of whatever kind.
    Anything,
    /// One of the labels of a vocabulary.
    Label(String),
}

/// How many things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// The one that fits best.
    One,
    /// As many as this, at least 2.
    Exactly(u32),
    /// All that fit.
    All,
}

/// What a thing is like, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    /// Whether it is not so.
    pub negated: bool,
    /// What it is like.
    pub quality: Quality,
}

/// What a thing can be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// Large or small, beside others of its kind.
    Size(Size),
    /// Mostly of this colour.
    Color(Color),
    /// Made of this.
    Material(Material),
}

/// Sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Size {
    Large,
    Small,
}

/// The basic colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Color {
    Red,
    Orange,
    Yellow,
    Green,
    Blue,
    Purple,
    Pink,
    Brown,
    Black,
    White,
    Grey,
}

/// Materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Material {
    Wooden,
    Metal,
    Glass,
    Plastic,
    Leather,
    Stone,
}

/// A place in the picture, or not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed {
    /// Whether it is not there.
    pub negated: bool,
    /// The place.
    pub place: Place,
}

/// Places in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Place {
    Left,
    Right,
    Top,
    Bottom,
    Middle,
    Foreground,
    Background,
}

/// One of several, counted in some order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// The order.
    pub by: Order,
    /// From 1. For several things, the first of them.
    pub number: u32,
}

/// Orders in which things are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the left.
    Left,
    /// From the right.
    Right,
    /// From the top.
    Top,
    /// From the bottom.
    Bottom,
    /// From the largest.
    Largest,
    /// From the smallest.
    Smallest,
    /// From the nearest to who looks.
    Nearest,
    /// From the farthest.
    Farthest,
}

/// How a thing stands to another one, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Whether it does not.
    pub negated: bool,
    /// How.
    pub kind: RelationKind,
    /// To what.
    pub to: Thing,
}

/// How things stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    /// Beside it, at a small distance.
    NextTo,
    /// To the left of it.
    LeftOf,
    /// To the right of it.
    RightOf,
    /// Higher up.
    Above,
    /// Lower down.
    Below,
    /// Farther from who looks, partly hidden by it.
    Behind,
    /// Nearer to who looks.
    InFrontOf,
    /// Standing or lying on it.
    On,
    /// Inside it.
    In,
    /// Holding, wearing or carrying it.
    With,
}

/// Why a query cannot be read. Places are bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It says nothing.
    #[error("the query is empty")]
    Empty,
    /// A thing that no vocabulary has.
    #[error("{word:?} is no known thing{}", told_near(near))]
    UnknownNoun {
        /// The word.
        word: String,
        /// Where it stands.
        at: Range<usize>,
        /// The nearest known words.
        near: Vec<String>,
    },
    /// A word that has no place here.
    #[error("{word:?} is not understood here{}", told_near(near))]
    UnknownWord {
        /// The word.
        word: String,
        /// Where it stands.
        at: Range<usize>,
        /// The nearest known words.
        near: Vec<String>,
    },
    /// It ends too early.
    #[error("after {after:?} something is missing: {what}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// The word before it.
        after: String,
    },
    /// It names no thing, where names are what a model is asked.
    #[error("it names no thing: a model that is asked in words needs a name, such as \"the red car\"")]
    Unnamed,
    /// A word that is understood, and that the model that is asked was not taught.
    #[error("the model was not taught the word {word:?}{}", told_near(near))]
    Untaught {
        /// The word, as it is said plainly.
        word: String,
        /// The nearest words that it was taught.
        near: Vec<String>,
    },
    /// Nothing could be like this.
    #[error("it contradicts itself: {0}")]
    Contradiction(String),
}

fn told_near(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; near are {}", near.join(", ")) }
}

impl Query {
    /// Every thing that it speaks of, those that others are told by among them.
    pub fn things(&self) -> Vec<&Thing> {
        let mut found: Vec<&Thing> =
            self.parts.iter().flat_map(|part| std::iter::once(&part.thing).chain(&part.except)).collect();
        let mut next = 0;
        while let Some(thing) = found.get(next) {
            let others: Vec<&Thing> = thing.relations.iter().map(|relation| &relation.to).collect();
            found.extend(others);
            next += 1;
        }
        found
    }

    /// The labels that it speaks of, each once, in the order in which they are first named.
    pub fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = Vec::new();
        for thing in self.things() {
            if let Noun::Label(label) = &thing.noun
                && !labels.contains(&label.as_str())
            {
                labels.push(label);
            }
        }
        labels
    }
}

impl Thing {
    /// One thing of a kind, whatever it is like.
    pub fn of(noun: Noun) -> Self {
        Self {
            noun,
            count: Count::One,
            attributes: BTreeSet::new(),
            places: BTreeSet::new(),
            rank: None,
            relations: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
