#!/usr/bin/env python3
"""What mask documents write, read back with other programs' libraries: psd-tools, tifffile and Pillow.

    python tests/masks/layered.py target/debug/comfywright [--keep DIR]

Every layer's pixels, name, weight and mode are compared with a folder of PNGs of the same layers, and what they make
together with numpy's arithmetic. Ends with 1 where something differs.
"""

import argparse
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
import zipfile

import numpy
import tifffile
from PIL import Image
from psd_tools import PSDImage

WIDTH, HEIGHT = 150, 90

# Each layer: name, mode, weight, and its other keys.
LAYERS = [
    ("window", "normal", 0.75, 'shape = { type = "rectangle", x = 0.1, y = 0.1, width = 0.8, height = 0.8 }\nfeather = 6'),
    ("sun", "add", 0.5, 'shape = { type = "ellipse", x = 0.3, y = 0.2, width = 0.3, height = 0.5 }'),
    ("hole", "subtract", 1.0, 'shape = { type = "ellipse", x = 0.5, y = 0.4, width = 0.2, height = 0.3 }\nfeather = 3'),
    ("fade", "multiply", 0.6, 'shape = { type = "rectangle", width = 0.5 }\nfeather = 40'),
    ("over", "normal", 0.4, 'shape = { type = "polygon", points = [[0.1, 0.9], [0.5, 0.1], [0.9, 0.9]] }'),
    ("least", "max", 0.3, 'shape = { type = "rectangle", y = 0.5 }'),
    ("most", "min", 0.9, 'shape = { type = "ellipse" }\ninvert = true\ngrow = -2'),
    ("change", "difference", 0.2, 'shape = { type = "rectangle", x = 0.4, width = 0.2 }'),
]

# In a PSD, on black: what blends normally is a screen of both.
PSD_MODES = {
    "normal": "SCREEN", "add": "LINEAR_DODGE", "subtract": "SUBTRACT", "multiply": "MULTIPLY", "max": "LIGHTEN",
    "min": "DARKEN", "difference": "DIFFERENCE",
}
ORA_MODES = {
    "normal": "svg:screen", "add": "svg:plus", "subtract": "krita:subtract", "multiply": "svg:multiply",
    "max": "svg:lighten", "min": "svg:darken", "difference": "svg:difference",
}
ARITHMETIC = {
    "normal": lambda a, b: 1 - (1 - a) * (1 - b), "add": lambda a, b: a + b, "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b, "max": numpy.maximum, "min": numpy.minimum, "difference": lambda a, b: abs(a - b),
}

failures = []


def expect(what, holds, detail=""):
    print(f"{'ok  ' if holds else 'FAIL'} {what} {detail if not holds else ''}")
    if not holds:
        failures.append(what)


def near(what, found, wanted, steps):
    found, wanted = numpy.asarray(found, dtype=float), numpy.asarray(wanted, dtype=float)
    if found.shape != wanted.shape:
        expect(what, False, f"{found.shape} and {wanted.shape}")
        return
    off = abs(found - wanted).max()
    expect(what, off <= steps, f"off by {off}")


def document(name, export, head):
    rows = "".join(
        f'[[layer]]\nname = "{layer}"\nblend = "{mode}"\nopacity = {weight}\n{keys}\n\n'
        for layer, mode, weight, keys in LAYERS
    )
    start = f'kind = "mask"\nformat = 1\nname = "{name}"\nversion = "1.0.0"\n{head}\n\n'
    return start + rows + f"[export]\n{export}\n"


def run(program, folder, name, export, head=f"size = [{WIDTH}, {HEIGHT}]"):
    path = folder / "pipelines" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(document(name, export, head))
    done = subprocess.run([program, "run", str(path), "--json"], cwd=folder, capture_output=True, text=True)
    expect(f"{name}: runs", done.returncode == 0, done.stdout + done.stderr)


def png(path):
    return numpy.asarray(Image.open(path))


def reference(folder):
    """The layers and the whole as 16-bit PNGs, and the whole by hand."""
    listed = json.loads((folder / "out/layers/manifest.json").read_text())
    layers = [png(folder / "out/layers" / row["file"]) for row in listed["layers"]]
    expect("folder: names, modes, weights", [(r["name"], r["blend"], r["opacity"]) for r in listed["layers"]]
           == [layer[:3] for layer in LAYERS])
    values = [layer / 65535 for layer in layers]
    whole = LAYERS[0][2] * values[0]
    for value, (_, mode, weight, _) in list(zip(values, LAYERS))[1:]:
        whole = whole + weight * (numpy.clip(ARITHMETIC[mode](whole, value), 0, 1) - whole)
    merged = png(folder / "out/layers/merged.png")
    near("folder: the whole, by numpy", merged, 65535 * whole, 4)
    return layers, merged, whole


def bytes_of(words):
    return words / 257.0


def check_psd(folder, layers, whole):
    psd = PSDImage.open(folder / "out/mask.psd")
    expect("psd: grey, 8 bits, size", (psd.color_mode.name, psd.depth, psd.size) == ("GRAYSCALE", 8, (WIDTH, HEIGHT)))
    found = list(psd)
    expect("psd: names", [layer.name for layer in found] == ["background"] + [layer[0] for layer in LAYERS])
    for layer, pixels, (name, mode, weight, _) in zip(found[1:], layers, LAYERS):
        mode = "SCREEN" if name == LAYERS[0][0] else PSD_MODES[mode]
        expect(f"psd: {name}: mode and weight", layer.blend_mode.name == mode and abs(layer.opacity - 255 * weight) <= 0.51,
               f"{layer.blend_mode.name} {layer.opacity}")
        near(f"psd: {name}: pixels", numpy.asarray(layer.topil().convert("L")), bytes_of(pixels), 0.51)
    near("psd: the whole as written", numpy.asarray(psd.topil().convert("L")), 255 * whole, 0.51)
    composed = numpy.asarray(psd.composite(force=True).convert("L"))
    near("psd: the whole, put together by psd-tools", composed, 255 * whole, 3)


