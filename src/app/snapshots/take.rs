//! `snapshot`: a server is asked what it can do, and that becomes a file.

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::{
    super::{
        AppError, Session, atomic_write,
        servers::{server_error, server_settings, versions, wait_for},
    },
    load::snapshot_path,
};
use crate::{
    comfy::Client,
    graph::{ModelFolders, Snapshot, SnapshotParts, Versions, write_snapshot},
};

/// What to take and where to put it.
#[derive(Clone, Debug)]
pub struct SnapshotOptions {
    /// A server of the configuration.
    pub server: String,
    /// Where it goes.
    pub target: SnapshotTarget,
    /// Whether to keep the texts for people, too.
    pub full: bool,
}

/// Where a snapshot goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotTarget {
    /// To its place in the workspace, where it is found by itself.
    Workspace,
    /// To this file.
    File(PathBuf),
    /// Nowhere; the text is wanted.
    Text,
}

/// A snapshot that was taken.
#[derive(Clone, Debug)]
pub struct SnapshotReport {
    /// The file; relative to the workspace when it is the server's place there.
    pub written: Option<PathBuf>,
    /// Whether the file held exactly this already.
    pub unchanged: bool,
    /// Its text.
    pub text: String,
    /// Number of classes.
    pub classes: usize,
    /// Number of model files.
    pub models: usize,
    /// Programs of the server.
    pub versions: Versions,
}

/// Takes a snapshot of a server.
pub fn take_snapshot(session: &Session, options: &SnapshotOptions) -> Result<SnapshotReport, AppError> {
    let settings = server_settings(session, &options.server)?;
    let client = Client::new(&settings).map_err(|e| server_error(&e))?;
    let asked = wait_for(async {
        let stats = client.system_stats().await?;
        // The first answer makes folders on the server that the second one lists.
        client.object_info().await?;
        let object_info = client.object_info().await?;
        let (models, packs) = (client.models().await?, client.node_packs().await?);
        Ok((stats, object_info, models, packs))
    })?;
    let (stats, object_info, models, packs) = asked.map_err(|e| server_error(&e))?;
    let versions = Versions { packs, ..versions(&stats) };
    report(session, options, &object_info, &models, &versions)
}

fn report(
    session: &Session,
    options: &SnapshotOptions,
    object_info: &str,
    models: &ModelFolders,
    versions: &Versions,
) -> Result<SnapshotReport, AppError> {
    let not_read = |e: crate::graph::ObjectInfoError| {
        AppError::environment(format!("failed to {e}")).with_hint("is it a ComfyUI that answers there?")
    };
    let parts = SnapshotParts { object_info, models, versions, full: options.full };
    let text = write_snapshot(&parts).map_err(not_read)?;
    let snapshot = Snapshot::parse(text.as_str()).map_err(not_read)?;
    let path = match &options.target {
        SnapshotTarget::Workspace => {
            let server = session.config.server.get(&options.server);
            Some(PathBuf::from(snapshot_path(&options.server, server)))
        }
        SnapshotTarget::File(path) => Some(path.clone()),
        SnapshotTarget::Text => None,
    };
    let file = path.as_ref().map(|path| match options.target {
        SnapshotTarget::Workspace => session.root.join(path),
        _ => path.clone(),
    });
    let unchanged = file.as_ref().is_some_and(|path| fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()));
    if let Some(path) = file.as_ref().filter(|_| !unchanged) {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)
                .map_err(|e| AppError::environment(format!("failed to make {}: {e}", folder.display())))?;
        }
        atomic_write(path, text.as_bytes(), None)?;
    }
    Ok(SnapshotReport {
        written: path,
        unchanged,
        classes: snapshot.nodes.len(),
        models: snapshot.models.values().map(Vec::len).sum(),
        versions: Versions { packs: BTreeMap::clone(&snapshot.versions.packs), ..versions.clone() },
        text,
    })
}
