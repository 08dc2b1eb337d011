//! The shape a document may have: which keys hold which kinds of values.
//!
//! A shape is read from a JSON schema, so that the schema that editors use, the reading of KDL
//! and the checking of structure have one source. Knows no document itself.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use regex::Regex;
use serde_json::{Map, Value};

use super::tree::KeyText;
use crate::ident::IndexMap;

/// What may stand at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Anything, written free-form.
    Any,
    /// True or false.
    Bool,
    /// A whole number in a range.
    Int {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
    /// A number in a range.
    Float {
        /// Smallest value.
        min: Option<f64>,
        /// Largest value.
        max: Option<f64>,
    },
    /// Text; with the permitted values when they are a closed list.
    String {
        /// The closed list.
        values: Option<Vec<String>>,
        /// What the text matches.
        pattern: Option<Pattern>,
    },
    /// A list of one kind of value.
    List(Box<Shape>),
    /// A table.
    Table(TableShape),
    /// One of several; the first that fits counts.
    OneOf(Vec<Shape>),
}

/// The keys of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableShape {
    /// Keys that are known by name.
    pub fields: IndexMap<KeyText, Field>,
    /// What every other key holds; none when other keys are errors.
    pub rest: Option<Box<Shape>>,
}

/// One known key.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

/// A regular expression, compiled when a text is first held against it.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The pattern that `text` spells.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), regex: OnceLock::new() }
    }

    /// How it is spelled.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `text` matches; everything matches what is no regular expression.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.get_or_init(|| compiled(&self.text)).as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

/// The regular expression that `text` spells; every kind of document has the same few.
fn compiled(text: &str) -> Option<Regex> {
    static KNOWN: Mutex<BTreeMap<String, Option<Regex>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(text.to_owned()).or_insert_with(|| Regex::new(text).ok()).clone()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A place that says nothing about itself.
const ANY: Shape = Shape::Any;

impl Shape {
    /// Reads a JSON schema as schemars writes it: `$ref` into `$defs`, `anyOf`, `oneOf`, `allOf`,
    /// `enum`, `const`, `properties`, `required`, `additionalProperties`, ranges and patterns.
    ///
    /// Null among several types only means that the key may be left out and is dropped. An object
    /// without `additionalProperties` knows no other keys. What refers to itself is read once;
    /// deeper it is [`Shape::Any`].
    pub fn from_schema(schema: &Value) -> Self {
        Reader { root: schema, open: Vec::new() }.read(schema)
    }

    /// What a table of this shape holds at `key`; none when it cannot have that key.
    pub fn at_key(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Any => Some(&ANY),
            Self::Table(table) => table.fields.get(key).map(|f| &f.shape).or(table.rest.as_deref()),
            Self::OneOf(shapes) => shapes.iter().find_map(|s| s.at_key(key)),
            _ => None,
        }
    }

    /// What the elements of a list of this shape are.
    pub fn element(&self) -> &Self {
        match self {
            Self::List(element) => element,
            Self::OneOf(shapes) => shapes.iter().find(|s| s.takes_list()).map_or(&ANY, Self::element),
            _ => &ANY,
        }
    }

    /// Keys that are known by name.
    pub fn known_keys(&self) -> Vec<&str> {
        match self {
            Self::Table(table) => table.fields.keys().map(KeyText::as_str).collect(),
            Self::OneOf(shapes) => shapes.iter().flat_map(Self::known_keys).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it is free-form, in whole or as one of several.
    pub fn is_free_form(&self) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(shapes) => shapes.iter().any(Self::is_free_form),
            _ => false,
        }
    }

    /// Whether a list may stand here because the shape says so; false where anything may.
    pub fn takes_list(&self) -> bool {
        match self {
            Self::List(_) => true,
            Self::OneOf(shapes) => shapes.iter().any(Self::takes_list),
            _ => false,
        }
    }

    /// Whether a table may stand here because the shape says so; false where anything may.
    pub fn takes_table(&self) -> bool {
        match self {
            Self::Table(_) => true,
            Self::OneOf(shapes) => shapes.iter().any(Self::takes_table),
            _ => false,
        }
    }

    /// Whether a single string, number or bool may stand here.
    pub fn takes_scalar(&self) -> bool {
        match self {
            Self::List(_) | Self::Table(_) => false,
            Self::OneOf(shapes) => shapes.iter().any(Self::takes_scalar),
            _ => true,
        }
    }

    /// Whether nothing but tables may stand here.
    pub fn is_table_only(&self) -> bool {
        match self {
            Self::Table(_) => true,
            Self::OneOf(shapes) => !shapes.is_empty() && shapes.iter().all(Self::is_table_only),
            _ => false,
        }
    }

    /// The shape of the entries when this is a map of tables: a table without known keys whose
    /// every value is a table (`task`, `params`, `variations`).
    pub fn map_of_tables(&self) -> Option<&Self> {
        match self {
            Self::Table(TableShape { fields, rest: Some(rest) }) if fields.is_empty() && rest.is_table_only() => {
                Some(rest)
            }
            _ => None,
        }
    }

    /// The shape of the tables that unknown keys of this table hold (`<Class>` of a `node`), when
    /// unknown keys hold nothing else.
    pub fn rest_table(&self) -> Option<&Self> {
        match self {
            Self::Table(TableShape { rest: Some(rest), .. }) if rest.is_table_only() => Some(rest),
            _ => None,
        }
    }

    /// The shape of the rows when this is a list of tables (`route`, `layer`).
    pub fn list_of_tables(&self) -> Option<&Self> {
        match self {
            Self::List(row) if row.is_table_only() => Some(row),
            _ => None,
        }
    }
}

