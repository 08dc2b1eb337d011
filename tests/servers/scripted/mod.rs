//! The comfy executor against a scripted server: only what a real ComfyUI cannot be made to do at
//! the right moment. Everything else runs on a real one, in `comfy.rs`.

mod fallback;
mod fleet;
#[expect(dead_code, reason = "other tests use more of it")]
mod server;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use comfywright::{
    comfy::{Client, ComfyExecutor, ComfySettings, Patience, Secret, ServerSettings},
    compile::OutputSpec,
    content_hash::ContentHash,
    graph::{Graph, Input, NodeSet, builtin},
    model::ErrorClass,
    plan::{ItemIx, Placement, Prepared},
    run::{Claim, Executor as _, Failure, Fault, Job, Produced, Signal, Signals},
};
use serde_json::{Value, json};
use server::{Request, Response, Scripted};
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);

/// A pixel as a PNG, made by the project's own encoder.
fn pixel() -> Vec<u8> {
    let image = comfywright::raster::Image { batch: 1, height: 1, width: 1, channels: 3, data: vec![1.0, 0.5, 0.0] };
    comfywright::imagefile::encode_png(&image, 0, &[]).unwrap()
}

fn job() -> Job {
    let mut graph = Graph::default();
    graph.add("a", "EmptyImage", [("width", Input::value(1)), ("height", Input::value(1))]);
    graph.add("s", "SaveImage", [("images", Input::link("a", 0)), ("filename_prefix", Input::value("x"))]);
    Job {
        item: ItemIx(0),
        address: "make".to_owned(),
        prompt_id: ID,
        prepared: Arc::new(Prepared {
            fingerprint: ContentHash::of_bytes(b""),
            parts: BTreeMap::new(),
            graph,
            outputs: vec![OutputSpec { name: "image".to_owned(), node: "s".to_owned() }],
            primary: "image".to_owned(),
            passed_on: Vec::new(),
            placement: Placement::Comfy(Vec::new()),
            scores: Vec::new(),
            provenance: json!({ "format": 1, "document": "test" }),
            reusable: true,
        }),
        folder: PathBuf::from("outputs/test/run/make"),
        stem: "make".to_owned(),
        timeout: None,
        place: "fake".to_owned(),
        claim: Claim::Fresh,
    }
}

/// Short waits, so that tests are quick; none of them is measured.
const PATIENCE: Patience = Patience {
    silence: Duration::from_millis(100),
    without_socket: Duration::from_millis(50),
    grace: Duration::from_millis(300),
    history: Duration::from_secs(5),
    dead_after: Duration::from_millis(600),
    late: Duration::from_millis(50),
};

struct Place {
    folder: tempfile::TempDir,
    executor: ComfyExecutor,
}

impl Place {
    fn new(servers: Vec<ServerSettings>) -> Self {
        Self::with(servers, builtin().clone(), false)
    }

    fn with(servers: Vec<ServerSettings>, nodes: NodeSet, may_spend: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = ComfySettings {
            root: folder.path().to_path_buf(),
            client_id: "test-client".to_owned(),
            patience: PATIENCE,
            nodes: Arc::new(nodes),
            may_spend,
            previews: None,
        };
        Self { folder, executor: ComfyExecutor::new(servers, settings).unwrap() }
    }

    fn at(server: &Scripted) -> Self {
        Self::new(vec![ServerSettings::plain("fake", &server.url)])
    }

    async fn run(&self, job: Job) -> Result<Produced, Failure> {
        self.executor.execute(job, quiet()).await
    }
}

/// The fault of a job that failed.
fn fault(failure: Failure) -> Fault {
    match failure {
        Failure::Fault(fault) => fault,
        other => panic!("not a fault: {other:?}"),
    }
}

fn quiet() -> Signals {
    Arc::new(|_| {})
}

fn queued() -> Response {
    Response::json(&json!({ "prompt_id": ID, "number": 1, "node_errors": {} }))
}

