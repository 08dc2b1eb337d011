//! `doctor`: whether a workspace, its disk, its secrets and its servers are fit for its documents, and what to do
//! about what is not.
//!
//! Changes nothing that a run would not change: it makes no folder and no ledger.

mod documents;
mod drift;
mod findings;
mod lacks;
mod scorers;
mod server;
mod storage;
mod workspace;

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    AppError, ExitCode, Session, Sources,
    lock::Locked,
    selection::{Selection, select},
};
use crate::diagnostic::{Diagnostic, Severity};
pub(super) use documents::documents_needs;
pub use findings::{DoctorFinding, Fitness};
pub use server::ServerReport;
pub(super) use server::ask_all;

/// What to examine.
#[derive(Clone, Debug, Default)]
pub struct DoctorOptions {
    /// Documents and folders; the whole workspace when there are none.
    pub paths: Vec<PathBuf>,
    /// Servers by name; all of them when there are none.
    pub servers: Vec<String>,
}

/// What came of it.
pub struct DoctorReport {
    /// The workspace.
    pub root: PathBuf,
    /// Documents that were looked at.
    pub documents: usize,
    /// Everything that was found, well or not, area by area.
    pub findings: Vec<DoctorFinding>,
    /// The servers that were asked.
    pub servers: Vec<ServerReport>,
    /// What is wrong with the files.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that the diagnostics are about.
    pub sources: Sources,
}

impl DoctorReport {
    /// How many findings are of `fitness`.
    pub fn count(&self, fitness: Fitness) -> usize {
        self.findings.iter().filter(|f| f.fitness == fitness).count()
    }

    /// How the command ends: wrong files come before trouble with the surroundings, which may follow from them.
    pub fn exit_code(&self) -> ExitCode {
        if self.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            ExitCode::WrongFiles
        } else if self.count(Fitness::Trouble) > 0 {
            ExitCode::Environment
        } else {
            ExitCode::Done
        }
    }
}

/// Examines the workspace, its surroundings and its servers.
pub fn doctor(session: &Session, options: &DoctorOptions) -> Result<DoctorReport, AppError> {
    let selection = select(session, &options.paths)?;
    let names = server_names(session, options)?;
    let (mut findings, diagnostics) = workspace::examine(session, &selection);
    findings.extend(storage::examine(session));
    findings.extend(server::examine_secrets(session));
    findings.extend(scorers::examine(session));
    let (servers, of_servers) = examine_servers(session, &selection, &names)?;
    findings.extend(of_servers);
    let sources = selection.documents.iter().fold(Sources::of(session), |sources, loaded| {
        let (path, text) = (loaded.path.clone(), loaded.text.clone());
        sources.with(path, text)
    });
    Ok(DoctorReport {
        root: session.root.clone(),
        documents: selection.documents.len(),
        findings,
        servers,
        diagnostics,
        sources,
    })
}

fn server_names(session: &Session, options: &DoctorOptions) -> Result<Vec<String>, AppError> {
    let configured = || session.config.server.keys();
    if let Some(unknown) = options.servers.iter().find(|name| !configured().any(|known| known == *name)) {
        let known: Vec<&str> = configured().map(String::as_str).collect();
        let list = if known.is_empty() { "no server".to_owned() } else { known.join(", ") };
        return Err(AppError::usage(format!("there is no server \"{unknown}\""))
            .with_hint(format!("comfywright.toml has {list}")));
    }
    Ok(if options.servers.is_empty() { configured().cloned().collect() } else { options.servers.clone() })
}

/// Asks the servers, all at once, and compares what they have with what the documents need.
fn examine_servers(
    session: &Session,
    selection: &Selection,
    names: &[String],
) -> Result<(Vec<ServerReport>, Vec<DoctorFinding>), AppError> {
    if names.is_empty() && session.workspace.config.has_errors() {
        return Ok((Vec::new(), vec![findings::unknown_servers()]));
    }
    if names.is_empty() {
        let needy = documents::needs(session, selection, &session.nodes);
        return Ok((Vec::new(), vec![findings::without_servers(&needy)]));
    }
    let asked = server::ask_all(session, names)?;
    let lacks: BTreeMap<&str, Vec<lacks::MissingPart>> = asked
        .iter()
        .filter_map(|asked| {
            let nodes = asked.nodes.as_ref()?;
            let needs = documents::needs(session, selection, nodes);
            Some((asked.report.name.as_str(), lacks::missing(&needs, nodes)))
        })
        .collect();
    let (mut reports, mut found) = (Vec::new(), Vec::new());
    // A lock that cannot be read is told with the files.
    let lock = Locked::read(session).ok().flatten();
    for asked in &asked {
        found.extend(asked.findings.iter().cloned());
        let mut report = asked.report.clone();
        if let (Some(missing), Some(nodes)) = (lacks.get(report.name.as_str()), &asked.nodes) {
            let elsewhere = |part: &lacks::MissingPart| {
                lacks.iter().any(|(other, theirs)| *other != report.name && !theirs.iter().any(|t| t.is_same(part)))
            };
            let needy = documents::needs(session, selection, nodes).len();
            found.extend(findings::of_parts(&report.name, missing, needy, &elsewhere));
            report.missing.clone_from(missing);
            if let Some(lock) = &lock {
                found.extend(drift::examine(lock, session, selection, asked, nodes));
            }
        }
        reports.push(report);
    }
    Ok((reports, found))
}
