//! Which node of one graph is which of the other, when their names alone do not tell.
//!
//! Evident is only what links make evident: the same nodes take the same outputs of it, or it takes the
//! same outputs of the same nodes, or everything that leads to it is the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::{content_hash::ContentHash, ident::IndexMap};

/// Something with a name, and how it is linked: a node, or a task.
#[derive(Clone, Debug, Default)]
pub(super) struct Linked {
    /// Class or type: only things of one kind are the same.
    pub(super) kind: String,
    /// Name for people.
    pub(super) title: Option<String>,
    /// From a place in it to what another gives: input, the other, its output.
    pub(super) links: Vec<(String, String, String)>,
    /// Everything else that it says.
    pub(super) values: BTreeMap<String, Value>,
}

/// One of the two sides.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// What there is, by name.
    pub(super) all: IndexMap<String, Linked>,
    /// Who from outside takes what: place, name, output.
    pub(super) outer: Vec<(String, String, String)>,
}

/// What a name is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Somebody chose them: the same name is the same thing.
    Chosen,
    /// A program gave them: only with the same kind and title they say something.
    Given,
}

/// Pairs of names, in the order of `before`.
pub(super) fn matching(before: &Side, after: &Side, names: Names) -> IndexMap<String, String> {
    let mut pairs: IndexMap<String, String> = IndexMap::default();
    for (name, old) in &before.all {
        let Some(new) = after.all.get(name) else { continue };
        if names == Names::Chosen || old.kind == new.kind && old.title == new.title {
            pairs.insert(name.clone(), name.clone());
        }
    }
    pair_unique(before, after, &mut pairs, &|side| {
        let mut hashes = HashMap::new();
        side.all.keys().map(|name| (name.clone(), content(side, name, &mut hashes, 0))).collect()
    });
    if names == Names::Given {
        pair_unique(before, after, &mut pairs, &|side| {
            let titled = side
                .all
                .iter()
                .filter_map(|(name, l)| Some((name.clone(), format!("{} {}", l.kind, l.title.as_ref()?))));
            titled.collect()
        });
    }
    while pair_by_links(before, after, &mut pairs) {}
    if names == Names::Given {
        pair_unique(before, after, &mut pairs, &|side| {
            side.all.iter().map(|(name, linked)| (name.clone(), linked.kind.clone())).collect()
        });
    }
    pairs.sort_by_cached_key(|name, _| before.all.get_index_of(name));
    pairs
}

/// Deepest graph that is looked through.
const DEEPEST: usize = 500;

/// Most pairs that are weighed against each other.
const MOST_PAIRS: usize = 1_000_000;

/// Hash of all that leads to `name` and what it says; names do not count.
fn content(side: &Side, name: &str, hashes: &mut HashMap<String, String>, depth: usize) -> String {
    if let Some(hash) = hashes.get(name) {
        return hash.clone();
    }
    let Some(linked) = side.all.get(name).filter(|_| depth < DEEPEST) else { return String::new() };
    // In a cycle, a thing counts as nothing for itself.
    hashes.insert(name.to_owned(), String::new());
    let mut links: Vec<Value> = Vec::new();
    for (place, source, output) in &linked.links {
        links.push(json!([place, content(side, source, hashes, depth + 1), output]));
    }
    links.sort_by_key(Value::to_string);
    let hash = ContentHash::of_json(&json!([linked.kind, links, linked.values])).to_string();
    hashes.insert(name.to_owned(), hash.clone());
    hash
}

/// Pairs those of equal `mark` that are alone with it on their side.
fn pair_unique(
    before: &Side,
    after: &Side,
    pairs: &mut IndexMap<String, String>,
    mark: &dyn Fn(&Side) -> Vec<(String, String)>,
) {
    let taken: BTreeSet<String> = pairs.values().cloned().collect();
    let unique = |side: &Side, is_free: &dyn Fn(&str) -> bool| {
        let mut by_mark: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (name, mark) in mark(side).into_iter().filter(|(name, _)| is_free(name)) {
            by_mark.entry(mark).and_modify(|other| *other = None).or_insert(Some(name));
        }
        by_mark
    };
    let old = unique(before, &|name| !pairs.contains_key(name));
    let new = unique(after, &|name| !taken.contains(name));
    for (mark, name) in old {
        if let (Some(name), Some(Some(other))) = (name, new.get(&mark))
            && before.all[&name].kind == after.all[other].kind
        {
            pairs.insert(name, other.clone());
        }
    }
}

