//! Colours as people name them, judged in a space in which distances are what is seen.

use super::query::Color;

/// `rgb` (sRGB, 0 to 1) in `OKLab`: lightness 0 to 1, green to red, blue to yellow.
///
/// Source: Ottosson, "A perceptual color space for image processing" (2020).
pub fn oklab(rgb: [f32; 3]) -> [f64; 3] {
    let linear = rgb.map(|value| {
        let value = f64::from(value).clamp(0.0, 1.0);
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let mixed = |weights: [f64; 3]| weights.iter().zip(linear).map(|(weight, value)| weight * value).sum::<f64>();
    let l = mixed([0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9]).cbrt();
    let m = mixed([0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6]).cbrt();
    let s = mixed([0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5]).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

/// Colours that go by each name, as sRGB. A colour has the name of the nearest of them.
const NAMED: [(Color, &[u32]); 11] = [
    (Color::Red, &[0xff_0000, 0xd0_1c1f, 0xb2_2222, 0x8b_0000, 0xdc_3c3c, 0xa0_3030, 0x70_1818]),
    (Color::Orange, &[0xff_8c00, 0xff_7518, 0xe8_741e, 0xcc_5500, 0xf4_a040]),
    (Color::Yellow, &[0xff_ff00, 0xff_d700, 0xe6_c619, 0xf4_e06d, 0xb8_a420, 0xfa_f0a0]),
    (
        Color::Green,
        &[0x00_ff00, 0x22_8b22, 0x00_6400, 0x7c_cd5a, 0x9a_cd32, 0x55_6b2f, 0x2e_8b57, 0x20_4020, 0x8a_a868],
    ),
    (
        Color::Blue,
        &[
            0x00_00ff, 0x1e_4fd0, 0x00_008b, 0x46_82b4, 0x87_ceeb, 0x1e_90ff, 0x2a_3f6b, 0x00_b7c8, 0x5a_7aa0,
            0x74_86a4, 0x2a_3248,
        ],
    ),
    (Color::Purple, &[0x80_0080, 0x8a_2be2, 0x4b_0082, 0x93_70db, 0xb0_40c8, 0xff_00ff, 0x60_4080]),
    (Color::Pink, &[0xff_c0cb, 0xff_69b4, 0xf4_a0b8, 0xff_1493, 0xe8_a0b0, 0xd8_7093]),
    (Color::Brown, &[0x8b_4513, 0x65_4321, 0xa0_522d, 0x5c_4033, 0x3e_2723, 0x9c_7248, 0x7a_5a40]),
    (Color::Black, &[0x00_0000, 0x12_1212, 0x22_2222, 0x2c_2c2c, 0x1c_1a20]),
    (Color::White, &[0xff_ffff, 0xf2_f2f2, 0xe2_e2e2, 0xf4_f0e6, 0xe6_ecf2]),
    (Color::Grey, &[0x80_8080, 0xa9_a9a9, 0x60_6060, 0x48_4848, 0xc0_c0c0, 0x70_7880, 0x98_948c]),
];

/// How much less a difference of lightness counts than one of hue.
const LIGHTNESS: f64 = 0.6;

/// The name of `lab`, a colour in `OKLab`.
pub fn color_name(lab: [f64; 3]) -> Color {
    let samples = named_samples();
    let nearest = samples.iter().min_by(|a, b| apart(&a.1, &lab).total_cmp(&apart(&b.1, &lab)));
    nearest.map_or(Color::Grey, |(color, _)| *color)
}

fn apart(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    (LIGHTNESS * (a[0] - b[0])).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2)
}

fn named_samples() -> &'static [(Color, [f64; 3])] {
    static SAMPLES: std::sync::OnceLock<Vec<(Color, [f64; 3])>> = std::sync::OnceLock::new();
    SAMPLES.get_or_init(|| {
        let channel = |rgb: u32, shift: u32| (rgb >> shift & 0xff) as f32 / 255.0;
        let lab = |rgb: u32| oklab([channel(rgb, 16), channel(rgb, 8), channel(rgb, 0)]);
        NAMED.iter().flat_map(|(color, samples)| samples.iter().map(move |rgb| (*color, lab(*rgb)))).collect()
    })
}

/// The share of each colour's name among pixels, each with its weight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColorShares(Vec<(Color, f64)>);

impl ColorShares {
    /// Of `pixels` (sRGB, 0 to 1, and a weight).
    pub fn of(pixels: impl IntoIterator<Item = ([f32; 3], f32)>) -> Self {
        let mut sums: Vec<(Color, f64)> = NAMED.iter().map(|(color, _)| (*color, 0.0)).collect();
        let mut all = 0.0;
        for (rgb, weight) in pixels.into_iter().filter(|(_, weight)| *weight > 0.0) {
            let name = color_name(oklab(rgb));
            if let Some((_, sum)) = sums.iter_mut().find(|(color, _)| *color == name) {
                *sum += f64::from(weight);
            }
            all += f64::from(weight);
        }
        if all > 0.0 {
            sums.iter_mut().for_each(|(_, sum)| *sum /= all);
        }
        Self(sums)
    }

    /// The share of `color`, 0 to 1.
    pub fn share(&self, color: Color) -> f64 {
        self.0.iter().find(|(name, _)| *name == color).map_or(0.0, |(_, share)| *share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // From Ottosson's page.
        let near = |found: [f64; 3], wanted: [f64; 3]| found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-3);
        assert!(near(oklab([1.0, 1.0, 1.0]), [1.0, 0.0, 0.0]));
        assert!(near(oklab([1.0, 0.0, 0.0]), [0.628, 0.225, 0.126]));
        assert!(near(oklab([0.0, 0.0, 1.0]), [0.452, -0.032, -0.312]));
    }

    #[test]
    fn colours_have_the_names_that_people_give_them() {
        for (rgb, name) in [
            ([200, 30, 35], Color::Red),
            ([120, 20, 25], Color::Red),
            ([240, 130, 30], Color::Orange),
            ([250, 220, 40], Color::Yellow),
            ([60, 120, 50], Color::Green),
            ([30, 60, 160], Color::Blue),
            ([130, 180, 230], Color::Blue),
            ([110, 40, 140], Color::Purple),
            ([250, 170, 190], Color::Pink),
            ([110, 70, 40], Color::Brown),
            ([15, 15, 18], Color::Black),
            ([250, 250, 248], Color::White),
            ([130, 132, 135], Color::Grey),
        ] {
            assert_eq!(color_name(oklab(rgb.map(|value: u16| f32::from(value) / 255.0))), name, "{rgb:?}");
        }
    }

    #[test]
    fn shares_are_of_the_weights() {
        let shares = ColorShares::of([([1.0, 0.0, 0.0], 3.0), ([0.0, 0.0, 1.0], 1.0), ([0.0, 1.0, 0.0], 0.0)]);
        assert!((shares.share(Color::Red) - 0.75).abs() < 1e-9 && (shares.share(Color::Blue) - 0.25).abs() < 1e-9);
        assert!(ColorShares::of([]).share(Color::Red).abs() < 1e-9);
    }
}
