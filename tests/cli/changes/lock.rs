//! `lock`: what has drifted is told, and refused where that is asked for.

use super::{
    comfyui,
    support::{CARDS, SAMPLE, Workspace, codes},
};

/// A server that was never asked for anything, as its snapshot tells of it.
const SERVER: &str = r#"{
 "comfywright_snapshot": 1,
 "versions": {"comfyui": "0.4.0", "packs": {"Fine-Pack": "1.2.0"}},
 "models": {"loras": ["detail.safetensors", "style.safetensors"]},
 "nodes": {
  "Paint": {
   "input": {
    "required": {
     "lora_name": [{"models": "loras"}],
     "steps": ["INT", {"max": 100, "min": 1}],
     "mode": [["fast", "fine", "slow"]]
    },
    "optional": {"mask": ["MASK"]}
   },
   "output": ["IMAGE"],
   "python_module": "custom_nodes.Fine-Pack"
  },
  "Save": {"input": {"required": {"images": ["IMAGE"]}}, "output_node": true},
  "Other": {"input": {"required": {"x": ["INT"]}}, "output": ["IMAGE"]}
 }
}
"#;

const PAINTING: &str = r#"kind = "preset"
format = 1
name = "painting"
version = "1.0.0"

[node.paint.Paint]
lora_name = "detail.safetensors"
steps = 20
mode = "fine"

[node.save.Save]
images = "@paint.IMAGE"

[outputs]
image = "@save"
"#;

fn workspace() -> Workspace {
    Workspace::new(&[
        ("comfywright.toml", "[server.gpu]\nurl = \"http://127.0.0.1:1\"\n"),
        ("snapshots/gpu.json", SERVER),
        ("pipelines/painting.toml", PAINTING),
    ])
}

#[test]
fn the_lock_says_what_documents_use() {
    let workspace = workspace();
    let (code, answer) = workspace.json(&["lock"]);
    assert_eq!((code, &answer["data"]["unchanged"]), (0, &false.into()), "{answer}");
    let lock = workspace.read("comfywright.lock");
    let digests = regex::Regex::new("blake3:[0-9a-f]{64}").unwrap();
    let expected = r#"# Written by comfywright; commit it, do not edit it.
format = 1

[object_info.built-in]
digest = "HASH"

[object_info.gpu]
digest = "HASH"
comfyui = "0.4.0"

[object_info.gpu.packs]
Fine-Pack = "1.2.0"

[node.Paint]
outputs = ["IMAGE"]

[node.Paint.required]
lora_name = "FILE"
mode = [
    "fast",
    "fine",
    "slow",
]
steps = "INT 1..100"

[node.Paint.optional]
mask = "MASK"

[node.Save.required]
images = "IMAGE"

[models]
"loras/detail.safetensors" = "unknown"
"#;
    assert_eq!(digests.replace_all(&lock, "HASH"), expected);
    let (code, answer) = workspace.json(&["lock"]);
    assert_eq!((code, &answer["data"]["unchanged"]), (0, &true.into()), "{answer}");
    assert_eq!(workspace.read("comfywright.lock"), lock, "the same bytes for the same facts");
    let (code, answer) = workspace.json(&["check", "--locked"]);
    assert_eq!((code, codes(&answer)), (0, vec![]), "{answer}");
}

