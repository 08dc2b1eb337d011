#!/usr/bin/env python3
"""Writes fixtures/graph/server-0.33.0.json: what a ComfyUI server with the models of the shipped presets would say.

    python3 tests/tools/trim_object_info.py OBJECT_INFO.json > fixtures/graph/server-0.33.0.json

OBJECT_INFO.json is the answer of a ComfyUI 0.33.0 server to GET /object_info. Of its classes those are kept that
comfywright runs by itself, and those that a document in pipelines/, fixtures/presets/ or fixtures/import/ names; of each, only what a
graph is checked against. The lists of model files hold the names below and not those of the server that was asked.
"""

import json
import re
import sys
from pathlib import Path

from extract_native_nodes import CLASSES, KEYS, clean

ROOT = Path(__file__).resolve().parent.parent.parent

# Classes of graphs that documents do not name: what `upscale` with a model and declared outputs become.
LOWERED = ["ImageUpscaleWithModel", "SaveAudio", "SaveLatent", "SaveVideo", "UpscaleModelLoader"]

CHECKPOINTS = ["512-inpainting-ema.safetensors", "sd_xl_base_1.0.safetensors", "v1-5-pruned-emaonly-fp16.safetensors"]
ENCODERS = ["clip_l.safetensors", "t5xxl_fp16.safetensors"]
LORAS = ["sd_xl_offset_example-lora_1.0.safetensors"]
FILES = {
    ("CheckpointLoaderSimple", "ckpt_name"): CHECKPOINTS,
    ("ControlNetLoader", "control_net_name"): ["control_v11p_sd15_canny_fp16.safetensors"],
    ("DualCLIPLoader", "clip_name1"): ENCODERS,
    ("DualCLIPLoader", "clip_name2"): ENCODERS,
    ("LoraLoader", "lora_name"): LORAS,
    ("LoraLoaderModelOnly", "lora_name"): LORAS,
    ("UNETLoader", "unet_name"): ["flux1-dev.safetensors"],
    ("UpscaleModelLoader", "model_name"): ["RealESRGAN_x4plus.safetensors"],
    ("VAELoader", "vae_name"): ["ae.safetensors", "pixel_space"],
}


def named_classes(info):
    """Names of classes that are words of a document."""
    documents = [path for folder in ("pipelines", "fixtures/presets", "fixtures/import") for path in sorted((ROOT / folder).rglob("*.*"))]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in documents if path.suffix in (".toml", ".kdl", ".json")]
    words = {word for text in texts for word in re.findall(r"[A-Za-z0-9_]+", text)}
    return words & set(info)


def trimmed(info, name):
    entry = {key: info[name][key] for key in KEYS if key in info[name]}
    entry["input"] = {
        section: {i: spec if section == "hidden" else clean(spec) for i, spec in inputs.items()}
        for section, inputs in entry["input"].items()
    }
    for (owner, name_of_input), files in FILES.items():
        if owner == name:
            # A list in the old form, which says that it is complete.
            entry["input"]["required"][name_of_input] = [files]
    return entry


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        info = json.load(file)
    names = sorted({*CLASSES, *LOWERED, *(owner for owner, _ in FILES), *named_classes(info)})
    missing = [name for name in names if name not in info]
    if missing:
        sys.exit(f"the file has no {', '.join(missing)}")
    lines = [f" {json.dumps(name)}: {json.dumps(trimmed(info, name), ensure_ascii=False)}" for name in names]
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
