//! Time to convert workflows of the editor to the API format, parse included, on one core.
//!
//!     cargo bench --bench convert -- OBJECT_INFO WORKFLOW…
//!
//! Prints a line of JSON: milliseconds of the first round, in which the classes are read, and of the
//! fastest of the others. `benches/convert.py` runs it beside other converters.

use std::{error::Error, fs, sync::Arc, time::Instant};

use comfywright::graph::{BoundFile, NodeSet, UiOptions, from_ui, to_api};
use serde_json::Value;

/// Rounds after the first.
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` adds a flag of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(object_info) = arguments.next() else {
        println!("skipped: name an object_info and workflows");
        return Ok(());
    };
    let nodes = NodeSet::parse(fs::read_to_string(object_info)?)?;
    let texts: Vec<(Arc<str>, String)> = arguments
        .map(|file| Ok((Arc::from(file.as_str()), fs::read_to_string(&file)?)))
        .collect::<Result<_, std::io::Error>>()?;
    let round = || {
        let start = Instant::now();
        let converted = texts.iter().filter_map(|(file, text)| {
            let graph = from_ui(file, text, &nodes, UiOptions::default()).ok()?.graph;
            Some(to_api(&graph, &mut |_: &[BoundFile]| Value::Null))
        });
        (converted.count(), start.elapsed().as_secs_f64() * 1000.0)
    };
    let (count, first) = round();
    let best = (0..ROUNDS).map(|_| round().1).fold(f64::INFINITY, f64::min);
    println!(
        "{{\"files\": {}, \"converted\": {count}, \"first_ms\": {first:.2}, \"best_ms\": {best:.2}}}",
        texts.len()
    );
    Ok(())
}
