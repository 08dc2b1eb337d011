//! Every directory in `fixtures/rules` shows one rule of chains: which items there are, what each
//! takes from, and how each ends.
//!
//! `pipeline.toml` (and, where it is there, `pipeline.kdl`, which must mean the same) with its data;
//! `image.png` is added. `expect.json` says:
//!
//! - `diagnostics`: what is wrong, as `line:column code` (for `pipeline.toml`); nothing else then;
//! - `items`: every item in the order of the plan, with its parents: entry by entry, alternative by
//!   alternative;
//! - `outcomes`: what happens at each start of an item (or of every item of a task): `metrics`, or
//!   an `error` of a class; the last is repeated; without any, it finishes;
//! - `answers`: what a person says to held items: `approve` or `reject`;
//! - `final`: how every item ends, with its reason;
//! - `takes`: from which items the last start of an item took its inputs, where that is of interest.
//!
//! Set `UPDATE_FIXTURES` to write the files anew, and read the difference.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use comfywright::{
    compile::{Context, Library, Program, Referred, Report, Unresolved, compile},
    diagnostic::{Diagnostic, Severity, position},
    files::{Format, MemoryWorld},
    graph::builtin,
    ident::IndexMap,
    model::{Body, Config, ErrorClass, Kind, KnownModels, read_document},
    plan::{Capabilities, Capability, Estimates, ItemIx, ItemResult, Options, Plan, Preparation, Visit, build},
    run::{Command, Event, Fault, ItemState, Planner, Values},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rules");

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<String>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    items: IndexMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    outcomes: IndexMap<String, Vec<Outcome>>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    answers: IndexMap<String, String>,
    #[serde(default, rename = "final", skip_serializing_if = "IndexMap::is_empty")]
    last: IndexMap<String, String>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    takes: IndexMap<String, Vec<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metrics: BTreeMap<String, f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorClass>,
}

struct NoLibrary;

impl Library for NoLibrary {
    fn resolve(&self, reference: &str, _: Kind) -> Result<Referred, Unresolved> {
        Err(Unresolved { code: "unknown-document", message: format!("there is no {reference}"), hint: None })
    }
}

fn world_of(case: &Path) -> MemoryWorld {
    let mut world = MemoryWorld::default();
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/images/rgba.png");
    world.insert("image.png", fs::read(image).unwrap());
    for entry in fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        world.insert(path.file_name().unwrap().to_string_lossy(), fs::read(&path).unwrap());
    }
    world
}

/// The plan of a document, or what is wrong with it.
fn compiled(case: &Path, name: &str) -> Result<(Arc<Plan>, Arc<Program>, MemoryWorld), Vec<String>> {
    let world = world_of(case);
    let text = fs::read_to_string(case.join(name)).unwrap();
    let file: Arc<str> = name.into();
    let parsed = read_document(&text, &file, Format::of_path(name).unwrap());
    let (Some(document), Some(tree)) = (&parsed.value, &parsed.tree) else {
        return Err(lines(&text, &parsed.diagnostics));
    };
    let Body::Chain(chain) = &document.body else { panic!("{name} is no chain") };
    let metrics: BTreeSet<String> =
        ["quality", "nsfw", "sharpness", "contrast"].iter().map(|m| (*m).to_owned()).collect();
    let config = Config::default();
    let models = Arc::new(KnownModels::built_in().clone());
    let context = Context {
        world: &world,
        library: &NoLibrary,
        config: &config,
        nodes: builtin(),
        metrics: &metrics,
        models: &models,
    };
    let mut report = Report::new(&file, &text, tree);
    let program = compile(document, chain, context, &mut report);
    let mut found = parsed.diagnostics;
    found.extend(report.finish());
    match program {
        Some(program) if found.is_empty() => {
            let plan = build(&program, &config.defaults, &Options::default());
            Ok((Arc::new(plan), Arc::new(program), world))
        }
        _ => Err(lines(&text, &found)),
    }
}

fn lines(text: &str, found: &[Diagnostic]) -> Vec<String> {
    let line = |d: &Diagnostic| {
        let at = position(text, d.span.map_or(0, |s| s.start));
        let warning = if d.severity == Severity::Warning { " warning" } else { "" };
        format!("{}:{} {}{warning}", at.line, at.column, d.code)
    };
    found.iter().map(line).collect()
}

