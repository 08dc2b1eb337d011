//! What tables in CSV have in common, whatever is in them.

/// Commas or semicolons, whichever the first line has more of.
pub fn csv_delimiter(first_line: &[u8]) -> u8 {
    let count = |wanted: u8| first_line.split(|byte| *byte == wanted).count();
    if count(b';') > count(b',') { b';' } else { b',' }
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
