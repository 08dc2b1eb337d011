//! What a run may use: this process and the servers, and which kinds of items each of them takes.
//!
//! A value: what servers say of themselves is read elsewhere, and what becomes of them while a run
//! goes on is told by events.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    kind::Kinds,
    model::{Placement, Plan},
};
use crate::graph::{Lack, NodeSet};

/// How this process is called among the places where items run.
pub const NATIVE: &str = "native";

/// Prefix of a tag in `on = "tag:gpu24"`.
pub const TAG: &str = "tag:";

/// One server as the planner sees it.
#[derive(Clone, Debug)]
pub struct Capability {
    /// Its name in the configuration.
    pub name: String,
    /// Words by which a task may choose it.
    pub tags: Vec<String>,
    /// Items that run there at the same time.
    pub slots: u32,
    /// Items submitted ahead, the running ones included.
    pub prefetch: u32,
    /// What it keeps from one item to the next.
    pub keeps: Keeps,
    /// Whether it answered when it was asked.
    pub answers: bool,
    /// Whether a person took it out of use.
    pub drained: bool,
    /// Prompts of others that it had to do when it was asked.
    pub busy: u32,
    /// How long it may be out of reach before what is with it moves elsewhere.
    pub dead_after: Duration,
    /// Its node classes and model files; none when they are not known.
    pub nodes: Option<Arc<NodeSet>>,
}

/// What a server keeps from one item to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeps {
    /// Bytes of models that stay loaded; without it, those of the last item alone.
    pub memory: Option<u64>,
    /// Of so many of the last items the results of nodes.
    pub prompts: u32,
}

impl Default for Keeps {
    /// What ComfyUI does by itself: the results of the last prompt, among them its models.
    fn default() -> Self {
        Self { memory: None, prompts: 1 }
    }
}

impl Capability {
    /// A server that answers, with one slot and one item ahead, of which nothing else is known.
    pub fn plain(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tags: Vec::new(),
            slots: 1,
            prefetch: 2,
            keeps: Keeps::default(),
            answers: true,
            drained: false,
            busy: 0,
            dead_after: Duration::from_mins(3),
            nodes: None,
        }
    }

    /// Most items that are with it at the same time.
    pub fn depth(&self) -> u32 {
        self.slots.max(self.prefetch).max(1)
    }

    /// Whether a task that says `on = "name"` means it.
    pub fn is_called(&self, name: &str) -> bool {
        is_called(&self.name, &self.tags, name)
    }
}

/// Whether `on = "wanted"` means the server `name` with `tags`: by its name, or by `tag:` and a tag.
pub fn is_called(name: &str, tags: &[String], wanted: &str) -> bool {
    match wanted.strip_prefix(TAG) {
        Some(tag) => tags.iter().any(|own| own == tag),
        None => name == wanted,
    }
}

/// What a run may use.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    /// Items that run in this process at the same time.
    pub native: u32,
    /// The servers.
    pub servers: Vec<Capability>,
    /// Which of equal servers comes first: runs that begin together spread.
    pub first: u32,
}

/// For each kind the servers that take it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fits {
    /// Which servers, for each combination that occurs.
    sets: Vec<Vec<bool>>,
    of_kind: Vec<u32>,
}

impl Capabilities {
    /// This process alone.
    pub fn native(slots: u32) -> Self {
        Self { native: slots, ..Self::default() }
    }

    /// Which servers take which kinds of items: those that the task means, that have the classes,
    /// and that list the models. Models that no such server lists are left to them to refuse: a
    /// list may be older than the folder.
    pub fn fits(&self, plan: &Plan, kinds: &Kinds) -> Fits {
        let lacks: Vec<Vec<Lacks>> =
            kinds.needs().iter().map(|needs| self.servers.iter().map(|s| Lacks::of(s, needs)).collect()).collect();
        let (mut known, mut fits) = (BTreeMap::new(), Fits::default());
        for kind in kinds.all() {
            let task = &plan.tasks[kind.task.0 as usize];
            let names: &[String] = match &task.placement {
                Placement::Native => {
                    fits.of_kind.push(u32::MAX);
                    continue;
                }
                Placement::Comfy(names) => names,
            };
            let number = *known.entry((names, kind.needs)).or_insert_with(|| {
                let meant = |server: &Capability| names.is_empty() || names.iter().any(|name| server.is_called(name));
                let set = suiting(&self.servers, &lacks[kind.needs as usize], &meant);
                fits.sets.iter().position(|other| *other == set).unwrap_or_else(|| {
                    fits.sets.push(set);
                    fits.sets.len() - 1
                }) as u32
            });
            fits.of_kind.push(number);
        }
        fits
    }
}

