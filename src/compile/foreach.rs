//! The values of a foreach key: lists, ranges, CSV files, globs.
//!
//! Reads files only through [`World`]. Identity is the value itself, never a row number.

use std::io::{self, BufRead, BufReader};

use serde_json::{Map, Number, Value};

use super::{interpolate::ROW_KEY, relation::identity};
use crate::{
    files::{PathError, World, WorldError, csv_delimiter, join_relative},
    ident::did_you_mean,
    model::{Limits, Values},
};

/// How much of a CSV file is looked at for its first line, in bytes.
const FIRST_LINE: usize = 64 << 10;

/// What some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Most rows of a CSV file, where the configuration does not say otherwise.
const MOST_ROWS: usize = 100_000;

/// Most values of one key.
const MOST_VALUES: usize = 1_000_000;

/// Why the values of a key cannot be had.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ForeachError {
    /// Stable code of the diagnostic.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The key below the foreach key that is meant: `csv`, `column`.
    pub field: Option<&'static str>,
}

impl ForeachError {
    fn new(code: &'static str, message: String) -> Self {
        Self { code, message, hint: None, field: None }
    }

    fn at(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Where tables come from, and how large they may be.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    /// The files.
    pub world: &'a dyn World,
    /// Most rows of one.
    pub most_rows: usize,
}

impl<'a> Tables<'a> {
    /// Tables of `world`, as large as the configuration permits.
    pub fn new(world: &'a dyn World, limits: &Limits) -> Self {
        Self { world, most_rows: limits.csv_rows.map_or(MOST_ROWS, |rows| rows as usize) }
    }
}

/// The values of a key, in order. `document` is the path of the document, to which paths are
/// relative.
pub fn load(values: &Values, document: &str, tables: &Tables<'_>) -> Result<Vec<Value>, ForeachError> {
    let loaded = match values {
        Values::List(list) => list.clone(),
        Values::Range { from, to, step } => range(*from, *to, step.unwrap_or(1.0))?,
        Values::Csv { csv, column, columns, key } => {
            load_csv(csv, column.as_deref(), columns, key.as_deref(), document, tables)?
        }
        Values::Glob { glob } => load_glob(glob, document, tables.world)?,
    };
    if loaded.is_empty() {
        return Err(ForeachError::new("no-items", "there are no values, so the task has no items".to_owned()));
    }
    let mut seen = std::collections::HashSet::with_capacity(loaded.len());
    match loaded.iter().map(identity).find(|id| !seen.insert(id.clone())) {
        Some(twice) => Err(ForeachError::new("duplicate-item-key", format!("the value \"{twice}\" appears twice"))
            .hint("every value of a foreach key identifies an item, so each may appear only once".to_owned())),
        None => Ok(loaded),
    }
}

fn range(from: f64, to: f64, step: f64) -> Result<Vec<Value>, ForeachError> {
    let count = ((to - from) / step + 1e-9).floor();
    if step == 0.0 || count < 0.0 || !count.is_finite() {
        return Err(ForeachError::new("bad-range", format!("no number leads from {from} to {to} in steps of {step}"))
            .hint("`step` must not be 0 and must point from `from` to `to`".to_owned()));
    }
    if count >= MOST_VALUES as f64 {
        return Err(ForeachError::new("too-many-items", format!("the range has more than {MOST_VALUES} values")));
    }
    let whole = [from, to, step].iter().all(|n| n.fract() == 0.0 && n.abs() < 9e15);
    let number = |i: u32| {
        let value = from + f64::from(i) * step;
        if whole {
            Value::from(value as i64)
        } else {
            // Steps such as 0.1 are not exact in binary: round what the addition left behind.
            Number::from_f64((value * 1e9).round() / 1e9).map_or(Value::from(0), Value::Number)
        }
    };
    Ok((0..=count as u32).map(number).collect())
}

fn load_glob(pattern: &str, document: &str, world: &dyn World) -> Result<Vec<Value>, ForeachError> {
    let inside = join_relative(document, pattern).map_err(|e| bad_path(&e).at("glob"))?;
    let found = world.glob(&inside).map_err(|e| ForeachError::new(e.code(), format!("failed to {e}")).at("glob"))?;
    if found.is_empty() {
        return Err(ForeachError::new("no-items", format!("no file matches \"{pattern}\""))
            .at("glob")
            .hint("patterns are relative to the document".to_owned()));
    }
    Ok(found.into_iter().map(|path| Value::from(relative_to(document, &path))).collect())
}

/// `path` as a document at `document` writes it: relative to the document's folder.
fn relative_to(document: &str, path: &str) -> String {
    let folder: Vec<&str> = document.split('/').collect();
    let folder = &folder[..folder.len() - 1];
    let parts: Vec<&str> = path.split('/').collect();
    let common = folder.iter().zip(&parts).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", folder.len() - common);
    up.chain(parts[common..].iter().copied()).collect::<Vec<_>>().join("/")
}

fn bad_path(error: &PathError) -> ForeachError {
    let outside = matches!(error, PathError::Outside { .. });
    let hint = "copy the files into the workspace, below the folder with comfywright.toml";
    ForeachError::new(error.code(), error.to_string()).hint(outside.then(|| hint.to_owned()))
}

fn load_csv(
    path: &str,
    column: Option<&str>,
    columns: &[String],
    key: Option<&str>,
    document: &str,
    tables: &Tables<'_>,
) -> Result<Vec<Value>, ForeachError> {
    let inside = join_relative(document, path).map_err(|e| bad_path(&e).at("csv"))?;
    let unreadable = |e: &WorldError| {
        ForeachError::new(e.code(), format!("failed to {e}"))
            .at("csv")
            .hint("paths are relative to the document".to_owned())
    };
    let stream = tables.world.open(&inside).map_err(|e| unreadable(&e))?;
    let file = BufReader::with_capacity(FIRST_LINE, stream);
    let table = CsvTable::read(path, file, tables.most_rows).map_err(|error| match error {
        TableError::Io(error) => unreadable(&WorldError::from_io(&inside, error)),
        TableError::Wrong(error) => error,
    })?;
    let wanted: Vec<(&str, usize)> = match column {
        Some(column) => vec![(column, table.column(column, "column")?)],
        None if columns.is_empty() => table.header.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect(),
        None => columns.iter().map(|c| Ok((c.as_str(), table.column(c, "columns")?))).collect::<Result<_, _>>()?,
    };
    let key_column = match key.or(column) {
        Some(key) => table.column(key, "key")?,
        None => wanted.first().map_or(0, |(_, index)| *index),
    };
    Ok(table
        .rows
        .iter()
        .map(|row| {
            if column.is_some() {
                return Value::from(row[key_column].as_str());
            }
            let mut fields = Map::new();
            fields.insert(ROW_KEY.to_owned(), Value::from(row[key_column].as_str()));
            fields.extend(wanted.iter().map(|(name, index)| ((*name).to_owned(), Value::from(row[*index].as_str()))));
            Value::Object(fields)
        })
        .collect())
}

/// Why a table cannot be read.
enum TableError {
    /// The file cannot be read.
    Io(io::Error),
    /// It is no table, or too large.
    Wrong(ForeachError),
}

struct CsvTable {
    path: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl CsvTable {
    /// Reads comma or semicolon separated text, whichever the header line has more of. What is more than
    /// `most_rows` is only counted.
    fn read(path: &str, mut file: impl BufRead, most_rows: usize) -> Result<Self, TableError> {
        let bad = |e: csv::Error| {
            let text = e.to_string();
            match e.into_kind() {
                csv::ErrorKind::Io(error) => TableError::Io(error),
                csv::ErrorKind::Utf8 { .. } => TableError::Wrong(
                    ForeachError::new("not-utf8", format!("\"{path}\" is not UTF-8"))
                        .at("csv")
                        .hint("save it as \"CSV UTF-8\"".to_owned()),
                ),
                _ => TableError::Wrong(
                    ForeachError::new("bad-csv", format!("failed to read \"{path}\": {text}")).at("csv"),
                ),
            }
        };
        let start = file.fill_buf().map_err(TableError::Io)?;
        let mark = if start.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let delimiter = csv_delimiter(start[mark..].split(|byte| *byte == b'\n').next().unwrap_or_default());
        file.consume(mark);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .buffer_capacity(1 << 16)
            .from_reader(file);
        let header = reader.headers().map_err(bad)?.iter().map(str::to_owned).collect();
        let (mut rows, mut record) = (Vec::new(), csv::StringRecord::new());
        while rows.len() < most_rows && reader.read_record(&mut record).map_err(bad)? {
            rows.push(record.iter().map(str::to_owned).collect());
        }
        let mut more = csv::ByteRecord::new();
        let mut first_line = None;
        let mut too_many = 0;
        while rows.len() == most_rows && reader.read_byte_record(&mut more).map_err(bad)? {
            first_line = first_line.or(more.position().map(csv::Position::line));
            too_many += 1;
        }
        if too_many == 0 {
            return Ok(Self { path: path.to_owned(), header, rows });
        }
        let line = first_line.map_or_else(String::new, |line| format!(", which end before line {line}"));
        let message = format!("\"{path}\" has {} rows; at most {most_rows} are read{line}", most_rows + too_many);
        let hint = "raise `csv_rows` under [limits] in comfywright.toml, or part the table".to_owned();
        Err(TableError::Wrong(ForeachError::new("too-many-items", message).at("csv").hint(hint)))
    }

    fn column(&self, name: &str, field: &'static str) -> Result<usize, ForeachError> {
        self.header.iter().position(|h| h == name).ok_or_else(|| {
            let hint = match did_you_mean(name, self.header.iter().map(String::as_str)) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("it has {}", self.header.join(", ")),
            };
            ForeachError::new("unknown-column", format!("\"{}\" has no column \"{name}\"", self.path))
                .at(field)
                .hint(hint)
        })
    }
}
