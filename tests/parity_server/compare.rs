//! What two sides made of one case, compared.

use std::path::Path;

use serde_json::Value;

use crate::{
    grid::{Case, Given},
    runs::Made,
    texts::Shown,
};

/// How far two results may be from each other, in 255ths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Any channel.
    Each(u8),
    /// The mean of one result.
    Mean(f64),
    /// Texts are the same.
    Equal,
}

/// How far two pictures are from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distance {
    /// Values that were compared.
    pub values: u64,
    /// The largest difference.
    pub largest: u8,
    /// The sum of all differences.
    pub sum: u64,
}

impl Distance {
    /// The mean difference.
    pub fn mean(self) -> f64 {
        self.sum as f64 / self.values.max(1) as f64
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { values: self.values + other.values, largest: self.largest.max(other.largest), sum: self.sum + other.sum }
    }
}

/// What became of one case.
#[derive(Debug)]
pub enum Outcome {
    /// Both sides refuse it.
    Refused,
    /// Both sides have a result.
    Compared(Distance),
    /// They do not fit together.
    Wrong(String),
}

/// A case and what became of it.
#[derive(Debug)]
pub struct Finding {
    /// The row of the table that it belongs to.
    pub label: String,
    /// The case in words.
    pub case: String,
    /// What is allowed.
    pub limit: Limit,
    /// What was found.
    pub outcome: Outcome,
}

impl Finding {
    fn new(case: &Case, outcome: Outcome) -> Self {
        Self { label: label(case), case: describe(case), limit: limit(case), outcome }
    }

    /// What is wrong with it, if anything.
    pub fn complaint(&self) -> Option<String> {
        let reason = match (&self.outcome, self.limit) {
            (Outcome::Wrong(reason), _) => reason.clone(),
            (Outcome::Compared(distance), Limit::Each(most)) if distance.largest > most => {
                format!("values differ by up to {}/255, more than {most}/255", distance.largest)
            }
            (Outcome::Compared(distance), Limit::Mean(most)) if distance.mean() > most => {
                format!("values differ by {:.3}/255 on average, more than {most}/255", distance.mean())
            }
            _ => return None,
        };
        Some(format!("{}: {reason}", self.case))
    }
}

/// The row of the table that a case belongs to: its class, and the method of interpolation.
pub fn label(case: &Case) -> String {
    match method(case) {
        Some(method) if limit(case) != Limit::Each(1) => format!("{} ({method})", case.class),
        _ => case.class.to_owned(),
    }
}

fn method(case: &Case) -> Option<&str> {
    match case.inputs.get("upscale_method")? {
        Given::Literal(Value::String(method)) => Some(method),
        _ => None,
    }
}

fn limit(case: &Case) -> Limit {
    match (case.class, method(case)) {
        ("ImageQuantize", _) => Limit::Mean(2.0),
        (_, Some("bicubic" | "lanczos")) => Limit::Each(2),
        ("ImageBlend", _) if is_resized(case) => Limit::Each(2),
        (class, _) if class.starts_with("String") || class.starts_with("Regex") || class.starts_with("Primitive") => {
            Limit::Equal
        }
        ("CaseConverter", _) => Limit::Equal,
        _ => Limit::Each(1),
    }
}

/// Whether the second picture of a blend is resized, which is bicubic.
fn is_resized(case: &Case) -> bool {
    let size = |input| match case.inputs.get(input) {
        Some(Given::Image(picture)) => Some((picture.width, picture.height)),
        _ => None,
    };
    size("image1") != size("image2")
}

fn describe(case: &Case) -> String {
    let given = |given: &Given| match given {
        Given::Literal(value) => value.to_string(),
        Given::Image(picture) | Given::Mask(picture) => picture.id(),
        Given::File(name) => (*name).to_owned(),
    };
    let inputs = case.inputs.iter().map(|(name, value)| format!("{name}={}", given(value)));
    format!("{} {}", case.class, inputs.collect::<Vec<_>>().join(" "))
}

/// Compares two texts.
pub fn texts(case: &Case, ours: &Shown, theirs: &Shown) -> Finding {
    let outcome = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => Outcome::Compared(Distance { values: 1, ..Distance::default() }),
        (Ok(ours), Ok(theirs)) => Outcome::Wrong(format!("expected {theirs:?}, found {ours:?}")),
        (ours, theirs) => refusals(ours.as_ref().err(), theirs.as_ref().err()),
    };
    Finding::new(case, outcome)
}

/// Compares the files of two sides.
pub fn pictures(root: &Path, case: &Case, ours: &Made, theirs: &Made) -> Finding {
    let outcome = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            let files = |made: &std::collections::BTreeMap<String, Vec<_>>| {
                made.iter().map(|(name, files)| (name.clone(), files.len())).collect::<Vec<_>>()
            };
            if files(ours) == files(theirs) {
                let pairs = ours.values().flatten().zip(theirs.values().flatten());
                let distances = pairs.map(|(a, b)| distance(&root.join(a), &root.join(b)));
                let all = distances.reduce(|a, b| Ok(a?.and(b?))).unwrap_or_else(|| Err("no files".to_owned()));
                all.map_or_else(Outcome::Wrong, Outcome::Compared)
            } else {
                Outcome::Wrong(format!("expected the files {:?}, found {:?}", files(theirs), files(ours)))
            }
        }
        (ours, theirs) => refusals(ours.as_ref().err(), theirs.as_ref().err()),
    };
    Finding::new(case, outcome)
}

fn refusals(ours: Option<&String>, theirs: Option<&String>) -> Outcome {
    match (ours, theirs) {
        (Some(ours), None) => Outcome::Wrong(format!("only the native node refuses it: {ours}")),
        (None, Some(theirs)) => Outcome::Wrong(format!("only the server refuses it: {theirs}")),
        _ => Outcome::Refused,
    }
}

fn distance(ours: &Path, theirs: &Path) -> Result<Distance, String> {
    let open = |path: &Path| image::open(path).map_err(|error| format!("{}: {error}", path.display()));
    let (ours, theirs) = (open(ours)?, open(theirs)?);
    let shape = |image: &image::DynamicImage| (image.width(), image.height(), image.color());
    if shape(&ours) != shape(&theirs) {
        return Err(format!("expected {:?}, found {:?}", shape(&theirs), shape(&ours)));
    }
    let differences = ours.as_bytes().iter().zip(theirs.as_bytes()).map(|(a, b)| a.abs_diff(*b));
    let (largest, sum) = differences.fold((0, 0), |(largest, sum), new| (new.max(largest), sum + u64::from(new)));
    Ok(Distance { values: ours.as_bytes().len() as u64, largest, sum })
}
