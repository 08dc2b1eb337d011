//! The servers of a run: which, whether they answer, and what they can do.
//!
//! What a server can do (`object_info`, megabytes that take it a second) is kept in the ledger's
//! folder, under a key of what the server says of itself. What is kept only ever makes a start
//! faster: when a document does not fit it, the server is asked again.

use std::{collections::BTreeMap, future::Future, path::PathBuf, sync::Arc, thread};

use serde_json::json;

use super::{AppError, Session, atomic_write, capabilities, lock::ServerFacts, secrets};
use crate::{
    comfy::{Client, ClientError, ServerSettings, SystemStats},
    content_hash::ContentHash,
    graph::{NodeSet, Versions, own_classes},
    model::parse_duration,
    plan::Capability,
};

/// Servers that answer, and what they can do.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The servers.
    pub servers: Vec<ServerSettings>,
    /// Signatures of all their classes, and of ours.
    pub nodes: Arc<NodeSet>,
    /// Each of them by itself.
    pub each: Vec<ServerFacts>,
    /// What documents are judged by, for people: `the server local (ComfyUI 0.3.75)`.
    pub against: String,
    /// Whether some of it was kept from an earlier time.
    pub kept: bool,
    /// Servers that were not named and do not answer, and why.
    pub silent: Vec<(ServerSettings, ClientError)>,
    /// All of them as the planner sees them, those that do not answer last.
    pub capabilities: Vec<Capability>,
}

/// What is to be known of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// As it was kept, where it was.
    Kept,
    /// As it is now.
    Fresh,
}

/// How to reach the server that the configuration calls `name`, with its secrets resolved.
pub fn server_settings(session: &Session, name: &str) -> Result<ServerSettings, AppError> {
    let Some(server) = session.config.server.get(name) else {
        let known: Vec<&str> = session.config.server.keys().map(String::as_str).chain(["native"]).collect();
        return Err(AppError::usage(format!("there is no server \"{name}\""))
            .with_hint(format!("comfywright.toml has {}", known.join(", "))));
    };
    let resolve = |text: &str, key: &str| secrets::resolve(text, &format!("[server.{name}] {key}"), &session.root);
    let headers = server.headers.iter();
    let headers = headers.map(|(key, text)| Ok((key.clone(), resolve(text, &format!("headers.{key}"))?)));
    Ok(ServerSettings {
        name: name.to_owned(),
        url: server.url.clone(),
        headers: headers.collect::<Result<_, AppError>>()?,
        api_key: server.api_key.as_deref().map(|text| resolve(text, "api_key")).transpose()?,
        slots: server.slots,
        prefetch: server.prefetch,
        tags: server.tags.clone(),
        dead_after: server.dead_after.as_deref().and_then(|text| parse_duration(text).ok()),
        grace: server.grace.as_deref().and_then(|text| parse_duration(text).ok()),
    })
}

/// The fault of the surroundings that a server's error is.
pub fn server_error(error: &ClientError) -> AppError {
    AppError::environment(format!("failed to {error}")).with_hint(error.hint())
}

