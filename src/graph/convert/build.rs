//! A new node of a class, as it is before anything is read into it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    class_view::ClassView,
    spec::{Form, Name, Spec},
    state::{Config, Editor, Input, Later, NodeIx, Output, Role, Sends, Watcher},
    widgets::NewWidget,
};

impl Editor<'_> {
    /// Gives a node the inputs, widgets and outputs of its class.
    pub(super) fn build(&mut self, ix: NodeIx, class: &ClassView) {
        self.creating = true;
        for spec in &class.inputs {
            self.add_socket(ix, &spec.name, spec);
        }
        for spec in &class.inputs {
            if let Form::Widget(form) = &spec.form {
                self.add_widget(ix, &spec.name, spec, form);
            }
        }
        self.creating = false;
        let node = &mut self.nodes[ix];
        node.outputs = class.outputs.iter().map(|kind| Output { kind: kind.clone(), links: Vec::new() }).collect();
        if class.is_saver() {
            let name = node.widgets.iter_mut().find(|widget| &*widget.name == "filename_prefix");
            name.into_iter().for_each(|widget| widget.sends = Sends::FileName);
        }
        self.finish(ix, &class.name);
    }

    /// What single classes have beside their inputs.
    fn finish(&mut self, ix: NodeIx, class: &str) {
        let node = &mut self.nodes[ix];
        match class {
            "CustomCombo" if !node.widgets.is_empty() => {
                node.widgets[0].limits.values = None;
                let mut index = NewWidget::new(&Name::from("index"), "hidden", Value::Null);
                index.role = Role::Index;
                node.add(index);
                self.add_own_option(ix);
            }
            "WebcamCapture" => {
                let mut button = NewWidget::new(&Name::from("waiting for camera..."), "button", json!("capture"));
                button.sends = Sends::Nothing;
                node.add(button);
            }
            _ => {}
        }
    }

    /// Adds a place for a further value to a list that is written in the editor.
    pub(super) fn add_own_option(&mut self, ix: NodeIx) {
        let node = &mut self.nodes[ix];
        let name = Name::from(format!("option{}", node.widgets.len() - 1));
        let mut option = NewWidget::new(&name, "string", json!(""));
        option.role = Role::OwnOption;
        node.add(option);
    }

    /// Adds an input with all that belongs to it, after the others.
    pub(super) fn add_node_input(&mut self, ix: NodeIx, name: &Name, spec: &Arc<Spec>) {
        self.add_socket(ix, name, spec);
        if let Form::Widget(form) = &spec.form {
            self.add_widget(ix, name, spec, form);
        }
    }

    /// Adds the sockets of an input that has no widget.
    fn add_socket(&mut self, ix: NodeIx, name: &Name, spec: &Arc<Spec>) {
        match &spec.form {
            Form::Widget(_) => {}
            Form::Socket => self.push_input(ix, name, &spec.kind, None),
            Form::Autogrow(group) => self.start_group(ix, name, group),
            Form::MatchType { allowed, template } => {
                self.add_node_input(ix, name, &Arc::new(spec.retyped(allowed)));
                let node = &mut self.nodes[ix];
                if !node.watchers.contains(&Watcher::MatchType) {
                    node.watchers.push(Watcher::MatchType);
                }
                node.matching.push((template.clone(), name.clone(), allowed.clone()));
                let last = node.inputs.len().saturating_sub(1);
                self.later.push_back(Later::Match(ix, last));
            }
        }
    }

    /// Adds a socket at the end.
    pub(super) fn push_input(&mut self, ix: NodeIx, name: &Name, kind: &Name, config: Option<Config>) {
        let uid = self.uid();
        let widget = config.as_ref().map(|_| name.clone());
        self.nodes[ix].inputs.push(Input {
            uid,
            name: name.clone(),
            kind: kind.clone(),
            link: None,
            widget,
            config,
            io: None,
            promoted: None,
        });
    }
}