#[test]
fn what_has_drifted_is_told_at_its_line() {
    let workspace = workspace();
    workspace.run(&["lock"]);
    for (old, new, code, told) in [
        ("\"max\": 100", "\"max\": 50", "lock-input-changed", "steps of Paint took INT 1..100 and takes INT 1..50"),
        ("\"fine\", \"slow\"", "\"fine\"", "lock-value-gone", "mode of Paint no longer takes \"slow\""),
        (
            "\"optional\": {\"mask\": [\"MASK\"]}",
            "\"optional\": {}",
            "lock-input-gone",
            "Paint has no input mask any more",
        ),
        ("[\"MASK\"]}", "[\"MASK\"], \"new\": [\"INT\"]}", "lock-input-added", "Paint has an input more: new (INT)"),
        (
            "\"output\": [\"IMAGE\"],\n   \"py",
            "\"output\": [\"IMAGE\", \"MASK\"],\n   \"py",
            "lock-outputs-changed",
            "gives IMAGE, MASK",
        ),
        ("\"detail.safetensors\", ", "", "lock-model-gone", "does not list the model loras/detail.safetensors"),
        ("0.4.0", "0.5.0", "lock-version", "ComfyUI of gpu was 0.4.0 and is 0.5.0"),
        ("1.2.0", "1.3.0", "lock-version", "the custom node pack Fine-Pack of gpu was 1.2.0 and is 1.3.0"),
    ] {
        workspace.write("snapshots/gpu.json", SERVER);
        workspace.replace("snapshots/gpu.json", old, new);
        let (exit, answer) = workspace.json(&["check"]);
        let found = answer["diagnostics"].as_array().unwrap().iter().find(|d| d["code"] == code);
        let found = found.unwrap_or_else(|| panic!("{code}: {answer:#}"));
        // That the server lacks the file is an error of its own, lock or not.
        let expected = if code == "lock-model-gone" { 2 } else { 0 };
        assert_eq!(
            (exit, &found["severity"], &found["file"]),
            (expected, &"warning".into(), &"comfywright.lock".into())
        );
        assert!(found["message"].as_str().unwrap().contains(told), "{found:#}");
        assert!(found["line"].is_u64(), "{found:#}");
        let (exit, answer) = workspace.json(&["check", "--locked"]);
        assert_eq!(exit, 2, "{answer:#}");
    }
    // What documents do not use may change.
    workspace.write("snapshots/gpu.json", SERVER);
    workspace.replace("snapshots/gpu.json", "{\"x\": [\"INT\"]}", "{\"y\": [\"INT\"]}");
    workspace.replace("snapshots/gpu.json", "\"style.safetensors\"", "\"other.safetensors\"");
    workspace.replace("snapshots/gpu.json", "\"slow\"", "\"slow\", \"slower\"");
    let (exit, answer) = workspace.json(&["check", "--locked"]);
    assert_eq!((exit, codes(&answer)), (0, vec![]), "{answer:#}");
}

#[test]
fn documents_that_use_more_make_the_lock_old() {
    let workspace = workspace();
    let missing = workspace.run(&["check", "--locked"]);
    assert!(missing.code == 2 && missing.stderr.contains("comfywright lock writes it"), "{}", missing.stderr);
    workspace.run(&["lock"]);
    workspace.replace("pipelines/painting.toml", "detail.safetensors", "style.safetensors");
    let (code, answer) = workspace.json(&["check"]);
    assert_eq!((code, codes(&answer)), (0, vec!["not-locked"]), "{answer:#}");
    let (code, answer) = workspace.json(&["lock"]);
    let changes: Vec<&str> =
        answer["data"]["changes"].as_array().unwrap().iter().filter_map(|c| c["path"].as_str()).collect();
    assert_eq!((code, changes), (0, vec!["models.loras/detail.safetensors", "models.loras/style.safetensors"]));
    workspace.write("comfywright.lock", "format = 7\n");
    let (code, answer) = workspace.json(&["check"]);
    assert_eq!((code, codes(&answer)), (2, vec!["newer-lock"]), "{answer:#}");
    workspace.write("pipelines/painting.toml", "kind = ");
    let (code, _) = workspace.json(&["lock"]);
    assert_eq!((code, workspace.read("comfywright.lock").as_str()), (2, "format = 7\n"), "nothing is written");
}

