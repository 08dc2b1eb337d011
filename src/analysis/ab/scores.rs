//! Scores as a table in CSV: a row for each variation, seed and metric.

use std::{collections::HashSet, sync::Arc};

use crate::{
    diagnostic::{Diagnostic, Span, position},
    files::{CsvPlaces, csv_delimiter},
    ident::{HashMap, did_you_mean},
    stats::ScoreScale,
};

/// The columns that a table of scores has, in any order; others are not looked at.
const COLUMNS: [&str; 4] = ["variation", "seed", "metric", "value"];

/// Findings after which no more are collected.
const MOST_FINDINGS: usize = 50;

/// One score.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The variation, by its place among those that were asked for.
    pub variation: usize,
    /// The seed, as it is written.
    pub seed: String,
    /// The metric.
    pub metric: String,
    /// As the metric has it.
    pub value: f64,
}

/// Scores, each once for its variation, seed and metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreTable {
    /// In the order of the file.
    pub scores: Vec<Score>,
    /// Variations that were asked for.
    pub variations: usize,
}

impl ScoreTable {
    /// The metrics that it has, in order of appearance.
    pub fn metrics(&self) -> Vec<&str> {
        let mut metrics: Vec<&str> = Vec::new();
        for score in &self.scores {
            if !metrics.contains(&score.metric.as_str()) {
                metrics.push(&score.metric);
            }
        }
        metrics
    }

    /// The seeds that have a score by `metric`: ascending where all are numbers, else in order of appearance.
    pub fn seeds(&self, metric: &str) -> Vec<&str> {
        let mut seen = HashSet::new();
        let of_metric = self.scores.iter().filter(|score| score.metric == metric);
        let mut seeds: Vec<&str> =
            of_metric.map(|score| score.seed.as_str()).filter(|seed| seen.insert(*seed)).collect();
        let numbers: Option<Vec<u64>> = seeds.iter().map(|seed| seed.parse().ok()).collect();
        if numbers.is_some() {
            seeds.sort_by_key(|seed| seed.parse::<u64>().unwrap_or(u64::MAX));
        }
        seeds
    }

    /// A row of scores by `metric` for each of `seeds`, in this order, with none where there is no score.
    pub fn blocks(&self, metric: &str, seeds: &[&str]) -> Vec<Vec<Option<f64>>> {
        let places: HashMap<&str, usize> = seeds.iter().enumerate().map(|(place, seed)| (*seed, place)).collect();
        let mut blocks = vec![vec![None; self.variations]; seeds.len()];
        for score in self.scores.iter().filter(|score| score.metric == metric) {
            if let Some(place) = places.get(score.seed.as_str()) {
                blocks[*place][score.variation] = Some(score.value);
            }
        }
        blocks
    }
}

/// Reads `text`, the content of `file`, with the scores of `variations`. Everything that is wrong is said with its
/// line and column. Values of the metric `scaled` lie on `scale`, those of all others from 0 to 1.
pub fn read_scores(
    file: &Arc<str>,
    text: &str,
    variations: &[&str],
    (scaled, scale): (&str, ScoreScale),
) -> Result<ScoreTable, Vec<Diagnostic>> {
    let delimiter = csv_delimiter(text.lines().next().unwrap_or_default().as_bytes());
    let mut reading = Reading { file, text, delimiter, variations, scaled, scale, findings: Vec::new() };
    let table = reading.table();
    if reading.findings.is_empty() { Ok(table) } else { Err(reading.findings) }
}

