//! From what output nodes left on a server to complete files of the item.

use std::{path::Path, time::Duration};

use crate::ident::IndexMap;
use serde_json::Value;
use tokio::time::Instant;

use super::{problems, protocol::OutputRef, server::Server};
use crate::{
    imagefile,
    model::ErrorClass,
    outputs::{output_path, record, write},
    plan::OutputFile,
    run::{Failure, Fault, Job, Produced},
};

/// Most characters of a file's ending.
const LONGEST_ENDING: usize = 8;

/// Longest wait between two attempts to fetch a file.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// One file to fetch: which output it is of, where it comes from and where it goes.
#[derive(Debug, PartialEq)]
struct Wanted {
    output: String,
    index: usize,
    from: OutputRef,
    path: String,
}

/// Fetches every file of the job's outputs and writes it.
pub(super) async fn fetch(
    server: &Server,
    root: &Path,
    job: &Job,
    left: &IndexMap<String, Value>,
) -> Result<Produced, Failure> {
    let mut produced = Produced::default();
    for wanted in wanted(job, left)? {
        let bytes = view(server, &wanted.from).await?;
        produced.files.push(store(root, wanted, bytes).await?);
    }
    Ok(produced)
}

/// The bytes of a file. It stays on the server's disk, so a server that restarts is waited for.
async fn view(server: &Server, file: &OutputRef) -> Result<Vec<u8>, Failure> {
    let until = Instant::now() + server.patience.dead_after;
    let mut wait = server.patience.without_socket;
    loop {
        match server.client.view(file).await {
            Ok(bytes) => return Ok(bytes),
            Err(error) if error.is_transient() && Instant::now() < until => tokio::time::sleep(wait).await,
            Err(error) if error.is_transient() => return Err(Failure::Away(problems::request(&error).message)),
            Err(error) => return Err(problems::request(&error).into()),
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// The files of all outputs, by output in the order of the outputs.
fn wanted(job: &Job, left: &IndexMap<String, Value>) -> Result<Vec<Wanted>, Fault> {
    let outputs = &job.prepared.outputs;
    let mut out: Vec<Wanted> = Vec::new();
    for spec in outputs {
        let files = left.get(&spec.node).map(OutputRef::all).unwrap_or_default();
        if files.is_empty() {
            let message = format!("node `{}` saved no file for the output `{}`", spec.node, spec.name);
            return Err(Fault::new(ErrorClass::Error, message).at(&spec.node));
        }
        // Several savers may write one output, a list of files, one after the other.
        let savers = outputs.iter().filter(|other| other.name == spec.name).count();
        let earlier = out.iter().filter(|w| w.output == spec.name).count();
        let count = files.len().max(savers);
        for (index, from) in (earlier..).zip(files) {
            let path = output_path(job, spec, index, count, &ending(&from.filename));
            out.push(Wanted { output: spec.name.clone(), index, from, path });
        }
    }
    Ok(out)
}

async fn store(root: &Path, wanted: Wanted, bytes: Vec<u8>) -> Result<OutputFile, Failure> {
    let root = root.to_owned();
    let work = move || {
        let size = imagefile::header(std::io::Cursor::new(&bytes)).map_or((0, 0), |found| (found.width, found.height));
        write(&root, &wanted.path, &bytes)?;
        record(&root, wanted.path, &bytes, &wanted.output, wanted.index as u32, size)
    };
    let failed = |text: String| Fault::new(ErrorClass::Error, format!("failed to {text}"));
    match tokio::task::spawn_blocking(work).await {
        Ok(Err(error)) if error.is_for_want_of_room() => Err(Failure::NoRoom(format!("failed to {error}"))),
        Ok(stored) => stored.map_err(|e| failed(e.to_string()).into()),
        Err(broken) => Err(failed(format!("write an output: {broken}")).into()),
    }
}

/// The ending of a file's name, made harmless.
fn ending(name: &str) -> String {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    let fine = (1..=LONGEST_ENDING).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric());
    if fine { ending } else { "bin".to_owned() }
}
