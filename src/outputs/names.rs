//! Names of the files that an item leaves.

use std::path::Path;

use crate::{compile::OutputSpec, ident, run::Job};

/// The path of file `index` of the `count` files of output `spec`, relative to the workspace:
/// `<stem>[.<output>][.<index>].<ending>` in the item's folder. The first output has no name in it,
/// a single file no index. A dot parts them, which no stem has, so that two items of one folder
/// never meet.
pub fn output_path(job: &Job, spec: &OutputSpec, index: usize, count: usize, ending: &str) -> String {
    let suffix = file_suffix(&job.prepared.outputs, spec, index, count);
    relative_path(&job.folder, &format!("{}{suffix}.{ending}", safe_stem(&job.stem)))
}

fn file_suffix(outputs: &[OutputSpec], spec: &OutputSpec, index: usize, count: usize) -> String {
    let first = outputs.first().is_some_and(|first| first.name == spec.name);
    let name = if first { String::new() } else { format!(".{}", safe_stem(&spec.name)) };
    if count == 1 { name } else { format!("{name}.{}", index + 1) }
}

/// The stem with everything replaced that some file system refuses. Stems that are fine stay as
/// they are; others are slugged and get a hash, so that different ones stay different.
pub fn safe_stem(stem: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let reserved = ["con", "prn", "aux", "nul"].contains(&stem.to_ascii_lowercase().as_str())
        || (stem.len() == 4 && ["com", "lpt"].iter().any(|name| stem.to_ascii_lowercase().starts_with(name)));
    if !stem.is_empty() && stem.len() <= 160 && stem.chars().all(fine) && !reserved {
        return stem.to_owned();
    }
    let hash = crate::content_hash::ContentHash::of_bytes(stem.as_bytes());
    format!("{}-{}", ident::slug(stem), hash.short())
}

fn relative_path(folder: &Path, name: &str) -> String {
    let mut parts: Vec<_> = folder.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts.push(name.to_owned());
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn stems_are_safe_and_stay_different() {
        assert_eq!(safe_stem("front-a1"), "front-a1");
        let odd = ["", "..", "a/b", "a\\b", "a b", "CON", "com1", "nul", "日本", "日木"];
        let safe: BTreeSet<_> = odd.iter().map(|stem| safe_stem(stem)).collect();
        assert_eq!(safe.len(), odd.len());
        assert!(safe.iter().all(|stem| stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')), "{safe:?}");
    }
}
