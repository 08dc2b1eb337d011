//! Gathers comments while a text is read and says which value each belongs to.
//!
//! A comment line is kept without its marker and without blanks at its end, but with the blanks
//! after the marker: `# like this` is `" like this"`, so that `#:schema` stays what it is. A
//! comment without text is one blank, since the empty string stands for a blank line.

use super::tree::Comments;

/// Comment lines that wait for the value below them.
#[derive(Default)]
pub(super) struct Pending {
    lines: Vec<String>,
}

impl Pending {
    /// Whether no line waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds the text of a comment line.
    pub(super) fn push(&mut self, text: &str) {
        self.lines.push(comment_line(text));
    }

    /// Adds lines that were kept before, blank ones included.
    pub(super) fn extend(&mut self, lines: &[String]) {
        for line in lines {
            if line.is_empty() { self.blank_line() } else { self.push(line) }
        }
    }

    /// Notes a blank line; one between or after comments is kept, however many there are.
    pub(super) fn blank_line(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    /// Takes the lines that have come together.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Takes the lines for a place at the end of a table, where a last blank line says nothing.
    pub(super) fn take_dangling(&mut self) -> Vec<String> {
        let mut lines = self.take();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}

/// The text of a comment as it is kept.
pub(super) fn comment_line(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() { " ".to_owned() } else { text.to_owned() }
}

/// The comments of a list's first row, where rows stand one by one: what comes before the last
/// blank line is about the list, the rest about the row.
pub(super) fn split_first_row(above: &mut Vec<String>) -> Comments {
    let Some(last_blank) = above.iter().rposition(String::is_empty) else { return Comments::default() };
    let row = above.split_off(last_blank + 1);
    let mut list = std::mem::replace(above, row);
    list.pop();
    Comments::above(list)
}
