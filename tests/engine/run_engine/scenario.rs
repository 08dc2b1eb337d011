//! Plans and outcomes from a few lines of text, for tests of the engine.
//!
//! ```text
//! plan mode=fifo parallel=2
//! task a x=2                          keys with their number of values
//! task b x=2 needs=a                  entries by comma, alternatives by bar
//! task c needs=b gather=b allow_failed max_visits=2 priority=1 retry=2:transient:5..120 comfy
//! task d x=9 on=tag:big models=3 prefixes=2   on servers with this name or tag; kinds of its items in turn
//! task e x=9 comfy models=3 set=y     other models than those of tasks without it
//! rule b on=error to=@retry times=1 if q < 0.5
//! when b[x=0] fail=transient ; q=0.3  outcomes of its tries in order, the last one repeated
//! ```
use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

use comfywright::{
    content_hash::ContentHash,
    model::{ErrorClass, Mode, Prefer, TaskType, ValueMap},
    plan::{
        Capabilities, Capability, DependsEntry, ItemIx, ItemTable, KindOf, Kinds, Model, Placement, Plan, PlanRule,
        PlanTask, RetryPolicy, Target, TaskIx,
    },
    rules::{Kind, Rule, Variables},
};
use serde_json::{Value, json};

/// A plan with the outcomes of its items.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) text: String,
    pub(crate) plan: Arc<Plan>,
    pub(crate) addresses: Vec<String>,
    pub(crate) keys: Vec<ItemKeys>,
    pub(crate) outcomes: BTreeMap<String, Vec<Outcome>>,
    pub(crate) rest: Vec<String>,
}

/// How a try ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Metrics(BTreeMap<String, f64>),
    Fault(ErrorClass),
}

#[derive(Default)]
struct Draft {
    name: String,
    keys: Vec<(String, usize)>,
    needs: Vec<Vec<String>>,
    gather: Vec<String>,
    allow_failed: bool,
    max_visits: u32,
    priority: i64,
    retry: Option<RetryPolicy>,
    comfy: bool,
    on: Vec<String>,
    models: u32,
    prefixes: u32,
    set: String,
    rules: Vec<BTreeMap<String, String>>,
}

impl Scenario {
    pub(crate) fn parse(text: &str) -> Self {
        let mut drafts: Vec<Draft> = Vec::new();
        let (mut mode, mut prefer, mut parallel) = (Mode::Fifo, None, None);
        let (mut outcomes, mut rest) = (BTreeMap::new(), Vec::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (word, tail) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "plan" => {
                    let settings = settings(tail);
                    mode = match settings.get("mode").map(String::as_str) {
                        Some("critical_path") => Mode::CriticalPath,
                        Some("smart") => Mode::Smart,
                        _ => Mode::Fifo,
                    };
                    prefer = settings.get("prefer").map(|_| Prefer::EarlyResults);
                    parallel = settings.get("parallel").map(|n| n.parse().unwrap());
                }
                "task" => drafts.push(draft(tail)),
                "rule" => {
                    let (settings_text, condition) = tail.split_once(" if ").unwrap_or((tail, ""));
                    let (task, settings_text) = settings_text.split_once(' ').unwrap();
                    let mut rule = settings(settings_text);
                    if !condition.is_empty() {
                        rule.insert("if".to_owned(), condition.to_owned());
                    }
                    drafts.iter_mut().find(|draft| draft.name == task).unwrap().rules.push(rule);
                }
                "when" => {
                    let (address, list) = tail.split_once(' ').unwrap();
                    outcomes.insert(address.to_owned(), list.split(';').map(outcome).collect());
                }
                _ => rest.push(line.to_owned()),
            }
        }
        let (plan, addresses, keys) = build(&drafts, (mode, prefer), parallel);
        Self { text: text.to_owned(), plan: Arc::new(plan), addresses, keys, outcomes, rest }
    }

    pub(crate) fn item(&self, address: &str) -> ItemIx {
        let found = self.addresses.iter().position(|other| other == address);
        ItemIx(found.unwrap_or_else(|| panic!("no item {address}")) as u32)
    }

    pub(crate) fn keys(&self, item: ItemIx) -> Vec<(String, Value)> {
        self.keys[item.0 as usize].iter().map(|(name, value)| (name.clone(), json!(value))).collect()
    }
}

fn settings(text: &str) -> BTreeMap<String, String> {
    let pair = |word: &str| {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        (key.to_owned(), value.to_owned())
    };
    text.split_whitespace().map(pair).collect()
}

fn outcome(text: &str) -> Outcome {
    let settings = settings(text);
    if let Some(class) = settings.get("fail") {
        return Outcome::Fault(error_class(class));
    }
    Outcome::Metrics(settings.into_iter().filter_map(|(key, value)| Some((key, value.parse().ok()?))).collect())
}

pub(crate) fn error_class(name: &str) -> ErrorClass {
    match name {
        "transient" => ErrorClass::Transient,
        "oom" => ErrorClass::Oom,
        "timeout" => ErrorClass::Timeout,
        _ => ErrorClass::Error,
    }
}

