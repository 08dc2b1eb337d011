//! Opinions as tables in CSV, sorted, so that they can be kept in git and merged.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::super::{AppError, Session, atomic_write, existing_ledger, open_ledger, run::ledger_error, score_file};
use crate::{
    diagnostic::{Diagnostic, Span, position},
    files::{CsvPlaces, csv_delimiter},
    ident::{HashMap, did_you_mean},
    ledger::{Judgement, Opinion},
};

/// Where tables are kept, relative to the workspace.
pub const RATINGS_FOLDER: &str = "ratings";

const COLUMNS: [&str; 10] =
    ["test", "version", "rater", "seed", "variation", "other", "value", "picture", "other_picture", "time"];

/// Findings after which no more are collected.
const MOST_FINDINGS: usize = 50;

/// A table that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The file.
    pub path: PathBuf,
    /// How many opinions it holds.
    pub opinions: usize,
    /// Whether it held them already.
    pub unchanged: bool,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Opinions that are new.
    pub new: usize,
    /// Opinions that were there.
    pub known: usize,
}

/// Writes what people said of `tests`, of all tests without them: a table for each, or all into `out`.
pub fn export_opinions(session: &Session, tests: &[String], out: Option<&Path>) -> Result<Vec<Exported>, AppError> {
    let mut all = match existing_ledger(session)? {
        Some(ledger) => ledger.judgements(None).map_err(|e| ledger_error(&e))?,
        None => Vec::new(),
    };
    if let Some(unknown) = tests.iter().find(|test| !all.iter().any(|said| said.test == **test)) {
        let error = AppError::usage(format!("nobody has rated \"{unknown}\""));
        let near = did_you_mean(unknown, all.iter().map(|said| said.test.as_str()));
        return Err(match near {
            Some(near) => error.with_hint(format!("did you mean \"{near}\"?")),
            None => error.with_hint(format!("comfywright rate {unknown}")),
        });
    }
    all.retain(|said| tests.is_empty() || tests.contains(&said.test));
    all.sort_by(in_order);
    if let Some(out) = out {
        return Ok(vec![write(out, &all)?]);
    }
    let mut files: BTreeMap<&str, Vec<Judgement>> = BTreeMap::new();
    for said in &all {
        files.entry(&said.test).or_default().push(said.clone());
    }
    let folder = session.root.join(RATINGS_FOLDER);
    if !files.is_empty() {
        fs::create_dir_all(&folder)
            .map_err(|e| AppError::environment(format!("failed to make {}: {e}", folder.display())))?;
    }
    files.into_iter().map(|(test, rows)| write(&folder.join(format!("{test}.csv")), &rows)).collect()
}

/// By everything that an opinion is about; seeds as numbers where they are numbers.
fn in_order(a: &Judgement, b: &Judgement) -> Ordering {
    let seed = |said: &Judgement| said.seed.parse::<u64>().unwrap_or(u64::MAX);
    let [a_test, a_version, a_rater, ..] = a.subject();
    let [b_test, b_version, b_rater, ..] = b.subject();
    (a_test, a_version, a_rater, seed(a), a.subject()).cmp(&(b_test, b_version, b_rater, seed(b), b.subject()))
}