/// Walks a schema; `open` holds the references that are being read.
struct Reader<'a> {
    root: &'a Value,
    open: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, schema: &'a Value) -> Shape {
        let Value::Object(schema) = schema else { return Shape::Any };
        if let Some(Value::String(reference)) = schema.get("$ref") {
            return self.referenced(reference);
        }
        if let Some(Value::Array(parts)) = schema.get("allOf") {
            return self.all_of(schema, parts);
        }
        if let Some(Value::Array(variants)) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
            return self.one_of(schema, variants);
        }
        if let Some(values) = listed_values(schema) {
            return Shape::String { values: Some(values), pattern: None };
        }
        match schema.get("type") {
            Some(Value::Array(types)) => {
                unite(types.iter().filter_map(Value::as_str).filter_map(|t| self.typed(schema, t)).collect())
            }
            Some(Value::String(name)) => self.typed(schema, name).unwrap_or(Shape::Any),
            _ if schema.contains_key("properties") => self.table(schema),
            _ => Shape::Any,
        }
    }

    fn referenced(&mut self, reference: &'a str) -> Shape {
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        match target {
            Some(target) if !self.open.contains(&reference) => {
                self.open.push(reference);
                let shape = self.read(target);
                self.open.pop();
                shape
            }
            _ => Shape::Any,
        }
    }

    fn all_of(&mut self, schema: &'a Map<String, Value>, parts: &'a [Value]) -> Shape {
        let mut shapes: Vec<Shape> = parts.iter().map(|part| self.read(part)).collect();
        if schema.contains_key("properties") {
            shapes.insert(0, self.table(schema));
        }
        if let [single] = shapes.as_slice() {
            return single.clone();
        }
        let mut merged = TableShape::default();
        for shape in shapes {
            let Shape::Table(table) = shape else { return Shape::Any };
            merged.fields.extend(table.fields);
            merged.rest = merged.rest.or(table.rest);
        }
        Shape::Table(merged)
    }

    fn one_of(&mut self, schema: &'a Map<String, Value>, variants: &'a [Value]) -> Shape {
        let null = Value::from("null");
        let shapes = variants.iter().filter(|v| v.get("type") != Some(&null)).map(|v| self.read(v)).collect();
        let mut united = unite(shapes);
        if schema.contains_key("properties")
            && let Shape::Table(common) = self.table(schema)
        {
            add_fields(&mut united, &common);
        }
        united
    }

    fn typed(&mut self, schema: &'a Map<String, Value>, name: &str) -> Option<Shape> {
        Some(match name {
            "null" => return None,
            "boolean" => Shape::Bool,
            "integer" => Shape::Int { min: whole_bound(schema, true), max: whole_bound(schema, false) },
            "number" => Shape::Float { min: bound(schema, "minimum"), max: bound(schema, "maximum") },
            "string" => {
                Shape::String { values: None, pattern: schema.get("pattern").and_then(Value::as_str).map(Pattern::new) }
            }
            "array" => Shape::List(Box::new(schema.get("items").map_or(Shape::Any, |items| self.read(items)))),
            "object" => self.table(schema),
            _ => Shape::Any,
        })
    }

    fn table(&mut self, schema: &'a Map<String, Value>) -> Shape {
        let required: Vec<&str> = match schema.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut fields = IndexMap::default();
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties {
                let field = Field { shape: self.read(property), required: required.contains(&name.as_str()) };
                fields.insert(name.into(), field);
            }
        }
        let rest = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(other) => Some(Box::new(self.read(other))),
            None if schema.contains_key("properties") => None,
            None => Some(Box::new(Shape::Any)),
        };
        Shape::Table(TableShape { fields, rest })
    }
}

/// The closed list of strings of `enum` or `const`; none when other values are in it.
fn listed_values(schema: &Map<String, Value>) -> Option<Vec<String>> {
    let values = match (schema.get("const"), schema.get("enum")) {
        (Some(single), _) => std::slice::from_ref(single),
        (None, Some(Value::Array(values))) => values.as_slice(),
        _ => return None,
    };
    values.iter().filter(|v| !v.is_null()).map(|v| v.as_str().map(str::to_owned)).collect()
}

