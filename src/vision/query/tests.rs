//! Sentences, what is made of them, and what cannot be read.

use proptest::prelude::*;

use super::{words::SYNONYMS, *};

fn read(text: &str) -> Result<Query, QueryError> {
    parse(text, &coco())
}

/// Sentences, and how the same is said plainly.
const SENTENCES: &[(&str, &str)] = &[
    ("the red car on the left side", "the red car on the left"),
    ("all chairs except the one on the left", "all chairs except the chair on the left"),
    ("two largest dogs", "the two largest dogs"),
    ("the person next to the bicycle", "the person next to the bicycle"),
    ("second from the left", "the second thing from the left"),
    ("not the blue one", "all things except the blue thing"),
    ("the cup behind the table", "the cup behind the dining table"),
    ("dog", "the dog"),
    ("dogs", "all dogs"),
    ("A Dog.", "the dog"),
    ("every sheep", "all sheep"),
    ("both people", "the two people"),
    ("three birds", "the three birds"),
    ("12 birds", "the twelve birds"),
    ("13 birds", "the 13 birds"),
    ("one bird", "the bird"),
    ("the left dog", "the dog on the left"),
    ("the left-hand dog", "the dog on the left"),
    ("the leftmost chair", "the leftmost chair"),
    ("the second chair", "the second chair from the left"),
    ("the third chair from the right", "the third chair from the right"),
    ("the 2nd chair from the top", "the second chair from the top"),
    ("the last chair", "the rightmost chair"),
    ("the last chair from the top", "the bottommost chair"),
    ("the chair from the bottom", "the bottommost chair"),
    ("the second largest dog", "the second largest dog"),
    ("the biggest", "the largest thing"),
    ("the tiny white mouse", "the small white mouse"),
    ("men", "all people"),
    ("women and children", "all people as well as all people"),
    ("the cat and the dog", "the cat as well as the dog"),
    ("the cat, the dog and the bird", "the cat as well as the dog as well as the bird"),
    ("a wine glass", "the wine glass"),
    ("two wine glasses", "the two wine glasses"),
    ("the glass bottle", "the glass bottle"),
    ("an orange", "the orange"),
    ("the orange car", "the orange car"),
    ("the orange orange", "the orange orange"),
    ("the wooden table", "the wooden dining table"),
    ("the table made of wood", "the wooden dining table"),
    ("the car that is not red", "the car that is not red"),
    ("cars that are not red", "all cars that are not red"),
    ("the car that is red", "the red car"),
    ("the not red car", "the car that is not red"),
    ("the dog not on the left", "the dog not on the left"),
    ("the dog at the top of the picture", "the dog at the top"),
    ("the dog in the middle of the image", "the dog in the middle"),
    ("the person in the background", "the person in the background"),
    ("the upper left clock", "the clock on the left at the top"),
    ("the cup to the left of the laptop", "the cup to the left of the laptop"),
    ("the cup left of the laptop", "the cup to the left of the laptop"),
    ("the cup on the right of the laptop", "the cup to the right of the laptop"),
    ("the cat on the couch", "the cat on the couch"),
    ("the cat under the small table", "the cat below the small dining table"),
    ("the cat in the sink", "the cat in the sink"),
    ("the man wearing a tie", "the person with the tie"),
    ("the cat on the couch next to the tv", "the cat on the couch next to the tv"),
    ("the person next to the bicycle and behind the car", "the person next to the bicycle and behind the car"),
    ("the person not next to the car", "the person not next to the car"),
    ("all people but the man on the right", "all people except the person on the right"),
    ("the dogs, not the brown one", "all dogs except the brown dog"),
    ("all cars except the red one and the blue one", "all cars except the red car, the blue car"),
    ("everything except the dog", "all things except the dog"),
    ("please find the traffic light", "the traffic light"),
    ("the closest traffic lights", "the nearest traffic light"),
    ("two dogs on the left", "the two dogs on the left"),
    ("the dog in front of the bench", "the dog in front of the bench"),
    ("the smallest of the cups", "the smallest cup"),
];

#[test]
fn sentences_are_understood() {
    for (text, plain) in SENTENCES {
        let query = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(query.to_string(), *plain, "{text}");
        assert_eq!(read(plain).as_ref(), Ok(&query), "{text}: said plainly");
    }
    assert!(SENTENCES.len() >= 60);
}

