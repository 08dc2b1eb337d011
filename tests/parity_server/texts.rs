//! Cases whose outputs are texts or numbers: on the server, shown by `PreviewAny`, and natively.

use std::{collections::BTreeMap, time::Duration};

use comfywright::{
    comfy::{Answer, Client, HistoryEntry, Submission},
    graph::to_api,
    native::{Inputs, NodeValue, run},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    grid::Given,
    pack::{Numbered, Pack, case_of, output_name},
};

/// Cases of one prompt.
const PACK: usize = 100;

/// Longest time of one prompt.
const LONGEST: Duration = Duration::from_mins(2);

/// What a case shows, or why it was refused.
pub type Shown = Result<String, String>;

/// What the native nodes give, as Python prints it.
pub fn natively(cases: &[Numbered<'_>]) -> BTreeMap<usize, Shown> {
    let shown = |(number, case): &Numbered<'_>| {
        let literals = case.inputs.iter().filter_map(|(name, given)| match given {
            Given::Literal(value) => Some((*name, NodeValue::from(value))),
            _ => None,
        });
        let outputs = run(case.class, literals.collect::<Inputs>());
        (*number, outputs.map(|outputs| printed(&outputs)).map_err(|error| error.to_string()))
    };
    cases.iter().map(shown).collect()
}

fn printed(outputs: &[NodeValue]) -> String {
    if outputs == [NodeValue::Json(Value::Null)] {
        return "None".to_owned();
    }
    let inputs: Inputs = outputs.iter().map(|value| ("value", value.clone())).collect();
    inputs.string("value").unwrap_or_else(|error| format!("not a text: {error}"))
}

/// What the server shows. Those that `ours` refuse go alone, because they are expected to fail.
pub async fn on_server(
    client: &Client,
    cases: &[Numbered<'_>],
    ours: &BTreeMap<usize, Shown>,
) -> BTreeMap<usize, Shown> {
    let (together, alone): (Vec<_>, Vec<_>) = cases.iter().partition(|(number, _)| ours[number].is_ok());
    let mut shown = BTreeMap::new();
    for pack in together.chunks(PACK).chain(alone.chunks(1)) {
        let mut pack = pack.to_vec();
        while !pack.is_empty() {
            match submit(client, &pack).await {
                Ok(entry) => {
                    let text =
                        |number| entry.outputs.get(&output_name(number, 0)).and_then(|left| left["text"][0].as_str());
                    let found = |number| text(number).map(str::to_owned).ok_or_else(|| "nothing was shown".to_owned());
                    shown.extend(pack.iter().map(|(number, _)| (*number, found(*number))));
                    break;
                }
                Err((culprits, reason)) => {
                    assert!(!culprits.is_empty(), "no case is to blame for {reason}");
                    pack.retain(|(number, _)| !culprits.contains(number));
                    shown.extend(culprits.into_iter().map(|number| (number, Err(reason.clone()))));
                }
            }
        }
    }
    shown
}

/// Which cases were refused, and why.
type Refused = (Vec<usize>, String);

async fn submit(client: &Client, cases: &[Numbered<'_>]) -> Result<HistoryEntry, Refused> {
    let pack = Pack::of_texts(cases);
    let targets: Vec<&str> = pack.outputs.iter().map(|output| output.node.as_str()).collect();
    let id = Uuid::now_v7();
    let submission = Submission {
        prompt: &to_api(&pack.graph, &mut |_| Value::Null),
        prompt_id: id,
        client_id: "parity",
        partial_execution_targets: &targets,
        extra_data: json!({}),
    };
    let errors = match client.submit(&submission).await.expect("the server answers") {
        Answer::Queued(submitted) => submitted.node_errors,
        Answer::Refused(refusal) => refusal.node_errors,
    };
    let culprits: Vec<usize> = errors.0.keys().filter_map(|node| case_of(node)).collect();
    let entry = if culprits.is_empty() { ended(client, id).await } else { HistoryEntry::default() };
    let failed = entry.status.iter().flat_map(|status| &status.messages).find(|(kind, _)| kind == "execution_error");
    match failed {
        Some((_, error)) => {
            let culprit = error["node_id"].as_str().and_then(case_of);
            Err((culprit.into_iter().collect(), error["exception_message"].to_string()))
        }
        None if culprits.is_empty() => Ok(entry),
        None => {
            if !errors.0.is_empty() {
                // What is valid of it runs all the same.
                let _ = client.delete_pending(id).await;
            }
            Err((culprits, format!("{errors:?}")))
        }
    }
}

async fn ended(client: &Client, id: Uuid) -> HistoryEntry {
    let waited = async {
        loop {
            if let Some(entry) = client.history(id).await.expect("the server answers") {
                return entry;
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    };
    tokio::time::timeout(LONGEST, waited).await.expect("a prompt of texts ends soon")
}
