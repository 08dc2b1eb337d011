//! What `doctor` found, in words.

use serde::Serialize;

use super::{documents::Needy, lacks::MissingPart};
use crate::graph::builtin;

/// Most files that an advice lists.
const LISTED: usize = 4;

/// Whether something is fit for work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fitness {
    /// All is well.
    Ok,
    /// Something may go wrong, or some of it will.
    Warning,
    /// Something will go wrong.
    Trouble,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoctorFinding {
    /// What it is about: `workspace`, `models`, `storage`, `secrets`, `scorer NAME`, or `server NAME`.
    pub area: String,
    /// Stable code.
    pub code: &'static str,
    /// Whether it is fit.
    pub fitness: Fitness,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// The documents that it concerns.
    pub documents: Vec<String>,
}

impl DoctorFinding {
    /// All is well with something.
    pub(super) fn ok(area: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            area: area.to_owned(),
            code,
            fitness: Fitness::Ok,
            message: message.into(),
            advice: None,
            documents: Vec::new(),
        }
    }

    /// Something may go wrong.
    pub(super) fn warning(area: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { fitness: Fitness::Warning, ..Self::ok(area, code, message) }
    }

    /// Something will go wrong.
    pub(super) fn trouble(area: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { fitness: Fitness::Trouble, ..Self::ok(area, code, message) }
    }

    /// Whether something will go wrong.
    pub(in crate::app) fn is_trouble(&self) -> bool {
        self.fitness == Fitness::Trouble
    }

    /// What it is and what to do about it.
    pub(in crate::app) fn sentence(&self) -> String {
        let advice = self.advice.as_ref().map_or_else(String::new, |advice| format!("; {advice}"));
        format!("{}{advice}", self.message)
    }

    /// Adds what to do about it.
    pub(super) fn advise(mut self, advice: impl Into<Option<String>>) -> Self {
        self.advice = advice.into();
        self
    }
}

/// What it means that there is no server, when documents need one.
pub(super) fn without_servers(needy: &[Needy]) -> DoctorFinding {
    if needy.is_empty() {
        return DoctorFinding::ok("servers", "no-server", "none is configured, and no document needs one");
    }
    let message = match needy.len() {
        1 => "none is configured, and 1 document needs one".to_owned(),
        n => format!("none is configured, and {n} documents need one"),
    };
    let advice = "add one to comfywright.toml: [server.local] with url = \"http://127.0.0.1:8188\"".to_owned();
    let documents = needy.iter().map(|n| n.document.clone()).collect();
    DoctorFinding { documents, ..DoctorFinding::warning("servers", "no-server", message).advise(advice) }
}

/// What it means that the configuration cannot be read.
pub(super) fn unknown_servers() -> DoctorFinding {
    DoctorFinding::warning("servers", "no-server", "which there are is not known: comfywright.toml has errors")
        .advise("mend it and ask again".to_owned())
}

/// What the server called `name` lacks, or that it lacks nothing. What another server has is only a warning.
pub(super) fn of_parts(
    name: &str,
    missing: &[MissingPart],
    needy: usize,
    is_elsewhere: &dyn Fn(&MissingPart) -> bool,
) -> Vec<DoctorFinding> {
    let area = format!("server {name}");
    if missing.is_empty() {
        let text = match needy {
            0 => "no document needs it".to_owned(),
            1 => "it has every node and model file that 1 document needs".to_owned(),
            n => format!("it has every node and model file that {n} documents need"),
        };
        return vec![DoctorFinding::ok(&area, "parts", text)];
    }
    missing
        .iter()
        .map(|part| {
            let (code, message, advice) = words(part);
            let finding = DoctorFinding {
                documents: part.documents.clone(),
                ..DoctorFinding::trouble(&area, code, message).advise(advice)
            };
            if is_elsewhere(part) {
                let message = format!("{}; another server has it", finding.message);
                return DoctorFinding { fitness: Fitness::Warning, message, ..finding };
            }
            finding
        })
        .collect()
}

fn words(part: &MissingPart) -> (&'static str, String, String) {
    let near = part.nearest.as_ref();
    match &part.file {
        None => {
            let message = format!("it lacks the node {}", part.class);
            let advice = match near {
                _ if builtin().contains(&part.class) => "update ComfyUI there".to_owned(),
                Some(near) => format!("install the custom node that brings it, or correct the name: it has {near}"),
                None => "install the custom node that brings it, or update ComfyUI there".to_owned(),
            };
            ("missing-node", message, advice)
        }
        Some(file) => {
            let message = format!("it lacks the file {file} ({} of {})", part.input, part.class);
            let put = match part.folder {
                Some(folder) => format!("put it into models/{folder} there"),
                None => "put it among the models there".to_owned(),
            };
            let advice = match near {
                Some(near) => format!("{put}, or name another: the nearest it has is {near}"),
                None if (1..=LISTED).contains(&part.listed.len()) => {
                    format!("{put}, or name another: it has {}", part.listed.join(", "))
                }
                None => put,
            };
            ("missing-file", message, advice)
        }
    }
}