#[test]
fn one_sentence_as_a_tree() {
    let query = read("the two small red cars on the left, not behind the bus").unwrap_err();
    assert!(matches!(query, QueryError::UnknownNoun { .. }), "{query:?}");
    let query = read("the two small red cars not behind the bus").unwrap();
    let quality = |quality| Attribute { negated: false, quality };
    let bus = Thing::of(Noun::Label("bus".to_owned()));
    let cars = Thing {
        count: Count::Exactly(2),
        attributes: [quality(Quality::Size(Size::Small)), quality(Quality::Color(Color::Red))].into(),
        relations: vec![Relation { negated: true, kind: RelationKind::Behind, to: bus }],
        ..Thing::of(Noun::Label("car".to_owned()))
    };
    assert_eq!(query, Query { parts: vec![Part { thing: cars, except: Vec::new() }] });
}

/// What cannot be read, and what is said of it.
const REFUSED: &[(&str, &str)] = &[
    ("", "the query is empty"),
    (" , . ", "\",\" is no known thing"),
    ("please", "the query is empty"),
    ("the red", "red thing"),
    ("the", "after \"the\" something is missing"),
    ("the bicyclist", "\"bicyclist\" is no known thing; near are bicycle"),
    ("a unicorn", "\"unicorn\" is no known thing"),
    ("the dog next to", "after \"to\" something is missing"),
    ("the dog next to the spaceship", "\"spaceship\" is no known thing"),
    ("the dog quickly", "\"quickly\" is not understood here"),
    ("the dog on the loft", "\"loft\" is no known thing"),
    ("the large small dog", "it contradicts itself: large and small"),
    ("the red blue car", "it contradicts itself: red and blue"),
    ("the red car that is not red", "it contradicts itself: red and not red"),
    ("the left dog on the right", "it contradicts itself: left and right"),
    ("no dogs", "it contradicts itself: none"),
    ("all largest dogs", "it contradicts itself: all of them"),
    ("the largest smallest dog", "it contradicts itself: it is counted in two orders"),
    ("all dogs except all dogs", "it contradicts itself: what is left out is all there is"),
    ("the dog @ home", "\"@\" is not understood here"),
];

#[test]
fn what_cannot_be_read_says_why() {
    for (text, said) in REFUSED {
        match read(text) {
            Err(error) => assert!(error.to_string().contains(said), "{text}: {error}"),
            Ok(query) => assert!(query.to_string().contains(said), "{text}: {query}"),
        }
    }
    let Err(QueryError::UnknownNoun { at, .. }) = read("the big bicyclist") else { panic!("unknown") };
    assert_eq!(at, 8..17);
}

#[test]
fn every_label_and_synonym_is_known_in_both_numbers() {
    let vocabulary = coco();
    assert_eq!(vocabulary.labels().len(), 80);
    for (label, others) in SYNONYMS {
        for word in others.split(", ").chain([label]).filter(|word| !word.is_empty()) {
            assert_eq!(vocabulary.find(word), Some((label, false)), "{word}");
        }
        let plural = words::plural(label);
        assert_eq!(vocabulary.find(&plural).map(|(label, _)| label), Some(label), "{plural}");
    }
}

fn quality() -> impl Strategy<Value = Quality> {
    prop::sample::select(words::QUALITIES).prop_map(|(_, quality)| quality)
}

fn place() -> impl Strategy<Value = Place> {
    prop::sample::select(words::PLACES).prop_map(|(_, place)| place)
}

fn plain_thing() -> impl Strategy<Value = Thing> {
    let noun = prop_oneof![
        1 => Just(Noun::Anything),
        4 => prop::sample::select(&SYNONYMS[..]).prop_map(|(label, _)| Noun::Label(label.to_owned())),
    ];
    let count = prop_oneof![3 => Just(Count::One), 1 => Just(Count::All), 1 => (2_u32..20).prop_map(Count::Exactly)];
    let rank = prop::option::weighted(0.3, (prop::sample::select(words::SUPERLATIVES), 1_u32..15));
    let attributes = prop::collection::btree_set((any::<bool>(), quality()), 0..3);
    let places = prop::collection::btree_set((any::<bool>(), place()), 0..2);
    (noun, count, rank, attributes, places).prop_map(|(noun, count, rank, attributes, places)| Thing {
        noun,
        count,
        attributes: attributes.into_iter().map(|(negated, quality)| Attribute { negated, quality }).collect(),
        places: places.into_iter().map(|(negated, place)| Placed { negated, place }).collect(),
        rank: rank.map(|((_, by), number)| Rank { by, number }),
        relations: Vec::new(),
    })
}

