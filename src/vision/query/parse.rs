//! From a sentence to the tree.

use super::{
    Attribute, Count, Noun, Order, Part, Place, Placed, Quality, Query, QueryError, Rank, Relation, RelationKind,
    Thing, contradictions,
    tokens::{Token, tokens},
    words::{EXCEPTIONS, NUMBERS, ORDINALS, PLACES, QUALITIES, RELATIONS, SUPERLATIVES, SYNONYMS, Vocabulary, nearest},
};

/// What may begin a query without saying anything.
const OPENINGS: [&str; 9] = ["find", "select", "mask", "show", "me", "please", "only", "just", "pick"];

/// What may stand before a noun.
const DETERMINERS: [&str; 12] =
    ["the", "a", "an", "that", "this", "those", "these", "some", "any", "of", "my", "their"];

/// Names for a thing of whatever kind.
const THINGS: [&str; 8] = ["thing", "things", "object", "objects", "item", "items", "everything", "anything"];

/// Names for a whole picture.
const PICTURES: [&str; 7] = ["picture", "image", "photo", "photograph", "scene", "frame", "shot"];

/// How deep things may stand to things.
const DEEPEST: usize = 8;

/// Reads `text`, whose things are named by `vocabulary`.
pub fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Query, QueryError> {
    let tokens = tokens(text);
    let mut parser = Parser { tokens: &tokens, at: 0, vocabulary };
    while parser.word().is_some_and(|word| OPENINGS.contains(&word)) {
        parser.at += 1;
    }
    if parser.word().is_none() {
        return Err(QueryError::Empty);
    }
    let mut parts = vec![parser.part()?];
    while parser.word().is_some() {
        if !(parser.takes("as well as") || parser.takes("plus") || parser.joins()) {
            return Err(parser.not_understood());
        }
        parts.push(parser.part()?);
    }
    parts.iter().try_for_each(contradictions::check)?;
    let query = Query { parts };
    if vocabulary.is_open() && query.things().iter().any(|thing| thing.noun == Noun::Anything) {
        return Err(QueryError::Unnamed);
    }
    Ok(query)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    vocabulary: &'a Vocabulary,
}

