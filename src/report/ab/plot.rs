//! Drawings, and their axes, scales and marks.

use maud::{Markup, PreEscaped, html};

use crate::report::shell;

/// What plots look like.
pub(super) const STYLE: &str = include_str!("plot.css");

/// Colours that are others in the dark.
pub(super) const DARK_STYLE: &str = include_str!("plot-dark.css");

/// A plot.
pub(super) struct Drawing {
    /// What it shows, in one sentence.
    pub(super) label: String,
    /// Its size.
    pub(super) size: (f64, f64),
    /// What is in it.
    pub(super) content: Markup,
}

impl Drawing {
    /// As a part of a page, whose colours it takes.
    pub(super) fn in_page(&self) -> Markup {
        html! {
            div class="scroll" tabindex="0" role="region" aria-label=(self.label) {
                svg class="plot" viewBox=(format!("0 0 {} {}", self.size.0, self.size.1)) role="img" aria-label=(self.label) {
                    (self.content)
                }
            }
        }
    }

    /// As an SVG file of its own, on a light ground.
    pub(super) fn file(&self) -> String {
        let style = shell::in_light(STYLE);
        let (width, height) = self.size;
        let svg = html! {
            svg xmlns="http://www.w3.org/2000/svg" class="plot" width=(width) height=(height)
                viewBox=(format!("0 0 {width} {height}")) font-family="Noto Sans" {
                title { (self.label) }
                style { (PreEscaped(style)) }
                rect class="ground" width=(width) height=(height) {}
                (self.content)
            }
        };
        svg.into_string()
    }
}

/// A stretch of numbers laid on a stretch of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Lays `values` on `start` to `end`, with a twentieth of room at both ends.
    pub(super) fn over(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = if low.is_finite() && high > low { (low, high) } else { (0.0, 1.0) };
        let room = (high - low) / 20.0;
        Self { from: low - room, to: high + room, start, end }
    }

    /// Lays `from` to `to` on `start` to `end`.
    pub(super) fn exact(from: f64, to: f64, start: f64, end: f64) -> Self {
        Self { from, to: if to > from { to } else { from + 1.0 }, start, end }
    }

    pub(super) fn at(self, value: f64) -> f64 {
        self.start + (value - self.from) / (self.to - self.from) * (self.end - self.start)
    }

    /// Round numbers along it, at most about `most`.
    pub(super) fn ticks(self, most: u32) -> Vec<f64> {
        let rough = (self.to - self.from) / f64::from(most.max(1));
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= rough).unwrap_or(rough);
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step).floor() as i64;
        (first..=last).map(|number| number as f64 * step).collect()
    }
}

/// A number as an axis shows it.
pub(super) fn tick(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" || text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

/// A coordinate.
pub(super) fn n(value: f64) -> String {
    format!("{value:.1}")
}

/// The axis along the bottom, with its lines up to `top`.
pub(super) fn bottom_axis(scale: Scale, top: f64, bottom: f64, title: &str, middle: f64) -> Markup {
    html! {
        @for value in scale.ticks(7) {
            line class="grid" x1=(n(scale.at(value))) x2=(n(scale.at(value))) y1=(n(top)) y2=(n(bottom)) {}
            text class="tick" text-anchor="middle" x=(n(scale.at(value))) y=(n(bottom + 16.0)) { (tick(value)) }
        }
        text class="axis" text-anchor="middle" x=(n(middle)) y=(n(bottom + 34.0)) { (title) }
    }
}

/// The axis along the left, with its lines from `left` to `right`.
pub(super) fn left_axis(scale: Scale, left: f64, right: f64, title: &str) -> Markup {
    html! {
        @for value in scale.ticks(5) {
            line class="grid" x1=(n(left)) x2=(n(right)) y1=(n(scale.at(value))) y2=(n(scale.at(value))) {}
            text class="tick" text-anchor="end" x=(n(left - 6.0)) y=(n(scale.at(value) + 4.0)) { (tick(value)) }
        }
        text class="axis" x=(n(left)) y="14" { (title) }
    }
}

/// A mark whose form says which variation it is, also without colour.
pub(super) fn mark(number: usize, x: f64, y: f64) -> Markup {
    let class = format!("mark c{}", number % 5);
    let triangle =
        |d: f64| format!("{},{} {},{} {},{}", n(x), n(y - d), n(x - 5.0), n(y + d * 0.8), n(x + 5.0), n(y + d * 0.8));
    html! {
        @match number % 4 {
            0 => { circle class=(class) cx=(n(x)) cy=(n(y)) r="4.5" {} }
            1 => { rect class=(class) x=(n(x - 4.0)) y=(n(y - 4.0)) width="8" height="8" {} }
            2 => { polygon class=(class) points=(triangle(5.0)) {} }
            _ => { polygon class=(class) points=(format!("{},{} {},{} {},{} {},{}", n(x), n(y - 5.5), n(x + 5.5), n(y), n(x), n(y + 5.5), n(x - 5.5), n(y))) {} }
        }
    }
}

/// A name beside a plot, with the mark of its variation, and a line to it from where its point is.
pub(super) fn label(number: usize, (x, y): (f64, f64), at: (f64, f64), name: &str, class: &str) -> Markup {
    html! {
        line class="lead" x1=(n(x + 6.0)) y1=(n(y)) x2=(n(at.0)) y2=(n(at.1)) {}
        (mark(number, at.0 + 8.0, at.1))
        text class=(class) x=(n(at.0 + 18.0)) y=(n(at.1 + 4.0)) { (name) }
    }
}

/// Heights of labels that stand at `wanted`, moved apart until they are `gap` from each other.
pub(super) fn apart(wanted: &[f64], gap: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut at = vec![0.0; wanted.len()];
    let mut last = f64::NEG_INFINITY;
    for place in &order {
        last = wanted[*place].max(last + gap);
        at[*place] = last;
    }
    let mut next = f64::INFINITY;
    for place in order.iter().rev() {
        at[*place] = at[*place].min(next - gap).min(bottom);
        next = at[*place];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_labels_apart() {
        let scale = Scale::exact(0.0, 1.0, 0.0, 100.0);
        let told: Vec<String> = scale.ticks(5).into_iter().map(tick).collect();
        assert_eq!(told, ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert!((scale.at(0.25) - 25.0).abs() < 1e-9);
        let at = apart(&[10.0, 11.0, 12.0, 90.0], 14.0, 200.0);
        let mut sorted = at.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|two| two[1] - two[0] >= 13.9), "{at:?}");
        assert!(apart(&[198.0, 199.0], 14.0, 200.0).iter().all(|y| *y <= 200.0));
    }
}
