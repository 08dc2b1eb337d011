"""Times Lanczos resizing, 4096x4096 to 1536x1536 on one thread: Pillow against comfywright.

    python benches/lanczos_vs_pillow.py [cargo bench options, e.g. --profile dev]

Needs Pillow and numpy, and cargo. Times Pillow, runs `cargo bench --bench lanczos` and reads what it
measured, times Pillow again, and prints the ratio of the medians (above 1: comfywright is faster).
`rgb_node` is the whole ImageScale node: floats to bytes, resize, bytes to floats.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
from PIL import Image, __version__

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
OLD, NEW, ROUNDS = 4096, (1536, 1536), 5


def picture():
    """The same picture as in lanczos.rs, with 4 channels."""
    y, x = np.mgrid[0:OLD, 0:OLD]
    value = (x * 31 + y * 17 + (x // 64 + y // 64) % 2 * 128) % 256
    return np.stack([value, (value + x // 16) % 256, (value + y // 16) % 256, 64 + (x + y) % 192], -1).astype(np.uint8)


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def node(floats):
    """comfy.utils.lanczos without torch."""
    image = Image.fromarray(np.clip(255.0 * floats, 0, 255).astype(np.uint8))
    return np.array(image.resize(NEW, Image.Resampling.LANCZOS)).astype(np.float32) / 255.0


def main():
    pixels = picture()
    gray, rgb, rgba = (Image.fromarray(np.ascontiguousarray(part)) for part in (pixels[..., 0], pixels[..., :3], pixels))
    floats = pixels[..., :3].astype(np.float32) / 255.0
    functions = {
        "gray_bytes": lambda: gray.resize(NEW, Image.Resampling.LANCZOS),
        "rgb_bytes": lambda: rgb.resize(NEW, Image.Resampling.LANCZOS),
        "rgba_bytes": lambda: rgba.resize(NEW, Image.Resampling.LANCZOS),
        "rgb_node": lambda: node(floats),
    }
    pillow = {name: [timed(function) for _ in range(ROUNDS)] for name, function in functions.items()}
    subprocess.run(["cargo", "bench", "--bench", "lanczos", *sys.argv[1:]], cwd=REPOSITORY, check=True)
    for name, function in functions.items():
        pillow[name] += [timed(function) for _ in range(ROUNDS)]
    metadata = subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=REPOSITORY)
    results = pathlib.Path(json.loads(metadata)["target_directory"]) / "criterion" / "lanczos"
    print(f"\n{'':12}{'Pillow ' + __version__:>16}{'comfywright':>14}{'ratio':>8}")
    for name, seconds in pillow.items():
        theirs = statistics.median(seconds) * 1e3
        ours = json.loads((results / name / "new" / "estimates.json").read_text())["median"]["point_estimate"] / 1e6
        print(f"{name:12}{theirs:13.1f} ms{ours:11.1f} ms{theirs / ours:8.2f}")


main()
