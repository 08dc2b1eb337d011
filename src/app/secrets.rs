//! Secrets by reference: `env:NAME` and `file:PATH`. The only place where they are resolved.

use std::path::Path;

use super::AppError;
use crate::comfy::Secret;

/// Longest secret, in bytes.
const LONGEST: u64 = 64 << 10;

/// The value that `text` refers to; `text` itself when it is no reference. `place` says where the
/// reference stands, such as `[server.local] api_key`. Messages name the reference, never a value.
pub fn resolve(text: &str, place: &str, root: &Path) -> Result<Secret, AppError> {
    let failed = |why: String| AppError::environment(format!("failed to resolve {text} of {place}: {why}"));
    if let Some(name) = text.strip_prefix("env:") {
        return match std::env::var(name) {
            Ok(value) if !value.trim().is_empty() => Ok(Secret::new(value.trim())),
            Ok(_) => Err(failed("the variable is empty".to_owned())),
            Err(std::env::VarError::NotUnicode(_)) => Err(failed("the variable is no text".to_owned())),
            Err(std::env::VarError::NotPresent) => {
                Err(failed("the variable is not set".to_owned()).with_hint(format!("set it: export {name}=…")))
            }
        };
    }
    if let Some(path) = text.strip_prefix("file:") {
        let path = root.join(path);
        let size = std::fs::metadata(&path).map_err(|e| failed(e.to_string()))?.len();
        if size > LONGEST {
            return Err(failed("the file is too long for a secret".to_owned()));
        }
        let value = std::fs::read_to_string(&path).map_err(|e| failed(e.to_string()))?;
        return match value.trim() {
            "" => Err(failed("the file is empty".to_owned())),
            value => Ok(Secret::new(value)),
        };
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_and_values_are_not_told() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("token"), "  s3cret\n").unwrap();
        std::fs::write(root.path().join("empty"), "\n").unwrap();
        let of = |text: &str| resolve(text, "[server.a] api_key", root.path());
        assert_eq!(of("file:token").unwrap(), Secret::new("s3cret"));
        assert_eq!(of("plain").unwrap(), Secret::new("plain"));
        for text in ["file:absent", "file:empty", "env:COMFYWRIGHT_NO_SUCH_VARIABLE"] {
            let error = of(text).unwrap_err();
            assert!(error.to_string().contains(text) && error.to_string().contains("[server.a] api_key"), "{error}");
            assert_eq!(error.exit_code(), crate::app::ExitCode::Environment);
        }
    }
}
