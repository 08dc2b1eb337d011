//! The grid: its cases, how they are written down, and what a complete one has.

use comfywright::graph::{ClassInfo, ComboSource, InputInfo, InputKind, builtin, own_classes};
use comfywright::ident::IndexMap;
use serde_json::{Value, json};

use crate::{grid_images, grid_masks, grid_texts, pictures::Picture};

/// What one input gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// A literal.
    Literal(Value),
    /// An IMAGE.
    Image(Picture),
    /// A MASK: the red channel.
    Mask(Picture),
    /// A file of `fixtures/`.
    File(&'static str),
}

/// One node with its inputs. Inputs that are not here are absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The class.
    pub class: &'static str,
    /// The inputs by name.
    pub inputs: IndexMap<&'static str, Given>,
}

/// A set of values for some inputs that belong together.
pub type Row = Vec<(&'static str, Given)>;

/// All combinations of the values of some inputs of one class.
pub struct Sweep {
    class: &'static str,
    axes: Vec<Vec<Row>>,
}

impl Sweep {
    /// Of this class, without any inputs yet.
    pub fn of(class: &'static str) -> Self {
        Self { class, axes: Vec::new() }
    }

    /// These rows.
    pub fn rows(mut self, rows: impl IntoIterator<Item = Row>) -> Self {
        self.axes.push(rows.into_iter().collect());
        self
    }

    /// Each of these values.
    pub fn each<T>(self, input: &'static str, values: impl IntoIterator<Item = T>) -> Self
    where
        Value: From<T>,
    {
        self.rows(values.into_iter().map(|value| vec![(input, Given::Literal(value.into()))]))
    }

    /// Absent, and each of these values.
    pub fn optional<T>(mut self, input: &'static str, values: impl IntoIterator<Item = T>) -> Self
    where
        Value: From<T>,
    {
        self = self.each(input, values);
        self.axes.last_mut().expect("just added").push(Row::new());
        self
    }

    /// Every choice of this combo, or both booleans, as the signature has them.
    pub fn all(self, input: &'static str) -> Self {
        let choices = choices(signature(self.class).input(input).expect("the input is in the signature"));
        self.each(input, choices)
    }

    /// Each of these as an IMAGE.
    pub fn images(self, input: &'static str, pictures: &[Picture]) -> Self {
        self.rows(pictures.iter().map(|picture| vec![(input, Given::Image(*picture))]))
    }

    /// Each of these as a MASK.
    pub fn masks(self, input: &'static str, pictures: &[Picture]) -> Self {
        self.rows(pictures.iter().map(|picture| vec![(input, Given::Mask(*picture))]))
    }

    /// The cases.
    pub fn cases(self) -> Vec<Case> {
        let mut cases = vec![Case { class: self.class, inputs: IndexMap::default() }];
        for axis in self.axes {
            let with = |case: &Case, row: &Row| {
                let mut case = case.clone();
                case.inputs.extend(row.iter().cloned());
                case
            };
            cases = cases.iter().flat_map(|case| axis.iter().map(|row| with(case, row)).collect::<Vec<_>>()).collect();
        }
        cases
    }
}

/// Every case: the sweeps of all families by class, and for each class those that are to be refused.
pub fn whole_grid() -> Vec<Case> {
    let families = [grid_images::sweeps(), grid_masks::sweeps(), grid_texts::sweeps()];
    let mut classes: IndexMap<&str, Vec<Case>> = IndexMap::default();
    for sweep in families.into_iter().flatten() {
        classes.entry(sweep.class).or_default().extend(sweep.cases());
    }
    for cases in classes.values_mut() {
        let wrong = wrong_cases(&cases[0]);
        cases.extend(wrong);
    }
    classes.into_values().flatten().collect()
}

/// `good` with each of its literals replaced by one that ComfyUI refuses: beyond the bounds, not in
/// the list, missing.
fn wrong_cases(good: &Case) -> Vec<Case> {
    let mut wrong = Vec::new();
    for input in &signature(good.class).inputs {
        let Some((name, _)) = good.inputs.get_key_value(input.name.as_str()) else { continue };
        // A choice that is none passes the server's validation of newer nodes, and those that make texts
        // then do nothing. Here it is a mistake.
        let makes = |type_name| signature(good.class).outputs.iter().any(|output| output.types.contains(type_name));
        let is_text = !makes("IMAGE") && !makes("MASK");
        if is_text && matches!(input.kind, InputKind::Combo { .. }) {
            continue;
        }
        for value in beyond(&input.kind) {
            let mut case = good.clone();
            case.inputs.insert(name, Given::Literal(value));
            wrong.push(case);
        }
        if input.required {
            let mut case = good.clone();
            case.inputs.shift_remove(name);
            wrong.push(case);
        }
    }
    wrong
}

fn beyond(kind: &InputKind) -> Vec<Value> {
    let int = |value: i128| i64::try_from(value).map_or_else(|_| json!(value as f64), Value::from);
    match kind {
        InputKind::Int { min, max, .. } => {
            min.iter().map(|min| int(min - 1)).chain(max.iter().map(|max| int(max + 1))).collect()
        }
        InputKind::Float { min, max, .. } => {
            let (below, above) =
                (min.iter().map(|min| min - 1e-3 - min.abs()), max.iter().map(|max| max * 1.001 + 1e-3));
            below.chain(above).map(Value::from).collect()
        }
        InputKind::Combo { source: ComboSource::Fixed, .. } => vec![json!("no such choice")],
        _ => Vec::new(),
    }
}

/// The classes that both sides have.
pub fn classes() -> impl Iterator<Item = &'static ClassInfo> {
    builtin().classes().filter(|class| !own_classes().contains(&class.name))
}

/// The signature of `class`.
pub fn signature(class: &str) -> &'static ClassInfo {
    builtin().class(class).unwrap_or_else(|| panic!("{class} is a native class"))
}

fn choices(input: &InputInfo) -> Vec<Value> {
    match &input.kind {
        InputKind::Combo { options, source: ComboSource::Fixed, .. } => options.clone(),
        InputKind::Bool => vec![json!(false), json!(true)],
        _ => Vec::new(),
    }
}

/// What `grid` lacks to be complete.
pub fn coverage(grid: &[Case]) -> Vec<String> {
    let mut missing = Vec::new();
    for class in classes() {
        let cases: Vec<&Case> = grid.iter().filter(|case| case.class == class.name).collect();
        for input in &class.inputs {
            let given: Vec<Option<&Given>> = cases.iter().map(|case| case.inputs.get(input.name.as_str())).collect();
            let lacks = lacking(input, &given);
            missing.extend(lacks.into_iter().map(|what| format!("{}.{}: {what}", class.name, input.name)));
        }
        if cases.is_empty() {
            missing.push(class.name.clone());
        }
    }
    missing
}

fn lacking(input: &InputInfo, given: &[Option<&Given>]) -> Vec<String> {
    let literals: Vec<&Value> = given
        .iter()
        .filter_map(|given| match given {
            Some(Given::Literal(value)) => Some(value),
            _ => None,
        })
        .collect();
    let mut wanted = choices(input);
    let mut lacks = Vec::new();
    let bounds = match &input.kind {
        InputKind::Int { min, max, .. } => {
            let bound = |bound: Option<i128>| bound.map(|value| value as f64);
            wanted
                .extend([min, max].into_iter().flatten().map(|value| json!(i64::try_from(*value).unwrap_or(i64::MAX))));
            Some((bound(*min), bound(*max)))
        }
        InputKind::Float { min, max, .. } => Some((*min, *max)),
        _ => None,
    };
    if let Some((min, max)) = bounds {
        let numbers: Vec<f64> = literals.iter().filter_map(|value| value.as_f64()).collect();
        let edges = [min, max].into_iter().flatten().filter(|edge| !numbers.contains(edge));
        lacks.extend(edges.map(|edge| format!("the edge {edge}")));
        let is_inside = |number: &f64| min.is_none_or(|min| *number > min) && max.is_none_or(|max| *number < max);
        if !numbers.iter().any(is_inside) {
            lacks.push("a value in the middle".to_owned());
        }
        wanted.retain(|value| !value.is_number());
    }
    lacks.extend(wanted.iter().filter(|value| !literals.contains(value)).map(|value| format!("the choice {value}")));
    if given.iter().all(Option::is_none) {
        lacks.push("it is never given".to_owned());
    }
    if !input.required && given.iter().all(Option::is_some) {
        lacks.push("it is never absent".to_owned());
    }
    lacks.extend(sizes_lacking(given));
    lacks
}

/// Pictures come with odd sides, with one pixel, higher and wider than square, and in batches.
fn sizes_lacking(given: &[Option<&Given>]) -> Vec<String> {
    let pictures: Vec<Picture> = given
        .iter()
        .filter_map(|given| match given {
            Some(Given::Image(picture) | Given::Mask(picture)) => Some(*picture),
            _ => None,
        })
        .collect();
    let kinds: [(&str, fn(&Picture) -> bool); 5] = [
        ("odd", |p| p.width % 2 == 1 && p.width > 1),
        ("of one pixel", |p| (p.width, p.height) == (1, 1)),
        ("wide", |p| p.width > p.height),
        ("high", |p| p.width < p.height),
        ("of a batch", |p| p.batch > 1),
    ];
    let lacks = kinds.iter().filter(|(_, is)| !pictures.is_empty() && !pictures.iter().any(is));
    lacks.map(|(what, _)| format!("a picture {what}")).collect()
}