impl Parser<'_> {
    fn word(&self) -> Option<&str> {
        self.word_at(0)
    }

    fn word_at(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.at + ahead).map(|token| token.text.as_str())
    }

    /// Whether the next words are these.
    fn sees(&self, words: &str) -> Option<usize> {
        let mut count = 0;
        for word in words.split(' ') {
            if self.word_at(count)? != word {
                return None;
            }
            count += 1;
        }
        Some(count)
    }

    fn takes(&mut self, words: &str) -> bool {
        let found = self.sees(words);
        self.at += found.unwrap_or(0);
        found.is_some()
    }

    fn takes_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|words| self.takes(words))
    }

    /// `and`, a comma, or both.
    fn joins(&mut self) -> bool {
        let comma = self.takes(",");
        self.takes("and") || comma
    }

    fn part(&mut self) -> Result<Part, QueryError> {
        let mut except = Vec::new();
        let thing = if self.takes("not") || self.takes_any(EXCEPTIONS) {
            self.at -= 1;
            Thing { count: Count::All, ..Thing::of(Noun::Anything) }
        } else {
            self.thing(0)?
        };
        let before = self.at;
        self.takes(",");
        if self.takes("not") || self.takes_any(EXCEPTIONS) {
            except.push(self.left_out(&thing)?);
            while self.joins() {
                except.push(self.left_out(&thing)?);
            }
        } else {
            self.at = before;
        }
        Ok(Part { thing, except })
    }

    /// What is left out; `one` is of the kind of what it is left out of.
    fn left_out(&mut self, of: &Thing) -> Result<Thing, QueryError> {
        let thing = self.thing(0)?;
        Ok(if thing.noun == Noun::Anything { Thing { noun: of.noun.clone(), ..thing } } else { thing })
    }

    fn thing(&mut self, depth: usize) -> Result<Thing, QueryError> {
        let mut thing = Thing::of(Noun::Anything);
        let mut number = None;
        let mut all = false;
        let mut ordinal = None;
        loop {
            if self.takes_any(&["all", "every", "each"]) {
                all = true;
            } else if self.takes("both") {
                number = Some(2);
            } else if self.word().is_some_and(|word| DETERMINERS.contains(&word)) {
                self.at += 1;
            } else if let Some(count) = self.number() {
                number = Some(count);
            } else if let Some(found) = self.ordinal() {
                ordinal = Some(found);
            } else if let Some(by) = self.superlative() {
                ranked(&mut thing, counted(by, ordinal.take()))?;
            } else if let Some(place) = self.side() {
                thing.places.insert(Placed { negated: false, place });
            } else if let Some(attribute) = self.attribute() {
                thing.attributes.insert(attribute);
            } else {
                break;
            }
        }
        let is_plural = self.noun(&mut thing, number.is_some() || all || ordinal.is_some())?;
        self.after_noun(&mut thing, &mut ordinal, depth)?;
        if let Some(number) = ordinal {
            // Counted from the left, when it is not said.
            ranked(&mut thing, counted(Order::Left, Some(number)))?;
        }
        thing.count = match (number, all) {
            (Some(0), _) => return Err(QueryError::Contradiction("none of them is asked for".to_owned())),
            (Some(1), _) => Count::One,
            (Some(count), _) => Count::Exactly(count),
            (None, true) => Count::All,
            (None, false) if is_plural && thing.rank.is_none() => Count::All,
            (None, false) => Count::One,
        };
        if thing.rank.is_some() && thing.count == Count::All {
            let message = "all of them, and one by its order".to_owned();
            return Err(QueryError::Contradiction(message));
        }
        Ok(thing)
    }

    /// A number: not `one` where it stands for the thing.
    fn number(&mut self) -> Option<u32> {
        let word = self.word()?;
        let number = match NUMBERS.iter().position(|number| *number == word) {
            Some(0) if !self.begins_thing(1) => return None,
            Some(at) => at as u32 + 1,
            None if word == "zero" || word == "no" => 0,
            None => word.parse::<u32>().ok().filter(|number| *number <= 1000)?,
        };
        self.at += 1;
        Some(number)
    }

    fn ordinal(&mut self) -> Option<u32> {
        let word = self.word()?;
        let digits = || {
            let end = word.find(|letter: char| !letter.is_ascii_digit())?;
            let number = word[..end].parse::<u32>().ok().filter(|number| (1..=1000).contains(number))?;
            ["st", "nd", "rd", "th"].contains(&&word[end..]).then_some(number)
        };
        let number = match ORDINALS.iter().position(|ordinal| *ordinal == word) {
            Some(at) => at as u32 + 1,
            None if word == "last" => LAST,
            None => digits()?,
        };
        self.at += 1;
        Some(number)
    }

    fn superlative(&mut self) -> Option<Order> {
        let word = self.word()?;
        let (_, by) = SUPERLATIVES.iter().find(|(superlative, _)| *superlative == word)?;
        self.at += 1;
        Some(*by)
    }

    /// A side as an adjective: `left`, `left-hand`; not `left of`.
    fn side(&mut self) -> Option<Place> {
        let place = self.place()?;
        let next = if self.word_at(1) == Some("hand") { 2 } else { 1 };
        if self.word_at(next) == Some("of") || !self.begins_thing(next) {
            return None;
        }
        self.at += next;
        Some(place)
    }

    fn place(&self) -> Option<Place> {
        let word = self.word()?;
        PLACES.iter().find(|(place, _)| *place == word).map(|(_, place)| *place)
    }

    /// An attribute that does not stand for the thing itself, as `orange` and `glass` may.
    fn attribute(&mut self) -> Option<Attribute> {
        let negated = self.word() == Some("not") || self.word() == Some("non");
        let quality = self.quality_at(usize::from(negated))?;
        let next = usize::from(negated) + 1;
        let may_be_noun = self.vocabulary.is_open() && matches!(quality, Quality::Material(_));
        let is_noun = may_be_noun || self.vocabulary.find(self.word_at(next - 1)?).is_some();
        if is_noun && !self.begins_thing(next) {
            return None;
        }
        self.at += next;
        Some(Attribute { negated, quality })
    }

    fn quality_at(&self, ahead: usize) -> Option<Quality> {
        let word = self.word_at(ahead)?;
        QUALITIES.iter().find(|(quality, _)| *quality == word).map(|(_, quality)| *quality)
    }

    /// Whether an adjective stands there.
    fn describes(&self, ahead: usize) -> bool {
        self.word_at(ahead).is_some_and(|word| {
            QUALITIES.iter().any(|(quality, _)| *quality == word)
                || SUPERLATIVES.iter().any(|(superlative, _)| *superlative == word)
                || PLACES.iter().any(|(place, _)| *place == word)
                || ORDINALS.contains(&word)
        })
    }

    /// Whether a noun, or an adjective before one, stands there.
    fn begins_thing(&self, ahead: usize) -> bool {
        let Some(word) = self.word_at(ahead) else { return false };
        let known = self.describes(ahead) || THINGS.contains(&word) || word == "one" || word == "ones";
        known || self.label_at(ahead).is_some()
    }

    /// The label that begins there, the longest; whether it is plural, and its words.
    fn label_at(&self, ahead: usize) -> Option<(String, bool, usize)> {
        if self.vocabulary.is_open() {
            return self.name_at(ahead);
        }
        (1..=self.vocabulary.longest()).rev().find_map(|count| {
            let words: Option<Vec<&str>> = (0..count).map(|word| self.word_at(ahead + word)).collect();
            let (label, is_plural) = self.vocabulary.find(&words?.join(" "))?;
            Some((label.to_owned(), is_plural, count))
        })
    }

    /// The same where any word may name a thing: the words up to one that says something else.
    fn name_at(&self, ahead: usize) -> Option<(String, bool, usize)> {
        // `the orange`, `the glass`: an adjective that nothing follows.
        let is_material = matches!(self.quality_at(ahead), Some(Quality::Material(_)));
        let known = is_material || self.word_at(ahead).is_some_and(|word| self.vocabulary.find(word).is_some());
        let names = |at: usize| {
            let word = self.word_at(at)?;
            (!self.is_grammar(at) && (at > ahead || !THINGS.contains(&word))).then_some(word)
        };
        let first = self.word_at(ahead).filter(|_| known).or_else(|| names(ahead))?;
        let words: Vec<&str> = std::iter::once(first).chain((ahead + 1..).map_while(names)).collect();
        let (label, is_plural) = self.vocabulary.name(&words.join(" "));
        Some((label, is_plural, words.len()))
    }

    /// Whether the word there says something of things, and is no part of a name.
    fn is_grammar(&self, ahead: usize) -> bool {
        const WORDS: [&str; 20] = [
            "and", "from", "not", "non", "at", "to", "that", "which", "who", "as", "plus", "is", "are", "made", "all",
            "every", "each", "both", "one", "ones",
        ];
        let Some(word) = self.word_at(ahead) else { return true };
        let rest = Parser { at: self.at + ahead, ..*self };
        !word.starts_with(char::is_alphanumeric)
            || WORDS.contains(&word)
            || DETERMINERS.contains(&word)
            || self.describes(ahead)
            || RELATIONS.iter().any(|(words, _)| rest.sees(words).is_some())
            || EXCEPTIONS.iter().any(|words| rest.sees(words).is_some())
    }

    /// The noun; whether it is plural. It may be missing where something says which one is meant.
    fn noun(&mut self, thing: &mut Thing, counted: bool) -> Result<bool, QueryError> {
        if let Some((label, is_plural, count)) = self.label_at(0) {
            self.at += count;
            thing.noun = Noun::Label(label);
            return Ok(is_plural);
        }
        let described = counted || thing.rank.is_some() || !thing.attributes.is_empty() || !thing.places.is_empty();
        let Some(word) = self.word() else {
            return if described { Ok(false) } else { Err(self.missing("the thing that is meant")) };
        };
        if THINGS.contains(&word) || word == "one" || word == "ones" {
            let is_plural = word.ends_with('s') || word.starts_with("every") || word.starts_with("any");
            self.at += 1;
            return Ok(is_plural);
        }
        if described && self.goes_on() {
            return Ok(false);
        }
        // An adjective is known; it is what comes after it that is not.
        let last = self.tokens.len() - self.at - 1;
        let known = (0..last).take_while(|ahead| self.describes(*ahead)).count();
        let token = &self.tokens[self.at + known];
        let near = self.vocabulary.near(&token.text);
        Err(QueryError::UnknownNoun { word: token.text.clone(), at: token.at.clone(), near })
    }

    /// Whether what may follow a noun stands here.
    fn goes_on(&self) -> bool {
        let word = self.word().unwrap_or_default();
        [",", "and", "from", "not", "at", "to", "that", "which", "who", "as", "plus"].contains(&word)
            || RELATIONS.iter().any(|(words, _)| self.sees(words).is_some())
            || EXCEPTIONS.iter().any(|words| self.sees(words).is_some())
    }

    fn after_noun(&mut self, thing: &mut Thing, ordinal: &mut Option<u32>, depth: usize) -> Result<(), QueryError> {
        loop {
            let start = self.at;
            // Several relations are joined, but only those of the outermost thing.
            if depth == 0 && !thing.relations.is_empty() && self.takes("and") && !self.relates() {
                self.at = start;
            }
            let filler = self.takes_any(&["that is", "that are", "which is", "which are", "who is", "who are"]);
            let negated = self.takes("not");
            if !negated && self.takes("from the") {
                self.counted_from(thing, ordinal)?;
            } else if let Some(place) = self.takes_place() {
                thing.places.insert(Placed { negated, place });
            } else if let Some(kind) = self.relation().filter(|_| depth < DEEPEST) {
                if depth > 0 && !thing.relations.is_empty() {
                    self.at = start;
                    return Ok(());
                }
                let to = self.thing(depth + 1)?;
                thing.relations.push(Relation { negated, kind, to });
            } else if let (true, Some(quality)) = (filler || negated, self.quality_at(0)) {
                if negated && !filler && self.begins_thing(1) {
                    // `not red ones` leaves something out.
                    self.at = start;
                    return Ok(());
                }
                self.at += 1;
                thing.attributes.insert(Attribute { negated, quality });
            } else if let Some(quality) = self.made_of() {
                thing.attributes.insert(Attribute { negated, quality });
            } else if filler {
                return Err(self.not_understood());
            } else {
                self.at = start;
                return Ok(());
            }
        }
    }

    fn relates(&self) -> bool {
        let ahead = usize::from(self.word() == Some("not"));
        let rest = Parser { at: self.at + ahead, ..*self };
        RELATIONS.iter().any(|(words, _)| rest.sees(words).is_some())
    }

    /// `from the left`, after an ordinal.
    fn counted_from(&mut self, thing: &mut Thing, ordinal: &mut Option<u32>) -> Result<(), QueryError> {
        let by = match self.place() {
            Some(Place::Left) => Order::Left,
            Some(Place::Right) => Order::Right,
            Some(Place::Top) => Order::Top,
            Some(Place::Bottom) => Order::Bottom,
            Some(Place::Foreground) => Order::Nearest,
            Some(Place::Background) => Order::Farthest,
            _ => return Err(self.not_understood()),
        };
        self.at += 1;
        ranked(thing, counted(by, ordinal.take()))
    }

    /// `on the left side of the picture`, `at the top`, `in the foreground`; not `on the left of the table`.
    fn takes_place(&mut self) -> Option<Place> {
        let start = self.at;
        let place = self.place_phrase();
        if place.is_none() {
            self.at = start;
        }
        place
    }

    fn place_phrase(&mut self) -> Option<Place> {
        if !self.takes_any(&["on the", "in the", "at the", "to the", "on", "at"]) {
            return None;
        }
        let place = self.place()?;
        self.at += 1;
        self.takes("hand");
        self.takes_any(&["side", "half", "part", "edge", "corner"]);
        if self.word() != Some("of") {
            return Some(place);
        }
        self.at += 1;
        self.takes("the");
        let is_picture = self.word().is_some_and(|word| PICTURES.contains(&word));
        self.at += usize::from(is_picture);
        is_picture.then_some(place)
    }

    fn relation(&mut self) -> Option<RelationKind> {
        let (kind, count) = RELATIONS.iter().find_map(|(words, kind)| Some((*kind, self.sees(words)?)))?;
        self.at += count;
        Some(kind)
    }

    /// `made of wood`.
    fn made_of(&mut self) -> Option<Quality> {
        let start = self.at;
        if self.takes("made of")
            && let Some(quality @ Quality::Material(_)) = self.quality_at(0)
        {
            self.at += 1;
            return Some(quality);
        }
        self.at = start;
        None
    }

    fn missing(&self, what: &'static str) -> QueryError {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        QueryError::Missing { what, after: before.map(|token| token.text.clone()).unwrap_or_default() }
    }

    fn not_understood(&self) -> QueryError {
        let Some(token) = self.tokens.get(self.at) else { return self.missing("what it is like or where") };
        let words = QUALITIES.iter().map(|(word, _)| *word).chain(PLACES.iter().map(|(word, _)| *word));
        let words =
            words.chain(SUPERLATIVES.iter().map(|(word, _)| *word)).chain(RELATIONS.iter().map(|(word, _)| *word));
        let words = words.chain(["and", "except", "not", "from"]).chain(SYNONYMS.iter().map(|(label, _)| *label));
        QueryError::UnknownWord { word: token.text.clone(), at: token.at.clone(), near: nearest(&token.text, words) }
    }
}

/// `last` is the first in the other direction.
const LAST: u32 = u32::MAX;

fn counted(by: Order, number: Option<u32>) -> Rank {
    match number {
        Some(LAST) => Rank { by: opposite(by), number: 1 },
        number => Rank { by, number: number.unwrap_or(1) },
    }
}

fn opposite(by: Order) -> Order {
    match by {
        Order::Left => Order::Right,
        Order::Right => Order::Left,
        Order::Top => Order::Bottom,
        Order::Bottom => Order::Top,
        Order::Largest => Order::Smallest,
        Order::Smallest => Order::Largest,
        Order::Nearest => Order::Farthest,
        Order::Farthest => Order::Nearest,
    }
}

fn ranked(thing: &mut Thing, rank: Rank) -> Result<(), QueryError> {
    match thing.rank.replace(rank) {
        Some(other) if other != rank => Err(QueryError::Contradiction("it is counted in two orders".to_owned())),
        _ => Ok(()),
    }
}
