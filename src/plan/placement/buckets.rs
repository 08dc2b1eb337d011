//! Ready items in order, in buckets of what makes no difference to a server.
//!
//! An item lies in one bucket: by priority, by the servers that take it, by its models, by its
//! prefix. So the work for one decision depends on the number of different sets of models, of which
//! a bounded number is looked at, and not on the number of items.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Order of items within a bucket; lower is earlier.
pub(super) type Key = (u32, u32);

/// Where an item lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bucket {
    /// Of its task; higher is earlier.
    pub(super) priority: Reverse<i64>,
    /// Which servers take it.
    pub(super) fit: u32,
    /// Its models.
    pub(super) models: u32,
    /// Its prefix, [`NO_PREFIX`] without one.
    pub(super) prefix: u32,
}

/// Prefix of items that share none.
pub(super) const NO_PREFIX: u32 = u32::MAX;

/// All ready items.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    levels: BTreeMap<(Reverse<i64>, u32), Level>,
    len: usize,
}

/// Items of one priority that the same servers take.
#[derive(Debug, Default)]
pub(super) struct Level {
    groups: BTreeMap<u32, Group>,
    /// The first item of each group.
    by_head: BTreeSet<(Key, u32)>,
    /// The largest group first.
    by_size: BTreeSet<(Reverse<usize>, u32)>,
}

/// Items of a level with the same models.
#[derive(Debug, Default)]
pub(super) struct Group {
    prefixes: BTreeMap<u32, BTreeSet<Key>>,
    /// The first item of each prefix.
    heads: BTreeSet<(Key, u32)>,
    len: usize,
}

impl Buckets {
    /// Adds an item.
    pub(super) fn insert(&mut self, bucket: Bucket, key: Key) {
        if self.levels.entry((bucket.priority, bucket.fit)).or_default().insert(bucket, key) {
            self.len += 1;
        }
    }

