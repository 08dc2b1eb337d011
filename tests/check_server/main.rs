//! `check` against a real ComfyUI server: graphs that it carries out are made wrong in many ways, and
//! both are asked what they think of it.
//!
//!     python3 tests/comfyui/server.py run -- cargo test --test check_server
//!
//! judges a seeded tenth of the mutants, and with `COMFYWRIGHT_MUTANTS=all` all of them, which also
//! writes the table `docs/check.md`. `COMFYWRIGHT_MUTANTS=bases` finds out anew which classes have a
//! graph that the server carries out. `COMFYWRIGHT_MUTANTS_SEED` chooses other mutants, and
//! `COMFYWRIGHT_MUTANTS_ONLY` those of the mutations whose name contains it.

mod bases;
#[path = "../support/comfyui.rs"]
mod comfyui;
mod mutations;
mod random;
mod server;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use comfywright::{
    diagnostic::Severity,
    graph::{NodeSet, builtin, check_api},
};
use serde_json::Value;

use self::{
    mutations::{MUTATIONS, Mutation, Subject},
    random::Random,
    server::{Server, Verdict},
};

/// Mutants in all.
const MUTANTS: usize = 2000;

/// One of so many is in the sample.
const SAMPLE: usize = 10;

/// The seed of the committed table.
const SEED: u64 = 1;

/// Most mutants of a mutation after which a server must be started again.
const DEADLY: usize = 3;

/// Graphs that are looked at for one to which a mutation can be done.
const TRIES: usize = 200;

/// What was made and what was said of it.
pub struct Finding {
    /// The way in which it was made.
    pub mutation: &'static str,
    /// The graph that it was made from.
    pub base: String,
    /// The mutant.
    pub graph: Value,
    /// What was said.
    pub judged: Judged,
}

/// What both say of a graph.
pub struct Judged {
    /// Codes and messages of our errors.
    pub errors: Vec<String>,
    /// What the server said.
    pub server: Verdict,
}

/// A mutant that nobody has judged yet.
struct Mutant {
    mutation: &'static Mutation,
    base: String,
    graph: Value,
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn list_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check_server/bases.txt")
}

fn table_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check.md")
}

