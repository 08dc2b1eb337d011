//! Servers: whether they answer, as what, and with which parts.

use std::{collections::BTreeMap, time::Instant};

use serde::Serialize;

use super::{
    super::{
        AppError, Session, secrets,
        servers::{server_settings, versions, wait_for},
    },
    findings::DoctorFinding,
    lacks::MissingPart,
};
use crate::{
    amounts::size_text,
    comfy::{Client, ClientError, Device, Queue, SystemStats},
    graph::{NodeSet, Versions, own_classes},
};

/// What is known of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServerReport {
    /// Its name in the configuration.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Whether a ComfyUI answered.
    pub reachable: bool,
    /// Time until it said what it is, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Version of ComfyUI.
    pub version: Option<String>,
    /// Version of Python.
    pub python: Option<String>,
    /// Version of `PyTorch`.
    pub pytorch: Option<String>,
    /// What computes, with its memory in bytes.
    pub devices: Vec<Device>,
    /// Prompts that run or wait.
    pub queue: Option<usize>,
    /// Number of node classes.
    pub classes: Option<usize>,
    /// What the documents need and it lacks.
    pub missing: Vec<MissingPart>,
}

/// A server that was asked.
pub(in crate::app) struct Asked {
    pub(in crate::app) report: ServerReport,
    pub(in crate::app) findings: Vec<DoctorFinding>,
    /// Signatures of its classes, and of ours.
    pub(in crate::app) nodes: Option<NodeSet>,
    /// Its programs.
    pub(super) versions: Versions,
}

/// What a server says of itself.
struct Answers {
    latency_ms: f64,
    stats: SystemStats,
    queue: Result<Queue, ClientError>,
    object_info: Result<String, ClientError>,
    packs: BTreeMap<String, String>,
}

/// Whether every reference to a secret leads to one.
pub(super) fn examine_secrets(session: &Session) -> Vec<DoctorFinding> {
    let mut references: Vec<(String, &str)> = Vec::new();
    for (name, server) in &session.config.server {
        references.extend(server.api_key.as_deref().map(|text| (format!("[server.{name}] api_key"), text)));
        let headers = server.headers.iter();
        references.extend(headers.map(|(key, text)| (format!("[server.{name}] headers.{key}"), text.as_str())));
    }
    for (name, registry) in &session.config.registry {
        references.extend(registry.token.as_deref().map(|text| (format!("[registry.{name}] token"), text)));
    }
    references.retain(|(_, text)| text.starts_with("env:") || text.starts_with("file:"));
    let failed: Vec<DoctorFinding> = references
        .iter()
        .filter_map(|(place, text)| secrets::resolve(text, place, &session.root).err())
        .map(|error| {
            let (message, hint) = match error {
                AppError::Environment { message, hint } | AppError::Usage { message, hint } => (message, hint),
                wrong @ (AppError::Wrong(_) | AppError::Drifted(_)) => (wrong.to_string(), None),
            };
            let advice = hint.unwrap_or_else(|| "put the secret there, or correct the reference".to_owned());
            DoctorFinding::trouble("secrets", "secret", message).advise(advice)
        })
        .collect();
    match (references.len(), failed.is_empty()) {
        (0, _) => Vec::new(),
        (1, true) => vec![DoctorFinding::ok("secrets", "secret", "the one reference leads to a value")],
        (n, true) => vec![DoctorFinding::ok("secrets", "secret", format!("all {n} references lead to values"))],
        _ => failed,
    }
}

/// Asks the servers called `names`, all at once.
pub(in crate::app) fn ask_all(session: &Session, names: &[String]) -> Result<Vec<Asked>, AppError> {
    let clients: Vec<Result<Client, AppError>> = names
        .iter()
        .map(|name| {
            let settings = server_settings(session, name)?;
            Client::new(&settings).map_err(|error| super::super::servers::server_error(&error))
        })
        .collect();
    let answers = wait_for(async {
        let asking: Vec<_> =
            clients.iter().map(|c| c.as_ref().ok().cloned().map(|client| tokio::spawn(ask(client)))).collect();
        let mut answers = Vec::new();
        for task in asking {
            answers.push(match task {
                Some(task) => Some(task.await),
                None => None,
            });
        }
        answers
    })?;
    let mut asked = Vec::new();
    for ((name, client), answer) in names.iter().zip(&clients).zip(answers) {
        let url = session.config.server.get(name).map(|s| s.url.clone()).unwrap_or_default();
        let report = ServerReport { name: name.clone(), url, ..ServerReport::default() };
        asked.push(match (client, answer) {
            (Err(error), _) => unusable(report, error),
            (_, Some(Ok(Ok(answers)))) => answered(report, answers),
            (_, Some(Ok(Err(error)))) => unreachable_server(report, &error),
            (_, Some(Err(error))) => {
                return Err(AppError::environment(format!("failed to ask the server \"{name}\": {error}")));
            }
            (_, None) => continue,
        });
    }
    Ok(asked)
}

