//! The typed model of documents and of the workspace's configuration.
//!
//! What a document says, without places: a value's place is found in the tree it came from, by
//! the same path. Knows neither formats nor execution.

mod canonical;
mod catalog;
mod chain;
mod config;
mod decoder;
mod detect;
mod document;
mod duration;
mod known_models;
mod lock;
mod manifest;
mod mask;
mod mask_export;
mod mask_motion;
mod model_source;
mod node_def;
mod read;
mod reference;
pub mod schema;
mod settings;
mod task_types;
mod text;
mod workspace;

pub use canonical::canonical_numbers;
pub use catalog::{Catalog, Identity, Loaded, OlderVersions, Origin, ReferenceError, VERSIONS_FOLDER, VersionsFolder};
pub use chain::{
    Chain, Checkpoint, ErrorClass, Foreach, Join, Mode, Prefer, Retry, Route, RoutingTest, TASK_KEYS, Task,
    TaskDefaults, TaskType, Values,
};
pub use config::{Config, ConfigDefaults, ExternalScorer, Limits, ModelDefaults, Registry, Server, Store};
pub use decoder::ModelDecoder;
pub use detect::{DetectStyle, ModelDetect, Trust};
pub use document::{
    AbTest, Better, Bind, Body, ChangelogRow, Decision, DecisionPlan, Document, GraphFile, Header, Kind, Lineage,
    NodeDef, PREFERENCE, Param, ParamType, Preset, RATING, Seeds, TAKEN, Template, ValueMap, is_measured, word,
};
pub use duration::{parse_backoff, parse_duration};
pub use known_models::{KnownModel, KnownModels, MODELS_FOLDER, NoModel};
pub use lock::{
    Drift, DriftKind, HashSection, LOCK_FILE, LOCK_FORMAT, Lock, LockedFacts, LockedHash, LockedServer, Surroundings,
    read_lock,
};
pub use manifest::{
    ColorOrder, InputFilter, InputFit, InputScale, ModelFile, ModelInput, ModelLicence, ModelManifest, ModelOutput,
    ModelRole, OutputStep,
};
pub use mask::{Blend, Layer, Mask, Shape, ShapeType};
pub use mask_export::{MaskExport, MaskFile, MaskFormat, WrongExport};
pub use mask_motion::{Ease, Keyframe, Pose};
pub use model_source::{ModelSource, PackagedFile};
pub use read::{
    MAX_DOCUMENT_BYTES, Parsed, config_shape, decoded, file_too_large, manifest_shape, read_bytes, read_config,
    read_document, read_manifest, setting_path, shape_of, shape_of_name,
};
pub use reference::{HashAlgorithm, InvalidReference, Reference, VersionSpec};
pub use settings::{
    DataKind, InputInfo, OutputInfo, SettingInfo, SettingShape, TaskTypeInfo, settings_named, task_type,
    task_type_name, task_types,
};
pub use text::{ModelText, Sentence, TextAsks, Words};
pub use workspace::{CONFIG_FILE, DOCUMENTS_FOLDER, FEW, Workspace, identity, load_document, loaded};