/// The names of the graphs that the server carries out.
fn listed() -> BTreeSet<String> {
    fs::read_to_string(list_path()).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn the_check_and_the_server_agree() {
    let Some(mut server) = Server::start() else { return };
    let nodes = Arc::new(NodeSet::parse(server.object_info()).expect("an object_info").live());
    let mut graphs = bases::all(&nodes);
    if variable("COMFYWRIGHT_MUTANTS") == "bases" {
        return find_bases(&mut server, &graphs, &nodes);
    }
    let listed = listed();
    graphs.retain(|name, _| listed.contains(name));
    assert_eq!(graphs.len(), listed.len(), "other graphs than bases.txt lists: run with COMFYWRIGHT_MUTANTS=bases");
    for (name, graph) in &graphs {
        assert_eq!(our_errors(graph, &nodes), Vec::<String>::new(), "{name} is carried out by the server");
    }
    let is_whole = variable("COMFYWRIGHT_MUTANTS") == "all";
    let seed = variable("COMFYWRIGHT_MUTANTS_SEED").parse().unwrap_or(SEED);
    let only = variable("COMFYWRIGHT_MUTANTS_ONLY");
    let mutants = mutants(&graphs, &nodes, seed).into_iter().enumerate();
    // Of each round of mutations others.
    let is_in_sample = |number: usize| (number + number / MUTATIONS.len()).is_multiple_of(SAMPLE);
    let chosen = mutants.filter(|(number, m)| (is_whole || is_in_sample(*number)) && m.mutation.name.contains(&only));
    let findings: Vec<Finding> = chosen.map(|(_, mutant)| judge(&mut server, mutant, &nodes)).collect();
    let page = table::markdown(&findings, graphs.len(), &server.stats(), seed);
    println!("{page}");
    let wrong: Vec<String> = findings.iter().filter_map(Finding::complaint).collect();
    let counts = table::of_all(&findings);
    assert!(wrong.is_empty(), "{} disagreements:\n{}", counts.disagreements(), wrong.join("\n"));
    if is_whole && only.is_empty() {
        fs::write(table_path(), page).expect("docs/check.md can be written");
    }
}

/// Every mutation in turn, each on a graph that it can be done to.
fn mutants(graphs: &BTreeMap<String, Value>, nodes: &NodeSet, seed: u64) -> Vec<Mutant> {
    let mut random = Random::new(seed);
    let names: Vec<&String> = graphs.keys().collect();
    // Half of them of graphs with many nodes, which the list has few of.
    let large: Vec<&String> = graphs.keys().filter(|name| !name.starts_with("class/")).collect();
    let mut all: Vec<Mutant> = Vec::new();
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    while all.len() < MUTANTS {
        for mutation in MUTATIONS {
            let count = made.entry(mutation.name).or_default();
            if all.len() == MUTANTS || (mutation.is_deadly && *count == DEADLY) {
                continue;
            }
            let found = (0..TRIES).find_map(|_| {
                let from = if random.below(2) == 0 { &large } else { &names };
                let name = random.one_of(from)?;
                let graph = graphs[*name].as_object()?.clone();
                let mut subject = Subject { graph, nodes, random: &mut random };
                (mutation.apply)(&mut subject)?;
                let graph = Value::Object(subject.graph);
                Some(Mutant { mutation, base: (*name).clone(), graph })
            });
            let mutant = found.unwrap_or_else(|| panic!("no graph for the mutation: {}", mutation.name));
            *count += 1;
            all.push(mutant);
        }
    }
    all
}

fn judge(server: &mut Server, mutant: Mutant, nodes: &NodeSet) -> Finding {
    let Mutant { mutation, base, graph } = mutant;
    let errors = our_errors(&graph, nodes);
    let verdict = server.judge(&graph, outputs(&graph, nodes), errors.is_empty() && samples(&graph));
    eprintln!("{base}: {}: {verdict:?}, {} errors", mutation.name, errors.len());
    Finding { mutation: mutation.name, base, graph, judged: Judged { errors, server: verdict } }
}

/// How many nodes of the graph save or show something.
fn outputs(graph: &Value, nodes: &NodeSet) -> usize {
    let classes = graph.as_object().into_iter().flatten().filter_map(|(_, node)| node["class_type"].as_str());
    classes.filter_map(|class| nodes.class(class)).filter(|class| class.output_node).count()
}

/// Whether the graph has a node that samples, which takes long without a graphics card.
fn samples(graph: &Value) -> bool {
    let classes = graph.as_object().into_iter().flatten().filter_map(|(_, node)| node["class_type"].as_str());
    let mut samplers = classes.filter(|class| class.contains("KSampler") || class.contains("SamplerCustom"));
    samplers.any(|class| class != "KSamplerSelect")
}

fn our_errors(graph: &Value, nodes: &NodeSet) -> Vec<String> {
    match check_api(graph, nodes) {
        Ok(checked) => {
            let errors = checked.problems.into_iter().filter(|p| p.severity == Severity::Error);
            errors.map(|p| format!("{}: {}", p.code, p.message)).collect()
        }
        Err(error) => vec![error.to_string()],
    }
}

impl Finding {
    fn complaint(&self) -> Option<String> {
        let is_error = !self.judged.errors.is_empty();
        let disagrees = match self.judged.server {
            Verdict::Refused(_) | Verdict::Hangs => !is_error,
            Verdict::Executed | Verdict::Accepted => is_error,
            Verdict::BrokeOff(_) => false,
        };
        let Self { mutation, base, graph, judged } = self;
        disagrees.then(|| format!("{base}: {mutation}: {:?}, ours: {:?}\n{graph}", judged.server, judged.errors))
    }
}

/// Writes the list of graphs that the server carries out, those that need no model first.
fn find_bases(server: &mut Server, graphs: &BTreeMap<String, Value>, nodes: &NodeSet) {
    assert!(nodes.len() > builtin().len());
    let mut ordered: Vec<(&String, &Value)> = graphs.iter().collect();
    ordered.sort_by_key(|(_, graph)| graph.to_string().contains("CheckpointLoaderSimple"));
    let mut carried_out = BTreeSet::new();
    for (name, graph) in ordered {
        let (errors, verdict) = (our_errors(graph, nodes), server.judge(graph, outputs(graph, nodes), false));
        println!("{name}: {verdict:?}, ours: {errors:?}");
        if verdict == Verdict::Executed {
            carried_out.insert(name.as_str());
        }
        let list: Vec<&str> = carried_out.iter().copied().collect();
        fs::write(list_path(), list.join("\n") + "\n").expect("bases.txt can be written");
    }
}

#[test]
fn the_committed_table_is_of_these_mutations() {
    let text = fs::read_to_string(table_path()).expect("docs/check.md is there");
    let row = |name: &str| {
        let row = text.lines().find(|line| line.starts_with(&format!("| {name} | ")));
        let row = row.unwrap_or_else(|| panic!("docs/check.md lacks {name}: run all mutants"));
        row.split('|').skip(2).filter_map(|cell| cell.trim().parse::<usize>().ok()).collect::<Vec<_>>()
    };
    let mut mutants = 0;
    for mutation in MUTATIONS {
        let counts = row(mutation.name);
        assert!(counts[0] > 0 && counts[7] == 0 && counts[8] == 0, "{}: {counts:?}", mutation.name);
        mutants += counts[0];
    }
    assert_eq!((mutants, row("**all**")[0]), (MUTANTS, MUTANTS));
    assert!(MUTATIONS.len() >= 20);
}
