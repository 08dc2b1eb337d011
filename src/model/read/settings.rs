//! What stands in `with`, and the values of settings wherever they stand.

use std::sync::OnceLock;

use serde_json::Value;

use super::{
    Source,
    moves::table_of,
    values::{check_length, check_lengths, check_reference},
};
use crate::{
    diagnostic::Diagnostic,
    files::{self, Comments, Element, Entry, Field, Node, NodeKind, Shape, Table, TableShape},
    ident::{IndexMap, did_you_mean},
    model::{
        chain::TaskType,
        schema,
        settings::{InputInfo, SettingInfo, SettingShape, TaskTypeInfo, task_type, task_type_name, task_types},
    },
};

/// Checks the inputs and settings in `with` of a task of type `kind`.
pub(super) fn check_with(source: &Source<'_>, task: &Table, kind: TaskType, diagnostics: &mut Vec<Diagnostic>) {
    let info = task_type(kind);
    let Some(with) = task.entries.get("with").and_then(|entry| entry.node.as_table()) else { return };
    for (key, entry) in &with.entries {
        if let Some(setting) = info.setting(key) {
            check_setting(source, kind, setting, &entry.node, diagnostics);
        } else if let Some(input) = info.input(key) {
            diagnostics.extend(check_input(source, kind, input, &entry.node));
        } else if !info.open {
            diagnostics.push(unknown_in_with(source, key, entry, kind, info));
        }
    }
}

fn unknown_in_with(source: &Source<'_>, key: &str, entry: &Entry, kind: TaskType, info: &TaskTypeInfo) -> Diagnostic {
    let known = || info.inputs.iter().map(|i| i.name).chain(info.settings.iter().map(|s| s.name));
    let message = format!("a task of type `{}` has neither an input nor a setting `{key}`", task_type_name(kind));
    let diagnostic = source.error("unknown-key", entry.key_span, message);
    match did_you_mean(key, known()) {
        Some(meant) => diagnostic.with_hint(format!("did you mean `{meant}`?")).with_fix(
            format!("rename to `{meant}`"),
            entry.key_span,
            meant,
        ),
        None => diagnostic.with_hint(format!("it has {}", known().collect::<Vec<_>>().join(", "))),
    }
}

/// Checks the value of `setting` of a task of type `kind`.
pub(super) fn check_setting(
    source: &Source<'_>,
    kind: TaskType,
    setting: &SettingInfo,
    node: &Node,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if setting.interpolated && node.as_str().is_some_and(has_interpolation) {
        return;
    }
    if let Some(shape) = value_shape(kind, setting.name) {
        diagnostics.extend(files::validate(&table_of(setting.name, node), shape, source.file));
    }
    match &setting.shape {
        SettingShape::Document(_) => diagnostics.extend(check_reference(source, node)),
        SettingShape::LayerKey | SettingShape::LayerList => {
            let row = Element { node: table_of(setting.name, node), comments: Comments::default() };
            let rows = Node { span: node.span, kind: NodeKind::List(vec![row]) };
            check_lengths(source, &table_of("layer", &rows), diagnostics);
        }
        SettingShape::Layers => check_lengths(source, &table_of("layer", node), diagnostics),
        SettingShape::List(SettingShape::Float(..)) => {
            diagnostics.extend(check_length(source, node, 2, 2, "[right, down]"));
        }
        _ => {}
    }
}

/// An input takes a link, the path of a file or an interpolation: text, or a list of texts.
fn check_input(source: &Source<'_>, kind: TaskType, input: &InputInfo, node: &Node) -> Vec<Diagnostic> {
    let is_text = |node: &Node| matches!(node.kind, NodeKind::String(_));
    let wrong_colour = node.as_str().filter(|text| input.literal.is_some() && text.starts_with('#') && !is_color(text));
    if let Some(text) = wrong_colour {
        let message = format!("`{text}` is not a colour such as \"#ffffff\"");
        return vec![source.error("bad-pattern", node.span, message)];
    }
    let fits = match &node.kind {
        NodeKind::List(list) => input.list && list.iter().all(|element| is_text(&element.node)),
        _ => is_text(node),
    };
    if fits {
        return Vec::new();
    }
    if let Some(shape) = value_shape(kind, input.name) {
        return files::validate(&table_of(input.name, node), shape, source.file);
    }
    let takes = if input.list { "links or paths" } else { "a link or a path" };
    let message = format!("the input `{}` takes {takes}, not {}", input.name, node.describe());
    vec![source.error("wrong-type", node.span, message).with_hint(input.description)]
}

/// Whether `text` has a brace without a space after it.
fn has_interpolation(text: &str) -> bool {
    text.split('{').skip(1).any(|after| after.starts_with(|c: char| !c.is_whitespace()))
}

fn is_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or_default();
    matches!(digits.len(), 3 | 6 | 8) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The shape of the table with the setting or the literal of the input called `name`.
fn value_shape(kind: TaskType, name: &'static str) -> Option<&'static Shape> {
    static SHAPES: OnceLock<IndexMap<(TaskType, &'static str), ValueShape>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        let values = task_types().flat_map(|kind| {
            let info = task_type(kind);
            let literals = info.inputs.iter().filter_map(|i| Some((i.name, i.literal.as_ref()?)));
            let values = info.settings.iter().map(|s| (s.name, &s.shape)).chain(literals);
            values.map(move |(name, value)| ((kind, name), ValueShape { value, shape: OnceLock::new() }))
        });
        values.collect()
    });
    let found = shapes.get(&(kind, name))?;
    Some(found.shape.get_or_init(|| only_key(name, &schema::for_value(found.value, name))))
}

/// What may be written, and its shape once it was asked for: few documents use many of them.
struct ValueShape {
    value: &'static SettingShape,
    shape: OnceLock<Shape>,
}

/// A table of one optional key.
fn only_key(name: &str, schema: &Value) -> Shape {
    let field = Field { shape: Shape::from_schema(schema), required: false };
    Shape::Table(TableShape { fields: [(name.into(), field)].into_iter().collect(), rest: None })
}
