//! The grid of the nodes on masks alone.

use crate::{
    grid::{Given, Row, Sweep},
    pictures::{Fill, Picture},
};

const DOT: Picture = Picture::new(1, 1);
const SMALL: Picture = Picture::new(7, 5);
const HIGH: Picture = Picture::new(5, 8);
const WIDE: Picture = Picture::new(16, 9);
const TWO: Picture = Picture::new(6, 5).batch(2);
const BINARY: Picture = Picture::new(11, 10).fill(Fill::Binary);

const MASKS: &[Picture] = &[SMALL, DOT, HIGH, WIDE, TWO, BINARY];

/// All of them.
pub fn sweeps() -> Vec<Sweep> {
    let solid = || Sweep::of("SolidMask");
    vec![
        solid().each("value", [0.0, 0.3, 0.5, 1.0]).each("width", [1, 7]).each("height", [1, 6]),
        solid().each("value", [0.77]).rows([size(16384, 1), size(1, 16384)]),
        Sweep::of("InvertMask").masks("mask", MASKS),
        Sweep::of("CropMask")
            .masks("mask", MASKS)
            .each("x", [0, 2])
            .each("y", [0, 1])
            .each("width", [1, 3, 16384])
            .each("height", [1, 4, 16384]),
        Sweep::of("CropMask")
            .masks("mask", &[SMALL, TWO])
            .each("x", [0, 16384])
            .each("y", [0, 16384])
            .each("width", [3, 16384])
            .each("height", [4]),
        Sweep::of("MaskComposite").all("operation").each("x", [0, 2, 16384]).each("y", [0, 1, 16384]).rows([
            pair(SMALL, SMALL.number(1)),
            pair(DOT, DOT.number(1)),
            pair(WIDE, HIGH),
            pair(HIGH, WIDE),
            pair(TWO, SMALL),
            pair(TWO, TWO.number(1)),
            pair(SMALL, TWO),
            pair(TWO, TWO.batch(3)),
            pair(BINARY, BINARY.number(1)),
        ]),
        Sweep::of("FeatherMask")
            .masks("mask", &[SMALL, TWO])
            .each("left", [0, 3, 16384])
            .each("top", [0, 2, 16384])
            .each("right", [0, 4, 16384])
            .each("bottom", [0, 1, 16384]),
        Sweep::of("FeatherMask")
            .masks("mask", MASKS)
            .each("left", [0, 2])
            .each("top", [0, 3])
            .each("right", [0, 16384])
            .each("bottom", [0, 1]),
        Sweep::of("GrowMask").masks("mask", MASKS).each("expand", [0, 1, -1, 2, -3, 12]).all("tapered_corners"),
        Sweep::of("GrowMask").masks("mask", &[SMALL, TWO]).each("expand", [16384, -16384]).all("tapered_corners"),
        Sweep::of("ThresholdMask").masks("mask", MASKS).each("value", [0.0, 0.25, 0.5, 0.9, 1.0]),
        Sweep::of("MaskToImage").masks("mask", MASKS),
    ]
}

fn size(width: u32, height: u32) -> Row {
    vec![("width", Given::Literal(width.into())), ("height", Given::Literal(height.into()))]
}

fn pair(destination: Picture, source: Picture) -> Row {
    vec![("destination", Given::Mask(destination)), ("source", Given::Mask(source))]
}
