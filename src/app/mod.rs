//! Operations: one function for each thing a person or a client can ask for.
//!
//! Wires paths, clock, environment and secrets into the layers below. Prints nothing.

mod background;
mod check;
pub mod client_files;
mod convert;
mod diagnostics;
mod doctor;
mod error;
mod faults;
mod fmt;
pub mod history;
mod init;
mod job;
mod kept_scores;
mod layout;
mod mask;
mod models;
mod placed;
mod plan;
mod plan_summary;
mod run;
pub mod run_view;
mod save_preset;
mod schema;
mod secrets;
mod selection;
mod servers;
mod session;
mod words;
mod write;

pub use background::BackgroundRuns;
pub use check::{CheckOptions, CheckReport, Fixed, check, check_and_fix};
pub use convert::{ConvertOptions, Converted, Destination, convert};
pub use diagnostics::{Finding, FindingEdit, FindingFix, Sources, error_findings, findings};
pub use doctor::{DoctorFinding, DoctorOptions, DoctorReport, Fitness, ServerReport, doctor};
pub use error::{AppError, ExitCode};
pub use faults::{Aftermath, fault_diagnostics};
pub use fmt::{FmtReport, fmt};
pub use init::{FIRST_DOCUMENT, InitReport, init};
pub use job::{JobOptions, RunnableJob, make_job};
pub use layout::canonical_text;
pub use mask::{MaskLayer, MaskRequest, MaskSource, Masks, make_masks};
pub use models::{
    AddModel, ModelRow, PROFILES, RemovedModel, VerifiedModel, add_model, list_models, model_store, models_folder, named_models,
    pull_model, remove_model, verify_models,
};
pub use placed::{PlacedJob, Purpose, placed_job};
pub use plan::{Planned, TaskForecast, plan};
pub use plan_summary::{PlanSummary, PlannedRule, PlannedTask};
pub use run::{
    Readiness, ReadyRun, RunRequest, existing_ledger, open_ledger, ready, ready_again, ready_unless_active,
    setting_value,
};
pub use save_preset::{PresetFile, save_preset};
pub use schema::{SchemaKind, file_text, schema_files, write_schemas};
pub use servers::{Connected, Knowledge, connect, server_error, server_settings};
pub use session::{Session, SessionOptions};
pub use words::count;
pub use write::{WriteError, atomic_write, write_new};
