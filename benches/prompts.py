#!/usr/bin/env python3
"""Time of `comfywright run` for many short prompts, beside a bare script that posts them itself.

    cargo build --release
    python3 tests/comfyui/server.py run -- python3 benches/prompts.py [--prompts 60] [--rounds 3] [--steps 12]

Both let the ComfyUI at COMFYWRIGHT_TEST_SERVER really sample: a checkpoint of random weights, 64 x 64,
as many steps as make a prompt of about 0.3 s, with a seed of its own for each, so that nothing comes
out of a cache. The script posts all prompts, waits for each in turn and fetches its picture, over one
connection. comfywright starts as a whole process, plans, submits, follows, fetches, hashes, and commits
every result to its ledger. They take turns; the figure is the ratio of the medians.

Prints all times. Exits 1 when comfywright takes more than 1.05 times as long. Needs only the standard
library (Linux or macOS).
"""

import argparse
import http.client
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import measure

LIMIT = 1.05
CHECKPOINT = "tiny-sd15.ckpt"

PRESET = """kind = "preset"
format = 1
name = "tiny"
version = "1.0.0"

[params.seed]
type = "seed"
role = "seed"
default = 0

[node.checkpoint.CheckpointLoaderSimple]
ckpt_name = "{checkpoint}"

[node.positive.CLIPTextEncode]
clip = "@checkpoint.CLIP"
text = "a lighthouse"

[node.negative.CLIPTextEncode]
clip = "@checkpoint.CLIP"
text = ""

[node.latent.EmptyLatentImage]
width = 64
height = 64
batch_size = 1

[node.sampler.KSampler]
model = "@checkpoint.MODEL"
positive = "@positive.CONDITIONING"
negative = "@negative.CONDITIONING"
latent_image = "@latent.LATENT"
seed = "{{seed}}"
steps = {steps}
cfg = 5.0
sampler_name = "euler"
scheduler = "normal"
denoise = 1.0

[node.decode.VAEDecode]
samples = "@sampler.LATENT"
vae = "@checkpoint.VAE"

[outputs]
image = "@decode.IMAGE"
"""


def graph(seed: int, steps: int) -> dict:
    def node(class_type: str, **inputs: object) -> dict:
        return {"class_type": class_type, "inputs": inputs}

    return {
        "checkpoint": node("CheckpointLoaderSimple", ckpt_name=CHECKPOINT),
        "positive": node("CLIPTextEncode", clip=["checkpoint", 1], text="a lighthouse"),
        "negative": node("CLIPTextEncode", clip=["checkpoint", 1], text=""),
        "latent": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "sampler": node(
            "KSampler", model=["checkpoint", 0], positive=["positive", 0], negative=["negative", 0],
            latent_image=["latent", 0], seed=seed, steps=steps, cfg=5.0, sampler_name="euler", scheduler="normal",
            denoise=1.0),
        "decode": node("VAEDecode", samples=["sampler", 0], vae=["checkpoint", 2]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix=f"bare/{seed}"),
    }


class Bare:
    """What a person would write: post all, wait for each in turn, fetch what it made."""

    def __init__(self, address: str):
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        headers = {"Content-Type": "application/json"}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            sys.exit(f"{method} {path}: {answer.status} {content[:500]!r}")
        return content

    def run(self, seeds: range, steps: int, folder: Path) -> None:
        prompts = [{"prompt": graph(seed, steps), "extra_data": {"extra_pnginfo": {"workflow": {}}}} for seed in seeds]
        ids = [json.loads(self.ask("POST", "/prompt", prompt))["prompt_id"] for prompt in prompts]
        for prompt_id in ids:
            while not (history := json.loads(self.ask("GET", f"/history/{prompt_id}"))):
                time.sleep(0.02)
            for output in history[prompt_id]["outputs"].values():
                for image in output["images"]:
                    path = folder / f"{prompt_id}-{image['filename']}"
                    path.write_bytes(self.ask("GET", f"/view?{urlencode(image)}"))


def comfywright(binary: Path, folder: Path, seeds: range) -> float:
    command = [binary, "run", "tiny", "--seeds", f"{seeds.start}..{seeds.stop - 1}", "--server", "bench", "--json"]
    result = measure.run(command, folder)
    answer = json.loads(result.output)
    made = answer["data"]["counts"].get("done", 0)
    if not answer["ok"] or made != len(seeds):
        sys.exit(f"comfywright made {made} of {len(seeds)}:\n{json.dumps(answer, indent=1)[:3000]}")
    return result.wall


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--prompts", type=int, default=60)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=12)
    arguments.add_argument("--binary", type=Path, default=measure.BINARY)
    options = arguments.parse_args()
    binary = options.binary.resolve()
    address = os.environ.get("COMFYWRIGHT_TEST_SERVER") or sys.exit("COMFYWRIGHT_TEST_SERVER is not set")
    bare, ours, theirs, seed = Bare(address), [], [], 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pipelines").mkdir()
        (folder / "fetched").mkdir()
        (folder / "comfywright.toml").write_text(f'[server.bench]\nurl = "{address}"\n')
        (folder / "pipelines" / "tiny.toml").write_text(PRESET.format(checkpoint=CHECKPOINT, steps=options.steps))
        # Both once before it counts: the checkpoint is loaded, the signatures are kept.
        bare.run(range(seed, seed + 2), options.steps, folder / "fetched")
        comfywright(binary, folder, range(seed + 2, seed + 4))
        seed += 4
        for _ in range(options.rounds):
            began = time.monotonic()
            bare.run(range(seed, seed + options.prompts), options.steps, folder / "fetched")
            theirs.append(time.monotonic() - began)
            seed += options.prompts
            ours.append(comfywright(binary, folder, range(seed, seed + options.prompts)))
            seed += options.prompts
            print(f"{options.prompts} prompts: bare script {theirs[-1]:6.2f} s "
                  f"({theirs[-1] / options.prompts:.3f} s each), comfywright {ours[-1]:6.2f} s")
    ratio = sorted(ours)[len(ours) // 2] / sorted(theirs)[len(theirs) // 2]
    return 0 if measure.verdict("comfywright over a bare script", ratio, LIMIT) else 1


if __name__ == "__main__":
    sys.exit(main())
