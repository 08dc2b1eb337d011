#!/usr/bin/env python3
"""Writes src/graph/native_nodes.json: the signatures of the ComfyUI classes that the native executor runs.

    python3 tests/tools/extract_native_nodes.py OBJECT_INFO.json > src/graph/native_nodes.json

OBJECT_INFO.json is the answer of a ComfyUI server to GET /object_info. Only facts that a graph is checked
against are kept (names, types, bounds, defaults, lists of values), no texts; lists of files on the server that
was asked are emptied.
"""

import json
import sys

CLASSES = """
LoadImage LoadImageMask EmptyImage ImageScale ImageScaleBy ImageScaleToTotalPixels ImageCrop ImagePadForOutpaint
ImageInvert ImageBlend ImageBlur ImageSharpen ImageQuantize ImageBatch RepeatImageBatch ImageFromBatch
ImageCompositeMasked PorterDuffImageComposite SolidMask InvertMask CropMask MaskComposite FeatherMask GrowMask
ThresholdMask MaskToImage ImageToMask ImageColorToMask JoinImageWithAlpha SplitImageWithAlpha SaveImage PreviewImage
GetImageSize ImageFlip ImageRotate
PrimitiveString PrimitiveStringMultiline PrimitiveInt PrimitiveFloat PrimitiveBoolean
StringConcatenate StringSubstring StringLength CaseConverter StringTrim StringReplace StringContains StringCompare
RegexMatch RegexExtract RegexReplace
""".split()

KEYS = ["input", "input_order", "output", "output_is_list", "output_name", "name", "display_name", "category", "output_node"]
TEXTS = {"tooltip", "display", "dynamicPrompts"}


def clean(spec):
    """One input without texts and machine-specific lists."""
    if isinstance(spec, str):
        return spec
    kind, *rest = spec[:2]
    options = {k: v for k, v in (rest[0] if rest else {}).items() if k not in TEXTS}
    if isinstance(kind, list):
        options = {"options": kind, **options}
        kind = "COMBO"
    if kind == "COMBO" and any(k.endswith("_upload") for k in options):
        options["options"] = []
    if options.get("multiselect") is False:
        del options["multiselect"]
    return [kind, options] if options else [kind]


def extract(info):
    missing = [name for name in CLASSES if name not in info]
    if missing:
        sys.exit(f"the file has no {', '.join(missing)}")
    result = {}
    for name in CLASSES:
        entry = {key: info[name][key] for key in KEYS}
        entry["input"] = {
            section: {i: spec if section == "hidden" else clean(spec) for i, spec in inputs.items()}
            for section, inputs in entry["input"].items()
        }
        result[name] = entry
    return result


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        entries = extract(json.load(file))
    lines = [f" {json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in entries.items()]
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