    /// Takes an item out. False when it is not there.
    pub(super) fn remove(&mut self, bucket: Bucket, key: Key) -> bool {
        let place = (bucket.priority, bucket.fit);
        let Some(level) = self.levels.get_mut(&place) else { return false };
        let was_there = level.remove(bucket, key);
        if level.groups.is_empty() {
            self.levels.remove(&place);
        }
        self.len -= usize::from(was_there);
        was_there
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The levels of each priority, the highest first.
    pub(super) fn levels(&self) -> impl Iterator<Item = (Reverse<i64>, u32, &Level)> {
        self.levels.iter().map(|((priority, fit), level)| (*priority, *fit, level))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Level {
    fn insert(&mut self, bucket: Bucket, key: Key) -> bool {
        let group = self.groups.entry(bucket.models).or_default();
        let before = group.standing();
        let is_new = group.insert(bucket.prefix, key);
        let after = group.standing();
        self.moved(bucket.models, before, after);
        is_new
    }

    fn remove(&mut self, bucket: Bucket, key: Key) -> bool {
        let Some(group) = self.groups.get_mut(&bucket.models) else { return false };
        let before = group.standing();
        let was_there = group.remove(bucket.prefix, key);
        let after = group.standing();
        if after.is_none() {
            self.groups.remove(&bucket.models);
        }
        self.moved(bucket.models, before, after);
        was_there
    }

    fn moved(&mut self, models: u32, before: Option<(Key, usize)>, after: Option<(Key, usize)>) {
        if let Some((head, len)) = before {
            self.by_head.remove(&(head, models));
            self.by_size.remove(&(Reverse(len), models));
        }
        if let Some((head, len)) = after {
            self.by_head.insert((head, models));
            self.by_size.insert((Reverse(len), models));
        }
    }

    /// The first item of all.
    pub(super) fn head(&self) -> Option<Key> {
        self.by_head.first().map(|(key, _)| *key)
    }

    /// The group with these models.
    pub(super) fn group(&self, models: u32) -> Option<&Group> {
        self.groups.get(&models)
    }

    /// Groups that are worth a look: all of them when they are few; else those of `own`, the ones
    /// with the first items and the largest.
    pub(super) fn candidates(&self, own: &[u32], most: usize) -> Vec<u32> {
        if self.groups.len() <= most {
            return self.groups.keys().copied().collect();
        }
        let firsts = self.by_head.iter().take(most / 2).map(|(_, models)| *models);
        let largest = self.by_size.iter().take(most / 2).map(|(_, models)| *models);
        let own = own.iter().copied().filter(|models| self.groups.contains_key(models));
        let found: BTreeSet<u32> = own.chain(firsts).chain(largest).collect();
        found.into_iter().collect()
    }
}

impl Group {
    fn insert(&mut self, prefix: u32, key: Key) -> bool {
        let items = self.prefixes.entry(prefix).or_default();
        let before = items.first().copied();
        let is_new = items.insert(key);
        let after = items.first().copied();
        self.moved(prefix, before, after);
        self.len += usize::from(is_new);
        is_new
    }

    fn remove(&mut self, prefix: u32, key: Key) -> bool {
        let Some(items) = self.prefixes.get_mut(&prefix) else { return false };
        let before = items.first().copied();
        let was_there = items.remove(&key);
        let after = items.first().copied();
        if after.is_none() {
            self.prefixes.remove(&prefix);
        }
        self.moved(prefix, before, after);
        self.len -= usize::from(was_there);
        was_there
    }

    fn moved(&mut self, prefix: u32, before: Option<Key>, after: Option<Key>) {
        if before != after {
            before.map(|key| self.heads.remove(&(key, prefix)));
            after.map(|key| self.heads.insert((key, prefix)));
        }
    }

    fn standing(&self) -> Option<(Key, usize)> {
        self.heads.first().map(|(key, _)| (*key, self.len))
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The first items of the prefixes, in their order.
    pub(super) fn heads(&self) -> impl Iterator<Item = (Key, u32)> {
        self.heads.iter().copied()
    }

    /// The first item with this prefix, and how many there are.
    pub(super) fn with_prefix(&self, prefix: u32) -> Option<(Key, usize)> {
        let items = self.prefixes.get(&prefix)?;
        items.first().map(|key| (*key, items.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bucket(number: u32) -> Bucket {
        let prefix = if number.is_multiple_of(2) { NO_PREFIX } else { number % 5 };
        Bucket { priority: Reverse(i64::from(number % 2)), fit: number % 3, models: number % 4, prefix }
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_is_there(changes in prop::collection::vec((0..30_u32, any::<bool>()), 0..80)) {
            let mut buckets = Buckets::default();
            let mut there = BTreeSet::new();
            for (item, insert) in changes {
                let key = (item % 7, item);
                if insert {
                    buckets.insert(bucket(item), key);
                    there.insert(item);
                } else {
                    prop_assert_eq!(buckets.remove(bucket(item), key), there.remove(&item));
                }
                prop_assert_eq!(buckets.len(), there.len());
                let mut left = there.clone();
                for (priority, fit, level) in buckets.levels() {
                    let of = |i: &u32| bucket(*i).priority == priority && bucket(*i).fit == fit;
                    let mine: Vec<u32> = there.iter().copied().filter(of).collect();
                    prop_assert_eq!(level.head(), mine.iter().map(|i| (i % 7, *i)).min());
                    for models in level.candidates(&[], 9) {
                        let group = level.group(models).unwrap();
                        let items: Vec<u32> = mine.iter().copied().filter(|i| bucket(*i).models == models).collect();
                        prop_assert_eq!(group.len(), items.len());
                        for (key, prefix) in group.heads() {
                            let same: Vec<u32> = items.iter().copied().filter(|i| bucket(*i).prefix == prefix).collect();
                            let first = same.iter().map(|i| (i % 7, *i)).min().unwrap();
                            prop_assert_eq!(group.with_prefix(prefix), Some((key, same.len())));
                            prop_assert_eq!(key, first);
                            left.retain(|i| !same.contains(i));
                        }
                    }
                }
                prop_assert!(left.is_empty());
            }
        }
    }

    #[test]
    fn of_many_groups_a_few_are_candidates() {
        let mut buckets = Buckets::default();
        for item in 0..1000 {
            let copies = if item == 500 { 3 } else { 1 };
            for copy in 0..copies {
                let bucket = Bucket { priority: Reverse(0), fit: 0, models: item, prefix: NO_PREFIX };
                buckets.insert(bucket, (item, item + 1000 * copy));
            }
        }
        let (_, _, level) = buckets.levels().next().unwrap();
        let candidates = level.candidates(&[777, 5000], 8);
        assert!(candidates.len() <= 9 && [0, 1, 500, 777].iter().all(|n| candidates.contains(n)), "{candidates:?}");
    }
}
