//! Reads snapshots, and what servers say of themselves, which is a snapshot without models and versions.

use std::{borrow::Cow, sync::Arc};

use serde_json::{Value, value::RawValue};

use super::{AFTER_KEY, BEFORE_KEY, FORMAT_KEY, MODELS_KEY, ModelFolders, SNAPSHOT_FORMAT, Versions};
use crate::{
    graph::{NodeSet, ObjectInfoError},
    ident::IndexMap,
};

/// What a server could do when it was asked.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Its programs.
    pub versions: Versions,
    /// Its model files.
    pub models: ModelFolders,
    /// Its classes.
    pub nodes: NodeSet,
}

/// Lists of model files that classes refer to.
pub(in crate::graph) type ModelLists = Option<Arc<ModelFolders>>;

impl Snapshot {
    /// The snapshot that `text` holds: one of [`super::write_snapshot`], or the JSON that
    /// `GET /object_info` returns.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, ObjectInfoError> {
        let text: Arc<str> = text.into();
        let mut raw: IndexMap<String, &RawValue> = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
        let Some(format) = raw.get(FORMAT_KEY) else {
            return NodeSet::of_classes(&text, raw, &None).map(|nodes| Self { nodes, ..Self::default() });
        };
        let format: u64 = serde_json::from_str(format.get())?;
        if format > SNAPSHOT_FORMAT {
            return Err(ObjectInfoError::Newer { format });
        }
        let nodes = raw.swap_remove("nodes").ok_or(ObjectInfoError::NoNodes)?;
        let models: ModelFolders = part(&raw, MODELS_KEY)?;
        let lists = Some(Arc::new(models.clone()));
        let nodes = NodeSet::of_classes(&text, serde_json::from_str(nodes.get())?, &lists)?;
        Ok(Self { versions: part(&raw, "versions")?, models, nodes })
    }
}

fn part<T: Default + serde::de::DeserializeOwned>(
    raw: &IndexMap<String, &RawValue>,
    key: &str,
) -> Result<T, ObjectInfoError> {
    raw.get(key).map_or_else(|| Ok(T::default()), |value| Ok(serde_json::from_str(value.get())?))
}

/// `class` with the lists that it refers to.
pub(in crate::graph) fn with_models<'a>(class: &'a Value, lists: &ModelLists) -> Cow<'a, Value> {
    let Some(lists) = lists else { return Cow::Borrowed(class) };
    let mut class = class.clone();
    fill(&mut class["input"], lists);
    Cow::Owned(class)
}

fn fill(value: &mut Value, lists: &ModelFolders) {
    match value {
        Value::Object(map) => {
            let is_list = map.keys().all(|key| [MODELS_KEY, BEFORE_KEY, AFTER_KEY].contains(&key.as_str()));
            let folder = map.get(MODELS_KEY).and_then(Value::as_str).filter(|_| is_list);
            if let Some(files) = folder.map(|folder| lists.get(folder).cloned().unwrap_or_default()) {
                let part = |key: &str| map.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
                let files = files.into_iter().map(Value::String);
                *value = part(BEFORE_KEY).into_iter().chain(files).chain(part(AFTER_KEY)).collect();
            } else {
                map.values_mut().for_each(|value| fill(value, lists));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| fill(value, lists)),
        _ => {}
    }
}
