//! The whole program on several servers, of which each finishes its prompts when the test says so:
//! who gets what, and what becomes of it when a server dies, comes back or is taken out of use.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    pixel,
    server::{Request, Response, Scripted},
};

/// What a server has to do and has done.
#[derive(Default)]
struct Work {
    /// Ids and items, the one that runs first.
    pending: Vec<(String, u64)>,
    history: BTreeMap<String, Value>,
    /// Items that were submitted, in order.
    submitted: Vec<u64>,
}

/// A server that takes as long as the test wants.
struct Shop {
    server: Scripted,
    work: Arc<Mutex<Work>>,
}

impl Shop {
    async fn open() -> Self {
        Self::open_at("127.0.0.1:0").await
    }

    async fn open_at(address: &str) -> Self {
        let work: Arc<Mutex<Work>> = Arc::default();
        let shared = work.clone();
        let script = move |request: &Request, _: &Scripted| answer(request, &mut shared.lock().unwrap());
        Self { server: Scripted::start_at(address, true, script).await, work }
    }

    /// One that has lost everything, where this one was.
    async fn open_again(&self) -> Self {
        Self::open_at(self.server.url.trim_start_matches("http://")).await
    }

    fn pending(&self) -> usize {
        self.work.lock().unwrap().pending.len()
    }

    fn submitted(&self) -> Vec<u64> {
        self.work.lock().unwrap().submitted.clone()
    }

    /// Finishes the prompt that runs, if there is one.
    fn finish(&self) {
        let mut work = self.work.lock().unwrap();
        if work.pending.is_empty() {
            return;
        }
        let (id, _) = work.pending.remove(0);
        let output = json!({ "images": [{ "filename": "x.png", "subfolder": "", "type": "output" }] });
        let status = json!({ "status_str": "success", "completed": true, "messages": [] });
        let entry = json!({ "outputs": { "save": output }, "status": status });
        work.history.insert(id.clone(), entry);
        self.server.say("execution_success", &json!({ "prompt_id": id }));
    }
}

fn answer(request: &Request, work: &mut Work) -> Response {
    match request.line.as_str() {
        "GET /system_stats" => Response::system_stats(),
        "GET /object_info" => Response::object_info(),
        "POST /prompt" => {
            let id = request.body["prompt_id"].as_str().unwrap().to_owned();
            let nodes = request.body["prompt"].as_object().unwrap();
            let made = nodes.values().find(|node| node["class_type"] == "EmptyImage").unwrap();
            let item = made["inputs"]["color"].as_u64().unwrap();
            work.submitted.push(item);
            work.pending.push((id.clone(), item));
            Response::json(&json!({ "prompt_id": id, "number": work.submitted.len(), "node_errors": {} }))
        }
        "GET /queue" => {
            let mut entries = work.pending.iter().map(|(id, _)| json!([1, id, {}, {}, []]));
            let running: Vec<Value> = entries.next().into_iter().collect();
            Response::json(&json!({ "queue_running": running, "queue_pending": entries.collect::<Vec<_>>() }))
        }
        "POST /queue" => {
            let ids = request.body["delete"].as_array().cloned().unwrap_or_default();
            work.pending.retain(|(id, _)| !ids.contains(&json!(id)));
            Response::status(200, "")
        }
        "POST /interrupt" => Response::status(200, ""),
        line if line.starts_with("GET /history/") => {
            let id = line.trim_start_matches("GET /history/");
            Response::json(&work.history.get(id).map_or_else(|| json!({}), |entry| json!({ id: entry })))
        }
        line if line.starts_with("GET /view?") => {
            Response { status: 200, header: "Content-Type: image/png", body: pixel() }
        }
        _ => Response::status(404, "<html>404</html>"),
    }
}

/// A workspace with these servers and a chain of so many items.
fn workspace(shops: &[&Shop], items: u64, chain: &str, server: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    let values: Vec<String> = (1..=items).map(|n| n.to_string()).collect();
    let text = format!(
        "kind = \"chain\"\nformat = 1\nname = \"fleet\"\nversion = \"1.0.0\"\n{chain}\n\
         [task.make]\ntype = \"graph\"\non = \"comfy\"\n[task.make.foreach]\nn = [{}]\n\
         [task.make.node.make.EmptyImage]\nwidth = 8\nheight = 8\nbatch_size = 1\ncolor = \"{{n}}\"\n\
         [task.make.node.save.SaveImage]\nimages = \"@make.IMAGE\"\nfilename_prefix = \"x\"\n\
         [task.make.outputs]\nimage = \"@save\"\n",
        values.join(", ")
    );
    std::fs::write(folder.path().join("pipelines/fleet.toml"), text).unwrap();
    let config = shops.iter().enumerate().map(|(number, shop)| {
        let name = char::from(b'a' + number as u8);
        format!("[server.{name}]\nurl = \"{}\"\n{server}\n", shop.server.url)
    });
    std::fs::write(folder.path().join("comfywright.toml"), config.collect::<String>()).unwrap();
    folder
}

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comfywright"));
    command.args(arguments).arg("--json").current_dir(folder);
    command
}