fn draft(text: &str) -> Draft {
    let (name, tail) = text.split_once(' ').unwrap_or((text, ""));
    let mut draft = Draft { name: name.to_owned(), max_visits: 1, ..Draft::default() };
    for word in tail.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let list = || value.split(',').map(str::to_owned);
        match key {
            "needs" => draft.needs = list().map(|entry| entry.split('|').map(str::to_owned).collect()).collect(),
            "gather" => draft.gather = list().collect(),
            "allow_failed" => draft.allow_failed = true,
            "max_visits" => draft.max_visits = value.parse().unwrap(),
            "priority" => draft.priority = value.parse().unwrap(),
            "comfy" => draft.comfy = true,
            "on" => (draft.comfy, draft.on) = (true, list().collect()),
            "models" => draft.models = value.parse().unwrap(),
            "set" => value.clone_into(&mut draft.set),
            "prefixes" => draft.prefixes = value.parse().unwrap(),
            "retry" => {
                let parts: Vec<&str> = value.split(':').collect();
                let (first, longest) = parts.get(2).and_then(|waits| waits.split_once("..")).unwrap_or(("0", "0"));
                draft.retry = Some(RetryPolicy {
                    max: parts[0].parse().unwrap(),
                    on: error_class(parts.get(1).unwrap_or(&"transient")),
                    first: Duration::from_secs(first.parse().unwrap()),
                    longest: Duration::from_secs(longest.parse().unwrap()),
                });
            }
            _ => draft.keys.push((key.to_owned(), value.parse().unwrap())),
        }
    }
    draft
}

