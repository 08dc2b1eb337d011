//! What finished items left, and the variables that rules read from it.

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Number, Value};

use super::{
    event::{AttemptId, Values},
    planner::Planner,
    ports::{Fault, Preparer},
};
use crate::{
    model::ErrorClass,
    plan::{ItemIx, ItemResult, TaskIx, Upstream},
    rules::Rule,
};

/// The results of a run's items, packed: there may be hundreds of thousands, of which a few are looked at at a time.
#[derive(Debug)]
pub(super) struct Results(RwLock<Vec<Option<Box<[u8]>>>>);

impl Results {
    /// None yet, of `items` items.
    pub(super) fn new(items: usize) -> Self {
        Self(RwLock::new(vec![None; items]))
    }

    /// Keeps the result of `item`, or forgets it.
    pub(super) fn set(&self, item: ItemIx, result: Option<&ItemResult>) {
        let packed = result.and_then(|result| postcard::to_allocvec(result).ok()).map(Vec::into_boxed_slice);
        let mut results = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = results.get_mut(item.0 as usize) {
            *place = packed;
        }
    }
}

impl Upstream for Results {
    fn result(&self, item: ItemIx) -> Option<Arc<ItemResult>> {
        let results = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let packed = results.get(item.0 as usize)?.as_deref()?;
        postcard::from_bytes(packed).ok().map(Arc::new)
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