fn parents(plan: &Plan, preparation: &Preparation) -> IndexMap<String, Vec<String>> {
    let mut out = IndexMap::default();
    for index in 0..plan.items.len() as u32 {
        let item = ItemIx(index);
        let task = &plan.tasks[plan.items.task[index as usize].0 as usize];
        let groups: usize = task.depends_on.iter().map(|e| e.alternatives.len()).sum();
        let parents = (0..groups).flat_map(|g| plan.items.parents(item, g)).map(|p| preparation.address(*p));
        out.insert(preparation.address(item), parents.collect());
    }
    out
}

/// A run in which everything happens as a script says.
struct Script<'a> {
    expected: &'a Expected,
    plan: Arc<Plan>,
    preparation: Preparation,
    planner: Planner,
    starts: BTreeMap<u32, usize>,
    metrics: BTreeMap<u32, BTreeMap<String, f64>>,
    takes: IndexMap<String, Vec<String>>,
}

impl<'a> Script<'a> {
    fn new(expected: &'a Expected, plan: Arc<Plan>, preparation: Preparation) -> Self {
        let server = Capability { slots: 64, prefetch: 64, ..Capability::plain("server") };
        let capabilities = Capabilities { servers: vec![server], ..Capabilities::native(64) };
        let keys = |item: ItemIx| preparation.keys(item);
        let planner = Planner::new(plan.clone(), &keys, &capabilities, Estimates::default());
        Self {
            expected,
            plan,
            preparation,
            planner,
            starts: BTreeMap::new(),
            metrics: BTreeMap::new(),
            takes: IndexMap::default(),
        }
    }

    fn run(&mut self) {
        let mut commands = VecDeque::from(self.planner.apply(&Event::Opened));
        let mut steps = 0;
        loop {
            while let Some(command) = commands.pop_front() {
                steps += 1;
                assert!(steps < 10_000, "the run does not end");
                let event = match command {
                    Command::Start { item, id, visit, place, .. } => {
                        let submitted = Event::Submitted {
                            item,
                            id,
                            prompt_id: uuid::Uuid::nil(),
                            fingerprint: String::new(),
                            parts: BTreeMap::new(),
                            executor: self.planner.place_name(place).to_owned(),
                        };
                        commands.extend(self.planner.apply(&submitted));
                        self.outcome(item, id, &visit)
                    }
                    Command::Wait { item, id, .. } => Event::Due { item, id },
                    _ => continue,
                };
                commands.extend(self.planner.apply(&event));
            }
            let Some(event) = self.answer() else { break };
            commands.extend(self.planner.apply(&event));
        }
    }

    fn outcome(&mut self, item: ItemIx, id: comfywright::run::AttemptId, visit: &Visit) -> Event {
        let address = self.preparation.address(item);
        self.takes.insert(address.clone(), self.taken(item, visit));
        let task = &self.plan.tasks[self.plan.items.task[item.0 as usize].0 as usize];
        let script = self.expected.outcomes.get(&address).or_else(|| self.expected.outcomes.get(&task.name));
        let start = self.starts.entry(item.0).or_insert(0);
        let outcome = script.and_then(|s| s.get(*start).or(s.last())).cloned().unwrap_or_default();
        *start += 1;
        let mut values = self.values(item, visit, &outcome);
        if let Some(class) = outcome.error {
            values.insert("error".to_owned(), serde_json::to_value(class).unwrap());
            let fault = Fault::new(class, "scripted");
            return Event::Failed { item, id, fault, values };
        }
        self.metrics.insert(item.0, outcome.metrics);
        Event::Finished { item, id, reused: false, parts: BTreeMap::new(), result: ItemResult::default(), values }
    }

    /// What the rules of an item read.
    fn values(&self, item: ItemIx, visit: &Visit, outcome: &Outcome) -> Values {
        let keys = self.preparation.keys(item);
        let mut values: Values = keys.iter().cloned().collect();
        values.insert("attempt".to_owned(), Value::from(visit.attempt));
        values.insert("visits".to_owned(), Value::from(visit.visits));
        values.insert("error".to_owned(), Value::from(""));
        values.insert("seconds".to_owned(), Value::from(1.0));
        for (name, value) in &outcome.metrics {
            values.insert(name.clone(), Value::from(*value));
        }
        for (other, metrics) in &self.metrics {
            let task = &self.plan.tasks[self.plan.items.task[*other as usize].0 as usize].name;
            if self.preparation.keys(ItemIx(*other)).iter().all(|key| keys.contains(key)) {
                values.extend(metrics.iter().map(|(name, value)| (format!("{task}.{name}"), Value::from(*value))));
            }
        }
        values
    }

