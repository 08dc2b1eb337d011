"""Records what real ComfyUI nodes answer, for tests/pictures/native_nodes.rs.

    cd COMFYUI_CHECKOUT            # the folder with nodes.py; its Python has torch, numpy, scipy, Pillow
    python .../tests/parity/record.py --out .../fixtures/parity

No server and no model: the node classes are imported and called on small tensors on the CPU. Writes
`cases.json` (classes, inputs, outputs; tensors by number; for each tensor its encoding and shape) and
`tensors.bin` (their values one after the other, `f4` as float32 little-endian, `u1` as n of n/255). The inputs come from a fixed seed, so a second run on the same
versions writes the same bytes. A case whose node raises is recorded with `"error": true`: ours must
refuse it too.
"""

import argparse
import asyncio
import importlib
import json
import os
import sys

arguments = argparse.ArgumentParser()
arguments.add_argument("--out", required=True)
OUT = os.path.abspath(arguments.parse_args().out)
sys.path.insert(0, os.getcwd())
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options

comfy.options.enable_args_parsing()
import utils.extra_config  # as main.py does: afterwards nodes.py puts a folder with another `utils` in front

import numpy as np
import PIL
import scipy
import torch

MODULES = [
    "nodes",
    "comfy_extras.nodes_images",
    "comfy_extras.nodes_mask",
    "comfy_extras.nodes_post_processing",
    "comfy_extras.nodes_compositing",
    "comfy_extras.nodes_primitive",
    "comfy_extras.nodes_string",
]


def load_classes():
    classes = {}
    for name in MODULES:
        module = importlib.import_module(name)
        classes.update(getattr(module, "NODE_CLASS_MAPPINGS", {}))
        if hasattr(module, "comfy_entrypoint"):
            extension = asyncio.run(module.comfy_entrypoint())
            for node in asyncio.run(extension.get_node_list()):
                classes[node.define_schema().node_id] = node
    return classes


class Recorder:
    def __init__(self):
        self.classes = load_classes()
        self.cases, self.shapes, self.values, self.known = [], [], bytearray(), {}

    def tensor(self, tensor):
        array = np.ascontiguousarray(tensor.detach().numpy().astype("<f4"))
        key = (array.shape, array.tobytes())
        if key not in self.known:
            self.known[key] = len(self.shapes)
            levels = np.clip(array * 255, 0, 255).round().astype("u1")
            exact = np.array_equal(levels.astype("<f4") / np.float32(255), array)
            self.shapes.append(["u1" if exact else "f4", *array.shape])
            self.values += (levels if exact else array).tobytes()
        return {"image" if array.ndim == 4 else "mask": self.known[key]}

    def plain(self, value):
        return self.tensor(value) if isinstance(value, torch.Tensor) else value

    def case(self, name, **inputs):
        node = self.classes[name]
        case = {"class": name, "inputs": {key: self.plain(value) for key, value in inputs.items()}}
        copies = {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in inputs.items()}
        try:
            if hasattr(node, "define_schema"):
                outputs = node.execute(**copies).result
            else:
                outputs = getattr(node(), node.FUNCTION)(**copies)
            if any(isinstance(output, torch.Tensor) and output.numel() == 0 for output in outputs):
                raise ValueError("the result has no pixels")
            case["outputs"] = [self.plain(output) for output in outputs]
        except Exception as error:
            case["error"] = True
            print(f"{name} {[k + '=' + str(v) for k, v in inputs.items() if not isinstance(v, torch.Tensor)]}: {error}")
        self.cases.append(case)

    def write(self):
        header = {
            "made_with": {"torch": torch.__version__, "pillow": PIL.__version__, "scipy": scipy.__version__},
            "tensors": self.shapes,
        }
        lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in self.cases)
        with open(os.path.join(OUT, "cases.json"), "w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(header)[:-1] + ',\n"cases": [\n' + lines + "\n]}\n")
        with open(os.path.join(OUT, "tensors.bin"), "wb") as file:
            file.write(self.values)
        print(len(self.cases), "cases,", len(self.values), "bytes of tensors")


random = np.random.default_rng(20250101)


