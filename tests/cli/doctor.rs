//! `doctor`: what is not there, what is not ComfyUI, and what a ComfyUI lacks.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use serde_json::{Value, json};

use super::support::{Folder, MISSPELT, TEMPLATE};

/// Something that speaks HTTP on a free port, until the test's process ends.
fn listen(answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that went away is no matter.
            let _ = reply(&stream, &answer);
        }
    });
    format!("http://{address}")
}

fn reply(mut stream: &TcpStream, answer: &dyn Fn(&str) -> (u16, String)) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    while !lines.next().unwrap_or(Ok(String::new()))?.is_empty() {}
    let (status, body) = answer(first.split(' ').nth(1).unwrap_or_default());
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} -\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// A ComfyUI with these classes.
fn comfyui(object_info: Value) -> String {
    let stats = json!({
        "system": {"os": "posix", "comfyui_version": "0.9.1", "python_version": "3.12.1 (main)", "pytorch_version": "2.9",
                   "ram_total": 1, "ram_free": 1, "argv": []},
        "devices": [{"name": "cuda:0 Card", "type": "cuda", "vram_total": 25_769_803_776_u64, "vram_free": 1_073_741_824}],
    });
    listen(move |path| match path {
        "/system_stats" => (200, stats.to_string()),
        "/queue" => (200, json!({"queue_running": [[0, "a"]], "queue_pending": [[1, "b"]]}).to_string()),
        "/object_info" => (200, object_info.to_string()),
        _ => (404, String::new()),
    })
}

fn classes() -> Value {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/graph/server-0.33.0.json"));
    serde_json::from_str(text).unwrap()
}

fn workspace(config: &str) -> Folder {
    let folder = Folder::new();
    folder.copy("pipelines", "pipelines");
    folder.copy("fixtures/photos", "fixtures/photos");
    // Whatever models the user has.
    folder.write("comfywright.toml", format!("{config}\n[store]\nmodels = \"none\"\n"));
    folder
}

fn server(name: &str, url: &str) -> String {
    format!("[server.{name}]\nurl = \"{url}\"\n")
}

/// Runs it and gives its exit code, its answer, and what is not well with `area`, as code and fitness.
fn examine(folder: &Folder, area: &str, arguments: &[&str]) -> (i32, Value, Vec<(String, String)>) {
    let answer = folder.run(&[&["doctor", "--json"], arguments].concat());
    let data = answer.json()["data"].clone();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = data["findings"].as_array().cloned().unwrap_or_default();
    let of_area = findings.iter().filter(|f| f["area"] == area && f["fitness"] != "ok");
    let found = of_area.map(|f| (text(f, "code"), text(f, "fitness"))).collect();
    for finding in &findings {
        assert!(finding["fitness"] == "ok" || finding["advice"].is_string(), "no advice: {finding:#}");
    }
    (answer.code, data, found)
}

fn pairs(found: &[(String, String)]) -> Vec<(&str, &str)> {
    found.iter().map(|(code, fitness)| (code.as_str(), fitness.as_str())).collect()
}

#[test]
fn without_a_server_documents_that_need_one_are_named() {
    let folder = workspace("");
    let before = folder.snapshot("");
    let (code, data, found) = examine(&folder, "servers", &[]);
    assert_eq!((code, pairs(&found)), (0, vec![("no-server", "warning")]), "{data:#}");
    let all = data["findings"].as_array().unwrap();
    let documents = all.iter().find(|f| f["code"] == "no-server").unwrap()["documents"].as_array().unwrap().clone();
    assert!(documents.contains(&json!("pipelines/retouch.toml")), "{documents:?}");
    assert!(!documents.contains(&json!("pipelines/product-catalog.toml")), "it runs without one: {documents:?}");
    assert_eq!(before, folder.snapshot(""), "it changes nothing");
    let (_, data, found) = examine(&folder, "servers", &["pipelines/product-catalog.toml"]);
    assert!(found.is_empty(), "{data:#}");
}

