//! The words that are known.

use std::collections::{BTreeMap, BTreeSet};

use super::{Color, Material, Order, Place, Quality, RelationKind, Size};

/// The things that can be named: labels, and other words for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Singular words, by what is written, to their label.
    labels: BTreeMap<String, String>,
    /// The most words in one name.
    longest: usize,
    /// Whether any other word may name a thing, too.
    open: bool,
}

impl Vocabulary {
    /// The vocabulary of a model's labels, with the other words that are known for them.
    pub fn of<'a>(labels: impl IntoIterator<Item = &'a str>) -> Self {
        let mut out = Self::default();
        let labels: BTreeSet<&str> = labels.into_iter().collect();
        for (label, others) in SYNONYMS.iter().filter(|(label, _)| labels.contains(label)) {
            others.split(", ").filter(|word| !word.is_empty()).for_each(|word| out.add(word, label));
        }
        labels.iter().for_each(|label| out.add(label, label));
        out
    }

    /// Any word is a name, and its own label: for models that are asked in words.
    pub fn open() -> Self {
        let mut out = Self { open: true, ..Self::default() };
        for (label, others) in SYNONYMS {
            others.split(", ").chain([label]).filter(|word| !word.is_empty()).for_each(|word| out.add(word, word));
        }
        out
    }

    /// Whether any word may name a thing.
    pub fn is_open(&self) -> bool {
        self.open
    }

    fn add(&mut self, word: &str, label: &str) {
        self.longest = self.longest.max(word.split(' ').count());
        self.labels.insert(word.to_lowercase(), label.to_owned());
    }

    /// The most words in one name.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The label that `words`, in singular or plural, name; and whether they are plural.
    pub(super) fn find(&self, words: &str) -> Option<(&str, bool)> {
        if let Some(label) = self.labels.get(words) {
            return Some((label, false));
        }
        let (before, last) = words.rsplit_once(' ').map_or(("", words), |(before, last)| (before, last));
        singulars(last).find_map(|singular| {
            let whole = if before.is_empty() { singular } else { format!("{before} {singular}") };
            self.labels.get(&whole).map(|label| (label.as_str(), true))
        })
    }

    /// The label that `words` are where any word is a name, in the singular; and whether they were plural.
    pub(super) fn name(&self, words: &str) -> (String, bool) {
        if let Some((label, is_plural)) = self.find(words) {
            return (label.to_owned(), is_plural);
        }
        let (before, last) = words.rsplit_once(' ').map_or(("", words), |(before, last)| (before, last));
        let known = self.find(last).filter(|(_, is_plural)| *is_plural).map(|(label, _)| label.to_owned());
        match known.or_else(|| singular_of_any(last)) {
            Some(singular) if before.is_empty() => (singular, true),
            Some(singular) => (format!("{before} {singular}"), true),
            None => (words.to_owned(), false),
        }
    }

    /// The nearest known words.
    pub(super) fn near(&self, word: &str) -> Vec<String> {
        nearest(word, self.labels.keys().map(String::as_str))
    }

    /// All labels, in order.
    pub fn labels(&self) -> BTreeSet<&str> {
        self.labels.values().map(String::as_str).collect()
    }
}

/// Up to three of `known` that are like `word`, the most similar first.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let singular = singulars(word).next();
    let likeness = |known: &str| {
        // One slip is near even in a short word.
        let of = |word: &str| match strsim::osa_distance(word, known) {
            1 => strsim::jaro_winkler(word, known).max(0.85),
            _ => strsim::jaro_winkler(word, known),
        };
        singular.as_deref().map_or(of(word), |singular| of(word).max(of(singular)))
    };
    let mut found: Vec<(f64, &str)> = known.map(|known| (likeness(known), known)).filter(|(l, _)| *l > 0.75).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    found.truncate(3);
    found.into_iter().map(|(_, word)| word.to_owned()).collect()
}

/// The vocabulary of COCO.
pub fn coco() -> Vocabulary {
    Vocabulary::of(coco_labels())
}

/// The 80 labels of COCO, in the order of its models.
pub fn coco_labels() -> impl Iterator<Item = &'static str> {
    SYNONYMS.iter().map(|(label, _)| *label)
}

