//! Sets of items as relations: rows of key values, joined naturally.
//!
//! Pure and deterministic: rows keep the order in which they were made; hash maps are only looked
//! up, never iterated.

use serde_json::Value;

use super::interpolate::{ROW_KEY, to_text};
use crate::ident::{HashMap, IndexMap, IndexSet};

/// Index of a key in [`KeyTable`].
pub type KeyIx = u32;

/// Index of a value among the values of its key.
pub type ValueIx = u32;

/// All keys of a document and their values, by identity.
#[derive(Debug, Default)]
pub struct KeyTable {
    names: IndexSet<String>,
    values: Vec<IndexMap<String, Value>>,
}

impl KeyTable {
    /// The index of key `name`, which is added when it is new.
    pub fn key(&mut self, name: &str) -> KeyIx {
        let (index, new) = self.names.insert_full(name.to_owned());
        if new {
            self.values.push(IndexMap::default());
        }
        index as KeyIx
    }

    /// The index of the value of `key` with the same identity, which is added when it is new.
    pub fn value(&mut self, key: KeyIx, value: Value) -> ValueIx {
        let identity = identity(&value);
        let entry = self.values[key as usize].entry(identity);
        let index = entry.index();
        entry.or_insert(value);
        index as ValueIx
    }

    /// The index of the value of `key` with this identity.
    pub fn find(&self, key: KeyIx, value: &Value) -> Option<ValueIx> {
        self.values[key as usize].get_index_of(&identity(value)).map(|i| i as ValueIx)
    }

    /// The index of key `name`, if there is one.
    pub fn find_key(&self, name: &str) -> Option<KeyIx> {
        self.names.get_index_of(name).map(|i| i as KeyIx)
    }

    /// Name of `key`.
    pub fn name(&self, key: KeyIx) -> &str {
        &self.names[key as usize]
    }

    /// The text that identifies a value.
    pub fn identity(&self, key: KeyIx, value: ValueIx) -> &str {
        self.values[key as usize].get_index(value as usize).map_or("", |(identity, _)| identity)
    }

    /// A value.
    pub fn get(&self, key: KeyIx, value: ValueIx) -> &Value {
        &self.values[key as usize][value as usize]
    }
}

/// The text that identifies a value among the values of its key: a row's key, else its text, so
/// that 1 and "1" are the same.
pub fn identity(value: &Value) -> String {
    match value {
        Value::Object(row) => match row.get(ROW_KEY) {
            Some(key) => identity(key),
            None => crate::content_hash::canonical_json(value),
        },
        other => to_text(other).unwrap_or_else(|| crate::content_hash::canonical_json(other)),
    }
}

/// Rows over some keys. A relation without keys has one empty row, or none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Relation {
    /// The keys, in the order of addresses.
    pub keys: Vec<KeyIx>,
    /// Values, `keys.len()` for each row.
    values: Vec<ValueIx>,
    len: usize,
}

/// Why two relations do not join; rows are given as texts.
#[derive(Debug, Clone, PartialEq)]
pub enum JoinProblem {
    /// They have keys, but none in common.
    Disjoint,
    /// Rows of the left side (`true`) or the right side have no counterpart.
    Unmatched(bool, Vec<Vec<ValueIx>>),
}

impl Relation {
    /// One empty row and no keys: the neutral element of joining.
    pub fn unit() -> Self {
        Self { keys: Vec::new(), values: Vec::new(), len: 1 }
    }

    fn is_unit(&self) -> bool {
        self.keys.is_empty() && self.len == 1
    }

