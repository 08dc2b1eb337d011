//! Who rates which picture when. Nobody sees which variation it is of.
//!
//! Pictures are known by their place in the order of their content, questions by their place in an order of the
//! rater's own; both say nothing, and both are the same each time.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::{AppError, Session, history, open_ledger};
use crate::{
    analysis::parts_of,
    content_hash::ContentHash,
    ident::{HashMap, IndexMap},
    ledger::{ItemRow, Judgement, Ledger, LedgerError, Opinion},
    model::Body,
    run::ItemState,
};

/// Longest name of a rater, in characters.
const LONGEST_NAME: usize = 40;

/// How pictures are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Each from 1 to 5.
    Stars,
    /// Which of two is better.
    Pairs,
}

/// A picture of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one on the left.
    Left,
    /// The one on the right.
    Right,
}

/// What a rater answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// From 1 to 5.
    Stars(u8),
    /// This one is better; none when neither is.
    Better(Option<Side>),
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// Its place in the rater's order.
    pub task: usize,
    /// The pictures, left first.
    pub pictures: Vec<usize>,
}

/// What a rater has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// How many questions there are.
    pub total: usize,
    /// How many are answered.
    pub done: usize,
    /// The others, in order.
    pub tasks: Vec<Task>,
}

/// Why an answer is not kept.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// It is none.
    #[error("{0}")]
    Wrong(String),
    /// It was answered already, perhaps in another window.
    #[error("{0} has answered this already")]
    Twice(String),
    /// It cannot be kept.
    #[error("failed to keep it: {0}")]
    Ledger(#[from] LedgerError),
}

/// The pictures of a test, and what was said of them.
pub struct Desk {
    /// Name of the test.
    pub test: String,
    /// Its name for people.
    pub title: String,
    /// Version of the test.
    pub version: String,
    /// Sorted by content, which says nothing of the variation.
    samples: Vec<Sample>,
    root: PathBuf,
    ledger: Arc<Ledger>,
    /// Answers are looked up and kept one after the other.
    turn: Mutex<()>,
}

struct Sample {
    variation: String,
    seed: String,
    path: String,
    hash: String,
}

/// What a question is about: samples by number, those of a pair in the order of their variations' names.
#[derive(Clone, Copy)]
enum Subject {
    One(usize),
    Two(usize, usize),
}

impl Desk {
    /// The pictures of a run of the A/B test that `document` means; of its newest run when `run` names none.
    pub fn open(session: &Session, document: &str, run: Option<&str>) -> Result<Self, AppError> {
        let loaded = session.document(document)?;
        let Some(parsed) = &loaded.parsed.value else {
            return Err(AppError::Wrong(loaded.parsed.diagnostics.clone()));
        };
        let Body::AbTest(test) = &parsed.body else {
            return Err(AppError::usage(format!("{} is not an A/B test", loaded.path))
                .with_hint("name a document of the kind \"ab_test\""));
        };
        let header = &parsed.header;
        let ledger = open_ledger(session)?;
        let found = history::find_run(&ledger, run.unwrap_or(&header.name)).map_err(|error| match run {
            Some(_) => error,
            None => AppError::usage(format!("{} has not run yet: there are no pictures", header.name))
                .with_hint(format!("comfywright run {}", loaded.path)),
        })?;
        if found.document != header.name {
            return Err(AppError::usage(format!("run {} is not one of {}", found.id, header.name)));
        }
        let items = history::items(&ledger, &found)?;
        let is_of_test = |sample: &Sample| test.variations.contains_key(&sample.variation);
        let mut samples: Vec<Sample> = items.iter().filter_map(sample).filter(is_of_test).collect();
        samples.sort_by(|a, b| (&a.hash, &a.variation, &a.seed).cmp(&(&b.hash, &b.variation, &b.seed)));
        if samples.is_empty() {
            return Err(AppError::usage(format!("run {} of {} has no pictures yet", found.id, header.name)));
        }
        Ok(Self {
            test: header.name.clone(),
            title: header.title.clone().unwrap_or_else(|| header.name.clone()),
            version: found.version,
            samples,
            root: session.root.clone(),
            ledger,
            turn: Mutex::new(()),
        })
    }

