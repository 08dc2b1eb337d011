"""Times the arithmetic of layers at 4096x4096: OpenCV against comfywright, in one run, on all cores of both.

    python benches/layers.py [the program of benches/layers.rs; else cargo bench builds it]

Needs opencv-python-headless and numpy. OpenCV does the same in 32-bit floats: a blend, a feather of 64 pixels by two
exact distance transforms, and eight layers one after the other. Prints the medians and their ratio (below 1:
comfywright is faster).
"""

import json
import pathlib
import statistics
import subprocess
import sys
import time

import cv2
import numpy as np

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SIDE, ROUNDS, RADIUS = 4096, 7, 64.0


def pattern(number):
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return (((x * (number + 3) + y * (2 * number + 1)) // 8) % 256).astype(np.float32) / 255


def discs():
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return ((x % 512 - 256) ** 2 + (y % 512 - 256) ** 2 < 180**2).astype(np.uint8)


def mix(below, joined, weight):
    """Within 0 to 1, then weighted."""
    cv2.min(cv2.max(joined, 0.0, dst=joined), 1.0, dst=joined)
    return cv2.addWeighted(below, 1 - weight, joined, weight, 0)


def screen(a, b):
    return cv2.subtract(cv2.add(a, b), cv2.multiply(a, b))


MODES = [screen, cv2.add, cv2.subtract, cv2.multiply, cv2.max, cv2.min, cv2.absdiff, screen]


def composite(masks):
    whole = cv2.multiply(masks[0], 0.75)
    for mask, mode in list(zip(masks, MODES))[1:]:
        whole = mix(whole, mode(whole, mask), 0.75)
    return whole


def feather(mask):
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    signed = cv2.subtract(inside, outside)
    ramp = cv2.addWeighted(signed, 0.5 / RADIUS, signed, 0, 0.5)
    return cv2.min(cv2.max(ramp, 0.0), 1.0)


def timed(function):
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def ours():
    command = sys.argv[1:] or ["cargo", "bench", "--bench", "layers"]
    out = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {row["name"]: row["ms"] for row in rows}


def main():
    masks, hard = [pattern(number) for number in range(8)], discs()
    work = {
        "blend": lambda: mix(masks[0], screen(masks[0], masks[1]), 0.5),
        "feather": lambda: feather(hard),
        "composite": lambda: composite(masks),
    }
    before = {name: timed(function) for name, function in work.items()}
    found = ours()
    after = {name: timed(function) for name, function in work.items()}
    print(f"OpenCV {cv2.__version__}, {cv2.getNumThreads()} threads")
    for name in work:
        theirs = (before[name] + after[name]) / 2
        print(f"{name:10} OpenCV {theirs:8.1f} ms  comfywright {found[name]:8.1f} ms  ratio {found[name] / theirs:.2f}")


if __name__ == "__main__":
    main()