/// What a server lacks of what a kind needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacks {
    Nothing,
    Files,
    Classes,
}

impl Lacks {
    fn of(server: &Capability, needs: &crate::graph::GraphNeeds) -> Self {
        let lacks = server.nodes.as_ref().map(|nodes| needs.lacking(nodes)).unwrap_or_default();
        let is_class = |lack: &Lack| matches!(lack, Lack::Class { .. });
        match lacks.as_slice() {
            [] => Self::Nothing,
            lacks if lacks.iter().any(is_class) => Self::Classes,
            _ => Self::Files,
        }
    }
}

fn suiting(servers: &[Capability], lacks: &[Lacks], meant: &dyn Fn(&Capability) -> bool) -> Vec<bool> {
    let with = |worst: fn(Lacks) -> bool| -> Vec<bool> {
        servers.iter().zip(lacks).map(|(server, lacks)| meant(server) && worst(*lacks)).collect()
    };
    let choices: [fn(Lacks) -> bool; 3] = [|l| l == Lacks::Nothing, |l| l != Lacks::Classes, |_| true];
    let found = choices.into_iter().map(with).find(|set| set.contains(&true));
    found.unwrap_or_else(|| vec![false; servers.len()])
}

impl Fits {
    /// The number of the combination of servers that take a kind; none for what runs in this process.
    pub fn set_of(&self, kind: u32) -> Option<u32> {
        self.of_kind.get(kind as usize).copied().filter(|set| *set != u32::MAX)
    }

    /// The combinations.
    pub fn sets(&self) -> &[Vec<bool>] {
        &self.sets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        graph::{Graph, GraphNeeds, Input},
        plan::{KindOf, TaskIx, testing::plan_of},
    };

    fn nodes(files: &str, more: &str) -> Arc<NodeSet> {
        let text = format!(r#"{{"Loader": {{"input": {{"required": {{"name": [[{files}]]}}}}}}{more}}}"#);
        Arc::new(NodeSet::parse(text).unwrap_or_default())
    }

    fn needs(class: &str, file: &str) -> GraphNeeds {
        let mut graph = Graph::default();
        graph.add("a", class, [("name", Input::value(file))]);
        let mut needs = GraphNeeds::default();
        needs.add(&graph, &NodeSet::default());
        needs
    }

    #[test]
    fn tasks_go_where_they_may_and_where_what_they_need_is() {
        let plan = plan_of(&[(2, Placement::Comfy(vec!["tag:big".to_owned()])), (3, Placement::Comfy(Vec::new()))]);
        let server = |name: &str, files: &str| Capability { nodes: Some(nodes(files, "")), ..Capability::plain(name) };
        let mut servers = vec![
            server("a", r#""x.safetensors""#),
            server("b", r#""x.safetensors", "y.safetensors""#),
            Capability { nodes: Some(nodes("", r#", "Other": {}"#)), ..Capability::plain("c") },
        ];
        servers[0].tags = vec!["big".to_owned()];
        let capabilities = Capabilities { native: 1, servers, first: 0 };
        let mut kinds = Kinds::new();
        let of = |needs| KindOf { needs, ..KindOf::default() };
        kinds.add(TaskIx(0), of(needs("Loader", "y.safetensors")));
        kinds.add(TaskIx(1), of(needs("Loader", "y.safetensors")));
        kinds.add(TaskIx(1), of(needs("Loader", "nowhere.safetensors")));
        kinds.add(TaskIx(1), of(needs("Other", "")));
        kinds.add(TaskIx(1), of(needs("Missing", "")));
        let fits = capabilities.fits(&plan, &kinds);
        let of_kind = |kind: u32| fits.sets()[fits.set_of(kind).unwrap_or_default() as usize].clone();
        assert_eq!(of_kind(0), [true, false, false], "the tag leaves one, which may have the model after all");
        assert_eq!(of_kind(1), [false, true, false]);
        assert_eq!(of_kind(2), [true, true, true]);
        assert_eq!(of_kind(3), [false, false, true]);
        assert_eq!(of_kind(4), [true, true, true]);
    }

    #[test]
    fn names_and_tags_are_told_apart() {
        let server = Capability { tags: vec!["gpu24".to_owned()], ..Capability::plain("big") };
        assert!(server.is_called("big") && server.is_called("tag:gpu24"));
        assert!(!server.is_called("gpu24") && !server.is_called("tag:big"));
        assert_eq!(Capability { slots: 4, ..Capability::plain("x") }.depth(), 4);
        assert_eq!(Capability { slots: 0, prefetch: 0, ..Capability::plain("x") }.depth(), 1);
    }
}