def image(width, height, channels=3, batch=1, smooth=False):
    """Random values, some of them exactly 0, 1/2, 1 or n/255; or a smooth gradient with some noise."""
    values = random.random((batch, height, width, channels), dtype=np.float32)
    if smooth:
        y, x = np.mgrid[0:height, 0:width]
        ramp = np.stack([x / max(width - 1, 1), y / max(height - 1, 1), (x + y) / (width + height)], -1)
        values = (ramp[None, :, :, :channels] * 0.9 + values * 0.1).astype(np.float32)
    special = random.integers(0, 12, values.shape)
    levels = random.integers(0, 256, values.shape).astype(np.float32) / np.float32(255)
    if not smooth:
        for index, value in enumerate([0.0, 0.5, 1.0, levels]):
            values = np.where(special == index, np.float32(value), values)
    return torch.from_numpy(values.astype(np.float32))


def mask(width, height, batch=1, binary=False):
    values = image(width, height, 1, batch)[..., 0]
    return values.round() if binary else values


METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
BLENDS = ["normal", "multiply", "screen", "overlay", "soft_light", "difference"]
DITHERS = ["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"]
OPERATIONS = ["multiply", "add", "subtract", "and", "or", "xor"]
PORTER_DUFF = (
    "ADD CLEAR DARKEN DST DST_ATOP DST_IN DST_OUT DST_OVER LIGHTEN MULTIPLY OVERLAY SCREEN SRC SRC_ATOP SRC_IN "
    "SRC_OUT SRC_OVER XOR"
).split()


def resizing(case):
    small, wide, dot, two, alpha = image(7, 5), image(13, 8), image(1, 1), image(5, 6, batch=2), image(7, 5, 4)
    line, large = image(9, 1), image(31, 23)
    for method in METHODS:
        for crop in ["disabled", "center"]:
            def scale(source, width, height):
                case("ImageScale", image=source, upscale_method=method, width=width, height=height, crop=crop)

            for size in [(7, 5), (13, 8), (3, 2), (1, 1), (4, 11), (0, 9), (6, 0), (0, 0)]:
                scale(small, *size)
            scale(wide, 5, 8)
            scale(wide, 8, 13)
            scale(dot, 3, 2)
            scale(two, 7, 4)
            scale(alpha, 4, 3)
            scale(alpha, 11, 9)
            scale(line, 4, 3)
            scale(large, 11, 13)
        for factor in [0.5, 1.0, 1.5, 2.35, 0.01]:
            case("ImageScaleBy", image=small, upscale_method=method, scale_by=factor)
        case("ImageScaleBy", image=two, upscale_method=method, scale_by=1.3)
        pixels = (image(2, 1, 3 if method == "lanczos" else 1) * 255).round() / 255
        case("ImageScaleToTotalPixels", image=pixels, upscale_method=method, megapixels=0.01)


def making(case):
    for width, height, batch, color in [(7, 5, 1, 0x1234AB), (1, 1, 1, 0xFFFFFF), (3, 4, 2, 0), (2, 9, 1, 0x80FF01)]:
        case("EmptyImage", width=width, height=height, batch_size=batch, color=color)
    for width, height, value in [(7, 5, 0.3), (1, 1, 1.0), (3, 2, 0.0)]:
        case("SolidMask", width=width, height=height, value=value)
    for source in [image(7, 5), image(1, 1), image(4, 3, 4, 2)]:
        for width, height, x, y in [(3, 2, 1, 1), (100, 100, 0, 0), (2, 2, 50, 50), (1, 100, 3, 0)]:
            case("ImageCrop", image=source, width=width, height=height, x=x, y=y)
        for left, top, right, bottom, feathering in [
            (0, 0, 0, 0, 40), (1, 2, 3, 4, 0), (1, 0, 0, 0, 1), (0, 8, 0, 2, 2), (8, 8, 8, 8, 1), (0, 0, 3, 0, 40)
        ]:
            case("ImagePadForOutpaint", image=source, left=left, top=top, right=right, bottom=bottom, feathering=feathering)
        for amount in [1, 3]:
            case("RepeatImageBatch", image=source, amount=amount)
        for batch_index, length in [(0, 1), (1, 1), (0, 9), (9, 9)]:
            case("ImageFromBatch", image=source, batch_index=batch_index, length=length)
        case("GetImageSize", image=source)
        for flip in ["x-axis: vertically", "y-axis: horizontally"]:
            case("ImageFlip", image=source, flip_method=flip)
        for rotation in ["none", "90 degrees", "180 degrees", "270 degrees"]:
            case("ImageRotate", image=source, rotation=rotation)
        case("ImageInvert", image=source)
    for feathering in [1, 3, 5, 6, 7]:
        case("ImagePadForOutpaint", image=image(13, 14), left=2, top=0, right=1, bottom=3, feathering=feathering)
    for first, second in [
        (image(7, 5), image(7, 5)), (image(7, 5, batch=2), image(4, 9)), (image(3, 3, 4), image(3, 3)),
        (image(3, 3), image(5, 2, 4, 2)), (image(1, 1), image(13, 8)), (image(13, 8), image(1, 1)), (image(3, 3, 1), image(3, 3)),
    ]:
        case("ImageBatch", image1=first, image2=second)


