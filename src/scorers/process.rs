//! One process of a scorer: a line goes in, a line comes out.

use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Longest answer, in bytes.
const LONGEST_ANSWER: u64 = 1 << 20;

/// How much of what it says on standard error is kept, in bytes.
const KEPT_WORDS: usize = 2048;

/// How long a process that has closed its output may take to end.
const ENDING: Duration = Duration::from_secs(2);

/// A process that runs. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    said: Arc<Mutex<Vec<u8>>>,
    has_answered: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// It has ended: how, as far as that is known, and what it said last on standard error.
    Ended(Option<ExitStatus>, String),
    /// It did not answer in time.
    TooLate,
    /// The line is longer than anything that is meant as an answer.
    TooLong,
}

impl Process {
    /// Starts `command`, with the folder `root` as its own. Within a tokio runtime.
    pub(super) fn start(command: &[String], root: &Path) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
        // What names a folder is meant from the workspace, like the arguments.
        let is_place = program.contains(['/', std::path::MAIN_SEPARATOR]);
        let program = if is_place { root.join(program) } else { program.into() };
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let closed = || io::Error::other("it has no standard streams");
        let (input, output) = (child.stdin.take().ok_or_else(closed)?, child.stdout.take().ok_or_else(closed)?);
        let said = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(keep_words(child.stderr.take().ok_or_else(closed)?, said.clone()));
        Ok(Self { child, input, output: BufReader::new(output), said, has_answered: false })
    }

    /// Whether it has answered something already.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Sends `request`, which holds no line break, and reads the answer. After a silence the process is of no
    /// more use.
    pub(super) async fn ask(&mut self, request: &str, patience: Duration) -> Result<String, Silence> {
        let exchange = timeout(patience, self.exchange(request)).await;
        let line = match exchange {
            Err(_) => return Err(Silence::TooLate),
            // What cannot be written or read is a process that has ended or closed its streams.
            Ok(Err(_)) => return Err(self.ended().await),
            Ok(Ok(line)) => line,
        };
        match line.strip_suffix(b"\n") {
            Some(line) => {
                self.has_answered = true;
                Ok(String::from_utf8_lossy(line).into_owned())
            }
            None if line.len() as u64 >= LONGEST_ANSWER => Err(Silence::TooLong),
            None => Err(self.ended().await),
        }
    }

    async fn exchange(&mut self, request: &str) -> io::Result<Vec<u8>> {
        self.input.write_all(request.as_bytes()).await?;
        self.input.write_all(b"\n").await?;
        self.input.flush().await?;
        let mut line = Vec::new();
        (&mut self.output).take(LONGEST_ANSWER).read_until(b'\n', &mut line).await?;
        Ok(line)
    }

    async fn ended(&mut self) -> Silence {
        let status = timeout(ENDING, self.child.wait()).await.ok().and_then(Result::ok);
        // Who reads its last words may be a moment behind.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let words = String::from_utf8_lossy(&said);
        Silence::Ended(status, words.trim().lines().last().unwrap_or_default().trim().to_owned())
    }
}

/// Reads what a process says, so that it need not wait for a reader, and keeps the end of it.
async fn keep_words(mut words: impl AsyncRead + Unpin, said: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = words.read(&mut piece).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&piece[..length]);
        let surplus = said.len().saturating_sub(KEPT_WORDS);
        said.drain(..surplus);
    }
}
