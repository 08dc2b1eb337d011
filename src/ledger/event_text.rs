//! How events stand in the ledger: as JSON, of which the two that make most of a journal are read in a shorter way.

use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

use crate::{
    plan::{ItemIx, ItemResult},
    run::{AttemptId, Event, Values},
};

/// How the text of an event begins that an item has a result.
const FINISHED: &str = r#"{"event":"finished","#;

/// How the text of an event begins that an item is submitted.
const SUBMITTED: &str = r#"{"event":"submitted","#;

#[derive(Deserialize)]
struct Finished {
    item: ItemIx,
    id: AttemptId,
    reused: bool,
    #[serde(default)]
    values: Values,
}

#[derive(Deserialize)]
struct Submitted {
    item: ItemIx,
    id: AttemptId,
    prompt_id: Uuid,
    executor: String,
}

/// The event that `text` says. To look for its kind first would take several times as long for the kinds that there
/// are tens of thousands of.
pub(super) fn read_event(text: &str) -> Result<Event, serde_json::Error> {
    if text.starts_with(FINISHED) {
        let Finished { item, id, reused, values } = serde_json::from_str(text)?;
        let (parts, result) = (BTreeMap::new(), ItemResult::default());
        return Ok(Event::Finished { item, id, reused, parts, result, values });
    }
    if text.starts_with(SUBMITTED) {
        let Submitted { item, id, prompt_id, executor } = serde_json::from_str(text)?;
        let (fingerprint, parts) = (String::new(), BTreeMap::new());
        return Ok(Event::Submitted { item, id, prompt_id, fingerprint, parts, executor });
    }
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_in_a_shorter_way_is_what_it_says() {
        let (item, id) = (ItemIx(7), AttemptId { visits: 1, attempt: 2, epoch: 3 });
        let (fingerprint, parts, executor) = (String::new(), BTreeMap::new(), "native".to_owned());
        let submitted = Event::Submitted { item, id, prompt_id: Uuid::max(), fingerprint, parts, executor };
        let finished = |values| {
            let result = ItemResult::default();
            Event::Finished { item, id, reused: true, parts: BTreeMap::new(), result, values }
        };
        let values = Values::from([("quality".to_owned(), 0.5.into())]);
        let events = [submitted, finished(Values::new()), finished(values), Event::Executed { item, id }];
        for (event, start) in events.into_iter().zip([SUBMITTED, FINISHED, FINISHED, ""]) {
            let text = serde_json::to_string(&event).unwrap();
            assert!(text.starts_with(start), "{text}");
            assert_eq!(
                (read_event(&text).unwrap(), serde_json::from_str::<Event>(&text).unwrap()),
                (event.clone(), event)
            );
        }
    }

    #[test]
    fn what_earlier_versions_wrote_beside_it_is_passed_over() {
        let text = r#"{"event":"submitted","item":1,"id":{"visits":1,"attempt":1,"epoch":0},
            "prompt_id":"f062b437-593d-55b6-bd9a-e1892459ac0d","fingerprint":"ab","executor":"native"}"#;
        assert!(matches!(read_event(text), Ok(Event::Submitted { item: ItemIx(1), .. })));
        let text = r#"{"event":"finished","item":5,"id":{"visits":1,"attempt":1,"epoch":0},"reused":false,"result":7}"#;
        assert!(matches!(read_event(text), Ok(Event::Finished { item: ItemIx(5), .. })));
    }
}
