//! Choices in a text: `{a|b}` is one of several, `{3::a|b}` says how often, `__list__` is a line of a file.
//!
//! A text is read once and drawn many times. What a draw gives depends on a number and on the place in the text
//! alone, so the same number gives the same text. Braces without a `|` of their own and places where values are
//! inserted stay as they are.

use std::collections::BTreeMap;

use super::interpolate::expression_end;
use crate::diagnostic::Span;

/// Most choices within choices, and lists within lists.
pub(super) const DEEPEST: usize = 32;

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// This, as it is.
    Text(String),
    /// One of these.
    Choice(Vec<Alternative>),
    /// A line of the list with this name; the name stands at this place of the text.
    List(String, Span),
}

/// One of several.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alternative {
    /// How often it is drawn, compared with the others.
    pub(super) weight: f64,
    /// What it is.
    pub(super) pieces: Vec<Piece>,
}

/// Why a text has no choices; the span is in bytes of the text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(super) struct ChoiceError {
    pub(super) message: String,
    pub(super) span: Span,
}

/// Reads `text`.
pub(super) fn parse(text: &str) -> Result<Vec<Piece>, ChoiceError> {
    let reader = Reader { text, braces: braces(text) };
    reader.pieces(0, text.len(), 0)
}

/// Reads one line of a list: an alternative with its weight.
pub(super) fn parse_line(line: &str) -> Result<Alternative, ChoiceError> {
    let reader = Reader { text: line, braces: braces(line) };
    reader.alternative(0, line.len(), 0)
}

/// That nothing of `alternatives` can be drawn.
pub(super) fn never_drawn(alternatives: &[Alternative]) -> bool {
    alternatives.iter().all(|alternative| alternative.weight <= 0.0)
}

/// The names of the lists that `pieces` draw from, with their places.
pub(super) fn lists_of(pieces: &[Piece]) -> Vec<(&str, Span)> {
    let of = |piece| match piece {
        &Piece::Text(_) => Vec::new(),
        Piece::List(name, span) => vec![(name.as_str(), *span)],
        Piece::Choice(all) => all.iter().flat_map(|alternative| lists_of(&alternative.pieces)).collect(),
    };
    pieces.iter().flat_map(of).collect()
}

