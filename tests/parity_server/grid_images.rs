//! The grid of the nodes that take or make images.

use crate::{
    grid::{Given, Row, Sweep},
    pictures::{Fill, Picture},
};

const DOT: Picture = Picture::new(1, 1);
const LINE: Picture = Picture::new(9, 1);
const POLE: Picture = Picture::new(1, 6);
const SMALL: Picture = Picture::new(7, 5);
const HIGH: Picture = Picture::new(5, 8);
const WIDE: Picture = Picture::new(16, 9);
const LARGE: Picture = Picture::new(33, 40).fill(Fill::Smooth);
const TWO: Picture = Picture::new(5, 6).batch(2);
const CLEAR: Picture = Picture::new(7, 5).alpha();
const CLEAR_TWO: Picture = Picture::new(6, 3).alpha().batch(2);

/// Pictures for nodes that treat every pixel alike.
const FEW: &[Picture] = &[SMALL, DOT, HIGH, TWO, CLEAR];

/// Pictures for nodes that look at neighbours or sizes.
const MANY: &[Picture] = &[SMALL, DOT, LINE, POLE, HIGH, WIDE, LARGE, TWO, CLEAR, CLEAR_TWO];

/// Files of every kind that `LoadImage` reads, and two that it refuses. JPEG, whose decoders differ,
/// and 16-bit grey, which Pillow 13 no longer reads as `LoadImage` expects it, are not among them.
const FILES: &[&str] = &[
    "images/animated.gif",
    "images/animated.png",
    "images/animated.webp",
    "images/grey.png",
    "images/grey-alpha.png",
    "images/grey-keyed.png",
    "images/one-bit.png",
    "images/orientation-1.png",
    "images/orientation-2.png",
    "images/orientation-3.png",
    "images/orientation-4.png",
    "images/orientation-5.png",
    "images/orientation-6.png",
    "images/orientation-7.png",
    "images/orientation-8.png",
    "images/palette.png",
    "images/palette-transparent.png",
    "images/rgb.bmp",
    "images/rgba.png",
    "images/rgba.tiff",
    "images/rgba.webp",
    "images/empty.png",
    "images/not-an-image.png",
    "photos/camera.png",
    "photos/clock.png",
    "photos/retina.png",
];

/// All of them.
pub fn sweeps() -> Vec<Sweep> {
    [files(), resizing(), making(), adjusting(), combining(), channels()].into_iter().flatten().collect()
}

fn files() -> Vec<Sweep> {
    let file = |name: &&'static str| vec![("image", Given::File(name))];
    vec![
        Sweep::of("LoadImage").rows(FILES.iter().map(file)),
        Sweep::of("LoadImageMask").rows(FILES.iter().map(file)).all("channel"),
        Sweep::of("SaveImage").images("images", MANY).each("filename_prefix", ["parity", "parity/of a folder"]),
        Sweep::of("PreviewImage").images("images", MANY),
    ]
}

fn resizing() -> Vec<Sweep> {
    let scale = || Sweep::of("ImageScale").all("upscale_method").all("crop");
    let by = || Sweep::of("ImageScaleBy").all("upscale_method");
    let to = || Sweep::of("ImageScaleToTotalPixels").all("upscale_method");
    vec![
        scale().images("image", MANY).each("width", [1, 7, 18]).each("height", [1, 5, 24]),
        scale().images("image", &[SMALL, WIDE, DOT]).each("width", [0, 3]).each("height", [0, 11]),
        scale().images("image", &[SMALL, TWO]).each("width", [16384]).each("height", [1]),
        scale().images("image", &[HIGH, DOT]).each("width", [1]).each("height", [16384]),
        scale().images("image", &[LARGE.number(1), WIDE.fill(Fill::Binary)]).each("width", [61]).each("height", [17]),
        by().images("image", MANY).each("scale_by", [0.01, 0.3, 0.5, 1.0, 1.37, 2.0]),
        by().images("image", &[SMALL, CLEAR, TWO]).each("scale_by", [8.0]),
        to().images("image", MANY).each("megapixels", [0.01, 0.02]),
        to().images("image", &[SMALL.fill(Fill::Smooth)]).each("megapixels", [0.5]),
        Sweep::of("ImageScaleToTotalPixels")
            .images("image", &[SMALL.fill(Fill::Smooth)])
            .each("upscale_method", ["bilinear"])
            .each("megapixels", [16.0]),
    ]
}

