//! What a file says of a node is read into it.
//!
//! The class decides which inputs there are and of which type; the file says what is linked. What
//! the file has beyond the class stays, for classes may grow inputs.

use serde_json::{Map, Value};

use super::{
    class_view::ClassView,
    js,
    spec::Name,
    state::{Config, Editor, Input, Kind, NodeIx, Output, Role},
};
use crate::{
    graph::ui_format::{RawInput, RawNode, RawOutput, RawValues},
    ident::IndexMap,
};

impl Editor<'_> {
    /// Reads `raw` into the node that was made for it.
    pub(super) fn configure_node(&mut self, ix: NodeIx, raw: RawNode<'_>) {
        let kind = self.nodes[ix].kind;
        match kind {
            Kind::Class(class) => self.configure_class(ix, class, raw),
            Kind::Host(net) => self.configure_host(ix, net, raw),
            _ => self.configure_plain(ix, raw),
        }
    }

    fn configure_class(&mut self, ix: NodeIx, class: &ClassView, raw: RawNode<'_>) {
        self.read_inputs(ix, &raw.inputs);
        read_outputs(&mut self.nodes[ix].outputs, &raw.outputs);
        self.nodes[ix].properties = raw.properties;
        let mut slot = 0;
        while !self.nodes[ix].watchers.is_empty() && slot < self.nodes[ix].inputs.len() {
            self.link_changed(ix, slot, true);
            slot += 1;
        }
        match raw.values {
            RawValues::None => {}
            RawValues::List(values) => {
                let values = self.without_forced(ix, class, values);
                self.read_values(ix, values);
            }
            RawValues::Map(values) => self.read_named_values(ix, values),
        }
    }

    /// Links of the inputs that the class has, then the inputs that only the file has.
    fn read_inputs(&mut self, ix: NodeIx, raw: &[RawInput<'_>]) {
        let by_name: IndexMap<&str, &RawInput<'_>> = raw.iter().map(|input| (input.name(), input)).collect();
        let inputs = &mut self.nodes[ix].inputs;
        for input in inputs.iter_mut() {
            input.config = None;
            if let Some(written) = by_name.get(&*input.name) {
                input.link = written.link();
            }
        }
        let known: IndexMap<Name, ()> = inputs.iter().map(|input| (input.name.clone(), ())).collect();
        for input in raw.iter().filter(|input| !known.contains_key(input.name())) {
            let input = self.written_input(input);
            self.nodes[ix].inputs.push(input);
        }
    }

    /// An input as it stands in the file.
    pub(super) fn written_input(&mut self, raw: &RawInput<'_>) -> Input {
        Input {
            uid: self.uid(),
            name: Name::from(raw.name()),
            kind: Name::from(raw.kind()),
            link: raw.link(),
            widget: raw.widget().map(Name::from),
            config: None,
            io: None,
            promoted: None,
        }
    }

    /// A node that has only what the file says.
    fn configure_plain(&mut self, ix: NodeIx, raw: RawNode<'_>) {
        if !raw.inputs.is_empty() {
            let inputs = raw.inputs.iter().map(|input| self.written_input(input)).collect();
            self.nodes[ix].inputs = inputs;
        }
        let node = &mut self.nodes[ix];
        if !raw.outputs.is_empty() {
            node.outputs.clear();
            read_outputs(&mut node.outputs, &raw.outputs);
        }
        node.properties = raw.properties;
        node.saved = raw.values;
    }

    /// Until some version inputs that are only sockets had values, too: drops these.
    fn without_forced(&self, ix: NodeIx, class: &ClassView, values: Vec<Value>) -> Vec<Value> {
        let node = &self.nodes[ix];
        let has_widget = |name: &str| node.widgets.iter().any(|widget| &*widget.name == name);
        let mut forced = Vec::new();
        for spec in class.listed.iter().filter(|spec| spec.is_forced() || has_widget(&spec.name)) {
            forced.push(spec.is_forced());
            if spec.is_controlled() {
                forced.push(false);
            }
        }
        if forced.len() != values.len() || !forced.contains(&true) {
            return values;
        }
        values.into_iter().zip(forced).filter(|(_, forced)| !forced).map(|(value, _)| value).collect()
    }

    fn read_values(&mut self, ix: NodeIx, values: Vec<Value>) {
        let mut values = values.into_iter();
        let mut at = 0;
        // Setting a value may bring widgets; these come next.
        while at < self.nodes[ix].widgets.len() {
            if self.nodes[ix].widgets[at].saved {
                let Some(value) = values.next() else { break };
                self.set_value(ix, at, Some(value));
            }
            at += 1;
        }
    }

    fn read_named_values(&mut self, ix: NodeIx, mut values: Map<String, Value>) {
        let mut at = 0;
        while at < self.nodes[ix].widgets.len() {
            let widget = &self.nodes[ix].widgets[at];
            if widget.saved
                && let Some(value) = values.remove(&*widget.name)
            {
                self.set_value(ix, at, Some(value));
            }
            at += 1;
        }
    }

    /// Sets the value of a widget, with all that follows from it.
    pub(super) fn set_value(&mut self, ix: NodeIx, at: usize, value: Option<Value>) {
        let node = &mut self.nodes[ix];
        let cell = node.widgets[at].cell;
        match node.widgets[at].role.clone() {
            Role::Fixed | Role::Index => {}
            Role::Plain | Role::Area => node.cells[cell].value = value,
            Role::Choice(choice) => {
                node.cells[cell].value.clone_from(&value);
                self.bring_inputs(ix, at, &choice, value.as_ref());
            }
            Role::OwnOption => {
                node.cells[cell].value = value;
                self.own_option_changed(ix, at);
            }
        }
    }

    /// After the last value of a list that is written in the editor there is always an empty place.
    fn own_option_changed(&mut self, ix: NodeIx, at: usize) {
        let node = &mut self.nodes[ix];
        let given = |at: usize| node.cells[node.widgets[at].cell].value.as_ref().is_some_and(js::truthy);
        let last = node.widgets.len() - 1;
        if at == last {
            if given(at) {
                self.add_own_option(ix);
            }
        } else if !given(at) && at + 1 == last && !given(last) {
            node.widgets.pop();
        }
    }

    /// Tells each input of a node of a class what the class says of its widget; inputs for widgets
    /// that the node does not have go. Of two in a row that should go, the second stays for now.
    /// Whether any went.
    pub(super) fn settle_inputs(&mut self, ix: NodeIx) -> bool {
        let Kind::Class(class) = self.nodes[ix].kind else { return false };
        let node = &mut self.nodes[ix];
        let mut stale = Vec::new();
        let mut spared = false;
        for (slot, input) in node.inputs.iter_mut().enumerate() {
            if std::mem::take(&mut spared) {
                continue;
            }
            let Some(name) = &input.widget else { continue };
            if input.config.is_none() {
                input.config = class.input(name).map(|spec| Config { spec: spec.clone(), made_as: None });
            }
            if !node.widgets.iter().any(|widget| widget.name == *name) {
                stale.push(slot);
                spared = true;
            }
        }
        for slot in stale.iter().rev() {
            self.disconnect_input(ix, *slot);
        }
        let mut slot = 0;
        self.nodes[ix].inputs.retain(|_| {
            slot += 1;
            stale.binary_search(&(slot - 1)).is_err()
        });
        if let Some(first) = stale.first() {
            self.renumber(ix, *first);
        }
        !stale.is_empty()
    }
}

/// Links of the outputs that the class has, then the outputs that only the file has.
pub(super) fn read_outputs(outputs: &mut Vec<Output>, raw: &[RawOutput<'_>]) {
    for (at, written) in raw.iter().enumerate() {
        match outputs.get_mut(at) {
            Some(output) => output.links = written.links(),
            None => outputs.push(Output { kind: Name::from(written.kind()), links: written.links() }),
        }
    }
}
