//! What happens once everything is loaded: links learn where they end, inputs that lead nowhere go,
//! primitives become what they are linked to, types follow.

use serde_json::Value;

use super::{
    js,
    state::{Editor, Kind, Later, NetIx, NodeIx},
};

/// Times that a subgraph is gone through for inputs that should go; the editor goes through it once
/// for every node that stands for it.
const MOST_VISITS: usize = 64;

/// Things that are put off, in all.
const MOST_LATER: usize = 1_000_000;

impl Editor<'_> {
    /// Settles the whole graph.
    pub(super) fn settle(&mut self) {
        let visits = self.visits();
        for ix in 0..self.nodes.len() {
            self.renumber(ix, 0);
        }
        for (net, times) in visits.iter().enumerate() {
            for _ in 0..*times {
                let mut changed = false;
                for ix in self.nets[net].nodes.clone() {
                    changed |= self.settle_inputs(ix);
                }
                if !changed {
                    break;
                }
            }
        }
        for ix in (0..self.nodes.len()).filter(|ix| visits[self.nodes[*ix].net] > 0).collect::<Vec<_>>() {
            match self.nodes[ix].kind {
                Kind::Primitive => self.settle_primitive(ix),
                Kind::Reroute => self.later.push_back(Later::Reroute(ix)),
                _ => {}
            }
        }
        self.configuring = false;
        for ix in 0..self.nodes.len() {
            self.mend_values(ix);
        }
        self.do_later();
    }

    /// How many nodes stand for each graph, all levels multiplied. No subgraph that is used holds
    /// itself.
    fn visits(&self) -> Vec<usize> {
        let held = |net: NetIx| {
            let nodes = self.nets[net].nodes.iter();
            nodes.filter_map(|ix| if let Kind::Host(inner) = self.nodes[*ix].kind { Some(inner) } else { None })
        };
        let mut waits = vec![0_usize; self.nets.len()];
        let mut seen = vec![false; self.nets.len()];
        let mut open = vec![0];
        while let Some(net) = open.pop() {
            if !std::mem::replace(&mut seen[net], true) {
                held(net).for_each(|inner| waits[inner] += 1);
                open.extend(held(net));
            }
        }
        let mut visits = vec![0; self.nets.len()];
        visits[0] = 1;
        let mut ready = vec![0];
        while let Some(net) = ready.pop() {
            for inner in held(net) {
                visits[inner] = (visits[inner] + visits[net]).min(MOST_VISITS);
                waits[inner] -= 1;
                if waits[inner] == 0 {
                    ready.push(inner);
                }
            }
        }
        visits
    }

    /// A list always has a value if it has any; samplers have lost the first part of their names.
    fn mend_values(&mut self, ix: NodeIx) {
        let node = &mut self.nodes[ix];
        if let Kind::Host(_) = node.kind {
            for cell in node.inputs.iter().filter_map(|input| input.promoted) {
                let cell = &mut node.cells[cell];
                if cell.kind == "combo" && cell.value.as_ref().is_none_or(Value::is_null) {
                    cell.value =
                        cell.limits.values.as_ref().and_then(|values| values.first().cloned()).or(cell.value.take());
                }
            }
            return;
        }
        let sampler = matches!(&*node.class, "KSampler" | "KSamplerAdvanced");
        let mut at = 0;
        while at < self.nodes[ix].widgets.len() {
            let node = &self.nodes[ix];
            let widget = &node.widgets[at];
            let value = node.cells[widget.cell].value.as_ref();
            let mended = match value {
                Some(Value::String(name)) if sampler && &*widget.name == "sampler_name" => {
                    name.strip_prefix("sample_").map(Value::from)
                }
                None | Some(Value::Null) if widget.kind == "combo" => self.first_choice(ix, at),
                _ => None,
            };
            if mended.is_some() {
                self.set_value(ix, at, mended);
            }
            at += 1;
        }
    }

    fn first_choice(&self, ix: NodeIx, at: usize) -> Option<Value> {
        let node = &self.nodes[ix];
        if &*node.class == "CustomCombo" && at == 0 {
            let own = node.widgets.iter().filter(|widget| widget.name.starts_with("option"));
            let mut values = own.filter_map(|widget| node.cells[widget.cell].value.as_ref());
            return values.find(|value| js::truthy(value)).map(|value| Value::String(js::to_text(value)));
        }
        node.widgets[at].limits.values.as_ref()?.first().cloned()
    }

    fn do_later(&mut self) {
        let mut done = 0;
        while let Some(later) = self.later.pop_front() {
            match later {
                Later::Match(ix, slot) => {
                    let node = &self.nodes[ix];
                    let Some(input) = node.inputs.get(slot) else { continue };
                    let linked = input.link.is_some();
                    self.link_changed(ix, slot, linked);
                }
                Later::Shrink(ix, slot) => self.shrink(ix, slot),
                Later::Reroute(ix) => self.settle_reroute(ix),
            }
            done += 1;
            if done > MOST_LATER {
                return;
            }
        }
    }
}