def adjusting(case):
    first, second = image(7, 5), image(7, 5)
    for mode in BLENDS:
        for factor in [0.0, 0.3, 1.0]:
            case("ImageBlend", image1=first, image2=second, blend_factor=factor, blend_mode=mode)
        case("ImageBlend", image1=image(5, 4), image2=image(13, 8), blend_factor=0.7, blend_mode=mode)
        case("ImageBlend", image1=image(1, 1), image2=image(1, 1), blend_factor=0.5, blend_mode=mode)
        case("ImageBlend", image1=image(3, 4, batch=2), image2=image(3, 4, 4), blend_factor=0.5, blend_mode=mode)
    case("ImageBlend", image1=image(3, 4, batch=1), image2=image(3, 4, batch=2), blend_factor=0.5, blend_mode="screen")
    case("ImageBlend", image1=image(3, 4, batch=2), image2=image(3, 4, batch=3), blend_factor=0.5, blend_mode="screen")
    wide = image(13, 8, batch=2)
    for radius, sigma in [(1, 1.0), (1, 0.1), (2, 0.5), (4, 10.0), (7, 0.3)]:
        case("ImageBlur", image=wide, blur_radius=radius, sigma=sigma)
        for alpha in [0.0, 0.05, 1.0, 5.0]:
            case("ImageSharpen", image=wide, sharpen_radius=radius, sigma=sigma, alpha=alpha)
    case("ImageBlur", image=image(32, 33, 1), blur_radius=31, sigma=1.0)
    case("ImageSharpen", image=image(32, 33, 1), sharpen_radius=31, sigma=0.4, alpha=0.1)
    for source in [image(1, 1), image(8, 2), image(5, 4, 4)]:
        case("ImageBlur", image=source, blur_radius=2, sigma=0.7)
        case("ImageSharpen", image=source, sharpen_radius=2, sigma=0.7, alpha=0.2)
    for source in [image(13, 8), image(1, 1), image(23, 19, smooth=True), image(7, 5, batch=2), image(4, 3, 4)]:
        for dither in DITHERS:
            for colors in [1, 2, 7, 16, 256]:
                case("ImageQuantize", image=source, colors=colors, dither=dither)