    /// The items whose results this start takes.
    fn taken(&self, item: ItemIx, visit: &Visit) -> Vec<String> {
        let task = &self.plan.tasks[self.plan.items.task[item.0 as usize].0 as usize];
        let mut out: Vec<ItemIx> = visit.routed_from.into_iter().collect();
        let mut group = 0;
        for (entry, depends) in task.depends_on.iter().enumerate() {
            let chosen = group + visit.chosen.get(entry).copied().unwrap_or(0);
            out.extend(self.plan.items.parents(item, chosen).iter().filter(|p| !visit.absent.contains(p)));
            group += depends.alternatives.len();
        }
        out.into_iter().map(|p| self.preparation.address(p)).collect()
    }

    fn answer(&mut self) -> Option<Event> {
        let held: Vec<ItemIx> = (0..self.plan.items.len() as u32)
            .map(ItemIx)
            .filter(|item| self.planner.state(*item) == ItemState::Held)
            .collect();
        held.into_iter().find_map(|item| match self.expected.answers.get(&self.preparation.address(item))?.as_str() {
            "approve" => Some(Event::Approved { item }),
            "reject" => Some(Event::Rejected { item }),
            other => panic!("{other} is no answer"),
        })
    }

    fn last(&self) -> IndexMap<String, String> {
        (0..self.plan.items.len() as u32)
            .map(|index| {
                let item = ItemIx(index);
                let state = self.planner.state(item).name();
                let reason = self.planner.reason(item).text(&self.plan, self.plan.items.task[index as usize]);
                let text = reason.map_or_else(|| state.to_owned(), |reason| format!("{state}: {reason}"));
                (self.preparation.address(item), text)
            })
            .collect()
    }
}

/// What a document of a case really does, in the form of `expect.json`.
fn observed(case: &Path, name: &str, expected: &Expected) -> Expected {
    let mut out =
        Expected { outcomes: expected.outcomes.clone(), answers: expected.answers.clone(), ..Expected::default() };
    let (plan, program, world) = match compiled(case, name) {
        Ok(compiled) => compiled,
        Err(diagnostics) => return Expected { diagnostics, ..out },
    };
    let nodes = Arc::new(builtin().clone());
    let preparation = Preparation::new(plan.clone(), program, nodes, Arc::new(world), 1);
    out.items = parents(&plan, &preparation);
    let mut script = Script::new(expected, plan, preparation);
    script.run();
    out.last = script.last();
    out.takes = script.takes;
    out.takes.retain(|address, _| expected.takes.contains_key(address));
    out.takes.sort_by_cached_key(|address, _| expected.takes.get_index_of(address));
    out
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(ROOT).unwrap().map(|e| e.unwrap().path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    cases
}

#[test]
fn every_rule_holds() {
    let mut wrong = String::new();
    let mut both = 0;
    for case in cases() {
        let text = fs::read_to_string(case.join("expect.json")).unwrap_or_else(|_| "{}".to_owned());
        let expected: Expected = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", case.display()));
        let documents: Vec<&str> =
            ["pipeline.toml", "pipeline.kdl"].into_iter().filter(|name| case.join(name).is_file()).collect();
        both += usize::from(documents.len() == 2);
        for name in documents {
            let actual = observed(&case, name, &expected);
            let json = |e: &Expected| serde_json::to_string_pretty(e).unwrap() + "\n";
            if name == "pipeline.toml" && std::env::var_os("UPDATE_FIXTURES").is_some() {
                fs::write(case.join("expect.json"), json(&actual)).unwrap();
            }
            // As texts: the order of items counts.
            if json(&actual) != json(&expected) {
                let _ = writeln!(wrong, "{}/{name}\n{}", case.display(), json(&actual));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(both >= 5, "only {both} cases in both formats");
}
