//! A query as words, each with its place.

use std::ops::Range;

/// One word, or a comma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// The word in lower case.
    pub(super) text: String,
    /// Its bytes.
    pub(super) at: Range<usize>,
}

/// The words of `text` in lower case, each with its bytes, without commas and other signs.
pub fn sentence(text: &str) -> Vec<(String, Range<usize>)> {
    let words = tokens(text).into_iter().filter(|token| token.text.starts_with(char::is_alphanumeric));
    words.map(|token| (token.text, token.at)).collect()
}

/// The words of `text`. What is neither letter, digit, hyphen nor comma parts words; a hyphen parts them as well
/// (`left-hand`), and an apostrophe ends one (`dog's`).
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut start = None;
    let mut push = |from: usize, to: usize| {
        if let Some(word) = text.get(from..to) {
            out.push(Token { text: word.to_lowercase(), at: from..to });
        }
    };
    for (at, letter) in text.char_indices() {
        if letter.is_alphanumeric() {
            start.get_or_insert(at);
            continue;
        }
        if let Some(from) = start.take() {
            push(from, at);
        }
        if letter == ',' || letter == ';' {
            push(at, at + 1);
        } else if !letter.is_whitespace() && !"-'’.!?\"".contains(letter) {
            push(at, at + letter.len_utf8());
        }
    }
    if let Some(from) = start {
        push(from, text.len());
    }
    out
}
