//! Fetching from the web: whole, in parts, broken off, wrong.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use comfywright::{
    model::ModelManifest,
    models::{ModelCache, ModelError, Presence, PullEvent, PullOptions, pull},
};

use super::support::{fixtures, mask_manifest, parsed};

/// How the server answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// With what is asked for.
    Well,
    /// As if it knew no ranges.
    Whole,
    /// It breaks off after so many bytes.
    BreaksOff(usize),
    /// With other bytes.
    Wrong,
    /// With more bytes than there should be.
    TooMuch,
    /// With nothing.
    Missing,
    /// With the address of another server that is not secure.
    Elsewhere,
}

struct Server {
    address: String,
    manner: Arc<Mutex<Manner>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(content: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/model.onnx", listener.local_addr().unwrap());
        let (manner, requests) = (Arc::new(Mutex::new(Manner::Well)), Arc::<Mutex<Vec<String>>>::default());
        let server = Self { address, manner: manner.clone(), requests: requests.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that went away is no matter.
                let _ = reply(&stream, &content, *manner.lock().unwrap(), &requests);
            }
        });
        server
    }

    fn be(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn last_range(&self) -> Option<String> {
        self.requests.lock().unwrap().last().cloned().filter(|range| !range.is_empty())
    }
}

fn reply(mut stream: &TcpStream, content: &[u8], manner: Manner, requests: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut range = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(asked) = line.strip_prefix("range: ") {
            asked.clone_into(&mut range);
        }
    }
    requests.lock().unwrap().push(range.clone());
    let from = range.strip_prefix("bytes=").and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
    let from = from.filter(|_| manner != Manner::Whole);
    let mut body = content[from.unwrap_or(0)..].to_vec();
    match manner {
        Manner::Missing => return write!(stream, "HTTP/1.1 404 -\r\nContent-Length: 0\r\n\r\n"),
        Manner::Elsewhere => {
            let head = "HTTP/1.1 302 -\r\nLocation: http://192.0.2.1/x\r\nContent-Length: 0\r\n\r\n";
            return stream.write_all(head.as_bytes());
        }
        Manner::Wrong => body.iter_mut().for_each(|byte| *byte ^= 1),
        Manner::TooMuch => body.extend_from_slice(b"more"),
        _ => {}
    }
    let status = if from.is_some() { "206" } else { "200" };
    write!(stream, "HTTP/1.1 {status} -\r\nContent-Length: {}\r\n", body.len())?;
    if let Some(from) = from {
        write!(stream, "Content-Range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len())?;
    }
    write!(stream, "Connection: close\r\n\r\n")?;
    let sent = if let Manner::BreaksOff(bytes) = manner { bytes.min(body.len()) } else { body.len() };
    stream.write_all(&body[..sent])
}

fn fetch(cache: &ModelCache, manifest: &ModelManifest) -> (Result<(), ModelError>, Vec<PullEvent>) {
    let events = Mutex::new(Vec::new());
    let tell = |event| events.lock().unwrap().push(event);
    let options = PullOptions { root: Path::new(env!("CARGO_MANIFEST_DIR")), tell: &tell };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(pull(cache, manifest, &options));
    drop(runtime);
    (result, events.into_inner().unwrap())
}

fn network() -> (Vec<u8>, ModelManifest) {
    let content = fs::read(fixtures().join("models/network.onnx")).unwrap();
    (content, parsed(&mask_manifest("network", &["network.onnx"])))
}

fn from(source: &str) -> ModelManifest {
    let mut manifest = network().1;
    manifest.file[0].source = vec![source.to_owned()];
    manifest
}

