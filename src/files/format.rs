//! The two file formats.

/// A format that documents are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML, `.toml`.
    Toml,
    /// KDL 2.0, `.kdl`.
    Kdl,
}

impl Format {
    /// The format of a file by the ending of its name; none when it is neither.
    pub fn of_path(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "kdl" => Some(Self::Kdl),
            _ => None,
        }
    }

    /// The ending of file names, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Toml => "toml",
            Self::Kdl => "kdl",
        }
    }
}
