#!/usr/bin/env python3
"""Time of `comfywright check` on a workspace of 1,000 documents, beside `comfy-lint` (PyPI).

    cargo build --release
    python3 -m venv /tmp/comfy-lint && /tmp/comfy-lint/bin/pip install comfy-lint
    python3 benches/workspace.py --object-info FILE --comfy-lint /tmp/comfy-lint/bin/comfy-lint \
        [--binary PATH] [--rounds 5] [--keep FOLDER]

FILE is what a ComfyUI server answers to GET /object_info; both programs check against the same copy
of it, in which the model files that the graphs name exist.

A workspace of N documents has N/2 presets of 12 nodes (text to image with Stable Diffusion 1.5 in
two passes), N*2/5 chains of 4 tasks over 6 items, and N/10 others (templates, masks, A/B tests).
`comfy-lint` gets the graphs of the presets, of one item of each chain and of each test in API
format; templates and masks have none, so it has fewer files to read.

Prints min and median of several runs and the ratios. Exits 1 when the CPU time does not grow in line
with the number of documents, when one document takes more than 1/8 of comfy-lint's time, each as a
whole process, or when all take more than 1/4. Needs only the standard library (Linux or macOS).
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import measure

DOCUMENTS = 1000
LIMIT_ONE = 1 / 8
LIMIT_ALL = 1 / 4
LIMIT_GROWTH = 1.25  # time per document of the largest workspace over that of the smallest
CHECKPOINT, LORA = "sd15.safetensors", "detail.safetensors"

SUBJECTS = ["a lighthouse", "a red bicycle", "a bowl of cherries", "an old clock", "a wooden chair", "a paper boat"]

PRESET = """kind = "preset"
format = 1
name = "preset-{n}"
version = "1.0.0"
tags = ["bench"]

[params.subject]
type = "string"
role = "prompt"
default = "{subject}"

[params.seed]
type = "seed"
role = "seed"
default = {n}

[params.steps]
type = "int"
role = "steps"
default = {steps}
min = 1
max = 100

[node.checkpoint.CheckpointLoaderSimple]
ckpt_name = "{checkpoint}"

[node.detail.LoraLoader]
model = "@checkpoint.MODEL"
clip = "@checkpoint.CLIP"
lora_name = "{lora}"
strength_model = 0.8
strength_clip = 1.0

[node.skip.CLIPSetLastLayer]
clip = "@detail.CLIP"
stop_at_clip_layer = -2

[node.positive]
title = "Positive prompt"
[node.positive.CLIPTextEncode]
clip = "@skip.CLIP"
text = "photo of {{subject}}, softbox, 50 mm"

[node.negative.CLIPTextEncode]
clip = "@skip.CLIP"
text = "blurry, low quality, {n}"

[node.latent.EmptyLatentImage]
width = 512
height = 512
batch_size = 1

[node.first.KSampler]
model = "@detail.MODEL"
positive = "@positive.CONDITIONING"
negative = "@negative.CONDITIONING"
latent_image = "@latent.LATENT"
seed = "{{seed}}"
steps = "{{steps}}"
cfg = 7.0
sampler_name = "euler"
scheduler = "normal"
denoise = 1.0

[node.larger.LatentUpscaleBy]
samples = "@first.LATENT"
upscale_method = "bislerp"
scale_by = 1.5

[node.second.KSampler]
model = "@detail.MODEL"
positive = "@positive.CONDITIONING"
negative = "@negative.CONDITIONING"
latent_image = "@larger.LATENT"
seed = "{{seed}}"
steps = "{{steps}}"
cfg = 7.0
sampler_name = "dpmpp_2m"
scheduler = "karras"
denoise = 0.5

[node.decode.VAEDecode]
samples = "@second.LATENT"
vae = "@checkpoint.VAE"

[node.sharpen.ImageSharpen]
image = "@decode.IMAGE"
sharpen_radius = 1
sigma = 1.0
alpha = 0.3

[node.save.SaveImage]
images = "@sharpen.IMAGE"
filename_prefix = "preset-{n}"

[outputs]
image = "@sharpen.IMAGE"
"""

CHAIN = """kind = "chain"
format = 1
name = "chain-{n}"
version = "1.0.0"
parallel = 4

[vars]
style = "style {n}"

[defaults]
retry = {{ max = 2, on = "transient", backoff = "5s..2m" }}

[task.generate]
type = "generate"
preset = "preset-{preset}@1"
with.subject = "{{product}}, {{angle}}, {{style}}"
with.seed = "{{hash(product, angle)}}"

[task.generate.foreach]
product = ["cup", "lamp", "chair"]
angle = ["front", "top"]

[task.fit]
type = "resize"
depends_on = ["generate"]
with.width = 640
with.height = 640

[task.finish]
type = "adjust"
depends_on = ["fit"]
with.sharpen = 0.3
route = [
  {{ on = "error", to = "@retry", times = 1 }},
  {{ if = "width < 16", to = "@skip" }},
]

[task.enlarge]
type = "upscale"
depends_on = ["finish"]
with.scale = 2
"""

TEMPLATE = """kind = "template"
format = 1
name = "template-{n}"
version = "1.0.0"
text = "a {{style}} picture of {{subject}}, {n}"