/// What a command that ends at once says.
async fn said(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = program(folder, arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// A run that goes on.
struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    reader: std::thread::JoinHandle<()>,
}

impl Running {
    fn begin(folder: &Path) -> Self {
        let mut command = program(folder, &["run", "fleet", "--events"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (lines, output) = (Arc::<Mutex<Vec<Value>>>::default(), child.stdout.take().unwrap());
        let mine = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let line = line.unwrap();
                mine.lock().unwrap().push(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}")));
            }
        });
        Self { child, lines, reader }
    }

    fn has_said(&self, server: &str, condition: &str) -> bool {
        let lines = self.lines.lock().unwrap();
        lines.iter().any(|e| e["event"] == "server" && e["server"] == server && e["condition"] == condition)
    }

    /// Waits until something is so; what happened until then, if it never is.
    async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        for _ in 0..3000 {
            if is_so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}: {:#?}", self.lines.lock().unwrap());
    }

    /// Lets the servers finish whatever they have until the run has ended. Its code, and its items by state.
    async fn end(mut self, shops: &[&Shop]) -> (Option<i32>, Value) {
        let code = loop {
            shops.iter().for_each(|shop| shop.finish());
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        self.reader.join().unwrap();
        let lines = self.lines.lock().unwrap();
        let finished = lines.iter().rfind(|line| line["event"] == "run_finished").cloned();
        (code, finished.map_or(Value::Null, |line| line["counts"].clone()))
    }
}

fn all(items: u64) -> BTreeSet<u64> {
    (1..=items).collect()
}

#[tokio::test]
async fn four_jobs_on_four_idle_servers_use_four() {
    let shops = [Shop::open().await, Shop::open().await, Shop::open().await, Shop::open().await];
    let shops: Vec<&Shop> = shops.iter().collect();
    let folder = workspace(&shops, 4, "", "");
    let run = Running::begin(folder.path());
    run.until("every server has one", || shops.iter().all(|shop| shop.pending() == 1)).await;
    assert_eq!(run.end(&shops).await, (Some(0), json!({ "done": 4 })));
    assert!(shops.iter().all(|shop| shop.submitted().len() == 1));
}

#[tokio::test]
async fn slots_prefetch_and_parallel_are_kept() {
    let shops = [Shop::open().await, Shop::open().await];
    let shops: Vec<&Shop> = shops.iter().collect();
    let folder = workspace(&shops, 12, "", "slots = 1\nprefetch = 3");
    let run = Running::begin(folder.path());
    run.until("both are full", || shops.iter().all(|shop| shop.pending() == 3)).await;
    assert_eq!(run.end(&shops).await, (Some(0), json!({ "done": 12 })));

    let folder = workspace(&shops, 12, "parallel = 3", "prefetch = 3");
    let run = Running::begin(folder.path());
    let pending = || shops.iter().map(|shop| shop.pending()).sum::<usize>();
    run.until("three are on their way", || pending() == 3).await;
    // Time for a fourth to be submitted, which must not happen.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(pending(), 3);
    assert_eq!(run.end(&shops).await, (Some(0), json!({ "done": 12 })));
}

#[tokio::test]
async fn what_is_with_a_server_that_dies_moves_and_nothing_is_lost() {
    let (dies, stays) = (Shop::open().await, Shop::open().await);
    let folder = workspace(&[&dies, &stays], 6, "", "dead_after = \"1s\"");
    let run = Running::begin(folder.path());
    run.until("both have work", || dies.pending() == 2 && stays.pending() == 2).await;
    dies.server.stop();
    run.until("it is given up", || run.has_said("a", "out_of_order")).await;
    assert_eq!(run.end(&[&stays]).await, (Some(0), json!({ "done": 6 })));
    let there = stays.submitted();
    assert_eq!((there.len(), there.iter().copied().collect::<BTreeSet<_>>()), (6, all(6)), "nothing ran twice");
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let (dies, stays) = (Shop::open().await, Shop::open().await);
    let folder = workspace(&[&dies, &stays], 8, "", "");
    let run = Running::begin(folder.path());
    run.until("both have work", || dies.pending() == 2 && stays.pending() == 2).await;
    dies.finish();
    run.until("the next one came", || dies.submitted().len() == 3).await;
    dies.server.stop();
    run.until("it is left alone", || run.has_said("a", "out_of_order")).await;
    let back = dies.open_again().await;
    run.until("it has work again", || back.pending() > 0).await;
    assert!(run.has_said("a", "answers"));
    assert_eq!(run.end(&[&back, &stays]).await, (Some(0), json!({ "done": 8 })));
    assert!(back.submitted().len() > 1, "after one that worked it gets more: {:?}", back.submitted());
    let done = [dies.submitted()[..1].to_vec(), back.submitted(), stays.submitted()].concat();
    assert_eq!((done.len(), done.into_iter().collect::<BTreeSet<_>>()), (8, all(8)), "nothing ran twice");
}

#[tokio::test]
async fn a_drained_server_finishes_what_it_has_and_gets_nothing_new() {
    let (out, stays) = (Shop::open().await, Shop::open().await);
    let folder = workspace(&[&out, &stays], 8, "", "tags = [\"big\"]");
    let run = Running::begin(folder.path());
    run.until("both have work", || out.pending() == 2 && stays.pending() == 2).await;
    let drained = said(folder.path(), &["drain", "a", "--reason", "new driver"]).await;
    assert_eq!(drained["data"], json!({ "server": "a", "changed": true }));
    run.until("the run has noticed", || run.has_said("a", "drained")).await;
    assert_eq!(run.end(&[&out, &stays]).await, (Some(0), json!({ "done": 8 })));
    assert_eq!((out.submitted().len(), stays.submitted().len()), (2, 6));

    let servers = said(folder.path(), &["servers"]).await;
    let [a, b] = [0, 1].map(|n| servers["data"]["servers"][n].clone());
    assert_eq!((&a["state"], &a["drained_reason"]), (&json!("drained"), &json!("new driver")));
    assert_eq!((&b["state"], &b["queue"], &b["tags"]), (&json!("in_use"), &json!(0), &json!(["big"])));
    let resumed = said(folder.path(), &["resume", "a"]).await;
    assert_eq!(resumed["data"], json!({ "server": "a", "changed": true }));
    let unknown = said(folder.path(), &["drain", "c"]).await;
    assert_eq!(unknown["ok"], json!(false));
}