/// One shape of several: lists of strings become one list, a single shape stays itself.
fn unite(shapes: Vec<Shape>) -> Shape {
    let mut united: Vec<Shape> = Vec::new();
    for shape in shapes {
        if let (Some(Shape::String { values: Some(values), .. }), Shape::String { values: Some(more), pattern: None }) =
            (united.last_mut(), &shape)
        {
            values.extend(more.iter().cloned());
        } else if let Shape::OneOf(inner) = shape {
            united.extend(inner);
        } else if !united.contains(&shape) {
            united.push(shape);
        }
    }
    if united.len() == 1 { united.remove(0) } else { Shape::OneOf(united) }
}

fn add_fields(shape: &mut Shape, common: &TableShape) {
    match shape {
        Shape::Table(table) => {
            let mut fields = common.fields.clone();
            fields.extend(std::mem::take(&mut table.fields));
            table.fields = fields;
        }
        Shape::OneOf(shapes) => shapes.iter_mut().for_each(|s| add_fields(s, common)),
        _ => {}
    }
}

fn bound(schema: &Map<String, Value>, name: &str) -> Option<f64> {
    schema.get(name).and_then(Value::as_f64)
}

/// The smallest or largest whole number, exclusive bounds made inclusive.
fn whole_bound(schema: &Map<String, Value>, lower: bool) -> Option<i64> {
    let (inclusive, exclusive, step) =
        if lower { ("minimum", "exclusiveMinimum", 1) } else { ("maximum", "exclusiveMaximum", -1) };
    let whole = |value: &Value| value.as_i64().or_else(|| value.as_f64().map(|f| f as i64));
    let strict = schema.get(exclusive).and_then(whole).map(|bound| bound.saturating_add(step));
    schema.get(inclusive).and_then(whole).or(strict)
}

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, schema_for};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    /// Doc.
    #[derive(JsonSchema, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        /// Red.
        Red,
        /// Green.
        Green,
    }

    #[derive(JsonSchema, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Values {
        List(Vec<Value>),
        Range { from: f64, to: f64 },
    }

    #[derive(JsonSchema, Deserialize)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Part {
        colour: Colour,
        maybe: Option<Colour>,
        #[schemars(range(min = 1, max = 9))]
        count: u8,
        #[serde(default)]
        share: Option<f64>,
        #[serde(default)]
        tags: Vec<String>,
        #[serde(default)]
        with: IndexMap<String, Value>,
        #[serde(default)]
        parts: IndexMap<String, Part>,
        values: Values,
        anything: Option<Value>,
        #[schemars(regex(pattern = "^a+$"))]
        name: String,
    }

    fn part() -> TableShape {
        let Shape::Table(table) = Shape::from_schema(schema_for!(Part).as_value()) else { panic!("not a table") };
        table
    }

    #[test]
    fn reads_what_schemars_writes() {
        let table = part();
        let at = |key: &str| table.fields[key].shape.clone();
        let colours = Shape::String { values: Some(vec!["red".into(), "green".into()]), pattern: None };
        assert_eq!(at("colour"), colours);
        assert_eq!(at("maybe"), colours);
        assert_eq!(at("count"), Shape::Int { min: Some(1), max: Some(9) });
        assert_eq!(at("share"), Shape::Float { min: None, max: None });
        assert_eq!(at("tags"), Shape::List(Box::new(Shape::String { values: None, pattern: None })));
        assert_eq!(
            at("with"),
            Shape::Table(TableShape { fields: IndexMap::default(), rest: Some(Box::new(Shape::Any)) })
        );
        assert_eq!(at("anything"), Shape::Any);
        assert_eq!(at("name"), Shape::String { values: None, pattern: Some(Pattern::new("^a+$")) });
        assert!(table.fields["colour"].required && !table.fields["tags"].required);
        assert_eq!(table.rest, None, "unknown keys are errors");
    }

    #[test]
    fn recursion_ends() {
        let parts = part().fields["parts"].shape.clone();
        assert!(parts.map_of_tables().is_some() || parts.at_key("x") == Some(&Shape::Any));
    }

    #[test]
    fn untagged_enums_are_one_of() {
        let values = part().fields["values"].shape.clone();
        assert!(values.takes_list() && values.takes_table() && !values.takes_scalar());
        assert!(values.at_key("from").is_some());
        assert_eq!(values.element(), &Shape::Any);
    }

    #[test]
    fn additional_properties_say_what_other_keys_hold() {
        let open = Shape::from_schema(&json!({ "type": "object", "properties": {}, "additionalProperties": true }));
        assert_eq!(open.at_key("x"), Some(&Shape::Any));
        let closed = Shape::from_schema(&json!({ "type": "object", "properties": {}, "additionalProperties": false }));
        assert_eq!(closed.at_key("x"), None);
        let typed = Shape::from_schema(&json!({ "type": "object", "additionalProperties": { "type": "boolean" } }));
        assert_eq!(typed.at_key("x"), Some(&Shape::Bool));
    }
}
