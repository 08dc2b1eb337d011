//! What a real ComfyUI saves gives its graph back, whatever the kind of file.

use std::time::{Duration, Instant};

use comfywright::{
    comfy::{Answer, Client, OutputRef, ServerSettings, Submission},
    graph::{NodeSet, from_api},
    import::read_source,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{comfyui, isomorphic::difference};

/// Longest time that the graph may take.
const PATIENCE: Duration = Duration::from_mins(2);

fn graph() -> Value {
    json!({
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 2, "color": 255}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}, "_meta": {"title": "Ümlaut 日本"}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "import/png"}},
        "4": {"class_type": "SaveAnimatedPNG", "inputs": {"images": ["2", 0], "filename_prefix": "import/apng",
              "fps": 6.0, "compress_level": 4}},
        "5": {"class_type": "SaveAnimatedWEBP", "inputs": {"images": ["2", 0], "filename_prefix": "import/webp",
              "fps": 6.0, "lossless": true, "quality": 80, "method": "default"}},
        "6": {"class_type": "CreateVideo", "inputs": {"images": ["2", 0], "fps": 8.0}},
        "7": {"class_type": "SaveVideo", "inputs": {"video": ["6", 0], "filename_prefix": "import/mp4",
              "format": "mp4", "codec": "h264"}},
        "8": {"class_type": "SaveWEBM", "inputs": {"images": ["2", 0], "filename_prefix": "import/webm",
              "codec": "vp9", "fps": 8.0, "crf": 32.0}},
    })
}

#[test]
fn what_a_server_saves_gives_its_graph_back() {
    let Some(url) = comfyui::server() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (nodes, files) = runtime.block_on(saved(&Client::new(&ServerSettings::plain("test", url)).unwrap()));
    let wanted = from_api(&graph()).unwrap();
    assert_eq!(files.len(), 6);
    for (name, bytes) in files {
        let found = read_source(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let graph = from_api(&found.prompt.expect("a graph")).unwrap();
        assert_eq!(difference(&wanted, &graph, &nodes), None, "{name}");
        assert!(found.workflow.is_some_and(|text| text.contains("0.4")), "{name}");
    }
}

/// The classes of a server, and the files that it makes of the graph.
async fn saved(client: &Client) -> (NodeSet, Vec<(String, Vec<u8>)>) {
    let id = Uuid::now_v7();
    let workflow = json!({ "nodes": [], "links": [], "version": 0.4 });
    let submission = Submission {
        prompt: &graph(),
        prompt_id: id,
        client_id: "import",
        partial_execution_targets: &["3", "4", "5", "7", "8"],
        extra_data: json!({ "extra_pnginfo": { "workflow": workflow } }),
    };
    let answer = client.submit(&submission).await.unwrap();
    assert!(matches!(answer, Answer::Queued(_)), "{answer:?}");
    let end = Instant::now() + PATIENCE;
    let entry = loop {
        if let Some(entry) = client.history(id).await.unwrap() {
            break entry;
        }
        assert!(Instant::now() < end, "the graph takes longer than {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let mut files = Vec::new();
    for file in entry.outputs.values().flat_map(OutputRef::all) {
        files.push((file.filename.clone(), client.view(&file).await.unwrap()));
    }
    (NodeSet::parse(client.object_info().await.unwrap()).unwrap(), files)
}
