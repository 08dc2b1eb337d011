//! What a run may use: this process, and the servers as they were when they were asked.

use std::{sync::Arc, time::Duration};

use super::job::RunnableJob;
use crate::{
    comfy::{ServerSettings, SystemStats},
    graph::NodeSet,
    ledger::Ledger,
    plan::{Capability, Estimates, Keeps, Kinds},
};

/// How long a server may be out of reach before its items move, where the configuration says nothing.
const DEAD_AFTER: Duration = Duration::from_mins(3);

/// Results of so many nodes make a prompt, as far as a server's cache goes.
const NODES_OF_A_PROMPT: u32 = 10;

/// A server that answered, as the planner sees it.
pub(super) fn answering(
    settings: &ServerSettings,
    stats: &SystemStats,
    nodes: Arc<NodeSet>,
    busy: usize,
) -> Capability {
    Capability {
        keeps: keeps(stats),
        busy: u32::try_from(busy).unwrap_or(u32::MAX),
        nodes: Some(nodes),
        ..silent(settings, true)
    }
}

/// A server of which nothing is known but its configuration.
pub(super) fn silent(settings: &ServerSettings, answers: bool) -> Capability {
    Capability {
        tags: settings.tags.clone(),
        slots: settings.slots,
        prefetch: settings.prefetch,
        dead_after: settings.dead_after.unwrap_or(DEAD_AFTER),
        answers,
        ..Capability::plain(&settings.name)
    }
}

/// What a server keeps between prompts, by how it was started. By itself ComfyUI drops whatever the next
/// prompt does not use, its models among them; with another cache models stay while there is room.
fn keeps(stats: &SystemStats) -> Keeps {
    let argv = &stats.system.argv;
    let has = |flag: &str| argv.iter().any(|argument| argument == flag);
    let number = |flag: &str| {
        let place = argv.iter().position(|argument| argument == flag)?;
        argv.get(place + 1)?.parse::<u32>().ok()
    };
    let memory = stats.devices.iter().map(|device| device.vram_total).max();
    match number("--cache-lru") {
        _ if has("--cache-none") => Keeps { memory: None, prompts: 0 },
        Some(nodes) if nodes > 0 => Keeps { memory, prompts: (nodes / NODES_OF_A_PROMPT).max(1) },
        _ if has("--cache-ram") => Keeps { memory, prompts: NODES_OF_A_PROMPT },
        _ => Keeps::default(),
    }
}

/// How long the items of a job take on these servers, by what the ledger knows.
pub(super) fn estimates(job: &RunnableJob, ledger: Option<&Ledger>, servers: &[Capability]) -> Estimates {
    let kinds: &Kinds = &job.plan.kinds;
    let shapes: Vec<&str> = (0..kinds.shape_count() as u32).map(|shape| kinds.shape_name(shape)).collect();
    let mut families: Vec<&str> =
        (0..kinds.shape_count() as u32).map(|shape| kinds.shape(shape).family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    // Without it, there are guesses.
    let history = ledger.and_then(|ledger| ledger.history(&shapes, &families).ok()).unwrap_or_default();
    let names: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
    Estimates::new(kinds, &names, &history)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comfy::{Device, System};

    #[test]
    fn the_command_line_of_a_server_tells_what_it_keeps() {
        let stats = |argv: &[&str]| SystemStats {
            system: System { argv: argv.iter().map(|a| (*a).to_owned()).collect(), ..System::default() },
            devices: vec![Device { vram_total: 24 << 30, ..Device::default() }],
        };
        let memory = Some(24 << 30);
        assert_eq!(keeps(&stats(&["main.py", "--port", "8188"])), Keeps { memory: None, prompts: 1 });
        assert_eq!(keeps(&stats(&["main.py", "--cache-lru", "100"])), Keeps { memory, prompts: 10 });
        assert_eq!(keeps(&stats(&["main.py", "--cache-lru", "0"])), Keeps { memory: None, prompts: 1 });
        assert_eq!(keeps(&stats(&["main.py", "--cache-none"])), Keeps { memory: None, prompts: 0 });
        assert_eq!(keeps(&stats(&["main.py", "--cache-ram", "4.0"])), Keeps { memory, prompts: 10 });
    }
}
