//! Reading and writing image files: against what Pillow makes of `fixtures/images`, and on bytes
//! that are no image.

use std::{fs, io::Cursor, path::Path};

use comfywright::{
    imagefile::{self, Decoded, Format, ImageFileError, Limits},
    raster::Image,
};
use proptest::prelude::*;
use serde_json::Value;

fn fixture(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)).unwrap()
}

fn decoded(path: &str) -> Decoded {
    imagefile::decode(&fixture(path), &Limits::default()).unwrap_or_else(|error| panic!("{path}: failed to {error}"))
}

fn readable() -> Vec<(String, Value)> {
    let expected: serde_json::Map<String, Value> = serde_json::from_slice(&fixture("images/expected.json")).unwrap();
    expected.into_iter().collect()
}

fn mean(values: impl Iterator<Item = f32>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(value), count + 1.0));
    sum / count
}

/// Every readable fixture is as ComfyUI's `LoadImage` gives it. JPEG decoders may differ by a
/// rounding; CMYK is converted by another formula.
#[test]
fn files_are_read_as_load_image_reads_them() {
    for (path, expected) in readable() {
        let found = decoded(&path);
        let (pixel_slack, mean_slack) = match path.rsplit_once('.').unwrap().1 {
            "jpg" => (4.0, 0.003),
            _ => (0.0, 1e-6),
        };
        let image = &found.image;
        assert_eq!(image.batch as u64, expected["frames"].as_u64().unwrap(), "{path}");
        let size = [image.width, image.height].map(|side| side as u64);
        assert_eq!(serde_json::json!(size), expected["size"], "{path}");
        assert_eq!(imagefile::size(&fixture(&path)).unwrap(), (image.width as u32, image.height as u32), "{path}");
        for channel in 0..3 {
            let mean = mean(image.data.iter().skip(channel).step_by(3).copied());
            let wanted = expected["mean"][channel].as_f64().unwrap();
            assert!((mean - wanted).abs() <= mean_slack, "{path}: mean {mean} of channel {channel}, not {wanted}");
        }
        let last = &image.data[(image.batch - 1) * image.width * image.height * 3..];
        for pixel in expected["pixels"].as_array().unwrap() {
            let number = |at: usize| pixel[at].as_u64().unwrap() as usize;
            let at = (number(0) * image.width + number(1)) * 3;
            for channel in 0..3 {
                let (value, wanted) = (f64::from(last[at + channel]) * 255.0, number(2 + channel) as f64);
                assert!((value - wanted).abs() <= pixel_slack + 1e-3, "{path}: {value}, not {wanted} at {pixel}");
            }
        }
        match (expected["mask_mean"].as_f64(), found.mask.filter(|_| !found.keyed)) {
            (Some(wanted), Some(mask)) => {
                assert_eq!((mask.batch, mask.width, mask.height), (image.batch, image.width, image.height), "{path}");
                let mean = mean(mask.data.iter().copied());
                assert!((mean - wanted).abs() < 1e-6, "{path}: mask {mean}, not {wanted}");
            }
            (None, None) => {}
            (wanted, found) => panic!("{path}: expected mask {wanted:?}, found {}", found.is_some()),
        }
    }
}

#[test]
fn colour_keys_are_known_but_marked() {
    let keyed = decoded("images/grey-keyed.png");
    assert!(keyed.keyed && keyed.mask.is_some_and(|mask| mask.data.contains(&1.0)));
    assert!(!decoded("images/palette-transparent.png").keyed);
}

/// `min(v / 255, 255)` cut to whole steps: what `point(lambda i: i * (1 / 255))` on Pillow's mode I
/// and `convert("RGB")` give.
#[test]
fn sixteen_bit_grey_follows_mode_i() {
    let samples = [0, 1, 128, 255, 256, 257, 1000, 32767, 32768, 65280, 65535_u16];
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, samples.len() as u32, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Sixteen);
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    encoder.write_header().unwrap().write_image_data(&data).unwrap();
    let found = imagefile::decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(found.header.bits, 16);
    let steps: Vec<_> = found.image.data.chunks_exact(3).map(|p| (p[0] * 255.0).round() as u8).collect();
    assert_eq!(steps, [0, 0, 0, 1, 1, 1, 3, 128, 128, 255, 255]);
}

