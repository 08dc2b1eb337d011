//! What a query says and nothing could be: two colours at once, left and right, all but all.

use std::collections::BTreeSet;

use super::{Attribute, Count, Part, Place, Placed, Quality, QueryError, Thing};

/// Refuses what no thing could be.
pub(super) fn check(part: &Part) -> Result<(), QueryError> {
    std::iter::once(&part.thing).chain(&part.except).try_for_each(check_thing)?;
    let plain = |thing: &Thing| {
        thing.count == Count::All
            && thing.attributes.is_empty()
            && thing.places.is_empty()
            && thing.relations.is_empty()
    };
    let covers = |left: &Thing| left == &part.thing || (plain(left) && left.noun == part.thing.noun);
    if part.except.iter().any(covers) {
        return Err(QueryError::Contradiction("what is left out is all there is".to_owned()));
    }
    Ok(())
}

fn check_thing(thing: &Thing) -> Result<(), QueryError> {
    let contradiction = |message: String| Err(QueryError::Contradiction(message));
    for Attribute { quality, .. } in &thing.attributes {
        let other = thing.attributes.iter().find(|a| !a.negated && clash(a.quality, *quality));
        let is_given = thing.attributes.contains(&Attribute { negated: false, quality: *quality });
        if let (Some(other), true) = (other, is_given) {
            return contradiction(format!("{quality} and {}", other.quality));
        }
        if is_given && thing.attributes.contains(&Attribute { negated: true, quality: *quality }) {
            return contradiction(format!("{quality} and not {quality}"));
        }
    }
    let is_at = |place| thing.places.contains(&Placed { negated: false, place });
    let opposites = [(Place::Left, Place::Right), (Place::Top, Place::Bottom), (Place::Foreground, Place::Background)];
    if let Some((one, other)) = opposites.into_iter().find(|(one, other)| is_at(*one) && is_at(*other)) {
        return contradiction(format!("{one:?} and {other:?}").to_lowercase());
    }
    let places: BTreeSet<Place> = thing.places.iter().filter(|p| p.negated).map(|p| p.place).collect();
    if let Some(place) = places.into_iter().find(|place| is_at(*place)) {
        return contradiction(format!("{place:?} and not {place:?}").to_lowercase());
    }
    thing.relations.iter().try_for_each(|relation| check_thing(&relation.to))
}

/// Whether nothing is both: two sizes, two colours.
fn clash(a: Quality, b: Quality) -> bool {
    a != b && std::mem::discriminant(&a) == std::mem::discriminant(&b)
}