/// Pairs what its links make evident, given what is paired already; whether there was something.
fn pair_by_links(before: &Side, after: &Side, pairs: &mut IndexMap<String, String>) -> bool {
    let taken: BTreeSet<&str> = pairs.values().map(String::as_str).collect();
    let free_before: Vec<&str> = before.all.keys().map(String::as_str).filter(|n| !pairs.contains_key(*n)).collect();
    let free_after: Vec<&str> = after.all.keys().map(String::as_str).filter(|n| !taken.contains(n)).collect();
    if free_before.len().saturating_mul(free_after.len()) > MOST_PAIRS {
        return false;
    }
    let known = |name: &str| taken.contains(name);
    let old_readers = readers(before, &|name| pairs.get(name).cloned());
    let new_readers = readers(after, &|name| known(name).then(|| name.to_owned()));
    let mut scored: Vec<(usize, &str, &str)> = Vec::new();
    for old in &free_before {
        for new in free_after.iter().filter(|new| before.all[*old].kind == after.all[**new].kind) {
            let nothing = BTreeSet::new();
            let (a, b) = (old_readers.get(*old).unwrap_or(&nothing), new_readers.get(*new).unwrap_or(&nothing));
            let shared = a.intersection(b).count();
            let (x, y) = (
                sources(&before.all[*old], &|n| pairs.get(n).cloned()),
                sources(&after.all[*new], &|n| Some(n.to_owned())),
            );
            let same_sources = !x.is_empty() && x == y;
            if shared > 0 || same_sources {
                let values = &after.all[*new].values;
                let alike =
                    before.all[*old].values.iter().filter(|(key, value)| values.get(*key) == Some(value)).count();
                scored.push((shared * 100 + x.intersection(&y).count() * 10 + alike, old, new));
            }
        }
    }
    scored.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
    let mut new_pairs: Vec<(String, String)> = Vec::new();
    let (mut old_done, mut new_done) = (BTreeSet::new(), BTreeSet::new());
    for (score, old, new) in &scored {
        // Two that are equally likely are not evident.
        let rivals = scored.iter().filter(|(s, a, b)| s == score && (a == old) != (b == new)).count();
        if old_done.insert(*old) & new_done.insert(*new) && rivals == 0 {
            new_pairs.push(((*old).to_owned(), (*new).to_owned()));
        }
    }
    let found = !new_pairs.is_empty();
    pairs.extend(new_pairs);
    found
}

/// For each name who takes what of it: the reader as the other side calls it, place, output.
fn readers(
    side: &Side,
    called: &dyn Fn(&str) -> Option<String>,
) -> HashMap<String, BTreeSet<(String, String, String)>> {
    let mut readers: HashMap<String, BTreeSet<(String, String, String)>> = HashMap::new();
    for (reader, linked) in &side.all {
        let Some(reader) = called(reader) else { continue };
        for (place, source, output) in &linked.links {
            readers.entry(source.clone()).or_default().insert((reader.clone(), place.clone(), output.clone()));
        }
    }
    for (place, source, output) in &side.outer {
        readers.entry(source.clone()).or_default().insert((String::new(), place.clone(), output.clone()));
    }
    readers
}

fn sources(linked: &Linked, called: &dyn Fn(&str) -> Option<String>) -> BTreeSet<(String, Option<String>, String)> {
    linked.links.iter().map(|(place, source, output)| (place.clone(), called(source), output.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(nodes: &[(&str, &str, &[(&str, &str)], u32)]) -> Side {
        let all = nodes.iter().map(|(name, kind, links, value)| {
            let links = links.iter().map(|(place, source)| ((*place).to_owned(), (*source).to_owned(), "0".to_owned()));
            let linked = Linked {
                kind: (*kind).to_owned(),
                links: links.collect(),
                values: BTreeMap::from([("v".to_owned(), (*value).into())]),
                ..Linked::default()
            };
            ((*name).to_owned(), linked)
        });
        Side { all: all.collect(), outer: Vec::new() }
    }

    fn pairs(before: &Side, after: &Side, names: Names) -> Vec<(String, String)> {
        matching(before, after, names).into_iter().collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn a_renamed_and_changed_node_is_found_by_its_links() {
        let before = side(&[
            ("load", "L", &[], 1),
            ("sample", "S", &[("model", "load")], 20),
            ("save", "O", &[("image", "sample")], 0),
        ]);
        let after = side(&[
            ("load", "L", &[], 1),
            ("refine", "S", &[("model", "load")], 30),
            ("save", "O", &[("image", "refine")], 0),
        ]);
        assert_eq!(
            pairs(&before, &after, Names::Chosen),
            owned(&[("load", "load"), ("sample", "refine"), ("save", "save")])
        );
    }

    #[test]
    fn twins_are_not_evident() {
        let before = side(&[("a", "S", &[], 1), ("x", "O", &[("i", "a")], 0)]);
        let after = side(&[("b", "S", &[], 2), ("c", "S", &[], 3), ("x", "O", &[("i", "b"), ("j", "c")], 0)]);
        assert_eq!(
            pairs(&before, &after, Names::Chosen),
            owned(&[("a", "b"), ("x", "x")]),
            "only b feeds the same input"
        );
        let apart = side(&[("b", "S", &[], 2), ("c", "S", &[], 3), ("x", "O", &[], 0)]);
        assert_eq!(pairs(&before, &apart, Names::Chosen), owned(&[("x", "x")]));
    }

    #[test]
    fn a_graph_with_other_numbers_is_the_same_graph() {
        let before = side(&[("1", "L", &[], 1), ("2", "S", &[("m", "1")], 20), ("3", "O", &[("i", "2")], 0)]);
        let after = side(&[("3", "L", &[], 1), ("1", "S", &[("m", "3")], 25), ("2", "O", &[("i", "1")], 0)]);
        assert_eq!(pairs(&before, &after, Names::Given), owned(&[("1", "3"), ("2", "1"), ("3", "2")]));
    }

    #[test]
    fn cycles_end() {
        let before = side(&[("a", "S", &[("i", "b")], 1), ("b", "S", &[("i", "a")], 1)]);
        assert_eq!(pairs(&before, &before, Names::Chosen).len(), 2);
        let deep: Vec<(String, Linked)> = (0..5000)
            .map(|n| {
                (
                    n.to_string(),
                    Linked { links: vec![("i".to_owned(), (n + 1).to_string(), "0".to_owned())], ..Linked::default() },
                )
            })
            .collect();
        let deep = Side { all: deep.into_iter().collect(), outer: Vec::new() };
        assert_eq!(matching(&deep, &deep, Names::Given).len(), 5000);
    }
}