#[test]
fn bombs_are_refused_by_their_header() {
    for path in ["images/bomb.png", "images/bomb-header-only.png"] {
        let error = imagefile::decode(&fixture(path), &Limits::default()).unwrap_err();
        assert!(matches!(error, ImageFileError::Side { width: 100_000, height: 100_000, .. }), "{error}");
        assert!(error.to_string().contains("100000 x 100000"), "{error}");
    }
    let small = Limits { max_side: 100, max_bytes: 1 << 30 };
    let error = imagefile::decode(&fixture("photos/rocket.jpg"), &small).unwrap_err();
    assert!(matches!(error, ImageFileError::Side { width: 480, height: 320, max_side: 100 }), "{error}");
    // One frame of 24 x 16 pixels fits, three do not.
    let tight = Limits { max_side: 100, max_bytes: 2 * 24 * 16 * 4 };
    for path in ["images/animated.gif", "images/animated.png", "images/animated.webp"] {
        let error = imagefile::decode(&fixture(path), &tight).unwrap_err();
        assert!(matches!(error, ImageFileError::TooLarge { .. }), "{path}: {error}");
    }
    assert!(imagefile::decode(&fixture("images/rgb.bmp"), &tight).is_ok());
}

#[test]
fn what_is_no_image_says_so() {
    let error = |path| imagefile::decode(&fixture(path), &Limits::default()).unwrap_err();
    assert!(matches!(error("images/empty.png"), ImageFileError::Empty));
    assert!(matches!(error("images/not-an-image.png"), ImageFileError::UnknownFormat));
    assert!(matches!(error("images/truncated.png"), ImageFileError::Broken(_)));
    // The header of a truncated file can still be read.
    assert_eq!(imagefile::size(&fixture("images/truncated.png")).unwrap(), (384, 384));
}

fn gradient(channels: usize) -> Image {
    let (height, width) = (9, 14);
    let data = (0..height * width * channels).map(|i| (i * 37 % 256) as f32 / 255.0).collect();
    Image { batch: 1, height, width, channels, data }
}

/// `np.clip(255. * x, 0, 255).astype(np.uint8)` cuts, it does not round.
#[test]
fn samples_are_clipped_and_cut() {
    let data = vec![-1.0, 0.0, 0.5, 0.999, 1.0, 7.0, f32::NAN, f32::INFINITY];
    let image = Image { batch: 1, height: 1, width: 8, channels: 1, data };
    assert_eq!(imagefile::to_bytes(&image, 0).unwrap(), [0, 0, 127, 254, 255, 255, 0, 255]);
    assert!(imagefile::to_bytes(&image, 1).is_err());
}

#[test]
fn lossless_formats_return_what_was_written() {
    let texts = [("prompt", "{\"1\": {}}"), ("note", "süß 日本 \u{1f600}")];
    for channels in [1, 3, 4] {
        let image = gradient(channels);
        for format in [Format::Png, Format::WebP, Format::Tiff] {
            let bytes = imagefile::encode(&image, 0, format, &texts).unwrap();
            assert_eq!(bytes, imagefile::encode(&image, 0, format, &texts).unwrap(), "deterministic");
            let found = imagefile::decode(&bytes, &Limits::default()).unwrap();
            assert!(format.is(found.header.format));
            for (at, pixel) in found.image.data.chunks_exact(3).enumerate() {
                let wanted = &image.data[at * channels..][..channels];
                let wanted = if channels == 1 { [wanted[0]; 3] } else { [wanted[0], wanted[1], wanted[2]] };
                assert!(pixel.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1.01 / 255.0), "{format:?} {channels}");
            }
            assert_eq!(found.mask.is_some(), channels == 4, "{format:?}");
            if format != Format::Tiff {
                let wanted = texts.map(|(key, text)| (key.to_owned(), text.to_owned()));
                assert_eq!(imagefile::metadata(&bytes), wanted, "{format:?}");
            }
        }
    }
    assert!(imagefile::encode_png(&gradient(2), 0, &[]).is_err());
    assert!(imagefile::encode_png(&gradient(3), 0, &[("", "no key")]).is_err());
}