fn write(path: &Path, rows: &[Judgement]) -> Result<Exported, AppError> {
    let failed = |error: &dyn std::fmt::Display| AppError::environment(format!("failed to write a table: {error}"));
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|e| failed(&e))?;
    for said in rows {
        let [test, version, rater, seed, variation, other] = said.subject();
        let time = time_text(said.time_ns);
        let cells = [
            test,
            version,
            rater,
            seed,
            variation,
            other,
            said.value.name(),
            &said.picture,
            &said.other_picture,
            &time,
        ];
        writer.write_record(cells).map_err(|e| failed(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| failed(&e))?;
    let unchanged = fs::read(path).is_ok_and(|there| there == bytes);
    if !unchanged {
        atomic_write(path, &bytes, None)?;
    }
    Ok(Exported { path: path.to_owned(), opinions: rows.len(), unchanged })
}

fn time_text(ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(ns.into()).map(|time| time.to_string()).unwrap_or_default()
}

/// Adds the opinions of tables to the ledger: all of them, or none when something is wrong. Without `files` the tables
/// in the folder `ratings`.
pub fn import_opinions(session: &Session, files: &[PathBuf]) -> Result<Imported, AppError> {
    let files = if files.is_empty() { kept_tables(session)? } else { files.to_vec() };
    let mut rows: Vec<Row> = Vec::new();
    let mut texts = Vec::new();
    let mut findings = Vec::new();
    for path in &files {
        let file = score_file(session, path)?;
        let mut reading = Reading::new(file.name.clone(), &file.text, texts.len());
        rows.extend(reading.rows());
        findings.append(&mut reading.findings);
        texts.push((file.name, file.text));
    }
    twice(&rows, &texts, &mut findings);
    if findings.is_empty() {
        let ledger = open_ledger(session)?;
        let before = ledger.judgements(None).map_err(|e| ledger_error(&e))?.len();
        let said: Vec<Judgement> = rows.iter().map(|row| row.said.clone()).collect();
        let against = ledger.judge(&said).map_err(|e| ledger_error(&e))?;
        if against.is_empty() {
            let after = ledger.judgements(None).map_err(|e| ledger_error(&e))?.len();
            let new = after - before;
            return Ok(Imported { new, known: said.len() - new });
        }
        findings.extend(against.iter().filter_map(|earlier| changed(earlier, &rows, &texts)));
    }
    Err(AppError::Wrong(findings))
}

fn kept_tables(session: &Session) -> Result<Vec<PathBuf>, AppError> {
    let found = session.world.glob(&format!("{RATINGS_FOLDER}/*.csv"));
    let found = found.map_err(|e| AppError::environment(format!("failed to {e}")))?;
    if found.is_empty() {
        return Err(AppError::usage(format!("there are no tables in {RATINGS_FOLDER}/"))
            .with_hint("name one: comfywright ratings import FILE"));
    }
    Ok(found.iter().map(|path| session.root.join(path)).collect())
}

/// An opinion with its place.
struct Row {
    said: Judgement,
    file: usize,
    span: Span,
}

type Texts = [(Arc<str>, Arc<str>)];

/// The same said of the same by the same, in the tables themselves.
fn twice(rows: &[Row], texts: &Texts, findings: &mut Vec<Diagnostic>) {
    let mut first: HashMap<[&str; 6], &Row> = HashMap::default();
    for row in rows {
        let Some(earlier) = first.get(&row.said.subject()) else {
            first.insert(row.said.subject(), row);
            continue;
        };
        let (file, text) = &texts[earlier.file];
        let line = position(text, earlier.span.start).line;
        let message = format!("{} said this of the same already, in line {line} of {file}", row.said.rater);
        let found = Diagnostic::error("rated-twice", &texts[row.file].0, row.span, message);
        findings.push(found.with_hint("keep one of the two rows"));
    }
}

/// Another opinion than the one that the ledger has.
fn changed(earlier: &Judgement, rows: &[Row], texts: &Texts) -> Option<Diagnostic> {
    let row = rows.iter().find(|row| row.said.subject() == earlier.subject())?;
    let (was, is) = (earlier.value.name(), row.said.value.name());
    let message = format!("{} said `{was}` of the same at {}, not `{is}`", earlier.rater, time_text(earlier.time_ns));
    let found = Diagnostic::error("rated-twice", &texts[row.file].0, row.span, message);
    Some(found.with_hint(format!("write {was} here, or give the other person another name")))
}

struct Reading<'a> {
    file: Arc<str>,
    number: usize,
    places: CsvPlaces<'a>,
    findings: Vec<Diagnostic>,
}

