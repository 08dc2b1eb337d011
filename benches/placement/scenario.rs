//! Chains as they are run: which items there are, what they really take, and the plan made of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use comfywright::{
    content_hash::ContentHash,
    model::{Mode, Prefer, TaskType},
    plan::{
        Capabilities, Capability, DependsEntry, Estimates, History, ItemIx, ItemTable, Keeps, KindOf, Kinds, Model,
        Observed, Placement, Plan, PlanRule, PlanTask, Sort, Target, TaskIx, Warmth,
    },
    rules::{Kind, Rule, Variables},
};

use crate::chance::Chance;

/// Bytes of a server's memory for models.
pub const MEMORY: u64 = gigabytes(12.0);

const fn gigabytes(count: f64) -> u64 {
    (count * 1_073_741_824.0) as u64
}

/// A model: its name, its bytes and the seconds that loading really takes.
#[derive(Clone, Debug)]
pub struct RealModel {
    pub name: String,
    pub bytes: u64,
    pub load: f64,
}

/// A node: what tells it from others, and its seconds. The last node of an item is its own.
#[derive(Clone, Debug)]
pub struct RealNode {
    pub key: String,
    pub seconds: f64,
}

/// An item as it really is.
#[derive(Clone, Debug)]
pub struct RealItem {
    pub task: usize,
    pub model: usize,
    pub nodes: Vec<RealNode>,
    pub parent: Option<usize>,
    /// Whether its router sends it on to the conditional task.
    pub is_routed: bool,
}

/// A task: what its items usually take.
pub struct RealTask {
    pub name: &'static str,
    /// The tasks before, the first that finished.
    pub after: Vec<usize>,
    /// The conditional task to which its rule sends items.
    pub routes_to: Option<usize>,
    pub usual: f64,
    /// Share of that which the shared nodes take.
    pub shared: f64,
}

/// A chain with all its items.
pub struct Scenario {
    pub tasks: Vec<RealTask>,
    pub models: Vec<RealModel>,
    pub items: Vec<RealItem>,
}

fn model(name: &str, bytes: f64, load: f64) -> RealModel {
    RealModel { name: name.to_owned(), bytes: gigabytes(bytes), load }
}

fn node(key: String, seconds: f64) -> RealNode {
    RealNode { key, seconds }
}

fn task(name: &'static str, after: &[usize], usual: f64, shared: f64) -> RealTask {
    RealTask { name, after: after.to_vec(), routes_to: None, usual, shared }
}

fn checkpoints(chance: &mut Chance, count: usize) -> Vec<RealModel> {
    (0..count).map(|n| model(&format!("checkpoint {n}"), 6.5, 5.0 + 15.0 * chance.share())).collect()
}

impl Scenario {
    /// Products in four stages, each with one of eight checkpoints, in no order or sorted by checkpoint.
    pub fn catalog(chance: &mut Chance, products: usize, is_sorted: bool) -> Self {
        Self::products(chance, products, is_sorted, 0.0, 0)
    }

    /// The same with a share of products that are enhanced, and some for which a film is made.
    pub fn products(chance: &mut Chance, products: usize, is_sorted: bool, enhanced: f64, films: usize) -> Self {
        const CHECKPOINTS: usize = 8;
        let mut models = checkpoints(chance, CHECKPOINTS);
        models.extend([
            model("segmenter", 2.5, 3.0),
            model("background", 1.0, 1.5),
            model("upscaler", 0.2, 0.5),
            model("film", 10.0, 18.0),
        ]);
        let mut tasks = vec![
            task("generate", &[], 8.8, 0.8 / 8.8),
            task("mask", &[0], 2.0, 0.0),
            task("backdrop", &[1], 3.0, 0.0),
            task("enhance", &[], 12.8, 0.8 / 12.8),
            task("upscale", &[3, 2], 6.0, 0.0),
            task("film", &[4], 90.0, 0.0),
        ];
        if enhanced > 0.0 {
            tasks[2].routes_to = Some(3);
        }
        let mut rows: Vec<Vec<RealItem>> = vec![Vec::new(); tasks.len()];
        for product in 0..products {
            let checkpoint = if is_sorted { product * CHECKPOINTS / products } else { chance.below(CHECKPOINTS) };
            let style = chance.below(4);
            let is_routed = chance.share() < enhanced;
            let encode = || node(format!("encode {checkpoint} {style}"), 0.8);
            let mut add = |task: usize, model: usize, nodes: Vec<RealNode>| {
                let is_routed = is_routed && task == 2;
                rows[task].push(RealItem { task, model, nodes, parent: Some(product), is_routed });
            };
            let mut own = |what: &str, usual: f64| node(format!("{what} {product}"), usual * chance.factor(0.25));
            add(0, checkpoint, vec![encode(), own("sample", 8.0)]);
            add(1, 8, vec![own("mask", 2.0)]);
            add(2, 9, vec![own("backdrop", 3.0)]);
            if enhanced > 0.0 {
                add(3, checkpoint, vec![encode(), own("enhance", 12.0)]);
            }
            add(4, 10, vec![own("upscale", 6.0)]);
            if product >= products - films {
                add(5, 11, vec![own("film", 90.0)]);
            }
        }
        // A parent is the item with the same number of the task before; films belong to the last products.
        let mut items: Vec<RealItem> = Vec::new();
        for (number, row) in rows.into_iter().enumerate() {
            let last = row.len();
            items.extend(row.into_iter().enumerate().map(|(index, item)| {
                let product = if number == 5 { products - last + index } else { index };
                RealItem { parent: (number != 0 && number != 3).then_some(product), ..item }
            }));
        }
        Self { tasks, models, items }
    }

