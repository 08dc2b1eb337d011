//! Arms the points at which tests make the program fail.

use std::env;

use super::AppError;
use crate::failpoint;

/// What is to happen at which point, as [`failpoint::arm`] reads it.
const VARIABLE: &str = "COMFYWRIGHT_FAILPOINTS";

/// Arms what the environment says; nothing, when it says nothing.
pub fn arm_failpoints() -> Result<(), AppError> {
    let Some(text) = env::var_os(VARIABLE).filter(|text| !text.is_empty()) else { return Ok(()) };
    let armed = text.to_str().ok_or_else(|| "it is not UTF-8".to_owned()).and_then(failpoint::arm);
    armed.map_err(|error| AppError::usage(format!("failed to read {VARIABLE}: {error}")))
}
