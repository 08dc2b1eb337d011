//! Judgement by people: what is shown to whom, what they said, and tables of it.

mod analyze;
mod desk;
mod opinions;
mod table;

pub use analyze::{OpinionsAnalyzed, analyze_opinions};
pub(super) use opinions::Opinions;

pub use desk::{Answer, Desk, JudgeError, Mode, Queue, Side};
pub use table::{
    Exported as ExportedOpinions, Imported as ImportedOpinions, RATINGS_FOLDER, export_opinions, import_opinions,
};