fn kind() -> impl Strategy<Value = (bool, RelationKind)> {
    (any::<bool>(), prop::sample::select(words::RELATIONS).prop_map(|(_, kind)| kind))
}

/// A thing, related to others of which only the outermost has more than one relation.
fn thing() -> impl Strategy<Value = Thing> {
    let inner = (plain_thing(), prop::option::of((kind(), plain_thing()))).prop_map(|(mut thing, relation)| {
        thing.relations.extend(relation.map(|((negated, kind), to)| Relation { negated, kind, to }));
        thing
    });
    (plain_thing(), prop::collection::vec((kind(), inner), 0..3)).prop_map(|(mut thing, relations)| {
        thing.relations = relations.into_iter().map(|((negated, kind), to)| Relation { negated, kind, to }).collect();
        thing
    })
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "\\PC{0,60}") {
        let _ = read(&text);
    }

    /// Words that mean something, in any order: what is understood is understood again when it is said plainly.
    #[test]
    fn what_is_understood_can_be_said_plainly(
        words in prop::collection::vec(prop::sample::select(vec![
            "the", "all", "two", "one", "ones", "second", "last", "largest", "left", "right", "top", "red", "orange",
            "glass", "not", "dog", "dogs", "wine glass", "table", "on", "in", "the", "next to", "of", "from the", "side",
            "and", ",", "except", "but", "that is", "made of", "wooden", "behind", "with", "picture", "as well as", "0",
        ]), 1..12),
    ) {
        let text = words.join(" ");
        if let Ok(query) = read(&text) {
            prop_assert_eq!(read(&query.to_string()), Ok(query.clone()), "{} -> {}", text, query);
        }
    }

    /// Every tree that contradicts nothing is read back from its sentence.
    #[test]
    fn trees_are_read_back(parts in prop::collection::vec((thing(), prop::collection::vec(thing(), 0..2)), 1..3)) {
        let parts = parts.into_iter().map(|(thing, except)| Part { thing, except }).collect();
        let query = Query { parts };
        match read(&query.to_string()) {
            Ok(found) => {
                // What is left out without a kind is of the kind of what it is left out of.
                prop_assert_eq!(found.to_string().replace("things", "thing"), expected(&query));
            }
            Err(QueryError::Contradiction(_)) => {}
            Err(error) => prop_assert!(false, "{}: {}", query, error),
        }
    }
}

fn expected(query: &Query) -> String {
    let mut query = query.clone();
    for part in &mut query.parts {
        for thing in &mut part.except {
            if thing.noun == Noun::Anything {
                thing.noun = part.thing.noun.clone();
            }
        }
    }
    query.to_string().replace("things", "thing")
}

/// What models that know any word are asked, said plainly.
const ANY_WORDS: &[(&str, &str)] = &[
    ("the red car on the left side", "the red car on the left"),
    ("a unicorn", "the unicorn"),
    ("two fire trucks next to the water tower", "the two fire trucks next to the water tower"),
    ("all polar bears except the largest one", "all polar bears except the largest polar bear"),
    ("the sofa", "the sofa"),
    ("the women", "all women"),
    ("the glasses", "all glasses"),
    ("the glass", "the glass"),
    ("the orange", "the orange"),
    ("the wooden spoon rest", "the wooden spoon rest"),
    ("the bus stop", "the bus stop"),
    ("the lighthouse and the cliffs", "the lighthouse as well as all cliffs"),
    ("the second lantern from the left", "the second lantern from the left"),
    ("the mug with a blue handle", "the mug with the blue handle"),
];

#[test]
fn any_word_may_be_a_name() {
    let vocabulary = Vocabulary::open();
    for (text, plain) in ANY_WORDS {
        let query = parse(text, &vocabulary).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(query.to_string(), *plain, "{text}");
    }
    for text in ["the red one", "everything except the dog", "the cup next to the largest thing"] {
        assert_eq!(parse(text, &vocabulary), Err(QueryError::Unnamed), "{text}");
    }
    let query = parse("the mug next to the kettle, and all mugs on the shelf", &vocabulary).unwrap();
    assert_eq!(query.labels(), ["mug", "kettle", "shelf"]);
}
