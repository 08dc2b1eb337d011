//! The formats by their names on the command line.

use crate::files::Format;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FormatName {
    /// TOML
    Toml,
    /// KDL 2.0
    Kdl,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Toml => Self::Toml,
            FormatName::Kdl => Self::Kdl,
        }
    }
}
