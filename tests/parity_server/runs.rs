//! Runs cases through an executor, whichever it is, and puts both sides together.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use comfywright::{
    comfy::{Client, ComfyExecutor, ComfySettings, Patience, ServerSettings},
    content_hash::ContentHash,
    graph::builtin,
    model::ErrorClass,
    native::{NativeExecutor, NativeSettings},
    plan::{ItemIx, Placement, Prepared},
    run::{Claim, Executor, Failure, Fault, Job, Produced},
};
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    compare::{Finding, pictures, texts},
    grid::{Case, Given, signature},
    pack::{Numbered, Pack, case_of},
    pictures::{Picture, write_all},
    texts::{natively, on_server},
};

/// Cases of one prompt; every file that is saved carries the whole graph. Those that are refused here
/// go alone, because they are expected to fail.
const PACK: usize = 24;

/// The files of each output of a case, or why it was refused.
pub type Made = Result<BTreeMap<String, Vec<PathBuf>>, String>;

/// Runs `cases` on both sides and compares.
pub async fn compare_all(client: &Client, root: &Path, cases: &[Case], seed: u64) -> Vec<Finding> {
    prepare(root, cases, seed);
    let (with_texts, with_pictures): (Vec<_>, Vec<_>) = cases.iter().enumerate().partition(|(_, case)| is_text(case));
    let (native, comfy) = (native_executor(root), comfy_executor(root, client));
    // Here a case costs less than to run others again because it is refused.
    let ours = run_all(&native, "native", with_pictures.chunks(1)).await;
    let (refused, fine): (Vec<_>, Vec<_>) = with_pictures.iter().partition(|(number, _)| ours[number].is_err());
    let theirs = run_all(&comfy, "server", fine.chunks(PACK).chain(refused.chunks(1))).await;
    let our_texts = natively(&with_texts);
    let their_texts = on_server(client, &with_texts, &our_texts).await;
    let compared = cases.iter().enumerate().map(|(number, case)| {
        if is_text(case) {
            texts(case, &our_texts[&number], &their_texts[&number])
        } else {
            pictures(root, case, &ours[&number], &theirs[&number])
        }
    });
    compared.collect()
}

/// Whether the outputs of a case are texts or numbers. Sizes are shown as pictures of that size.
fn is_text(case: &Case) -> bool {
    let outputs = &signature(case.class).outputs;
    let is_picture = |types: &comfywright::graph::Types| types.contains("IMAGE") || types.contains("MASK");
    case.class != "GetImageSize" && !outputs.is_empty() && !outputs.iter().any(|output| is_picture(&output.types))
}

fn prepare(root: &Path, cases: &[Case], seed: u64) {
    let mut written = BTreeSet::<Picture>::new();
    for given in cases.iter().flat_map(|case| case.inputs.values()) {
        match given {
            Given::Image(picture) | Given::Mask(picture) => {
                written.insert(*picture);
            }
            Given::File(name) => {
                let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
                let target = root.join(name);
                fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
                fs::copy(source, target).expect("a fixture");
            }
            Given::Literal(_) => {}
        }
    }
    write_all(root, &written, seed);
}

fn native_executor(root: &Path) -> Arc<dyn Executor> {
    Arc::new(NativeExecutor::new(root, NativeSettings::default()))
}

fn comfy_executor(root: &Path, client: &Client) -> Arc<dyn Executor> {
    let server = ServerSettings { prefetch: 16, ..ServerSettings::plain("local", client.url()) };
    let settings = ComfySettings {
        root: root.to_owned(),
        client_id: Uuid::now_v7().to_string(),
        // However busy the machine is.
        patience: Patience { dead_after: Duration::from_mins(20), ..Patience::default() },
        nodes: Arc::new(builtin().clone()),
        may_spend: false,
        previews: None,
    };
    Arc::new(ComfyExecutor::new(vec![server], settings).expect("the server's settings"))
}

/// Runs all packs.
async fn run_all<'a>(
    executor: &Arc<dyn Executor>,
    side: &'static str,
    packs: impl Iterator<Item = &'a [Numbered<'a>]>,
) -> BTreeMap<usize, Made> {
    let mut running = JoinSet::new();
    for pack in packs {
        let pack: Vec<(usize, Case)> = pack.iter().map(|(number, case)| (*number, (*case).clone())).collect();
        running.spawn(run_pack(Arc::clone(executor), side, pack));
    }
    running.join_all().await.into_iter().flatten().collect()
}

/// Runs a pack; again without the cases that fail, until the others succeed.
async fn run_pack(executor: Arc<dyn Executor>, side: &str, mut pack: Vec<(usize, Case)>) -> BTreeMap<usize, Made> {
    let (mut made, mut patience) = (BTreeMap::new(), 5);
    while !pack.is_empty() {
        let numbered: Vec<Numbered<'_>> = pack.iter().map(|(number, case)| (*number, case)).collect();
        match executor.execute(job(side, &numbered), Arc::new(|_| {})).await {
            Ok(produced) => {
                made.extend(numbered.iter().map(|(number, _)| (*number, Ok(files_of(*number, &produced)))));
                break;
            }
            // A machine that is too busy.
            Err(Failure::Fault(fault)) if fault.class == ErrorClass::Transient && patience > 0 => patience -= 1,
            Err(Failure::Unreached(_) | Failure::Away(_)) if patience > 0 => patience -= 1,
            Err(Failure::Fault(fault)) => {
                let culprits = culprits(&fault);
                let known = |number: &usize| numbered.iter().any(|(other, _)| other == number);
                assert!(culprits.iter().any(known), "{side}: no case is to blame for {fault:?}");
                made.extend(culprits.iter().map(|number| (*number, Err(fault.message.clone()))));
                pack.retain(|(number, _)| !culprits.contains(number));
            }
            Err(other) => panic!("{side}: {other}"),
        }
    }
    made
}

fn culprits(fault: &Fault) -> BTreeSet<usize> {
    let nodes = fault.details.iter().filter_map(|detail| detail.node.as_deref()).chain(fault.node.as_deref());
    nodes.filter_map(case_of).collect()
}

fn files_of(number: usize, produced: &Produced) -> BTreeMap<String, Vec<PathBuf>> {
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in produced.files.iter().filter(|file| case_of(&file.output) == Some(number)) {
        files.entry(file.output.clone()).or_default().push(PathBuf::from(&file.path));
    }
    files
}

fn job(side: &str, cases: &[Numbered<'_>]) -> Job {
    let Pack { graph, outputs } = Pack::of_pictures(cases);
    let id = Uuid::now_v7();
    let prepared = Prepared {
        fingerprint: ContentHash::of_bytes(id.as_bytes()),
        parts: BTreeMap::new(),
        graph,
        outputs,
        placement: Placement::Native,
        scores: Vec::new(),
        primary: "image".to_owned(),
        passed_on: Vec::new(),
        reusable: false,
        provenance: Value::Null,
    };
    Job {
        item: ItemIx(0),
        address: "parity".to_owned(),
        prompt_id: id,
        prepared: Arc::new(prepared),
        folder: PathBuf::from(format!("made/{side}/{id}")),
        stem: "case".to_owned(),
        timeout: None,
        place: "local".to_owned(),
        claim: Claim::Fresh,
    }
}
