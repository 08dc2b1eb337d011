//! How the servers of a workspace are: whether they answer, what they have to do, what they can do, and
//! whether somebody took them out of use.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{AppError, Session, doctor, drain::drained};
use crate::{
    comfy::Device,
    graph::{ComboSource, InputKind, NodeSet},
    ledger::Drained,
};

/// One server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServerStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Its address.
    pub url: String,
    /// `in_use`, `drained` or `unreachable`.
    pub state: String,
    /// Why it cannot be reached, and what to do about it.
    pub problem: Option<String>,
    /// Since when it is out of use, in nanoseconds since 1970.
    pub drained_since_ns: Option<i64>,
    /// Why, in the words of who took it out of use.
    pub drained_reason: Option<String>,
    /// Prompts that run or wait there, whoever submitted them.
    pub queue: Option<usize>,
    /// Items that run there at the same time.
    pub slots: u32,
    /// Items submitted ahead, the running ones included.
    pub prefetch: u32,
    /// Words by which tasks choose it.
    pub tags: Vec<String>,
    /// Version of ComfyUI.
    pub version: Option<String>,
    /// What computes, with its memory in bytes.
    pub devices: Vec<Device>,
    /// Number of node classes.
    pub classes: Option<usize>,
    /// Its model files by the input that takes them.
    pub models: BTreeMap<String, BTreeSet<String>>,
}

/// Looks at the servers called `names`, or at all of them.
pub fn server_status(session: &Session, names: &[String]) -> Result<Vec<ServerStatus>, AppError> {
    for name in names {
        super::server_settings(session, name)?;
    }
    let all: Vec<String> = session.config.server.keys().cloned().collect();
    let wanted = if names.is_empty() { &all } else { names };
    let drained = drained(session)?;
    let asked = doctor::ask_all(session, wanted)?;
    let status = asked.into_iter().filter_map(|asked| {
        let configured = session.config.server.get(&asked.report.name)?;
        let problem = asked.findings.iter().find(|finding| !asked.report.reachable && finding.is_trouble());
        Some(ServerStatus {
            state: state(asked.report.reachable, drained.get(&asked.report.name)).to_owned(),
            problem: problem.map(doctor::DoctorFinding::sentence),
            drained_since_ns: drained.get(&asked.report.name).map(|d| d.since_ns),
            drained_reason: drained.get(&asked.report.name).and_then(|d| d.reason.clone()),
            queue: asked.report.queue,
            slots: configured.slots,
            prefetch: configured.prefetch,
            tags: configured.tags.clone(),
            version: asked.report.version,
            devices: asked.report.devices,
            classes: asked.report.classes,
            models: asked.nodes.as_ref().map(models).unwrap_or_default(),
            name: asked.report.name,
            url: asked.report.url,
        })
    });
    Ok(status.collect())
}

fn state(is_reachable: bool, drained: Option<&Drained>) -> &'static str {
    match (drained, is_reachable) {
        (Some(_), _) => "drained",
        (None, true) => "in_use",
        (None, false) => "unreachable",
    }
}

/// The model files that a server lists, by the input that takes them.
fn models(nodes: &NodeSet) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for input in nodes.classes().flat_map(|class| &class.inputs) {
        if let InputKind::Combo { options, source: ComboSource::ModelFiles, .. } = &input.kind {
            let names = options.iter().filter_map(Value::as_str).map(str::to_owned);
            found.entry(input.name.clone()).or_default().extend(names);
        }
    }
    found.retain(|_, names| !names.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_files_are_told_by_what_takes_them() {
        let nodes = NodeSet::parse(
            r#"{"A": {"input": {"required": {"ckpt_name": [["x.safetensors"]], "mode": [["fast"]]}}},
                "B": {"input": {"required": {"ckpt_name": [["y.safetensors", "x.safetensors"]]}}}}"#,
        )
        .unwrap_or_default();
        let found = models(&nodes);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["ckpt_name"]);
        assert_eq!(found["ckpt_name"].iter().collect::<Vec<_>>(), ["x.safetensors", "y.safetensors"]);
    }

    #[test]
    fn what_a_person_said_comes_first() {
        let drained = Drained { since_ns: 1, reason: None };
        assert_eq!((state(true, Some(&drained)), state(false, Some(&drained))), ("drained", "drained"));
        assert_eq!((state(true, None), state(false, None)), ("in_use", "unreachable"));
    }
}