#[test]
fn a_closed_port_is_trouble_with_advice() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap();
    let folder = workspace(&server("local", &format!("http://{closed}")));
    let (code, data, found) = examine(&folder, "server local", &[]);
    assert_eq!((code, pairs(&found)), (3, vec![("unreachable", "trouble")]), "{data:#}");
    assert_eq!(data["servers"][0]["reachable"], false);
    let answer = folder.run(&["doctor"]);
    assert!(answer.stdout.contains("✗") && answer.stdout.contains("→ start ComfyUI there"), "{}", answer.stdout);
    assert!(!answer.stdout.contains('\u{1b}'), "no colours where there is no terminal");
}

#[test]
fn what_is_not_comfyui_is_told_apart() {
    let page = listen(|_| (200, "<html>welcome</html>".to_owned()));
    let login = listen(|_| (401, "who are you?".to_owned()));
    let folder = workspace(&(server("page", &page) + server("login", &login).as_str()));
    let (code, data, found) = examine(&folder, "server page", &[]);
    assert_eq!((code, pairs(&found)), (3, vec![("not-comfyui", "trouble")]), "{data:#}");
    let (_, data, found) = examine(&folder, "server login", &["--server", "login"]);
    assert_eq!(pairs(&found), [("not-accepted", "trouble")], "{data:#}");
    assert_eq!(data["servers"].as_array().map(Vec::len), Some(1), "only the one that was named is asked");
    assert_eq!(folder.run(&["doctor", "--server", "logn"]).code, 2);
}

#[test]
fn a_server_that_has_everything_is_well() {
    let folder = workspace(&server("gpu", &comfyui(classes())));
    let (code, data, found) = examine(&folder, "server gpu", &[]);
    assert_eq!((code, found.len()), (0, 0), "{data:#}");
    let told = &data["servers"][0];
    assert_eq!(
        (&told["version"], &told["python"], &told["pytorch"]),
        (&"0.9.1".into(), &"3.12.1".into(), &"2.9".into())
    );
    assert_eq!((&told["queue"], &told["devices"][0]["vram_free"]), (&2.into(), &1_073_741_824.into()));
    assert!(told["latency_ms"].as_f64().is_some_and(|ms| ms > 0.0) && told["missing"] == json!([]), "{told:#}");
    let text = folder.run(&["doctor"]).stdout;
    assert!(text.contains("cuda:0 Card: 1.0 GiB of 24.0 GiB memory free"), "{text}");
    assert!(text.ends_with("no trouble, 1 warning; looked at 16 documents and 1 server\n"), "{text}");
}

#[test]
fn what_a_server_lacks_is_listed_with_who_needs_it() {
    let mut poor = classes();
    poor.as_object_mut().unwrap().remove("FluxGuidance");
    poor["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"] =
        json!([["sd_xl_base_1.0_0.9vae.safetensors", "v1-5-pruned-emaonly-fp16.safetensors"]]);
    let poor = comfyui(poor);
    let folder = workspace(&server("poor", &poor));
    let (code, data, found) = examine(&folder, "server poor", &[]);
    let expected = vec![("missing-node", "trouble"), ("missing-file", "trouble")];
    assert_eq!((code, pairs(&found)), (3, expected), "{data:#}");
    let missing = &data["servers"][0]["missing"];
    assert_eq!(
        (&missing[0]["class"], &missing[0]["documents"]),
        (&"FluxGuidance".into(), &json!(["pipelines/flux-dev.toml"]))
    );
    assert_eq!(missing[1]["file"], "sd_xl_base_1.0.safetensors");
    assert_eq!(missing[1]["nearest"], "sd_xl_base_1.0_0.9vae.safetensors");
    assert_eq!(missing[1]["folder"], "checkpoints");
    assert_eq!(missing[1]["documents"], json!(["pipelines/sdxl-lora.kdl", "pipelines/sdxl.toml"]));
    let (code, _, found) = examine(&folder, "server poor", &["pipelines/sd15.toml", "pipelines/retouch.toml"]);
    assert_eq!((code, found.len()), (0, 0), "they lack nothing");

    // What another server has is only a warning.
    folder.write("comfywright.toml", &(server("poor", &poor) + server("rich", &comfyui(classes())).as_str()));
    let (code, data, found) = examine(&folder, "server poor", &[]);
    let expected = vec![("missing-node", "warning"), ("missing-file", "warning")];
    assert_eq!((code, pairs(&found)), (0, expected), "{data:#}");
}