/// The labels of COCO in their order, each with other words for it.
pub(super) const SYNONYMS: [(&str, &str); 80] = [
    ("person", "human, man, woman, child, kid, boy, girl, lady, guy, rider, pedestrian, player, baby, someone, adult"),
    ("bicycle", "bike, cycle"),
    ("car", "automobile, sedan, taxi, cab, suv"),
    ("motorcycle", "motorbike, scooter, moped"),
    ("airplane", "plane, aeroplane, aircraft, jet"),
    ("bus", "coach, minibus"),
    ("train", "locomotive, tram"),
    ("truck", "lorry, pickup, van"),
    ("boat", "ship, yacht, canoe, kayak, sailboat"),
    ("traffic light", "stoplight"),
    ("fire hydrant", "hydrant"),
    ("stop sign", ""),
    ("parking meter", ""),
    ("bench", ""),
    ("bird", "seagull, pigeon, duck, parrot, swan, goose"),
    ("cat", "kitten, kitty"),
    ("dog", "puppy, hound"),
    ("horse", "pony, foal"),
    ("sheep", "lamb"),
    ("cow", "bull, calf, ox"),
    ("elephant", ""),
    ("bear", ""),
    ("zebra", ""),
    ("giraffe", ""),
    ("backpack", "rucksack"),
    ("umbrella", "parasol"),
    ("handbag", "purse, bag"),
    ("tie", "necktie"),
    ("suitcase", "luggage"),
    ("frisbee", ""),
    ("skis", "ski"),
    ("snowboard", ""),
    ("sports ball", "ball, football, basketball, soccer ball"),
    ("kite", ""),
    ("baseball bat", "bat"),
    ("baseball glove", "mitt"),
    ("skateboard", ""),
    ("surfboard", ""),
    ("tennis racket", "racket, racquet"),
    ("bottle", "flask"),
    ("wine glass", "goblet, drinking glass"),
    ("cup", "mug, teacup"),
    ("fork", ""),
    ("knife", ""),
    ("spoon", ""),
    ("bowl", ""),
    ("banana", ""),
    ("apple", ""),
    ("sandwich", "burger, hamburger"),
    ("orange", "tangerine, mandarin"),
    ("broccoli", ""),
    ("carrot", ""),
    ("hot dog", "hotdog"),
    ("pizza", ""),
    ("donut", "doughnut"),
    ("cake", "cupcake"),
    ("chair", "armchair, stool, seat"),
    ("couch", "sofa, settee"),
    ("potted plant", "plant, houseplant, flowerpot"),
    ("bed", ""),
    ("dining table", "table, desk"),
    ("toilet", ""),
    ("tv", "television, monitor, screen, display"),
    ("laptop", "notebook computer, computer"),
    ("mouse", "computer mouse"),
    ("remote", "remote control"),
    ("keyboard", ""),
    ("cell phone", "phone, mobile phone, smartphone, telephone"),
    ("microwave", ""),
    ("oven", "stove"),
    ("toaster", ""),
    ("sink", "basin, washbasin"),
    ("refrigerator", "fridge"),
    ("book", ""),
    ("clock", ""),
    ("vase", ""),
    ("scissors", ""),
    ("teddy bear", "teddy"),
    ("hair drier", "hair dryer, hairdryer"),
    ("toothbrush", ""),
];

/// Plurals that no rule makes, with their singulars.
const IRREGULAR: &[(&str, &str)] = &[
    ("people", "person"),
    ("men", "man"),
    ("women", "woman"),
    ("children", "child"),
    ("mice", "mouse"),
    ("knives", "knife"),
    ("geese", "goose"),
    ("calves", "calf"),
    ("oxen", "ox"),
    ("sheep", "sheep"),
    ("scissors", "scissors"),
    ("skis", "skis"),
    ("broccoli", "broccoli"),
];

/// What `word` may be the plural of, the likeliest first.
fn singulars(word: &str) -> impl Iterator<Item = String> {
    let irregular = IRREGULAR.iter().find(|(plural, _)| *plural == word).map(|(_, singular)| (*singular).to_owned());
    let from_ies = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    let from_es = word.strip_suffix("es").map(str::to_owned);
    let from_s = word.strip_suffix('s').map(str::to_owned);
    irregular.into_iter().chain(from_ies).chain(from_s).chain(from_es)
}

/// The singular of a word that no vocabulary has, when it looks like a plural.
fn singular_of_any(word: &str) -> Option<String> {
    let looks_plural =
        word.len() > 3 && word.ends_with('s') && !["ss", "us", "is"].iter().any(|end| word.ends_with(end));
    let needs_es = ["sses", "xes", "ches", "shes", "zzes"].iter().any(|end| word.ends_with(end));
    match IRREGULAR.iter().find(|(plural, _)| *plural == word) {
        Some((_, singular)) => Some((*singular).to_owned()).filter(|singular| singular != word),
        None if needs_es => word.strip_suffix("es").map(str::to_owned),
        None if looks_plural => singulars(word).next(),
        None => None,
    }
}

/// The plural of a label, which [`Vocabulary::find`] takes back to it.
pub(super) fn plural(label: &str) -> String {
    let (before, last) = label.rsplit_once(' ').map_or(("", label), |(before, last)| (before, last));
    let irregular = IRREGULAR.iter().find(|(_, singular)| *singular == last).map(|(plural, _)| (*plural).to_owned());
    let needs_es = ["s", "x", "ch", "sh"].iter().any(|ending| last.ends_with(ending));
    let changes_y = last.ends_with('y') && !last.ends_with("ey") && !last.ends_with("oy") && !last.ends_with("ay");
    let last = irregular.unwrap_or_else(|| match last {
        _ if changes_y => format!("{}ies", &last[..last.len() - 1]),
        _ if needs_es => format!("{last}es"),
        _ => format!("{last}s"),
    });
    if before.is_empty() { last } else { format!("{before} {last}") }
}