    /// No rows over `keys`.
    pub fn empty(keys: Vec<KeyIx>) -> Self {
        Self { keys, values: Vec::new(), len: 0 }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Row `index`.
    pub fn row(&self, index: usize) -> &[ValueIx] {
        &self.values[index * self.keys.len()..(index + 1) * self.keys.len()]
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &[ValueIx]> {
        (0..self.len).map(|i| self.row(i))
    }

    /// Adds a row.
    pub fn push(&mut self, row: &[ValueIx]) {
        debug_assert_eq!(row.len(), self.keys.len());
        self.values.extend_from_slice(row);
        self.len += 1;
    }

    /// The columns in which `keys` stand; keys that this relation lacks are left out.
    pub fn columns(&self, keys: &[KeyIx]) -> Vec<usize> {
        keys.iter().filter_map(|k| self.keys.iter().position(|own| own == k)).collect()
    }

    /// The distinct rows over `keys`, in the order of their first appearance.
    #[must_use]
    pub fn project(&self, keys: &[KeyIx]) -> Self {
        let columns = self.columns(keys);
        let mut out = Self::empty(columns.iter().map(|c| self.keys[*c]).collect());
        let mut seen = IndexSet::default();
        for row in self.rows() {
            let projected: Vec<ValueIx> = columns.iter().map(|c| row[*c]).collect();
            if seen.insert(projected.clone()) {
                out.push(&projected);
            }
        }
        out
    }

    /// Rows of both, each once.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let columns = other.columns(&self.keys);
        let mut seen: IndexSet<Vec<ValueIx>> = self.rows().map(<[ValueIx]>::to_vec).collect();
        let mut out = self.clone();
        for row in other.rows() {
            let aligned: Vec<ValueIx> = columns.iter().map(|c| row[*c]).collect();
            if seen.insert(aligned.clone()) {
                out.push(&aligned);
            }
        }
        out
    }

    /// The natural join: rows that agree on the common keys, in the order of the left rows. A side
    /// without keys is broadcast. `product` permits sides without a common key, `inner` rows
    /// without a counterpart.
    pub fn join(&self, other: &Self, product: bool, inner: bool) -> Result<Self, JoinProblem> {
        // Most entries are joined with nothing.
        if self.is_unit() && !other.is_empty() {
            return Ok(other.clone());
        }
        if other.is_unit() && !self.is_empty() {
            return Ok(self.clone());
        }
        let common: Vec<KeyIx> = self.keys.iter().filter(|k| other.keys.contains(k)).copied().collect();
        if common.is_empty() && !self.keys.is_empty() && !other.keys.is_empty() && !product {
            return Err(JoinProblem::Disjoint);
        }
        let left_columns = self.columns(&common);
        let right = other.index_by(&common);
        let added: Vec<KeyIx> = other.keys.iter().filter(|k| !common.contains(k)).copied().collect();
        let added_columns = other.columns(&added);
        let mut out = Self::empty(self.keys.iter().chain(&added).copied().collect());
        let mut used = vec![false; other.len];
        let mut unmatched = Vec::new();
        let mut joined = Vec::with_capacity(out.keys.len());
        for row in self.rows() {
            let key: Vec<ValueIx> = left_columns.iter().map(|c| row[*c]).collect();
            let Some(matches) = right.get(key.as_slice()) else {
                unmatched.push(row.to_vec());
                continue;
            };
            for index in matches {
                used[*index as usize] = true;
                joined.clear();
                joined.extend_from_slice(row);
                joined.extend(added_columns.iter().map(|c| other.row(*index as usize)[*c]));
                out.push(&joined);
            }
        }
        if inner {
            return Ok(out);
        }
        if !unmatched.is_empty() {
            return Err(JoinProblem::Unmatched(true, unmatched));
        }
        let unused: Vec<_> =
            used.iter().zip(other.rows()).filter(|(used, _)| !**used).map(|(_, r)| r.to_vec()).collect();
        if unused.is_empty() { Ok(out) } else { Err(JoinProblem::Unmatched(false, unused)) }
    }

    /// Rows by their values of `keys`.
    pub fn index_by(&self, keys: &[KeyIx]) -> HashMap<Box<[ValueIx]>, Vec<u32>> {
        let columns = self.columns(keys);
        let mut index: HashMap<Box<[ValueIx]>, Vec<u32>> =
            HashMap::with_capacity_and_hasher(self.len, foldhash::fast::RandomState::default());
        for (number, row) in self.rows().enumerate() {
            index.entry(columns.iter().map(|c| row[*c]).collect()).or_default().push(number as u32);
        }
        index
    }

    /// Keeps the rows that `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&[ValueIx]) -> bool) {
        let mut out = Self::empty(std::mem::take(&mut self.keys));
        for index in 0..self.len {
            let row = &self.values[index * out.keys.len()..(index + 1) * out.keys.len()];
            if keep(row) {
                out.push(row);
            }
        }
        *self = out;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn relation(keys: &[KeyIx], rows: &[&[ValueIx]]) -> Relation {
        let mut out = Relation::empty(keys.to_vec());
        for row in rows {
            out.push(row);
        }
        out
    }

    #[test]
    fn joins() {
        let ab = relation(&[0, 1], &[&[0, 0], &[0, 1], &[1, 0]]);
        let a = relation(&[0], &[&[1], &[0]]);
        let c = relation(&[2], &[&[7], &[8]]);
        assert_eq!(ab.join(&ab, false, false), Ok(ab.clone()));
        assert_eq!(ab.join(&a, false, false), Ok(ab.clone()));
        assert_eq!(ab.join(&Relation::unit(), false, false), Ok(ab.clone()));
        assert_eq!(Relation::unit().join(&ab, false, false), Ok(ab.clone()));
        assert_eq!(a.join(&c, false, false), Err(JoinProblem::Disjoint));
        assert_eq!(a.join(&c, true, false).unwrap().rows().collect::<Vec<_>>(), [[1, 7], [1, 8], [0, 7], [0, 8]]);
        let other = relation(&[0], &[&[0], &[5]]);
        assert_eq!(ab.join(&other, false, false), Err(JoinProblem::Unmatched(true, vec![vec![1, 0]])));
        assert_eq!(other.join(&a, false, true).unwrap().rows().collect::<Vec<_>>(), [[0]]);
    }

    proptest! {
        #[test]
        fn joining_is_commutative_up_to_order(left in prop::collection::btree_set((0u32..3, 0u32..3), 0..9),
                                              right in prop::collection::btree_set((0u32..3, 0u32..3), 0..9)) {
            let build = |keys: [KeyIx; 2], rows: &std::collections::BTreeSet<(u32, u32)>| {
                let mut out = Relation::empty(keys.to_vec());
                for (a, b) in rows {
                    out.push(&[*a, *b]);
                }
                out
            };
            let (left, right) = (build([0, 1], &left), build([1, 2], &right));
            let one = left.join(&right, false, true).unwrap();
            let two = right.join(&left, false, true).unwrap().project(&[0, 1, 2]);
            let mut one: Vec<_> = one.project(&[0, 1, 2]).rows().map(<[u32]>::to_vec).collect();
            let mut two: Vec<_> = two.rows().map(<[u32]>::to_vec).collect();
            one.sort();
            two.sort();
            prop_assert_eq!(one, two);
        }
    }
}
