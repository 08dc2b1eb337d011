//! Where things are in a picture and to each other, as numbers from 0 to 1.

use super::Scene;
use crate::vision::{
    Bounds,
    query::{Order, Place, RelationKind},
};

/// From 0 to 1, one half at `middle`, steep within `width` of it.
pub(super) fn rising(value: f64, middle: f64, width: f64) -> f64 {
    1.0 / (1.0 + (-(value - middle) / width).exp())
}

/// How far a candidate is in the direction of a place, 0 to 1; for sides by its middle and its edge there.
pub(super) fn place_value(scene: &Scene<'_>, place: Place, candidate: usize) -> f64 {
    let (width, height) = (scene.size.0.max(1) as f64, scene.size.1.max(1) as f64);
    let bounds = &scene.candidates[candidate].bounds;
    let (x, y) = bounds.middle();
    let (x, y) = (x / width, y / height);
    // What reaches farther to a side is farther there, where the middles are not.
    let (left, right) = (x.midpoint(bounds.left / width), x.midpoint(bounds.right / width));
    let (top, bottom) = (y.midpoint(bounds.top / height), y.midpoint(bounds.bottom / height));
    match place {
        Place::Left => 1.0 - left,
        Place::Right => right,
        Place::Top => 1.0 - top,
        Place::Bottom => bottom,
        Place::Middle => 1.0 - (x - 0.5).hypot(0.6 * (y - 0.5)) * 1.6,
        Place::Foreground => nearness(scene, candidate),
        Place::Background => 1.0 - nearness(scene, candidate),
    }
}

/// How far a candidate is in an order, larger first.
pub(super) fn order_value(scene: &Scene<'_>, order: Order, candidate: usize) -> f64 {
    // Areas are compared by their ratio.
    let size = || scene.candidates[candidate].bounds.area().max(1.0).ln();
    match order {
        Order::Left => place_value(scene, Place::Left, candidate),
        Order::Right => place_value(scene, Place::Right, candidate),
        Order::Top => place_value(scene, Place::Top, candidate),
        Order::Bottom => place_value(scene, Place::Bottom, candidate),
        Order::Largest => size(),
        Order::Smallest => -size(),
        Order::Nearest => place_value(scene, Place::Foreground, candidate),
        Order::Farthest => place_value(scene, Place::Background, candidate),
    }
}

/// What stands lower and is larger is nearer to who looks.
fn nearness(scene: &Scene<'_>, candidate: usize) -> f64 {
    let bounds = &scene.candidates[candidate].bounds;
    let (width, height) = (scene.size.0.max(1) as f64, scene.size.1.max(1) as f64);
    let size = (bounds.area() / (width * height)).sqrt().min(1.0);
    0.5 * (bounds.bottom / height).clamp(0.0, 1.0) + 0.5 * size
}

/// How close two boxes are beside their size: 1 when they touch.
pub(super) fn closeness(a: &Bounds, b: &Bounds) -> f64 {
    let gap = |a0: f64, a1: f64, b0: f64, b1: f64| (b0 - a1).max(a0 - b1).max(0.0);
    let apart = gap(a.left, a.right, b.left, b.right).hypot(gap(a.top, a.bottom, b.top, b.bottom));
    let size = f64::midpoint(a.area().sqrt(), b.area().sqrt()).max(1.0);
    (-apart / (0.3 * size)).exp()
}

/// How much `a` stands to `b` as `kind` says, in a picture of this size.
pub(super) fn relation_value(kind: RelationKind, a: &Bounds, b: &Bounds, size: (usize, usize)) -> f64 {
    let (width, height) = (size.0.max(1) as f64, size.1.max(1) as f64);
    let ((ax, ay), (bx, by)) = (a.middle(), b.middle());
    let beside = 0.5 + 0.5 * shared(a.top, a.bottom, b.top, b.bottom);
    let stacked = 0.3 + 0.7 * shared(a.left, a.right, b.left, b.right);
    let lower = rising((a.bottom - b.bottom) / height, 0.0, 0.03);
    match kind {
        RelationKind::NextTo => closeness(a, b) * (0.4 + 0.6 * shared(a.top, a.bottom, b.top, b.bottom)),
        RelationKind::LeftOf => rising((bx - ax) / width, 0.02, 0.02) * beside,
        RelationKind::RightOf => rising((ax - bx) / width, 0.02, 0.02) * beside,
        RelationKind::Above => rising((by - ay) / height, 0.02, 0.02) * stacked,
        RelationKind::Below => rising((ay - by) / height, 0.02, 0.02) * stacked,
        RelationKind::Behind => (1.0 - lower) * closeness(a, b).sqrt() * (0.5 + 0.5 * stacked),
        RelationKind::InFrontOf => lower * closeness(a, b).sqrt() * (0.5 + 0.5 * stacked),
        RelationKind::On => {
            // It stands in the box of what it is on, or on its upper edge, and reaches up from there.
            let foot = Bounds::new(a.left, a.bottom - 1.0, a.right, a.bottom);
            let table = Bounds::new(b.left, b.top - 0.1 * b.height(), b.right, b.bottom);
            foot.share_in(&table) * rising((b.bottom - a.bottom) / b.height().max(1.0), 0.0, 0.08)
        }
        RelationKind::In => a.share_in(b) * if a.area() < b.area() { 1.0 } else { 0.3 },
        RelationKind::With => {
            let near = a.padded(0.05 * a.width());
            b.share_in(&near).max(0.8 * a.overlap(b)).max(0.3 * closeness(a, b))
        }
    }
}

/// The share of the shorter of two spans that is in the other one.
fn shared(a0: f64, a1: f64, b0: f64, b1: f64) -> f64 {
    let common = (a1.min(b1) - a0.max(b0)).max(0.0);
    let shorter = (a1 - a0).min(b1 - b0);
    if shorter > 0.0 { common / shorter } else { 0.0 }
}
