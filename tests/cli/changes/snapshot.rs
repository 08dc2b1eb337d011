//! `snapshot`: the same bytes for the same server, and the same verdicts.

use std::path::Path;

use comfywright::graph::{
    ClassInfo, ComboSource, Graph, GraphProblem, InputInfo, InputKind, ModelFolders, NodeSet, Snapshot, SnapshotParts,
    Versions, check_graph, from_api, write_snapshot,
};
use serde_json::Value;

use super::{
    comfyui::{self, PrivateServer},
    support::{SAMPLE, Workspace, codes},
};

/// Node definitions and graphs of real servers; none where there are none.
fn shared(name: &str) -> Option<std::path::PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("COMFYWRIGHT_SHARED").map_or_else(beside, Into::into);
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("left out: there is no {} (COMFYWRIGHT_SHARED names its folder)", path.display());
    }
    path.exists().then_some(path)
}

/// What verdicts depend on.
fn judged_by(class: &ClassInfo) -> ClassInfo {
    fn plain(inputs: &mut [InputInfo]) {
        for input in inputs {
            input.tooltip = None;
            match &mut input.kind {
                InputKind::Combo { options, source: ComboSource::Upload, .. } => options.clear(),
                InputKind::DynamicCombo { options } => options.iter_mut().for_each(|o| plain(&mut o.inputs)),
                InputKind::Autogrow { template, .. } => plain(std::slice::from_mut(template)),
                _ => {}
            }
        }
    }
    let mut class = ClassInfo { description: String::new(), category: String::new(), ..class.clone() };
    plain(&mut class.inputs);
    class
}

#[test]
fn every_class_of_real_servers_is_kept_as_it_is_judged() {
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/graph/server-0.33.0.json")];
    let names = ["comfyui/object_info-0.33.0.json", "comfyui/object_info-0.3.75.json"];
    files.extend(names.into_iter().filter_map(shared));
    for path in files {
        let text = std::fs::read_to_string(&path).expect("readable");
        let (models, versions) = (ModelFolders::new(), Versions::default());
        for full in [false, true] {
            let parts = SnapshotParts { object_info: &text, models: &models, versions: &versions, full };
            let written = write_snapshot(&parts).expect("a snapshot");
            assert_eq!(written, write_snapshot(&parts).expect("a snapshot"));
            let (said, kept) = (NodeSet::parse(text.as_str()).unwrap(), NodeSet::parse(written.as_str()).unwrap());
            assert_eq!((said.len(), said.digest()), (kept.len(), kept.digest()));
            for class in said.classes() {
                let kept = kept.class(&class.name).expect("kept");
                assert_eq!(judged_by(kept), judged_by(class), "{} of {}", class.name, path.display());
            }
            if !full {
                assert!(!written.contains("\"tooltip\"") && !written.contains("\"description\""));
            }
        }
    }
}

/// What is wrong with a graph, but for pictures that are not in the server's input folder: they come and
/// go, so snapshots do not keep them.
fn verdicts(graph: &Graph, nodes: &NodeSet) -> Vec<GraphProblem> {
    check_graph(graph, nodes).into_iter().filter(|problem| problem.code != "missing-image").collect()
}

