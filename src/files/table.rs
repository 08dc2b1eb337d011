//! What tables in CSV have in common, whatever is in them.

use crate::diagnostic::Span;

/// Commas or semicolons, whichever the first line has more of.
pub fn csv_delimiter(first_line: &[u8]) -> u8 {
    let count = |wanted: u8| first_line.split(|byte| *byte == wanted).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

/// Finds the places of rows and cells in the text of a table.
#[derive(Clone, Copy, Debug)]
pub struct CsvPlaces<'a> {
    /// The text.
    pub text: &'a str,
    /// What parts its cells.
    pub delimiter: u8,
}

impl CsvPlaces<'_> {
    /// Where the row at `position` begins in the text, whose byte order mark is `mark` bytes long. The reader's
    /// position may be that of the end of the line before.
    pub fn start(&self, position: Option<&csv::Position>, mark: usize) -> usize {
        let at = (position.map_or(0, |position| position.byte() as usize) + mark).min(self.text.len());
        let ends = self.text.as_bytes()[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        at + ends
    }

    /// The row that begins at `start`, without the end of its line.
    pub fn row(&self, start: usize) -> Span {
        let end = self.text[start..].find(['\r', '\n']).map_or(self.text.len(), |length| start + length);
        Span::new(start, end)
    }

    /// The cell `column` of the row that begins at `start`, without the space around it.
    pub fn cell(&self, start: usize, column: usize) -> Span {
        let bytes = self.text.as_bytes();
        let (mut at, mut begin, mut number, mut is_quoted) = (start, start, 0, false);
        while at < bytes.len() {
            match bytes[at] {
                b'"' => is_quoted = !is_quoted,
                b'\r' | b'\n' if !is_quoted => break,
                byte if byte == self.delimiter && !is_quoted => {
                    if number == column {
                        break;
                    }
                    number += 1;
                    begin = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        let text = &self.text[begin..at];
        let before = text.len() - text.trim_start().len();
        let begin = if text.trim().is_empty() { begin } else { begin + before };
        Span::new(begin, begin + text.trim().len())
    }
}

#[cfg(test)]
mod tests {
    use super::csv_delimiter;

    #[test]
    fn the_first_line_tells() {
        assert_eq!(csv_delimiter(b"a;b,c;d"), b';');
        assert_eq!(csv_delimiter(b"a;b,c"), b',');
        assert_eq!(csv_delimiter(b""), b',');
    }
}
