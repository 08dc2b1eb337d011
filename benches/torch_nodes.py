"""Times scaling, blur and composite of 2048 x 2048 pixels on one thread: torch against comfywright.

    COMFYUI_PYTHON benches/torch_nodes.py COMFYUI_FOLDER [cargo bench options, e.g. --profile dev]

COMFYUI_FOLDER is the one with nodes.py, COMFYUI_PYTHON the interpreter that runs it; cargo is needed,
too. Times ComfyUI's own node classes (scaling also as a bare torch interpolate on contiguous planes;
the faster one counts), runs `cargo bench --bench torch_nodes` and reads what it measured, times ComfyUI
again, and prints the ratio of the medians (above 1: comfywright is faster). Fails when one is below 1.

On a machine with other work, `echo -19 > /proc/self/autogroup` in the shell that starts it helps.
"""

import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
COMFYUI, CARGO_OPTIONS = os.path.abspath(sys.argv[1]), sys.argv[2:]
SIDE, ROUNDS = 2048, 7

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
sys.path.insert(0, COMFYUI)
sys.argv = [sys.argv[0], "--cpu"]
os.chdir(COMFYUI)

import comfy.options

comfy.options.enable_args_parsing()
import utils.extra_config  # as main.py does: afterwards nodes.py puts a folder with another `utils` in front

import nodes
import numpy as np
import torch

torch.set_num_threads(1)


def pictures():
    """The same picture and mask as in torch_nodes.rs."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    value = (x * 31 + y * 17 + (x // 64 + y // 64) % 2 * 128) % 256
    image = np.stack([value, (value + x // 16) % 256, (value + y // 16) % 256], -1).astype(np.float32) / 255
    mask = ((x + y) % 256).astype(np.float32) / 255
    return torch.from_numpy(image)[None], torch.from_numpy(mask)[None]


def functions():
    image, mask = pictures()
    destination, planes = image.flip(1, 2, 3).contiguous(), image.movedim(-1, 1).contiguous()
    blur = importlib.import_module("comfy_extras.nodes_post_processing").Blur
    paste = importlib.import_module("comfy_extras.nodes_mask").ImageCompositeMasked
    scale = nodes.ImageScale()

    def pasted(mask, x, y):
        if hasattr(paste, "execute"):
            return paste.execute(destination, image, x, y, False, mask)
        return paste().composite(destination, image, x, y, False, mask)

    found = {}
    for method in ("bicubic", "area"):
        for side in (1024, 1365, 3072):
            found[f"{method}_{side}"] = [
                lambda method=method, side=side: scale.upscale(image, method, side, side, "disabled"),
                lambda method=method, side=side: torch.nn.functional.interpolate(planes, size=(side, side), mode=method),
            ]
    for radius in (1, 5, 31):
        found[f"blur_{radius}"] = [lambda radius=radius: blur.execute(image, radius, 1.0)]
    found["composite"] = [lambda: pasted(None, 0, 0)]
    found["composite_mask"] = [lambda: pasted(mask, 0, 0)]
    found["composite_part"] = [lambda: pasted(mask, 300, 200)]
    return found


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(found, seconds):
    for name, variants in found.items():
        for index, function in enumerate(variants):
            function()
            seconds.setdefault((name, index), []).extend(timed(function) for _ in range(ROUNDS))


def main():
    found, seconds = functions(), {}
    with torch.inference_mode():
        measure(found, seconds)
        subprocess.run(["cargo", "bench", "--bench", "torch_nodes", *CARGO_OPTIONS], cwd=REPOSITORY, check=True)
        measure(found, seconds)
    metadata = subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=REPOSITORY)
    results = pathlib.Path(json.loads(metadata)["target_directory"]) / "criterion" / "torch_nodes"
    print(f"\n{'':16}{'torch ' + torch.__version__.split('+')[0]:>16}{'comfywright':>14}{'ratio':>8}")
    slower = []
    for name, variants in found.items():
        theirs = min(statistics.median(seconds[name, index]) for index in range(len(variants))) * 1e3
        ours = json.loads((results / name / "new" / "estimates.json").read_text())["median"]["point_estimate"] / 1e6
        print(f"{name:16}{theirs:13.1f} ms{ours:11.1f} ms{theirs / ours:8.2f}")
        if ours > theirs:
            slower.append(name)
    if slower:
        sys.exit(f"slower than torch: {', '.join(slower)}")


main()
