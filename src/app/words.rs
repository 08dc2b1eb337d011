//! Words that several operations put together.

/// `1 error`, `2 errors`.
pub fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