    /// Variations of prompts on eight checkpoints, all checkpoints in turn, each picture scored.
    pub fn prompt_test(chance: &mut Chance) -> Self {
        let mut models = checkpoints(chance, 8);
        models.push(model("aesthetic", 1.5, 2.0));
        let tasks = vec![task("generate", &[], 7.2, 1.2 / 7.2), task("score", &[0], 1.0, 0.0)];
        let (mut items, mut scores) = (Vec::new(), Vec::new());
        for sample in 0..10 {
            for variation in 0..3 {
                for checkpoint in 0..8 {
                    let own = node(format!("sample {checkpoint} {variation} {sample}"), 6.0 * chance.factor(0.15));
                    let nodes = vec![node(format!("encode {checkpoint} {variation}"), 1.2), own];
                    let parent = Some(items.len());
                    items.push(RealItem { task: 0, model: checkpoint, nodes, parent: None, is_routed: false });
                    let nodes = vec![node(format!("score {}", scores.len()), 1.0)];
                    scores.push(RealItem { task: 1, model: 8, nodes, parent, is_routed: false });
                }
            }
        }
        items.extend(scores);
        Self { tasks, models, items }
    }

    /// Products with an expensive beginning that all five variants share, all products in turn.
    pub fn prefixes(chance: &mut Chance) -> Self {
        let models = checkpoints(chance, 1);
        let tasks = vec![task("generate", &[], 13.0, 10.0 / 13.0)];
        let mut items = Vec::new();
        for variant in 0..5 {
            for product in 0..60 {
                let own = node(format!("variant {product} {variant}"), 3.0 * chance.factor(0.2));
                let nodes = vec![node(format!("base {product}"), 10.0), own];
                items.push(RealItem { task: 0, model: 0, nodes, parent: None, is_routed: false });
            }
        }
        Self { tasks, models, items }
    }

    /// Whether an item really runs.
    pub fn runs(&self, item: &RealItem) -> bool {
        self.tasks[item.task].name != "enhance" || self.is_enhanced(item)
    }

