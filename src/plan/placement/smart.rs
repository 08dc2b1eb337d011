//! What one server should do next so that all of them together swap few models.
//!
//! The cost of an item for a server, in seconds: the loads that it causes, spread over the ready items
//! with the same models; less what a cached prefix saves; plus a penalty for models or a prefix that
//! another server has, when there is not enough work for both. An item that is late goes first: when the
//! path below it takes nearly as long as all that is left.

use std::cmp::{Ordering, Reverse};

use super::{
    buckets::{Group, Key, Level, NO_PREFIX},
    placer::Placer,
};
use crate::model::Prefer;

/// Most groups of models that are looked at for one decision.
const MOST_GROUPS: usize = 64;

/// Most prefixes of a group that are looked at.
const MOST_PREFIXES: usize = 8;

/// An item is late when the path below it takes more than this share of all that is left.
const LATE: f64 = 0.9;

/// With `prefer = "early-results"`, what a second is worth by which an item is nearer to the end of its path.
const EARLY: f64 = 0.25;

/// What an item means to a server; less is better.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Whether it can wait.
    is_early: bool,
    /// Seconds.
    seconds: f64,
    /// Whether models have to be loaded.
    loads: bool,
    /// Work that is left with these models, as a negative number when they have to be loaded.
    share: f64,
    key: Key,
}

impl Cost {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_cost = self.is_early.cmp(&other.is_early).then(self.seconds.total_cmp(&other.seconds));
        by_cost
            .then(self.loads.cmp(&other.loads))
            .then(self.share.total_cmp(&other.share))
            .then(self.key.cmp(&other.key))
    }
}

impl Placer {
    /// The item that server `number` should have next; none when it had better wait.
    pub(super) fn pick_smart(&mut self, number: usize) -> Option<u32> {
        let own: Vec<u32> = self.servers[number].belief.recent().to_vec();
        let left = self.capacity_left();
        let mut best: Option<(Reverse<i64>, Cost)> = None;
        for (priority, fit, level) in self.ready.levels() {
            if best.is_some_and(|(found, _)| found < priority) {
                break;
            }
            if !self.takes(number, fit) {
                continue;
            }
            for models in level.candidates(&own, MOST_GROUPS) {
                let Some(group) = level.group(models) else { continue };
                let leaving = self.leaving(number, models, level);
                let Some(cost) = self.cost_of_group(number, (fit, models), group, (left, leaving)) else { continue };
                if best.is_none_or(|(_, found)| cost.cmp(&found) == Ordering::Less) {
                    best = Some((priority, cost));
                }
            }
        }
        best.map(|(_, cost)| cost.key.1)
    }

    /// The best of the items of a group for a server.
    fn cost_of_group(
        &self,
        number: usize,
        (fit, models): (u32, u32),
        group: &Group,
        (left, leaving): (f64, f64),
    ) -> Option<Cost> {
        let belief = &self.servers[number].belief;
        let load = belief.load(&self.plan.kinds, &self.estimates, models);
        let others = if models == 0 { 0 } else { self.others_with(number, fit, models) };
        let share = self.remaining.of_set(models) / f64::from(others + 1);
        if load > 0.0 && others > 0 && share < load {
            // The others are through with it before it is loaded here.
            return None;
        }
        let spread = (load + leaving) / (group.len() as f64 / f64::from(others + 1)).max(1.0);
        let steal = if others > 0 && share < 2.0 * load { load } else { 0.0 };
        let own = belief.prefixes().filter(|prefix| *prefix != NO_PREFIX);
        let cached = own.filter_map(|prefix| Some((group.with_prefix(prefix)?.0, prefix)));
        let heads = cached.chain(group.heads().take(MOST_PREFIXES));
        let costs = heads.map(|(key, prefix)| {
            let seconds = spread + steal + self.prefix_cost(number, key.1, prefix, group) - self.early_bonus(key.1);
            let rank = f64::from(self.ranks[key.1 as usize]);
            let is_late = rank > LATE * left;
            Cost {
                is_early: !is_late,
                seconds: if is_late { -rank } else { seconds },
                loads: load > 0.0,
                share: if load > 0.0 { -share } else { 0.0 },
                key,
            }
        });
        costs.min_by(Cost::cmp)
    }

    /// What a prefix costs, or saves.
    fn prefix_cost(&self, number: usize, item: u32, prefix: u32, group: &Group) -> f64 {
        if prefix == NO_PREFIX {
            return 0.0;
        }
        let kind = self.kind(item);
        let work = self.estimates.work(kind, number + 1);
        let saved = work * self.estimates.prefix(kind);
        if self.servers[number].belief.has_prefix(prefix) {
            return -saved;
        }
        let is_other = |(other, _): &(usize, &super::server::ServerState)| *other != number;
        let others = self.servers.iter().enumerate().filter(is_other);
        let held = others.filter(|(_, server)| server.takes_part() && server.belief.has_prefix(prefix)).count() as f64;
        let waiting = group.with_prefix(prefix).map_or(0, |(_, len)| len) as f64;
        if held > 0.0 && waiting * (work - saved) < (1.0 + held) * saved { saved } else { 0.0 }
    }

    /// Other servers in use that take the items and have all models of a set.
    fn others_with(&self, number: usize, fit: u32, models: u32) -> u32 {
        let others = self.servers.iter().enumerate().filter(|(other, server)| *other != number && server.takes_part());
        let others = others.filter(|(other, _)| self.takes(*other, fit));
        others.filter(|(_, server)| server.belief.has(&self.plan.kinds, models)).count() as u32
    }

    /// With `prefer = "early-results"`, what it is worth that an item is near the end of its path.
    fn early_bonus(&self, item: u32) -> f64 {
        match self.plan.prefer {
            Some(Prefer::EarlyResults) => EARLY * (self.longest - f64::from(self.ranks[item as usize])),
            None => 0.0,
        }
    }

    /// With `prefer = "early-results"`, the seconds for which a server has to load again what it would drop for
    /// these models although there is work for it.
    fn leaving(&self, number: usize, models: u32, level: &Level) -> f64 {
        if self.plan.prefer.is_none() {
            return 0.0;
        }
        let belief = &self.servers[number].belief;
        let Some(current) = belief.last().filter(|last| *last != models && level.group(*last).is_some()) else {
            return 0.0;
        };
        if belief.stays(&self.plan.kinds, current, models) { 0.0 } else { self.estimates.load(current) }
    }
}
