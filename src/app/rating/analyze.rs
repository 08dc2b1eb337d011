//! What the opinions about a test come to.

use super::super::{AppError, Session, count, existing_ledger, run::ledger_error};
use crate::{
    analysis::{Asked, PeopleVerdict, PersonOpinion, PersonSaid, judge_ratings, judge_votes},
    diagnostic::Diagnostic,
    ident::did_you_mean,
    ledger::{Judgement, Opinion},
    model::{AbTest, Body, Loaded},
    path,
    stats::{Choice, VoteError},
};

use super::Mode;

/// What opinions come to, and what to be careful about.
#[derive(Clone, Debug)]
pub struct OpinionsAnalyzed {
    /// What they come to.
    pub verdict: PeopleVerdict,
    /// What was not heard.
    pub diagnostics: Vec<Diagnostic>,
}

/// What the ledger's ratings or votes about the A/B test that `document` means come to.
pub fn analyze_opinions(session: &Session, document: &str, mode: Mode) -> Result<OpinionsAnalyzed, AppError> {
    let loaded = session.document(document)?;
    let Some(parsed) = &loaded.parsed.value else { return Err(AppError::Wrong(loaded.parsed.diagnostics.clone())) };
    let Body::AbTest(test) = &parsed.body else {
        return Err(AppError::usage(format!("{} is not an A/B test", loaded.path))
            .with_hint("name a document of the kind \"ab_test\""));
    };
    let header = &parsed.header;
    let said = match existing_ledger(session)? {
        Some(ledger) => ledger.judgements(Some(&header.name)).map_err(|e| ledger_error(&e))?,
        None => Vec::new(),
    };
    let of_mode = said.into_iter().filter(|said| said.other.is_some() == (mode == Mode::Pairs));
    let (current, older): (Vec<Judgement>, Vec<Judgement>) = of_mode.partition(|said| said.version == header.version);
    let names: Vec<&str> = test.variations.keys().map(String::as_str).collect();
    let (known, foreign): (Vec<_>, Vec<_>) = current.into_iter().partition(|said| opinion(said, &names).is_some());
    let mut opinions: Vec<PersonOpinion> = known.iter().filter_map(|said| opinion(said, &names)).collect();
    // Whatever the order in which they came, the same comes of them.
    opinions.sort_by(|a, b| (&a.seed, &a.rater).cmp(&(&b.seed, &b.rater)));
    let what = if mode == Mode::Pairs { "vote" } else { "rating" };
    if opinions.is_empty() {
        return Err(none(&loaded, &header.name, what, older.len()));
    }
    let mut diagnostics = Vec::new();
    if !older.is_empty() {
        let message = format!("{} of other versions of the test not heard", count_are(older.len(), what));
        diagnostics.push(warning(&loaded, message, "they are about other pictures"));
    }
    if let Some(first) = foreign.first() {
        let unknown = [Some(first.variation.as_str()), first.other.as_deref()];
        let unknown = unknown.into_iter().flatten().find(|name| !names.contains(name)).unwrap_or_default();
        let near = did_you_mean(unknown, names.iter().copied());
        let hint =
            near.map_or_else(|| format!("it has {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
        let message = format!(
            "{} of variations that the test does not have not heard, such as `{unknown}`",
            count_are(foreign.len(), what)
        );
        diagnostics.push(warning(&loaded, message, &hint));
    }
    let asked = Asked { test: &header.name, version: &header.version, variations: &names, alpha: test.decision.alpha };
    let verdict = match mode {
        Mode::Stars => judge_ratings(asked, &opinions),
        Mode::Pairs => judge_votes(asked, &opinions).map_err(|error| refused(&loaded, test, &error))?,
    };
    Ok(OpinionsAnalyzed { verdict, diagnostics })
}

fn count_are(number: usize, what: &str) -> String {
    format!("{} {}", count(number, what), if number == 1 { "is" } else { "are" })
}

/// The opinion with numbers for names; none when it is of variations that there are not.
fn opinion(said: &Judgement, names: &[&str]) -> Option<PersonOpinion> {
    let number = |name: &str| names.iter().position(|known| *known == name);
    let variation = number(&said.variation)?;
    let other = || number(said.other.as_deref().unwrap_or_default());
    let vote = |choice| Some(PersonSaid::Vote { first: variation, second: other()?, choice });
    let said_now = match said.value {
        Opinion::Rating(stars) => PersonSaid::Rating { variation, stars },
        Opinion::First => vote(Choice::First)?,
        Opinion::Second => vote(Choice::Second)?,
        Opinion::Tie => vote(Choice::Tie)?,
    };
    Some(PersonOpinion { rater: said.rater.clone(), seed: said.seed.clone(), said: said_now })
}

fn none(loaded: &Loaded, test: &str, what: &str, older: usize) -> AppError {
    let others = if older > 0 { format!(" of this version ({older} of others)") } else { String::new() };
    let place = loaded.parsed.tree.as_ref().map(|tree| tree.key_span_of(&path!["kind"]));
    let found = Diagnostic::error("no-scores", &loaded.path, place, format!("there are no {what}s of {test}{others}"));
    AppError::Wrong(vec![found.with_hint(format!("comfywright rate {test}"))])
}

fn warning(loaded: &Loaded, message: String, hint: &str) -> Diagnostic {
    let place = loaded.parsed.tree.as_ref().map(|tree| tree.span_of(&path!["version"]));
    Diagnostic::warning("unused-scores", &loaded.path, place, message).with_hint(hint)
}

fn refused(loaded: &Loaded, test: &AbTest, error: &VoteError) -> AppError {
    let VoteError::Disconnected { groups } = error else { return AppError::usage(error.to_string()) };
    let names: Vec<&str> = test.variations.keys().map(String::as_str).collect();
    let named = |group: &Vec<usize>| group.iter().map(|number| names[*number]).collect::<Vec<_>>().join(", ");
    let apart: Vec<String> = groups.iter().map(named).collect();
    let place = loaded.parsed.tree.as_ref().map(|tree| tree.key_span_of(&path!["variations"]));
    let message = format!("no vote connects {}", apart.join(" with "));
    let hint = "go on rating: a few votes between them are enough";
    AppError::Wrong(vec![Diagnostic::error("unconnected-votes", &loaded.path, place, message).with_hint(hint)])
}
