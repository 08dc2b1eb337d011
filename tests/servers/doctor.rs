//! `doctor` with a real ComfyUI.

use super::{
    comfyui::{self, CHECKPOINT},
    workspace::Workspace,
};

#[test]
fn a_real_server_is_told_apart_and_judged() {
    let Some(server) = comfyui::server() else { return };
    let workspace = Workspace::new(&["clock.png"], &server);
    let (code, answer) = workspace.run(&["doctor", "pipelines/product-catalog.toml"]);
    assert_eq!(code, 0, "the catalog needs no model: {answer:#}");

    let (code, answer) = workspace.run(&["doctor", "pipelines/sd15.toml", "pipelines/upscale-model.kdl"]);
    assert_eq!(code, 3, "{answer:#}");
    let told = &answer["data"]["servers"][0];
    assert_eq!((&told["reachable"], &told["version"]), (&true.into(), &"0.3.75".into()));
    assert!(told["python"].as_str().is_some_and(|version| version.starts_with("3.")), "{told:#}");
    assert!(told["pytorch"].is_string() && told["devices"][0]["type"] == "cpu", "{told:#}");
    assert!(told["classes"].as_u64().is_some_and(|classes| classes > 400), "{told:#}");
    let missing = told["missing"].as_array().expect("a list");
    let files: Vec<&str> = missing.iter().filter_map(|part| part["file"].as_str()).collect();
    assert_eq!(files, ["v1-5-pruned-emaonly-fp16.safetensors", "RealESRGAN_x4plus.safetensors"]);
    let listed = missing[0]["listed"].as_array().expect("a list");
    assert!(listed.iter().any(|file| file == CHECKPOINT), "{listed:?}");

    // With a checkpoint that is there, all is well.
    let preset = workspace.path("pipelines/sd15.toml");
    let text = std::fs::read_to_string(&preset).expect("readable");
    std::fs::write(&preset, text.replace("v1-5-pruned-emaonly-fp16.safetensors", CHECKPOINT)).expect("written");
    let (code, answer) = workspace.run(&["doctor", "pipelines/sd15.toml", "--server", "local"]);
    assert_eq!(code, 0, "{answer:#}");
}
