//! Files of models that are part of this program.

use crate::model::ModelFile;

/// Each by its SHA-256.
const FILES: [(&str, &[u8]); 1] = [(
    "1bf7b5b69d3c7515059fdc1f1fff6cdea9547d26fdbcaa514a463801a668778a",
    include_bytes!("../../assets/shapes/shapes.onnx"),
)];

/// Whether the program has this file.
pub fn is_built_in(file: &ModelFile) -> bool {
    bytes(&file.sha256).is_some()
}

/// The file with this hash, where the program has it.
pub(super) fn bytes(sha256: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(known, _)| *known == sha256).map(|(_, bytes)| *bytes)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::{super::cache::hex, *};
    use crate::model::KnownModels;

    #[test]
    fn each_file_is_what_a_built_in_manifest_says() {
        for (sha256, bytes) in FILES {
            assert_eq!(hex(&Sha256::digest(bytes)), sha256);
            let mut files = KnownModels::built_in().iter().flat_map(|model| &model.manifest.file);
            assert!(files.any(|file| file.sha256 == sha256 && file.size == bytes.len() as u64), "{sha256}");
        }
    }
}