/// Looks whether servers answer and what they can do. Those of `names` must answer; when `names` is
/// empty, one of all configured servers must.
pub fn connect(session: &Session, names: &[String], knowledge: Knowledge) -> Result<Connected, AppError> {
    let all: Vec<String> = session.config.server.keys().cloned().collect();
    let wanted = if names.is_empty() { &all } else { names };
    let settings: Vec<ServerSettings> =
        wanted.iter().map(|name| server_settings(session, name)).collect::<Result<_, _>>()?;
    let clients: Vec<Client> =
        settings.iter().map(Client::new).collect::<Result<_, _>>().map_err(|e| server_error(&e))?;
    let folder = cache_folder(session);
    let asked = wait_for(async {
        let asking: Vec<_> = clients.iter().cloned().map(|c| tokio::spawn(ask(c, folder.clone(), knowledge))).collect();
        let mut answers = Vec::new();
        for task in asking {
            answers.push(task.await);
        }
        answers
    })?;
    let mut connected = Connected {
        servers: Vec::new(),
        nodes: Arc::default(),
        each: Vec::new(),
        against: String::new(),
        kept: false,
        silent: Vec::new(),
        capabilities: Vec::new(),
    };
    let (mut nodes, mut told) = (NodeSet::default(), Vec::new());
    for (settings, answer) in settings.into_iter().zip(asked) {
        match answer.map_err(|e| AppError::environment(format!("failed to ask a server: {e}")))? {
            Ok(asked) => {
                told.push(match asked.stats.system.comfyui_version.as_str() {
                    "" => settings.name.clone(),
                    version => format!("{} (ComfyUI {version})", settings.name),
                });
                nodes.add_server(&asked.nodes);
                let (name, versions) = (settings.name.clone(), versions(&asked.stats));
                let nodes = Arc::new(asked.nodes);
                connected.capabilities.push(capabilities::answering(
                    &settings,
                    &asked.stats,
                    nodes.clone(),
                    asked.busy,
                ));
                connected.each.push(ServerFacts { name, versions, nodes });
                connected.kept |= asked.kept;
                connected.servers.push(settings);
            }
            Err(error) if names.is_empty() => connected.silent.push((settings, error)),
            Err(error) => return Err(server_error(&error)),
        }
    }
    if connected.servers.is_empty()
        && let Some((_, error)) = connected.silent.first()
    {
        return Err(server_error(error));
    }
    let silent = connected.silent.iter().map(|(settings, _)| capabilities::silent(settings, false));
    connected.capabilities.extend(silent);
    nodes.add_missing(own_classes());
    connected.nodes = Arc::new(nodes);
    let word = if told.len() == 1 { "server" } else { "servers" };
    connected.against = format!("the {word} {}", told.join(" and "));
    Ok(connected)
}

/// The programs of a server.
pub(super) fn versions(stats: &SystemStats) -> Versions {
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Versions {
        comfyui: said(&stats.system.comfyui_version),
        python: stats.system.python_version.split_whitespace().next().and_then(said),
        pytorch: said(&stats.system.pytorch_version),
        packs: BTreeMap::new(),
    }
}

/// Lets `session` judge by what servers say now: those of `names`.
pub(super) fn judge_by(session: &mut Session, names: &[String]) -> Result<(), AppError> {
    let connected = connect(session, names, Knowledge::Fresh)?;
    session.nodes = Arc::new(NodeSet::clone(&connected.nodes).live());
    session.against = connected.against;
    session.has_snapshot = true;
    Ok(())
}

/// Forgets what was kept of the servers: one of them refused what fitted it.
pub(super) fn forget(session: &Session) {
    // Without it, the next start only takes longer.
    let _ = std::fs::remove_dir_all(cache_folder(session));
}

struct Asked {
    stats: SystemStats,
    nodes: NodeSet,
    kept: bool,
    /// Prompts that it has to do.
    busy: usize,
}

async fn ask(client: Client, folder: PathBuf, knowledge: Knowledge) -> Result<Asked, ClientError> {
    let stats = client.system_stats().await?;
    let busy = client.queue().await.map_or(0, |queue| queue.len());
    let key = json!([
        client.url(),
        stats.system.comfyui_version,
        stats.system.python_version,
        stats.system.pytorch_version,
        stats.system.argv,
    ]);
    let path = folder.join(format!("{}-{}.json", client.name(), ContentHash::of_json(&key).short()));
    if knowledge == Knowledge::Kept
        && let Some(nodes) = std::fs::read_to_string(&path).ok().and_then(|text| NodeSet::parse(text).ok())
    {
        return Ok(Asked { stats, nodes, kept: true, busy });
    }
    let text = client.object_info().await?;
    let nodes = NodeSet::parse(text.as_str()).map_err(|error| ClientError::NotComfy {
        server: client.name().to_owned(),
        url: client.url().to_owned(),
        path: "/object_info".to_owned(),
        found: error.to_string(),
    })?;
    // Without it, the next start only takes longer.
    let _ = std::fs::create_dir_all(&folder).map(|()| atomic_write(&path, text.as_bytes(), None));
    Ok(Asked { stats, nodes, kept: false, busy })
}

fn cache_folder(session: &Session) -> PathBuf {
    session.root.join(session.config.store.ledger.as_deref().unwrap_or(".comfywright")).join("servers")
}

/// Carries a future out on a thread of its own: callers may be on a runtime's thread or not.
pub(super) fn wait_for<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, AppError> {
    let failed = |why: String| AppError::environment(format!("failed to ask the servers: {why}"));
    thread::scope(|scope| {
        let work = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(future)).map_err(|e| failed(e.to_string()))
        };
        scope.spawn(work).join().unwrap_or_else(|_| Err(failed("a thread broke off".to_owned())))
    })
}
