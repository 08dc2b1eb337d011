//! The real ComfyUI that tests run against.
//!
//! `python3 tests/comfyui/server.py run -- COMMAND` starts one and tells COMMAND where it is.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const SERVER: &str = "COMFYWRIGHT_TEST_SERVER";
const INSTALLATION: &str = "COMFYWRIGHT_TEST_COMFYUI";
const REQUIRED: &str = "COMFYWRIGHT_REQUIRE_SERVER";

/// Longest time that a server of its own may take to start: the machine may be busy.
const START: Duration = Duration::from_mins(10);

/// The checkpoint that every test server has.
#[allow(dead_code, reason = "not every test samples")]
pub const CHECKPOINT: &str = "tiny-sd15.ckpt";

/// The address of the running server. Without one the test is left out, and says so; where a server
/// is required, it fails.
#[allow(dead_code, reason = "some tests only start servers of their own")]
pub fn server() -> Option<String> {
    setting(SERVER)
}

fn setting(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        let message = "left out: there is no ComfyUI (python3 tests/comfyui/server.py run -- cargo nextest run)";
        assert!(std::env::var_os(REQUIRED).is_none(), "{message}");
        eprintln!("{message}");
    }
    value
}

/// A server of a test's own, which it may stop and start again. It ends with the test.
pub struct PrivateServer {
    installation: PathBuf,
    base: tempfile::TempDir,
    port: u16,
    process: Child,
}

#[allow(dead_code, reason = "not every test needs a server of its own")]
impl PrivateServer {
    /// Starts a server, if ComfyUI is installed.
    pub fn start() -> Option<Self> {
        Self::start_in(|_, _| {})
    }

    /// The same in a folder that `prepare` fills before: it gets the installation and the folder.
    pub fn start_in(prepare: impl FnOnce(&Path, &Path)) -> Option<Self> {
        let installation = PathBuf::from(setting(INSTALLATION)?);
        let base = tempfile::tempdir().expect("a temporary folder");
        prepare(&installation, base.path());
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let process = spawn(&installation, port, base.path());
        let mut server = Self { installation, base, port, process };
        server.wait_until_ready();
        Some(server)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder with its `input`, `output` and `models`.
    pub fn base(&self) -> &Path {
        self.base.path()
    }

    /// How long the processor has worked for it, in all its threads.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        // User and system time are the 14th and 15th field, in hundredths of a second.
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Ends its process as a crash does: queue and history are lost.
    pub fn kill(&mut self) {
        // A process that has ended by itself is as dead.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again at the same address, with the same folder.
    pub fn restart(&mut self) {
        self.kill();
        self.process = spawn(&self.installation, self.port, self.base.path());
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) {
        let end = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.process.try_wait().expect("the state of the server's process");
            assert!(ended.is_none(), "ComfyUI ended while it started: {ended:?}");
            assert!(Instant::now() < end, "ComfyUI did not start within {START:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(installation: &Path, port: u16, base: &Path) -> Child {
    Command::new(installation.join("venv/bin/python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/comfyui/server.py"))
        .arg("serve")
        .arg(port.to_string())
        .arg(base)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a server's process")
}
