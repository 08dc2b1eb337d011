//! Names: what may be called what, what they are kept in, and what a misspelt one was probably
//! meant to be.
//!
//! Knows nothing of documents; every layer above uses it.

/// A map in order of appearance. Documents are made of small maps by name: hashing their keys with
/// the standard library's function would be a tenth of what reading and judging costs.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V, foldhash::fast::RandomState>;

/// A set in order of appearance.
pub type IndexSet<T> = indexmap::IndexSet<T, foldhash::fast::RandomState>;

/// A map without an order.
pub type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// A set whose order nobody asks for.
pub type HashSet<T> = std::collections::HashSet<T, foldhash::fast::RandomState>;

/// Whether `name` is a document name: lower case letters, digits and inner hyphens.
pub fn is_document_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether `name` may name a node, task, parameter, variation, layer or foreach key:
/// `[A-Za-z_][A-Za-z0-9_]*`.
pub fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The candidate closest to `given`, when it is close enough to be a likely slip of the pen.
///
/// Compares case-insensitively with the Damerau-Levenshtein distance; at most a third of the
/// letters may differ. Ties go to the earlier candidate.
pub fn did_you_mean<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = given.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&lower, &c.to_lowercase()), c))
        .filter(|(distance, c)| *distance <= given.chars().count().max(c.chars().count()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// Turns any text into a part of a file name that every file system accepts:
/// lower case letters, digits and single hyphens, at most 48 bytes; `"x"` when nothing is left.
pub fn slug(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 48 {
            break;
        }
    }
    let trimmed = out.trim_end_matches('-');
    if trimmed.is_empty() { "x".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(is_document_name("product-photo") && is_document_name("q4"));
        for bad in ["", "Product", "-a", "a-", "a_b", "ä"] {
            assert!(!is_document_name(bad), "{bad}");
        }
        assert!(is_identifier("_a9") && is_identifier("KSampler"));
        for bad in ["", "9a", "a-b", "a.b", "é"] {
            assert!(!is_identifier(bad), "{bad}");
        }
    }

    #[test]
    fn suggestions() {
        assert_eq!(did_you_mean("depend_on", ["retry", "depends_on"]), Some("depends_on"));
        assert_eq!(did_you_mean("ksampler", ["KSampler"]), Some("KSampler"));
        assert_eq!(did_you_mean("zebra", ["retry", "depends_on"]), None);
    }

    #[test]
    fn slugs() {
        assert_eq!(slug("45 Degrees, top!"), "45-degrees-top");
        assert_eq!(slug("日本"), "x");
        assert_eq!(slug("../../etc"), "etc");
    }
}
