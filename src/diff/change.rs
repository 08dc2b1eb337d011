//! One difference.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is something else.
    Changed,
    /// It is the same under another name.
    Renamed,
    /// It stands in another place, and the order means something.
    Moved,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// Where: `node.sampler.steps`, `task.cutout.route[0].if`.
    pub path: String,
    /// What became of it.
    pub kind: ChangeKind,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Change {
    /// Something new.
    pub(super) fn added(path: &Place, after: &Value) -> Self {
        Self { path: path.to_string(), kind: ChangeKind::Added, before: None, after: Some(after.clone()) }
    }

    /// Something that is gone.
    pub(super) fn removed(path: &Place, before: &Value) -> Self {
        Self { path: path.to_string(), kind: ChangeKind::Removed, before: Some(before.clone()), after: None }
    }

    /// Something else.
    pub(super) fn of(path: &Place, kind: ChangeKind, before: impl Into<Value>, after: impl Into<Value>) -> Self {
        Self { path: path.to_string(), kind, before: Some(before.into()), after: Some(after.into()) }
    }
}

/// A way to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place(pub(super) Vec<String>);

impl Place {
    /// One key deeper.
    pub(super) fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(key.to_owned());
        Self(steps)
    }

    /// One row deeper.
    pub(super) fn row(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        if let Some(last) = steps.last_mut() {
            *last = format!("{last}[{index}]");
        }
        Self(steps)
    }

    /// Whether it is this way, where `*` is any name.
    pub(super) fn is(&self, way: &[&str]) -> bool {
        self.0.len() == way.len() && self.0.iter().zip(way).all(|(step, key)| *key == "*" || step == key)
    }
}

impl std::fmt::Display for Place {
    /// Inputs are told as if they stood on the node itself.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let steps = self.0.iter().enumerate();
        let is_inputs = |at: usize, step: &str| step == "inputs" && at >= 2 && self.0[at - 2] == "node";
        let told: Vec<&str> = steps.filter(|(at, step)| !is_inputs(*at, step)).map(|(_, step)| step.as_str()).collect();
        f.write_str(&told.join("."))
    }
}
