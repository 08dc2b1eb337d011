//! How layers of masks change over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mask::Layer;

/// What a layer is like at a frame. Between two keyframes that have a key, its value is in between; before the first
/// and after the last it stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Keyframe {
    /// The frame, from 0.
    pub frame: u32,
    /// How far to the right of where it was drawn, in widths of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -100.0, max = 100.0))]
    pub x: Option<f64>,
    /// How far below where it was drawn, in heights of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -100.0, max = 100.0))]
    pub y: Option<f64>,
    /// How many times as large, about its own middle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1000.0))]
    pub scale: Option<f64>,
    /// Weight of the layer, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub opacity: Option<f64>,
    /// Radius of a soft edge in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1024.0))]
    pub feather: Option<f64>,
    /// Pixels to grow (or, negative, to shrink) by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grow: Option<i32>,
    /// How it goes from the keyframe before to this one.
    #[serde(default, skip_serializing_if = "Ease::is_linear")]
    pub ease: Ease,
}

/// How a value goes from one keyframe to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ease {
    /// Evenly.
    #[default]
    Linear,
    /// Slow at first: t³.
    EaseIn,
    /// Slow at the end: 1 - (1 - t)³.
    EaseOut,
    /// Slow at both ends: 4 t³, and the same turned round from the middle on.
    EaseInOut,
    /// Not at all, and all at once at the end.
    Hold,
}

impl Ease {
    /// The share of the way, 0 to 1, at the share `t` of the time.
    pub fn at(self, t: f64) -> f64 {
        match self {
            Self::Linear => t,
            Self::EaseIn => t.powi(3),
            Self::EaseOut => 1.0 - (1.0 - t).powi(3),
            Self::EaseInOut if t < 0.5 => 4.0 * t.powi(3),
            Self::EaseInOut => 1.0 - 4.0 * (1.0 - t).powi(3),
            Self::Hold if t < 1.0 => 0.0,
            Self::Hold => 1.0,
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_linear(&self) -> bool {
        *self == Self::Linear
    }
}

/// What a layer is like at one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// How far to the right, in widths of the picture.
    pub x: f64,
    /// How far down, in heights of the picture.
    pub y: f64,
    /// How many times as large.
    pub scale: f64,
    /// Its weight.
    pub opacity: f64,
    /// Radius of its soft edge in pixels.
    pub feather: f64,
    /// Pixels that it grows by.
    pub grow: i32,
}

impl Layer {
    /// What the layer is like at `frame`.
    pub fn pose(&self, frame: u32) -> Pose {
        let value = |key: fn(&Keyframe) -> Option<f64>, own: f64| between(&self.keyframes, frame, key).unwrap_or(own);
        let grow = value(|k| k.grow.map(f64::from), f64::from(self.grow.unwrap_or(0)));
        Pose {
            x: value(|k| k.x, 0.0),
            y: value(|k| k.y, 0.0),
            scale: value(|k| k.scale, 1.0),
            opacity: value(|k| k.opacity, self.opacity.unwrap_or(1.0)),
            feather: value(|k| k.feather, self.feather.unwrap_or(0.0)),
            grow: grow.round() as i32,
        }
    }

    /// Number of frames to the last keyframe; 1 without any.
    pub fn frame_count(&self) -> u32 {
        self.keyframes.iter().map(|keyframe| keyframe.frame.saturating_add(1)).max().unwrap_or(1)
    }
}

/// The value at `frame`, of those keyframes that have one; keyframes are in order of their frames.
fn between(keyframes: &[Keyframe], frame: u32, key: fn(&Keyframe) -> Option<f64>) -> Option<f64> {
    let known = || keyframes.iter().filter_map(|keyframe| Some((keyframe, key(keyframe)?)));
    let before = known().rfind(|(keyframe, _)| keyframe.frame <= frame);
    let after = known().find(|(keyframe, _)| keyframe.frame > frame);
    match (before, after) {
        (Some((start, from)), Some((end, to))) => {
            let t = f64::from(frame - start.frame) / f64::from(end.frame - start.frame);
            Some(from + (to - from) * end.ease.at(t))
        }
        (Some((_, value)), None) | (None, Some((_, value))) => Some(value),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(keyframes: Vec<Keyframe>) -> Layer {
        Layer { opacity: Some(0.5), feather: Some(3.0), keyframes, ..Layer::default() }
    }

    #[test]
    fn values_are_between_their_keyframes() {
        let layer = layer(vec![
            Keyframe { frame: 2, x: Some(0.0), opacity: Some(0.0), ..Keyframe::default() },
            Keyframe { frame: 4, x: Some(1.0), ..Keyframe::default() },
            Keyframe { frame: 6, opacity: Some(1.0), grow: Some(3), ..Keyframe::default() },
        ]);
        let found: Vec<(f64, f64)> = (0..8).map(|frame| layer.pose(frame)).map(|pose| (pose.x, pose.opacity)).collect();
        let wanted = [(0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.5, 0.25), (1.0, 0.5), (1.0, 0.75), (1.0, 1.0), (1.0, 1.0)];
        assert_eq!(found, wanted);
        let pose = layer.pose(0);
        assert_eq!((pose.feather, pose.scale, pose.grow), (3.0, 1.0, 3), "what no keyframe has is the layer's own");
        assert_eq!(layer.frame_count(), 7);
    }

    #[test]
    fn easing_begins_and_ends_where_it_should() {
        for ease in [Ease::Linear, Ease::EaseIn, Ease::EaseOut, Ease::EaseInOut, Ease::Hold] {
            assert_eq!((ease.at(0.0), ease.at(1.0)), (0.0, 1.0), "{ease:?}");
            let steps: Vec<f64> = (0..=100).map(|i| ease.at(f64::from(i) / 100.0)).collect();
            assert!(steps.windows(2).all(|pair| pair[0] <= pair[1]), "{ease:?}");
        }
        assert!((Ease::EaseInOut.at(0.5) - 0.5).abs() < 1e-12);
        assert!((Ease::EaseIn.at(0.25) + Ease::EaseOut.at(0.75) - 1.0).abs() < 1e-12);
    }
}