struct Reading<'a> {
    file: &'a Arc<str>,
    text: &'a str,
    delimiter: u8,
    variations: &'a [&'a str],
    scaled: &'a str,
    scale: ScoreScale,
    findings: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn table(&mut self) -> ScoreTable {
        let mut table = ScoreTable { scores: Vec::new(), variations: self.variations.len() };
        let (mark, text) = self.text.strip_prefix('\u{feff}').map_or((0, self.text), |rest| (3, rest));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut columns = None;
        let mut first_places: HashMap<(usize, String, String), Span> = HashMap::default();
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    self.unreadable(&error, mark);
                    break;
                }
            };
            let start = self.places().start(record.position(), mark);
            let Some(columns) = &columns else {
                let Some(found) = self.columns(&record, start) else { break };
                columns = Some(found);
                continue;
            };
            if let Some((score, span)) = self.score(&record, start, columns) {
                let key = (score.variation, score.seed.clone(), score.metric.clone());
                if let Some(first) = first_places.get(&key) {
                    self.twice(&score, span, *first);
                } else {
                    first_places.insert(key, span);
                    table.scores.push(score);
                }
            }
            if self.findings.len() >= MOST_FINDINGS {
                break;
            }
        }
        if columns.is_none() && self.findings.is_empty() {
            let hint = "its first row is variation,seed,metric,value".to_owned();
            *self.find("unknown-column", Span::new(0, 0), "the table of scores is empty") = Some(hint);
        }
        table
    }

    fn places(&self) -> CsvPlaces<'_> {
        CsvPlaces { text: self.text, delimiter: self.delimiter }
    }

    /// Adds a finding and gives its hint to be filled.
    fn find(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Option<String> {
        self.findings.push(Diagnostic::error(code, self.file, span, message));
        let last = self.findings.len() - 1;
        &mut self.findings[last].hint
    }

    fn unreadable(&mut self, error: &csv::Error, mark: usize) {
        let span = self.places().row(self.places().start(error.position(), mark));
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("this row has {len} cells, the first one has {expected_len}")
            }
            _ => format!("failed to read the table: {error}"),
        };
        self.findings.push(Diagnostic::error("bad-csv", self.file, span, message));
    }

    /// Where the columns stand; none when one is missing.
    fn columns(&mut self, record: &csv::StringRecord, start: usize) -> Option<[usize; 4]> {
        let mut found = [0; 4];
        for (place, name) in found.iter_mut().zip(COLUMNS) {
            let Some(at) = record.iter().position(|cell| cell == name) else {
                let near = did_you_mean(name, record.iter());
                let span = self.places().row(start);
                let hint = match near {
                    Some(near) => format!("rename \"{near}\" to \"{name}\""),
                    None => format!("its columns are {}", COLUMNS.join(", ")),
                };
                let message = format!("the table of scores has no column \"{name}\"");
                *self.find("unknown-column", span, message) = Some(hint);
                continue;
            };
            *place = at;
        }
        self.findings.is_empty().then_some(found)
    }

    /// One row, with the place of its value.
    fn score(&mut self, record: &csv::StringRecord, start: usize, columns: &[usize; 4]) -> Option<(Score, Span)> {
        let cell = |column: usize| record.get(columns[column]).unwrap_or_default();
        let spans = columns.map(|column| self.places().cell(start, column));
        let (name, seed, metric) = (cell(0), cell(1), cell(2));
        let variation = self.variations.iter().position(|known| *known == name);
        if variation.is_none() {
            let near = did_you_mean(name, self.variations.iter().copied());
            let hint = match near {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("it has {}", self.variations.join(", ")),
            };
            let message = format!("the test has no variation \"{name}\"");
            *self.find("unknown-variation", spans[0], message) = Some(hint);
        }
        for (column, text) in [(1, seed), (2, metric)] {
            if text.is_empty() {
                self.find("bad-score", spans[column], format!("this row has no {}", COLUMNS[column]));
            }
        }
        let scale = if metric == self.scaled { self.scale } else { ScoreScale::default() };
        let value = self.value(cell(3), spans[3], scale)?;
        let is_whole = !seed.is_empty() && !metric.is_empty();
        let score = Score { variation: variation?, seed: seed.to_owned(), metric: metric.to_owned(), value };
        is_whole.then_some((score, spans[3]))
    }

    fn value(&mut self, cell: &str, span: Span, scale: ScoreScale) -> Option<f64> {
        let (low, high) = (scale.worst.min(scale.best), scale.worst.max(scale.best));
        let hint = format!("a score is a number from {low} to {high}; leave out the rows of runs that failed");
        // Where semicolons separate cells, commas separate decimals.
        let number = if self.delimiter == b';' { cell.replace(',', ".") } else { cell.to_owned() };
        let message = match number.parse::<f64>() {
            Ok(value) if scale.score(value).is_some() => return Some(value),
            Ok(_) => format!("the score {cell} is not between {low} and {high}"),
            Err(_) if cell.is_empty() => "the score is missing".to_owned(),
            Err(_) => format!("\"{cell}\" is not a number"),
        };
        *self.find("bad-score", span, message) = Some(hint);
        None
    }

    fn twice(&mut self, score: &Score, span: Span, first: Span) {
        let line = position(self.text, first.start).line;
        let name = self.variations[score.variation];
        let message = format!(
            "`{name}` has a second score by {} for the seed {}; the first is in line {line}",
            score.metric, score.seed
        );
        let hint = "keep one: every sample is a generation of its own";
        *self.find("duplicate-score", span, message) = Some(hint.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ScoreTable, Vec<(String, &'static str, usize, usize)>> {
        let file: Arc<str> = Arc::from("scores.csv");
        read_scores(&file, text, &["soft", "hard"], ("quality", ScoreScale::default())).map_err(|findings| {
            let place = |finding: &Diagnostic| position(text, finding.span.unwrap().start);
            findings.iter().map(|f| (f.message.clone(), f.code, place(f).line, place(f).column)).collect()
        })
    }

    #[test]
    fn rows_become_blocks() {
        let table = read(
            "variation,seed,metric,value\nsoft,10,quality,0.5\nhard,10,quality,0.6\nsoft,9,quality,0.25\n\
             soft,9,speed,1\n",
        )
        .unwrap();
        assert_eq!(table.metrics(), ["quality", "speed"]);
        assert_eq!(table.seeds("quality"), ["9", "10"], "by number");
        assert_eq!(table.blocks("quality", &["9", "10"]), [vec![Some(0.25), None], vec![Some(0.5), Some(0.6)]]);
    }

    #[test]
    fn semicolons_quotes_marks_and_other_columns() {
        let table = read("\u{feff}seed;note;value;metric;variation\r\n\"a\";x;\"0,5\";quality;hard\r\n").unwrap();
        assert_eq!(
            table.scores,
            [Score { variation: 1, seed: "a".to_owned(), metric: "quality".to_owned(), value: 0.5 }]
        );
    }

    #[test]
    fn what_is_wrong_is_found_in_its_place() {
        let head = "variation,seed,metric,value\n";
        let codes = |rows: &str| -> Vec<(&'static str, usize, usize)> {
            let findings = read(&format!("{head}{rows}")).unwrap_err();
            findings.into_iter().map(|(_, code, line, column)| (code, line, column)).collect()
        };
        assert_eq!(codes("soft,1,quality,1.5\nhard, 1,quality,\n"), [("bad-score", 2, 16), ("bad-score", 3, 17)]);
        assert_eq!(codes("soft,1,quality,NaN\nsoft,2,quality,good\n"), [("bad-score", 2, 16), ("bad-score", 3, 16)]);
        assert_eq!(codes("sfot,1,quality,0.5\n"), [("unknown-variation", 2, 1)]);
        assert_eq!(codes("soft,,quality,0.5\n"), [("bad-score", 2, 6)]);
        assert_eq!(codes("soft,1,quality,0.5\nsoft,1,quality,0.5\n"), [("duplicate-score", 3, 16)]);
        assert_eq!(codes("soft,1,quality\n"), [("bad-csv", 2, 1)]);
        assert_eq!(codes("\"so\"\"ft\",1,quality,2\n"), [("unknown-variation", 2, 1), ("bad-score", 2, 20)]);
    }

    #[test]
    fn columns_are_needed() {
        let found = read("variation,seed,metrik,value\n").unwrap_err();
        assert_eq!((found[0].1, found[0].2, found[0].3), ("unknown-column", 1, 1));
        assert_eq!(read("").unwrap_err()[0].1, "unknown-column");
    }
}