impl<'a> Reading<'a> {
    fn new(file: Arc<str>, text: &'a str, number: usize) -> Self {
        let delimiter = csv_delimiter(text.lines().next().unwrap_or_default().as_bytes());
        Self { file, number, places: CsvPlaces { text, delimiter }, findings: Vec::new() }
    }

    fn rows(&mut self) -> Vec<Row> {
        let whole = self.places.text;
        let (mark, text) = whole.strip_prefix('\u{feff}').map_or((0, whole), |rest| (3, rest));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.places.delimiter)
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut columns: Option<[usize; 10]> = None;
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let span = self.places.row(self.places.start(error.position(), mark));
                    self.find("bad-csv", span, format!("failed to read the table: {error}"), None);
                    break;
                }
            };
            let start = self.places.start(record.position(), mark);
            match &columns {
                Some(columns) => rows.extend(self.row(&record, start, columns)),
                None => match self.columns(&record, start) {
                    Some(found) => columns = Some(found),
                    None => break,
                },
            }
            if self.findings.len() >= MOST_FINDINGS {
                break;
            }
        }
        rows
    }

    fn find(&mut self, code: &'static str, span: Span, message: String, hint: Option<String>) {
        let found = Diagnostic::error(code, &self.file, span, message);
        self.findings.push(Diagnostic { hint, ..found });
    }

    fn columns(&mut self, record: &csv::StringRecord, start: usize) -> Option<[usize; 10]> {
        let mut found = [0; 10];
        for (place, name) in found.iter_mut().zip(COLUMNS) {
            if let Some(at) = record.iter().position(|cell| cell == name) {
                *place = at;
                continue;
            }
            let hint = match did_you_mean(name, record.iter()) {
                Some(near) => format!("rename \"{near}\" to \"{name}\""),
                None => format!("its columns are {}", COLUMNS.join(", ")),
            };
            let message = format!("the table of ratings has no column \"{name}\"");
            self.find("unknown-column", self.places.row(start), message, Some(hint));
        }
        self.findings.is_empty().then_some(found)
    }

    fn row(&mut self, record: &csv::StringRecord, start: usize, columns: &[usize; 10]) -> Option<Row> {
        let cells = columns.map(|column| record.get(column).unwrap_or_default());
        let spans = columns.map(|column| self.places.cell(start, column));
        let [test, version, rater, seed, variation, other, value, picture, other_picture, time] = cells;
        for (at, cell) in [test, version, rater, seed, variation].into_iter().enumerate() {
            if cell.is_empty() {
                self.find("bad-rating", spans[at], format!("this row has no {}", COLUMNS[at]), None);
                return None;
            }
        }
        let is_vote = !other.is_empty();
        if is_vote && variation >= other {
            let message = format!("`{other}` does not come after `{variation}` in the alphabet");
            let hint = "write the earlier one as `variation`, and turn first and second around".to_owned();
            self.find("bad-rating", spans[5], message, Some(hint));
            return None;
        }
        let fits = |opinion: &Opinion| matches!(opinion, Opinion::Rating(_)) != is_vote;
        let Some(value) = Opinion::from_name(value).filter(fits) else {
            let allowed = if is_vote { "first, second or tie" } else { "a whole number from 1 to 5" };
            self.find("bad-rating", spans[6], format!("\"{value}\" is not {allowed}"), None);
            return None;
        };
        let Ok(time) = time.parse::<jiff::Timestamp>() else {
            let hint = Some("for example 2026-11-27T12:00:00Z".to_owned());
            self.find("bad-rating", spans[9], format!("\"{time}\" is no time"), hint);
            return None;
        };
        let said = Judgement {
            test: test.to_owned(),
            version: version.to_owned(),
            rater: rater.to_owned(),
            seed: seed.to_owned(),
            variation: variation.to_owned(),
            other: is_vote.then(|| other.to_owned()),
            value,
            picture: picture.to_owned(),
            other_picture: other_picture.to_owned(),
            time_ns: time.as_nanosecond() as i64,
        };
        Some(Row { said, file: self.number, span: spans[6] })
    }
}
