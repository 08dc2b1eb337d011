//! The pictures that nodes get: made from a seed, written as PNG files.

use std::{collections::BTreeSet, path::Path};

use image::{Rgb, RgbImage, Rgba, RgbaImage};

/// `SplitMix64`: small, and the same everywhere.
pub struct Random(u64);

impl Random {
    /// The numbers of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `limit - 1`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fill {
    /// Random levels, a part of them exactly 0, 128 or 255.
    Noise,
    /// A gradient with a little noise.
    Smooth,
    /// Only 0 and 255 on every channel.
    Binary,
    /// One level everywhere.
    Flat(u8),
}

/// A batch of pictures of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Picture {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Pictures in the batch.
    pub batch: u32,
    /// Whether there is an alpha channel.
    pub alpha: bool,
    /// What they show.
    pub fill: Fill,
    /// Tells pictures apart that are alike otherwise.
    pub number: u32,
}

impl Picture {
    /// One picture of noise without alpha.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height, batch: 1, alpha: false, fill: Fill::Noise, number: 0 }
    }

    /// So many of it.
    pub const fn batch(self, batch: u32) -> Self {
        Self { batch, ..self }
    }

    /// With alpha.
    pub const fn alpha(self) -> Self {
        Self { alpha: true, ..self }
    }

    /// Showing something else.
    pub const fn fill(self, fill: Fill) -> Self {
        Self { fill, ..self }
    }

    /// Another one of the same kind.
    pub const fn number(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// The file of picture `index` of the batch, relative to the workspace.
    pub fn file(self, index: u32) -> String {
        format!("pictures/{}.{index}.png", self.id())
    }

    /// A name, for nodes and files.
    pub fn id(self) -> String {
        let fill = match self.fill {
            Fill::Noise => "noise".to_owned(),
            Fill::Smooth => "smooth".to_owned(),
            Fill::Binary => "binary".to_owned(),
            Fill::Flat(level) => format!("flat{level}"),
        };
        let Self { width, height, batch, number, .. } = self;
        format!("{width}x{height}{}_{batch}_{fill}_{number}", if self.alpha { "a" } else { "" })
    }

    fn write(self, root: &Path, index: u32, seed: u64) {
        let name = format!("{} {index}", self.id());
        let mut random = Random::new(name.bytes().fold(seed, |seed, byte| Random::new(seed ^ u64::from(byte)).next()));
        let mut pixel = |x, y| [0, 1, 2, 3].map(|channel| self.level(x, y, channel, &mut random));
        let path = root.join(self.file(index));
        let written = if self.alpha {
            RgbaImage::from_fn(self.width, self.height, |x, y| Rgba(pixel(x, y))).save(path)
        } else {
            let rgb = |[red, green, blue, _]: [u8; 4]| Rgb([red, green, blue]);
            RgbImage::from_fn(self.width, self.height, |x, y| rgb(pixel(x, y))).save(path)
        };
        written.expect("a picture is written");
    }

    fn level(self, x: u32, y: u32, channel: u32, random: &mut Random) -> u8 {
        match self.fill {
            Fill::Flat(level) => level,
            Fill::Binary => [0, 255][random.below(2) as usize],
            Fill::Noise => match random.below(12) {
                0 => 0,
                1 => 128,
                2 => 255,
                _ => random.below(256) as u8,
            },
            Fill::Smooth => {
                let share = |at: u32, size: u32| u64::from(at * 230 / (size - 1).max(1));
                let (across, down) = (share(x, self.width), share(y, self.height));
                let ramp = [across, down, u64::midpoint(across, down), 230 - across][channel as usize];
                (ramp + random.below(26)) as u8
            }
        }
    }
}

/// Writes the files of `pictures` below `root`.
pub fn write_all(root: &Path, pictures: &BTreeSet<Picture>, seed: u64) {
    std::fs::create_dir_all(root.join("pictures")).expect("a folder");
    for picture in pictures {
        (0..picture.batch).for_each(|index| picture.write(root, index, seed));
    }
}