/// A chain needs what its preset needs, with the values that the chain gives, for all of its items.
#[test]
fn chains_need_what_they_give_to_presets() {
    let folder = workspace(&server("local", &comfyui(classes())));
    let retouch = folder.read("pipelines/retouch.toml");
    folder.write("pipelines/retouch.toml", retouch.replace("with.checkpoint = \"{checkpoint}\"", "with.checkpoint = \"{model}\"")
        .replace("[task.inspect]", "[task.paint.foreach]\nmodel = [\"v1-5-pruned-emaonly-fp16.safetensors\", \"other.ckpt\"]\n\n[task.inspect]")
        .replace("gather = [\"photo\"]", "gather = [\"photo\", \"model\"]"));
    let (code, data, _) = examine(&folder, "server local", &["pipelines/retouch.toml"]);
    assert_eq!(code, 3, "{data:#}");
    let missing = data["servers"][0]["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{missing:#?}");
    assert_eq!(
        (&missing[0]["file"], &missing[0]["documents"]),
        (&"other.ckpt".into(), &json!(["pipelines/retouch.toml"]))
    );

    let mut poor = classes();
    poor.as_object_mut().unwrap().remove("SetLatentNoiseMask");
    folder.write("comfywright.toml", server("local", &comfyui(poor)));
    let (_, data, _) = examine(&folder, "server local", &["pipelines/retouch.toml"]);
    let missing = &data["servers"][0]["missing"][0];
    assert_eq!(
        (&missing["class"], &missing["documents"]),
        (&"SetLatentNoiseMask".into(), &json!(["pipelines/retouch.toml"]))
    );
}

#[test]
fn wrong_files_come_first() {
    let folder = Folder::with(&[("a.toml", TEMPLATE), ("b.toml", MISSPELT)]);
    folder.write("comfywright.toml", "[server.local]\nurl = \"http://127.0.0.1:9\"\n");
    let (code, data, found) = examine(&folder, "workspace", &[]);
    assert_eq!((code, pairs(&found)), (2, vec![("wrong-file", "trouble")]), "{data:#}");
    folder.write("comfywright.toml", "[server.local]\nurll = \"http://127.0.0.1:9\"\n");
    let (code, data, found) = examine(&folder, "servers", &["pipelines/a.toml"]);
    assert_eq!((code, pairs(&found)), (2, vec![("no-server", "warning")]), "{data:#}");
}

#[test]
fn secrets_are_looked_up_and_never_told() {
    let config = "[server.cloud]\nurl = \"http://127.0.0.1:9\"\napi_key = \"file:key\"\n\n\
                  [server.cloud.headers]\nAuthorization = \"env:COMFYWRIGHT_TEST_NO_SUCH_VARIABLE\"\n";
    let folder = Folder::with(&[("a.toml", TEMPLATE)]);
    folder.write("comfywright.toml", config);
    folder.write("key", "sk-very-secret\n");
    let (code, data, found) = examine(&folder, "secrets", &[]);
    assert_eq!((code, pairs(&found)), (3, vec![("secret", "trouble")]), "{data:#}");
    let text = data.to_string() + folder.run(&["doctor"]).stdout.as_str();
    assert!(text.contains("env:COMFYWRIGHT_TEST_NO_SUCH_VARIABLE") && !text.contains("very-secret"), "{text}");
    folder.write("comfywright.toml", config.replace("env:COMFYWRIGHT_TEST_NO_SUCH_VARIABLE", "file:key"));
    let (_, data, found) = examine(&folder, "secrets", &[]);
    assert!(found.is_empty() && data.to_string().contains("all 2 references"), "{data:#}");
}

#[test]
fn a_place_for_results_that_cannot_be_written_is_trouble() {
    let folder = Folder::with(&[("a.toml", TEMPLATE)]);
    folder.write("comfywright.toml", "[store]\noutputs = \"blocked/outputs\"\n");
    folder.write("blocked", "a file where a folder should be");
    let (code, data, found) = examine(&folder, "storage", &[]);
    assert_eq!((code, pairs(&found)), (3, vec![("not-writable", "trouble")]), "{data:#}");
}