async fn ask(client: Client) -> Result<Answers, ClientError> {
    let began = Instant::now();
    let stats = client.system_stats().await?;
    let latency_ms = (began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
    let (queue, object_info) = (client.queue().await, client.object_info().await);
    // Most servers have no manager of custom nodes that could tell.
    let packs = client.node_packs().await.unwrap_or_default();
    Ok(Answers { latency_ms, stats, queue, object_info, packs })
}

fn area(report: &ServerReport) -> String {
    format!("server {}", report.name)
}

/// A server whose configuration cannot be used; a secret that does not resolve is told elsewhere.
fn unusable(report: ServerReport, error: &AppError) -> Asked {
    let hint = match error {
        AppError::Usage { hint, .. } | AppError::Environment { hint, .. } => hint.clone(),
        AppError::Wrong(_) | AppError::Drifted(_) => None,
    };
    let message = format!("it was not asked: {error}");
    let finding = DoctorFinding::trouble(&area(&report), "not-asked", message).advise(hint);
    Asked { report, findings: vec![finding], nodes: None, versions: Versions::default() }
}

fn unreachable_server(report: ServerReport, error: &ClientError) -> Asked {
    let code = match error {
        ClientError::NotComfy { .. } => "not-comfyui",
        ClientError::Status { status: 401 | 403 | 407, .. } | ClientError::Redirected { .. } => "not-accepted",
        _ => "unreachable",
    };
    let finding = DoctorFinding::trouble(&area(&report), code, format!("failed to {error}")).advise(Some(error.hint()));
    Asked { report, findings: vec![finding], nodes: None, versions: Versions::default() }
}

fn answered(mut report: ServerReport, answers: Answers) -> Asked {
    let area = area(&report);
    let system = &answers.stats.system;
    let versions = Versions { packs: answers.packs.clone(), ..versions(&answers.stats) };
    report.reachable = true;
    report.latency_ms = Some(answers.latency_ms);
    report.version = said(&system.comfyui_version);
    report.python = system.python_version.split_whitespace().next().map(str::to_owned);
    report.pytorch = said(&system.pytorch_version);
    report.devices.clone_from(&answers.stats.devices);
    let mut findings = vec![DoctorFinding::ok(&area, "reachable", greeting(&report))];
    let devices = report.devices.iter().map(|device| DoctorFinding::ok(&area, "device", device_text(device)));
    findings.extend(devices);
    match answers.queue {
        Ok(queue) => report.queue = Some(queue.len()),
        Err(error) => findings.push(failed_request(&area, &error)),
    }
    if let Some(waiting) = report.queue.filter(|n| *n > 0) {
        let word = if waiting == 1 { "prompt is" } else { "prompts are" };
        findings.push(DoctorFinding::ok(&area, "busy", format!("{waiting} {word} in its queue")));
    }
    let nodes = match answers.object_info.map(NodeSet::parse) {
        Ok(Ok(mut nodes)) => {
            report.classes = Some(nodes.len());
            nodes.add_missing(own_classes());
            Some(nodes)
        }
        Ok(Err(error)) => {
            let message = format!("its classes cannot be read: failed to {error}");
            findings.push(DoctorFinding::trouble(&area, "object-info", message));
            None
        }
        Err(error) => {
            findings.push(failed_request(&area, &error));
            None
        }
    };
    Asked { report, findings, nodes, versions }
}

fn failed_request(area: &str, error: &ClientError) -> DoctorFinding {
    DoctorFinding::trouble(area, "request", format!("failed to {error}")).advise(Some(error.hint()))
}

fn said(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|t| !t.is_empty())
}

fn greeting(report: &ServerReport) -> String {
    let version = report.version.as_deref().map_or_else(String::new, |v| format!(" {v}"));
    let python = report.python.as_deref().map_or_else(String::new, |v| format!(", Python {v}"));
    let pytorch = report.pytorch.as_deref().map_or_else(String::new, |v| format!(", PyTorch {v}"));
    let latency = report.latency_ms.unwrap_or_default();
    format!("ComfyUI{version} answers in {latency} ms{python}{pytorch}")
}

fn device_text(device: &Device) -> String {
    let (free, total) = (size_text(device.vram_free), size_text(device.vram_total));
    let name = if device.name == device.kind { device.kind.clone() } else { device.name.clone() };
    let slow = if device.kind == "cpu" { "; no GPU" } else { "" };
    format!("{name}: {free} of {total} memory free{slow}")
}