    /// How many pictures there are.
    pub fn pictures(&self) -> usize {
        self.samples.len()
    }

    /// Where a picture lies.
    pub fn picture(&self, number: usize) -> Option<PathBuf> {
        self.samples.get(number).map(|sample| self.root.join(&sample.path))
    }

    /// What `rater` has to do.
    pub fn queue(&self, rater: &str, mode: Mode) -> Result<Queue, JudgeError> {
        let rater = name_of(rater)?;
        let said = self.said_by(&rater)?;
        let subjects = self.subjects(&rater, mode);
        let tasks: Vec<Task> = subjects
            .iter()
            .enumerate()
            .filter(|(_, subject)| !said.contains_key(&self.key(**subject)))
            .map(|(task, subject)| Task { task, pictures: self.shown(&rater, *subject) })
            .collect();
        Ok(Queue { total: subjects.len(), done: subjects.len() - tasks.len(), tasks })
    }

    /// Keeps the answer of `rater` to a question; it is on disk when this returns.
    pub fn judge(&self, rater: &str, mode: Mode, task: usize, answer: Answer) -> Result<(), JudgeError> {
        let rater = name_of(rater)?;
        let subjects = self.subjects(&rater, mode);
        let subject = *subjects.get(task).ok_or_else(|| JudgeError::Wrong("there is no such question".to_owned()))?;
        let value = self.opinion(&rater, subject, answer)?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.said_by(&rater)?.contains_key(&self.key(subject)) {
            return Err(JudgeError::Twice(rater));
        }
        let against = self.ledger.judge(&[self.judgement(rater.clone(), subject, value)])?;
        if against.is_empty() { Ok(()) } else { Err(JudgeError::Twice(rater)) }
    }

    /// Takes the last answer of `rater` back, and gives the question again; none when there is no answer.
    pub fn undo(&self, rater: &str, mode: Mode) -> Result<Option<Task>, JudgeError> {
        let rater = name_of(rater)?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let said = self.said_by(&rater)?;
        let subjects = self.subjects(&rater, mode).into_iter().enumerate();
        let answered = subjects.filter_map(|(task, subject)| Some((task, subject, said.get(&self.key(subject))?)));
        let Some((task, subject, last)) = answered.max_by_key(|(_, _, judgement)| judgement.time_ns) else {
            return Ok(None);
        };
        self.ledger.take_back(last)?;
        Ok(Some(Task { task, pictures: self.shown(&rater, subject) }))
    }

    /// What `rater` said of this version of the test, by what it is about.
    fn said_by(&self, rater: &str) -> Result<HashMap<[String; 3], Judgement>, LedgerError> {
        let all = self.ledger.judgements(Some(&self.test))?.into_iter();
        let own = all.filter(|said| said.version == self.version && said.rater == rater);
        let key =
            |said: &Judgement| [said.seed.clone(), said.variation.clone(), said.other.clone().unwrap_or_default()];
        Ok(own.map(|said| (key(&said), said)).collect())
    }

    fn key(&self, subject: Subject) -> [String; 3] {
        match subject {
            Subject::One(one) => [self.samples[one].seed.clone(), self.samples[one].variation.clone(), String::new()],
            Subject::Two(one, other) => {
                let (one, other) = (&self.samples[one], &self.samples[other]);
                [one.seed.clone(), one.variation.clone(), other.variation.clone()]
            }
        }
    }

    /// All questions in the order of this rater.
    fn subjects(&self, rater: &str, mode: Mode) -> Vec<Subject> {
        let mut all: Vec<Subject> = match mode {
            Mode::Stars => (0..self.samples.len()).map(Subject::One).collect(),
            Mode::Pairs => self.pairs(),
        };
        all.sort_by_cached_key(|subject| *self.chance(rater, "order", *subject).as_bytes());
        all
    }

