//! What finished items left, and the variables that rules read from it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Number, Value};

use super::{
    event::{AttemptId, Values},
    planner::Planner,
    ports::{Fault, Kept, Preparer, ResultNumber, ResultStore},
};
use crate::{
    ident::HashMap,
    model::ErrorClass,
    plan::{ItemIx, ItemResult, TaskIx, Upstream},
    rules::Rule,
};

/// How many results that are in the store are held here as well: those that were kept last.
const RECENT: usize = 1024;

/// The results of a run's items. There may be hundreds of thousands, of which a few are looked at at a time: only
/// what is not in the store yet, and what came there last, is held here.
pub(super) struct Results {
    store: Arc<dyn ResultStore>,
    known: Mutex<Known>,
}

struct Known {
    /// By item, the number in the store; 0 where there is none.
    numbers: Vec<i64>,
    held: HashMap<ItemIx, (AttemptId, Arc<ItemResult>)>,
    /// Held results that the store has, too, the oldest first.
    recent: VecDeque<(ItemIx, AttemptId)>,
}

impl Results {
    /// None yet, of `items` items.
    pub(super) fn new(items: usize, store: Arc<dyn ResultStore>) -> Self {
        let known = Known { numbers: vec![0; items], held: HashMap::default(), recent: VecDeque::new() };
        Self { store, known: Mutex::new(known) }
    }

    /// Notes that `item` has the result with this number.
    pub(super) fn is_kept(&self, item: ItemIx, number: ResultNumber) {
        self.known().set(item, number.0);
    }

    /// Holds the result of a try at `item`.
    pub(super) fn hold(&self, item: ItemIx, id: AttemptId, result: &ItemResult) {
        let mut known = self.known();
        known.set(item, 0);
        known.held.insert(item, (id, Arc::new(result.clone())));
    }

    /// Forgets the result of `item`.
    pub(super) fn forget(&self, item: ItemIx) {
        let mut known = self.known();
        known.set(item, 0);
        known.held.remove(&item);
    }

    /// The store has these results; those that were forgotten in the meantime stay so.
    pub(super) fn are_kept(&self, results: &[Kept]) {
        let mut known = self.known();
        for Kept { item, id, number } in results {
            if known.held.get(item).is_some_and(|(held, _)| held == id) {
                known.set(*item, number.0);
                known.recent.push_back((*item, *id));
            }
        }
        while known.recent.len() > RECENT {
            let Some((item, id)) = known.recent.pop_front() else { break };
            let is_there = known.number(item).is_some();
            if is_there && known.held.get(&item).is_some_and(|(held, _)| *held == id) {
                known.held.remove(&item);
            }
        }
    }

    /// The number of the result of `item`, if it is in the store.
    pub(super) fn number(&self, item: ItemIx) -> Option<ResultNumber> {
        self.known().number(item)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn set(&mut self, item: ItemIx, number: i64) {
        if let Some(place) = self.numbers.get_mut(item.0 as usize) {
            *place = number;
        }
    }

    fn number(&self, item: ItemIx) -> Option<ResultNumber> {
        self.numbers.get(item.0 as usize).filter(|number| **number != 0).map(|number| ResultNumber(*number))
    }
}

impl Upstream for Results {
    fn result(&self, item: ItemIx) -> Option<Arc<ItemResult>> {
        let number = {
            let known = self.known();
            if let Some((_, result)) = known.held.get(&item) {
                return Some(result.clone());
            }
            known.number(item)?
        };
        self.store.result(number).map(Arc::new)
    }
}

/// How a try ended, as rules see it.
pub(super) struct Ended<'a> {
    /// The item.
    pub(super) item: ItemIx,
    /// The try.
    pub(super) id: AttemptId,
    /// Its result, if it has one.
    pub(super) result: Option<&'a ItemResult>,
    /// Its error, if it failed.
    pub(super) fault: Option<&'a Fault>,
}

/// The variables that the rules of the item's task read. What is not known is absent.
pub(super) fn values(planner: &Planner, preparer: &dyn Preparer, results: &Results, ended: &Ended<'_>) -> Values {
    let plan = planner.plan();
    let rules = &plan.tasks[plan.items.task[ended.item.0 as usize].0 as usize].rules;
    let names = rules.iter().filter_map(|rule| rule.condition.as_ref()).flat_map(Rule::variables);
    let mut keys = None;
    names
        .filter_map(|name| {
            let value = own_value(name, ended)
                .or_else(|| key_value(name, keys.get_or_insert_with(|| preparer.keys(ended.item))))
                .or_else(|| value_of_other(name, planner, results, ended.item))?;
            Some((name.clone(), value))
        })
        .collect()
}