def compositing(case):
    for destination, source in [
        (image(7, 5), image(3, 2)), (image(7, 5, batch=2), image(9, 8)), (image(1, 1), image(2, 2, 4)),
        (image(6, 6, 4), image(4, 5, 4, 2)), (image(5, 5, batch=3), image(3, 3, batch=2)),
    ]:
        for x, y in [(0, 0), (2, 1), (6, 4), (100, 3), (3, 16384)]:
            for resize_source in [False, True]:
                common = dict(destination=destination, source=source, x=x, y=y, resize_source=resize_source)
                case("ImageCompositeMasked", **common)
                if x < 6:
                    case("ImageCompositeMasked", mask=mask(5, 4), **common)
                    case("ImageCompositeMasked", mask=mask(3, 2, 2), **common)
    for mode in PORTER_DUFF:
        for source, source_alpha, destination, destination_alpha in [
            (image(7, 5), mask(7, 5), image(7, 5), mask(7, 5)),
            (image(3, 4, batch=2), mask(5, 6, 2), image(6, 5, batch=3), mask(4, 4, 2)),
        ]:
            case("PorterDuffImageComposite", source=source, source_alpha=source_alpha, destination=destination,
                 destination_alpha=destination_alpha, mode=mode)
    one = dict(source_alpha=mask(1, 1), destination_alpha=mask(1, 1))
    case("PorterDuffImageComposite", source=image(1, 1), destination=image(1, 1), mode="SRC_OVER", **one)
    case("PorterDuffImageComposite", source=image(1, 1, 4), destination=image(1, 1, 4), mode="XOR", **one)
    case("PorterDuffImageComposite", source=image(1, 1, 4), destination=image(1, 1), mode="XOR", **one)
    for source, alpha in [
        (image(7, 5), mask(7, 5)), (image(7, 5, batch=2), mask(13, 8)), (image(1, 1), mask(3, 3)),
        (image(5, 4, 4), mask(2, 3)), (image(5, 4), mask(5, 4, 2)), (image(5, 4, 3, 2), mask(1, 1, 2)),
    ]:
        case("JoinImageWithAlpha", image=source, alpha=alpha)
        case("SplitImageWithAlpha", image=source)
        case("MaskToImage", mask=alpha)
        for channel in ["red", "green", "blue", "alpha"]:
            case("ImageToMask", image=source, channel=channel)
        color = [int((value.clamp(0, 1) * 255).round()) for value in source[0, 0, 0, :3]]
        case("ImageColorToMask", image=source, color=color[0] << 16 | color[1] << 8 | color[2])
        case("ImageColorToMask", image=source, color=0)
    colors = torch.from_numpy(random.integers(0, 2, (2, 5, 7, 3)).astype(np.float32)) * 1.2 - 0.1
    for color in [0, 0xFF0000, 0x00FFFF, 0xFFFFFF]:
        case("ImageColorToMask", image=colors, color=color)


def masking(case):
    for source in [mask(7, 5), mask(1, 1), mask(13, 8, 2), mask(9, 10, binary=True)]:
        case("InvertMask", mask=source)
        for x, y, width, height in [(0, 0, 3, 2), (2, 1, 100, 100), (100, 0, 1, 1), (0, 3, 1, 1)]:
            case("CropMask", mask=source, x=x, y=y, width=width, height=height)
        for left, top, right, bottom in [(0, 0, 0, 0), (3, 0, 0, 0), (0, 2, 0, 0), (0, 0, 4, 0), (0, 0, 0, 1), (2, 3, 4, 5), (99, 99, 99, 99)]:
            case("FeatherMask", mask=source, left=left, top=top, right=right, bottom=bottom)
        for expand in [0, 1, -1, 2, -2, 3, 5, -4, 40, -40]:
            for tapered in [True, False]:
                case("GrowMask", mask=source, expand=expand, tapered_corners=tapered)
        for value in [0.0, 0.3, 0.5, 1.0]:
            case("ThresholdMask", mask=source, value=value)
    for operation in OPERATIONS:
        for destination, source in [
            (mask(7, 5), mask(3, 2)), (mask(7, 5, 2), mask(9, 9)), (mask(4, 4, 2), mask(4, 4, 2)), (mask(1, 1), mask(1, 1)),
        ]:
            for x, y in [(0, 0), (2, 1), (6, 4)]:
                if x < destination.shape[2] and y < destination.shape[1]:
                    case("MaskComposite", destination=destination, source=source, x=x, y=y, operation=operation)
    case("MaskComposite", destination=mask(4, 4, 2), source=mask(4, 4, 3), x=0, y=0, operation="add")


TEXTS = ["", "hello World", "they're ßtrange 3ab", "ΟΔΟΣ ὈΔΥΣΣΕΎΣ", "  a b\t\n", "\u00a0x\u2003", "naïve café 日本語 🎉", "İstanbul ǆ ﬁn", "a\x1fb\x1c"]