def check_tiff(folder, layers, merged):
    with tifffile.TiffFile(folder / "out/mask.tiff") as file:
        names = [page.tags["PageName"].value for page in file.pages]
        expect("tiff: names", names == ["background"] + [layer[0] for layer in LAYERS] + ["merged"], str(names))
        for page, pixels, (name, _, weight, _) in zip(file.pages[1:], layers, LAYERS):
            about = json.loads(page.tags["ImageDescription"].value)
            expect(f"tiff: {name}: weight", abs(about["opacity"] - weight) < 1e-6 and about["layer"] == name, str(about))
            near(f"tiff: {name}: pixels", page.asarray(), pixels, 0)
        near("tiff: the whole", file.pages[-1].asarray(), merged, 0)


def check_ora(folder, layers, whole):
    with zipfile.ZipFile(folder / "out/mask.ora") as archive:
        first = archive.infolist()[0]
        expect("ora: says first what it is", (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
               and archive.read("mimetype") == b"image/openraster")
        image = xml.fromstring(archive.read("stack.xml"))
        expect("ora: size", (image.get("w"), image.get("h")) == (str(WIDTH), str(HEIGHT)))
        rows = list(image.iter("layer"))[::-1]
        expect("ora: names", [row.get("name") for row in rows] == ["background"] + [layer[0] for layer in LAYERS])
        for row, pixels, (name, mode, weight, _) in zip(rows[1:], layers, LAYERS):
            mode = "svg:screen" if name == LAYERS[0][0] else ORA_MODES[mode]
            expect(f"ora: {name}: mode and weight",
                   row.get("composite-op") == mode and abs(float(row.get("opacity")) - weight) < 1e-6)
            near(f"ora: {name}: pixels", png(io.BytesIO(archive.read(row.get("src")))), bytes_of(pixels), 0.51)
        near("ora: the whole", png(io.BytesIO(archive.read("mergedimage.png"))), 255 * whole, 0.51)
        small = Image.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png")))
        expect("ora: the small picture", max(small.size) <= 256)


def check_cutouts(program, folder):
    """The picture's parts: RGB with transparency."""
    picture = numpy.zeros((HEIGHT, WIDTH, 3), dtype=numpy.uint8)
    picture[..., 0] = numpy.arange(WIDTH)
    picture[..., 1] = numpy.arange(HEIGHT)[:, None]
    picture[..., 2] = 200
    Image.fromarray(picture).save(folder / "picture.png")
    head = 'image = "../picture.png"'
    run(program, folder, "parts", 'format = "layered"\npath = "../out/parts.psd"\nalpha = true', head)
    run(program, folder, "parts-folder", 'format = "layered"\npath = "../out/parts/"\nalpha = true', head)
    psd = PSDImage.open(folder / "out/parts.psd")
    expect("parts: colours", psd.color_mode.name == "RGB")
    for layer, path in zip(psd, sorted((folder / "out/parts").glob("0*.png"))):
        pixels = png(path)
        near(f"parts: {layer.name}: pixels", numpy.asarray(layer.topil().convert("RGBA")), pixels, 0)
        near(f"parts: {layer.name}: colours of the picture", pixels[..., :3], picture, 0)


def check_frames(program, folder):
    head = f"size = [{WIDTH}, {HEIGHT}]"
    for name in ["moving.png", "moving.gif", "moving.webp"]:
        text = (
            f'kind = "mask"\nformat = 1\nname = "{name.replace(".", "-")}"\nversion = "1.0.0"\n{head}\n'
            '[[layer]]\nname = "dot"\nshape = { type = "rectangle", width = 0.2, height = 1 }\n'
            'keyframes = [{ frame = 0, x = 0.0 }, { frame = 4, x = 0.8 }]\n'
            f'[export]\nformat = "frames"\nfps = 10\nloops = 3\npath = "../out/{name}"\n'
        )
        path = folder / "pipelines" / (name.replace(".", "-") + ".toml")
        path.write_text(text)
        subprocess.run([program, "run", str(path), "--json"], cwd=folder, check=True, capture_output=True)
        with Image.open(folder / "out" / name) as image:
            expect(f"{name}: frames", image.n_frames == 5, str(image.n_frames))
            for number in range(image.n_frames):
                image.seek(number)
                grey = numpy.asarray(image.convert("L"))
                wanted = numpy.zeros((HEIGHT, WIDTH))
                wanted[:, 30 * number:30 * (number + 1)] = 255
                near(f"{name}: frame {number}", grey, wanted, 0)
                expect(f"{name}: frame {number}: a tenth of a second", round(image.info["duration"]) == 100)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "comfywright.toml").write_text("")
        run(program, folder, "folder", 'format = "layered"\npath = "../out/layers/"\nbits = 16')
        run(program, folder, "psd", 'format = "layered"\npath = "../out/mask.psd"')
        run(program, folder, "ora", 'format = "layered"\npath = "../out/mask.ora"')
        run(program, folder, "tiff", 'format = "layered"\npath = "../out/mask.tiff"\nbits = 16')
        layers, merged, whole = reference(folder)
        check_psd(folder, layers, whole)
        check_tiff(folder, layers, merged)
        check_ora(folder, layers, whole)
        check_cutouts(program, folder)
        check_frames(program, folder)
    if failures:
        sys.exit(f"{len(failures)} differences")
    print("what was written is read back as it was")


if __name__ == "__main__":
    main()