#[test]
fn jpeg_lays_alpha_on_white_and_carries_text() {
    let clear = Image { batch: 1, height: 16, width: 16, channels: 4, data: [0.2, 0.4, 0.6, 0.0].repeat(256) };
    let long = "x".repeat(70_000);
    let bytes = imagefile::encode_jpeg(&clear, 0, 90, &[("workflow", &long), ("prompt", "{}")]).unwrap();
    assert_eq!(imagefile::metadata(&bytes), [("prompt".to_owned(), "{}".to_owned())]);
    let found = imagefile::decode(&bytes, &Limits::default()).unwrap();
    assert!(found.image.data.iter().all(|value| *value > 0.99));
}

fn png_chunk(kind: &str, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length, kind.as_bytes(), data, &[0; 4]].concat()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn all_kinds_of_text_chunks_are_read() {
    let bytes = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk("tEXt", b"plain\0caf\xe9"),
        png_chunk("tEXt", "utf8\0café".as_bytes()),
        png_chunk("zTXt", &[b"small\0\0".as_slice(), &zlib(b"packed")].concat()),
        png_chunk("zTXt", &[b"bomb\0\0".as_slice(), &zlib(&vec![b'a'; 40 << 20])].concat()),
        png_chunk("zTXt", b"broken\0\0not zlib"),
        png_chunk("iTXt", &[b"world\0\x01\0de\0Welt\0".as_slice(), &zlib("süß".as_bytes())].concat()),
        png_chunk("iTXt", "open\0\0\0\0\0日本".as_bytes()),
        png_chunk("tEXt", b"no separator"),
        b"\0\0\xff\xfftEXtcut off".to_vec(),
    ]
    .concat();
    let found = imagefile::text_chunks(&bytes);
    let found: Vec<_> = found.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    let wanted = [("plain", "café"), ("utf8", "café"), ("small", "packed"), ("world", "süß"), ("open", "日本")];
    assert_eq!(found, wanted);
}

/// Reads bytes in every way there is; the results do not matter.
fn read_every_way(bytes: &[u8]) {
    let limits = Limits { max_side: 4096, max_bytes: 4 << 20 };
    if let Ok(found) = imagefile::decode(bytes, &limits) {
        let pixels = found.image.batch * found.image.width * found.image.height;
        assert_eq!(found.image.data.len(), pixels * 3);
        assert!(found.mask.is_none_or(|mask| mask.data.len() == pixels));
    }
    let _ = imagefile::header(Cursor::new(bytes));
    imagefile::metadata(bytes);
    imagefile::text_chunks(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// No bytes make the readers panic: small files of every kind, with bytes changed and cut.
    #[test]
    fn damaged_files_never_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let names: Vec<_> = readable().into_iter().map(|(path, _)| path).filter(|path| path.starts_with("images/")).collect();
        let mut bytes = fixture(&names[which.index(names.len())]);
        for (at, value) in changes {
            // Most of the time near the start, where the headers are.
            let near = at.index(bytes.len()).min(at.index(200));
            let place = if value % 2 == 0 { near.min(bytes.len() - 1) } else { at.index(bytes.len()) };
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_every_way(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(start in 0..7_usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let starts: [&[u8]; 7] = [
            b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff\xe1", b"RIFF\x40\0\0\0WEBPVP8 ", b"II*\0\x08\0\0\0", b"BM", b"GIF89a",
        ];
        read_every_way(&[starts[start], &bytes].concat());
    }
}