def strings(case):
    for text in TEXTS:
        case("PrimitiveString", value=text)
        case("PrimitiveStringMultiline", value=text)
        case("StringLength", string=text)
        case("StringConcatenate", string_a=text, string_b="b\n", delimiter=", ")
        for mode in ["UPPERCASE", "lowercase", "Capitalize", "Title Case"]:
            case("CaseConverter", string=text, mode=mode)
        for mode in ["Both", "Left", "Right"]:
            case("StringTrim", string=text, mode=mode)
        for start, end in [(0, 3), (2, -1), (-4, 99), (5, 2), (-99, 4)]:
            case("StringSubstring", string=text, start=start, end=end)
        for find, new in [("", "-"), ("a", ""), ("l", "LL"), ("é", "e")]:
            case("StringReplace", string=text, find=find, replace=new)
        for part in ["", "WORLD", "ß", "本"]:
            for sensitive in [True, False]:
                case("StringContains", string=text, substring=part, case_sensitive=sensitive)
                for mode in ["Starts With", "Ends With", "Equal"]:
                    case("StringCompare", string_a=text, string_b=part, mode=mode, case_sensitive=sensitive)
    case("StringConcatenate", string_a="a", string_b="b", delimiter="")
    for value in [0, -7, 9223372036854775807, -9223372036854775807]:
        case("PrimitiveInt", value=value)
    for value in [0.0, -1.5, 1e16, 0.1]:
        case("PrimitiveFloat", value=value)
    for value in [True, False]:
        case("PrimitiveBoolean", value=value)


PATTERNS = [
    "", "a", "A+", "(l+)(o)?", "^.", ".$", r"\d+", r"\bwor", "x*", "|a", r"(\w)(\w)", r"(?P<first>\w)\w*", r"\s+", r"(.)\1",
    "(?<=l)o", "o(?! )", "[^a-z ]+", "[", "(", "*", "a{,2}", "{", r"\Z", "^b$", "(?i)WORLD", "(?s).+", "a|b|(c)",
    r"\u00e9", r"[\d\s]", "(?:b|c)+?", "a++", r"\p", "(x)?(?(1)y|h)",
]
LINES = ["", "hello World", "aaa b\nb\ncab\n", "abxd", "café 12 34\n", "a.b{c}[d]"]


def patterns(case):
    for pattern in PATTERNS:
        for text in LINES[1:]:
            case("RegexMatch", string=text, regex_pattern=pattern, case_insensitive=False, multiline=False, dotall=False)
            for mode in ["First Match", "All Matches", "All Groups"]:
                case("RegexExtract", string=text, regex_pattern=pattern, mode=mode, case_insensitive=True,
                     multiline=True, dotall=False, group_index=1)
            case("RegexReplace", string=text, regex_pattern=pattern, replace=r"<\g<0>\n>")
    for text in LINES:
        for index in [0, 1, 2, 3]:
            for mode in ["First Match", "All Matches", "First Group", "All Groups"]:
                case("RegexExtract", string=text, regex_pattern=r"(\w)(\w)", mode=mode, case_insensitive=True,
                     multiline=False, dotall=True, group_index=index)
        for flags in range(8):
            common = dict(case_insensitive=bool(flags & 1), multiline=bool(flags & 2), dotall=bool(flags & 4))
            case("RegexMatch", string=text, regex_pattern="^B.*B$", **common)
            case("RegexReplace", string=text, regex_pattern="^(?P<it>[AB]).*$", replace=r"[\1\g<it>$1]", count=1, **common)
    for replacement in [r"\1\2", r"\g<1>0", r"\0", r"\07", r"\3", r"\g<x>", r"\q", "\\", r"\\\.", "$1 {0}", r"\101", r"\11"]:
        for count in [0, 1, 2]:
            case("RegexReplace", string="hello World", regex_pattern=r"(\w)(\w)", replace=replacement, count=count,
                 case_insensitive=True, multiline=False, dotall=False)


def main():
    recorder = Recorder()
    for family in [resizing, making, adjusting, compositing, masking, strings, patterns]:
        family(recorder.case)
    recorder.write()


main()
