//! How events stand in the ledger: as JSON, of which the two that make most of a journal are read in a shorter way.

use std::{collections::BTreeMap, str::FromStr};

use crate::{
    plan::{ItemIx, ItemResult},
    run::{AttemptId, Event, Values},
};

/// How the text of an event begins that an item has a result.
const FINISHED: &str = r#"{"event":"finished","#;

/// How the text of an event begins that an item is submitted.
const SUBMITTED: &str = r#"{"event":"submitted","#;

/// The event that `text` says.
pub(super) fn read_event(text: &str) -> Result<Event, serde_json::Error> {
    // There are tens of thousands of these, and JSON in general takes five times as long.
    as_written(text).map_or_else(|| serde_json::from_str(text), Ok)
}

/// The event, if it is one of the frequent ones and stands there exactly as this version writes it.
fn as_written(text: &str) -> Option<Event> {
    if let Some(rest) = text.strip_prefix(FINISHED) {
        let (item, id, rest) = subject(rest)?;
        let reused = rest.strip_prefix(r#""reused":"#)?.strip_suffix('}')?.parse().ok()?;
        let (parts, result) = (BTreeMap::new(), ItemResult::default());
        return Some(Event::Finished { item, id, reused, parts, result, values: Values::new() });
    }
    let (item, id, rest) = subject(text.strip_prefix(SUBMITTED)?)?;
    let (prompt_id, rest) = rest.strip_prefix(r#""prompt_id":""#)?.split_once('"')?;
    let executor = rest.strip_prefix(r#","executor":""#)?.strip_suffix("\"}")?;
    let (prompt_id, executor) = (prompt_id.parse().ok()?, plain(executor)?.to_owned());
    Some(Event::Submitted { item, id, prompt_id, fingerprint: String::new(), parts: BTreeMap::new(), executor })
}

/// Which try at which item, and what follows.
fn subject(text: &str) -> Option<(ItemIx, AttemptId, &str)> {
    let (item, rest) = number(text, r#""item":"#)?;
    let (visits, rest) = number(rest, r#","id":{"visits":"#)?;
    let (attempt, rest) = number(rest, r#","attempt":"#)?;
    let (epoch, rest) = number(rest, r#","epoch":"#)?;
    Some((ItemIx(item), AttemptId { visits, attempt, epoch }, rest.strip_prefix("},")?))
}

/// The number after `name`, and what follows.
fn number<'a, N: FromStr>(text: &'a str, name: &str) -> Option<(N, &'a str)> {
    let text = text.strip_prefix(name)?;
    let (digits, rest) = text.split_at(text.bytes().position(|byte| !byte.is_ascii_digit())?);
    Some((digits.parse().ok()?, rest))
}

/// The text, if it means what it is.
fn plain(text: &str) -> Option<&str> {
    (!text.contains(['"', '\\'])).then_some(text)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

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
        for (event, is_short) in events.into_iter().zip([true, true, false, false]) {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(as_written(&text).is_some(), is_short, "{text}");
            assert_eq!(
                (read_event(&text).unwrap(), serde_json::from_str::<Event>(&text).unwrap()),
                (event.clone(), event)
            );
        }
    }

    #[test]
    fn a_name_that_json_writes_otherwise_is_read_as_json() {
        for name in ["a\"b", "back\\slash", "line\nbreak", "größe", ""] {
            let (item, id) = (ItemIx(0), AttemptId { visits: 1, attempt: 1, epoch: 0 });
            let (fingerprint, parts, executor) = (String::new(), BTreeMap::new(), name.to_owned());
            let event = Event::Submitted { item, id, prompt_id: Uuid::nil(), fingerprint, parts, executor };
            assert_eq!(read_event(&serde_json::to_string(&event).unwrap()).unwrap(), event);
        }
        for broken in ["{\"event\":\"finished\",\"item\":5", "{\"event\":\"submitted\",", "{", ""] {
            assert!(read_event(broken).is_err(), "{broken}");
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