    fn is_enhanced(&self, item: &RealItem) -> bool {
        let number = item.nodes[1].key.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok());
        let routers = self.items.iter().filter(|other| self.tasks[other.task].routes_to.is_some());
        number.is_some_and(|number| routers.clone().nth(number).is_some_and(|router| router.is_routed))
    }

    /// No schedule takes less: the longest path without what may be cached, or all work once and every model
    /// loaded once, spread evenly.
    pub fn lower_bound(&self, servers: usize) -> f64 {
        let mut nodes: BTreeMap<&str, f64> = BTreeMap::new();
        let mut loads: BTreeMap<&str, f64> = BTreeMap::new();
        let mut ends: Vec<f64> = vec![0.0; self.items.len()];
        let plan_order = self.first_items();
        for (number, item) in self.items.iter().enumerate() {
            let above = self.tasks[item.task].after.iter().filter_map(|task| {
                let above = plan_order[*task] + item.parent?;
                self.runs(&self.items[above]).then_some(ends[above])
            });
            let before = above.fold(0.0, f64::max);
            let router = self.router_of(item, &plan_order).map_or(0.0, |router: usize| ends[router]);
            ends[number] = before.max(router);
            if !self.runs(item) {
                continue;
            }
            ends[number] += item.nodes.last().map_or(0.0, |node| node.seconds);
            for node in &item.nodes {
                let known = nodes.entry(&node.key).or_default();
                *known = known.max(node.seconds);
            }
            let model = &self.models[item.model];
            loads.insert(&model.name, model.load);
        }
        let work = nodes.values().sum::<f64>() + loads.values().sum::<f64>();
        ends.into_iter().fold(work / servers as f64, f64::max)
    }

    fn router_of(&self, item: &RealItem, first: &[usize]) -> Option<usize> {
        let router = self.tasks.iter().position(|task| task.routes_to == Some(item.task))?;
        let number: usize = item.nodes[1].key.rsplit(' ').next()?.parse().ok()?;
        Some(first[router] + number)
    }

    fn first_items(&self) -> Vec<usize> {
        (0..self.tasks.len()).map(|task| self.items.iter().take_while(|item| item.task < task).count()).collect()
    }

    /// The plan of it.
    pub fn plan(&self, mode: Mode, prefer: Option<Prefer>, noise: &mut Noise) -> Arc<Plan> {
        let first = self.first_items();
        let mut table = ItemTable { groups: vec![0], ..ItemTable::default() };
        let mut kinds = Kinds::new();
        let mut known: BTreeMap<String, u32> = BTreeMap::new();
        for item in &self.items {
            table.task.push(TaskIx(item.task as u32));
            table.first_group.push(table.groups.len() as u32 - 1);
            for above in &self.tasks[item.task].after {
                // Where nobody is enhanced, there is nobody to wait for.
                let exists = self.items.iter().any(|other| other.task == *above);
                table.parents.extend(item.parent.filter(|_| exists).map(|n| ItemIx((first[*above] + n) as u32)));
                table.groups.push(table.parents.len() as u32);
            }
            let identity = format!("{} {} {}", item.task, item.model, item.prefix());
            let kind = *known
                .entry(identity)
                .or_insert_with(|| kinds.add(TaskIx(item.task as u32), self.kind_of(item, noise)));
            kinds.assign(1, kind);
        }
        table.first_group.push(table.groups.len() as u32 - 1);
        let tasks = (0..self.tasks.len()).map(|number| self.plan_task(number, &first)).collect();
        Arc::new(Plan {
            document: "simulated".to_owned(),
            version: "1.0.0".to_owned(),
            hash: ContentHash::of_bytes(b"simulated"),
            mode,
            prefer,
            parallel: None,
            tasks,
            items: table,
            kinds,
            trial: None,
        })
    }

    fn kind_of(&self, item: &RealItem, noise: &mut Noise) -> KindOf {
        let (task, model) = (&self.tasks[item.task], &self.models[item.model]);
        let load = model.load * noise.of(&model.name);
        KindOf {
            shape: self.shape(item),
            family: task.name.to_owned(),
            models: [(model.name.clone(), Model { load, bytes: model.bytes })].into(),
            prefix: (item.nodes.len() > 1).then(|| item.prefix().to_owned()),
            prefix_share: (task.shared * noise.of(task.name)).min(0.95),
            ..KindOf::default()
        }
    }

    fn shape(&self, item: &RealItem) -> String {
        format!("{} with {}", self.tasks[item.task].name, self.models[item.model].name)
    }

    fn plan_task(&self, number: usize, first: &[usize]) -> PlanTask {
        let task = &self.tasks[number];
        let end = first.get(number + 1).copied().unwrap_or(self.items.len());
        let router = self.tasks.iter().position(|other| other.routes_to == Some(number));
        let rules = task.routes_to.map(|target| PlanRule {
            text: "if quality < 0.5 -> enhance".to_owned(),
            on: None,
            condition: Rule::compile("quality < 0.5", &Variables::new().with("quality", Kind::Number)).ok(),
            target: Target::Task(TaskIx(target as u32), false),
            times: 1,
            with: comfywright::model::ValueMap::default(),
        });
        let after = task.after.iter().copied().map(|task| TaskIx(task as u32)).collect();
        let depends_on = vec![DependsEntry { alternatives: after, gathered: false }];
        PlanTask {
            name: task.name.to_owned(),
            kind: TaskType::Generate,
            items: first[number] as u32..end as u32,
            keys: vec!["n".to_owned()],
            depends_on: if task.after.is_empty() { Vec::new() } else { depends_on },
            routed_from: router.into_iter().map(|router| TaskIx(router as u32)).collect(),
            conditional: router.is_some(),
            allow_failed: false,
            rules: rules.into_iter().collect(),
            retry: None,
            timeout: None,
            max_visits: 1,
            scores: Vec::new(),
            priority: 0,
            placement: Placement::Comfy(Vec::new()),
        }
    }

    /// What an earlier run would have left of durations, each wrong by its own factor.
    pub fn estimates(&self, plan: &Plan, servers: &[String], noise: &mut Noise) -> Estimates {
        let mut history = History::new();
        if noise.is_known {
            for item in &self.items {
                let (task, model) = (&self.tasks[item.task], &self.models[item.model]);
                for server in servers {
                    let sort = |warmth| Sort {
                        shape: self.shape(item),
                        family: task.name.to_owned(),
                        executor: server.clone(),
                        warmth,
                    };
                    let seen = |seconds: f64| Observed { count: 5.0, mean: seconds.ln(), spread: 0.2 };
                    let warm = task.usual * noise.of(&format!("{} {server}", self.shape(item)));
                    let load = model.load * noise.of(&format!("{} {server}", model.name));
                    history.insert(sort(Warmth::Warm), seen(warm));
                    history.insert(sort(Warmth::Cold), seen(warm + load));
                }
            }
        }
        Estimates::new(&plan.kinds, servers, &history)
    }

    /// Servers that all are alike: models stay while there is room, or those of the last prompt alone.
    pub fn capabilities(servers: &[String], memory: Option<u64>) -> Capabilities {
        let server = |name: &String| Capability {
            keeps: Keeps { memory, prompts: 1 },
            dead_after: Duration::from_mins(3),
            ..Capability::plain(name)
        };
        Capabilities { native: 1, servers: servers.iter().map(server).collect(), first: 0 }
    }
}