/// The alternative of `alternatives` that `seed` gives at `place`; none when there is none to draw.
pub(super) fn draw<'a>(alternatives: &'a [Alternative], seed: u64, place: &[u32]) -> Option<(u32, &'a Alternative)> {
    let all: f64 = alternatives.iter().map(|alternative| alternative.weight).sum();
    let mut left = share(seed, place) * all;
    let mut last = None;
    for (number, alternative) in (0..).zip(alternatives).filter(|(_, alternative)| alternative.weight > 0.0) {
        last = Some((number, alternative));
        left -= alternative.weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

/// A number from 0 to 1 that `seed` and `place` give: the first 53 bits of their BLAKE3.
fn share(seed: u64, place: &[u32]) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    for step in place {
        hasher.update(&step.to_le_bytes());
    }
    let bits = hasher.finalize().as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// What stands at the opening brace at some byte of a text.
enum Brace {
    /// A place where a value is inserted; where it ends, the brace included.
    Insert(usize),
    /// A group that ends before this byte, with bars of its own at these.
    Group(usize, Vec<usize>),
}

/// The braces of `text` that have a counterpart, by where they open.
fn braces(text: &str) -> BTreeMap<usize, Brace> {
    let mut found = BTreeMap::new();
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'{' => {
                if let Some(end) = expression_end(text, at + 1) {
                    found.insert(at, Brace::Insert(end + 1));
                    at = end;
                } else {
                    open.push((at, Vec::new()));
                }
            }
            b'|' => open.last_mut().into_iter().for_each(|(_, bars)| bars.push(at)),
            b'}' => {
                if let Some((start, bars)) = open.pop() {
                    found.insert(start, Brace::Group(at + 1, bars));
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

struct Reader<'a> {
    text: &'a str,
    braces: BTreeMap<usize, Brace>,
}

impl Reader<'_> {
    /// What stands from `start` to `end`.
    fn pieces(&self, start: usize, end: usize, depth: usize) -> Result<Vec<Piece>, ChoiceError> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut at = start;
        while at < end {
            let (piece, next) = match (self.text.as_bytes()[at], self.braces.get(&at)) {
                (b'{', Some(Brace::Insert(after))) => {
                    text.push_str(&self.text[at..*after]);
                    (None, *after)
                }
                (b'{', Some(Brace::Group(after, bars))) if !bars.is_empty() => {
                    (Some(self.choice(at, *after, bars, depth)?), *after)
                }
                (b'{', Some(Brace::Group(after, _))) if self.is_escaped(at) => {
                    text.push_str(&self.text[at + 1..*after - 1]);
                    (None, *after)
                }
                (b'_', _) => match list_name(&self.text[at..end]) {
                    Some(name) => {
                        let after = at + name.len() + 4;
                        (Some(Piece::List(name.to_owned(), Span::new(at, after))), after)
                    }
                    None => self.copied(at, &mut text),
                },
                _ => self.copied(at, &mut text),
            };
            if let Some(piece) = piece {
                push_text(&mut pieces, &mut text);
                pieces.push(piece);
            }
            at = next;
        }
        push_text(&mut pieces, &mut text);
        Ok(pieces)
    }

    fn copied(&self, at: usize, text: &mut String) -> (Option<Piece>, usize) {
        let character = self.text[at..].chars().next().unwrap_or_default();
        text.push(character);
        (None, at + character.len_utf8())
    }

    fn choice(&self, open: usize, after: usize, bars: &[usize], depth: usize) -> Result<Piece, ChoiceError> {
        let span = Span::new(open, after);
        let error = |message: String| ChoiceError { message, span };
        if depth >= DEEPEST {
            return Err(error(format!("choices are nested at most {DEEPEST} deep")));
        }
        let starts = std::iter::once(open + 1).chain(bars.iter().map(|bar| bar + 1));
        let ends = bars.iter().copied().chain([after - 1]);
        let alternatives = starts.zip(ends).map(|(start, end)| self.alternative(start, end, depth + 1));
        let alternatives: Vec<Alternative> = alternatives.collect::<Result<_, _>>()?;
        if never_drawn(&alternatives) {
            return Err(error("no alternative has a weight above 0".to_owned()));
        }
        Ok(Piece::Choice(alternatives))
    }

    fn alternative(&self, start: usize, end: usize, depth: usize) -> Result<Alternative, ChoiceError> {
        let text = &self.text[start..end];
        let digits = text.trim_start().bytes().take_while(|b| b.is_ascii_digit() || *b == b'.' || *b == b'-').count();
        let number_end = start + text.len() - text.trim_start().len() + digits;
        let rest = &self.text[number_end..end];
        if rest.starts_with("$$") {
            let message = "several of the alternatives (`2$$`) cannot be drawn: write the combinations out".to_owned();
            return Err(ChoiceError { message, span: Span::new(start, number_end + 2) });
        }
        if digits == 0 || !rest.starts_with("::") {
            return Ok(Alternative { weight: 1.0, pieces: self.pieces(start, end, depth)? });
        }
        let weight = self.text[start..number_end].trim().parse::<f64>().ok().filter(|weight| *weight >= 0.0);
        let weight = weight.filter(|weight| *weight <= 1e9).ok_or_else(|| ChoiceError {
            message: format!(
                "`{}` is no weight: a number from 0 on stands before `::`",
                self.text[start..number_end].trim()
            ),
            span: Span::new(start, number_end + 2),
        })?;
        Ok(Alternative { weight, pieces: self.pieces(number_end + 2, end, depth)? })
    }

    /// Whether the braces at `open` are only there to keep the choice within them from being drawn: `{{a|b}}`.
    fn is_escaped(&self, open: usize) -> bool {
        let mut at = open;
        while let Some(Brace::Group(after, bars)) = self.braces.get(&at) {
            if !bars.is_empty() {
                return at > open;
            }
            match self.braces.get(&(at + 1)) {
                Some(Brace::Group(inner, _)) if inner + 1 == *after && at - open < DEEPEST => at += 1,
                _ => return false,
            }
        }
        false
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &mut String) {
    if !text.is_empty() {
        pieces.push(Piece::Text(std::mem::take(text)));
    }
}

/// The name of the list that `text` begins with: `__colours__`, `__hair/long__`.
fn list_name(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("__")?;
    let name = &rest[..rest.find("__")?];
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    (name.split('/').all(is_part) && !name.starts_with('_')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All texts that can be drawn, without lists.
    fn all(pieces: &[Piece]) -> Vec<String> {
        pieces.iter().fold(vec![String::new()], |before, piece| {
            let next = match piece {
                Piece::Text(text) => vec![text.clone()],
                Piece::List(name, _) => vec![format!("<{name}>")],
                Piece::Choice(alternatives) => alternatives.iter().flat_map(|a| all(&a.pieces)).collect(),
            };
            before.iter().flat_map(|start| next.iter().map(move |end| format!("{start}{end}"))).collect()
        })
    }

    fn drawn(text: &str) -> Vec<String> {
        all(&parse(text).unwrap())
    }

    #[test]
    fn every_sentence_of_the_rules() {
        for (text, expected) in [
            ("a {red|blue} hat", vec!["a red hat", "a blue hat"]),
            ("{a|{b|c} d}", vec!["a", "b d", "c d"]),
            ("{{a|b}|c}", vec!["a", "b", "c"]),
            ("{2::a|0.5::b|c}", vec!["a", "b", "c"]),
            ("{, smiling|}", vec![", smiling", ""]),
            ("__hair/long__ {x|__a_b__}", vec!["<hair/long> x", "<hair/long> <a_b>"]),
            // What ComfyUI reads itself, and what is inserted.
            ("(hat:1.2) [a|b] {subject}", vec!["(hat:1.2) [a|b] {subject}"]),
            ("{red {subject}|{subject}}", vec!["red {subject}", "{subject}"]),
            ("{slug('a|b')}", vec!["{slug('a|b')}"]),
            // Braces without bars, and what is written twice.
            (r#"{"a": {"b": 1}} | {x"#, vec![r#"{"a": {"b": 1}} | {x"#]),
            ("{{subject}}", vec!["{{subject}}"]),
            ("{{a|b}}", vec!["{a|b}"]),
            ("{{{a|b}}}", vec!["{{a|b}}"]),
            ("{ {a|b} }", vec!["{ a }", "{ b }"]),
            ("}{a|b", vec!["}{a|b"]),
            ("____ __ _a_ __a b__", vec!["____ __ _a_ __a b__"]),
            ("{1:2|ratio 3::4}", vec!["1:2", "ratio 3::4"]),
        ] {
            assert_eq!(drawn(text), expected, "{text}");
        }
    }

    #[test]
    fn errors() {
        for (text, message, span) in [
            ("x {2$$a|b}", "several of the alternatives", (3, 6)),
            ("{0::a|0::b}", "no alternative has a weight above 0", (0, 11)),
            ("{-1::a|b}", "`-1` is no weight", (1, 5)),
            ("{1.2.3::a|b}", "`1.2.3` is no weight", (1, 8)),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message.starts_with(message), "{text}: {error}");
            assert_eq!((error.span.start, error.span.end), span, "{text}");
        }
        let deep = format!("{}a{}", "{x|".repeat(40), "}".repeat(40));
        assert!(parse(&deep).unwrap_err().message.contains("at most 32 deep"));
    }

    #[test]
    fn a_hostile_text_takes_no_time() {
        let begun = std::time::Instant::now();
        assert_eq!(drawn(&"{".repeat(200_000)).len(), 1);
        assert_eq!(drawn(&format!("{}{}", "{".repeat(20_000), "}".repeat(20_000))).len(), 1);
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn weights_say_how_often() {
        let Piece::Choice(alternatives) = &parse("{3::a|b|0::c}").unwrap()[0] else { panic!() };
        let mut counts = [0; 3];
        for seed in 0..4000 {
            counts[draw(alternatives, seed, &[7]).unwrap().0 as usize] += 1;
        }
        assert!((2900..3100).contains(&counts[0]), "{counts:?}");
        assert_eq!(counts[2], 0);
        let draws = |place: &[u32]| (0..64).map(|s| draw(alternatives, s, place).unwrap().0).collect::<Vec<_>>();
        assert_eq!(draws(&[1]), draws(&[1]));
        assert_ne!(draws(&[1]), draws(&[2]));
    }
}
