//! How far a prompt is, from what the WebSocket says about its nodes.

use crate::ident::IndexMap;

use super::socket_message::PromptEvent;
use crate::graph::{Graph, Input};

/// Most steps of one node that count.
const MOST_STEPS: f32 = 100.0;

/// The nodes of one prompt, and how far each is. A node counts as much as it has steps.
#[derive(Clone, Debug)]
pub struct Steps {
    /// Weight and share of each node.
    nodes: IndexMap<String, (f32, f32)>,
    running: Option<String>,
}

impl Steps {
    /// Nothing of `graph` has run yet.
    pub fn of(graph: &Graph) -> Self {
        let weight = |inputs: &IndexMap<String, Input>| match inputs.get("steps") {
            Some(Input::Value(steps)) => steps.as_f64().map_or(1.0, |n| (n as f32).clamp(1.0, MOST_STEPS)),
            _ => 1.0,
        };
        let nodes = graph.nodes.iter().map(|(id, node)| (id.clone(), (weight(&node.inputs), 0.0)));
        Self { nodes: nodes.collect(), running: None }
    }

    /// Notes an event; says whether the share may have changed.
    pub fn note(&mut self, event: &PromptEvent) -> bool {
        match event {
            PromptEvent::Cached(nodes) => nodes.iter().for_each(|id| self.set(id, 1.0)),
            PromptEvent::Executing(node) => {
                if let Some(before) = self.running.take() {
                    self.set(&before, 1.0);
                }
                self.running.clone_from(node);
            }
            PromptEvent::Progress { node, share } => self.set(node, *share),
            PromptEvent::State(shares) => shares.iter().for_each(|(id, share)| self.set(id, *share)),
            PromptEvent::Executed { node, .. } => self.set(node, 1.0),
            _ => return false,
        }
        true
    }

    /// A node is never less far than before. Nodes that the server made of others do not count.
    fn set(&mut self, id: &str, share: f32) {
        if let Some((_, known)) = self.nodes.get_mut(id) {
            *known = known.max(share);
        }
    }

    /// 0 to 1.
    pub fn share(&self) -> f32 {
        let all: f32 = self.nodes.values().map(|(weight, _)| weight).sum();
        let done: f32 = self.nodes.values().map(|(weight, share)| weight * share).sum();
        if all > 0.0 { (done / all).clamp(0.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_weigh_and_nothing_goes_back() {
        let mut graph = Graph::default();
        graph.add("load", "CheckpointLoaderSimple", []);
        graph.add("sampler", "KSampler", [("steps", Input::value(8))]);
        graph.add("save", "SaveImage", []);
        let mut steps = Steps::of(&graph);
        assert!(steps.share() < f32::EPSILON);
        steps.note(&PromptEvent::Cached(vec!["load".to_owned()]));
        assert!((steps.share() - 0.1).abs() < 1e-6);
        steps.note(&PromptEvent::Progress { node: "sampler".to_owned(), share: 0.5 });
        assert!((steps.share() - 0.5).abs() < 1e-6);
        steps.note(&PromptEvent::Progress { node: "sampler".to_owned(), share: 0.25 });
        steps.note(&PromptEvent::State(IndexMap::from_iter([("sampler.0.1".to_owned(), 1.0)])));
        assert!((steps.share() - 0.5).abs() < 1e-6, "unknown nodes and steps back do not count");
        steps.note(&PromptEvent::Executing(Some("sampler".to_owned())));
        steps.note(&PromptEvent::Executing(Some("save".to_owned())));
        steps.note(&PromptEvent::Executing(None));
        assert!((steps.share() - 1.0).abs() < 1e-6);
        assert!(!steps.note(&PromptEvent::Succeeded));
    }
}