#[test]
fn what_was_broken_off_goes_on() {
    let (content, _) = network();
    let server = Server::start(content.clone());
    let (folder, manifest) = (tempfile::tempdir().unwrap(), from(&server.address));
    let cache = ModelCache::new(folder.path());
    server.be(Manner::BreaksOff(2000));
    let (result, _) = fetch(&cache, &manifest);
    assert!(result.unwrap_err().to_string().contains("2000 bytes are kept, run again to go on"));
    assert_eq!(cache.presence(&manifest), Presence::Partly);
    server.be(Manner::Well);
    let (result, events) = fetch(&cache, &manifest);
    result.unwrap();
    assert_eq!(server.last_range().as_deref(), Some("bytes=2000-"));
    assert!(matches!(events[0], PullEvent::Started { resumed: 2000, .. }), "{:?}", events[0]);
    assert_eq!(events.last(), Some(&PullEvent::Finished { file: "network.onnx".to_owned() }));
    assert_eq!(fs::read(cache.path(&manifest.file[0].sha256)).unwrap(), content);
    // What is here is not fetched again.
    let (result, events) = fetch(&cache, &manifest);
    result.unwrap();
    assert_eq!(events, [PullEvent::Kept { file: "network.onnx".to_owned() }]);
}

#[test]
fn a_server_without_ranges_begins_anew() {
    let (content, _) = network();
    let server = Server::start(content.clone());
    let (folder, manifest) = (tempfile::tempdir().unwrap(), from(&server.address));
    let cache = ModelCache::new(folder.path());
    server.be(Manner::BreaksOff(100));
    assert!(fetch(&cache, &manifest).0.is_err());
    server.be(Manner::Whole);
    fetch(&cache, &manifest).0.unwrap();
    assert_eq!(fs::read(cache.path(&manifest.file[0].sha256)).unwrap(), content);
}

/// Nothing wrong takes its place in the cache, and nothing of it is in the way of the next try.
#[test]
fn what_is_not_as_promised_is_not_kept() {
    let server = Server::start(network().0);
    let (folder, manifest) = (tempfile::tempdir().unwrap(), from(&server.address));
    let cache = ModelCache::new(folder.path());
    let reasons = [
        (Manner::Wrong, "its SHA-256 is "),
        (Manner::TooMuch, "it is larger than 5707 bytes"),
        (Manner::Missing, "the server answers 404"),
        (Manner::Elsewhere, "fetch network.onnx"),
    ];
    for (manner, reason) in reasons {
        server.be(manner);
        let found = fetch(&cache, &manifest).0.unwrap_err().to_string();
        assert!(found.contains(reason), "{manner:?}: {found}");
        assert!(!cache.path(&manifest.file[0].sha256).exists(), "{manner:?}");
    }
    server.be(Manner::Well);
    fetch(&cache, &manifest).0.unwrap();
}

#[test]
fn the_next_source_is_asked() {
    let (folder, mut manifest) = (tempfile::tempdir().unwrap(), network().1);
    let cache = ModelCache::new(folder.path());
    manifest.file[0].source =
        vec!["file:fixtures/models/red.onnx".to_owned(), "file:fixtures/models/nowhere.onnx".to_owned()];
    let found = fetch(&cache, &manifest).0.unwrap_err().to_string();
    assert!(found.contains("314 bytes came, and 5707 were promised") && found.contains("nowhere.onnx"), "{found}");
    manifest.file[0].source.push("file:fixtures/models/network.onnx".to_owned());
    let (result, events) = fetch(&cache, &manifest);
    result.unwrap();
    assert_eq!(events.iter().filter(|event| matches!(event, PullEvent::Failed { .. })).count(), 2);
}

#[test]
fn altered_files_are_fetched_anew() {
    let (folder, manifest) = (tempfile::tempdir().unwrap(), from("file:fixtures/models/network.onnx"));
    let cache = ModelCache::new(folder.path());
    fetch(&cache, &manifest).0.unwrap();
    let path = cache.path(&manifest.file[0].sha256);
    fs::write(&path, vec![0; 5707]).unwrap();
    fetch(&cache, &manifest).0.unwrap();
    assert_eq!(fs::read(path).unwrap(), network().0);
}

#[test]
fn two_at_the_same_time_do_not_meet() {
    let (folder, manifest) = (tempfile::tempdir().unwrap(), from("file:fixtures/models/network.onnx"));
    let cache = ModelCache::new(folder.path());
    let lock = folder.path().join("partial").join(format!("{}.lock", manifest.file[0].sha256));
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    assert!(matches!(fetch(&cache, &manifest).0, Err(ModelError::Busy { .. })));
    drop(held);
    fetch(&cache, &manifest).0.unwrap();
}