/// Adjectives.
pub(super) const QUALITIES: &[(&str, Quality)] = &[
    ("red", Quality::Color(Color::Red)),
    ("crimson", Quality::Color(Color::Red)),
    ("scarlet", Quality::Color(Color::Red)),
    ("orange", Quality::Color(Color::Orange)),
    ("yellow", Quality::Color(Color::Yellow)),
    ("golden", Quality::Color(Color::Yellow)),
    ("green", Quality::Color(Color::Green)),
    ("blue", Quality::Color(Color::Blue)),
    ("purple", Quality::Color(Color::Purple)),
    ("violet", Quality::Color(Color::Purple)),
    ("pink", Quality::Color(Color::Pink)),
    ("brown", Quality::Color(Color::Brown)),
    ("black", Quality::Color(Color::Black)),
    ("white", Quality::Color(Color::White)),
    ("grey", Quality::Color(Color::Grey)),
    ("gray", Quality::Color(Color::Grey)),
    ("large", Quality::Size(Size::Large)),
    ("big", Quality::Size(Size::Large)),
    ("huge", Quality::Size(Size::Large)),
    ("tall", Quality::Size(Size::Large)),
    ("small", Quality::Size(Size::Small)),
    ("little", Quality::Size(Size::Small)),
    ("tiny", Quality::Size(Size::Small)),
    ("short", Quality::Size(Size::Small)),
    ("wooden", Quality::Material(Material::Wooden)),
    ("wood", Quality::Material(Material::Wooden)),
    ("metal", Quality::Material(Material::Metal)),
    ("metallic", Quality::Material(Material::Metal)),
    ("steel", Quality::Material(Material::Metal)),
    ("glass", Quality::Material(Material::Glass)),
    ("plastic", Quality::Material(Material::Plastic)),
    ("leather", Quality::Material(Material::Leather)),
    ("stone", Quality::Material(Material::Stone)),
];

/// Adjectives that order things.
pub(super) const SUPERLATIVES: &[(&str, Order)] = &[
    ("leftmost", Order::Left),
    ("rightmost", Order::Right),
    ("topmost", Order::Top),
    ("uppermost", Order::Top),
    ("highest", Order::Top),
    ("bottommost", Order::Bottom),
    ("lowest", Order::Bottom),
    ("lowermost", Order::Bottom),
    ("largest", Order::Largest),
    ("biggest", Order::Largest),
    ("smallest", Order::Smallest),
    ("tiniest", Order::Smallest),
    ("nearest", Order::Nearest),
    ("closest", Order::Nearest),
    ("frontmost", Order::Nearest),
    ("farthest", Order::Farthest),
    ("furthest", Order::Farthest),
];

/// Sides and other places.
pub(super) const PLACES: &[(&str, Place)] = &[
    ("left", Place::Left),
    ("right", Place::Right),
    ("top", Place::Top),
    ("upper", Place::Top),
    ("bottom", Place::Bottom),
    ("lower", Place::Bottom),
    ("middle", Place::Middle),
    ("center", Place::Middle),
    ("centre", Place::Middle),
    ("foreground", Place::Foreground),
    ("front", Place::Foreground),
    ("background", Place::Background),
    ("back", Place::Background),
];

/// Relations, the longest first where one begins with another.
pub(super) const RELATIONS: &[(&str, RelationKind)] = &[
    ("next to", RelationKind::NextTo),
    ("close to", RelationKind::NextTo),
    ("adjacent to", RelationKind::NextTo),
    ("beside", RelationKind::NextTo),
    ("near", RelationKind::NextTo),
    ("by", RelationKind::NextTo),
    ("to the left of", RelationKind::LeftOf),
    ("on the left of", RelationKind::LeftOf),
    ("left of", RelationKind::LeftOf),
    ("to the right of", RelationKind::RightOf),
    ("on the right of", RelationKind::RightOf),
    ("right of", RelationKind::RightOf),
    ("in front of", RelationKind::InFrontOf),
    ("on top of", RelationKind::On),
    ("above", RelationKind::Above),
    ("over", RelationKind::Above),
    ("below", RelationKind::Below),
    ("underneath", RelationKind::Below),
    ("under", RelationKind::Below),
    ("beneath", RelationKind::Below),
    ("behind", RelationKind::Behind),
    ("inside", RelationKind::In),
    ("within", RelationKind::In),
    ("in", RelationKind::In),
    ("upon", RelationKind::On),
    ("on", RelationKind::On),
    ("with", RelationKind::With),
    ("holding", RelationKind::With),
    ("wearing", RelationKind::With),
    ("carrying", RelationKind::With),
];

/// What leaves something out.
pub(super) const EXCEPTIONS: &[&str] =
    &["except for", "except", "apart from", "other than", "but not", "but", "excluding", "without", "besides"];

/// Numbers, from 1.
pub(super) const NUMBERS: [&str; 12] =
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// Ordinals, from 1.
pub(super) const ORDINALS: [&str; 12] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth",
];