#[test]
fn graphs_get_the_same_verdicts_from_a_snapshot() {
    let (Some(info), Some(oracle)) = (shared("comfyui/object_info-0.33.0.json"), shared("oracle")) else {
        return;
    };
    let text = std::fs::read_to_string(info).expect("readable");
    let said = NodeSet::parse(text.as_str()).unwrap();
    let (models, versions) = (ModelFolders::new(), Versions::default());
    let written =
        write_snapshot(&SnapshotParts { object_info: &text, models: &models, versions: &versions, full: false });
    let kept = NodeSet::parse(written.expect("a snapshot")).unwrap();
    let mut graphs = 0;
    for entry in std::fs::read_dir(oracle).expect("readable") {
        let path = entry.expect("readable").path();
        if !path.to_string_lossy().ends_with(".api.json") {
            continue;
        }
        let api: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("readable")).expect("JSON");
        let Ok(mut graph) = from_api(&api) else { continue };
        assert_eq!(verdicts(&graph, &kept), verdicts(&graph, &said), "{}", path.display());
        // And with every number and text out of place.
        for node in graph.nodes.values_mut() {
            node.inputs.insert("not_an_input".to_owned(), comfywright::graph::Input::value(-1e12));
            for input in node.inputs.values_mut() {
                if let comfywright::graph::Input::Value(value) = input {
                    *value = if value.is_number() { Value::from(-1e12) } else { Value::from("no such value") };
                }
            }
        }
        assert_eq!(verdicts(&graph, &kept), verdicts(&graph, &said), "{}", path.display());
        graphs += 1;
    }
    assert!(graphs > 200, "{graphs}");
}

/// The server is new, so that nobody has asked it anything before.
#[test]
fn a_real_server_gives_the_same_bytes_every_time() {
    let Some(server) = PrivateServer::start() else { return };
    let config = format!("[server.gpu]\nurl = \"{}\"\n", server.url());
    let workspace = Workspace::new(&[("comfywright.toml", &config), ("pipelines/sample.toml", SAMPLE)]);
    let (code, answer) = workspace.json(&["snapshot", "gpu"]);
    assert_eq!(code, 0, "{answer}");
    let data = &answer["data"];
    assert_eq!((&data["written"], &data["versions"]["comfyui"]), (&"snapshots/gpu.json".into(), &"0.3.75".into()));
    assert!(data["classes"].as_u64() > Some(400), "{data}");
    let first = workspace.read("snapshots/gpu.json");
    let (_, again) = workspace.json(&["snapshot", "gpu"]);
    assert_eq!((&again["data"]["unchanged"], workspace.read("snapshots/gpu.json")), (&true.into(), first.clone()));
    let printed = workspace.run(&["snapshot", "gpu", "--out", "-"]);
    assert_eq!((printed.code, printed.stdout), (0, first.clone()));
    assert!(
        !first.contains("\"tooltip\"") && first.lines().all(|line| line.chars().count() <= 120),
        "prose, or long lines"
    );

    let (_, full) = workspace.json(&["snapshot", "gpu", "--out", "full.json", "--full"]);
    assert_eq!(full["data"]["written"], "full.json");
    assert!(workspace.read("full.json").contains("\"tooltip\""));
    let kept = Snapshot::parse(first).unwrap();
    let complete = Snapshot::parse(workspace.read("full.json")).unwrap();
    assert_eq!(kept.nodes.digest(), complete.nodes.digest());

    // A model more is a line more, wherever it can be chosen.
    models_of_its_own(server.base());
    write_model(&server.base().join("models/loras/detail.safetensors"), &"a1".repeat(32));
    let (code, answer) = workspace.json(&["snapshot", "gpu"]);
    assert_eq!((code, &answer["data"]["unchanged"]), (0, &false.into()), "{answer}");
    let difference = workspace.run(&["diff", "full.json", "snapshots/gpu.json"]);
    assert_eq!(difference.code, 0, "{}", difference.stderr);
    assert!(difference.stdout.contains("new model: loras/detail.safetensors"), "{}", difference.stdout);
    assert_eq!(workspace.read("snapshots/gpu.json").matches("detail.safetensors").count(), 1);

    // What a model file says of itself is locked, where the server is asked.
    let loader = "[node.lora.LoraLoaderModelOnly]\nmodel = \"@checkpoint.MODEL\"\nlora_name = \"detail.safetensors\"\nstrength_model = 1.0\n\n[node.sampler";
    workspace.replace("pipelines/sample.toml", "[node.sampler", loader);
    workspace.replace(
        "pipelines/sample.toml",
        "model = \"@checkpoint.MODEL\"\npositive",
        "model = \"@lora.MODEL\"\npositive",
    );
    assert_eq!(workspace.run(&["lock", "--server", "gpu"]).code, 0);
    let locked = format!("\"loras/detail.safetensors\" = \"sha256:{}\"", "a1".repeat(32));
    assert!(workspace.read("comfywright.lock").contains(&locked));
    assert_eq!(workspace.run(&["lock"]).code, 0);
    assert!(workspace.read("comfywright.lock").contains(&locked), "a snapshot that tells no hash takes none away");
    write_model(&server.base().join("models/loras/detail.safetensors"), &"b2".repeat(32));
    let (code, answer) = workspace.json(&["run", "sample", "--locked"]);
    assert_eq!((code, codes(&answer)), (3, vec!["lock-hash"]), "{answer}");
}