fn making() -> Vec<Sweep> {
    let empty = || Sweep::of("EmptyImage");
    let pad = || Sweep::of("ImagePadForOutpaint");
    let repeat = || Sweep::of("RepeatImageBatch");
    vec![
        empty()
            .each("width", [1, 7])
            .each("height", [1, 6])
            .each("batch_size", [1, 3])
            .each("color", [0, 0x12_34ab, 0x80_ff01, 0xff_ffff]),
        empty().rows(sizes(&[(16384, 1), (1, 16384)])).each("batch_size", [1]).each("color", [255]),
        empty().rows(sizes(&[(1, 1)])).each("batch_size", [4096]).each("color", [255]),
        Sweep::of("ImageCrop")
            .images("image", &[SMALL, DOT, LINE, HIGH, TWO, CLEAR_TWO])
            .each("width", [1, 4, 16384])
            .each("height", [1, 3, 16384])
            .each("x", [0, 2, 16384])
            .each("y", [0, 1, 16384]),
        pad()
            .images("image", &[SMALL, DOT, HIGH, WIDE, TWO])
            .each("left", [0, 8])
            .each("top", [0, 3])
            .each("right", [0, 16])
            .each("bottom", [0, 8])
            .each("feathering", [0, 1, 3, 16384]),
        pad().images("image", &[LARGE, CLEAR]).rows(margins(&[[8, 3, 0, 5], [0; 4]])).each("feathering", [2, 5, 7, 40]),
        pad()
            .images("image", &[DOT])
            .rows(margins(&[[16384, 0, 0, 0], [0, 16384, 0, 0], [0, 0, 16384, 0], [0, 0, 0, 16384]]))
            .each("feathering", [0, 40]),
        Sweep::of("ImageBatch").images("image1", MANY).images("image2", &[SMALL, DOT, WIDE, TWO, CLEAR]),
        repeat().images("image", MANY).each("amount", [1, 2, 5]),
        repeat().images("image", &[DOT]).each("amount", [4096]),
        Sweep::of("ImageFromBatch")
            .images("image", &[SMALL, DOT, TWO, HIGH.batch(3), WIDE, CLEAR_TWO])
            .each("batch_index", [0, 1, 2, 4095])
            .each("length", [1, 2, 4096]),
        Sweep::of("GetImageSize").images("image", MANY),
        Sweep::of("ImageFlip").images("image", MANY).all("flip_method"),
        Sweep::of("ImageRotate").images("image", MANY).all("rotation"),
    ]
}

fn adjusting() -> Vec<Sweep> {
    let blend = || Sweep::of("ImageBlend").all("blend_mode").each("blend_factor", [0.0, 0.25, 0.5, 0.81, 1.0]);
    let sources = [SMALL, DOT, HIGH, WIDE, LARGE, TWO, CLEAR];
    let one = |picture: Picture| picture.number(1);
    vec![
        Sweep::of("ImageInvert").images("image", MANY),
        blend().rows(pairs(
            "image1",
            "image2",
            &[
                (SMALL, one(SMALL)),
                (SMALL, SMALL),
                (HIGH, WIDE),
                (WIDE, HIGH),
                (DOT, one(DOT)),
                (LARGE, DOT),
                (SMALL, Picture::new(7, 5).batch(2)),
                (TWO, one(TWO)),
                (TWO, TWO.batch(3)),
                (SMALL, CLEAR),
                (CLEAR, one(CLEAR)),
                (CLEAR, SMALL),
            ],
        )),
        Sweep::of("ImageBlur")
            .images("image", &sources)
            .each("blur_radius", [1, 2, 5, 31])
            .each("sigma", [0.1, 0.5, 1.0, 3.0, 10.0]),
        Sweep::of("ImageSharpen")
            .images("image", &sources)
            .each("sharpen_radius", [1, 2, 4, 31])
            .each("sigma", [0.1, 1.0, 10.0])
            .each("alpha", [0.0, 0.1, 1.0, 5.0]),
        Sweep::of("ImageQuantize")
            .images("image", &[SMALL, DOT, HIGH, LARGE, TWO, WIDE.fill(Fill::Binary), WIDE.fill(Fill::Flat(77)), CLEAR])
            .all("dither")
            .each("colors", [1, 2, 7, 16, 100, 256]),
    ]
}

