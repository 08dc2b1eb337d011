//! `comfywright servers`, `drain` and `resume`: how servers are, out of use and back.

use clap::Args;
use serde_json::{Value, json};

use super::{
    GlobalArgs, Output,
    history::time,
    plan::{columns, opened},
};
use crate::app::{self, AppError, ExitCode, ServerStatus, Session, Sources, count};

/// `comfywright servers`
#[derive(Args, Clone, Debug)]
pub struct ServersArgs {
    /// Servers of comfywright.toml, told with their models; all of them, in short, without any
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// `comfywright drain`
#[derive(Args, Clone, Debug)]
pub struct DrainArgs {
    /// A server of comfywright.toml
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Why, for those who wonder
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `comfywright resume`
#[derive(Args, Clone, Debug)]
pub struct ResumeArgs {
    /// A server of comfywright.toml
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Runs `servers`.
pub fn servers(args: &ServersArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    answer("servers", global, output, |session| {
        let found = app::server_status(session, &args.names)?;
        let lines = match (found.is_empty(), args.names.is_empty()) {
            (true, _) => vec!["no servers; add one to comfywright.toml: [server.local]".to_owned()],
            (false, true) => table(&found),
            (false, false) => found.iter().flat_map(details).collect(),
        };
        Ok((lines, json!({ "servers": found })))
    })
}

/// Runs `drain`.
pub fn drain(args: &DrainArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    answer("drain", global, output, |session| {
        let is_new = app::drain(session, &args.name, args.reason.as_deref())?;
        let line = if is_new {
            format!("{} is out of use: what is with it is finished, and nothing new goes there", args.name)
        } else {
            format!("{} was out of use already", args.name)
        };
        let next = format!("back into use: comfywright resume {}", args.name);
        Ok((vec![line, next], json!({ "server": args.name, "changed": is_new })))
    })
}

/// Runs `resume`.
pub fn resume(args: &ResumeArgs, global: &GlobalArgs, output: Output) -> ExitCode {
    answer("resume", global, output, |session| {
        let was_drained = app::resume(session, &args.name)?;
        let line = if was_drained { "is in use again" } else { "was in use already" };
        Ok((vec![format!("{} {line}", args.name)], json!({ "server": args.name, "changed": was_drained })))
    })
}

fn answer(
    verb: &str,
    global: &GlobalArgs,
    output: Output,
    work: impl FnOnce(&Session) -> Result<(Vec<String>, Value), AppError>,
) -> ExitCode {
    let session = match opened(global, None) {
        Ok(session) => session,
        Err(error) => return output.fail(verb, &error, &Sources::default()),
    };
    let sources = Sources::of(&session);
    match work(&session) {
        Ok((lines, data)) => {
            lines.iter().for_each(|line| output.line(line));
            output.finish(verb, ExitCode::Done, data, &[], &sources)
        }
        Err(error) => output.fail(verb, &error, &sources),
    }
}

fn table(found: &[ServerStatus]) -> Vec<String> {
    let head = ["server", "state", "queue", "at a time", "ahead", "memory free", "models", "tags"].map(str::to_owned);
    let rows = found.iter().map(|server| {
        [
            server.name.clone(),
            server.state.replace('_', " "),
            server.queue.map_or_else(String::new, |queue| queue.to_string()),
            server.slots.to_string(),
            server.prefetch.to_string(),
            memory(server),
            if server.classes.is_some() { model_count(server).to_string() } else { String::new() },
            server.tags.join(", "),
        ]
    });
    let mut lines = columns(std::iter::once(head).chain(rows));
    lines.extend(found.iter().flat_map(remarks));
    lines
}

fn details(server: &ServerStatus) -> Vec<String> {
    let version = server.version.as_deref().map_or_else(String::new, |version| format!(" · ComfyUI {version}"));
    let mut lines = vec![format!("{} · {}{version} · {}", server.name, server.state.replace('_', " "), server.url)];
    lines.extend(remarks(server));
    let at_a_time = format!("{} at a time, {} ahead", server.slots, server.prefetch);
    let queue = server.queue.map_or_else(String::new, |queue| format!(" · {} in the queue", count(queue, "prompt")));
    lines.push(format!("  {at_a_time}{queue}"));
    if !server.tags.is_empty() {
        lines.push(format!("  tags: {}", server.tags.join(", ")));
    }
    if server.classes.is_some() {
        lines.push(format!("  {} · {}", memory(server), format_args!("{} node classes", server.classes.unwrap_or(0))));
    }
    for (input, names) in &server.models {
        lines.push(format!("  {input}:"));
        lines.extend(names.iter().map(|name| format!("    {name}")));
    }
    lines
}

/// Why it is not in use.
fn remarks(server: &ServerStatus) -> Vec<String> {
    let drained = server.drained_since_ns.map(|since| {
        let reason = server.drained_reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        format!("{}: out of use since {}{reason}", server.name, time(since))
    });
    let problem = server.problem.as_ref().map(|problem| format!("{}: {problem}", server.name));
    drained.into_iter().chain(problem).collect()
}

fn model_count(server: &ServerStatus) -> usize {
    server.models.values().map(std::collections::BTreeSet::len).sum()
}

fn memory(server: &ServerStatus) -> String {
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let devices = server.devices.iter();
    let told = devices.map(|d| format!("{:.1} of {:.1} GiB ({})", gib(d.vram_free), gib(d.vram_total), d.kind));
    told.collect::<Vec<_>>().join(", ")
}