    /// Every two pictures of a seed.
    fn pairs(&self) -> Vec<Subject> {
        let mut seeds: IndexMap<&str, Vec<usize>> = IndexMap::default();
        for (number, sample) in self.samples.iter().enumerate() {
            seeds.entry(&sample.seed).or_default().push(number);
        }
        let mut pairs = Vec::new();
        for mut members in seeds.into_values() {
            members.sort_by_key(|number| &self.samples[*number].variation);
            for (at, one) in members.iter().enumerate() {
                pairs.extend(members[at + 1..].iter().map(|other| Subject::Two(*one, *other)));
            }
        }
        pairs
    }

    /// The pictures as `rater` sees them.
    fn shown(&self, rater: &str, subject: Subject) -> Vec<usize> {
        match subject {
            Subject::One(one) => vec![one],
            Subject::Two(one, other) if self.is_swapped(rater, subject) => vec![other, one],
            Subject::Two(one, other) => vec![one, other],
        }
    }

    /// Whether the first of a pair is on the right.
    fn is_swapped(&self, rater: &str, subject: Subject) -> bool {
        self.chance(rater, "side", subject).as_bytes()[0] & 1 == 1
    }

    /// What looks like chance, and is the same each time.
    fn chance(&self, rater: &str, what: &str, subject: Subject) -> ContentHash {
        ContentHash::of_json(&json!([self.test, self.version, rater, what, self.key(subject)]))
    }

    fn opinion(&self, rater: &str, subject: Subject, answer: Answer) -> Result<Opinion, JudgeError> {
        match (subject, answer) {
            (Subject::One(_), Answer::Stars(stars @ 1..=5)) => Ok(Opinion::Rating(stars)),
            (Subject::One(_), _) => Err(JudgeError::Wrong("a picture is rated from 1 to 5".to_owned())),
            (Subject::Two(..), Answer::Better(None)) => Ok(Opinion::Tie),
            (Subject::Two(..), Answer::Better(Some(side))) => {
                let is_first = (side == Side::Left) != self.is_swapped(rater, subject);
                Ok(if is_first { Opinion::First } else { Opinion::Second })
            }
            (Subject::Two(..), Answer::Stars(_)) => {
                Err(JudgeError::Wrong("of two pictures the left one, the right one or neither is better".to_owned()))
            }
        }
    }

    fn judgement(&self, rater: String, subject: Subject, value: Opinion) -> Judgement {
        let (one, other) = match subject {
            Subject::One(one) => (&self.samples[one], None),
            Subject::Two(one, other) => (&self.samples[one], Some(&self.samples[other])),
        };
        Judgement {
            test: self.test.clone(),
            version: self.version.clone(),
            rater,
            seed: one.seed.clone(),
            variation: one.variation.clone(),
            other: other.map(|other| other.variation.clone()),
            value,
            picture: one.hash.clone(),
            other_picture: other.map(|other| other.hash.clone()).unwrap_or_default(),
            time_ns: jiff::Timestamp::now().as_nanosecond() as i64,
        }
    }
}

/// The sample that an item has made: its variation is the task, its seed a key.
fn sample(item: &ItemRow) -> Option<Sample> {
    let file = item.result.as_ref()?.files.first().filter(|file| file.width > 0)?;
    let (variation, seed) = variation_and_seed(&item.address)?;
    let (path, hash) = (file.path.clone(), file.hash.clone());
    let is_made = item.state.is_finished() || item.state == ItemState::Held;
    is_made.then_some(Sample { variation, seed, path, hash })
}

/// The variation and the seed of the sample with this address.
pub(super) fn variation_and_seed(address: &str) -> Option<(String, String)> {
    let (variation, keys) = parts_of(address);
    // Where a variation says `seed` itself, the sample's has the longer name.
    let named = |name: &str| keys.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    Some((variation.to_owned(), named("sample_seed").or_else(|| named("seed"))?))
}

/// The name that somebody gives.
fn name_of(text: &str) -> Result<String, JudgeError> {
    let name = text.trim();
    let is_name = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    let wrong = || JudgeError::Wrong(format!("a name has 1 to {LONGEST_NAME} characters"));
    is_name.then(|| name.to_owned()).ok_or_else(wrong)
}