/// In place of the models that all test servers share, a copy.
fn models_of_its_own(base: &Path) {
    let shared = std::fs::canonicalize(base.join("models")).expect("models");
    std::fs::remove_file(base.join("models")).expect("a link");
    for entry in std::fs::read_dir(shared).expect("readable") {
        let folder = entry.expect("readable").path();
        let own = base.join("models").join(folder.file_name().expect("named"));
        std::fs::create_dir_all(&own).expect("made");
        for file in std::fs::read_dir(&folder).into_iter().flatten() {
            let file = file.expect("readable").path();
            std::fs::copy(&file, own.join(file.file_name().expect("named"))).expect("copied");
        }
    }
    std::fs::create_dir_all(base.join("models/loras")).expect("made");
}

/// A model file without tensors that says which hash they have.
fn write_model(path: &Path, hash: &str) {
    let header = format!("{{\"__metadata__\":{{\"modelspec.hash_sha256\":\"0x{hash}\"}}}}");
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(path, [&length[..], header.as_bytes()].concat()).expect("written");
}

#[test]
fn documents_are_judged_by_the_snapshot_of_the_workspace() {
    let Some(server) = comfyui::server() else { return };
    let config = format!("[server.gpu]\nurl = \"{server}\"\n");
    let workspace = Workspace::new(&[("comfywright.toml", &config), ("pipelines/sample.toml", SAMPLE)]);
    let (code, answer) = workspace.json(&["check"]);
    assert_eq!((code, codes(&answer)), (4, vec!["not-examined"]), "{answer}");
    workspace.run(&["snapshot", "gpu"]);
    // From now on without the server.
    workspace.write("comfywright.toml", "[server.gpu]\nurl = \"http://127.0.0.1:1\"\n");
    let (code, answer) = workspace.json(&["check"]);
    let against = "the snapshot snapshots/gpu.json (ComfyUI 0.3.75)";
    assert_eq!((code, &answer["data"]["against"], codes(&answer)), (0, &against.into(), vec![]), "{answer}");
    workspace.replace("pipelines/sample.toml", "\"euler\"", "\"oiler\"");
    let (code, answer) = workspace.json(&["check"]);
    assert_eq!((code, codes(&answer)), (2, vec!["not-in-list"]), "{answer}");
    // The same file by name, and from another place that the configuration names.
    let (code, by_name) = workspace.json(&["check", "--object-info", "snapshots/gpu.json"]);
    assert_eq!((code, codes(&by_name)), (2, vec!["not-in-list"]), "{by_name}");
    std::fs::rename(workspace.path("snapshots/gpu.json"), workspace.path("gpu.json")).expect("moved");
    workspace.write("comfywright.toml", "[server.gpu]\nurl = \"http://127.0.0.1:1\"\nsnapshot = \"gpu.json\"\n");
    let (code, answer) = workspace.json(&["check"]);
    assert_eq!((code, codes(&answer)), (2, vec!["not-in-list"]), "{answer}");
    workspace.write("gpu.json", "{\"comfywright_snapshot\": 9}");
    let (code, answer) = workspace.json(&["check"]);
    assert_eq!((code, codes(&answer)[0]), (2, "unreadable-snapshot"), "{answer}");
}
