//! Files of models that are part of this program.

/// Each by its SHA-256.
const FILES: [(&str, &[u8]); 1] = [(
    "26ede1213a1787afb5560cfea49f159f1f2c6824e1c0d1f5c659cc3f7d318fa4",
    include_bytes!("../../assets/shapes/shapes.onnx"),
)];

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
