//! A query as a sentence that is read as the same query.

use std::fmt::{self, Display, Formatter};

use super::{
    Attribute, Color, Count, Material, Noun, Order, Part, Place, Placed, Quality, Query, Rank, Relation, RelationKind,
    Size, Thing,
    words::{NUMBERS, ORDINALS, plural},
};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            write!(f, "{}{part}", if index == 0 { "" } else { " as well as " })?;
        }
        Ok(())
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.thing)?;
        for (index, thing) in self.except.iter().enumerate() {
            write!(f, "{}{thing}", if index == 0 { " except " } else { ", " })?;
        }
        Ok(())
    }
}

impl Display for Thing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.count {
            Count::One => write!(f, "the ")?,
            Count::All => write!(f, "all ")?,
            Count::Exactly(count) => write!(f, "the {} ", number(count))?,
        }
        let from = self.rank.and_then(|rank| ranked(f, rank, self.count).transpose()).transpose()?;
        for attribute in self.attributes.iter().filter(|attribute| !attribute.negated) {
            write!(f, "{} ", attribute.quality)?;
        }
        let is_one = self.count == Count::One;
        match &self.noun {
            Noun::Anything => write!(f, "{}", if is_one { "thing" } else { "things" })?,
            Noun::Label(label) if is_one => write!(f, "{label}")?,
            Noun::Label(label) => write!(f, "{}", plural(label))?,
        }
        for Attribute { quality, .. } in self.attributes.iter().filter(|attribute| attribute.negated) {
            write!(f, " that {} not {quality}", if is_one { "is" } else { "are" })?;
        }
        self.places.iter().try_for_each(|placed| write!(f, " {placed}"))?;
        if let Some(from) = from {
            write!(f, " from the {from}")?;
        }
        for (index, relation) in self.relations.iter().enumerate() {
            write!(f, "{} {relation}", if index == 0 { "" } else { " and" })?;
        }
        Ok(())
    }
}

/// Writes a rank before the noun; gives what follows the noun.
fn ranked(f: &mut Formatter<'_>, rank: Rank, count: Count) -> Result<Option<&'static str>, fmt::Error> {
    let superlative = match rank.by {
        Order::Left => "leftmost",
        Order::Right => "rightmost",
        Order::Top => "topmost",
        Order::Bottom => "bottommost",
        Order::Largest => "largest",
        Order::Smallest => "smallest",
        Order::Nearest => "nearest",
        Order::Farthest => "farthest",
    };
    if rank.number == 1 {
        write!(f, "{superlative} ")?;
        return Ok(None);
    }
    let side = match rank.by {
        Order::Left => Some("left"),
        Order::Right => Some("right"),
        Order::Top => Some("top"),
        Order::Bottom => Some("bottom"),
        _ => None,
    };
    write!(f, "{} ", ordinal(rank.number))?;
    if side.is_none() || count != Count::One {
        write!(f, "{superlative} ")?;
        return Ok(None);
    }
    Ok(side)
}

fn number(count: u32) -> String {
    NUMBERS.get((count as usize).wrapping_sub(1)).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

fn ordinal(number: u32) -> String {
    ORDINALS.get((number as usize).wrapping_sub(1)).map_or_else(|| format!("{number}th"), |word| (*word).to_owned())
}

impl Display for Quality {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size(Size::Large) => "large",
            Self::Size(Size::Small) => "small",
            Self::Color(color) => color.name(),
            Self::Material(material) => material.name(),
        })
    }
}

impl Color {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Purple => "purple",
            Self::Pink => "pink",
            Self::Brown => "brown",
            Self::Black => "black",
            Self::White => "white",
            Self::Grey => "grey",
        }
    }
}

impl Material {
    /// As an adjective.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wooden => "wooden",
            Self::Metal => "metal",
            Self::Glass => "glass",
            Self::Plastic => "plastic",
            Self::Leather => "leather",
            Self::Stone => "stone",
        }
    }
}

impl Display for Attribute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negated { "not " } else { "" }, self.quality)
    }
}

impl Display for Placed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            Place::Left => "on the left",
            Place::Right => "on the right",
            Place::Top => "at the top",
            Place::Bottom => "at the bottom",
            Place::Middle => "in the middle",
            Place::Foreground => "in the foreground",
            Place::Background => "in the background",
        };
        write!(f, "{}{place}", if self.negated { "not " } else { "" })
    }
}

impl Display for Relation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RelationKind::NextTo => "next to",
            RelationKind::LeftOf => "to the left of",
            RelationKind::RightOf => "to the right of",
            RelationKind::Above => "above",
            RelationKind::Below => "below",
            RelationKind::Behind => "behind",
            RelationKind::InFrontOf => "in front of",
            RelationKind::On => "on",
            RelationKind::In => "in",
            RelationKind::With => "with",
        };
        write!(f, "{}{kind} {}", if self.negated { "not " } else { "" }, self.to)
    }
}
