//! External scorers: whether their commands start, and answer for a picture.

use image::{ImageFormat, RgbImage};

use super::findings::DoctorFinding;
use crate::app::{Session, run::external_scorers};

/// Side of the picture that they are asked about, in pixels.
const SIDE: u32 = 64;

/// Asks every scorer of the configuration about a grey picture.
pub(super) fn examine(session: &Session) -> Vec<DoctorFinding> {
    if session.config.scorer.is_empty() || session.is_confined() {
        return Vec::new();
    }
    let area = |name: &str| format!("scorer {name}");
    let trouble = |name: &str, message: String| {
        let advice = format!("correct [scorer.{name}] in comfywright.toml, or what its command starts");
        DoctorFinding::trouble(&area(name), "scorer", message).advise(advice)
    };
    let names = || session.config.scorer.keys();
    let picture = match picture() {
        Ok(picture) => picture,
        Err(error) => return names().map(|name| trouble(name, format!("could not be asked: {error}"))).collect(),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return names().map(|name| trouble(name, format!("could not be asked: {error}"))).collect(),
    };
    let path = picture.path().to_string_lossy().into_owned();
    let scorers = external_scorers(session);
    let ask = |name: &String| match runtime.block_on(scorers.try_out(name, &path)) {
        Ok(values) => {
            let told: Vec<String> = values.iter().map(|(metric, value)| format!("{metric} {value:.3}")).collect();
            DoctorFinding::ok(&area(name), "scorer", format!("answers; a grey picture has {}", told.join(", ")))
        }
        Err(fault) => trouble(name, fault.message),
    };
    names().map(ask).collect()
}

fn picture() -> Result<tempfile::NamedTempFile, String> {
    let file = tempfile::Builder::new().suffix(".png").tempfile().map_err(|error| error.to_string())?;
    let grey = RgbImage::from_pixel(SIDE, SIDE, image::Rgb([128; 3]));
    grey.save_with_format(file.path(), ImageFormat::Png).map_err(|error| error.to_string())?;
    Ok(file)
}