fn combinations(keys: &[(String, usize)]) -> Vec<ItemKeys> {
    let mut all = vec![Vec::new()];
    for (name, count) in keys {
        let with = |prefix: &ItemKeys| {
            let prefix = prefix.clone();
            (0..*count).map(move |value| [prefix.clone(), vec![(name.clone(), value)]].concat()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

/// Names and values of the keys of an item.
type ItemKeys = Vec<(String, usize)>;

fn build(
    drafts: &[Draft],
    (mode, prefer): (Mode, Option<Prefer>),
    parallel: Option<u32>,
) -> (Plan, Vec<String>, Vec<ItemKeys>) {
    let index =
        |name: &str| TaskIx(drafts.iter().position(|d| d.name == name).unwrap_or_else(|| panic!("{name}")) as u32);
    let (mut keys, mut addresses, mut ranges, mut table) = (Vec::new(), Vec::new(), Vec::new(), ItemTable::default());
    for (number, draft) in drafts.iter().enumerate() {
        let start = keys.len() as u32;
        for combination in combinations(&draft.keys) {
            let inner: Vec<String> = combination.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let brackets = if inner.is_empty() { String::new() } else { format!("[{}]", inner.join(",")) };
            addresses.push(format!("{}{brackets}", draft.name));
            table.task.push(TaskIx(number as u32));
            keys.push(combination);
        }
        ranges.push(start..keys.len() as u32);
    }
    table.groups.push(0);
    for item in 0..keys.len() {
        table.first_group.push(table.groups.len() as u32 - 1);
        let draft = &drafts[table.task[item].0 as usize];
        for alternative in draft.needs.iter().flatten() {
            let fits = |other: &u32| {
                let other: &ItemKeys = &keys[*other as usize];
                other.iter().all(|(key, value)| keys[item].iter().all(|(own, have)| own != key || have == value))
            };
            table.parents.extend(ranges[index(alternative).0 as usize].clone().filter(fits).map(ItemIx));
            table.groups.push(table.parents.len() as u32);
        }
    }
    table.first_group.push(table.groups.len() as u32 - 1);
    let mut tasks: Vec<PlanTask> = drafts.iter().enumerate().map(|(n, d)| task(d, n, &ranges, &index)).collect();
    for number in 0..tasks.len() {
        let targets: Vec<Target> = tasks[number].rules.iter().map(|rule| rule.target).collect();
        for target in targets {
            if let Target::Task(target, _) = target
                && !tasks[target.0 as usize].routed_from.contains(&TaskIx(number as u32))
            {
                tasks[target.0 as usize].routed_from.push(TaskIx(number as u32));
            }
        }
    }
    for task in &mut tasks {
        let listed = |router: &TaskIx| task.depends_on.iter().any(|entry| entry.alternatives.contains(router));
        task.conditional =
            !task.routed_from.is_empty() && (task.depends_on.is_empty() || task.routed_from.iter().any(listed));
    }
    let hash = ContentHash::of_bytes(b"test");
    let (document, version) = ("test".to_owned(), "1.0.0".to_owned());
    let kinds = kinds(drafts, &tasks);
    (Plan { document, version, hash, mode, prefer, parallel, tasks, items: table, kinds, trial: None }, addresses, keys)
}

/// The items of a task have its models and its prefixes in turn.
fn kinds(drafts: &[Draft], tasks: &[PlanTask]) -> Kinds {
    let mut kinds = Kinds::new();
    for (number, (draft, task)) in drafts.iter().zip(tasks).enumerate() {
        for item in 0..task.items.len() as u32 {
            let model = item.checked_rem(draft.models).map(|n| format!("{} model {n}", draft.set));
            let prefix = item.checked_rem(draft.prefixes).map(|n| format!("{} {n}", draft.name));
            let models = model.iter().map(|name| (name.clone(), Model { load: 10.0, bytes: 6 << 30 })).collect();
            let shape = format!("{} {}", draft.name, model.unwrap_or_default());
            let family = draft.name.clone();
            let kind = KindOf { shape, family, models, prefix, prefix_share: 0.3, ..KindOf::default() };
            let kind = kinds.add(TaskIx(number as u32), kind);
            kinds.assign(1, kind);
        }
    }
    kinds
}

/// This process, and one server without a name that anybody knows.
pub(crate) fn slots(native: u32, comfy: u32) -> Capabilities {
    let server = Capability { slots: comfy, prefetch: comfy, ..Capability::plain("comfy") };
    Capabilities { servers: vec![server], ..Capabilities::native(native) }
}

fn task(draft: &Draft, number: usize, ranges: &[std::ops::Range<u32>], index: &dyn Fn(&str) -> TaskIx) -> PlanTask {
    let entry = |names: &Vec<String>| DependsEntry {
        gathered: names.iter().any(|name| draft.gather.contains(name)),
        alternatives: names.iter().map(|name| index(name)).collect(),
    };
    PlanTask {
        name: draft.name.clone(),
        kind: TaskType::Adjust,
        items: ranges[number].clone(),
        keys: draft.keys.iter().map(|(key, _)| key.clone()).collect(),
        depends_on: draft.needs.iter().map(entry).collect(),
        routed_from: Vec::new(),
        conditional: false,
        allow_failed: draft.allow_failed,
        rules: draft.rules.iter().map(|rule| plan_rule(rule, number, index)).collect(),
        retry: draft.retry.clone(),
        timeout: None,
        max_visits: draft.max_visits,
        scores: Vec::new(),
        priority: draft.priority,
        placement: if draft.comfy { Placement::Comfy(draft.on.clone()) } else { Placement::Native },
    }
}

fn plan_rule(rule: &BTreeMap<String, String>, number: usize, index: &dyn Fn(&str) -> TaskIx) -> PlanRule {
    let target = match rule["to"].as_str() {
        "@continue" => Target::Continue,
        "@skip" => Target::Skip,
        "@fail" => Target::Fail,
        "@hold" => Target::Hold,
        "@retry" => Target::Retry,
        task => Target::Task(index(task), index(task).0 as usize <= number),
    };
    let condition = rule.get("if");
    let with = rule.get("seed").map(|seed| ValueMap::from_iter([("seed".to_owned(), json!(seed))]));
    PlanRule {
        text: format!("{} -> {}", condition.map_or("", String::as_str), rule["to"]),
        on: rule.get("on").map(|class| error_class(class)),
        condition: condition.map(|text| compile(text)),
        target,
        times: rule.get("times").map_or(1, |times| times.parse().unwrap()),
        with: with.unwrap_or_default(),
    }
}

/// Every word that is no keyword is a number, with a dot or not; `error` is text.
fn compile(text: &str) -> Rule {
    let names = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    let names = names.filter(|name| name.starts_with(|c: char| c.is_alphabetic()));
    let kind = |name: &str| match name {
        "error" => Kind::Text,
        "width" | "height" | "attempt" | "visits" => Kind::Integer,
        _ => Kind::Number,
    };
    let variables = names.fold(Variables::new(), |variables, name| variables.with(name, kind(name)));
    Rule::compile(text, &variables).unwrap()
}

impl Scenario {
    /// A chain of `tasks` tasks of `items` items each, and one that gathers the last; made without
    /// comparing every item with every other.
    pub(crate) fn of_chain(items: u32, tasks: u32) -> Self {
        let mut text = "task t0 x=1\n".to_owned();
        for task in 1..tasks {
            writeln!(text, "task t{task} x=1 needs=t{}", task - 1).unwrap();
        }
        writeln!(text, "task sheet needs=t{0} gather=t{0}", tasks - 1).unwrap();
        let mut scenario = Self::parse(&text);
        let plan = Arc::get_mut(&mut scenario.plan).unwrap();
        let mut table = ItemTable { groups: vec![0], ..ItemTable::default() };
        (scenario.addresses, scenario.keys) = (Vec::new(), Vec::new());
        for (number, task) in plan.tasks.iter_mut().enumerate() {
            let count = if number == tasks as usize { 1 } else { items };
            let start = table.task.len() as u32;
            task.items = start..start + count;
            for item in start..start + count {
                table.task.push(TaskIx(number as u32));
                table.first_group.push(table.groups.len() as u32 - 1);
                if number > 0 {
                    let parents = if count == 1 { start - items..start } else { item - items..item - items + 1 };
                    table.parents.extend(parents.map(ItemIx));
                    table.groups.push(table.parents.len() as u32);
                }
                scenario.keys.push(vec![("x".to_owned(), item as usize)]);
                scenario.addresses.push(String::new());
            }
        }
        table.first_group.push(table.groups.len() as u32 - 1);
        plan.items = table;
        plan.kinds = Kinds::by_task(plan);
        scenario
    }
}
