//! What differs between two snapshots: classes, what they take and give, and model files.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::{ClassChange, ClassOutline, Snapshot};

/// What differs between what two servers can do, or one server at two times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClassDifference {
    /// Programs: `ComfyUI 0.3.75 → 0.3.76`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Classes that are new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes_added: Vec<String>,
    /// Classes that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes_removed: Vec<String>,
    /// What classes take and give: `KSampler.steps: INT 1..100 → INT 1..50`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Model files that are new: `loras/detail.safetensors`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models_added: Vec<String>,
    /// Model files that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models_removed: Vec<String>,
}

impl ClassDifference {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What differs between two snapshots.
pub fn classes(before: &Snapshot, after: &Snapshot) -> ClassDifference {
    let names = |snapshot: &Snapshot| snapshot.nodes.names().map(str::to_owned).collect::<BTreeSet<_>>();
    let (old, new) = (names(before), names(after));
    let changed = old.intersection(&new).flat_map(|class| {
        let outline = |snapshot: &Snapshot| snapshot.nodes.class(class).map(ClassOutline::of).unwrap_or_default();
        let changes = outline(before).changes(&outline(after));
        changes.iter().map(|change| told(class, change)).collect::<Vec<_>>()
    });
    let changed = changed.collect();
    let models = |snapshot: &Snapshot| {
        let files =
            snapshot.models.iter().flat_map(|(folder, files)| files.iter().map(move |f| format!("{folder}/{f}")));
        files.collect::<BTreeSet<_>>()
    };
    let (old_models, new_models) = (models(before), models(after));
    ClassDifference {
        versions: versions(before, after),
        classes_added: new.difference(&old).cloned().collect(),
        classes_removed: old.difference(&new).cloned().collect(),
        changed,
        models_added: new_models.difference(&old_models).cloned().collect(),
        models_removed: old_models.difference(&new_models).cloned().collect(),
    }
}

fn versions(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let (old, new) = (&before.versions, &after.versions);
    let said = |version: Option<&String>| version.cloned().unwrap_or_else(|| "(none)".to_owned());
    let programs = [
        ("ComfyUI", &old.comfyui, &new.comfyui),
        ("Python", &old.python, &new.python),
        ("PyTorch", &old.pytorch, &new.pytorch),
    ];
    let programs = programs.into_iter().map(|(name, a, b)| (name.to_owned(), a.as_ref(), b.as_ref()));
    let packs: BTreeSet<&String> = old.packs.keys().chain(new.packs.keys()).collect();
    let packs = packs.into_iter().map(|pack| (pack.clone(), old.packs.get(pack), new.packs.get(pack)));
    let changed = programs.chain(packs).filter(|(_, a, b)| a != b);
    changed.map(|(name, a, b)| format!("{name} {} → {}", said(a), said(b))).collect()
}

fn told(class: &str, change: &ClassChange) -> String {
    match change {
        ClassChange::InputAdded { input, takes, required } => {
            format!("{class}.{input}: new{} ({takes})", if *required { " and required" } else { "" })
        }
        ClassChange::InputRemoved { input } => format!("{class}.{input}: gone"),
        ClassChange::InputChanged { input, before, after } => format!("{class}.{input}: {before} → {after}"),
        ClassChange::ValuesGone { input, values } => format!("{class}.{input}: no longer {}", values.join(", ")),
        ClassChange::OutputsChanged { before, after } => {
            format!("{class}: gives {} instead of {}", after.join(", "), before.join(", "))
        }
    }
}