#[test]
fn input_files_are_locked_by_their_content() {
    let chain = CARDS
        .replace("\"#e07a5f\", \"#3d405b\"", "\"#e07a5f\"")
        .replace("color = [\"#e07a5f\"]", "color = { csv = \"colors.csv\", column = \"color\" }");
    let workspace = Workspace::new(&[
        ("comfywright.toml", ""),
        ("pipelines/cards.toml", &chain),
        ("pipelines/colors.csv", "color\n#e07a5f\n"),
    ]);
    let (code, answer) = workspace.json(&["lock"]);
    assert_eq!((code, &answer["data"]["inputs"]), (0, &1.into()), "{answer:#}");
    assert!(workspace.read("comfywright.lock").contains("\"pipelines/colors.csv\" = \"blake3:"));
    assert_eq!(workspace.run(&["run", "cards", "--locked"]).code, 0);
    workspace.write("pipelines/colors.csv", "color\n#e07a5f\n#3d405b\n");
    let (code, answer) = workspace.json(&["check", "--locked"]);
    assert_eq!((code, codes(&answer)), (2, vec!["lock-hash"]), "{answer:#}");
    let (code, answer) = workspace.json(&["run", "cards", "--locked"]);
    assert_eq!((code, codes(&answer)), (2, vec!["lock-hash"]), "{answer:#}");
    assert_eq!(workspace.json(&["check"]).0, 0, "without --locked, files are not read for the lock");
}

/// The lock is made from a snapshot that is not quite the real server.
#[test]
fn a_real_server_that_has_drifted_is_told_and_refused() {
    let Some(server) = comfyui::server() else { return };
    let config = format!("[server.gpu]\nurl = \"{server}\"\n");
    let workspace = Workspace::new(&[("comfywright.toml", &config), ("pipelines/sample.toml", SAMPLE)]);
    assert_eq!(workspace.run(&["snapshot", "gpu"]).code, 0);
    let snapshot = workspace.read("snapshots/gpu.json");
    assert_eq!(workspace.run(&["lock"]).code, 0);
    let from_snapshot = workspace.read("comfywright.lock");
    assert_eq!(workspace.run(&["lock", "--server", "gpu"]).code, 0);
    assert_eq!(workspace.read("comfywright.lock"), from_snapshot, "the snapshot says what the server says");
    let (code, answer) = workspace.json(&["run", "sample", "--set", "seed=1", "--locked"]);
    assert_eq!((code, codes(&answer)), (0, vec![]), "{answer:#}");

    let drifted = [
        ("\"euler\",", "\"euler\",\n       \"ddim_of_old\","),
        ("\"comfyui\": \"0.3.75\"", "\"comfyui\": \"0.3.70\""),
        (
            "\"samples\": [\"LATENT\"],\n     \"vae\": [\"VAE\"]",
            "\"samples\": [\"LATENT\"],\n     \"vae\": [\"VAE\"],\n     \"tile\": [\"INT\"]",
        ),
    ];
    let text = drifted.iter().fold(snapshot, |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    });
    workspace.write("snapshots/gpu.json", &text);
    workspace.replace("pipelines/sample.toml", "[node.decode.VAEDecode]\n", "[node.decode.VAEDecode]\ntile = 1\n");
    assert_eq!(workspace.run(&["lock"]).code, 0);
    workspace.replace("pipelines/sample.toml", "tile = 1\n", "");

    let expected = ["lock-version", "lock-value-gone", "lock-input-gone"];
    let sorted = |answer: &serde_json::Value| {
        let mut found: Vec<String> = codes(answer).into_iter().map(str::to_owned).collect();
        found.sort();
        found
    };
    let (code, answer) = workspace.json(&["run", "sample", "--set", "seed=2"]);
    assert_eq!((code, &answer["data"]["counts"]["done"]), (0, &1.into()), "it runs all the same: {answer:#}");
    let mut wanted = expected.map(str::to_owned).to_vec();
    wanted.sort();
    assert_eq!(sorted(&answer), wanted, "{answer:#}");
    let (code, answer) = workspace.json(&["run", "sample", "--set", "seed=3", "--locked"]);
    assert_eq!((code, sorted(&answer)), (3, wanted.clone()), "{answer:#}");
    let doctor = workspace.run(&["doctor"]);
    assert!(doctor.stdout.contains("ComfyUI of gpu was 0.3.70 and is 0.3.75"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("no longer takes \"ddim_of_old\""), "{}", doctor.stdout);
}