impl RealItem {
    /// What it shares with others; empty when nothing.
    pub fn prefix(&self) -> &str {
        if self.nodes.len() > 1 { &self.nodes[0].key } else { "" }
    }
}

/// How wrong estimates are: for each thing another factor, always the same.
pub struct Noise {
    pub sigma: f64,
    pub seed: u64,
    /// Whether anything was run before.
    pub is_known: bool,
}

impl Noise {
    fn of(&mut self, what: &str) -> f64 {
        let hash = ContentHash::of_bytes(format!("{} {what}", self.seed).as_bytes());
        let seed = hash.as_bytes().iter().take(8).fold(0_u64, |seed, byte| seed << 8 | u64::from(*byte));
        Chance::new(seed).factor(self.sigma)
    }
}

/// A server as it really is: what it has loaded and cached.
#[derive(Default)]
pub struct RealServer {
    memory: Option<u64>,
    models: Vec<usize>,
    cached: Vec<String>,
    pub swaps: u32,
    pub swap_seconds: f64,
    pub busy_seconds: f64,
}

impl RealServer {
    /// One that has just started.
    pub fn new(memory: Option<u64>) -> Self {
        Self { memory, ..Self::default() }
    }

    /// Runs an item; how long that takes.
    pub fn run(&mut self, scenario: &Scenario, item: &RealItem) -> f64 {
        let mut seconds = 0.0;
        if !self.models.contains(&item.model) {
            seconds += scenario.models[item.model].load;
            self.swaps += 1;
            self.swap_seconds += seconds;
        }
        self.models.retain(|model| *model != item.model);
        self.models.push(item.model);
        let bytes = |models: &[usize]| models.iter().map(|model| scenario.models[*model].bytes).sum::<u64>();
        // ComfyUI by itself drops what the next prompt does not use.
        while bytes(&self.models) > self.memory.unwrap_or(0) && self.models.len() > 1 {
            self.models.remove(0);
        }
        let fresh = item.nodes.iter().filter(|node| !self.cached.contains(&node.key));
        seconds += fresh.map(|node| node.seconds).sum::<f64>();
        self.cached = item.nodes.iter().map(|node| node.key.clone()).collect();
        self.busy_seconds += seconds;
        seconds
    }
}
