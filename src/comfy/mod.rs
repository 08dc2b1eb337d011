//! Real ComfyUI servers: speaks their HTTP and WebSocket, and runs items on them as an
//! [`Executor`](crate::run::Executor).
//!
//! [`Client`] is one server's HTTP, [`ComfyExecutor`] the pool of servers. Secrets come resolved
//! and are never printed. Knows neither documents nor the ledger nor the environment.

mod cancel;
mod client;
mod client_error;
mod client_facts;
mod executor;
mod follow;
mod outputs;
mod pool;
mod problems;
mod progress;
mod protocol;
mod room;
mod server;
mod settings;
mod socket;
mod socket_message;
mod submit;
mod upload;
mod withdraw;

pub use client::{Answer, Client};
pub use client_error::ClientError;
pub use executor::{ComfyExecutor, ComfySettings, PreviewSink};
pub use progress::Steps;
pub use protocol::{Device, HistoryEntry, OutputRef, Queue, Submission, Submitted, SystemStats, Upload};
pub use room::{Room, choose};
pub use settings::{Patience, Secret, ServerSettings};
pub use socket_message::{Preview, SocketMessage};
pub use withdraw::withdraw;
