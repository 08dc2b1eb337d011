//! A server behind TLS and a login, as a studio has it: a real ComfyUI behind a proxy of this test.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Command, Output},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use super::comfyui;

const TOKEN: &str = "Bearer only-for-this-test";

const PRESET: &str = r#"kind = "preset"
format = 1
name = "grey"
version = "1.0.0"

[node.empty.EmptyImage]
width = 24
height = 16
batch_size = 1
color = 8421504

[node.inverted.ImageInvert]
image = "@empty.IMAGE"

[outputs]
image = "@inverted.IMAGE"
"#;

/// Passes what comes over TLS on to `upstream`; keeps the beginnings of what clients say.
struct Proxy {
    address: SocketAddr,
    certificate: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(upstream: String) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy =
            Self { address: listener.local_addr().unwrap(), certificate: made.cert.pem(), heard: Arc::default() };
        let heard = proxy.heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(acceptor.clone(), stream, upstream.clone(), heard.clone()));
            }
        });
        proxy
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// One connection. A client that does not trust the certificate leaves before it says anything.
async fn pass(acceptor: TlsAcceptor, stream: TcpStream, upstream: String, heard: Arc<Mutex<Vec<String>>>) {
    let Ok(mut client) = acceptor.accept(stream).await else { return };
    let mut server = TcpStream::connect(upstream).await.unwrap();
    let mut beginning = vec![0; 4096];
    let Ok(length @ 1..) = client.read(&mut beginning).await else { return };
    heard.lock().unwrap().push(String::from_utf8_lossy(&beginning[..length]).into_owned());
    if server.write_all(&beginning[..length]).await.is_ok() {
        // Either side may close first.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

fn workspace(proxy: &Proxy) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let port = proxy.address.port();
    let config = format!(
        "[server.studio]\nurl = \"https://localhost:{port}\"\nheaders = {{ Authorization = \"env:STUDIO_TOKEN\" }}\n"
    );
    std::fs::write(folder.path().join("comfywright.toml"), config).unwrap();
    std::fs::write(folder.path().join("trusted.pem"), &proxy.certificate).unwrap();
    std::fs::create_dir(folder.path().join("pipelines")).unwrap();
    std::fs::write(folder.path().join("pipelines/grey.toml"), PRESET).unwrap();
    folder
}

async fn run(folder: &Path, trusted: bool, token: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comfywright"));
    command.args(["run", "grey", "--server", "studio"]).current_dir(folder).env_remove("STUDIO_TOKEN");
    if trusted {
        command.env("SSL_CERT_FILE", folder.join("trusted.pem"));
    }
    if let Some(token) = token {
        command.env("STUDIO_TOKEN", token);
    }
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_behind_tls_and_a_login() {
    let Some(url) = comfyui::server() else { return };
    let proxy = Proxy::start(url.trim_start_matches("http://").to_owned()).await;
    let folder = workspace(&proxy);

    let refused = run(folder.path(), true, None).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("STUDIO_TOKEN") && said.contains("[server.studio] headers.Authorization"), "{said}");
    assert_eq!(proxy.heard().len(), 0, "without its secret nobody is asked");

    let refused = run(folder.path(), false, Some(TOKEN)).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("certificate") && !said.contains(TOKEN), "{said}");
    assert_eq!(proxy.heard().len(), 0, "nothing is said to who cannot be trusted");

    let done = run(folder.path(), true, Some(TOKEN)).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let heard = proxy.heard();
    assert!(heard.iter().any(|text| text.starts_with("GET /ws?")), "the socket goes the same way: {heard:?}");
    let header = format!("authorization: {TOKEN}").to_lowercase();
    assert!(heard.iter().all(|text| text.to_lowercase().contains(&header)), "{heard:?}");
    let ledger = std::fs::read(folder.path().join(".comfywright/ledger.db")).unwrap();
    assert!(!ledger.windows(TOKEN.len()).any(|bytes| bytes == TOKEN.as_bytes()), "a secret stays where it is");
}
