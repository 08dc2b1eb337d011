//! How a process is told to end: by Ctrl-C, or by the system.

use std::{io::Write as _, process};

use crate::app::ExitCode;

/// Ends when the process is first told to end, and says so; the second time ends it at once.
pub(super) async fn interrupted() {
    interrupted_from_now().await;
}

/// The same, listening from the call on. To be called within a runtime.
pub(super) fn interrupted_from_now() -> impl Future<Output = ()> + Send + 'static {
    let first = told_to_end();
    async {
        first.await;
        // There is nowhere left to say that standard error cannot be written.
        let _ = writeln!(std::io::stderr(), "stopping: what runs is finished; press Ctrl-C again to leave at once");
        tokio::spawn(async {
            told_to_end().await;
            process::exit(ExitCode::Interrupted as i32);
        });
    }
}

#[cfg(unix)]
fn told_to_end() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
async fn told_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