/// The name of a class of errors as files write it.
pub(super) fn class_name(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Error => "error",
        ErrorClass::Transient => "transient",
        ErrorClass::Oom => "oom",
        ErrorClass::Timeout => "timeout",
    }
}

fn own_value(name: &str, ended: &Ended<'_>) -> Option<Value> {
    match name {
        "attempt" => Some(ended.id.attempt.into()),
        "visits" => Some(ended.id.visits.into()),
        "error" => Some(ended.fault.map_or("", |fault| class_name(fault.class)).into()),
        metric => metric_of(ended.result?, metric),
    }
}

/// A metric; `width` and `height` are whole numbers.
fn metric_of(result: &ItemResult, name: &str) -> Option<Value> {
    let value = *result.metrics.get(name)?;
    match name {
        "width" | "height" => Some((value as i64).into()),
        _ => Number::from_f64(value).map(Value::Number),
    }
}

/// The value of a key, or of a field of a row: `product.sku`.
fn key_value(name: &str, keys: &[(String, Value)]) -> Option<Value> {
    let find = |key: &str| keys.iter().find(|(own, _)| own == key).map(|(_, value)| value);
    let value = find(name).or_else(|| {
        let (key, field) = name.split_once('.')?;
        find(key)?.get(field)
    })?;
    Some(value.clone())
}

fn value_of_other(name: &str, planner: &Planner, results: &Results, item: ItemIx) -> Option<Value> {
    let (task, metric) = name.split_once('.')?;
    let task = planner.plan().tasks.iter().position(|other| other.name == task)?;
    let other = planner.corresponding(item, TaskIx(task as u32))?;
    metric_of(&*results.result(other)?, metric)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::run::{JournalError, ResultGroups};

    /// Has a result for every number, which stands in its fingerprint.
    struct Numbered;

    impl ResultStore for Numbered {
        fn reuse(&self, _: &str, _: &[&str], _: &Path, _: &str) -> Option<ItemResult> {
            None
        }

        fn result(&self, number: ResultNumber) -> Option<ItemResult> {
            Some(made(&number.0.to_string()))
        }

        fn damaged(&self, _: ResultGroups<'_>, _: bool) -> Result<Vec<ResultNumber>, JournalError> {
            Ok(Vec::new())
        }
    }

    fn made(fingerprint: &str) -> ItemResult {
        ItemResult { fingerprint: fingerprint.to_owned(), ..ItemResult::default() }
    }

    fn id(epoch: u16) -> AttemptId {
        AttemptId { visits: 1, attempt: 1, epoch }
    }

    fn told(results: &Results, item: u32) -> Option<String> {
        results.result(ItemIx(item)).map(|result| result.fingerprint.clone())
    }

    #[test]
    fn what_the_store_has_is_held_for_a_while() {
        let count = RECENT as u32 + 2;
        let results = Results::new(count as usize, Arc::new(Numbered));
        (0..count).for_each(|item| results.hold(ItemIx(item), id(0), &made("held")));
        let kept = |item: u32| Kept { item: ItemIx(item), id: id(0), number: ResultNumber(i64::from(item) + 100) };
        results.are_kept(&[kept(0)]);
        assert_eq!(told(&results, 0).as_deref(), Some("held"));
        results.are_kept(&(1..count - 1).map(kept).collect::<Vec<_>>());
        assert_eq!(told(&results, 0).as_deref(), Some("100"), "the oldest is read again");
        assert_eq!(told(&results, 1).as_deref(), Some("held"));
        assert_eq!(told(&results, count - 1).as_deref(), Some("held"), "what the store lacks stays");
        assert_eq!(results.number(ItemIx(count - 1)), None);
    }

    #[test]
    fn what_was_forgotten_does_not_come_back() {
        let results = Results::new(2, Arc::new(Numbered));
        let kept = |epoch| Kept { item: ItemIx(0), id: id(epoch), number: ResultNumber(7 + i64::from(epoch)) };
        results.hold(ItemIx(0), id(0), &made("first"));
        results.forget(ItemIx(0));
        results.are_kept(&[kept(0)]);
        assert_eq!((told(&results, 0), results.number(ItemIx(0))), (None, None));
        results.hold(ItemIx(0), id(1), &made("second"));
        results.are_kept(&[kept(0)]);
        assert_eq!((told(&results, 0).as_deref(), results.number(ItemIx(0))), (Some("second"), None));
        results.are_kept(&[kept(1)]);
        assert_eq!(results.number(ItemIx(0)), Some(ResultNumber(8)));
    }
}
