//! Inputs that come and go: those that a choice brings, and groups that grow and shrink.

use std::sync::Arc;

use serde_json::Value;

use super::{
    js,
    spec::{AutogrowSpec, ChoiceSpec, Name},
    state::{Editor, Input, Later, NodeIx, Role, Sends, Watcher, Widget},
    widgets::NewWidget,
};

impl Editor<'_> {
    /// Gives the node the inputs that `value` brings instead of those that the choice has now.
    pub(super) fn bring_inputs(&mut self, ix: NodeIx, at: usize, choice: &Arc<ChoiceSpec>, value: Option<&Value>) {
        let name = self.nodes[ix].widgets[at].name.clone();
        let group = format!("{name}.");
        let removed = self.take_inputs(ix, |input| input.name.starts_with(&group));
        self.drop_widgets(ix, |widget| widget.name.starts_with(&group));
        let Some(specs) = value.filter(|value| js::truthy(value)).and_then(|value| choice.inputs(&js::to_text(value)))
        else {
            return;
        };
        let (widgets, inputs) = (self.nodes[ix].widgets.len(), self.nodes[ix].inputs.len());
        for spec in specs {
            self.add_node_input(ix, &Name::from(format!("{name}.{}", spec.name)), spec);
        }
        let node = &mut self.nodes[ix];
        let added = node.widgets.split_off(widgets.min(node.widgets.len()));
        let after = node.widgets.iter().position(|widget| widget.name == name && is_choice(widget, choice));
        let after = after.map_or(node.widgets.len(), |at| at + 1);
        node.widgets.splice(after..after, added);
        let Some(socket) = node.inputs.iter().position(|input| input.name == name) else { return };
        let added = node.inputs.split_off(inputs.min(node.inputs.len()));
        let mut placed = Vec::with_capacity(added.len());
        for input in added {
            let known = node.inputs.iter().position(|known| known.name == input.name);
            placed.push(known.map_or(input, |at| node.inputs.remove(at)));
        }
        self.insert_inputs(ix, socket + 1, placed);
        self.link_again(ix, removed);
    }

    /// Gives the links of inputs that were taken away to those that have their names now.
    fn link_again(&mut self, ix: NodeIx, removed: Vec<Input>) {
        for input in removed {
            let known = self.nodes[ix].inputs.iter().position(|known| known.name == input.name);
            let Some(at) = known else {
                self.nodes[ix].inputs.push(input);
                let last = self.nodes[ix].inputs.len() - 1;
                self.remove_input(ix, last);
                continue;
            };
            self.nodes[ix].inputs[at].link = input.link;
            let net = self.nodes[ix].net;
            if let Some(link) = input.link.and_then(|id| self.nets[net].links.get_mut(&id)) {
                link.target_slot = at;
                self.link_changed(ix, at, true);
            }
        }
    }

    fn take_inputs(&mut self, ix: NodeIx, which: impl Fn(&Input) -> bool) -> Vec<Input> {
        self.nodes[ix].inputs.extract_if(.., |input| which(input)).collect()
    }

    fn drop_widgets(&mut self, ix: NodeIx, which: impl Fn(&Widget) -> bool) {
        let node = &mut self.nodes[ix];
        let dropped: Vec<Widget> = node.widgets.extract_if(.., |widget| which(widget)).collect();
        dropped.iter().for_each(|widget| node.unregister(&widget.name));
    }

    /// Begins a group of inputs that grows.
    pub(super) fn start_group(&mut self, ix: NodeIx, name: &Name, group: &Arc<AutogrowSpec>) {
        let node = &mut self.nodes[ix];
        if !node.watchers.contains(&Watcher::Autogrow) {
            node.watchers.push(Watcher::Autogrow);
        }
        node.groups.retain(|(known, _)| known != name);
        node.groups.push((name.clone(), group.clone()));
        for ordinal in 0..=group.min.min(group.max) {
            self.grow(ix, name, group, ordinal);
        }
    }

    /// Adds the place `ordinal` to a group.
    pub(super) fn grow(&mut self, ix: NodeIx, name: &Name, group: &Arc<AutogrowSpec>, ordinal: usize) {
        if ordinal >= group.max {
            return;
        }
        let mut added = Vec::with_capacity(group.inputs.len());
        for spec in &group.inputs {
            let input_name = Name::from(place_name(name, group, Some(ordinal), &spec.name));
            self.add_node_input(ix, &input_name, spec);
            let Some(mut input) = self.nodes[ix].inputs.pop() else { continue };
            if group.inputs.len() != 1 {
                self.stand_in_widget(ix, &mut input);
            }
            added.push(input);
        }
        for input in &mut added {
            for known in self.take_inputs(ix, |known| known.name == input.name) {
                input.link = input.link.or(known.link);
            }
        }
        let last_spec = group.inputs.last().map_or("", |spec| &*spec.name);
        let before = place_name(name, group, ordinal.checked_sub(1), last_spec);
        let last = self.nodes[ix].inputs.iter().rposition(|input| input.name.starts_with(&before));
        let at = last.map_or(self.nodes[ix].inputs.len(), |last| last + 1);
        self.insert_inputs(ix, at, added);
    }

    /// Gives an input a widget that only keeps its place.
    fn stand_in_widget(&mut self, ix: NodeIx, input: &mut Input) {
        let node = &mut self.nodes[ix];
        if let Some(name) = &input.widget
            && node.widgets.iter().any(|widget| widget.name == *name)
        {
            return;
        }
        let mut widget = NewWidget::new(&input.name, "shim", None);
        widget.saved = false;
        widget.sends = Sends::Nothing;
        node.add(widget);
        input.widget = Some(input.name.clone());
        input.config = None;
    }

    /// What happens to a group when the link of one of its inputs came or went.
    pub(super) fn group_link_changed(&mut self, ix: NodeIx, slot: usize, linked: bool) {
        let Some(input) = self.nodes[ix].inputs.get(slot) else { return };
        let Some((name, group)) = self.group_of(ix, &input.name) else { return };
        if self.configuring && input.widget.is_some() {
            let mut input = input.clone();
            self.stand_in_widget(ix, &mut input);
            self.nodes[ix].inputs[slot] = input;
        }
        if !linked {
            self.later.push_back(Later::Shrink(ix, slot));
            return;
        }
        let link = self.nodes[ix].inputs[slot].link;
        if link.is_none_or(|id| !self.nets[self.nodes[ix].net].links.contains_key(&id)) {
            return;
        }
        let inputs = &self.nodes[ix].inputs;
        let Some(place) = place_of(&inputs[slot].name, &name, &group) else { return };
        let prefix = format!("{name}.");
        let last = inputs.iter().rev().find(|input| input.name.starts_with(&prefix));
        let is_last = last.is_some_and(|last| place_of(&last.name, &name, &group) == Some(place));
        if is_last || self.configuring {
            self.grow(ix, &name, &group, place + 1);
        }
    }

    /// The group that an input belongs to.
    pub(super) fn group_of(&self, ix: NodeIx, input: &str) -> Option<(Name, Arc<AutogrowSpec>)> {
        let (group, _) = input.rsplit_once('.')?;
        self.nodes[ix].groups.iter().find(|(name, _)| &**name == group).cloned()
    }

    /// Closes the gap that an input without a link leaves in its group.
    pub(super) fn shrink(&mut self, ix: NodeIx, slot: usize) {
        let Some(input) = self.nodes[ix].inputs.get(slot) else { return };
        let Some((name, group)) = self.group_of(ix, &input.name) else { return };
        let Some(place) = place_of(&input.name, &name, &group).filter(|place| place + 1 >= group.min) else { return };
        let stride = group.inputs.len();
        let members = self.members(ix, &name);
        if stride + slot >= self.nodes[ix].inputs.len() || !members.len().is_multiple_of(stride) {
            return;
        }
        for column in 0..stride {
            self.move_links_down(ix, &members, place * stride + column, stride);
            let Some(last) = (members.len() + column).checked_sub(stride).and_then(|at| members.get(at)) else {
                continue;
            };
            if let Some(at) = self.position(ix, *last) {
                self.nodes[ix].inputs[at].link = None;
            }
            if let Some(told) = (self.nodes[ix].inputs.len() + column).checked_sub(stride) {
                self.link_changed(ix, told, false);
            }
        }
        self.drop_unused_places(ix, &members, group.min * stride, stride);
    }

    /// The inputs of a group, by what tells them apart.
    fn members(&self, ix: NodeIx, group: &str) -> Vec<u32> {
        let is_member = |input: &&Input| input.name.rsplit_once('.').is_some_and(|(name, _)| name == group);
        self.nodes[ix].inputs.iter().filter(is_member).map(|input| input.uid).collect()
    }

    fn position(&self, ix: NodeIx, uid: u32) -> Option<usize> {
        self.nodes[ix].inputs.iter().position(|input| input.uid == uid)
    }

    fn move_links_down(&mut self, ix: NodeIx, members: &[u32], start: usize, stride: usize) {
        let mut at = start;
        while at + stride < members.len() {
            let (to, from) = (self.position(ix, members[at]), self.position(ix, members[at + stride]));
            at += stride;
            let (Some(to), Some(from)) = (to, from) else { continue };
            let link = self.nodes[ix].inputs[from].link;
            self.nodes[ix].inputs[to].link = link;
            let net = self.nodes[ix].net;
            if let Some(link) = link.and_then(|id| self.nets[net].links.get_mut(&id)) {
                link.target_slot = to;
                self.link_changed(ix, to, true);
            }
        }
    }

    /// Leaves one place after the last that is linked.
    fn drop_unused_places(&mut self, ix: NodeIx, members: &[u32], always: usize, stride: usize) {
        let optional = members.get(always..).unwrap_or_default();
        let is_linked = |uid: &u32| self.position(ix, *uid).is_some_and(|at| self.nodes[ix].inputs[at].link.is_some());
        let last = optional.chunks(stride).rposition(|place| place.iter().any(is_linked));
        let kept = last.map_or(stride, |last| (last + 2) * stride);
        let dropped: Vec<u32> = optional.get(kept..).unwrap_or_default().to_vec();
        for input in self.take_inputs(ix, |input| dropped.contains(&input.uid)) {
            if let Some(widget) = input.widget {
                self.nodes[ix].widgets.retain(|known| known.name != widget);
            }
        }
    }
}

fn is_choice(widget: &Widget, choice: &Arc<ChoiceSpec>) -> bool {
    matches!(&widget.role, Role::Choice(known) if Arc::ptr_eq(known, choice))
}

/// The name of an input in the place `ordinal` of a group; before the first place there is none.
pub(super) fn place_name(group_name: &str, group: &AutogrowSpec, ordinal: Option<usize>, input: &str) -> String {
    let number = || ordinal.map_or("-1".to_owned(), |ordinal| ordinal.to_string());
    let place = match &group.names {
        Some(names) => ordinal.and_then(|at| names.get(at)).map_or("undefined".to_owned(), Clone::clone),
        None if group.inputs.len() == 1 => format!("{}{}", group.prefix, number()),
        None => format!("{input}{}", number()),
    };
    format!("{group_name}.{place}")
}

/// The place of a group that an input stands in.
pub(super) fn place_of(input: &str, group_name: &str, group: &AutogrowSpec) -> Option<usize> {
    let name = input.get(group_name.len() + 1..)?;
    if let Some(names) = &group.names {
        return names.iter().position(|known| known == name);
    }
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    // More digits than any place has.
    name[name.len() - digits..].parse().ok().filter(|place: &usize| *place < 1_000_000)
}