[params.style]
type = "enum"
values = ["bright", "dark"]
default = "dark"

[params.subject]
type = "string"
min_length = 1

[[examples]]
style = "bright"
subject = "{subject}"
"""

MASK = """kind = "mask"
format = 1
name = "mask-{n}"
version = "1.0.0"

[[layer]]
name = "backdrop"
color = "#00ff00"
threshold = 0.2

[[layer]]
name = "label"
box = [8, 8, 40, {n}]
blend = "subtract"
feather = 2
"""

AB_TEST = """kind = "ab_test"
format = 1
name = "study-{n}"
version = "1.0.0"
preset = "preset-{preset}@1"
base_prompt = "portrait with {{lighting}} lighting"
samples_per_variation = 10
seeds = {{ from = 1 }}

[variations]
soft = {{ lighting = "soft" }}
hard = {{ lighting = "hard" }}
"""


def node(class_type: str, **inputs: object) -> dict:
    return {"class_type": class_type, "inputs": inputs}


def preset_graph(n: int, subject: str, seed: int) -> dict:
    """The graph of preset `n` in API format."""
    sampler = {"model": ["detail", 0], "positive": ["positive", 0], "negative": ["negative", 0], "seed": seed,
               "steps": steps_of(n), "cfg": 7.0}
    return {
        "checkpoint": node("CheckpointLoaderSimple", ckpt_name=CHECKPOINT),
        "detail": node("LoraLoader", model=["checkpoint", 0], clip=["checkpoint", 1], lora_name=LORA,
                       strength_model=0.8, strength_clip=1.0),
        "skip": node("CLIPSetLastLayer", clip=["detail", 1], stop_at_clip_layer=-2),
        "positive": node("CLIPTextEncode", clip=["skip", 0], text=f"photo of {subject}, softbox, 50 mm"),
        "negative": node("CLIPTextEncode", clip=["skip", 0], text=f"blurry, low quality, {n}"),
        "latent": node("EmptyLatentImage", width=512, height=512, batch_size=1),
        "first": node("KSampler", **sampler, latent_image=["latent", 0], sampler_name="euler", scheduler="normal",
                      denoise=1.0),
        "larger": node("LatentUpscaleBy", samples=["first", 0], upscale_method="bislerp", scale_by=1.5),
        "second": node("KSampler", **sampler, latent_image=["larger", 0], sampler_name="dpmpp_2m",
                       scheduler="karras", denoise=0.5),
        "decode": node("VAEDecode", samples=["second", 0], vae=["checkpoint", 2]),
        "sharpen": node("ImageSharpen", image=["decode", 0], sharpen_radius=1, sigma=1.0, alpha=0.3),
        "save": node("SaveImage", images=["sharpen", 0], filename_prefix=f"preset-{n}"),
    }


def chain_graph(n: int, preset: int) -> dict:
    """The graphs of the four tasks of chain `n` for one item, in one graph."""
    return preset_graph(preset, f"cup, front, style {n}", n) | {
        "fit": node("ImageScale", image=["sharpen", 0], upscale_method="lanczos", width=640, height=640,
                    crop="disabled"),
        "finish": node("ImageSharpen", image=["fit", 0], sharpen_radius=1, sigma=1.0, alpha=0.3),
        "enlarge": node("ImageScaleBy", image=["finish", 0], upscale_method="lanczos", scale_by=2.0),
        "save": node("SaveImage", images=["enlarge", 0], filename_prefix=f"chain-{n}"),
    }


def subject_of(n: int) -> str:
    return SUBJECTS[n % len(SUBJECTS)]


def steps_of(n: int) -> int:
    return 20 + n % 10


def other(n: int, presets: int) -> tuple[str, dict | None]:
    """A template, a mask or a test in turn, with the graph of the test."""
    match n % 3:
        case 0:
            return TEMPLATE.format(n=n, subject=subject_of(n)), None
        case 1:
            return MASK.format(n=n + 48), None
        case _:
            text = AB_TEST.format(n=n, preset=n % presets)
            return text, preset_graph(n % presets, "portrait with soft lighting", 1)


def documents(count: int) -> list[tuple[str, str, dict | None]]:
    """Path below `pipelines/`, text, and graph of each document of a workspace."""
    presets, chains = count // 2, count * 2 // 5
    made: list[tuple[str, str, dict | None]] = []
    for n in range(presets):
        text = PRESET.format(n=n, subject=subject_of(n), steps=steps_of(n), checkpoint=CHECKPOINT, lora=LORA)
        made.append((f"presets/preset-{n}.toml", text, preset_graph(n, subject_of(n), n)))
    for n in range(chains):
        made.append((f"chains/chain-{n}.toml", CHAIN.format(n=n, preset=n % presets), chain_graph(n, n % presets)))
    for n in range(count - presets - chains):
        made.append((f"others/other-{n}.toml", *other(n, presets)))
    return made


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def make_workspace(folder: Path, count: int) -> list[Path]:
    """Writes a workspace and its graphs; gives the files of the graphs."""
    graphs = []
    write(folder / "comfywright.toml", "")
    for name, text, graph in documents(count):
        write(folder / "pipelines" / name, text)
        if graph is not None:
            path = (folder / "graphs" / name).with_suffix(".json")
            write(path, json.dumps(graph, indent=2))
            graphs.append(path)
    return graphs


def with_models(object_info: Path) -> str:
    """The node signatures, with the model files that the graphs name."""
    signatures = json.loads(object_info.read_text(encoding="utf-8"))
    for class_type, key, file in [("CheckpointLoaderSimple", "ckpt_name", CHECKPOINT), ("LoraLoader", "lora_name", LORA)]:
        signatures[class_type]["input"]["required"][key] = [[file], {}]
    return json.dumps(signatures)


def check(binary: Path, folder: Path, paths: list[str], object_info: Path, rounds: int) -> list[measure.Usage]:
    command = [binary, "check", *paths, "--object-info", object_info, "--json"]
    results = measure.repeated(command, folder, rounds)
    answer = json.loads(results[-1].output)
    if not answer["ok"] or answer["diagnostics"]:
        sys.exit(f"comfywright finds faults:\n{json.dumps(answer, indent=1)[:3000]}")
    return results


def comfy_lint(program: Path, folder: Path, files: list[Path], object_info: Path, rounds: int) -> list[measure.Usage]:
    return measure.repeated([program, "--schema-cache", object_info, "--json", *files], folder, rounds)


def show(what: str, results: list[measure.Usage]) -> list[measure.Usage]:
    print(f"{what:44} {measure.summary(results)}   peak {max(r.peak_mib for r in results):6.1f} MiB")
    return results


def growth(binary: Path, root: Path, object_info: Path, rounds: int) -> bool:
    """Whether the CPU time per document stays the same as workspaces grow."""
    sizes = [DOCUMENTS // 4, DOCUMENTS // 2, DOCUMENTS]
    times = []
    for size in sizes:
        folder = root / f"workspace-{size}"
        make_workspace(folder, size)
        results = show(f"comfywright check, workspace of {size}", check(binary, folder, [], object_info, rounds))
        times.append(min(result.cpu for result in results))
    # CPU time, which other work on the machine disturbs least. What every run costs however small
    # (reading the signatures) is left out by taking differences.
    slopes = [(times[i + 1] - times[i]) / (sizes[i + 1] - sizes[i]) for i in (0, 1)]
    print(f"{'':44} {slopes[0] * 1e6:.0f} and {slopes[1] * 1e6:.0f} us of CPU for each further document")
    return measure.verdict("time of a further document, second half over first", slopes[1] / slopes[0], LIMIT_GROWTH)


def beside_comfy_lint(options: argparse.Namespace, root: Path, object_info: Path) -> bool:
    binary, program, rounds = options.binary, options.comfy_lint, options.rounds
    folder = root / "side-by-side"
    graphs = make_workspace(folder, DOCUMENTS)
    one = "pipelines/presets/preset-0.toml"
    ours_one = show("comfywright check, one document", check(binary, folder, [one], object_info, rounds))
    theirs_one = show("comfy-lint, one graph", comfy_lint(program, folder, graphs[:1], object_info, rounds))
    ours = show(f"comfywright check, {DOCUMENTS} documents", check(binary, folder, [], object_info, rounds))
    theirs = show(f"comfy-lint, {len(graphs)} graphs in one process",
                  comfy_lint(program, folder, graphs, object_info, rounds))
    for what, mine, other in [("one document", ours_one, theirs_one), ("all documents", ours, theirs)]:
        print(f"       {what}, CPU over CPU: {measure.median_cpu(mine) / measure.median_cpu(other):.3g}")
    one_over = measure.median_wall(ours_one) / measure.median_wall(theirs_one)
    all_over = measure.median_wall(ours) / measure.median_wall(theirs)
    holds = [
        measure.verdict("one document, comfywright over comfy-lint", one_over, LIMIT_ONE),
        measure.verdict("all documents, comfywright over comfy-lint", all_over, LIMIT_ALL),
    ]
    return all(holds)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--object-info", type=Path, required=True, help="answer of GET /object_info, as a file")
    arguments.add_argument("--comfy-lint", type=Path, help="the program; without it only comfywright is timed")
    arguments.add_argument("--binary", type=Path, default=measure.BINARY)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--keep", type=Path, help="make the workspaces here and leave them")
    options = arguments.parse_args()
    options.binary = options.binary.resolve()
    with tempfile.TemporaryDirectory() as name:
        root = (options.keep or Path(name)).resolve()
        object_info = root / "object_info.json"
        write(object_info, with_models(options.object_info))
        if options.comfy_lint:
            # Without resolving: the program of a virtual environment may be a link.
            options.comfy_lint = options.comfy_lint.absolute()
        linear = growth(options.binary, root, object_info, options.rounds)
        faster = beside_comfy_lint(options, root, object_info) if options.comfy_lint else True
    return 0 if linear and faster else 1


if __name__ == "__main__":
    sys.exit(main())