fn empty_queue() -> Response {
    Response::json(&json!({ "queue_running": [], "queue_pending": [] }))
}

fn running() -> Response {
    Response::json(&json!({ "queue_running": [[1, ID, {}, {}, []]], "queue_pending": [] }))
}

fn outputs() -> Value {
    json!({ "images": [{ "filename": "x_00001_.png", "subfolder": "comfywright", "type": "output" }] })
}

fn history() -> Response {
    let status = json!({ "status_str": "success", "completed": true, "messages": [] });
    Response::json(&json!({ ID.to_string(): { "outputs": { "s": outputs() }, "status": status } }))
}

/// What every server answers alike.
fn otherwise(request: &Request) -> Response {
    match request.line.as_str() {
        "GET /queue" => empty_queue(),
        line if line.starts_with("GET /history/") => Response::json(&json!({})),
        line if line.starts_with("GET /view?") => {
            Response { status: 200, header: "Content-Type: image/png", body: pixel() }
        }
        "POST /queue" | "POST /interrupt" => Response::status(200, ""),
        _ => Response::status(404, "<html>404</html>"),
    }
}

fn counter() -> Arc<AtomicUsize> {
    Arc::default()
}

fn assert_made(produced: &Result<Produced, Failure>, place: &Place) {
    let files = &produced.as_ref().unwrap().files;
    assert_eq!(files.len(), 1);
    let file = &files[0];
    assert_eq!((file.path.as_str(), file.width, file.height), ("outputs/test/run/make/make.png", 1, 1));
    let bytes = std::fs::read(place.folder.path().join(&file.path)).unwrap();
    assert_eq!((file.hash.clone(), file.size), (ContentHash::of_bytes(&bytes).to_string(), bytes.len() as u64));
}

