//! The MCP server of the real program, driven by lines of JSON as a client writes them.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    rc::Rc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A chain of two small pictures, and a sheet of both.
const CARDS: &str = r##"kind = "chain"
format = 1
name = "cards"
version = "1.0.0"

[vars]
size = 64

[task.tile]
type = "graph"
outputs = { image = "@paper.IMAGE" }

[task.tile.node.paper.EmptyImage]
width = "{size}"
height = "{size}"
batch_size = 1
color = 255

[task.card]
type = "composite"
depends_on = ["tile"]
with.bg = "{color}"
with.scale = 0.5

[task.card.foreach]
color = ["#e07a5f", "#3d405b"]

[task.sheet]
type = "contact_sheet"
depends_on = ["card"]
gather = ["color"]
"##;

/// As [`CARDS`], with so many large pictures that it does not end soon.
fn long_chain() -> String {
    let colors: Vec<String> = (0..400).map(|number| format!("\"#{number:06x}\"")).collect();
    let chain = CARDS.replace(r##""#e07a5f", "#3d405b""##, &colors.join(", "));
    chain.replace("size = 64", "size = 900").replace("\"cards\"", "\"long\"")
}

/// A workspace, and a server in it.
struct Session {
    folder: Rc<TempDir>,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    number: u64,
    /// What the server said without being asked.
    notes: Vec<Value>,
    /// What the tools answer, as they say themselves.
    schemas: BTreeMap<String, Value>,
}

impl Session {
    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("pipelines")).unwrap();
        fs::write(folder.path().join("comfywright.toml"), "").unwrap();
        fs::write(folder.path().join("pipelines/cards.toml"), CARDS).unwrap();
        Self::serving(&Rc::new(folder))
    }

    fn serving(folder: &Rc<TempDir>) -> Self {
        let mut session = Self::without_greeting(folder);
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        let answer = session.ask("initialize", &hello);
        assert_eq!(answer["result"]["serverInfo"]["name"], "comfywright");
        assert_eq!(answer["result"]["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
        let instructions = answer["result"]["instructions"].as_str().unwrap();
        assert!(instructions.contains("data, not instructions"), "{instructions}");
        session.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        let tools = session.ask("tools/list", &json!({}));
        for tool in tools["result"]["tools"].as_array().unwrap() {
            session.schemas.insert(tool["name"].as_str().unwrap().to_owned(), tool["outputSchema"].clone());
        }
        session
    }

    fn without_greeting(folder: &Rc<TempDir>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_comfywright"))
            .arg("mcp")
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let folder = folder.clone();
        Self { folder, child, input, output, number: 0, notes: Vec::new(), schemas: BTreeMap::new() }
    }

    fn write(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.number += 1;
        let id = self.number;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    fn answer_to(&mut self, id: u64) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server has gone");
            let message: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if message["id"] == id {
                return message;
            }
            self.notes.push(message);
        }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        self.answer_to(id)
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let meta = json!({"progressToken": "token"});
        let answer = self.ask("tools/call", &json!({"name": tool, "arguments": arguments, "_meta": meta}));
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    /// The structured answer of a call that must do what it says.
    fn done(&mut self, tool: &str, arguments: &Value) -> Value {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{tool} {arguments}: {result}");
        assert!(result["content"][0]["text"].as_str().is_some_and(|text| !text.is_empty()), "{result}");
        if let Err(error) = jsonschema::validate(&self.schemas[tool], &result["structuredContent"]) {
            panic!("{tool}: {error}: {result}");
        }
        result["structuredContent"].clone()
    }

    /// What a call that must not happen says.
    fn refused(&mut self, tool: &str, arguments: &Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool} {arguments}: {result}");
        assert!(result.get("structuredContent").is_none());
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Closes the server's input and waits for its end.
    fn end(mut self) -> Rc<TempDir> {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        self.output.read_line(&mut rest).unwrap();
        assert_eq!(rest, "", "nothing is said after the end");
        self.folder
    }
}

#[test]
fn tools_are_listed_the_same_every_time() {
    let mut session = Session::begin();
    let first = session.ask("tools/list", &json!({}));
    assert_eq!(first["result"]["tools"].as_array().unwrap().len(), 20);
    assert_eq!(session.ask("tools/list", &json!({}))["result"], first["result"]);
    for tool in first["result"]["tools"].as_array().unwrap() {
        for schema in ["inputSchema", "outputSchema"] {
            jsonschema::meta::validate(&tool[schema]).unwrap_or_else(|e| panic!("{}: {e}", tool["name"]));
        }
    }
    let unknown = session.ask("tools/call", &json!({"name": "validate_fil", "arguments": {}}));
    assert_eq!(unknown["error"]["code"], -32602);
    assert!(unknown["error"]["message"].as_str().unwrap().contains("did you mean `validate_file`?"));
    session.end();
}

/// The protocol of 2026-07-28 has no greeting: every request says what it needs to say.
#[test]
fn clients_without_a_session_are_served() {
    let begun = Session::begin();
    let folder = begun.end();
    let mut session = Session::without_greeting(&folder);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let found = session.ask("server/discover", &json!({"_meta": meta}));
    let versions = found["result"]["supportedVersions"].to_string();
    assert!(versions.contains("2026-07-28") && versions.contains("2025-11-25"), "{found}");
    let call = json!({"name": "list_files", "arguments": {}, "_meta": meta});
    let answer = session.ask("tools/call", &call);
    assert_eq!(answer["result"]["structuredContent"]["total"], 1, "{answer}");
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    session.end();
}

#[test]
fn a_document_is_listed_read_edited_validated_run_and_looked_at() {
    let mut session = Session::begin();
    let listed = session.done("list_files", &json!({}));
    assert_eq!(listed["files"][0]["document"], "cards@1.0.0");
    let read = session.done("read_file", &json!({"path": "pipelines/cards.toml"}));
    assert_eq!((&read["text"], &read["trusted"]), (&json!(CARDS), &json!(false)));

    let wrong = CARDS.replace("depends_on = [\"tile\"]", "depends_on = [\"tiel\"]");
    let edit = json!({"path": "pipelines/cards.toml", "content": wrong, "expected_hash": read["hash"]});
    let written = session.done("write_file", &edit);
    assert_eq!((&written["is_new"], &written["check"]["valid"]), (&json!(false), &json!(false)));
    let problem = &written["check"]["problems"][0];
    assert_eq!(problem["line"], 21, "{problem}");
    assert!(session.refused("run_file", &json!({"document": "cards"})).contains("tiel"));
    let mended = json!({"path": "pipelines/cards.toml", "content": CARDS, "expected_hash": written["hash"]});
    assert_eq!(session.done("write_file", &mended)["check"]["valid"], true);
    assert_eq!(session.done("write_file", &mended)["unchanged"], true, "a repeated call is no conflict");
    assert_eq!(session.done("validate_file", &json!({"path": "pipelines/cards.toml"}))["valid"], true);
    assert_eq!(session.done("validate_file", &json!({}))["errors"], 0);

    let planned = session.done("plan_file", &json!({"document": "cards", "set": {"size": 32}, "only": "card"}));
    assert_eq!((&planned["items"], &planned["tasks"][1]["items"]), (&json!(3), &json!(2)));
    let begun = session.done("run_file", &json!({"document": "cards", "set": {"size": 640}}));
    let seen = session.call("get_run", &json!({"run_id": begun["run_id"], "wait": 25}));
    let status = &seen["structuredContent"];
    assert_eq!((&status["state"], &status["active"]), (&json!("complete"), &json!(false)), "{seen}");
    assert_eq!((&status["counts"], &status["results_total"]), (&json!({"done": 4}), &json!(4)));
    assert!(status["results"][0]["path"].as_str().unwrap().contains("/sheet/"), "the last task comes first");
    let progress: Vec<f64> = session.notes.iter().map(|n| n["params"]["progress"].as_f64().unwrap()).collect();
    assert!(progress.is_sorted_by(|a, b| a < b), "{progress:?}");

    let blocks = seen["content"].as_array().unwrap();
    assert_eq!(blocks.iter().filter(|b| b["type"] == "image").count(), 4);
    assert_eq!(blocks.iter().filter(|b| b["type"] == "resource_link").count(), 4);
    let picture = STANDARD.decode(blocks[1]["data"].as_str().unwrap()).unwrap();
    assert!(picture.starts_with(b"RIFF") && blocks[1]["mimeType"] == "image/webp");
    let (width, height) = comfywright::imagefile::size(&picture).unwrap();
    assert!(width.max(height) <= 512 && width.min(height) > 0);

    let link = blocks.iter().find(|b| b["type"] == "resource_link").unwrap();
    let resource = session.ask("resources/read", &json!({"uri": link["uri"]}));
    let blob = STANDARD.decode(resource["result"]["contents"][0]["blob"].as_str().unwrap()).unwrap();
    assert_eq!(blob, fs::read(session.path(status["results"][0]["path"].as_str().unwrap())).unwrap());
    let path = &status["results"][1]["path"];
    let looked = session.call("read_file", &json!({"path": path, "full_size": true}));
    assert_eq!(looked["structuredContent"]["made_by"]["document"], "cards");
    assert_eq!(
        (&looked["content"][1]["mimeType"], &looked["structuredContent"]["width"]),
        (&json!("image/png"), &json!(640))
    );
    let listed = session.ask("resources/list", &json!({}));
    assert_eq!(listed["result"]["resources"].as_array().unwrap().len(), 5, "the document and its results");
    session.end();
}

#[test]
fn differences_and_what_they_mean_for_runs() {
    let mut session = Session::begin();
    let run = |session: &mut Session, size: u32| {
        let begun = session.done("run_file", &json!({"document": "cards", "set": {"size": size}}));
        session.done("get_run", &json!({"run_id": begun["run_id"], "wait": 25}));
        begun["run_id"].clone()
    };
    let first = run(&mut session, 64);
    fs::write(
        session.path("pipelines/other.toml"),
        CARDS.replace("scale = 0.5", "scale = 0.25").replace("1.0.0", "1.1.0"),
    )
    .unwrap();
    let arguments = json!({"before": "pipelines/cards.toml", "after": "pipelines/other.toml"});
    let told = session.done("diff_files", &arguments);
    let document = &told["documents"][0];
    assert_eq!((&told["differs"], &document["changes"][1]["path"]), (&json!(true), &json!("task.card.with.scale")));
    assert_eq!((&told["items_to_make"], &told["already_made"], &told["to_run"]), (&json!(3), &json!(1), &json!(3)));
    assert!(told["seconds"].as_f64().is_some(), "{told}");
    let same = session.done("diff_files", &json!({"before": "cards@1.0.0", "after": "pipelines/cards.toml"}));
    assert_eq!((&same["differs"], &same["documents"]), (&json!(false), &json!([])));

    let explained = session.done("explain", &json!({"run_id": first, "item": "tile"}));
    assert_eq!((explained.get("earlier_run"), &explained["changes"]), (None, &json!([])));
    let second = run(&mut session, 65);
    let explained = session.done("explain", &json!({"run_id": second, "item": "tile"}));
    assert_eq!(explained["earlier_run"], first);
    let parts = explained["changes"].as_array().unwrap();
    assert!(parts.iter().any(|p| (&p["before"], &p["now"]) == (&json!("64"), &json!("65"))), "{explained}");
    session.end();
}

/// A test is made as a file; its samples are made by a batch, as they are handed over; what somebody says of them
/// decides it.
#[test]
fn an_ab_test_is_made_its_samples_come_back_and_it_is_decided() {
    let mut session = Session::begin();
    let photos = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/photos/coffee.jpg");
    fs::copy(photos, session.path("pipelines/coffee.jpg")).unwrap();
    let preset = include_str!("../../pipelines/enlarge.toml").replace("../fixtures/photos/", "");
    let file = json!({"path": "pipelines/enlarge.toml", "content": preset});
    assert_eq!(session.done("write_file", &file)["check"]["valid"], true);
    let test = json!({"test_name": "Methods of enlarging", "base_prompt": "{method}", "preset": "enlarge@1",
        "variations": [{"method": "bilinear"}, {"name": "sharp", "method": "lanczos"}], "samples_per_variation": 6,
        "metric": "beauty"});
    assert!(session.refused("create_prompt_ab_test", &test).contains("nothing measures `beauty`"));
    let mut test = test;
    test["metric"] = json!("sharpness");
    let made = session.done("create_prompt_ab_test", &test);
    assert_eq!((&made["test_id"], &made["most_generations"]), (&json!("methods-of-enlarging"), &json!(12)));
    assert!(made["minimum_detectable_effect"].as_f64().is_some_and(|effect| effect > 0.0 && effect < 1.0), "{made}");
    let early = session.refused("analyze_ab_test_results", &json!({"test_id": made["test_id"]}));
    assert!(early.contains("nothing was made"), "{early}");

    let prompts = &made["test_prompts"];
    assert_eq!((&prompts[0]["id"], &prompts[1]["id"]), (&json!("bilinear_1"), &json!("sharp_1")));
    assert_eq!((&prompts[1]["with"]["method"], &prompts[1]["with"]["seed"]), (&json!("lanczos"), &json!(1)));
    let batch = json!({"operation_name": "samples", "tasks": prompts});
    let begun = session.done("coordinate_batch_operation", &batch);
    session.done("get_run", &json!({"run_id": begun["run_id"], "wait": 25}));
    let decided = session.done("analyze_ab_test_results", &json!({"test_id": made["test_id"]}));
    assert_eq!((&decided["outcome"], &decided["winner"]), (&json!("winner"), &json!("sharp")), "{decided}");
    assert_eq!((&decided["made"], decided.get("run_id")), (&json!(12), None), "the batch made them: {decided}");

    // By the test itself, nothing is made again.
    let begun = session.done("run_file", &json!({"document": "methods-of-enlarging"}));
    let status = session.done("get_run", &json!({"run_id": begun["run_id"], "wait": 25}));
    assert!(status["counts"]["done"].is_null() && status["counts"]["reused"].is_u64(), "{status}");
    let by_run = session.done("analyze_ab_test_results", &json!({"test_id": "methods-of-enlarging"}));
    assert_eq!((&by_run["run_id"], &by_run["winner"]), (&begun["run_id"], &json!("sharp")));
    assert_eq!(by_run["variations"], decided["variations"]);

    let path = &status["results"][0]["path"];
    let said = json!({"prompt_id": path, "metrics": {"beauty": 0.75}, "user_rating": 4, "tags": ["crisp"]});
    let tracked = session.done("track_generation_metrics", &said);
    assert_eq!((&tracked["metrics"]["beauty"], &tracked["metrics"]["rating"]), (&json!(0.75), &json!(0.75)));
    for (wrong, told) in [
        (json!({"prompt_id": path, "metrics": {"beauty": 7}}), "from 0 to 1"),
        (json!({"prompt_id": path, "user_rating": 6}), "from 1 to 5"),
        (json!({"prompt_id": path}), "nothing is said"),
        (json!({"prompt_id": "nothing-like-it", "user_rating": 3}), "no output is known"),
    ] {
        let refused = session.refused("track_generation_metrics", &wrong);
        assert!(refused.contains(told), "{wrong}: {refused}");
    }
    session.end();
}

#[test]
fn wrong_arguments_are_told_with_what_was_meant() {
    let mut session = Session::begin();
    for (tool, arguments, expected) in [
        ("plan_file", json!({"documnet": "cards"}), "unknown argument `documnet`, did you mean `document`?"),
        ("plan_file", json!({}), "missing argument `document`: A chain or preset"),
        ("get_run", json!({"wait": "long"}), "argument `wait` must be a whole number, not \"long\""),
        ("run_file", json!({"document": "cadrs"}), "there is no document \"cadrs\"; did you mean \"cards\"?"),
        ("run_file", json!({"document": "cards", "set": {"siez": 1}}), "did you mean size?"),
        ("run_file", json!({"document": "cards", "servers": ["gpu"]}), "there is no server \"gpu\""),
        ("run_file", json!({"document": "cards", "seeds": {"from": 2, "to": 1}}), "larger than the last"),
        ("read_file", json!({"path": "pipelines/card.toml"}), "did you mean `pipelines/cards.toml`?"),
        ("get_run", json!({}), "nothing has been run"),
        ("save_workflow_preset", json!({"name": "x"}), "one of `graph` and `graph_file`"),
        ("import_workflow", json!({"file": "pipelines/cards.toml"}), "carries no graph of ComfyUI"),
        ("import_workflow", json!({"file": "pipelines/card.toml"}), "did you mean `pipelines/cards.toml`?"),
        ("diff_files", json!({"before": "cards"}), "`before` and `after`, or `git` alone"),
        ("diff_files", json!({"before": "cards", "after": "cards@2"}), "there is 1.0.0"),
        ("diff_files", json!({"git": "main"}), "is in no repository"),
        ("explain", json!({"run_id": "last"}), "missing argument `item`"),
        ("explain", json!({"run_id": "last", "item": "tile"}), "nothing has been run"),
    ] {
        let told = session.refused(tool, &arguments);
        assert!(told.contains(expected), "{tool} {arguments}: {told}");
    }
    assert!(!session.path(".comfywright").exists(), "nothing was run");
    session.end();
}

#[test]
fn nothing_outside_the_documents_can_be_reached() {
    let mut session = Session::begin();
    for (path, text) in [(".git/config.toml", "secret"), (".comfywright/x.json", "secret"), ("key.pem", "secret")] {
        fs::create_dir_all(session.path(path).parent().unwrap()).unwrap();
        fs::write(session.path(path), text).unwrap();
    }
    fs::write(session.path("pipelines/graph.json"), graph().to_string()).unwrap();
    let mut paths = vec!["../x.toml", "pipelines/../../x.toml", "/etc/hosts.txt", ".git/config.toml", "key.pem"];
    paths.extend(["pipelines\\..\\..\\x.toml", ".comfywright/x.json", "./.git/config.toml", "pipelines/\u{0}.toml"]);
    if cfg!(unix) {
        links(&session.path("pipelines"));
        paths.extend(["pipelines/outer/hosts.txt", "pipelines/inner/config.toml", "pipelines/config.toml"]);
    }
    for path in paths {
        for (tool, arguments) in [
            ("read_file", json!({"path": path})),
            ("validate_file", json!({"path": path})),
            ("plan_file", json!({"document": path})),
            ("run_file", json!({"document": path})),
            ("write_file", json!({"path": path, "content": "a = 1\n"})),
            ("save_workflow_preset", json!({"name": "x", "path": path, "graph": graph()})),
            ("save_workflow_preset", json!({"name": "x", "graph_file": path})),
            ("import_workflow", json!({"file": path})),
            ("import_workflow", json!({"file": "pipelines/graph.json", "path": path, "name": "x"})),
            ("diff_files", json!({"before": path, "after": "pipelines/cards.toml"})),
            ("diff_files", json!({"before": "cards", "after": path})),
        ] {
            let told = session.refused(tool, &arguments);
            assert!(!told.contains("secret"), "{tool} {path}: {told}");
        }
        let resource = session.ask("resources/read", &json!({"uri": format!("comfywright://workspace/{path}")}));
        assert!(resource.get("error").is_some(), "{path}: {resource}");
    }
    for path in ["comfywright.toml", "outputs/x.toml", "pipelines/x.sh", "pipelines/.x.toml", "x.csv"] {
        session.refused("write_file", &json!({"path": path, "content": "a = 1\n"}));
    }
    for glob in ["**", ".git/**", "**/.git/*", "../**", "**/*.pem"] {
        let listed = session.call("list_files", &json!({"glob": glob})).to_string();
        assert!(!listed.contains("config.toml") && !listed.contains("key.pem"), "{glob}: {listed}");
    }
    let folder = session.end();
    assert_eq!(fs::read_to_string(folder.path().join(".git/config.toml")).unwrap(), "secret");
    assert!(!folder.path().parent().unwrap().join("x.toml").exists());
}

/// What a client may not read itself it does not read through a document, either.
#[test]
fn documents_reach_no_further_than_clients() {
    let mut session = Session::begin();
    fs::write(session.path(".env"), "key\nsecret\n").unwrap();
    fs::write(session.path("key.pem"), "key\nsecret\n").unwrap();
    fs::write(session.path("pipelines/key.csv"), "key\nharmless\n").unwrap();
    for (name, is_open) in [("../.env", false), ("../key.pem", false), ("key.csv", true)] {
        let values = format!("{{ csv = \"{name}\", column = \"key\" }}");
        let chain = CARDS
            .replace(r##"["#e07a5f", "#3d405b"]"##, &values)
            .replace("with.bg = \"{color}\"", "with.bg = \"#ff0000\"");
        fs::write(session.path("pipelines/cards.toml"), chain).unwrap();
        let checked = session.done("validate_file", &json!({"path": "pipelines/cards.toml"}));
        let is_closed = checked.to_string().contains("closed to clients");
        assert_eq!((is_closed, checked.to_string().contains("secret")), (!is_open, false), "{name}: {checked}");
        if !is_open {
            assert!(session.refused("run_file", &json!({"document": "cards"})).contains("closed to clients"));
        }
    }
    session.end();
}

/// Neither do the processes that work on the runs of clients.
#[test]
fn runs_reach_no_further_than_clients() {
    let mut session = Session::begin();
    let picture = session.done("run_file", &json!({"document": "cards", "only": "tile"}));
    let made = session.done("get_run", &json!({"run_id": picture["run_id"], "wait": 25}));
    let picture = session.path(made["results"][0]["path"].as_str().unwrap());
    fs::create_dir(session.path(".closed")).unwrap();
    fs::copy(&picture, session.path(".closed/b.png")).unwrap();
    fs::copy(&picture, session.path("pipelines/a.png")).unwrap();
    let head = CARDS.split("[vars]").next().unwrap();
    let paths = "[task.photo.foreach]\npath = [\"a.png\", \"../.closed/b.png\"]\n";
    let chain = format!("{head}\n[task.photo]\ntype = \"load\"\nwith.path = \"{{path}}\"\n{paths}");
    fs::write(session.path("pipelines/photos.toml"), chain.replace("\"cards\"", "\"photos\"")).unwrap();
    let told = session.call("run_file", &json!({"document": "photos"}));
    if told["isError"] == false {
        let seen = session.done("get_run", &json!({"run_id": told["structuredContent"]["run_id"], "wait": 25}));
        assert_eq!(seen["counts"], json!({"done": 1, "failed": 1}), "{seen}");
        assert!(seen["failures"].to_string().contains("closed to clients"), "{seen}");
    } else {
        assert!(told.to_string().contains("closed to clients"), "{told}");
    }
    session.end();
}

/// Kills the process that works on a run, as a crash does.
#[cfg(unix)]
fn kill(session: &Session, run: &Value) {
    let path = format!(".comfywright/locks/{}.lock", run.as_str().unwrap());
    // The process writes its number once it has the lock.
    let number = || fs::read_to_string(session.path(&path)).ok().filter(|number| !number.is_empty());
    let process = loop {
        match number() {
            Some(process) => break process,
            None => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    };
    assert!(Command::new("kill").args(["-9", &process]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn runs_outlive_the_client_and_the_server() {
    let mut first = Session::begin();
    fs::write(first.path("pipelines/long.toml"), long_chain()).unwrap();
    let begun = first.done("run_file", &json!({"document": "long"}));
    let run = &begun["run_id"];
    let mut second = Session::serving(&first.folder);
    let seen = second.done("get_run", &json!({"wait": 1}));
    assert_eq!((&seen["run_id"], &seen["active"]), (run, &json!(true)));
    assert_eq!(second.done("run_file", &json!({"document": "long"}))["already_running"], true);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let seen = second.done("get_run", &json!({"run_id": run, "wait": 1}));
    assert_eq!(
        (&seen["state"], &seen["active"]),
        (&json!("running"), &json!(true)),
        "the server is gone, the run is not"
    );

    kill(&second, run);
    let seen = second.call("get_run", &json!({"run_id": run, "wait": 25}));
    assert_eq!(seen["structuredContent"]["active"], false);
    assert!(seen["content"][0]["text"].as_str().unwrap().contains("broken off"), "{seen}");
    assert_eq!(second.done("run_file", &json!({"document": "long"}))["continued"], true);
    let folder = second.end();

    // A server that knows nothing of all that ends it, and a command line sees it.
    let mut third = Session::serving(&folder);
    let cancelled = third.done("cancel_run", &json!({"run_id": run}));
    assert_eq!((&cancelled["cancelled"], &cancelled["state"]), (&json!(true), &json!("cancelled")));
    let mut command = Command::new(env!("CARGO_BIN_EXE_comfywright"));
    let status = command.args(["status", "--json"]).current_dir(folder.path()).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&status["data"]["run"], &status["data"]["state"]), (run, &json!("cancelled")));
    third.end();
}

#[cfg(unix)]
#[test]
fn a_run_that_broke_off_is_cancelled_without_a_process() {
    let mut session = Session::begin();
    fs::write(session.path("pipelines/long.toml"), long_chain()).unwrap();
    let begun = session.done("run_file", &json!({"document": "long"}));
    kill(&session, &begun["run_id"]);
    while session.done("get_run", &json!({"run_id": begun["run_id"]}))["active"] == true {}
    let cancelled = session.done("cancel_run", &json!({"run_id": begun["run_id"]}));
    assert_eq!((&cancelled["cancelled"], &cancelled["state"]), (&json!(true), &json!("cancelled")));
    let again = session.done("run_file", &json!({"document": "long"}));
    assert_ne!(again["run_id"], begun["run_id"], "a run that was given up is not gone on with");
    session.done("cancel_run", &json!({"run_id": again["run_id"]}));
    session.end();
}

#[cfg(unix)]
fn links(folder: &Path) {
    for (to, name) in [("/etc", "outer"), ("../.git", "inner"), ("../.git/config.toml", "config.toml")] {
        std::os::unix::fs::symlink(to, folder.join(name)).unwrap();
    }
}

#[cfg(not(unix))]
fn links(_: &Path) {}

#[test]
fn writes_compare_the_hash_and_refuse_what_cannot_be_read() {
    let mut session = Session::begin();
    let path = "pipelines/cards.toml";
    let read = session.done("read_file", &json!({"path": path}));
    fs::write(session.path(path), CARDS.replace("64", "65")).unwrap();
    let stale = json!({"path": path, "content": "kind = \"chain\"\n", "expected_hash": read["hash"]});
    assert!(session.refused("write_file", &stale).contains("somebody changed it"));
    assert!(session.refused("write_file", &json!({"path": path, "content": ""})).contains("there already"));
    let odd = json!({"path": path, "content": "", "expected_hash": "12"});
    assert!(session.refused("write_file", &odd).contains("64 hexadecimal digits"));
    for (name, content) in [("a.toml", "a = \n"), ("a.kdl", "a {"), ("a.json", "[1,]")] {
        let told = session.refused("write_file", &json!({"path": format!("pipelines/{name}"), "content": content}));
        assert!(told.starts_with("nothing was written:") && told.contains(":1:"), "{told}");
        assert!(!session.path(&format!("pipelines/{name}")).exists());
    }
    let table = session.done("write_file", &json!({"path": "pipelines/data/q.csv", "content": "sku\nA1\n"}));
    assert_eq!((&table["is_new"], table.get("check")), (&json!(true), None));
    assert_eq!(fs::read_to_string(session.path(path)).unwrap(), CARDS.replace("64", "65"));
    session.end();
}

#[test]
fn a_run_is_cancelled_and_then_begun_anew() {
    let mut session = Session::begin();
    fs::write(session.path("pipelines/long.toml"), long_chain()).unwrap();
    let begun = session.done("run_file", &json!({"document": "long"}));
    let again = session.done("run_file", &json!({"document": "long"}));
    assert_eq!((&again["run_id"], &again["already_running"]), (&begun["run_id"], &json!(true)));
    let running = session.done("get_run", &json!({"run_id": begun["run_id"], "wait": 1}));
    assert_eq!((&running["state"], &running["active"]), (&json!("running"), &json!(true)), "still running is no error");
    let cancelled = session.done("cancel_run", &json!({"run_id": begun["run_id"]}));
    assert_eq!((&cancelled["cancelled"], &cancelled["state"]), (&json!(true), &json!("cancelled")));
    let twice = session.done("cancel_run", &json!({"run_id": begun["run_id"]}));
    assert_eq!((&twice["cancelled"], &twice["state"]), (&json!(false), &json!("cancelled")));
    let new = session.done("run_file", &json!({"document": "long", "only": "tile"}));
    assert_ne!(new["run_id"], begun["run_id"]);
    session.done("get_run", &json!({"run_id": new["run_id"], "wait": 25}));
    session.end();
}

/// The tasks of a small catalogue, as a client gives them.
fn catalogue() -> Value {
    let node = json!({"paper": {"EmptyImage": {"width": "{size}", "height": 48, "batch_size": 1, "color": 4_210_752}}});
    let paper = json!({"node": node, "outputs": {"image": "@paper.IMAGE"}, "foreach": {"size": [40, 48, 56, 64]}});
    let mut generate = json!({"id": "generate", "type": "graph"});
    paper.as_object().unwrap().iter().for_each(|(key, value)| generate[key] = value.clone());
    json!([
        generate,
        {"id": "upscale", "type": "upscale", "depends_on": ["generate"], "with": {"scale": 2}},
        {"id": "soft", "type": "adjust", "with": {"blur": 2}},
        {"id": "sheet", "type": "contact_sheet", "depends_on": ["upscale"], "gather": ["size"],
         "with": {"images": "@upscale.image"}},
    ])
}

#[test]
fn tasks_become_a_chain_that_is_carried_out() {
    let mut session = Session::begin();
    let arguments = json!({
        "operation_name": "Product catalog Q4", "tasks": catalogue(), "optimization_mode": "critical_path",
        "dependencies": {"soft": ["generate"], "sheet": ["upscale", "soft"]},
    });
    let made = session.done("create_batch_dependency_chain", &arguments);
    assert_eq!((&made["path"], &made["check"]["errors"]), (&json!("pipelines/product-catalog-q4.toml"), &json!(0)));
    assert_eq!(made["operation_name"], "Product catalog Q4");
    assert_eq!(made["waves"], json!([["generate"], ["upscale", "soft"], ["sheet"]]));
    assert_eq!(made["critical_path"][0], "generate");
    assert_eq!(made["tasks"][0]["items"], 4);
    let bottlenecks = made["bottlenecks"].to_string();
    assert!(bottlenecks.contains("waits for all of upscale, soft"), "{bottlenecks}");
    assert!(made["mermaid"].as_str().unwrap().starts_with("flowchart"), "{made}");
    insta::assert_snapshot!(fs::read_to_string(session.path("pipelines/product-catalog-q4.toml")).unwrap());
    let again = session.done("create_batch_dependency_chain", &arguments);
    assert_eq!(again["hash"], made["hash"]);

    let run = json!({"operation_name": "Product catalog Q4", "parallel_limit": 1, "checkpoint_interval": 3,
                     "tasks": [{"id": "sheet"}, {"id": "soft", "type": "adjust", "with": {"blur": 2}}]});
    let begun = session.done("coordinate_batch_operation", &run);
    assert_eq!((&begun["items"], &begun["path"]), (&json!(13), &made["path"]));
    let seen = session.done("get_run", &json!({"run_id": begun["run_id"], "wait": 25}));
    assert_eq!((&seen["state"], &seen["counts"]), (&json!("complete"), &json!({"done": 13})), "{seen}");
    let list = session.path(begun["folder"].as_str().unwrap()).join("results.jsonl");
    let lines = fs::read_to_string(list).unwrap();
    let items: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(items.len(), 13);
    let first = &items[0];
    assert_eq!((&first["event"], &first["state"]), (&json!("item_finished"), &json!("done")), "{first}");
    assert!(session.path(first["files"][0].as_str().unwrap()).exists());

    let anew = json!({"operation_name": "product-catalog-q4", "resume_on_failure": false});
    let other = session.done("coordinate_batch_operation", &anew);
    assert_ne!(other["run_id"], begun["run_id"]);
    session.done("get_run", &json!({"run_id": other["run_id"], "wait": 25}));
    session.end();
}

#[test]
fn batches_that_cannot_be_are_refused() {
    let mut session = Session::begin();
    let chain = |tasks: Value, dependencies: Value| json!({"operation_name": "odd", "tasks": tasks, "dependencies": dependencies});
    let two = json!([{"id": "a", "type": "load", "path": "x.png"}, {"id": "b", "type": "adjust", "depends_on": ["a"]}]);
    for (arguments, expected) in [
        (chain(two.clone(), json!({"a": ["b"]})), "tasks wait for each other: a -> b -> a"),
        (chain(two.clone(), json!({"a": ["c"]})), "names the task `c`, which is not among the tasks"),
        (chain(two.clone(), json!({"bb": ["a"]})), "`dependencies` names the task `bb`"),
        (chain(json!([]), json!({})), "there are no tasks"),
        (chain(json!([{"id": "a", "type": "enhnce"}]), json!({})), "did you mean `enhance`?"),
        (chain(json!([{"id": "a b", "type": "load"}]), json!({})), "such as `a_b`"),
    ] {
        let told = session.refused("create_batch_dependency_chain", &arguments);
        assert!(told.contains(expected), "{arguments}: {told}");
    }
    assert!(!session.path("pipelines/odd.toml").exists(), "nothing was written");
    let unknown = session.refused("coordinate_batch_operation", &json!({"operation_name": "nothing"}));
    assert!(unknown.contains("give its tasks"), "{unknown}");
    let zero = json!({"operation_name": "cards", "parallel_limit": 0});
    assert!(session.refused("coordinate_batch_operation", &zero).contains("at least 1"));
    let other = json!({"operation_name": "cards", "tasks": [{"id": "card", "type": "resize"}]});
    assert!(
        session.refused("coordinate_batch_operation", &other).contains("is not as pipelines/cards.toml has it: type")
    );
    session.end();
}

/// The rules of the original description become a chain that is right, whether the model behind `nsfw` is
/// here or not; others are carried out.
#[test]
fn rules_in_words_are_carried_out() {
    let mut session = Session::begin();
    let rules = json!({"if_quality < 0.8": "enhance", "if_nsfw_detected": "skip", "if_error": "retry_once"});
    let routed = session.done("conditional_batch_routing", &json!({"tasks": catalogue(), "routing_rules": rules}));
    assert_eq!(routed["rules"][0]["route"], json!({"if": "quality < 0.8", "to": "enhance"}));
    assert_eq!(routed["rules"][1]["route"], json!({"if": "nsfw > 0.5", "to": "@skip"}));
    assert_eq!(routed["rules"][2]["route"], json!({"on": "error", "to": "@retry", "times": 1}));
    let made = json!({"operation_name": "judged", "tasks": routed["tasks"], "dependencies": {"soft": ["generate"]}});
    let made = session.done("create_batch_dependency_chain", &made);
    assert_eq!(made["check"]["errors"], 0, "{made}");

    let rules = json!({"if_width < 50": "enhance", "if_width > 60": "skip", "if_error": "retry_once"});
    let tasks = json!([catalogue()[0], catalogue()[1], catalogue()[3]]);
    let routed = session.done("conditional_batch_routing", &json!({"tasks": tasks, "routing_rules": rules}));
    let begun =
        session.done("coordinate_batch_operation", &json!({"operation_name": "wide", "tasks": routed["tasks"]}));
    let seen = session.done("get_run", &json!({"run_id": begun["run_id"], "wait": 25}));
    assert_eq!(seen["state"], "complete", "{seen}");
    // Of four sizes two are enhanced, one goes on as it is, one is skipped with what needs it.
    let tasks = &seen["tasks"];
    assert_eq!((&tasks["enhance"]["done"], &tasks["generate"]["skipped"]), (&json!(2), &json!(1)), "{seen}");
    assert_eq!((&tasks["upscale"]["done"], &tasks["upscale"]["skipped"]), (&json!(3), &json!(1)), "{seen}");
    let refused = json!({"tasks": tasks_of(), "routing_rules": {"if_qualty < 0.8": "enhance"}});
    assert!(session.refused("conditional_batch_routing", &refused).contains("did you mean `if_quality < 0.8`?"));
    session.end();
}

fn tasks_of() -> Value {
    json!([{"id": "a", "type": "load"}])
}

fn graph() -> Value {
    json!({
        "1": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
        "2": {"class_type": "ImageBlur", "_meta": {"title": "Soft {one}"},
              "inputs": {"image": ["1", 0], "blur_radius": 3, "sigma": 1.5}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "{x}"}},
    })
}

#[test]
fn a_workflow_becomes_a_preset_that_can_be_run() {
    let mut session = Session::begin();
    let params = json!({"photo": {"node": "1", "input": "image", "required": true}, "radius": {"node": "2", "input": "blur_radius"}});
    let save =
        json!({"name": "soft", "title": "Soft", "graph": graph(), "params": params, "outputs": {"image": "2.IMAGE"}});
    let saved = session.done("save_workflow_preset", &save);
    assert_eq!((&saved["path"], &saved["check"]["errors"]), (&json!("pipelines/soft.toml"), &json!(0)), "{saved}");
    let text = fs::read_to_string(session.path("pipelines/soft.toml")).unwrap();
    insta::assert_snapshot!(text);
    assert_eq!(session.done("save_workflow_preset", &save)["unchanged"], true);
    let mut other = save.clone();
    other["title"] = json!("Softer");
    assert!(session.refused("save_workflow_preset", &other).contains("there already"));
    other["expected_hash"] = saved["hash"].clone();
    assert_eq!(session.done("save_workflow_preset", &other)["is_new"], false);

    session.done("run_file", &json!({"document": "cards"}));
    let made = session.done("get_run", &json!({"wait": 25, "task": "tile"}));
    let photo = format!("../{}", made["results"][0]["path"].as_str().unwrap());
    let begun = session.done("run_file", &json!({"document": "soft", "set": {"photo": photo, "radius": 1}}));
    let seen = session.done("get_run", &json!({"run_id": begun["run_id"], "wait": 25}));
    assert_eq!((&seen["state"], &seen["results_total"]), (&json!("complete"), &json!(1)), "{seen}");

    for (change, expected) in [
        (json!({"name": "Soft"}), "no name for a document"),
        (json!({"name": "other", "version": "1"}), "`1` is no version"),
        (json!({"name": "other", "params": {"x": {"node": "77", "input": "y"}}}), "no node `77`"),
        (
            json!({"name": "other", "params": {"x": {"nod": "1"}}}),
            "unknown argument `params.x.nod`, did you mean `node`?",
        ),
        (json!({"name": "other", "graph": {"nodes": []}}), "editor's own format"),
    ] {
        let mut arguments = save.clone();
        change.as_object().unwrap().iter().for_each(|(key, value)| arguments[key] = value.clone());
        let told = session.refused("save_workflow_preset", &arguments);
        assert!(told.contains(expected), "{change}: {told}");
    }
    session.end();
}

#[test]
fn a_file_of_the_workspace_becomes_a_preset() {
    let mut session = Session::begin();
    fs::write(session.path("pipelines/graph.json"), graph().to_string()).unwrap();
    let import = json!({"file": "pipelines/graph.json", "name": "soft"});
    let made = session.done("import_workflow", &import);
    assert_eq!(
        (&made["path"], &made["is_new"], &made["check"]["errors"]),
        (&json!("pipelines/soft.toml"), &json!(true), &json!(0))
    );
    assert_eq!((&made["params"], &made["outputs"]), (&json!(["image"]), &json!(["image"])));
    let text = fs::read_to_string(session.path("pipelines/soft.toml")).unwrap();
    assert!(text.contains("[node.image.LoadImage]"), "{text}");
    assert_eq!(session.done("import_workflow", &import)["unchanged"], true);

    // Another preset over it, with the graph in a file of its own; only over what was read.
    let mut kept = import.clone();
    kept["keep_workflow"] = json!(true);
    assert!(session.refused("import_workflow", &kept).contains("there already"));
    assert!(!session.path("pipelines/graphs").exists(), "nothing was written");
    kept["expected_hash"] = made["hash"].clone();
    assert_eq!(session.done("import_workflow", &kept)["is_new"], false);
    let workflow: Value =
        serde_json::from_slice(&fs::read(session.path("pipelines/graphs/soft.json")).unwrap()).unwrap();
    assert_eq!(workflow, graph());

    // What a run made gives its preset back.
    session.done("run_file", &json!({"document": "cards"}));
    let results = session.done("get_run", &json!({"wait": 25, "task": "tile"}));
    let photo = format!("../{}", results["results"][0]["path"].as_str().unwrap());
    let begun = session.done("run_file", &json!({"document": "soft", "set": {"image": photo}}));
    let seen = session.done("get_run", &json!({"run_id": begun["run_id"], "wait": 25}));
    let back = json!({"file": seen["results"][0]["path"], "name": "back", "path": "pipelines/back.kdl"});
    let back = session.done("import_workflow", &back);
    assert_eq!(back["made_with"]["image"], json!(photo), "{back}");
    assert!(session.path("pipelines/back.kdl").is_file() && session.path("pipelines/graphs/back.json").is_file());

    fs::write(session.path("pipelines/broken.json"), "{\n  \"1\": }").unwrap();
    let told = session.refused("import_workflow", &json!({"file": "pipelines/broken.json"}));
    assert!(told.starts_with("pipelines/broken.json:2:8: error[json-syntax]"), "{told}");
    session.end();
}

/// A detector that finds red squares, a picture with one, and masks of it by words and by layers.
#[test]
fn masks_are_made_by_words_and_of_layers() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("comfywright.toml"), "[store]\nmodels = \"cache\"\n").unwrap();
    let mut picture = image::RgbImage::from_pixel(256, 256, image::Rgb([128, 128, 128]));
    (32..128).for_each(|y| (64..160).for_each(|x| picture.put_pixel(x, y, image::Rgb([230, 20, 30]))));
    picture.save(folder.path().join("square.png")).unwrap();
    let mut session = Session::serving(&Rc::new(folder));
    let words = |prompt: &str| json!({"image_path": "square.png", "semantic_prompt": prompt});
    let refused = session.refused("generate_semantic_mask", &words("the apple"));
    assert!(refused.contains("comfywright models add"), "{refused}");

    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/things.onnx");
    let added = Command::new(env!("CARGO_BIN_EXE_comfywright"))
        .args(["models", "add", model.to_str().unwrap(), "--like", "nanodet", "--size", "64", "--licence", "MIT"])
        .current_dir(session.path(""))
        .status();
    assert!(added.unwrap().success());
    let made = session.done("generate_semantic_mask", &words("the red apple"));
    let layer = &made["layers"][0];
    assert_eq!(
        (&layer["label"], &layer["file"]),
        (&json!("apple"), &json!("masks/square/the-red-apple/square-apple-1.png"))
    );
    let mask = image::open(session.path(layer["file"].as_str().unwrap())).unwrap().into_luma8();
    assert!(mask.get_pixel(112, 80).0[0] > 250 && mask.get_pixel(20, 200).0[0] < 5);
    let absent = json!({"image_path": "square.png", "semantic_prompt": "the apple", "confidence_threshold": 0.99});
    let none = session.done("generate_semantic_mask", &absent);
    assert!(
        none["layers"].as_array().unwrap().is_empty() && none["notes"][0].as_str().unwrap().contains("best candidate")
    );
    let unknown = session.refused("generate_semantic_mask", &words("the appel"));
    assert!(unknown.contains("near are apple"), "{unknown}");

    let layers = json!([
        {"name": "apple", "semantic": "the apple"},
        {"name": "half", "shape": {"type": "rectangle", "width": 0.4375}, "blend": "subtract"},
    ]);
    let composed = session.call("compose_mask", &json!({"image_path": "square.png", "layers": layers}));
    let kinds: Vec<&str> =
        composed["content"].as_array().unwrap().iter().map(|b| b["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text", "image", "resource_link", "resource_link", "resource_link"]);
    let merged = image::open(session.path("masks/square/composed/square-merged.png")).unwrap().into_luma8();
    assert_eq!([(80, 80), (140, 80), (230, 80)].map(|(x, y)| merged.get_pixel(x, y).0[0] > 128), [false, true, false]);
    for (rows, said) in [
        (json!([{"name": "a", "file": "../x.png"}]), "workspace"),
        (json!([{"name": "a", "file": "cache/x.bin"}]), "is not open to clients"),
        (json!([{"name": "a", "color": "#fff", "blendd": "add"}]), "did you mean `blend`"),
        (json!([]), "there is no layer"),
    ] {
        let refused = session.refused("compose_mask", &json!({"image_path": "square.png", "layers": rows}));
        assert!(refused.contains(said), "{refused}");
    }
    session.end();
}

#[test]
fn templates_are_prompts_with_completion() {
    let mut session = Session::begin();
    let template = "kind = \"template\"\nformat = 1\nname = \"mood\"\nversion = \"1.0.0\"\ntitle = \"Moods\"\nchoices = true\n\
                    text = \"a {calm|wild} {subject}, {count} times\"\n\n[params.subject]\ntype = \"enum\"\nrequired = true\n\
                    values = [\"sea\", \"seal\", \"sky\"]\nhelp = \"what it is of\"\n\n[params.count]\ntype = \"int\"\ndefault = 2\nmax = 9\n";
    fs::write(session.folder.path().join("pipelines/mood.toml"), template).unwrap();
    let prompts = session.ask("prompts/list", &json!({}))["result"]["prompts"].clone();
    let arguments = json!([
        { "name": "subject", "description": "what it is of", "required": true },
        { "name": "count", "required": false },
        { "name": "seed", "description": "what is drawn from: the same seed gives the same text", "required": false },
    ]);
    assert_eq!(prompts[0]["name"], "mood");
    assert_eq!((&prompts[0]["title"], &prompts[0]["arguments"]), (&json!("Moods"), &arguments));

    let text = |session: &mut Session, given: Value| {
        let got = session.ask("prompts/get", &json!({ "name": "mood", "arguments": given }));
        let message = &got["result"]["messages"][0];
        message["content"]["text"].as_str().map_or_else(|| got["error"]["message"].to_string(), str::to_owned)
    };
    let seeds = ["1", "2", "3", "4", "5", "6", "7", "8"];
    let drawn: Vec<String> =
        seeds.iter().map(|seed| text(&mut session, json!({ "subject": "sea", "seed": seed }))).collect();
    assert!(drawn.iter().all(|text| text == "a calm sea, 2 times" || text == "a wild sea, 2 times"), "{drawn:?}");
    assert!(drawn.iter().any(|text| *text != drawn[0]), "{drawn:?}");
    assert!(text(&mut session, json!({ "subject": "sky", "count": "3" })).ends_with(" sky, 3 times"));
    for (given, words) in [
        (json!({}), "`subject` is required"),
        (json!({ "subject": "sun" }), "is not one of sea, seal, sky"),
        (json!({ "subject": "sea", "count": "10" }), "10 is not within"),
        (json!({ "subjekt": "sea" }), "did you mean `subject`?"),
    ] {
        let refused = text(&mut session, given.clone());
        assert!(refused.contains(words), "{given}: {refused}");
    }

    let complete = |session: &mut Session, argument: &str, value: &str| {
        let reference = json!({ "type": "ref/prompt", "name": "mood" });
        let asked = json!({ "ref": reference, "argument": { "name": argument, "value": value } });
        session.ask("completion/complete", &asked)["result"]["completion"].clone()
    };
    assert_eq!(
        complete(&mut session, "subject", "se"),
        json!({ "values": ["sea", "seal"], "total": 2, "hasMore": false })
    );
    assert_eq!(complete(&mut session, "count", "")["values"], json!(["2"]));
    assert_eq!(complete(&mut session, "seed", "")["values"], json!([]));
}