fn combining() -> Vec<Sweep> {
    let composite =
        || Sweep::of("ImageCompositeMasked").all("resize_source").each("x", [0, 2, 16384]).each("y", [0, 3, 16384]);
    let one = |picture: Picture| picture.number(1);
    let masks = [None, Some(SMALL.number(2)), Some(DOT.number(2)), Some(TWO.number(2)), Some(HIGH.fill(Fill::Binary))];
    let mask = |mask: &Option<Picture>| mask.iter().map(|mask| ("mask", Given::Mask(*mask))).collect::<Row>();
    let duff = |source: Picture, source_alpha: Picture, destination: Picture, destination_alpha: Picture| {
        vec![
            ("source", Given::Image(source)),
            ("source_alpha", Given::Mask(source_alpha)),
            ("destination", Given::Image(destination)),
            ("destination_alpha", Given::Mask(destination_alpha)),
        ]
    };
    vec![
        composite().rows(masks.iter().map(mask)).rows(pairs(
            "destination",
            "source",
            &[
                (WIDE, SMALL),
                (SMALL, LARGE),
                (DOT, one(DOT)),
                (TWO, one(HIGH)),
                (HIGH, TWO.batch(3)),
                (TWO.batch(3), one(TWO)),
                (CLEAR, one(SMALL)),
                (SMALL, one(CLEAR)),
                (CLEAR_TWO, CLEAR),
            ],
        )),
        Sweep::of("PorterDuffImageComposite").all("mode").rows([
            duff(SMALL, one(SMALL), SMALL.number(2), SMALL.number(3)),
            duff(WIDE, HIGH, TWO, one(SMALL)),
            duff(DOT, one(DOT), DOT.number(2), DOT.number(3)),
            duff(TWO, one(TWO), TWO.number(2), TWO.number(3)),
            duff(TWO.batch(3), TWO, one(TWO), HIGH),
            duff(HIGH, one(HIGH).fill(Fill::Binary), WIDE, WIDE.fill(Fill::Binary)),
            duff(CLEAR, one(SMALL), one(CLEAR), SMALL),
            duff(CLEAR, one(SMALL), SMALL, SMALL),
        ]),
    ]
}

fn channels() -> Vec<Sweep> {
    let masks = [SMALL.number(1), DOT, WIDE, TWO, LARGE, HIGH];
    let binary =
        [SMALL.fill(Fill::Binary), DOT.fill(Fill::Binary), HIGH.fill(Fill::Binary), WIDE.fill(Fill::Flat(0x12))];
    let color = || Sweep::of("ImageColorToMask");
    vec![
        Sweep::of("JoinImageWithAlpha").images("image", MANY).masks("alpha", &masks),
        Sweep::of("SplitImageWithAlpha").images("image", MANY),
        Sweep::of("ImageToMask").images("image", MANY).all("channel"),
        color().images("image", FEW).each("color", [0, 0x80_8080, 0xff_ffff]),
        color().images("image", &[binary[3], TWO.fill(Fill::Binary)]).each("color", [0x12_1212, 0x12_1213, 0x00_ffff]),
        color().images("image", &binary).each("color", [0, 0xff, 0xff00, 0xff_0000, 0xff_00ff, 0xff_ffff]),
    ]
}

fn sizes(sizes: &[(u32, u32)]) -> Vec<Row> {
    let literal = |value: u32| Given::Literal(value.into());
    sizes.iter().map(|(width, height)| vec![("width", literal(*width)), ("height", literal(*height))]).collect()
}

fn margins(margins: &[[u32; 4]]) -> Vec<Row> {
    let row = |sides: &[u32; 4]| -> Row {
        let names = ["left", "top", "right", "bottom"];
        names.into_iter().zip(sides).map(|(name, side)| (name, Given::Literal((*side).into()))).collect()
    };
    margins.iter().map(row).collect()
}

fn pairs(first: &'static str, second: &'static str, pairs: &[(Picture, Picture)]) -> Vec<Row> {
    pairs.iter().map(|(a, b)| vec![(first, Given::Image(*a)), (second, Given::Image(*b))]).collect()
}