#[tokio::test]
async fn an_error_after_queueing_is_looked_up_and_not_submitted_again() {
    let looks = counter();
    let server = Scripted::start(move |request, _| match request.line.as_str() {
        "POST /prompt" => Response::status(500, "Internal Server Error"),
        "GET /queue" if looks.fetch_add(1, Ordering::SeqCst) < 2 => running(),
        line if line.starts_with("GET /history/") => history(),
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    assert_made(&place.run(job()).await, &place);
    assert_eq!(server.requests("POST /prompt").len(), 1);
}

#[tokio::test]
async fn an_error_without_queueing_is_transient() {
    let server = Scripted::start(|request, _| match request.line.as_str() {
        "POST /prompt" => Response::status(500, "out of disk"),
        _ => otherwise(request),
    })
    .await;
    let fault = fault(Place::at(&server).run(job()).await.unwrap_err());
    assert_eq!(fault.class, ErrorClass::Transient);
    assert!(fault.message.contains("500: out of disk"), "{}", fault.message);
    assert_eq!(server.requests("POST /prompt").len(), 1);
}

#[tokio::test]
async fn the_history_may_come_after_the_end() {
    let looks = counter();
    let server = Scripted::start(move |request, server| match request.line.as_str() {
        "POST /prompt" => {
            // The end is told, and what the node left is not.
            server.say("execution_success", &json!({ "prompt_id": ID }));
            queued()
        }
        line if line.starts_with("GET /history/") && looks.fetch_add(1, Ordering::SeqCst) >= 4 => history(),
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    assert_made(&place.run(job()).await, &place);
    assert_eq!(server.requests("POST /prompt").len(), 1);
    assert!(server.requests("GET /history/").len() > 4);
}

#[tokio::test]
async fn what_ended_and_is_in_no_history_is_lost_and_has_not_failed() {
    let server = Scripted::start(|request, server| match request.line.as_str() {
        "POST /prompt" => {
            // The end is told, and where its files are is not; nor does the history say it, ever.
            server.say("execution_success", &json!({ "prompt_id": ID }));
            queued()
        }
        _ => otherwise(request),
    })
    .await;
    let lost = Place::at(&server).run(job()).await.unwrap_err();
    assert!(matches!(lost, Failure::Forgotten(_)), "{lost:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_looked_up_and_not_submitted_again() {
    let server = Scripted::start(|request, _| match request.line.as_str() {
        "POST /prompt" => Response::broken(),
        line if line.starts_with("GET /history/") => history(),
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    assert_made(&place.run(job()).await, &place);
    assert_eq!(server.requests("POST /prompt").len(), 1);
}

#[tokio::test]
async fn what_was_heard_needs_no_history() {
    let server = Scripted::start(|request, server| match request.line.as_str() {
        "POST /prompt" => {
            server.say("execution_start", &json!({ "prompt_id": ID }));
            server.say("executed", &json!({ "prompt_id": ID, "node": "s", "output": outputs() }));
            server.say("execution_success", &json!({ "prompt_id": ID }));
            queued()
        }
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    assert_made(&place.run(job()).await, &place);
    assert_eq!(server.requests("GET /history/").len(), 0);
    let submission = &server.requests("POST /prompt")[0].body;
    assert_eq!(submission["prompt_id"], ID.to_string());
    assert_eq!(submission["client_id"], "test-client");
    assert_eq!(submission["partial_execution_targets"], json!(["s"]));
    let travels = &submission["extra_data"]["extra_pnginfo"];
    assert_eq!(travels["comfywright"], json!({ "format": 1, "document": "test" }));
    assert_eq!(travels["workflow"]["nodes"].as_array().map(Vec::len), Some(2));
    assert_eq!(submission["prompt"]["s"]["inputs"]["filename_prefix"], "comfywright/run/make/make.s.01234567");
}

#[tokio::test]
async fn a_lost_socket_is_made_up_for_by_looking_and_comes_back() {
    let looks = counter();
    let server = Scripted::start(move |request, server| match request.line.as_str() {
        "POST /prompt" => {
            server.say("execution_start", &json!({ "prompt_id": ID }));
            server.close_sockets();
            queued()
        }
        "GET /queue" if looks.fetch_add(1, Ordering::SeqCst) < 3 => running(),
        line if line.starts_with("GET /history/") => history(),
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    assert_made(&place.run(job()).await, &place);
    assert!(server.requests("SOCKET").len() >= 2, "it has connected again");
}

#[tokio::test]
async fn a_server_without_a_socket_is_polled() {
    let looks = counter();
    let script = move |request: &Request, _: &Scripted| match request.line.as_str() {
        "POST /prompt" => queued(),
        "GET /queue" if looks.fetch_add(1, Ordering::SeqCst) < 1 => running(),
        line if line.starts_with("GET /history/") => history(),
        _ => otherwise(request),
    };
    let server = Scripted::start_at("127.0.0.1:0", false, script).await;
    let place = Place::at(&server);
    assert_made(&place.run(job()).await, &place);
}

#[tokio::test]
async fn what_a_restarted_server_lost_is_told_as_forgotten() {
    let server = Scripted::start(|request, _| match request.line.as_str() {
        "POST /prompt" => queued(),
        _ => otherwise(request),
    })
    .await;
    let lost = Place::at(&server).run(job()).await.unwrap_err();
    assert!(matches!(&lost, Failure::Forgotten(message) if message.contains("\"fake\"")), "{lost:?}");
    assert_eq!(server.requests("POST /prompt").len(), 1, "where it runs next is not for the executor to say");
}

/// A class that costs money, which no test server has.
fn partner_nodes() -> NodeSet {
    NodeSet::parse(json!({ "EmptyImage": { "api_node": true, "output": ["IMAGE"] } }).to_string()).unwrap()
}

#[tokio::test]
async fn what_costs_money_is_not_run_twice_and_not_without_leave() {
    let server = Scripted::start(|request, _| match request.line.as_str() {
        "POST /prompt" => queued(),
        _ => otherwise(request),
    })
    .await;
    let settings = || vec![ServerSettings::plain("fake", &server.url)];
    let refused = fault(Place::with(settings(), partner_nodes(), false).run(job()).await.unwrap_err());
    assert!(refused.message.contains("--allow-spend"), "{}", refused.message);
    assert_eq!(server.requests("POST").len(), 0);
    let lost = Place::with(settings(), partner_nodes(), true).run(job()).await.unwrap_err();
    assert!(matches!(&lost, Failure::Unknown(message) if message.contains("cost money")), "{lost:?}");
    assert_eq!(server.requests("POST /prompt").len(), 1);
}

#[tokio::test]
async fn out_of_memory_is_a_class_of_its_own() {
    let server = Scripted::start(|request, server| match request.line.as_str() {
        "POST /prompt" => {
            let error = json!({
                "prompt_id": ID, "node_id": "a", "node_type": "EmptyImage",
                "exception_type": "torch.OutOfMemoryError", "exception_message": "Allocation on device 0\n",
            });
            server.say("execution_error", &error);
            queued()
        }
        _ => otherwise(request),
    })
    .await;
    let fault = fault(Place::at(&server).run(job()).await.unwrap_err());
    assert_eq!((fault.class, fault.node.as_deref()), (ErrorClass::Oom, Some("a")));
    assert!(fault.message.contains("Allocation on device 0"), "{}", fault.message);
    assert_eq!(fault.details[0].kind, "torch.OutOfMemoryError");
}

#[tokio::test]
async fn an_earlier_submission_is_waited_for_before_it_is_made_again() {
    // The submission of the process before arrives late.
    let looks = counter();
    let late = looks.clone();
    let server = Scripted::start(move |request, _| match request.line.as_str() {
        "GET /queue" => {
            if looks.fetch_add(1, Ordering::SeqCst) == 1 {
                running()
            } else {
                empty_queue()
            }
        }
        line if line.starts_with("GET /history/") && late.load(Ordering::SeqCst) > 1 => history(),
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    assert_made(&place.run(Job { claim: Claim::Earlier, ..job() }).await, &place);
    assert_eq!(server.requests("POST /prompt").len(), 0);

    // It has never arrived.
    let server = Scripted::start(|request, server| match request.line.as_str() {
        "POST /prompt" => {
            server.say("executed", &json!({ "prompt_id": ID, "node": "s", "output": outputs() }));
            server.say("execution_success", &json!({ "prompt_id": ID }));
            queued()
        }
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    assert_made(&place.run(Job { claim: Claim::Earlier, ..job() }).await, &place);
    assert!(server.requests("GET /queue").len() >= 2, "it was looked for more than once");
    assert_eq!(server.requests("POST /prompt").len(), 1);
}

/// A server at a port that is free, and nobody there.
fn nobody() -> ServerSettings {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    ServerSettings::plain("fake", format!("http://{address}"))
}

#[tokio::test]
async fn nothing_is_submitted_to_a_server_that_cannot_be_reached() {
    let place = Place::new(vec![nobody()]);
    let failure = place.run(job()).await.unwrap_err();
    let Failure::Unreached(message) = &failure else { panic!("{failure:?}") };
    assert!(message.contains("reach the server \"fake\"") && message.contains("[server.fake]"), "{message}");
    assert!(!place.executor.probe("fake").await && !place.executor.probe("other").await);
}

#[tokio::test]
async fn a_server_that_stays_away_may_have_the_item() {
    let server = Scripted::start(|request, _| match request.line.as_str() {
        "POST /prompt" => queued(),
        "GET /queue" => Response::status(502, "bad gateway"),
        _ => otherwise(request),
    })
    .await;
    let silences = counter();
    let heard = silences.clone();
    let signals: Signals = Arc::new(move |signal| {
        if signal == Signal::Silent {
            heard.fetch_add(1, Ordering::SeqCst);
        }
    });
    let place = Place::at(&server);
    let failure = place.executor.execute(job(), signals).await.unwrap_err();
    assert!(matches!(failure, Failure::Away(_)), "{failure:?}");
    assert!(silences.load(Ordering::SeqCst) > 1, "while it is waited for, that is told");
    assert_eq!(server.requests("POST /queue").len(), 0, "it is not cancelled: a late result is welcome");
    assert!(!place.executor.probe("fake").await);
}

#[tokio::test]
async fn a_late_result_is_waited_for_and_never_submitted() {
    let server = nobody();
    let place = Arc::new(Place::new(vec![server.clone()]));
    let waiting = {
        let place = place.clone();
        tokio::spawn(async move { place.run(Job { claim: Claim::GivenUp, ..job() }).await })
    };
    tokio::time::sleep(Duration::from_millis(150)).await;
    let script = |request: &Request, _: &Scripted| match request.line.as_str() {
        line if line.starts_with("GET /history/") => history(),
        _ => otherwise(request),
    };
    let address = server.url.trim_start_matches("http://").to_owned();
    let server = Scripted::start_at(&address, true, script).await;
    assert_made(&waiting.await.unwrap(), &place);
    assert_eq!(server.requests("POST /prompt").len(), 0);
    assert!(place.executor.probe("fake").await);

    let empty = Scripted::start(|request, _| otherwise(request)).await;
    let place = Place::at(&empty);
    let failure = place.run(Job { claim: Claim::GivenUp, ..job() }).await.unwrap_err();
    assert!(matches!(failure, Failure::Forgotten(_)), "{failure:?}");
    assert_eq!(empty.requests("POST").len(), 0);
}

#[tokio::test]
async fn how_long_a_prompt_ran_is_told_without_its_time_in_the_queue() {
    let server = Scripted::start(|request, _| match request.line.as_str() {
        "POST /prompt" => queued(),
        line if line.starts_with("GET /history/") => {
            let message = |kind: &str, time: u64| json!([kind, { "prompt_id": ID, "timestamp": time }]);
            let messages = [message("execution_start", 90_000), message("execution_success", 97_250)];
            let status = json!({ "status_str": "success", "completed": true, "messages": messages });
            Response::json(&json!({ ID.to_string(): { "outputs": { "s": outputs() }, "status": status } }))
        }
        _ => otherwise(request),
    })
    .await;
    let made = Place::at(&server).run(job()).await.unwrap();
    assert_eq!(made.metrics.get("seconds"), Some(&7.25));
}

#[tokio::test]
async fn nothing_but_the_own_prompt_is_cancelled() {
    let other = Uuid::from_u128(9);
    let server = Scripted::start(move |request, _| match request.line.as_str() {
        "POST /prompt" => queued(),
        "GET /queue" => Response::json(&json!({
            "queue_running": [[0, other, {}, {}, []]], "queue_pending": [[1, ID, {}, {}, []]],
        })),
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    // Followed, and then nobody waits any longer.
    let _ = tokio::time::timeout(Duration::from_millis(300), place.run(job())).await;
    place.executor.settle().await;
    let deleted = server.requests("POST /queue");
    assert!(!deleted.is_empty() && deleted.iter().all(|r| r.body == json!({ "delete": [ID] })), "{deleted:?}");
    assert_eq!(server.requests("POST /interrupt").len(), 0);
}

#[tokio::test]
async fn the_timeout_counts_from_the_start_and_interrupts() {
    let server = Scripted::start(move |request, server| match request.line.as_str() {
        "POST /prompt" => {
            server.say("execution_start", &json!({ "prompt_id": ID }));
            queued()
        }
        "GET /queue" => running(),
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    let timeout = Some(Duration::from_millis(200));
    let fault = fault(place.run(Job { timeout, ..job() }).await.unwrap_err());
    place.executor.settle().await;
    assert_eq!((fault.class, fault.message.as_str()), (ErrorClass::Timeout, "it took longer than 0.2 s"));
    let interrupted = server.requests("POST /interrupt");
    assert!(!interrupted.is_empty() && interrupted.iter().all(|r| r.body == json!({ "prompt_id": ID })));
}

#[tokio::test]
async fn an_old_server_that_chooses_ids_itself_is_followed_by_its_id() {
    let own = Uuid::from_u128(77);
    let server = Scripted::start(move |request, _| match request.line.as_str() {
        "POST /prompt" => Response::json(&json!({ "prompt_id": own, "number": 1, "node_errors": [] })),
        line if line == format!("GET /history/{own}") => {
            Response::json(&json!({ own.to_string(): { "outputs": { "s": outputs() } } }))
        }
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    assert_made(&place.run(job()).await, &place);
}

#[tokio::test]
async fn credentials_go_with_every_request_and_into_no_message() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let server = Scripted::start(move |request, server| {
        noted.lock().unwrap().push(request.clone());
        match request.line.as_str() {
            "POST /prompt" => {
                server.say("executed", &json!({ "prompt_id": ID, "node": "s", "output": outputs() }));
                server.say("execution_success", &json!({ "prompt_id": ID }));
                queued()
            }
            "GET /system_stats" => Response::status(403, "no"),
            _ => otherwise(request),
        }
    })
    .await;
    let mut settings = ServerSettings::plain("fake", &server.url);
    settings.headers = vec![("Authorization".to_owned(), Secret::new("Bearer s3cret"))];
    settings.api_key = Some(Secret::new("key-123"));
    let place = Place::new(vec![settings.clone()]);
    assert_made(&place.run(job()).await, &place);
    let authorized = |r: &Request| r.headers.iter().any(|h| h.0 == "authorization" && h.1 == "Bearer s3cret");
    assert!(seen.lock().unwrap().iter().all(authorized));
    let sockets = server.requests("SOCKET");
    assert!(!sockets.is_empty() && sockets.iter().all(authorized));
    let submission = &server.requests("POST /prompt")[0].body;
    assert_eq!(submission["extra_data"]["api_key_comfy_org"], "key-123");
    assert!(!submission["extra_data"]["extra_pnginfo"].to_string().contains("key-123"), "it does not get into files");
    let client = Client::new(&settings).unwrap();
    let error = client.system_stats().await.unwrap_err();
    let all = format!("{error} {} {error:?} {client:?} {:?}", error.hint(), place.executor);
    assert!(!all.contains("s3cret") && !all.contains("key-123"), "{all}");
    assert!(error.hint().contains("credentials"), "{}", error.hint());
}

#[tokio::test]
async fn a_wrong_server_is_told_as_such() {
    let cases: [(fn() -> Response, &str, &str); 5] = [
        (|| Response::status(200, "<!doctype html><p>Welcome"), "a web page", "address of a ComfyUI server"),
        (|| Response::status(404, "<html>not here"), "answered 404", "address of a ComfyUI server"),
        (|| Response::json(&json!({ "hello": 1 })), "other JSON", "address of a ComfyUI server"),
        (
            || Response { status: 302, header: "Location: /login?next=/system_stats", body: Vec::new() },
            "redirects to /login",
            "want a login",
        ),
        (|| Response::status(401, ""), "answered 401", "wants credentials"),
    ];
    for (answer, message, hint) in cases {
        let server = Scripted::start(move |_, _| answer()).await;
        let client = Client::new(&ServerSettings::plain("shop", &server.url)).unwrap();
        let error = client.system_stats().await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(message) && text.contains("\"shop\"") && text.contains(&server.url), "{text}");
        assert!(error.hint().contains(hint), "{}", error.hint());
    }
}

#[test]
fn addresses_that_are_none_are_refused() {
    for url in ["", "127.0.0.1:8188", "ftp://x", "http://user:pass@x", "http://"] {
        let error = Client::new(&ServerSettings::plain("a", url)).unwrap_err();
        assert!(error.hint().contains("[server.a]") && !error.to_string().contains("pass@"), "{error}");
    }
    let kept = Client::new(&ServerSettings::plain("a", "https://x.org/comfy?x=1#y")).unwrap();
    assert_eq!(kept.url(), "https://x.org/comfy");
}

/// A server that says again what a real one has said.
async fn replaying(recording: Value) -> Scripted {
    Scripted::start(move |request, server| match request.line.as_str() {
        "POST /prompt" => {
            for message in recording["said"].as_array().into_iter().flatten() {
                server.say(message["type"].as_str().unwrap_or_default(), &message["data"]);
            }
            let status = recording["status"].as_u64().unwrap_or(200) as u16;
            Response { status, ..Response::json(&recording["response"]) }
        }
        line if line.starts_with("GET /history/") => Response::json(&recording["history"]),
        _ => otherwise(request),
    })
    .await
}

fn replayed_job(recording: &Value) -> Job {
    let left = recording["history"].as_object().into_iter().flat_map(|entries| entries.values());
    let nodes = left.filter_map(|entry| entry["outputs"].as_object()).flat_map(|outputs| outputs.keys());
    let spec = |node: &String| OutputSpec { name: format!("of-{node}"), node: node.clone() };
    let base = job();
    let prepared = Prepared {
        graph: comfywright::graph::from_api(&recording["prompt"]).unwrap_or_default(),
        outputs: nodes.map(spec).collect(),
        ..(*base.prepared).clone()
    };
    let id = recording["response"]["prompt_id"].as_str().and_then(|id| id.parse().ok());
    Job { prompt_id: id.unwrap_or(ID), prepared: Arc::new(prepared), ..base }
}

/// What real servers of two versions answered, in `fixtures/comfy`.
#[tokio::test]
async fn recorded_answers_are_understood() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/comfy");
    let mut count = 0;
    for version in ["0.3.75", "0.33.0"] {
        for entry in std::fs::read_dir(root.join(version)).unwrap() {
            let path = entry.unwrap().path();
            let recording: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let server = replaying(recording.clone()).await;
            let job = replayed_job(&recording);
            let wanted = job.prepared.outputs.len();
            let made = Place::at(&server).run(job).await;
            let expected = recording["expected"].as_array().unwrap();
            count += 1;
            if path.ends_with("interrupt.json") {
                let fault = fault(made.unwrap_err());
                assert!(fault.message.contains("interrupted it"), "{}: {fault:?}", path.display());
                continue;
            }
            if expected.is_empty() {
                assert_eq!(made.map(|m| m.files.len()), Ok(wanted), "{}", path.display());
                continue;
            }
            let fault = fault(made.unwrap_err());
            let found: Vec<Value> = fault.details.iter().map(|d| json!([d.node, d.kind])).collect();
            assert_eq!(&found, expected, "{}", path.display());
            assert!(fault.details.iter().all(|d| !d.message.is_empty()), "{}: {fault:?}", path.display());
        }
    }
    assert_eq!(count, 46);
}

#[tokio::test]
async fn what_was_made_is_fetched_although_the_server_is_away_for_a_moment() {
    let views = counter();
    let server = Scripted::start(move |request, server| match request.line.as_str() {
        "POST /prompt" => {
            server.say("executed", &json!({ "prompt_id": ID, "node": "s", "output": outputs() }));
            server.say("execution_success", &json!({ "prompt_id": ID }));
            queued()
        }
        line if line.starts_with("GET /view?") && views.fetch_add(1, Ordering::SeqCst) < 2 => {
            Response::status(503, "starting")
        }
        _ => otherwise(request),
    })
    .await;
    let place = Place::at(&server);
    assert_made(&place.run(job()).await, &place);
    assert_eq!((server.requests("POST /prompt").len(), server.requests("GET /view?").len()), (1, 3));
}
