//! The whole program against a server that runs out of memory, which only a scripted one can be
//! made to do: the rule `on = "oom"` sends the item to a smaller way.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::{
    pixel,
    server::{Request, Response, Scripted},
};

const CHAIN: &str = r#"kind = "chain"
format = 1
name = "fallback"
version = "1.0.0"

[task.large]
type = "graph"
on = "comfy"
route = [
  { on = "timeout", to = "@retry", times = 1 },
  { on = "oom", to = "small" },
]
[task.large.node.make.EmptyImage]
width = 8192
height = 8192
batch_size = 1
color = 255
[task.large.outputs]
image = "@make.IMAGE"

[task.small]
type = "graph"
on = "comfy"
[task.small.node.make.EmptyImage]
width = 64
height = 64
batch_size = 1
color = 255
[task.small.outputs]
image = "@make.IMAGE"

[task.last]
type = "adjust"
depends_on = ["small|large"]
on = "native"
with.invert = true
"#;

/// Runs small graphs at once, and has no memory for others.
fn scripted(request: &Request, server: &Scripted) -> Response {
    match request.line.as_str() {
        "GET /system_stats" => Response::system_stats(),
        "GET /object_info" => Response::object_info(),
        "POST /prompt" => {
            answer(request, server);
            Response::json(&json!({ "prompt_id": request.body["prompt_id"], "number": 1, "node_errors": {} }))
        }
        line if line.starts_with("GET /view?") => {
            Response { status: 200, header: "Content-Type: image/png", body: pixel() }
        }
        "GET /queue" => Response::json(&json!({ "queue_running": [], "queue_pending": [] })),
        line if line.starts_with("GET /history/") => Response::json(&json!({})),
        _ => Response::status(404, "<html>404</html>"),
    }
}

fn answer(request: &Request, server: &Scripted) {
    let nodes = request.body["prompt"].as_object().unwrap();
    let of_class = |class: &str| nodes.iter().find(|(_, node)| node["class_type"] == class).unwrap();
    let (id, (maker, made), (saver, _)) = (&request.body["prompt_id"], of_class("EmptyImage"), of_class("SaveImage"));
    if made["inputs"]["width"].as_u64().unwrap() > 1024 {
        let error = json!({
            "prompt_id": id, "node_id": maker, "node_type": "EmptyImage",
            "exception_type": "torch.OutOfMemoryError", "exception_message": "Allocation on device ",
        });
        return server.say("execution_error", &error);
    }
    let images = json!({ "images": [{ "filename": "x.png", "subfolder": "", "type": "output" }] });
    server.say("executed", &json!({ "prompt_id": id, "node": saver, "output": images }));
    server.say("execution_success", &json!({ "prompt_id": id }));
}

async fn program(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comfywright"));
    command.args(arguments).arg("--json").current_dir(folder);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

#[tokio::test]
async fn what_finds_no_memory_goes_where_the_file_says() {
    let server = Scripted::start(scripted).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    std::fs::write(folder.path().join("pipelines/fallback.toml"), CHAIN).unwrap();
    std::fs::write(folder.path().join("comfywright.toml"), format!("[server.gpu]\nurl = \"{}\"\n", server.url))
        .unwrap();
    let (code, run) = program(folder.path(), &["run", "fallback"]).await;
    assert_eq!((code, &run["data"]["counts"]), (Some(1), &json!({ "done": 2, "failed": 1 })), "{run:#}");
    let (_, shown) = program(folder.path(), &["trace", "last", "large"]).await;
    let large = &shown["data"]["items"][0];
    let tried = &large["tries"][0];
    assert_eq!((&tried["end"], &tried["error"]), (&json!("failed"), &json!("oom")), "{large:#}");
    let decision = &large["decisions"][0];
    assert_eq!((&decision["error"], &decision["next_item"]), (&json!("oom"), &json!("small")), "{large:#}");
    let rules: Vec<&Value> = decision["rules"].as_array().unwrap().iter().map(|rule| &rule["verdict"]).collect();
    assert_eq!(rules, ["passed_over", "matched"]);
    assert_eq!(decision["rules"][0]["why"], "the error was out of memory");
}
