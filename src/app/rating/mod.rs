//! Judgement by people: what is shown to whom, what they said, and tables of it.

mod analyze;
mod desk;
mod table;

pub use analyze::{OpinionsAnalyzed, analyze_opinions};
pub use desk::{Answer, Desk, JudgeError, Mode, Queue, Side};
pub use table::{
    Exported as ExportedOpinions, Imported as ImportedOpinions, RATINGS_FOLDER, export_opinions, import_opinions,
};
