//! What somebody says of an output: metrics, a rating, words.

use std::collections::BTreeMap;

use super::super::{
    AppError, Session,
    run::{existing_ledger, ledger_error},
};
use crate::ledger::{Mark, MarkedItem};

/// What is said of an output.
#[derive(Clone, Debug, Default)]
pub struct TrackRequest {
    /// The id of its submission, its fingerprint or at least eight signs of its beginning, or the path of its file.
    pub output: String,
    /// Values from 0 to 1 by name.
    pub metrics: BTreeMap<String, f64>,
    /// From 1 to 5.
    pub rating: Option<i64>,
    /// Words.
    pub tags: Vec<String>,
}

/// Of what something was said.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// The output.
    pub item: MarkedItem,
    /// All metrics that are known of it now.
    pub metrics: BTreeMap<String, f64>,
}

/// Keeps what is said of an output.
pub fn track(session: &Session, request: &TrackRequest) -> Result<Tracked, AppError> {
    if request.metrics.is_empty() && request.rating.is_none() && request.tags.is_empty() {
        return Err(AppError::usage("nothing is said of it").with_hint("give metrics, user_rating or tags"));
    }
    if let Some((name, value)) = request.metrics.iter().find(|(_, value)| !(0.0..=1.0).contains(*value)) {
        return Err(AppError::usage(format!("the metric `{name}` is {value}, and metrics are from 0 to 1")));
    }
    let rating = request.rating.map(u8::try_from).transpose().ok().flatten();
    if request.rating.is_some() && !rating.is_some_and(|rating| (1..=5).contains(&rating)) {
        return Err(AppError::usage("user_rating is a whole number from 1 to 5"));
    }
    let unknown = || {
        AppError::usage(format!("no output is known as \"{}\"", request.output))
            .with_hint("give the path of a result, or an item's prompt_id or fingerprint as `show --json` tells them")
    };
    let ledger = existing_ledger(session)?.ok_or_else(unknown)?;
    let item = ledger.item_called(&request.output).map_err(|e| ledger_error(&e))?.ok_or_else(unknown)?;
    let mark = Mark {
        prompt_id: item.prompt_id.clone(),
        fingerprint: item.fingerprint.clone(),
        metrics: request.metrics.clone(),
        rating,
        tags: request.tags.clone(),
        time_ns: jiff::Timestamp::now().as_nanosecond() as i64,
    };
    ledger.keep_mark(&mark).map_err(|e| ledger_error(&e))?;
    let metrics = ledger.said_of(&item.fingerprint).map_err(|e| ledger_error(&e))?.unwrap_or_default();
    Ok(Tracked { item, metrics })
}
